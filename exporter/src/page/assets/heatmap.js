// The heat map: a cell for each agent, by name, in the colour of one of its numbers. Few agents have their names in it.
//
// For a keyboard and a screen reader it is a list box with one option, which is the cell that is looked at.

import { percent } from "./format.js";
import { STEPS } from "./palette.js";

/** The least size of a cell with a name in it, in pixels. */
const TILE = { width: 124, height: 50 };

/** The largest cell without one. */
const CELL_MAX = 24;

export class HeatMap {
  #fleet;
  #palette;
  #open;
  #root = document.getElementById("heat");
  #canvas = this.#root.querySelector("canvas");
  #cell = document.getElementById("heat-cell");
  #tip = document.getElementById("heat-tip");
  #column = document.getElementById("heat-column");
  #layout = null;
  #drawn = null;
  #at = -1;

  /** `open(name)` is called when an agent is chosen. */
  constructor(fleet, palette, open) {
    this.#fleet = fleet;
    this.#palette = palette;
    this.#open = open;
    const redraw = () => this.draw(true);
    palette.onChange(redraw);
    this.#column.addEventListener("change", redraw);
    new ResizeObserver(redraw).observe(this.#root);
    this.#root.addEventListener("pointermove", (event) => this.#look(this.#hit(event)));
    this.#root.addEventListener("pointerleave", () => this.#look(-1));
    this.#root.addEventListener("click", (event) => this.#choose(this.#hit(event)));
    this.#root.addEventListener("focus", () => this.#look(Math.max(0, this.#at)));
    this.#root.addEventListener("blur", () => this.#look(-1));
    this.#root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Shows the last second; all of it, if it is said to look different from before. */
  draw(anew = false) {
    const places = this.#fleet.byName();
    if (!places.length || !this.#root.clientWidth) return;
    const wanted = layout(this.#root.clientWidth, places.length);
    if (anew || !same(wanted, this.#layout) || this.#drawn?.generation !== this.#fleet.generation) {
      this.#layout = wanted;
      this.#canvas.style.height = `${wanted.rows * wanted.height}px`;
      this.#prepare(places.length);
      // What is marked may stand elsewhere now.
      if (this.#at >= 0) this.#look(Math.min(this.#at, places.length - 1));
    }
    if (wanted.isTiles) this.#drawTiles(places);
    else this.#drawCells(places);
    this.#describe();
  }

  #prepare(count) {
    const { columns, rows, width, height } = this.#layout;
    const scale = window.devicePixelRatio || 1;
    this.#canvas.style.width = `${columns * width}px`;
    this.#canvas.width = Math.round(columns * width * scale);
    this.#canvas.height = Math.round(rows * height * scale);
    this.#canvas.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
    this.#drawn = { generation: this.#fleet.generation, colours: new Int16Array(count).fill(-1) };
  }

  /** The number of an agent's colour: one for a share, STEPS + 2 without one, STEPS + 3 for who is missing. */
  #colour(place) {
    if (this.#fleet.state[place] === 1) return STEPS + 3;
    const value = this.#fleet[this.#column.value][place];
    return Number.isNaN(value) ? STEPS + 2 : this.#palette.index(value, this.#fleet);
  }

  #drawCells(places) {
    const context = this.#canvas.getContext("2d");
    const { columns, width, height } = this.#layout;
    const gap = width >= 5 ? 1 : 0;
    const { steps, unknown } = this.#palette;
    const { colours } = this.#drawn;
    for (let i = 0; i < places.length; i++) {
      const colour = this.#colour(places[i]);
      if (colours[i] === colour) continue;
      colours[i] = colour;
      const [x, y] = [(i % columns) * width, Math.floor(i / columns) * height];
      const [w, h] = [width - gap, height - gap];
      context.clearRect(x, y, w, h);
      if (colour === STEPS + 3) {
        this.#cross(context, x, y, w, h);
      } else {
        context.fillStyle = steps[colour] ?? unknown;
        context.fillRect(x, y, w, h);
      }
    }
  }

  #drawTiles(places) {
    const context = this.#canvas.getContext("2d");
    const { columns, width, height } = this.#layout;
    const { steps, inks, unknown } = this.#palette;
    const values = this.#fleet[this.#column.value];
    context.textBaseline = "middle";
    for (let i = 0; i < places.length; i++) {
      const place = places[i];
      const colour = this.#colour(place);
      const [x, y] = [(i % columns) * width, Math.floor(i / columns) * height];
      const [w, h] = [width - 4, height - 4];
      context.clearRect(x, y, width, height);
      const isGone = colour === STEPS + 3;
      if (isGone) {
        this.#cross(context, x, y, w, h);
      } else {
        context.fillStyle = steps[colour] ?? unknown;
        context.beginPath();
        context.roundRect(x, y, w, h, 4);
        context.fill();
      }
      context.fillStyle = isGone ? this.#palette.gone : inks[colour] ?? this.#palette.ink;
      context.font = "12px system-ui, sans-serif";
      context.fillText(clip(context, this.#fleet.names[place], w - 16), x + 8, y + 15);
      context.font = "600 15px system-ui, sans-serif";
      const value = percent(values[place]);
      context.fillText(isGone ? "missing" : Number.isNaN(values[place]) ? value : `${value} %`, x + 8, y + h - 14);
    }
  }

  /** A cell of who is missing: its border, crossed out. Its form tells it apart, not its colour alone. */
  #cross(context, x, y, w, h) {
    context.strokeStyle = this.#palette.gone;
    context.lineWidth = w < 8 ? 1 : 1.5;
    context.beginPath();
    if (w >= 5) context.rect(x + 0.75, y + 0.75, w - 1.5, h - 1.5);
    if (w < 60) {
      context.moveTo(x + 1, y + 1);
      context.lineTo(x + w - 1, y + h - 1);
      context.moveTo(x + w - 1, y + 1);
      context.lineTo(x + 1, y + h - 1);
    }
    context.stroke();
  }

  #hit(event) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    const { columns, width, height } = this.#layout ?? {};
    const column = Math.floor((event.clientX - left) / width);
    const index = Math.floor((event.clientY - top) / height) * columns + column;
    return column >= 0 && column < columns && index >= 0 && index < this.#fleet.size ? index : -1;
  }

  #key(event) {
    const { columns } = this.#layout ?? {};
    const last = this.#fleet.size - 1;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -Infinity, End: Infinity };
    if (event.key === "Enter" || event.key === " ") this.#choose(this.#at);
    else if (event.key in steps) this.#look(Math.max(0, Math.min(last, this.#at + steps[event.key])));
    else return;
    event.preventDefault();
  }

  #choose(index) {
    const place = this.#fleet.byName()[index];
    if (place !== undefined) this.#open(this.#fleet.names[place]);
  }

  /** Marks a cell and tells about it; none with -1, unless the keyboard is here. */
  #look(index) {
    if (index < 0 && document.activeElement === this.#root) return;
    this.#at = index;
    this.#cell.hidden = index < 0;
    this.#tip.hidden = index < 0;
    if (index < 0) {
      this.#root.removeAttribute("aria-activedescendant");
      return;
    }
    const { columns, width, height } = this.#layout;
    const [x, y] = [(index % columns) * width, Math.floor(index / columns) * height];
    Object.assign(this.#cell.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
    this.#root.setAttribute("aria-activedescendant", "heat-cell");
    this.#cell.setAttribute("aria-posinset", index + 1);
    this.#cell.setAttribute("aria-setsize", this.#fleet.size);
    this.#describe();
    this.#placeTip(x + width / 2, y, height);
  }

  #describe() {
    const place = this.#fleet.byName()[this.#at];
    if (place === undefined) return;
    const state = this.#fleet.stateOf(place);
    const value = percent(this.#fleet[this.#column.value][place]);
    const text = `${this.#fleet.names[place]}: ${state === "up" ? `${value} %` : state === "down" ? "missing" : state}`;
    if (this.#tip.textContent === text) return;
    this.#tip.textContent = text;
    this.#cell.setAttribute("aria-label", text);
  }

  /** Above the cell; below one of the first row, so as not to hide what stands over the map. */
  #placeTip(x, y, height) {
    const left = this.#root.offsetLeft + x - this.#tip.offsetWidth / 2;
    const room = this.#root.offsetLeft + this.#root.clientWidth - this.#tip.offsetWidth;
    this.#tip.style.left = `${Math.max(0, Math.min(room, left))}px`;
    const top = y > 0 ? y - this.#tip.offsetHeight - 6 : height + 6;
    this.#tip.style.top = `${this.#root.offsetTop + top}px`;
  }
}

/** How cells for `count` agents are laid out in `width` pixels: with names if there is room, else as squares. */
function layout(width, count) {
  const tall = Math.min(380, Math.max(200, window.innerHeight * 0.42));
  const across = Math.max(1, Math.floor(width / TILE.width));
  if (Math.ceil(count / across) * TILE.height <= tall) {
    const columns = Math.min(across, Math.max(count, Math.min(across, 6)));
    return { isTiles: true, columns, rows: Math.ceil(count / columns), width: Math.floor(width / columns), height: TILE.height };
  }
  let size = Math.max(2, Math.min(CELL_MAX, Math.floor(Math.sqrt((width * tall) / count))));
  while (size > 2 && Math.ceil(count / Math.floor(width / size)) * size > tall) size--;
  const columns = Math.floor(width / size);
  return { isTiles: false, columns, rows: Math.ceil(count / columns), width: size, height: size };
}

const same = (a, b) => a && b && Object.keys(a).every((key) => a[key] === b[key]);

/** The text, or its beginning, so that it is no wider than `width`. */
function clip(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width) length--;
  return `${text.slice(0, length)}…`;
}
