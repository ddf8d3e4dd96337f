// The token that an exporter may ask for. It is kept by this tab alone, and only ever sent to where the page came from.

const KEY = "cpumon-token";

/** The header that carries the token, if there is one. */
export function authorization() {
  const token = sessionStorage.getItem(KEY);
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Asks for the token; done when one was given. */
export function askToken() {
  const form = document.getElementById("token");
  const input = document.getElementById("token-text");
  form.hidden = false;
  input.focus();
  return new Promise((resolve) => {
    const given = (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, input.value.trim());
      input.value = "";
      form.hidden = true;
      form.removeEventListener("submit", given);
      resolve();
    };
    form.addEventListener("submit", given);
  });
}
