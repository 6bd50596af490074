/* What the strategies with models believe, and how much of their sizes they trade on it. */

import { Table, el, setAttribute, setStyle, setText } from "../core/dom.js";
import { clock, percent } from "../core/format.js";
import { Panel } from "../core/panel.js";

const weights = (row) => Object.entries(row.weights).map(([name, weight]) => `${name} ${percent(weight, 0)}`).join(", ");

export class Beliefs extends Panel {
  constructor() {
    super("beliefs", "Models", { view: "risk", reads: ["beliefs"], source: "server" });
    this.table = new Table([
      { name: "Strategy", text: true, value: (row) => row.strategy },
      { name: "At", text: true, value: (row) => clock(row.time_ms) },
      { name: "Probability", value: (row) => percent(row.probability, 1) },
      { name: "Confidence", value: (row) => percent(row.confidence, 1) },
      { name: "Exposure", text: true, build: (cell) => cell.append(el("span", { class: "meter", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100" }, el("i")), el("span", { class: "soft" })), show: (cell, row) => this.#meter(cell, row) },
      { name: "Regime", text: true, value: (row) => row.regime || "–" },
      { name: "Weights", text: true, value: weights, class: () => "wrap soft" },
    ], { label: "Beliefs of the strategies with models", empty: "No strategy publishes what its models believe" });
    this.body.append(this.table.node);
  }

  #meter(cell, row) {
    const [meter, text] = cell.children;
    setStyle(meter.firstChild, "width", `${(100 * (row.exposure ?? 0)).toFixed(1)}%`);
    setAttribute(meter, "aria-valuenow", String(Math.round(100 * (row.exposure ?? 0))));
    setAttribute(meter, "aria-label", `Exposure of ${row.strategy}`);
    setText(text, percent(row.exposure, 0));
  }

  draw(state) {
    this.table.draw(state.beliefs);
    setText(this.count, state.beliefs.length ? String(state.beliefs.length) : "");
  }
}
