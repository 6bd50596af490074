/* Columns that several tables have. */

import { el, setText } from "./dom.js";
import { clock } from "./format.js";

/* A time of day in UTC; the milliseconds are not shown on a phone. */
export const momentColumn = {
  name: "Time", text: true,
  build: (cell) => cell.append(el("span"), el("span", { class: "minor dim" })),
  show: (cell, row) => {
    setText(cell.firstChild, clock(row.ms));
    setText(cell.lastChild, clock(row.ms, 12).slice(8));
  },
};
