// The figures above the heat map: how many are up, the fleet's mean, who is busiest, who is missing.

import { begin, line } from "./draw.js";
import { count, moment, percent } from "./format.js";
import { SECONDS } from "./fleet.js";

/** How many names stand in a ranking. */
const NAMES = 3;

export class Overview {
  #fleet;
  #palette;
  #showMissing;
  #mean = new Float32Array(SECONDS);
  #busiest = new Float32Array(SECONDS);

  /** `showMissing()` is called when all who are missing are asked for. */
  constructor(fleet, palette, showMissing) {
    this.#fleet = fleet;
    this.#palette = palette;
    this.#showMissing = showMissing;
    palette.onChange(() => this.draw());
  }

  draw() {
    const fleet = this.#fleet;
    const [up, above, missing, busiest] = this.#look();
    const mean = fleet.fleetHistory(fleet.mean, this.#past(this.#mean));
    const latest = mean.at(-1);
    set("up", count(up));
    set("total", count(fleet.size));
    set("above", above ? `${count(above)} above ${fleet.warning / 10} %` : `none above ${fleet.warning / 10} %`);
    set("mean", Number.isNaN(latest) ? percent(latest) : `${percent(latest)} %`);
    ranking("busiest", busiest.map((place) => [fleet.names[place], `${percent(fleet.utilization[place])} %`]));
    missing.sort((a, b) => (fleet.since[b] || 0) - (fleet.since[a] || 0));
    const shown = missing.slice(0, missing.length > NAMES ? NAMES - 1 : NAMES);
    const lines = shown.map((place) => [fleet.names[place], since(fleet.since[place], fleet.time)]);
    ranking("missing", lines, missing.length ? missing.length - shown.length : -1, this.#showMissing);
    this.#chart(mean);
  }

  /** How many are up, how many above the threshold, who is missing, who is busiest. */
  #look() {
    const fleet = this.#fleet;
    let [up, above] = [0, 0];
    const missing = [];
    const busiest = [];
    for (const place of fleet.byName()) {
      if (fleet.state[place] === 1) missing.push(place);
      if (fleet.state[place] !== 0) continue;
      up++;
      const value = fleet.utilization[place];
      if (Number.isNaN(value)) continue;
      if (value > fleet.warning) above++;
      const rank = busiest.findIndex((other) => fleet.utilization[other] < value);
      if (rank >= 0) busiest.splice(rank, 0, place);
      else if (busiest.length < NAMES) busiest.push(place);
      if (busiest.length > NAMES) busiest.pop();
    }
    return [up, above, missing, busiest];
  }

  /** The end of an array, as long as the charts' window. */
  #past(all) {
    return all.subarray(SECONDS - this.#fleet.window(SECONDS));
  }

  #chart(mean) {
    const { context, width, height } = begin(document.getElementById("mean-chart"));
    if (!width) return;
    const box = { x: 0, y: 2, width, height: height - 3 };
    const fleet = this.#fleet;
    context.globalAlpha = 0.4;
    line(context, fleet.fleetHistory(fleet.busiest, this.#past(this.#busiest)), box, 1000, { stroke: this.#palette["ink-2"], weight: 1 });
    context.globalAlpha = 0.18;
    line(context, mean, box, 1000, { fill: this.#palette["ramp-3"] });
    context.globalAlpha = 1;
    line(context, mean, box, 1000, { stroke: this.#palette["ramp-3"] });
  }
}

/** Since when somebody is missing: short, as the list below also says for how long. */
const since = (ms, now) => (Number.isNaN(ms) ? "never seen" : `since ${moment(ms, now)}`);

function set(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
}

/** Writes lines of name and value; `more` others are told of, and nobody at all with -1. */
function ranking(id, lines, more = 0, onMore = null) {
  const list = document.getElementById(id);
  while (list.children.length < NAMES) list.append(item());
  [...list.children].forEach((element, i) => {
    const [link, value] = element.children;
    const [name, text] = lines[i] ?? [];
    const isMore = !name && more > 0 && i === lines.length;
    const isNobody = more < 0 && i === 0;
    const label = name ?? (isMore ? `${count(more)} more` : isNobody ? "nobody" : "");
    if (link.textContent !== label) link.textContent = label;
    if (value.textContent !== (text ?? "")) value.textContent = text ?? "";
    if (name) link.setAttribute("href", `#/agent/${encodeURIComponent(name)}`);
    else if (isMore) link.setAttribute("href", "#list");
    else link.removeAttribute("href");
    link.onclick = isMore ? onMore : null;
    element.hidden = !label;
  });
}

function item() {
  const element = document.createElement("li");
  element.append(document.createElement("a"), document.createElement("span"));
  return element;
}
