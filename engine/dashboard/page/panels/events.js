/* Two lists of events, the newest first: the alerts, and the last records of the journal. */

import { LongTable, setText } from "../core/dom.js";
import { clock, words } from "../core/format.js";
import { Panel } from "../core/panel.js";

const SEVERITY = { CRITICAL: "bad", ERROR: "bad", WARNING: "warn" };

export class Alerts extends Panel {
  constructor() {
    super("alerts", "Alerts", { view: "risk", reads: ["alerts"], source: "alerts" });
    this.table = new LongTable([
      { name: "Time", text: true, value: (row) => clock(row.ms) },
      { name: "Severity", text: true, value: (row) => words(row.severity), class: (row) => SEVERITY[row.severity] ?? "soft" },
      { name: "Alert", text: true, value: (row) => row.text, class: () => "grow" },
    ], { label: "Alerts", empty: "No alert" });
    this.body.append(this.table.node);
  }

  draw(state) {
    this.table.draw(state.newestAlerts());
    setText(this.count, state.alerts.length ? String(state.alerts.length) : "");
  }
}

export class Journal extends Panel {
  constructor() {
    super("journal", "Journal", { view: "orders", reads: ["journal"], source: "journal" });
    this.table = new LongTable([
      { name: "Sequence", value: (row) => String(row.sequence) },
      { name: "Time", text: true, value: (row) => clock(row.ms, 12) },
      { name: "Record", text: true, value: (row) => words(row.kind) },
      { name: "What", text: true, value: (row) => row.text, class: () => "grow" },
    ], { label: "The journal's last records", empty: "No record yet" });
    this.body.append(this.table.node);
  }

  draw(state) { this.table.draw(state.newestRecords()); }
}
