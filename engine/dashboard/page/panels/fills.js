/* The newest fills. */

import { momentColumn } from "../core/columns.js";
import { LongTable, setText } from "../core/dom.js";
import { amount, sideWord, units } from "../core/format.js";
import { Panel } from "../core/panel.js";

export class Fills extends Panel {
  constructor() {
    super("fills", "Fills", { view: "orders", reads: ["fills", "instruments"], source: "orders" });
    this.table = new LongTable([
      momentColumn,
      { name: "Symbol", text: true, value: (row) => row.symbol },
      { name: "Side", text: true, value: (row) => sideWord(row.side), class: (row) => sideWord(row.side) },
      { name: "Size", value: (row) => units(row.size, row.sizeDecimals) },
      { name: "Price", value: (row) => units(row.price, row.priceDecimals) },
      { name: "Strategy", text: true, minor: true, value: (row) => row.strategy },
      { name: "Fee", minor: true, value: (row) => `${amount(row.fee)} ${row.feeAsset}` },
      { name: "Role", text: true, value: (row) => (row.maker ? "maker" : "taker") },
    ], { label: "Fills", empty: "No fill yet" });
    this.body.append(this.table.node);
  }

  draw(state) {
    this.table.draw(state.newestFills());
    setText(this.count, String(state.fills.length));
  }
}
