/* The parameters of the strategies. An operator who may trade changes one; the change is confirmed first, with both values. */

import { Table, el, setAttribute, setText } from "../core/dom.js";
import { Panel } from "../core/panel.js";

export class Parameters extends Panel {
  constructor(controls) {
    super("parameters", "Strategy parameters", { view: "risk", reads: ["parameters", "rights"], source: "server" });
    this.controls = controls;
    this.table = new Table([
      { name: "Strategy", text: true, value: (row) => row.strategy },
      { name: "Parameter", text: true, value: (row) => row.name },
      { name: "Value", value: (row) => row.value },
      { name: "", build: (cell, row) => cell.append(el("button", { type: "button", class: "small", on: { click: () => controls.set(row()) } }, "Change")), show: (cell, row) => this.#change(cell.firstChild, row) },
    ], { label: "Parameters of the strategies", empty: "No parameter" });
    this.body.append(this.table.node);
  }

  #change(button, row) {
    setAttribute(button, "aria-label", `Change ${row.name} of ${row.strategy}`);
    setAttribute(button, "disabled", !this.controls.may("trade"));
    setAttribute(button, "title", this.controls.may("trade") ? null : "Your right is to look: an operator who may trade changes a parameter");
  }

  draw(state) {
    this.table.draw(state.parameters);
    setText(this.count, String(state.parameters.length));
  }
}
