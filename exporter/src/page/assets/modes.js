// What a CPU spent its time on: shares of each second, from totals that only grow.

import { begin, frame } from "./draw.js";

/** The modes that are shown, from the bottom of the stack. The rest of a second was idle. */
export const MODES = ["user", "nice", "system", "irq", "softirq", "steal", "iowait"];

/** How many seconds the chart shows, at first and at most. */
const [FIRST, MOST] = [60, 120];

export class Modes {
  #shares = [];
  #cores = [];

  /** How many seconds are known. */
  get length() {
    return this.#shares.length;
  }

  get isKnown() {
    return this.#shares.some(Boolean);
  }

  /** Takes an answer about an agent and the one before it; what happened in between, or null. */
  note(known, before) {
    const growth = growthOf(known.seconds_total, before?.seconds_total, known.logical_cpus);
    this.#cores = coresOf(known.cores, before?.cores) ?? this.#cores;
    // The same totals as before: no new second.
    if (growth === undefined) return this.#last();
    if (before) this.#shares.push(growth?.shares ?? null);
    if (this.#shares.length > MOST) this.#shares.shift();
    this.seconds = growth?.seconds;
    return growth;
  }

  /** Number and busy share of each core, if they are known. */
  cores() {
    return this.#cores;
  }

  draw(canvas, palette) {
    const { context, width, height } = begin(canvas);
    if (!width) return;
    const seconds = this.#shares.length > FIRST ? MOST : FIRST;
    const box = frame(context, width, height, palette, { seconds });
    const step = box.width / seconds;
    this.#shares.forEach((shares, i) => {
      if (!shares) return;
      const x = box.x + (seconds - this.#shares.length + i) * step;
      let y = box.y + box.height;
      for (const mode of MODES) {
        const tall = (shares[mode] ?? 0) * box.height;
        context.fillStyle = palette[mode];
        context.fillRect(x, y - tall, Math.max(1, step - (step > 4 ? 1 : 0)), tall);
        y -= tall;
      }
    });
  }

  #last() {
    const shares = this.#shares.at(-1);
    return shares ? { shares, seconds: this.seconds ?? 1 } : null;
  }
}

/** Each mode's share of what passed between two totals; null if that cannot be told, undefined if nothing passed. */
function growthOf(now, before, cpus) {
  if (!now || !before) return null;
  const shares = {};
  let total = 0;
  for (const [mode, seconds] of Object.entries(now)) {
    const grown = seconds - before[mode];
    // Totals fall when a machine was started anew.
    if (!(grown >= 0)) return null;
    shares[mode] = grown;
    total += grown;
  }
  if (total === 0) return undefined;
  for (const mode of Object.keys(shares)) shares[mode] /= total;
  return { shares, seconds: total / (cpus || 1) };
}

/** The busy share of each core between two answers. */
function coresOf(now, before) {
  if (!now || !before) return null;
  const old = new Map(before.map((core) => [core.core, core.seconds_total]));
  const known = now.map(({ core, seconds_total: totals }) => ({ core, growth: growthOf(totals, old.get(core), 1) }));
  const told = known.filter(({ growth }) => growth);
  if (!told.length) return null;
  return told.map(({ core, growth: { shares } }) => ({ core, busy: Math.max(0, 1 - (shares.idle ?? 0) - (shares.iowait ?? 0)) }));
}
