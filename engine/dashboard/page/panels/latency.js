/* Latency, hop by hop: the percentiles beside the budget, and the distribution on a logarithmic axis from 1 µs to 1 s. */

import { Table, el, setAttribute, setClass, setStyle, setText } from "../core/dom.js";
import { duration } from "../core/format.js";
import { Panel } from "../core/panel.js";

const [FROM, TO] = [Math.log10(1e3), Math.log10(1e9)];
const place = (ns) => Math.max(0, Math.min(100, (100 * (Math.log10(Math.max(ns, 1)) - FROM)) / (TO - FROM)));
const over = (row, ns) => (row.budgetNs && ns > row.budgetNs ? "bad" : "");

export class Latency extends Panel {
  constructor() {
    super("latency", "Latency", { view: "engine", reads: ["latency"], source: "server", every: 500 });
    this.table = new Table([
      { name: "Hop", text: true, value: (row) => row.name },
      { name: "p50", value: (row) => duration(row.p50), class: (row) => over(row, row.p50) },
      { name: "p99", value: (row) => duration(row.p99), class: (row) => over(row, row.p99) },
      { name: "p99.9", value: (row) => duration(row.p999) },
      { name: "Most", value: (row) => duration(row.most) },
      { name: "Budget", value: (row) => duration(row.budgetNs), class: () => "soft" },
      { name: "1 µs … 1 s", text: true, build: (cell) => cell.append(el("span", { class: "spread" }, el("i", { class: "range" }), el("i", { class: "median" }), el("i", { class: "budget" }))), show: (cell, row) => this.#bar(cell.firstChild, row) },
    ], { label: "Latency of each hop", empty: "No order has been sent yet" });
    this.body.append(this.table.node);
  }

  #bar(bar, row) {
    const [range, median, budget] = bar.children;
    const [from, to] = [place(row.p50), place(row.p999 ?? row.p99)];
    setStyle(range, "left", `${from.toFixed(1)}%`);
    setStyle(range, "width", `${Math.max(1, to - from).toFixed(1)}%`);
    setStyle(median, "left", `${from.toFixed(1)}%`);
    setAttribute(budget, "hidden", !row.budgetNs);
    if (row.budgetNs) setStyle(budget, "left", `${place(row.budgetNs).toFixed(1)}%`);
    setClass(range, `range ${over(row, row.p99)}`);
    setAttribute(bar, "title", `p50 ${duration(row.p50)}, p99 ${duration(row.p99)}`);
  }

  draw(state) {
    this.table.draw(state.latency);
    const orders = state.latencyCount;
    setText(this.count, orders ? `${orders} orders` : "");
  }
}
