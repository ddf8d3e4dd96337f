// The exporter's events, for as long as the page is looked at.
//
// Not an EventSource: that hides why it was refused, and piles up what a slow page has not handled. A stream that is
// read makes the exporter skip instead.

import { ask } from "./ask.js";

/** An exporter that says nothing for so long is gone, whatever the connection says. It speaks every second. */
const SILENCE_MS = 6_000;

/** Rests between attempts: from the first to the last, doubled each time, with jitter. */
const REST_MS = [500, 8_000];

/** How long a page that nobody looks at stays connected. */
const HIDDEN_MS = 5 * 60_000;

export class Stream {
  #handlers;
  #abort = null;
  #attempts = 0;
  #hiddenTimer = 0;
  #retryTimer = 0;

  /** `onEvent(type, data)` for each event; `onState(state, text)` when the connection is `live` or `gone`. */
  constructor(handlers) {
    this.#handlers = handlers;
    document.addEventListener("visibilitychange", () => this.#visibilityChanged());
  }

  /** Connects, and again whenever the connection ends. */
  async start() {
    clearTimeout(this.#retryTimer);
    const abort = (this.#abort = new AbortController());
    let why = "Exporter gone, trying again";
    try {
      const refused = await this.#listen(abort);
      // To ask again would have the browser ask its user again.
      if (refused?.status === 401) return this.#handlers.onState("refused", "A token is needed: reload the page to give it");
      if (refused) why = `Not connected, trying again: ${(await refused.text()).trim() || refused.status}`;
    } catch {
      // Whatever it was, the next attempt will tell.
    }
    if (abort.signal.reason === "hidden") return;
    this.#handlers.onState("gone", why);
    const rest = Math.min(REST_MS[1], REST_MS[0] * 2 ** this.#attempts++);
    this.#retryTimer = setTimeout(() => this.start(), rest * (0.5 + Math.random() / 2));
  }

  /** Reads events until the stream ends; the response, if it is none. */
  async #listen(abort) {
    const watchdog = new Watchdog(SILENCE_MS, () => abort.abort("silent"));
    try {
      const response = await ask("events", { headers: { accept: "text/event-stream" }, signal: abort.signal });
      if (!response.ok) return response;
      const parser = new Parser((type, data) => {
        this.#attempts = 0;
        this.#handlers.onEvent(type, data);
      });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return null;
        watchdog.reset();
        parser.push(value);
      }
    } finally {
      watchdog.stop();
    }
  }

  #visibilityChanged() {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => this.#abort?.abort("hidden"), HIDDEN_MS);
    } else if (this.#abort?.signal.reason === "hidden") {
      this.start();
    }
  }
}

/** Calls back when it was not reset for some time. */
class Watchdog {
  #timer = 0;

  constructor(ms, callback) {
    this.ms = ms;
    this.callback = callback;
    this.reset();
  }

  reset() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.callback, this.ms);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

/** Takes server-sent events apart: `event` and `data` lines, an empty line after each event. */
export class Parser {
  #rest = "";

  constructor(onEvent) {
    this.onEvent = onEvent;
  }

  push(text) {
    const events = (this.#rest + text).split("\n\n");
    this.#rest = events.pop();
    for (const event of events) {
      let type = "message";
      let data = "";
      for (const line of event.split("\n")) {
        if (line.startsWith("event: ")) type = line.slice(7);
        else if (line.startsWith("data: ")) data += line.slice(6);
      }
      this.onEvent(type, JSON.parse(data));
    }
  }
}
