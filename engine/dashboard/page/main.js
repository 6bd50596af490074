/* The page: a connection fills the state, and at each frame of the screen the panels whose data has changed are drawn. */

import { Connection } from "./core/connection.js";
import { byId } from "./core/dom.js";
import { News } from "./core/news.js";
import { Selection } from "./core/selection.js";
import { State } from "./core/state.js";
import { followSystem, switchTheme } from "./core/theme.js";
import { Controls } from "./controls.js";
import { Header } from "./header.js";
import { Keys } from "./keys.js";
import { Beliefs } from "./panels/beliefs.js";
import { Chart } from "./panels/chart.js";
import { Equity } from "./panels/equity.js";
import { Alerts, Journal } from "./panels/events.js";
import { Fills } from "./panels/fills.js";
import { Flow } from "./panels/flow.js";
import { Instruments } from "./panels/instruments.js";
import { Ladder } from "./panels/ladder.js";
import { Latency } from "./panels/latency.js";
import { Orders } from "./panels/orders.js";
import { Parameters } from "./panels/parameters.js";
import { Positions } from "./panels/positions.js";
import { Risk } from "./panels/risk.js";

const BUDGET_MS = 3; // of script; the layout that follows takes about as long
const AGES_MS = 100; // how often the ages are written

followSystem();
export const news = new News();
export const state = new State(news);
export const connection = new Connection(state, news);
const selection = new Selection(state);
const controls = new Controls(state, (command) => connection.send(command));
const header = new Header();
export const panels = [
  new Instruments(selection), new Ladder(selection), new Chart(selection), new Positions(), new Equity(),
  new Orders(controls), new Fills(), new Flow(), new Latency(), new Risk(), new Beliefs(), new Alerts(), new Parameters(controls), new Journal(),
];

const show = (view) => {
  byId("main").dataset.view = view;
  for (const tab of byId("tabs").children) {
    if (tab.dataset.view === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
};
for (const tab of byId("tabs").children) tab.addEventListener("click", () => { show(tab.dataset.view); scrollTo(0, 0); });
show("market");

const go = (id) => { show([...byId(id).classList].find((name) => name !== "panel")); byId(id).scrollIntoView({ block: "nearest" }); byId(id).querySelector("button, input, [tabindex]")?.focus(); };
const keys = new Keys([
  ["h", "Halt: no new order, open orders are cancelled", () => controls.halt()],
  ["f", "Flatten: halt and close every position", () => controls.flatten()],
  ["r", "Resume", () => controls.resume()],
  ["j", "The next book", () => selection.move(1)],
  ["k", "The book before", () => selection.move(-1)],
  ["/", "Filter the orders", () => { go("orders"); byId("orders-filter").focus(); }],
  ["1", "Books", () => go("instruments")], ["2", "Orders", () => go("orders")], ["3", "Data flow", () => go("flow")], ["4", "Limits and breakers", () => go("risk")],
  ["t", "Dark or light", switchTheme],
  ["?", "This list", () => keys.open()],
]);
byId("theme").addEventListener("click", switchTheme);
byId("help").addEventListener("click", () => keys.open());

/* Panels are drawn until the budget of the frame is spent; the next frame begins with those that are left. */
let next = 0;
const draw = (now) => {
  const begin = performance.now();
  for (let count = 0; count < panels.length; count += 1) {
    panels[next].refresh(state, now);
    next = (next + 1) % panels.length;
    if (performance.now() - begin > BUDGET_MS) return;
  }
};

let aged = 0;
const frame = (now) => {
  requestAnimationFrame(frame);
  selection.settle();
  header.refresh(state);
  controls.refresh();
  draw(now);
  if (now - aged >= AGES_MS) {
    aged = now;
    header.showAge(state);
    for (const panel of panels) panel.showAge(state);
  }
};
requestAnimationFrame(frame);
connection.open();
