// The list of agents: any order, any number of them. Only the rows that are in sight exist.

import { DASH, decimal, moment, percent, span } from "./format.js";
import { sparkline } from "./draw.js";

/** The height of a row in pixels, as the style sheet has it. */
const ROW = 34;

/** How many rows are kept ready above and below what is in sight. */
const SPARE = 4;

/** How many seconds the sparkline shows. */
const TREND = 120;

/** The order is made anew after so many seconds, and not while somebody points at the list or is in it. */
const ORDER_EVERY = 3;

export class List {
  #fleet;
  #palette;
  #root = document.getElementById("table");
  #body = document.getElementById("rows");
  #none = document.getElementById("none");
  #span = document.getElementById("trend-span");
  #filter = document.getElementById("filter");
  #chips = [...document.querySelectorAll("#chips button")];
  #show = "all";
  #sort = { key: "utilization", descending: true };
  #order = [];
  #orderedAt = 0;
  #generation = -1;
  #current = 0;
  #rows = new Map();
  #pool = [];
  #trend = new Float32Array(TREND);
  #isPointedAt = false;

  constructor(fleet, palette) {
    this.#fleet = fleet;
    this.#palette = palette;
    palette.onChange(() => this.draw());
    addEventListener("scroll", () => this.#place(), { passive: true });
    addEventListener("resize", () => this.#place());
    this.#filter.addEventListener("input", () => this.#rearrange());
    for (const chip of this.#chips) chip.addEventListener("click", () => this.show(chip.dataset.show));
    for (const button of this.#root.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => this.#sortBy(button.dataset.sort));
    }
    this.#body.addEventListener("pointerenter", () => (this.#isPointedAt = true));
    this.#body.addEventListener("pointerleave", () => (this.#isPointedAt = false));
    this.#body.addEventListener("keydown", (event) => this.#key(event));
    this.#body.addEventListener("focusin", (event) => this.#focused(event.target.closest("[role=row]")));
  }

  /** Shows `all`, those that are `busy` or those that are `down`. */
  show(which) {
    this.#show = which;
    for (const chip of this.#chips) chip.setAttribute("aria-pressed", chip.dataset.show === which);
    this.#rearrange();
  }

  /** Shows the last second. */
  draw() {
    const isHeld = this.#isPointedAt || this.#body.contains(document.activeElement);
    const isDue = !isHeld && this.#fleet.time - this.#orderedAt >= ORDER_EVERY * 1000;
    if (isDue || this.#generation !== this.#fleet.generation) this.#arrange();
    this.#place();
    set(this.#span, this.#fleet.window(TREND) === 60 ? "Last minute" : "Last 2 minutes");
    for (const [index, row] of this.#rows) this.#fill(row, index);
  }

  #rearrange() {
    this.#arrange();
    this.#place();
    for (const [index, row] of this.#rows) this.#fill(row, index);
  }

  #sortBy(key) {
    const isSame = this.#sort.key === key;
    this.#sort = { key, descending: isSame ? !this.#sort.descending : key !== "name" };
    for (const button of this.#root.querySelectorAll("[data-sort]")) {
      const order = button.dataset.sort !== key ? "none" : this.#sort.descending ? "descending" : "ascending";
      button.parentElement.setAttribute("aria-sort", order);
    }
    this.#rearrange();
  }

  /** Puts the agents in order, those without a number last. */
  #arrange() {
    const fleet = this.#fleet;
    const wanted = this.#filter.value.trim().toLowerCase();
    const isShown = {
      all: () => true,
      busy: (place) => fleet.utilization[place] > fleet.warning,
      down: (place) => fleet.state[place] === 1,
    }[this.#show];
    const order = [...fleet.byName()].filter(
      (place) => isShown(place) && (!wanted || fleet.names[place].toLowerCase().includes(wanted)),
    );
    const { key, descending } = this.#sort;
    if (key === "name") {
      if (descending) order.reverse();
    } else {
      // The order by name stays among equals.
      const values = fleet[key];
      const rank = descending
        ? (place) => (Number.isNaN(values[place]) ? Infinity : -values[place])
        : (place) => (Number.isNaN(values[place]) ? Infinity : values[place]);
      const ranks = new Float32Array(values.length);
      for (const place of order) ranks[place] = rank(place);
      order.sort((a, b) => ranks[a] - ranks[b] || 0);
    }
    this.#order = order;
    this.#orderedAt = fleet.time;
    this.#generation = fleet.generation;
    this.#current = Math.min(this.#current, Math.max(0, order.length - 1));
    this.#body.style.height = `${order.length * ROW}px`;
    this.#root.setAttribute("aria-rowcount", order.length + 1);
    this.#none.hidden = order.length > 0;
  }

  /** Has a row for each agent in sight, and for the one that the keyboard is at. */
  #place() {
    const top = this.#body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / ROW) - SPARE);
    const last = Math.min(this.#order.length, Math.ceil((innerHeight - top) / ROW) + SPARE);
    const hasFocus = this.#body.contains(document.activeElement);
    for (const [index, row] of this.#rows) {
      const isWanted = index >= first && index < last;
      if (isWanted || (hasFocus && index === this.#current && index < this.#order.length)) continue;
      this.#rows.delete(index);
      row.element.remove();
      this.#pool.push(row);
    }
    for (let index = first; index < last; index++) this.#row(index);
    // One of them can be reached with the tabulator; the arrows lead to the others.
    if (!this.#rows.has(this.#current) && first < last) this.#current = first;
    for (const [index, row] of this.#rows) row.link.tabIndex = index === this.#current ? 0 : -1;
  }

  #row(index) {
    let row = this.#rows.get(index);
    if (row) return row;
    row = this.#pool.pop() ?? makeRow();
    row.element.style.top = `${index * ROW}px`;
    row.element.setAttribute("aria-rowindex", index + 2);
    row.index = index;
    this.#rows.set(index, row);
    // In the document they stand in the order of the list, whatever order they came in.
    const after = [...this.#rows.keys()].filter((other) => other > index).sort((a, b) => a - b)[0];
    this.#body.insertBefore(row.element, this.#rows.get(after)?.element ?? null);
    this.#fill(row, index);
    return row;
  }

  #fill(row, index) {
    const fleet = this.#fleet;
    const place = this.#order[index];
    const name = fleet.names[place];
    if (name === undefined) return;
    set(row.link, name);
    const href = `#/agent/${encodeURIComponent(name)}`;
    if (row.link.getAttribute("href") !== href) row.link.setAttribute("href", href);
    const state = fleet.stateOf(place);
    row.element.dataset.state = state;
    const value = fleet.utilization[place];
    set(row.cpu, percent(value));
    row.bar.style.width = `${Number.isNaN(value) ? 0 : value / 10}%`;
    row.bar.dataset.level = value > fleet.critical ? "critical" : value > fleet.warning ? "warning" : "";
    set(row.peak, percent(fleet.peak[place]));
    set(row.hottest, percent(fleet.hottest[place]));
    const cpus = fleet.cpus[place];
    set(row.load, Number.isNaN(fleet.load1[place]) ? DASH : decimal(fleet.load1[place] / 100));
    set(row.cpus, Number.isNaN(cpus) ? "" : ` / ${cpus}`);
    set(row.note, note(fleet, place));
    row.trend.hidden = state !== "up";
    if (state === "up") sparkline(row.trend, fleet.history(place, this.#trend.subarray(TREND - fleet.window(TREND))), this.#palette);
  }

  #focused(element) {
    const row = [...this.#rows.values()].find((row) => row.element === element);
    if (row) this.#current = row.index;
  }

  #key(event) {
    const page = Math.max(1, Math.floor(innerHeight / ROW) - 3);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.#current = Math.max(0, Math.min(this.#order.length - 1, this.#current + steps[event.key]));
    const row = this.#row(this.#current);
    row.link.focus({ preventScroll: true });
    row.element.scrollIntoView({ block: "nearest" });
    this.#place();
  }
}

/** What is said of an agent that is not up: since when, and for how long. */
export function note(fleet, place) {
  const state = fleet.stateOf(place);
  const since = fleet.since[place];
  if (state === "left") return "has left";
  if (state === "awaited") return "not back yet";
  if (state !== "down") return "";
  if (Number.isNaN(since)) return "missing, never seen";
  return `missing since ${moment(since, fleet.time)} (${span((fleet.time - since) / 1000)})`;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** An empty row. */
function makeRow() {
  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children);
    return element;
  };
  const cell = (className, ...children) => {
    const element = make("div", className, ...children);
    element.setAttribute("role", "cell");
    return element;
  };
  const row = {
    link: make("a", ""),
    bar: make("span", "fill"),
    cpu: make("span", "value"),
    trend: make("canvas", "spark"),
    note: make("span", "note"),
    load: make("span", ""),
    cpus: make("small", ""),
    peak: cell("number peak"),
    hottest: cell("number hottest"),
  };
  row.trend.setAttribute("aria-hidden", "true");
  const bar = make("span", "bar", row.bar);
  bar.setAttribute("aria-hidden", "true");
  row.element = make(
    "div",
    "tr",
    cell("name", row.link),
    cell("number cpu", bar, row.cpu),
    cell("trend", row.trend, row.note),
    row.peak,
    row.hottest,
    cell("number load", row.load, row.cpus),
  );
  row.element.setAttribute("role", "row");
  return row;
}
