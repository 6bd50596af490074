/* What the page knows of the system: the last snapshot and every delta since. A part has a version: a panel is drawn again when the version of a part that it reads has changed. */

import { Series } from "./series.js";

const DONE = new Set(["FILLED", "CANCELLED", "REJECTED", "EXPIRED"]);
const ORDERS = 10_000; // that the page keeps; older ones that have ended are dropped
const FILLS = 5_000;
const EVENTS = 500;

export class State {
  #versions = new Map();

  constructor(news) {
    this.news = news;
    this.connected = false;
    this.clear();
  }

  sourceOfBook(id) { const feed = this.instruments.get(id)?.feed; return feed ? `role ${feed}` : "books"; }
  age(source) { return this.news.age(source); }
  get everHeard() { return this.news.heardAt !== null; }
  get wallMs() { return this.news.wallMs; }

  /* As before the first message; also at each snapshot, for a new life of the server knows nothing of the old one. */
  clear() {
    this.system = { name: "", mode: null, halted: null, rights: "look", roles: [], executions: [], feeds: [] };
    this.account = {};
    [this.instruments, this.books, this.orders, this.prices, this.venues, this.roles] = Array.from({ length: 6 }, () => new Map());
    [this.fills, this.positions, this.latency, this.halts, this.limits, this.alerts, this.journal, this.parameters, this.beliefs] = Array.from({ length: 9 }, () => []);
    this.lanes = new Map();
    this.equity = new Series();
    this.latencyCount = 0;
    this.open = new Map(); // by instrument: our open orders by client id
    for (const part of this.#versions.keys()) this.change(part);
  }

  version(part) { return this.#versions.get(part) ?? 0; }
  change(part) { this.#versions.set(part, this.version(part) + 1); }

  /* Lists, the newest first. */
  newestOrders() { return this.#newest("orders", () => [...this.orders.values()].reverse()); }
  newestFills() { return this.#newest("fills", () => [...this.fills].reverse()); }
  newestAlerts() { return this.#newest("alerts", () => [...this.alerts].reverse()); }
  newestRecords() { return this.#newest("journal", () => [...this.journal].reverse()); }

  #kept = new Map();
  #newest(part, make) {
    const kept = this.#kept.get(part);
    if (kept?.version === this.version(part)) return kept.list;
    const list = make();
    this.#kept.set(part, { version: this.version(part), list });
    return list;
  }

  setOrder(order) {
    this.orders.set(order.id, order);
    if (!this.open.has(order.instrument)) this.open.set(order.instrument, new Map());
    const open = this.open.get(order.instrument);
    if (DONE.has(order.state)) open.delete(order.id);
    else open.set(order.id, order);
    if (this.orders.size > ORDERS) this.#dropOldest();
    this.change("orders");
  }

  #dropOldest() {
    for (const [id, order] of this.orders) {
      if (!DONE.has(order.state)) continue;
      this.orders.delete(id);
      return;
    }
  }

  addFill(fill) { this.#append(this.fills, fill, FILLS, "fills"); }
  addAlert(alert) { this.#append(this.alerts, alert, EVENTS, "alerts"); }
  addRecord(record) { this.#append(this.journal, record, EVENTS, "journal"); }

  #append(list, row, most, part) {
    list.push(row);
    if (list.length > most * 1.25) list.splice(0, list.length - most);
    this.change(part);
  }

  addPrice(instrument, at, bid, ask) {
    if (!this.prices.has(instrument)) this.prices.set(instrument, new Series());
    this.prices.get(instrument).append(at, bid, ask);
    this.change("prices");
  }

  /* Each instrument's account, and below it each strategy's part. */
  positionRows() {
    return [...this.positions].sort((one, two) => one.instrument - two.instrument || one.account - two.account || Number(Boolean(one.strategy)) - Number(Boolean(two.strategy)) || one.label.localeCompare(two.label));
  }

  /* Records a second on a lane between two roles; null: not known. A lane is named after its owner, or after both. */
  laneRate(lane, from, to) {
    for (const name of [`${lane}.${from}.${to}`, `${lane}.${from}`, `${lane}.${to}`, lane]) if (this.lanes.has?.(name)) return this.lanes.get(name);
    return null;
  }

  /* The size of our open orders at each price of a book. */
  ours(instrument) {
    const sides = { bid: new Map(), ask: new Map() };
    for (const order of this.open.get(instrument)?.values() ?? []) {
      const side = order.side > 0 ? sides.bid : sides.ask;
      side.set(order.price, (side.get(order.price) ?? 0) + Number(order.size) - Number(order.filled));
    }
    return sides;
  }

  /* Our orders and fills of a chart: those that touch the range, at most this number of each, the newest. */
  marks(instrument, from, to, most) {
    const [orders, fills] = [[], []];
    for (const order of this.newestOrders()) {
      if (orders.length >= most) break;
      if (order.instrument !== instrument || order.endMs && order.endMs / 1e3 < from || order.ms / 1e3 > to || !order.price) continue;
      orders.push({ begin: order.ms / 1e3, end: order.endMs ? order.endMs / 1e3 : null, price: Number(order.price) / 10 ** order.priceDecimals, side: order.side });
    }
    for (const fill of this.newestFills()) {
      if (fills.length >= most || fill.ms / 1e3 < from) break;
      if (fill.instrument === instrument && fill.ms / 1e3 <= to) fills.push({ at: fill.ms / 1e3, price: Number(fill.price) / 10 ** fill.priceDecimals, side: fill.side });
    }
    return { orders, fills };
  }
}
