/* The best bid and ask of the chosen book over time, our orders as lines at their price while they are open, and our fills as marks.

A fill is a filled triangle: up and blue for buy, down and orange for sell. An order is a line from its submission to its end. */

import { el, setText } from "../core/dom.js";
import { units } from "../core/format.js";
import { Panel } from "../core/panel.js";
import { Plot, axes, colour, utc } from "../core/plot.js";

const RANGES = { "1m": 60, "5m": 300, "15m": 900, "1h": 3600 };
const SHORTEST = 10; // seconds of a chart that has just begun
const DRAWN = 600; // orders and fills on a chart, the newest

export class Chart extends Panel {
  constructor(selection) {
    super("chart", "Price", { view: "market", reads: ["prices", "orders", "fills", "selection"], source: (state) => state.sourceOfBook(selection.instrument), every: 66 });
    this.selection = selection;
    this.range = "1m";
    this.held = null; // the time range that a user has chosen with the pointer; null: it follows the newest price
    this.marks = { orders: [], fills: [] };
    this.plot = new Plot(this.body, () => this.#options(), "Best bid and ask, with our orders and fills");
    this.#ranges();
  }

  #ranges() {
    const buttons = Object.keys(RANGES).map((name) => el("button", { type: "button", class: "small", "aria-pressed": String(name === this.range), on: { click: () => choose(name) } }, name));
    const choose = (name) => {
      [this.range, this.held] = [name, null];
      buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.textContent === name)));
      this.touch();
    };
    this.tools.append(el("div", { class: "group", role: "group", "aria-label": "Range of time" }, ...buttons), this.#legend());
  }

  #legend() {
    const part = (mark, name, text) => el("span", { class: "key" }, el("i", { class: name, "aria-hidden": "true" }, mark), text);
    return el("span", { class: "legend" }, part("━", "buy", "bid"), part("━", "sell", "ask"), part("┅", "soft", "our order"), part("▲", "buy", "bought"), part("▼", "sell", "sold"));
  }

  #options() {
    const line = (label, name) => ({ label, stroke: colour(name), width: 1.25, points: { show: false }, spanGaps: false });
    return {
      tzDate: utc, legend: { show: false }, padding: [10, 0, 0, 26],
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false } },
      scales: { x: { time: true }, y: { range: (_, low, high) => this.#reach(low, high) } },
      axes: axes((tick) => this.#text(tick), 84), series: [{}, line("bid", "--buy"), line("ask", "--sell")],
      bands: [{ series: [2, 1], fill: colour("--faint") }],
      hooks: { draw: [(plot) => this.#drawMarks(plot)], setSelect: [(plot) => this.#hold(plot)] },
    };
  }

  /* A range that the newest price does not press to the edge; a flat line is in its middle. */
  #reach(low, high) {
    if (low === null) return [0, 1];
    const pad = Math.max((high - low) * 0.12, 10 ** -(this.instrument?.priceDecimals ?? 2) * 4);
    return [low - pad, high + pad];
  }

  #text(price) { return this.instrument ? units(Math.round(price * 10 ** this.instrument.priceDecimals), this.instrument.priceDecimals) : ""; }

  #hold(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    this.held = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.touch();
  }

  draw(state) {
    this.instrument = state.instruments.get(this.selection.instrument);
    setText(this.count, this.instrument ? `${this.instrument.symbol} · ${this.instrument.quote}` : "");
    const series = state.prices.get(this.selection.instrument);
    if (!this.instrument || !series?.length) return;
    const [from, to] = this.held ?? [Math.max(series.last - RANGES[this.range], Math.min(series.at[0], series.last - SHORTEST)), series.last];
    const { at, low, high } = series.thinned(from, to, this.plot.width);
    this.marks = state.marks(this.instrument.id, from, to, DRAWN);
    this.plot.draw([at, low, high], from, to);
  }

  #drawMarks(plot) {
    const { ctx, bbox } = plot;
    const [x, y] = [(at) => plot.valToPos(at, "x", true), (price) => plot.valToPos(price, "y", true)];
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const colours = { 1: colour("--buy"), "-1": colour("--sell") };
    ctx.lineWidth = ratio;
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    for (const one of this.marks.orders) {
      ctx.strokeStyle = colours[one.side];
      ctx.globalAlpha = one.end === null ? 1 : 0.4;
      ctx.beginPath();
      ctx.moveTo(x(one.begin), y(one.price));
      ctx.lineTo(one.end === null ? bbox.left + bbox.width : x(one.end), y(one.price));
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
    for (const one of this.marks.fills) this.#triangle(ctx, x(one.at), y(one.price), one.side, colours[one.side], 4 * ratio);
    ctx.restore();
  }

  #triangle(ctx, x, y, side, fill, size) {
    ctx.beginPath();
    ctx.moveTo(x, y - side * size);
    ctx.lineTo(x + size, y + side * size);
    ctx.lineTo(x - size, y + side * size);
    ctx.closePath();
    ctx.fillStyle = fill;
    ctx.strokeStyle = colour("--card");
    ctx.fill();
    ctx.stroke();
  }
}
