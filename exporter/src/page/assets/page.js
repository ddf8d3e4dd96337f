// The page put together: events change the fleet, the fleet is drawn once a second, the address says what is looked at.

import { AgentView } from "./agent.js";
import { Fleet } from "./fleet.js";
import { HeatMap } from "./heatmap.js";
import { List } from "./list.js";
import { Overview } from "./overview.js";
import { Palette, STEPS } from "./palette.js";
import { Stream } from "./stream.js";
import { time } from "./format.js";

const byId = (id) => document.getElementById(id);

const fleet = new Fleet();
const palette = new Palette();
const open = (name) => (location.hash = `#/agent/${encodeURIComponent(name)}`);
const list = new List(fleet, palette);
const heat = new HeatMap(fleet, palette, open);
const overview = new Overview(fleet, palette, () => list.show("down"));
const agent = new AgentView(fleet, palette);

let isDue = false;

/** Draws with the next frame, once, and not while nobody looks. */
function drawSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
}

function draw() {
  byId("clock").textContent = fleet.time ? time(fleet.time) : "";
  const isEmpty = fleet.size === 0;
  byId("empty").hidden = !isEmpty;
  byId("overview").hidden = isEmpty;
  if (!byId("agent").hidden) {
    agent.draw();
  } else if (!isEmpty) {
    overview.draw();
    heat.draw();
    list.draw();
  }
}

/** Shows what the address says: the fleet, or one agent. */
function route() {
  const [, name] = location.hash.match(/^#\/agent\/(.+)$/) ?? [];
  const wasAgent = !byId("agent").hidden;
  byId("agent").hidden = !name;
  byId("fleet").hidden = Boolean(name);
  agent.open(name ? decodeURIComponent(name) : null);
  document.title = name ? `${decodeURIComponent(name)} · cpumon` : "cpumon";
  if (name) {
    scrollTo(0, 0);
    byId("a-name").focus({ preventScroll: true });
  } else if (wasAgent) {
    byId("heat").focus({ preventScroll: true });
  }
  draw();
}

function legend() {
  const canvas = byId("legend");
  const context = canvas.getContext("2d");
  for (let i = 0; i < STEPS; i++) {
    context.fillStyle = palette.steps[i];
    context.fillRect((i * canvas.width) / STEPS, 0, canvas.width / STEPS + 1, canvas.height);
  }
}

function begin() {
  byId("key-warning").textContent = `above ${fleet.warning / 10} %`;
  byId("key-critical").textContent = `above ${fleet.critical / 10} %`;
  byId("empty-command").textContent = `AGENT_EXPORTERS=${location.hostname}:${fleet.ingest} cpumon-agent`;
  document.querySelector('[data-show="busy"]').textContent = `above ${fleet.warning / 10} %`;
}

const stream = new Stream({
  onEvent(type, event) {
    fleet.apply(type, event);
    if (type === "fleet") {
      begin();
      state("live", "live");
    }
    agent.ask();
    drawSoon();
  },
  onState: (name, text) => state(name, name === "gone" && fleet.time ? `${text} (as of ${time(fleet.time)})` : text),
});

/** Says how the connection is: to eyes by a colour and a text, to a screen reader when it changes. */
function state(name, text) {
  document.body.dataset.connection = name;
  const element = byId("connection");
  if (element.textContent !== text) element.textContent = text;
}

addEventListener("hashchange", route);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !byId("agent").hidden) location.hash = "#/";
});
palette.onChange(legend);
legend();
route();
stream.start();
