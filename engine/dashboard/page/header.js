/* The head of the page: which system, whether it trades, what it is worth, the venues, and whether this page is up to date. */

import { byId, el, setAttribute, setClass, setText } from "./core/dom.js";
import { age, clock, fixed, percent, profit, signed, words } from "./core/format.js";
import { STALE_MS } from "./core/panel.js";

const FIGURES = [
  ["Equity", (account) => fixed(account.equity), () => ""],
  ["Today", (account) => signed(account.netDay), (account) => profit(account.netDay)],
  ["Net", (account) => signed(account.net), (account) => profit(account.net)],
  ["Drawdown", (account) => percent(account.drawdown), () => ""],
  ["Exposure", (account) => fixed(account.gross), () => ""],
];

export class Header {
  constructor() {
    this.figures = FIGURES.map(([name]) => {
      const value = el("dd", {}, "–");
      byId("figures").append(el("div", {}, el("dt", {}, name), value));
      return value;
    });
    this.venues = new Map();
    this.drawn = 0;
  }

  refresh(state) {
    const version = ["system", "account", "venues", "halts"].reduce((sum, part) => sum + state.version(part), 1);
    if (version === this.drawn) return;
    this.drawn = version;
    setText(byId("system"), state.system.name || "Steelyard");
    document.title = `${state.system.halted ? "HALTED · " : ""}${state.system.name || "Steelyard"}`;
    setText(byId("mode"), words(state.system.mode ?? ""));
    setClass(byId("mode"), state.system.mode === "LIVE" ? "chip live" : "chip");
    FIGURES.forEach(([, text, name], at) => {
      setText(this.figures[at], text(state.account));
      setClass(this.figures[at], name(state.account));
    });
    this.#venues(state);
  }

  #venues(state) {
    for (const venue of state.venues.values()) {
      if (!this.venues.has(venue.name)) {
        const node = el("li", { class: "state" });
        byId("venues").append(node);
        this.venues.set(venue.name, node);
      }
      const node = this.venues.get(venue.name);
      const good = venue.marketGood && venue.sessionGood;
      setText(node, good ? venue.name : `${venue.name}: ${venue.marketGood ? words(venue.session ?? "no session") : venue.marketText}`);
      setClass(node, `state ${good ? "good" : "bad"}`);
      setAttribute(node, "title", `market data: ${venue.marketText}; orders: ${words(venue.session ?? "none")}`);
    }
    for (const [name, node] of this.venues) if (!state.venues.has(name)) { node.remove(); this.venues.delete(name); }
  }

  /* Called at every frame: what is old is said at once, and the state of the system is never shown as known when it is not. */
  showAge(state) {
    const ms = state.age("system");
    const link = byId("link");
    const cut = ms === null || ms > STALE_MS;
    setText(link, ms === null ? "connecting" : cut ? `no news for ${age(ms)}` : `live · ${age(ms)}`);
    setClass(link, `state ${cut ? "bad" : "good"}`);
    setText(byId("clock"), state.wallMs === null ? "" : `${clock(state.wallMs)} UTC`);
    const halted = byId("halted");
    const known = !cut;
    setText(halted, !known ? "state unknown" : state.system.halted ? `HALTED: ${words(state.system.halted.text || state.system.halted.reason)}` : "trading");
    setClass(halted, !known ? "state warn" : state.system.halted ? "state bad badge" : "state good");
    setAttribute(byId("cut"), "hidden", !(state.everHeard && cut));
    if (state.everHeard && cut) setText(byId("cut"), `${state.connected ? "The server is silent" : "No connection to the server"}: everything below is at least ${age(ms)} old.`);
    setAttribute(byId("top"), "data-stale", cut);
  }
}
