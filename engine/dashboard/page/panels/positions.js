/* What is held and what it has earned: the account, and below it each strategy's part. */

import { Table } from "../core/dom.js";
import { profit, signed, units } from "../core/format.js";
import { Panel } from "../core/panel.js";

const money = (name, part, title) => ({ name, title, value: (row) => signed(row[part]), class: (row) => profit(row[part]) });

export class Positions extends Panel {
  constructor() {
    super("positions", "Positions", { view: "market", reads: ["positions", "instruments"], source: "positions" });
    this.table = new Table([
      { name: "Instrument", text: true, value: (row) => row.label },
      { name: "Size", value: (row) => units(row.size, row.sizeDecimals), class: (row) => (row.size > 0 ? "buy" : row.size < 0 ? "sell" : "") },
      { name: "Average", value: (row) => units(row.averagePrice, row.priceDecimals) },
      money("Unreal.", "unrealised", "Unrealised, in the quote currency"),
      money("Today", "netDay", "Net since the beginning of this UTC day, fees included"),
      money("Net", "net", "Realised + unrealised - fees"),
    ], { label: "Positions", empty: "No position", rowClass: (row) => (row.strategy ? "part" : "head") });
    this.body.append(this.table.node);
  }

  draw(state) { this.table.draw(state.positionRows()); }
}
