/* Applies a frame to the state: JSON parts by their name, records by their layout. */

import { Layout, SNAPSHOT, json } from "./frames.js";
import { DASH, fixed, percent, sideWord, units } from "./format.js";

const MS = 1e6; // nanoseconds
const known = (value) => value !== null && value !== undefined;

export class Apply {
  constructor(state, news) {
    this.state = state;
    this.news = news;
    this.layouts = {};
    this.words = {};
  }

  frame(frame) {
    if (frame.kind === SNAPSHOT) this.state.clear();
    for (const [name, view] of frame.sections) {
      if (name === "parts") this.#parts(json(view), frame.serverMs);
      else this[name]?.(view);
    }
  }

  #parts(parts, serverMs) {
    const { ages, ...others } = parts;
    this.#hear(ages, serverMs);
    for (const [name, value] of Object.entries(others)) {
      this[`_${name}`]?.(value);
      this.state.change(name);
    }
  }

  /* The panels' sources are roles: what a role publishes is as old as its heartbeat. */
  #hear(ages, serverMs) {
    const { system } = this.state;
    const oldest = (roles) => Math.max(...roles.map((role) => ages[role] ?? Infinity));
    const one = (role) => (system.roles?.includes(role) ? ages[role] ?? Infinity : 0); // a role that the system does not have is no source
    const trading = system.executions?.some((role) => system.roles.includes(role)) ? oldest(system.executions.filter((role) => system.roles.includes(role))) : 0;
    const feeds = system.feeds?.filter((role) => system.roles.includes(role)) ?? [];
    const sources = { ...Object.fromEntries(Object.entries(ages).map(([role, ms]) => [`role ${role}`, ms])),
      books: feeds.length ? oldest(feeds) : 0, orders: trading, positions: trading, journal: trading, equity: Math.max(trading, one("monitor")), risk: Math.max(trading, one("monitor")), alerts: one("alerts"), server: 0 };
    this.news.hear(serverMs, Object.entries(sources));
    for (const [name, ms] of Object.entries(ages)) { const role = this.state.roles.get(name); if (role) role.beatAgeMs = ms; }
    this.state.change("ages");
  }

  _words(words) {
    this.words = words;
    this.layouts = Object.fromEntries(Object.entries(words.layouts).map(([name, one]) => [name, new Layout(one)]));
  }

  _system(value) {
    this.state.system = { ...value, halted: value.halted && { reason: value.halted.reason, sinceMs: value.halted.since_ms } };
    this.state.change("rights");
  }

  _account(value) { this.state.account = { ...value, netDay: value.net_day }; }

  _venues(value) {
    this.state.venues = new Map(value.map((one) => [one.name, { name: one.name, marketGood: one.good === one.books, marketText: `${one.good} of ${one.books} books good`, session: one.session, sessionGood: one.session === "READY" || one.session === null, text: one.text }]));
  }

  _instruments(value) {
    this.state.instruments = new Map(value.map((one) => [one.id, { id: one.id, venue: one.venue, symbol: one.symbol, base: one.base, quote: one.quote, priceDecimals: one.price_decimals, sizeDecimals: one.size_decimals, feed: one.feed }]));
    for (const part of ["books", "orders", "fills", "prices"]) this.state.change(part);
  }

  _positions(value) {
    this.state.positions = value.map((one) => ({ ...one, label: one.strategy || one.symbol, averagePrice: one.average_price, priceDecimals: one.price_decimals, sizeDecimals: one.size_decimals, netDay: one.net_day }));
  }

  _roles(value) {
    const before = this.state.roles;
    this.state.roles = new Map(value.map((one) => [one.name, { ...one, stepsRate: one.steps, beatAgeMs: before.get(one.name)?.beatAgeMs ?? null }]));
  }

  _lanes(value) { this.state.lanes = new Map(Object.entries(value)); }

  _latency(value) {
    this.state.latency = value.map((one) => ({ ...one, budgetNs: one.budget }));
    this.state.latencyCount = value.find((one) => one.name === "order")?.count ?? 0;
  }

  _halts(value) { this.state.halts = value.map((one) => ({ ...one, sinceMs: one.since_ms })); }

  _limits(value) {
    const shown = (unit, figure) => (!known(figure) ? DASH : unit === "usd" ? fixed(figure, 0) : unit === "ratio" ? fixed(figure, 3) : percent(figure));
    this.state.limits = value.filter((one) => known(one.now) || known(one.limit)).map((one) => {
      const used = !known(one.now) || !known(one.limit) ? null : one.unit === "least" ? Math.max(0, 1 - one.now) / Math.max(1 - one.limit, 1e-9) : one.limit ? one.now / one.limit : null;
      return { name: one.name, nowText: shown(one.unit, one.now), limitText: known(one.limit) ? (one.unit === "least" ? "≥ " : "") + shown(one.unit, one.limit) : "not set", used };
    });
  }

  _alerts(value) {
    this.state.alerts = value.map((one) => ({ ms: one.last_ns / MS, severity: one.severity.toUpperCase(), text: `${one.cause} ${one.subject}: ${one.what}${one.count > 1 ? ` (${one.count} times)` : ""}${one.present ? "" : " — over"}` })).sort((one, two) => one.ms - two.ms);
  }

  _beliefs(value) { this.state.beliefs = value; }

  _parameters(value) { this.state.parameters = value; }

  book(view) {
    const { layouts: { book: layout }, words, state } = this;
    for (const at of layout.each(view)) {
      const get = (name) => layout.get(view, at, name);
      const side = (name) => { const [price, size] = [get(`${name}_price`), get(`${name}_size`)]; return Array.from({ length: get(`${name}s`) }, (_, level) => [price[level], size[level]]); };
      const id = get("instrument");
      const book = { id, state: words.BookState[get("state")] ?? "UNKNOWN", bids: side("bid"), asks: side("ask"), sequence: get("venue_sequence"), spreadBps: get("spread_bps"), receiveMs: Number(get("receive_ns")) / MS };
      state.books.set(id, book);
      const instrument = state.instruments.get(id);
      if (instrument && book.state === "GOOD" && book.bids.length && book.asks.length) {
        const unit = 10 ** instrument.priceDecimals;
        state.addPrice(id, book.receiveMs / 1e3, Number(book.bids[0][0]) / unit, Number(book.asks[0][0]) / unit);
      }
    }
    state.change("books");
  }

  order(view) {
    const { layouts: { order: layout }, state } = this;
    for (const at of layout.each(view)) if (!(layout.get(view, at, "flags") & this.words.flags.foreign)) state.setOrder(this.#order(layout, view, at));
  }

  #order(layout, view, at) {
    const get = (name) => layout.get(view, at, name);
    const [instrument, intent, sent, answer] = [get("instrument"), get("intent_id"), get("sent_ns"), get("answer_ns")];
    const state = this.words.OrderState[get("state")] ?? "UNKNOWN";
    const ended = ["FILLED", "CANCELLED", "REJECTED", "EXPIRED"].includes(state);
    const order = { id: layout.hex(view, at, "client_id"), intent: String(intent), venueId: get("venue_order_id"), instrument, ...this.#named(instrument, get("strategy")), side: get("side"), size: get("size"), filled: get("filled"),
      price: get("price"), state, ms: Number(get("intent_ns") || get("now_ns")) / MS, endMs: ended ? Number(get("now_ns")) / MS : null,
      answerNs: answer && sent ? Number(answer - sent) : null, error: [get("error"), get("error_text")].filter(Boolean).join(" ") };
    order.searched = `${order.symbol} ${order.strategy} ${sideWord(order.side)} ${order.venueId} ${order.intent} ${state}`.toLowerCase();
    return order;
  }

  #named(instrument, strategy) {
    const found = this.state.instruments.get(instrument);
    return { symbol: found?.symbol ?? String(instrument), priceDecimals: found?.priceDecimals ?? 0, sizeDecimals: found?.sizeDecimals ?? 0, strategy: this.words.strategies[strategy] ?? (strategy ? String(strategy) : "") };
  }

  fill(view) {
    const { layouts: { fill: layout }, state } = this;
    for (const at of layout.each(view)) {
      const get = (name) => layout.get(view, at, name);
      if (get("flags") & this.words.flags.opening) continue;
      const instrument = get("instrument");
      state.addFill({ id: get("venue_fill_id"), instrument, ...this.#named(instrument, get("strategy")), side: get("side"), size: get("size"), price: get("price"), ms: Number(get("receive_ns")) / MS, fee: Number(get("fee")) / 1e8, feeAsset: get("fee_asset"), maker: Boolean(get("maker")) });
    }
  }

  journal(view) {
    const { layouts: { journal: layout }, words, state } = this;
    for (const at of layout.each(view)) {
      const kind = words.JournalKind[layout.get(view, at, "kind")] ?? String(layout.get(view, at, "kind"));
      state.addRecord({ sequence: layout.get(view, at, "sequence"), ms: Number(layout.get(view, at, "now_ns")) / MS, kind, text: this.#told(kind, ...layout.inner(view, at, "payload")) });
    }
  }

  /* A journal record in words. */
  #told(kind, view, at) {
    const layout = { ORDER: this.layouts.order, FILL: this.layouts.fill, INTENT: this.layouts.intent, VERDICT: this.layouts.verdict }[kind];
    if (!layout) return "";
    const get = (name) => layout.get(view, at, name);
    const { symbol, priceDecimals, sizeDecimals, strategy } = this.#named(get("instrument"), get("strategy"));
    if (kind === "VERDICT") return `${strategy} ${symbol}: ${(this.words.Reason[get("reason")] ?? "").toLowerCase().replaceAll("_", " ")}`;
    const price = get("price");
    const said = `${strategy} ${sideWord(get("side"))} ${units(get("size"), sizeDecimals)} ${symbol}${price ? ` at ${units(price, priceDecimals)}` : ""}`;
    if (kind === "ORDER") return `${said}: ${(this.words.OrderState[get("state")] ?? "").toLowerCase().replaceAll("_", " ")}`;
    return kind === "INTENT" ? `${(this.words.IntentKind[get("kind")] ?? "").toLowerCase().replaceAll("_", " ")} ${said}` : said;
  }

  points(view) {
    for (let at = 0; at + 32 <= view.byteLength; at += 32) {
      const instrument = Number(view.getBigUint64(at, true));
      const unit = 10 ** (this.state.instruments.get(instrument)?.priceDecimals ?? 0);
      this.state.addPrice(instrument, view.getFloat64(at + 8, true) / 1e3, Number(view.getBigInt64(at + 16, true)) / unit, Number(view.getBigInt64(at + 24, true)) / unit);
    }
  }

  worth(view) {
    for (let at = 0; at + 16 <= view.byteLength; at += 16) this.state.equity.append(view.getFloat64(at, true) / 1e3, view.getFloat64(at + 8, true), view.getFloat64(at + 8, true));
    this.state.change("equity");
  }
}
