/* What is halted, which breakers have tripped, and how much of each limit is used. */

import { Table, el, setAttribute, setClass, setStyle, setText } from "../core/dom.js";
import { clock, percent, words } from "../core/format.js";
import { Panel } from "../core/panel.js";

const level = (share) => (share >= 1 ? "bad" : share >= 0.8 ? "warn" : "good");

export class Risk extends Panel {
  constructor() {
    super("risk", "Limits and breakers", { view: "risk", reads: ["limits", "halts"], source: "risk" });
    this.halts = new Table([
      { name: "Halted", text: true, value: (row) => row.scope },
      { name: "Since", text: true, value: (row) => clock(row.sinceMs) },
      { name: "Why", text: true, value: (row) => [words(row.reason), row.text].filter(Boolean).join(": "), class: () => "bad wrap" },
    ], { label: "Halts and breakers", empty: "No halt, no breaker has tripped" });
    this.limits = new Table([
      { name: "Limit", text: true, value: (row) => row.name },
      { name: "Now", value: (row) => row.nowText },
      { name: "Limit", value: (row) => row.limitText, class: () => "soft" },
      { name: "Used", text: true, build: (cell) => cell.append(el("span", { class: "meter", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100" }, el("i")), el("span", { class: "soft" })), show: (cell, row) => this.#meter(cell, row) },
    ], { label: "Limits of risk", empty: "No limit is watched: add a [monitor] table to the configuration" });
    this.halts.node.classList.add("short");
    this.body.append(this.halts.node, this.limits.node);
  }

  #meter(cell, row) {
    const [meter, text] = cell.children;
    const used = row.used;
    setStyle(meter.firstChild, "width", `${Math.min(100, Math.max(0, 100 * (used ?? 0))).toFixed(1)}%`);
    setClass(meter.firstChild, level(used ?? 0));
    setAttribute(meter, "aria-valuenow", String(Math.round(100 * (used ?? 0))));
    setAttribute(meter, "aria-label", row.name);
    setText(text, percent(used, 0));
  }

  draw(state) {
    this.halts.draw(state.halts);
    this.limits.draw(state.limits);
    setText(this.count, state.halts.length ? `${state.halts.length} halted` : "");
    setClass(this.count, "count bad");
  }
}
