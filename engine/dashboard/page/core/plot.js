/* uPlot with the page's colours: made again when the theme changes, resized with its box. */

import { el } from "./dom.js";

const colours = new Map(); // a computed style is costly, and the colours change with the theme alone
export const colour = (name) => {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return colours.get(name);
};

const plots = new Set();
export const repaint = () => {
  colours.clear();
  for (const one of plots) one.rebuild();
};

export class Plot {
  /* `options` is a function: it is called again when the colours change. */
  constructor(parent, options, label) {
    this.options = options;
    this.box = el("div", { class: "plot", role: "img", "aria-label": label });
    parent.append(this.box);
    this.data = null;
    plots.add(this);
    new ResizeObserver(([entry]) => this.#resize(entry.contentRect)).observe(this.box);
  }

  #resize({ width, height }) {
    if (width < 40 || height < 40) return;
    this.size = { width: Math.floor(width), height: Math.floor(height) };
    if (this.plot) this.plot.setSize(this.size);
    else this.rebuild();
  }

  rebuild() {
    if (!this.size) return;
    this.plot?.destroy();
    this.plot = new uPlot({ ...this.options(), ...this.size }, this.data ?? undefined, this.box);
  }

  draw(data, from, to) {
    this.data = data;
    if (!this.plot) return;
    this.plot.batch(() => {
      this.plot.setData(data, false);
      this.plot.setScale("x", { min: from, max: to });
    });
  }

  get width() { return this.size?.width ?? 300; }
}

const stamps = (_, ticks, __, ___, step) => ticks.map((tick) => {
  const text = new Date(tick * 1e3).toISOString();
  return step >= 86_400 ? text.slice(5, 10) : step < 60 ? text.slice(11, 19) : text.slice(11, 16);
});

export const axes = (values, size = 66) => {
  const common = { stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: `11px ${getComputedStyle(document.body).fontFamily}` };
  return [{ ...common, values: stamps, space: 70, size: 26 }, { ...common, side: 1, size, space: 34, values: (_, ticks) => ticks.map(values) }];
};

export const utc = (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "UTC");
