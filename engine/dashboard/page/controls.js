/* What an operator changes: halt, flatten, resume, cancel, a parameter. Each is confirmed in a dialog that says what will happen, and the supervisor's answer is shown as it came. The buttons of what the operator's right does not allow are off; the supervisor decides anyway. */

import { byId, el } from "./core/dom.js";
import { sideWord, units } from "./core/format.js";

const RIGHTS = ["look", "halt", "trade"];
const NEEDED = { halt: "halt", cancel: "halt", resume: "trade", flatten: "trade", set: "trade" };
const SHOWN_MS = 8_000;

export class Controls {
  /* `send` passes a command to the server and resolves to its answer. */
  constructor(state, send) {
    this.state = state;
    this.send = send;
    for (const name of ["halt", "flatten", "resume"]) byId(name).addEventListener("click", () => this[name]());
  }

  may(right) { return RIGHTS.indexOf(this.state.system.rights) >= RIGHTS.indexOf(right); }

  /* Turns off the buttons that the operator's right or the state of the system does not allow. */
  refresh() {
    const halted = Boolean(this.state.system.halted);
    const off = { halt: halted, flatten: false, resume: !halted };
    for (const [name, useless] of Object.entries(off)) {
      byId(name).disabled = useless || !this.may(NEEDED[name]);
      byId(name).title = this.may(NEEDED[name]) ? `${name} (${name[0]})` : `Your right is "${this.state.system.rights}": this needs "${NEEDED[name]}"`;
    }
  }

  halt() {
    this.#ask({ title: `Halt ${this.state.system.name}`, button: "Halt", danger: true, command: { command: "halt" },
      text: "Execution refuses every new order and cancels those that are open. Positions stay. Only an operator who may trade resumes." });
  }

  flatten() {
    this.#ask({ title: `Flatten ${this.state.system.name}`, button: "Flatten", danger: true, word: "flatten", command: { command: "flatten", confirm: "flatten" },
      text: "The system halts, its orders are cancelled, and every position is closed at the market's price." });
  }

  resume() {
    const why = this.state.system.halted;
    this.#ask({ title: `Resume ${this.state.system.name}`, button: "Resume", word: "resume", command: { command: "resume", confirm: "resume" },
      text: `Strategies submit orders again.${why ? ` It was halted: ${why.text || why.reason}.` : ""}` });
  }

  cancel(order) {
    if (!order) return;
    this.#ask({ title: "Cancel this order", button: "Cancel the order", danger: true, command: { command: "cancel", order: order.intent },
      text: `${order.strategy}: ${sideWord(order.side)} ${units(order.size, order.sizeDecimals)} ${order.symbol} at ${units(order.price, order.priceDecimals)}, ${units(order.filled, order.sizeDecimals)} filled.` });
  }

  set(parameter) {
    if (!parameter) return;
    this.#ask({ title: `Change ${parameter.name} of ${parameter.strategy}`, button: "Change", value: parameter.value,
      command: { command: "set", strategy: parameter.strategy, name: parameter.name, before: parameter.value },
      text: `Now ${parameter.value}. The strategy applies the new value between two events, and it holds across restarts.` });
  }

  /* A dialog: with `word` the operator types it, with `value` a new value; otherwise the button has the focus. */
  #ask({ title, text, button, danger, word, value, command }) {
    const dialog = byId("ask");
    if (dialog.open || !this.may(NEEDED[command.command])) return;
    const field = word || value !== undefined ? el("input", { autocomplete: "off", spellcheck: "false", value, autofocus: true }) : null;
    const go = el("button", { class: danger ? "danger" : "", type: "submit", autofocus: !field, disabled: Boolean(field) }, button);
    field?.addEventListener("input", () => { go.disabled = word ? field.value.trim().toLowerCase() !== word : field.value.trim() === "" || field.value === value; });
    const form = el("form", { method: "dialog", on: { submit: () => this.#send(value === undefined ? command : { ...command, value: field.value.trim() }, title) } },
      el("h2", { id: "ask-title" }, title), el("p", {}, text),
      ...(field ? [el("label", {}, word ? `Type "${word}" to confirm` : "New value", field)] : []),
      el("footer", {}, el("button", { type: "button", on: { click: () => dialog.close() } }, "Back"), go));
    dialog.replaceChildren(form);
    dialog.showModal();
  }

  async #send(command, title) {
    try {
      const answer = await this.send(command);
      this.#show(`${title}: ${answer.text}`, answer.ok);
    } catch (error) {
      this.#show(`${title}: no answer from the server (${error.message}). It is not known whether the command was carried out: look at the state above, or use engine-ctl.`, false);
    }
  }

  #show(text, ok) {
    const line = el("div", { class: ok ? "" : "bad" }, text);
    byId("answers").append(line);
    setTimeout(() => line.remove(), ok ? SHOWN_MS : 3 * SHOWN_MS);
  }
}
