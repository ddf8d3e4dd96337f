// What the page knows of the fleet: the last second of every agent, and the seconds since the page was opened.
//
// Agents are known by their place, a small number that the exporter gives them. Everything about them is in arrays by
// place, so that ten thousand of them are a few arrays and not ten thousand objects.

/** How many seconds are remembered. */
export const SECONDS = 300;

/** The spans that charts show, in seconds: the first that holds what is known. */
const WINDOWS = [60, 120, 180, 240, SECONDS];

/** What stands in the history for a second without a value. */
const NONE = 0xffff;

/** Numbers that come with every second, by their key in the events: thousandths, and hundredths of load. */
export const COLUMNS = ["utilization", "peak", "hottest", "load1"];

export const STATES = ["up", "down", "left", "awaited"];

export class Fleet {
  version = "";
  warning = 1000;
  critical = 1000;
  ingest = 8080;
  /** The exporter's clock at the last second, in milliseconds. */
  time = 0;
  /** Changes whenever an agent came or went: then places mean something else. */
  generation = 0;
  names = [];
  #keys = [];
  #byName = new Map();
  #capacity = 0;
  #cursor = 0;
  #sorted = null;
  #known = 0;
  mean = new Float32Array(SECONDS).fill(NaN);
  busiest = new Float32Array(SECONDS).fill(NaN);

  constructor() {
    this.#grow(64);
  }

  /** How many agents are known. */
  get size() {
    return this.#byName.size;
  }

  /** The place of an agent, or undefined. */
  place(name) {
    return this.#byName.get(name);
  }

  /** `up`, `down`, `left` or `awaited`. */
  stateOf(place) {
    return STATES[this.state[place]];
  }

  /** All places, by name, with numbers in names taken as such: web-2 before web-10. */
  byName() {
    if (!this.#sorted) {
      const keys = this.#keys;
      this.#sorted = Uint32Array.from(this.#byName.values());
      this.#sorted.sort((a, b) => (keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : 0));
    }
    return this.#sorted;
  }

  /** Takes an event in. */
  apply(type, event) {
    const passed = this.time ? Math.max(1, Math.round((event.time - this.time) / 1000)) : 1;
    this.time = event.time;
    if (type === "fleet") this.#begin(event);
    for (const place of event.forgotten ?? []) this.#forget(place);
    for (const [place, name, cpus] of event.agents) this.#enter(place, name, cpus);
    for (const [place, state, since] of event.states) {
      this.state[place] = STATES.indexOf(state);
      this.since[place] = since ?? NaN;
    }
    for (const column of COLUMNS) {
      const values = this[column];
      for (const run of event[column]) {
        for (let i = 1, place = run[0]; i < run.length; i++, place++) values[place] = run[i] ?? NaN;
      }
    }
    this.#remember(Math.min(passed, SECONDS));
  }

  /** How many seconds a chart shows: at first few, and never more than `most`. */
  window(most) {
    return Math.min(most, WINDOWS.find((seconds) => seconds >= this.#known) ?? SECONDS);
  }

  /** The last seconds of one agent, oldest first, as many as `out` has room for, in thousandths; NaN where there is none. */
  history(place, out) {
    const from = place * SECONDS;
    const length = out.length;
    for (let i = 0; i < length; i++) {
      const value = this.past[from + ((this.#cursor - length + i + 2 * SECONDS) % SECONDS)];
      out[i] = value === NONE ? NaN : value;
    }
    return out;
  }

  /** The same of the whole fleet: `mean` or `busiest`. */
  fleetHistory(series, out) {
    const length = out.length;
    for (let i = 0; i < length; i++) out[i] = series[(this.#cursor - length + i + 2 * SECONDS) % SECONDS];
    return out;
  }

  /** A new exporter, or the same one after a gap. Places are new; what is remembered goes by name. */
  #begin(event) {
    this.version = event.exporter;
    this.warning = event.warning;
    this.critical = event.critical;
    this.ingest = event.ingest;
    const old = { places: this.#byName, past: this.past };
    this.#byName = new Map();
    this.names = [];
    this.#keys = [];
    this.#allocate(this.#capacity);
    for (const [place, name, cpus] of event.agents) {
      this.#enter(place, name, cpus);
      const before = old.places.get(name);
      if (before !== undefined) {
        this.past.set(old.past.subarray(before * SECONDS, (before + 1) * SECONDS), place * SECONDS);
      }
    }
    this.#changed();
  }

  #enter(place, name, cpus) {
    if (place >= this.#capacity) this.#grow(place + 1);
    this.cpus[place] = cpus ?? NaN;
    if (this.names[place] === name) return;
    this.#forget(place);
    this.names[place] = name;
    this.#keys[place] = name.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0"));
    this.#byName.set(name, place);
    this.#changed();
  }

  #forget(place) {
    const name = this.names[place];
    if (name !== undefined && this.#byName.get(name) === place) this.#byName.delete(name);
    this.names[place] = undefined;
    this.state[place] = 0;
    this.since[place] = NaN;
    for (const column of COLUMNS) this[column][place] = NaN;
    this.past.fill(NONE, place * SECONDS, (place + 1) * SECONDS);
    this.#changed();
  }

  #changed() {
    this.generation++;
    this.#sorted = null;
  }

  /** Writes this second down, and as unknown those that were missed before it. */
  #remember(passed) {
    let sum = 0;
    let known = 0;
    let highest = NaN;
    this.#known = Math.min(SECONDS, this.#known + passed);
    for (let i = 1; i <= passed; i++) {
      const slot = this.#cursor;
      this.#cursor = (slot + 1) % SECONDS;
      const isLast = i === passed;
      for (const place of this.#byName.values()) {
        const value = isLast ? this.utilization[place] : NaN;
        this.past[place * SECONDS + slot] = Number.isNaN(value) ? NONE : value;
        if (isLast && !Number.isNaN(value)) {
          sum += value;
          known++;
          if (!(value <= highest)) highest = value;
        }
      }
      this.mean[slot] = isLast && known ? sum / known : NaN;
      this.busiest[slot] = highest;
    }
  }

  #grow(needed) {
    const capacity = Math.max(needed, this.#capacity * 2);
    const old = { ...this };
    this.#allocate(capacity);
    for (const key of ["state", "since", "cpus", "past", ...COLUMNS]) {
      if (old[key]) this[key].set(old[key]);
    }
  }

  #allocate(capacity) {
    this.#capacity = capacity;
    this.state = new Uint8Array(capacity);
    this.since = new Float64Array(capacity).fill(NaN);
    this.cpus = new Float32Array(capacity).fill(NaN);
    this.past = new Uint16Array(capacity * SECONDS).fill(NONE);
    for (const column of COLUMNS) this[column] = new Float32Array(capacity).fill(NaN);
  }
}
