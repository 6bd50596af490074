/* The book of the chosen instrument: asks above bids, sizes as bars, and the size of our own open orders at their prices. */

import { el, setAttribute, setClass, setStyle, setText } from "../core/dom.js";
import { DASH, clock, fixed, units, words } from "../core/format.js";
import { Panel } from "../core/panel.js";

const ROW = 19;

export class Ladder extends Panel {
  constructor(selection) {
    super("ladder", "Ladder", { view: "market", reads: ["books", "orders", "fills", "selection"], source: (state) => state.sourceOfBook(selection.instrument), every: 33 });
    this.selection = selection;
    this.sides = { ask: el("tbody", { class: "asks" }), bid: el("tbody", { class: "bids" }) };
    this.middle = el("td", { colspan: "4", class: "middle" });
    this.foot = el("p", { class: "foot dim" });
    const heads = ["Ours", "Price", "Size", "Total"].map((name) => el("th", { scope: "col" }, name));
    this.box = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Ladder of the chosen book" },
      el("table", { class: "ladder" }, el("thead", {}, el("tr", {}, ...heads)), this.sides.ask, el("tbody", {}, el("tr", {}, this.middle)), this.sides.bid));
    this.body.append(this.box, this.foot);
    this.lines = { ask: [], bid: [] };
    this.levels = 8;
    new ResizeObserver(([entry]) => { this.levels = Math.max(3, Math.min(10, Math.floor((entry.contentRect.height - 48) / ROW / 2))); this.touch(); }).observe(this.box);
  }

  draw(state) {
    const instrument = state.instruments.get(this.selection.instrument);
    const book = state.books.get(this.selection.instrument);
    setText(this.count, instrument ? `${instrument.symbol} · ${instrument.venue}` : "");
    if (!instrument || !book) return;
    const ours = state.ours(instrument.id);
    const most = Math.max(1, ...[book.bids, book.asks].flatMap((side) => side.slice(0, this.levels).map(([, size]) => Number(size))));
    this.#side("ask", [...this.#totals(book.asks)].reverse(), ours.ask, most, instrument);
    this.#side("bid", this.#totals(book.bids), ours.bid, most, instrument);
    const good = book.state === "GOOD";
    setText(this.middle, good ? `spread ${this.#spread(book, instrument)} · ${fixed(book.spreadBps, 3)} bp` : `book ${words(book.state)}: the engine does not trade on it`);
    setClass(this.middle, good ? "middle" : "middle bad");
    setAttribute(this.node, "data-sequence", String(book.sequence));
    setText(this.foot, `venue sequence ${book.sequence} · received ${clock(book.receiveMs, 12)} UTC`);
  }

  #totals(levels) {
    let total = 0;
    return Array.from({ length: this.levels }, (_, at) => (at < levels.length ? [...levels[at], (total += Number(levels[at][1]))] : null));
  }

  #spread(book, instrument) {
    return book.bids.length && book.asks.length ? units(Number(book.asks[0][0]) - Number(book.bids[0][0]), instrument.priceDecimals) : DASH;
  }

  #side(name, levels, ours, most, instrument) {
    const lines = this.lines[name];
    while (lines.length < levels.length) {
      const cells = [el("td", { class: "ours" }), el("td", { class: "price" }), el("td", { class: "size" }), el("td", { class: "total" })];
      const node = el("tr", {}, ...cells);
      lines.push({ node, cells });
      this.sides[name].append(node);
    }
    while (lines.length > levels.length) lines.pop().node.remove();
    levels.forEach((level, at) => {
      const { node, cells } = lines[at];
      const own = level && ours.get(level[0]);
      setText(cells[0], own ? units(own, instrument.sizeDecimals) : "");
      setText(cells[1], level ? units(level[0], instrument.priceDecimals) : "");
      setText(cells[2], level ? units(level[1], instrument.sizeDecimals) : "");
      setText(cells[3], level ? units(level[2], instrument.sizeDecimals) : "");
      setStyle(cells[2], "--bar", level ? `${((100 * Number(level[1])) / most).toFixed(1)}%` : "0%");
      setClass(node, own ? "own" : "");
    });
  }
}
