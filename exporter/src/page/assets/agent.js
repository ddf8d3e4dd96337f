// One agent: asked for anew with every second of the fleet, for as long as it is looked at.

import { ask } from "./ask.js";
import { begin, frame, line } from "./draw.js";
import { DASH, count, decimal, moment, percent, percentOf, span } from "./format.js";
import { SECONDS } from "./fleet.js";
import { MODES, Modes } from "./modes.js";
import { note } from "./list.js";
import { bars, describe, pairs } from "./facts.js";

export class AgentView {
  #fleet;
  #palette;
  #name = null;
  #isAsked = false;
  #modes;
  #last = null;
  #past = new Float32Array(SECONDS);

  constructor(fleet, palette) {
    this.#fleet = fleet;
    this.#palette = palette;
    palette.onChange(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(document.getElementById("a-cpu-chart"));
  }

  /** Shows this agent from now on; nobody with null. */
  open(name) {
    if (name === this.#name) return;
    this.#name = name;
    this.#modes = new Modes();
    this.#last = null;
    if (name === null) return;
    document.getElementById("a-name").textContent = name;
    this.#fill({});
    this.draw();
    this.ask();
  }

  /** Asks for what is known of it, unless the answer before is still under way. */
  async ask() {
    const name = this.#name;
    if (name === null || this.#isAsked) return;
    this.#isAsked = true;
    try {
      const response = await ask(`api/agents/${encodeURIComponent(name)}`);
      const known = response.ok ? await response.json() : {};
      if (name === this.#name) this.#fill(known);
    } catch {
      // The stream of events tells that the exporter is gone.
    } finally {
      this.#isAsked = false;
    }
  }

  /** Shows the last second. */
  draw() {
    if (this.#name === null) return;
    const fleet = this.#fleet;
    const place = fleet.place(this.#name);
    const state = document.getElementById("a-state");
    const isUp = place !== undefined && fleet.state[place] === 0;
    state.textContent = place === undefined ? "not known" : isUp ? "up" : note(fleet, place);
    state.dataset.state = place === undefined ? "left" : fleet.stateOf(place);
    const value = place === undefined ? NaN : fleet.utilization[place];
    document.getElementById("a-cpu").textContent = Number.isNaN(value) ? DASH : `${percent(value)} %`;
    this.#chart(place);
    this.#modes.draw(document.getElementById("a-modes-chart"), this.#palette);
  }

  #chart(place) {
    const { context, width, height } = begin(document.getElementById("a-cpu-chart"));
    if (!width) return;
    const { warning, critical } = this.#fleet;
    const seconds = this.#fleet.window(SECONDS);
    const marks = [
      { at: warning, colour: this.#palette.warning },
      { at: critical, colour: this.#palette.critical },
    ];
    const box = frame(context, width, height, this.#palette, { seconds, marks });
    if (place === undefined) return;
    const values = this.#fleet.history(place, this.#past.subarray(SECONDS - seconds));
    context.globalAlpha = 0.16;
    line(context, values, box, 1000, { fill: this.#palette["ramp-3"] });
    context.globalAlpha = 1;
    line(context, values, box, 1000, { stroke: this.#palette["ramp-3"] });
  }

  #fill(known) {
    const before = this.#last;
    this.#last = known;
    const growth = this.#modes.note(known, before);
    this.#facts(known);
    const peak = percentOf(known.utilization_max_ratio);
    const note = known.utilization_max_ratio === undefined ? "" : `highest second of the last minute: ${peak} %`;
    document.getElementById("a-cpu-note").textContent = note;
    pairs("a-load", this.#load(known, before, growth));
    pairs("a-link", this.#link(known));
    this.#modesTable(growth);
    this.#group(known.cgroup);
    const top = known.top_processes ?? [];
    document.getElementById("a-top-card").hidden = !top.length;
    const most = Math.max(1, ...top.map((process) => process.cores));
    bars("a-top", top.map(({ comm, cores }) => [comm, cores / most, `${decimal(cores)} cores`]));
    const cores = this.#modes.cores();
    document.getElementById("a-cores-card").hidden = !cores.length;
    bars("a-cores", cores.map(({ core, busy }) => [core, busy, `${percentOf(busy)} %`]));
  }

  #facts(known) {
    const cpus = known.logical_cpus === undefined ? undefined : `${known.logical_cpus} CPUs`;
    const machine = [known.cpu_model, cpus, known.arch].filter(Boolean).join(", ");
    const labels = Object.entries(known.labels ?? {}).map(([key, value]) => `${key}=${value}`);
    describe("a-facts", [
      ["Machine", machine],
      ["System", [known.os, known.kernel].filter(Boolean).join(", ")],
      ["Host name", known.hostname],
      ["Labels", labels.join(", ")],
      ["Agent", [known.client === "original" ? "the original's client" : known.client && "cpumon", known.version].filter(Boolean).join(" ")],
      ["Address", known.endpoint],
      ["Started", known.start_time_seconds && moment(known.start_time_seconds * 1000, this.#fleet.time)],
    ]);
  }

  #load(known, before, growth) {
    const load = known.load ?? [];
    const cpus = known.logical_cpus;
    const rate = (key) => {
      const grown = known[key] - before?.[key];
      return growth && grown >= 0 ? grown / growth.seconds : NaN;
    };
    const perCpu = load[0] === undefined || !cpus ? "" : ` (${decimal(load[0] / cpus)} a CPU)`;
    const waiting = rate("pressure_waiting_seconds_total");
    return [
      ["Load, 1 min", `${decimal(load[0])}${perCpu}`],
      ["Load, 5 and 15 min", load[1] === undefined ? DASH : `${decimal(load[1])}, ${decimal(load[2])}`],
      ["Some task waited for a CPU", Number.isNaN(waiting) ? DASH : `${percentOf(Math.min(1, waiting))} % of the time`],
      ["Busiest core", known.hottest_core_ratio === undefined ? DASH : `${percentOf(known.hottest_core_ratio)} %`],
      ["Runnable tasks", count(known.procs_running)],
      ["Context switches", Number.isNaN(rate("context_switches_total")) ? DASH : `${count(rate("context_switches_total"))} a second`],
    ];
  }

  #link(known) {
    const rtt = known.rtt_seconds;
    const ends = Object.entries(known.disconnects_total ?? {}).filter(([, n]) => n > 0);
    return [
      ["Last heard", known.seconds_since_last_sample === undefined ? DASH : `${span(known.seconds_since_last_sample)} ago`],
      ["Round trip", rtt === undefined ? DASH : `${(rtt * 1000).toFixed(1)} ms`],
      ["Connections", count(known.connections_total)],
      ["Ends of them", ends.map(([why, n]) => `${why} ${n}`).join(", ") || "none"],
      ["Seconds not measured", count(known.missed_samples_total)],
      ["Frames not sent", count(known.skipped_frames_total)],
    ];
  }

  #modesTable(growth) {
    document.getElementById("a-modes-card").hidden = this.#last?.seconds_total === undefined && !this.#modes.isKnown;
    const seconds = this.#modes.length;
    document.getElementById("a-modes-note").textContent = seconds > 1 ? `since this view was opened, ${span(seconds - 1)} ago` : "";
    const list = document.getElementById("a-modes");
    pairs("a-modes", MODES.map((mode) => [mode, growth ? `${percentOf(growth.shares[mode])} %` : DASH]));
    MODES.forEach((mode, i) => (list.children[i].dataset.mode = mode));
  }

  #group(group) {
    document.getElementById("a-group-card").hidden = !group;
    if (!group) return;
    pairs("a-group", [
      ["CPU, of its limit", group.utilization_ratio === undefined ? DASH : `${percentOf(group.utilization_ratio)} %`],
      ["Limit", group.limit_cpus === undefined ? "none" : `${decimal(group.limit_cpus)} CPUs`],
      ["Throttled, in all", group.throttled_seconds_total === undefined ? DASH : span(group.throttled_seconds_total)],
    ]);
  }
}
