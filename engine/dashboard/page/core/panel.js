/* A panel: its head with the age of its data, and its body. It is grey while its source, the server or the network is silent. */

import { byId, el, setAttribute, setText } from "./dom.js";
import { age } from "./format.js";

export const STALE_MS = 800; // a panel must be grey within a second of the last news, and a frame passes before it is

export class Panel {
  /* `view` is the tab of a small screen. `reads` names the parts of the state that it draws: it is drawn when one has changed, at most once in `every` milliseconds. */
  constructor(id, title, { view, reads, source, every = 100 }) {
    this.reads = reads;
    this.source = source;
    this.visible = true;
    this.broken = false;
    this.every = every;
    this.drawn = 0;
    this.due = 0;
    this.count = el("span", { class: "count" });
    this.tools = el("div", { class: "tools" });
    this.age = el("span", { class: "age", title: "Age of the data" });
    this.body = el("div", { class: "body" });
    this.node = el("section", { id, class: `panel ${view}`, "aria-labelledby": `${id}-title` },
      el("header", {}, el("h2", { id: `${id}-title` }, title), this.count, this.tools, this.age), this.body);
    byId("main").append(this.node);
    new IntersectionObserver(([entry]) => { this.visible = entry.isIntersecting; this.drawn = 0; }).observe(this.node);
  }

  /* Draws the panel if it is visible and something that it reads has changed since. */
  refresh(state, now) {
    if (!this.visible || now < this.due) return;
    const version = this.reads.reduce((sum, part) => sum + state.version(part), 1);
    if (version === this.drawn) return;
    this.drawn = version;
    this.due = now + this.every;
    try {
      this.draw(state);
      this.broken = false;
    } catch (error) { // the other panels go on; this one is grey, because what it shows may be of before
      this.broken = true;
      console.error(`${this.node.id}:`, error);
    }
  }

  /* Draws again although no data has changed: a filter, a size or the theme has. */
  touch() { this.drawn = this.due = 0; }

  showAge(state) {
    const ms = state.age(typeof this.source === "function" ? this.source(state) : this.source);
    const stale = ms === null || ms > STALE_MS;
    setAttribute(this.node, "data-stale", stale || this.broken);
    setText(this.age, this.broken ? "not drawn" : ms === null ? "no data" : stale ? `stale ${age(ms)}` : age(ms));
  }
}
