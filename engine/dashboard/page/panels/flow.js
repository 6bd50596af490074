/* The processes as a picture of the data flow.

    venue ─▶ feed ─▶ strategies ─▶ execution ─▶ venue        on a wide panel from left to right, on a narrow one from top to bottom
                └─▶ aggregation                              below: the roles that only look on

A box is a role: its life, the age of its heartbeat, its steps a second, and the records that wait for it. A line is a lane with its rate. The picture is laid out when a role appears or the size changes; otherwise only texts change. */

import { el, setClass, setText, svg } from "../core/dom.js";
import { rate, words } from "../core/format.js";
import { Panel } from "../core/panel.js";

const BOX = { width: 114, height: 48, gap: 10 };
const STAGES = ["venue", "feed", "strategy", "execution", "orders"]; // the last is the venue again, as the receiver of orders
const STAGE_OF = { feed: "feed", strategy: "strategy", aggregation: "strategy", router: "strategy", execution: "execution" };
const LINES = [ // from, to, the lanes whose rates are on the line
  ["venue", "feed", "frames"], ["feed", "strategy", "ticks"], ["feed", "aggregation", "books"], ["strategy", "execution", "intents"], ["execution", "orders", "orders"],
];
const WIDE = 600;
const LIVES = { alive: "good", late: "warn", dead: "bad" };

export class Flow extends Panel {
  constructor() {
    super("flow", "Data flow", { view: "engine", reads: ["roles", "lanes", "venues"], source: "server", every: 200 });
    this.lines = svg("svg", { "aria-hidden": "true" });
    this.box = el("div", { class: "flow" }, this.lines);
    this.scroll = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Roles and lanes" }, this.box);
    this.body.append(this.scroll);
    this.boxes = new Map();
    this.shape = null;
    new ResizeObserver(([entry]) => { this.size = entry.contentRect; this.shape = null; this.touch(); }).observe(this.scroll);
  }

  draw(state) {
    if (!this.size?.width) return;
    const nodes = this.#nodes(state);
    const shape = nodes.map((one) => one.key).join(" ");
    if (shape !== this.shape) this.#layOut(nodes, shape);
    for (const node of nodes) this.#fill(this.boxes.get(node.key), node);
    for (const line of this.lanes) setText(line.value, rate(state.laneRate(line.lane, line.from.stage === "venue" ? "" : line.from.title, line.to.stage === "orders" ? "" : line.to.title)));
    const dead = nodes.filter((one) => one.life !== "alive").length;
    setText(this.count, dead ? `${dead} of ${nodes.length} not alive` : `${nodes.length} alive`);
    setClass(this.count, dead ? "count bad" : "count");
  }

