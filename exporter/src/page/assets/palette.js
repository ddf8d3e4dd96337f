// Colours, as the style sheet has them for the theme that is on.

/** Into how many steps the range from 0 to 100 % is divided. */
export const STEPS = 40;

const NAMES = [
  "ramp-0", "ramp-1", "ramp-2", "ramp-3", "ramp-4", "warning", "critical", "ink", "ink-2", "line", "surface", "gone",
  "unknown", "user", "nice", "system", "iowait", "irq", "softirq", "steal",
];

export class Palette {
  #probe = document.createElement("span");
  #listeners = [];

  constructor() {
    this.#probe.hidden = true;
    document.body.append(this.#probe);
    this.#read();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#read();
      for (const listener of this.#listeners) listener();
    });
  }

  /** Calls back after each change of the theme. */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** The number of the colour for a share in thousandths: a step, or one of the two after them. */
  index(thousandths, fleet) {
    if (thousandths > fleet.critical) return STEPS + 1;
    if (thousandths > fleet.warning) return STEPS;
    return Math.min(STEPS - 1, Math.floor((thousandths * STEPS) / 1000));
  }

  #read() {
    for (const name of NAMES) {
      this.#probe.style.color = `var(--${name})`;
      this[name] = getComputedStyle(this.#probe).color;
    }
    const stops = [0, 1, 2, 3, 4].map((n) => channels(this[`ramp-${n}`]));
    this.steps = Array.from({ length: STEPS }, (_, i) => mix(stops, (i + 0.5) / STEPS));
    this.steps.push(this.warning, this.critical);
    this.inks = this.steps.map((colour) => (luminance(channels(colour)) > 0.22 ? "#0b1726" : "#ffffff"));
  }
}

const channels = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map(Number);

/** The colour at `at` (0 to 1) between evenly spaced stops. */
function mix(stops, at) {
  const scaled = at * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(scaled));
  const part = scaled - low;
  return `rgb(${stops[low].map((from, i) => Math.round(from + (stops[low + 1][i] - from) * part)).join(",")})`;
}

/** The relative luminance of WCAG 2, 0 to 1. */
function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
