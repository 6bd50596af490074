/* Every book in one line: the best prices, the spread, and whether the engine may trade on it. A line selects the ladder and the chart. */

import { Table, el, setAttribute, setText } from "../core/dom.js";
import { fixed, units, words } from "../core/format.js";
import { Panel } from "../core/panel.js";

export class Instruments extends Panel {
  constructor(selection) {
    super("instruments", "Books", { view: "market", reads: ["instruments", "books", "selection"], source: "books", every: 66 });
    this.selection = selection;
    this.table = new Table([
      { name: "Symbol", text: true, build: (cell, row) => this.#choice(cell, row), show: (cell, row) => this.#name(cell, row) },
      { name: "Bid", value: (row) => units(row.book?.bids[0]?.[0], row.instrument.priceDecimals), class: () => "buy" },
      { name: "Ask", value: (row) => units(row.book?.asks[0]?.[0], row.instrument.priceDecimals), class: () => "sell" },
      { name: "bp", title: "Spread in basis points", value: (row) => fixed(row.book?.spreadBps, 2) },
      { name: "State", text: true, value: (row) => words(row.book?.state ?? "EMPTY"), class: (row) => (row.book?.state === "GOOD" ? "good" : "bad") },
    ], { label: "Books", empty: "No instrument yet", rowClass: (row) => (row.instrument.id === this.selection.instrument ? "chosen" : "") });
    this.body.append(this.table.node);
  }

  #choice(cell, row) {
    cell.append(el("button", { type: "button", class: "pick", on: { click: () => this.selection.choose(row().instrument.id) } }));
  }

  #name(cell, { instrument }) {
    setText(cell.firstChild, instrument.symbol);
    setAttribute(cell.firstChild, "title", `${instrument.symbol} at ${instrument.venue}`);
    setAttribute(cell.firstChild, "aria-pressed", String(instrument.id === this.selection.instrument));
  }

  draw(state) {
    const rows = [...state.instruments.values()].map((instrument) => ({ instrument, book: state.books.get(instrument.id) }));
    this.table.draw(rows);
    setText(this.count, String(rows.length));
  }
}
