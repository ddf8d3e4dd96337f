// Questions to the exporter that the page came from, and to nobody else.

/** Asks for a path beside the page. A password that the browser was given for the page goes with it. */
export function ask(path, options = {}) {
  // Without the user and password that may stand in the page's own address: no question may carry them there.
  const beside = new URL(path, location.origin + location.pathname);
  return fetch(beside, { cache: "no-store", ...options });
}