  #nodes(state) {
    const venues = [...state.venues.values()];
    const market = venues.map((one) => ({ key: `venue ${one.name}`, stage: "venue", kind: "venue", title: one.name, life: one.marketGood ? "alive" : "dead", facts: one.marketText }));
    const orders = venues.filter((one) => one.session).map((one) => ({ key: `orders ${one.name}`, stage: "orders", kind: "orders", title: one.name, life: one.sessionGood ? "alive" : "dead", facts: `orders: ${words(one.session)}` }));
    const roles = [...state.roles.values()].map((role) => ({
      key: `role ${role.name}`, stage: this.#stage(role.kind), kind: role.kind, title: role.name, life: role.life,
      facts: `${rate(role.stepsRate)} · lag ${role.lag}`, beat: `${Math.round(role.beatAgeMs ?? 0)} ms`,
    }));
    return [...market, ...roles, ...orders];
  }

  /* On a narrow panel the aggregation is below: beside the strategies there is no room for it. */
  #stage(kind) { return kind === "aggregation" && this.size.width < WIDE ? "watch" : STAGE_OF[kind] ?? "watch"; }

  #layOut(nodes, shape) {
    this.shape = shape;
    for (const box of this.boxes.values()) box.node.remove();
    this.boxes.clear();
    const wide = this.size.width >= WIDE;
    const stages = [...STAGES, "watch"].map((stage) => nodes.filter((one) => one.stage === stage)).filter((one) => one.length);
    const bottom = wide ? this.#across(stages) : this.#down(stages);
    for (const node of nodes) this.#place(node);
    this.box.style.height = `${bottom}px`;
    this.#drawLines(nodes, wide, bottom);
  }

  /* Each stage is a column; those who look on are a row below. */
  #across(stages) {
    const main = stages.filter(([first]) => first.stage !== "watch");
    const watch = stages.find(([first]) => first.stage === "watch") ?? [];
    const free = this.size.width - 24;
    const pitch = main.length > 1 ? (free - BOX.width) / (main.length - 1) : 0;
    const most = Math.max(...main.map((one) => one.length), 1);
    const height = most * (BOX.height + BOX.gap) - BOX.gap;
    main.forEach((stage, column) => stage.forEach((node, row) => {
      const used = stage.length * (BOX.height + BOX.gap) - BOX.gap;
      Object.assign(node, { x: 12 + column * pitch, y: 26 + (height - used) / 2 + row * (BOX.height + BOX.gap) });
    }));
    return this.#rows(watch, 26 + height + 34);
  }

  /* Each stage is a row. */
  #down(stages) {
    let top = 12;
    for (const stage of stages) top = this.#rows(stage, top) + 16;
    return top;
  }

  #rows(nodes, top) {
    const columns = Math.max(1, Math.min(nodes.length, Math.floor((this.size.width - 24 + BOX.gap) / (BOX.width + BOX.gap))));
    const pitch = columns > 1 && this.size.width >= WIDE ? Math.min((this.size.width - 24 - BOX.width) / (columns - 1), BOX.width + 40) : BOX.width + BOX.gap;
    nodes.forEach((node, at) => Object.assign(node, { x: 12 + (at % columns) * pitch, y: top + Math.floor(at / columns) * (BOX.height + BOX.gap) }));
    return top + Math.ceil(nodes.length / columns) * (BOX.height + BOX.gap) + 2;
  }

  #place(node) {
    const parts = { title: el("b", { class: "state" }), facts: el("span", { class: "facts" }), beat: el("span", { class: "beat", title: "Age of the heartbeat" }) };
    const box = el("div", { class: "role" }, parts.title, parts.facts, parts.beat);
    box.style.transform = `translate(${node.x}px, ${node.y}px)`;
    this.box.append(box);
    this.boxes.set(node.key, { node: box, ...parts });
  }

  #fill(box, node) {
    setText(box.title, node.title);
    setClass(box.title, `state ${LIVES[node.life] ?? "bad"}`);
    setText(box.beat, node.beat ?? "");
    setText(box.facts, node.life === "alive" ? node.facts : `${node.life} · ${node.facts}`);
    setClass(box.node, `role ${node.life}`);
  }

  #drawLines(nodes, wide, bottom) {
    this.lines.replaceChildren();
    this.lines.setAttribute("width", String(this.size.width));
    this.lines.setAttribute("height", String(bottom));
    this.lanes = [];
    for (const [from, to, lane] of LINES) {
      for (const one of nodes.filter((node) => node.kind === from && node.stage !== "watch")) for (const two of nodes.filter((node) => node.kind === to && node.stage !== "watch")) this.#line(one, two, lane, wide);
    }
  }

  #line(one, two, lane, wide) {
    const [x1, y1] = wide ? [one.x + BOX.width, one.y + BOX.height / 2] : [one.x + BOX.width / 2, one.y + BOX.height];
    const [x2, y2] = wide ? [two.x, two.y + BOX.height / 2] : [two.x + BOX.width / 2, two.y];
    const middle = wide ? (x1 + x2) / 2 : (y1 + y2) / 2;
    const path = wide ? `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2 - 6} ${y2}` : `M${x1} ${y1} C${x1} ${middle} ${x2} ${middle} ${x2} ${y2 - 5}`;
    const tip = wide ? `M${x2 - 6} ${y2 - 3.5}L${x2} ${y2}L${x2 - 6} ${y2 + 3.5}z` : `M${x2 - 3.5} ${y2 - 6}L${x2} ${y2}L${x2 + 3.5} ${y2 - 6}z`;
    this.lines.append(svg("path", { d: path, class: "lane" }), svg("path", { d: tip, class: "tip" }));
    const fork = two.y !== one.y && two.stage === "strategy"; // the label is at the end that is not shared with other lanes
    const spot = wide ? { x: middle, y: (fork ? y2 : y1) - 5, "text-anchor": "middle" } : { x: (fork ? x2 : x1) + 6, y: middle + 4 };
    const text = svg("text", spot);
    const value = svg("text", wide ? { ...spot, y: spot.y + 17 } : { ...spot, x: spot.x + 44 });
    text.textContent = lane;
    this.lines.append(text, value);
    this.lanes.push({ value, lane, from: one, to: two });
  }
}
