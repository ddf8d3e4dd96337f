// Description lists: names and values, written anew each second without building them anew.

/** Writes `[name, value]` pairs into a `<dl>`, each in a `<div>` of its own. */
export function pairs(id, lines) {
  fill(document.getElementById(id), lines.length, (group, i) => {
    const [name, value] = group.children;
    set(name, lines[i][0]);
    set(value, lines[i][1]);
  });
}

/** The same, without those that have no value. */
export function describe(id, lines) {
  pairs(id, lines.filter(([, value]) => value));
}

/** Writes `[name, share, value]` as bars; a share is from 0 to 1. */
export function bars(id, lines) {
  const list = document.getElementById(id);
  fill(list, lines.length, (group, i) => {
    const [name, value] = group.children;
    const [label, share, text] = lines[i];
    set(name, String(label));
    let bar = value.firstElementChild;
    if (!bar) {
      bar = document.createElement("span");
      bar.className = "bar";
      bar.append(document.createElement("span"));
      value.replaceChildren(bar, document.createElement("span"));
    }
    bar.firstElementChild.className = "fill";
    bar.firstElementChild.style.width = `${Math.round(share * 1000) / 10}%`;
    set(value.lastElementChild, text);
  });
}

function fill(list, length, write) {
  while (list.children.length > length) list.lastElementChild.remove();
  while (list.children.length < length) {
    const group = document.createElement("div");
    group.append(document.createElement("dt"), document.createElement("dd"));
    list.append(group);
  }
  [...list.children].forEach(write);
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
