/* The keyboard: each shortcut with its effect, and the list of them. A key does nothing while a user types or a dialog is open. */

import { byId, el } from "./core/dom.js";

export class Keys {
  constructor(shortcuts) {
    this.shortcuts = shortcuts;
    this.dialog = byId("keys");
    const rows = shortcuts.map(([key, text]) => el("tr", {}, el("td", { class: "text" }, el("kbd", {}, key)), el("td", { class: "text wrap" }, text)));
    this.dialog.append(el("h2", { id: "keys-title" }, "Keyboard"), el("table", {}, el("tbody", {}, ...rows)),
      el("p", {}, "Tab reaches every button, filter and list. Drag on the price chart to hold a range; a range button follows the newest price again."),
      el("footer", {}, el("button", { type: "button", autofocus: true, on: { click: () => this.dialog.close() } }, "Close")));
    document.addEventListener("keydown", (event) => this.#press(event));
  }

  open() { this.dialog.showModal(); }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, select, textarea")) { if (event.key === "Escape") event.target.blur(); return; }
    const found = this.shortcuts.find(([key]) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found[2]();
  }
}
