/* The account's net profit over time. */

import { setClass, setText } from "../core/dom.js";
import { fixed, profit, signed } from "../core/format.js";
import { Panel } from "../core/panel.js";
import { Plot, axes, colour, utc } from "../core/plot.js";


export class Equity extends Panel {
  constructor() {
    super("equity", "Equity", { view: "market", reads: ["equity"], source: "equity", every: 250 });
    this.plot = new Plot(this.body, () => this.#options(), "Equity of the account over time");
  }

  #options() {
    return {
      tzDate: utc, legend: { show: false }, padding: [10, 0, 0, 26], cursor: { show: true, points: { show: false } },
      scales: { x: { time: true }, y: { range: (_, low, high) => (low === null ? [0, 1] : [low - Math.max((high - low) * 0.1, 0.01), high + Math.max((high - low) * 0.1, 0.01)]) } },
      axes: axes((tick) => fixed(tick, 2), 78),
      series: [{}, { stroke: colour("--ink"), width: 1.5, points: { show: false } }],
    };
  }

  draw(state) {
    const series = state.equity;
    if (!series.length) return;
    const [from, to] = [series.at[0], Math.max(series.last, series.at[0] + 10)];
    const { at, low, high } = series.thinned(from, to, this.plot.width);
    this.plot.draw([at, low.map((one, index) => (one + high[index]) / 2)], from, to);
    const change = series.high[series.length - 1] - series.high[0];
    setText(this.count, `${fixed(series.high[series.length - 1], 2)} · ${signed(change)} here`);
    setClass(this.count, `count ${profit(change)}`);
  }
}
