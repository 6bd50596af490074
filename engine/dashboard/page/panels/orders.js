/* The blotter: every order that the page knows, the newest first, with filters. The document holds only the visible rows. */

import { momentColumn } from "../core/columns.js";
import { LongTable, el, setAttribute, setText } from "../core/dom.js";
import { duration, sideWord, units, words } from "../core/format.js";
import { Panel } from "../core/panel.js";

const DONE = new Set(["FILLED", "CANCELLED", "REJECTED", "EXPIRED"]);
const STATES = {
  all: () => true,
  open: (row) => !DONE.has(row.state),
  filled: (row) => row.filled > 0,
  rejected: (row) => row.state === "REJECTED",
};
const COLOURS = { FILLED: "good", REJECTED: "bad", UNKNOWN: "warn", CANCELLED: "soft", EXPIRED: "soft" };

export class Orders extends Panel {
  constructor(controls) {
    super("orders", "Orders", { view: "orders", reads: ["orders", "instruments"], source: "orders" });
    this.state = "all";
    this.text = "";
    this.table = new LongTable([
      momentColumn,
      { name: "Symbol", text: true, value: (row) => row.symbol },
      { name: "Side", text: true, value: (row) => sideWord(row.side), class: (row) => sideWord(row.side) },
      { name: "Size", value: (row) => units(row.size, row.sizeDecimals) },
      { name: "Filled", minor: true, value: (row) => units(row.filled, row.sizeDecimals), class: (row) => (row.filled ? "" : "dim") },
      { name: "Price", value: (row) => units(row.price, row.priceDecimals) },
      { name: "State", text: true, show: (cell, row) => { setText(cell, words(row.state)); setAttribute(cell, "title", row.error || null); }, class: (row) => COLOURS[row.state] ?? "" },
      { name: "Strategy", text: true, minor: true, value: (row) => row.strategy },
      { name: "Answer", minor: true, title: "From the order's send to the venue's answer", value: (row) => duration(row.answerNs) },
      { name: "", build: (cell, row) => cell.append(el("button", { type: "button", class: "small", on: { click: () => controls.cancel(row()) } }, "Cancel")), show: (cell, row) => this.#cancel(cell.firstChild, row) },
    ], { label: "Orders", empty: "No order matches" });
    this.#filters();
    this.body.append(this.table.node);
  }

  #filters() {
    const buttons = Object.keys(STATES).map((name) => el("button", { type: "button", class: "small", "aria-pressed": String(name === this.state), on: { click: () => choose(name) } }, name));
    const choose = (name) => {
      this.state = name;
      buttons.forEach((one, at) => one.setAttribute("aria-pressed", String(Object.keys(STATES)[at] === name)));
      this.touch();
    };
    this.search = el("input", { type: "search", id: "orders-filter", placeholder: "symbol, strategy, side, id", "aria-label": "Filter the orders by symbol, strategy, side or id", size: "20", on: { input: (event) => { this.text = event.target.value.trim().toLowerCase(); this.touch(); } } });
    this.tools.append(el("div", { class: "group", role: "group", "aria-label": "Which orders" }, ...buttons), this.search);
  }

  #cancel(button, row) {
    setAttribute(button, "hidden", DONE.has(row.state));
    setAttribute(button, "aria-label", `Cancel the ${sideWord(row.side)} order of ${row.symbol}`);
  }

  draw(state) {
    const [chosen, wanted] = [STATES[this.state], this.text.split(" ").filter(Boolean)];
    const all = state.newestOrders();
    const rows = this.state === "all" && !wanted.length ? all : all.filter((row) => chosen(row) && wanted.every((word) => row.searched.includes(word)));
    this.table.draw(rows);
    setText(this.count, rows.length === state.orders.size ? String(rows.length) : `${rows.length} of ${state.orders.size}`);
  }
}
