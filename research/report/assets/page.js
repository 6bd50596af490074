"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const main = document.getElementById("main");
  const charts = [];
  const COLOURS = ["#3b82f6", "#f59e0b", "#10b981", "#ec4899", "#8b5cf6", "#84cc16", "#06b6d4", "#f97316", "#a78bfa", "#64748b", "#eab308", "#14b8a6", "#94a3b8"];

  // Small parts.
  const make = (name, text, classes) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (classes) element.className = classes;
    return element;
  };
  const drawn = (name, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const number = (value, digits = 2) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size >= 1e6) return value.toLocaleString("en", { maximumFractionDigits: 0 });
    if (size > 0 && size < 10 ** -digits) return value.toPrecision(3);
    return value.toLocaleString("en", { minimumFractionDigits: 0, maximumFractionDigits: size >= 1000 ? 2 : Math.max(digits, 0) });
  };
  const sign = (value) => (value > 0 ? "good" : value < 0 ? "bad" : "");
  const shown = (figure, value) => {
    if (value === null) return "–";
    if (figure.unit === "%") return number(100 * value) + " %";
    if (figure.name === "trades") return number(value, 0);
    return number(value) + (figure.unit ? " " + figure.unit : "");
  };
  const card = (title, note, classes) => {
    const section = make("section", undefined, classes);
    section.append(make("h2", title));
    if (note) section.append(make("p", note, "note"));
    main.append(section);
    return section;
  };
  const none = (section, text) => section.append(make("div", text, "none"));

  // Tables: a click on a column sorts.
  const table = (section, columns, rows, build, whole) => {
    const box = make("div", undefined, whole ? "scroll whole" : "scroll");
    const grid = make("table");
    const head = make("tr");
    const body = make("tbody");
    const sorted = { column: -1, down: false };
    const fill = () => {
      body.replaceChildren();
      const order = sorted.column < 0 ? rows : [...rows].sort((one, two) => {
        const [first, second] = [one[sorted.column], two[sorted.column]];
        if (first === second) return 0;
        if (first === null) return 1;
        if (second === null) return -1;
        return (first < second ? -1 : 1) * (sorted.down ? -1 : 1);
      });
      for (const row of order) {
        const line = make("tr");
        row.forEach((value, at) => line.append(build(value, columns[at], row)));
        body.append(line);
      }
    };
    columns.forEach((column, at) => {
      const cell = make("th", column.name, column.text ? "text" : "");
      cell.tabIndex = 0;
      const sort = () => { sorted.down = sorted.column === at ? !sorted.down : !column.text; sorted.column = at; fill(); };
      cell.addEventListener("click", sort);
      cell.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
      head.append(cell);
    });
    const top = make("thead");
    top.append(head);
    grid.append(top, body);
    box.append(grid);
    section.append(box);
    fill();
  };
  const plain = (value, column) => {
    if (value instanceof Node) { const cell = make("td", undefined, "text"); cell.append(value); return cell; }
    const text = column.text ? value : number(value, column.digits ?? 2);
    const cell = make("td", text, (column.text ? "text " : "") + (column.wrap ? "wrap " : "") + (column.signed ? sign(value) : ""));
    return cell;
  };

  // Charts over time: UTC, 24 hours; the date stands where it changes.
  const stamps = (_, ticks, __, ___, step) => {
    let before = "";
    return ticks.map((tick) => {
      const [day, clock] = new Date(tick * 1e3).toISOString().split("T");
      const text = step >= 86400 ? day : clock.slice(0, step < 60 ? 8 : 5) + (day === before ? "" : "\n" + day);
      before = day;
      return text;
    });
  };
  const line = (section, height, at, series, options = {}) => {
    if (!at.length) { none(section, "nothing to draw"); return; }
    const box = make("div", undefined, "chart");
    section.append(box);
    charts.push(() => {
      const axis = (more) => ({ stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { stroke: colour("--grid"), width: 1 }, font: "11px system-ui", ...more });
      box.replaceChildren();
      const chart = new uPlot({
        width: box.clientWidth, height, tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "UTC"),
        cursor: { sync: options.sync ? { key: options.sync } : undefined, points: { size: 6 } },
        legend: { show: options.legend !== false },
        scales: { x: { time: options.time !== false }, y: options.range ? { range: options.range } : {} },
        bands: (options.bands || []).map((one) => ({ series: one.series, fill: `color-mix(in srgb, ${colour("--blue")} ${one.strength}%, transparent)` })),
        axes: [axis({ ...(options.time === false ? {} : { values: stamps, space: 74 }), label: options.label, labelSize: 16, labelFont: "11px system-ui" }), axis({ size: 62, values: (_, ticks) => ticks.map((tick) => number(tick) + (options.unit || "")) })],
        series: [{ label: options.time === false ? options.label : "UTC", value: (_, stamp) => (stamp === null ? "–" : options.time === false ? number(stamp, 0) : new Date(stamp * 1e3).toISOString().slice(0, 19).replace("T", " ")) },
          ...series.map((one) => ({
            label: one.name, stroke: one.colour.startsWith("--") ? colour(one.colour) : one.colour, width: one.width ?? 1.5, points: { show: false }, spanGaps: true,
            fill: one.fill ? `color-mix(in srgb, ${colour(one.colour)} 16%, transparent)` : undefined, fillTo: one.fillTo,
            value: (_, value) => (value === null ? "–" : number(value) + (options.unit || "")),
          }))],
      }, [at, ...series.map((one) => one.values)], box);
      box.dataset.painted = chart.status;
      return chart;
    });
  };

  // Heat maps and bars.
  const heat = (section, map, unit, most, digits = 2) => {
    const box = make("div", undefined, "chart");
    section.append(box);
    charts.push(() => {
      const wide = box.clientWidth;
      const left = 12 + 6.4 * Math.max(...map.rows.map((one) => one.length), 3);
      const cell = (wide - left) / map.columns.length;
      const tall = Math.min(34, Math.max(16, cell));
      const svg = drawn("svg", { viewBox: `0 0 ${wide} ${tall * map.rows.length + 18}`, role: "img" });
      const extreme = most ?? Math.max(...map.values.flat().map((one) => Math.abs(one ?? 0)), 1e-12);
      const every = Math.ceil((map.columns[0].length * 6.6 + 4) / cell);
      map.columns.forEach((name, at) => { if (at % every === 0) svg.append(drawn("text", { x: left + cell * (at + 0.5), y: 11, "text-anchor": "middle" }, name)); });
      map.rows.forEach((name, row) => {
        svg.append(drawn("text", { x: left - 8, y: 18 + tall * (row + 0.5) + 4, "text-anchor": "end" }, name));
        map.values[row].forEach((value, at) => {
          const box = { x: left + cell * at + 0.75, y: 18 + tall * row + 0.75, width: Math.max(cell - 1.5, 0.5), height: tall - 1.5, rx: 2 };
          const strength = value === null ? 0 : Math.sqrt(Math.min(1, Math.abs(value) / extreme)) * 88;
          const paint = value === null ? "var(--faint)" : `color-mix(in srgb, var(${value < 0 ? "--bad" : "--good"}) ${strength.toFixed(0)}%, var(--faint))`;
          const cellBox = drawn("rect", { ...box, style: `fill:${paint}` });
          const count = map.counts ? `, ${map.counts[row][at]} values` : "";
          cellBox.append(drawn("title", {}, `${name} ${map.columns[at]}: ${number(value, digits)}${value === null ? "" : unit}${count}`));
          svg.append(cellBox);
          if (value !== null && cell > 40) svg.append(drawn("text", { x: box.x + box.width / 2, y: box.y + tall / 2 + 3, "text-anchor": "middle", style: "fill:var(--ink);pointer-events:none" }, number(value, digits)));
        });
      });
      box.replaceChildren(svg);
      box.dataset.painted = 1;
    });
  };
  const bars = (section, one, unit, about) => {
    if (!one) { none(section, "no value: " + about); return; }
    const box = make("div", undefined, "chart");
    section.append(box);
    charts.push(() => {
      const [wide, tall, low] = [box.clientWidth, 150, 22];
      const svg = drawn("svg", { viewBox: `0 0 ${wide} ${tall + low}`, role: "img" });
      const most = Math.max(...one.counts, 1);
      const each = wide / one.counts.length;
      one.counts.forEach((count, at) => {
        const high = count ? Math.max(1.5, (tall - 8) * count / most) : 0;
        const bar = drawn("rect", { x: at * each + 0.5, y: tall - high, width: Math.max(each - 1, 0.5), height: high, style: `fill:var(${unit === "ms" ? "--blue" : one.edges[at] < 0 ? (unit === "bps" ? "--good" : "--bad") : (unit === "bps" ? "--bad" : "--good")});opacity:.85` });
        bar.append(drawn("title", {}, `${number(one.edges[at])} to ${number(one.edges[at + 1])} ${unit}: ${count}`));
        svg.append(bar);
      });
      svg.append(drawn("line", { x1: 0, x2: wide, y1: tall, y2: tall, style: "stroke:var(--line)" }));
      const ends = [[0, "start"], [Math.floor(one.counts.length / 2), "middle"], [one.counts.length, "end"]];
      for (const [at, anchor] of ends) svg.append(drawn("text", { x: at * each, y: tall + 15, "text-anchor": anchor }, `${number(one.edges[at])} ${unit}`));
      box.replaceChildren(svg);
      box.dataset.painted = 1;
    });
    section.append(make("p", `median ${number(one.median)} ${unit}, mean ${number(one.mean)} ${unit}, ${number(one.count, 0)} values`, "note"));
  };

  // The page.
  const find = (name) => data.figures.find((one) => one.name === name);
  const top = document.getElementById("top");
  top.append(make("h1", data.title), make("div", `${data.source} · ${data.first} to ${data.last} UTC · step ${data.step}`, "where"));
  const theme = make("button", "");
  const paint = () => { theme.textContent = root.dataset.theme === "dark" ? "Light" : "Dark"; charts.forEach((draw) => draw()); };
  theme.addEventListener("click", () => { root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; paint(); });
  root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  top.append(theme);

  if (data.missing.length) {
    const section = make("section", undefined, "partial");
    section.append(make("h2", "PARTIAL: data is missing, so the result is that of a part of the market"));
    const list = make("ul");
    data.missing.forEach((text) => list.append(make("li", text)));
    section.append(list);
    main.append(section);
  }
  const tiles = make("section", undefined, "tiles");
  for (const [name, coloured] of [["profit", true], ["return", true], ["Sharpe", true], ["largest drawdown", false], ["trades", false], ["win rate", false], ["profit factor", false], ["fees", false]]) {
    const figure = find(name);
    const tile = make("div", undefined, "tile");
    tile.append(make("span", name), make("b", shown(figure, figure.value), coloured ? sign(figure.value) : ""));
    tile.append(make("small", figure.low === null ? figure.why || " " : `95 %: ${shown(figure, figure.low)} to ${shown(figure, figure.high)}`));
    tiles.append(tile);
  }
  main.append(tiles);

  {
    const section = card("Assumptions", "What the result takes for granted, and how much profit each adds; of those it does not make, what they would add. A live session has none.", "two");
    if (!data.assumptions.length) none(section, "none: these are fills of a venue");
    else table(section, [{ name: "assumption", text: true }, { name: "", text: true }, { name: `adds, ${data.currency}`, signed: false }, { name: "what it means", text: true, wrap: true }],
      data.assumptions.map((one) => [one.name, make("span", !one.made ? "not made" : one.favours ? "favours" : "neutral", "tag " + (one.made && one.favours ? "favours" : "not")), one.profit, one.text + (one.unpriced ? `; no figure: ${one.unpriced}` : "")]), plain, true);
  }
  {
    const section = card("What was run", "", "third");
    table(section, [{ name: "", text: true }, { name: "", text: true, wrap: true }], [["capital", `${number(data.capital)} ${data.currency}`], ...data.facts], plain, true);
  }
  {
    const section = card("Equity", `${data.currency}, with what is held at the middle of the book, every ${data.step}${data.unmarked ? `; ${data.unmarked} marks had no good book and have the last middle before` : ""}`);
    line(section, 300, data.equity.at, [{ name: "equity", colour: "--blue", values: data.equity.equity, fill: true, fillTo: Math.min(...data.equity.equity) }], { sync: "time" });
    section.append(make("p", "Drawdown: the part of the highest equity that is lost, %", "note"));
    line(section, 130, data.equity.at, [{ name: "drawdown", colour: "--bad", values: data.equity.drawdown, fill: true, fillTo: 0 }], { sync: "time", unit: " %", legend: false });
  }
  {
    const section = card("Figures", `A year has 365 days of 24 hours; the riskless rate is 0. Intervals: 95 %, drawn with seed ${data.seed}; of the Sharpe ratio by its standard error.`, "half");
    table(section, [{ name: "figure", text: true }, { name: "value" }, { name: "from" }, { name: "to" }, { name: "", text: true, wrap: true }],
      data.figures.map((one) => [one.name, shown(one, one.value), one.low === null ? "–" : shown(one, one.low), one.high === null ? "–" : shown(one, one.high), one.why]),
      (value, column) => make("td", value, (column.text ? "text " : "") + (column.wrap ? "wrap" : "")), true);
  }
  {
    const section = card("Other orders of the same trades", "", "half");
    const paths = data.paths;
    if (!paths) none(section, "fewer than two trades were closed");
    else {
      section.append(make("p", `${number(paths.paths, 0)} paths of ${number(paths.trades, 0)} trades drawn with replacement, each ${number(paths.slippage_bps)} bps worse on average (seed ${paths.seed}). Bands: 5 to 95 % and 25 to 75 %.`, "note"));
      line(section, 230, paths.at, ["5 %", "25 %", "median", "75 %", "95 %"].map((name, at) => ({ name, colour: "--blue", width: at === 2 ? 2 : 0.6, values: paths.band[at] })),
        { time: false, legend: false, label: "trades", bands: [{ series: [4, 0 + 1], strength: 12 }, { series: [4, 2], strength: 20 }] });
      section.append(make("p", `Return 5 % / median / 95 %: ${number(paths.returns[0])} / ${number(paths.returns[2])} / ${number(paths.returns[4])} %, spread ${number(paths.spread)} %. Largest drawdown, median and 95 %: ${number(paths.drawdowns[2])} and ${number(paths.drawdowns[4])} %. Ruined (half of the capital lost): ${number(paths.ruin)} %.`, "note"));
    }
  }
  heat(card(data.months.by_day ? "Return by day, %" : "Return by month, %", "UTC", "half"), data.months, " %");
  heat(card(`Profit by hour, ${data.currency}`, "Sum of the steps, by day of the week and hour, UTC", "half"), data.hours, " " + data.currency);
  heat(card(`Closed trades by hour, ${data.currency}`, "Sum of their profits, by day of the week and hour, UTC", "half"), data.trades_by_hour, " " + data.currency);
  bars(card(`Profit a trade, ${data.currency}`, "After fees", "half"), data.trade_sizes, data.currency, "no trade was closed");
  const lines = (rows) => rows.lines.map((one, at) => ({ name: one.name, colour: COLOURS[at % COLOURS.length], values: one.values }));
  line(card("Exposure, % of equity", "Gross adds what is held long and short, net subtracts", "half"), 220, data.exposure.at, [{ name: "gross", colour: "--blue", values: data.exposure.gross }, { name: "net", colour: "--warn", values: data.exposure.net }], { unit: " %", sync: "time" });
  line(card("Composition, % of equity", "The value of each instrument held", "half"), 220, data.exposure.parts.at, lines(data.exposure.parts), { unit: " %", sync: "time" });
  line(card(`Profit by ${data.part}, ${data.currency}`, "", data.correlation ? "half" : ""), 220, data.profits.at, lines(data.profits), { sync: "time" });
  if (data.correlation) heat(card("Correlation of profits", "Of the changes in a step", "half"), data.correlation, "", 1);
  const owner = data.strategies ? [{ name: "strategy", text: true }] : [];
  if (data.strategies) {
    const section = card("Strategies", "Each by itself; their profits add up to that of the portfolio. Drawdown: money lost from the highest profit. Slippage and maker share: weighted with the notional");
    table(section, [...owner, { name: `profit, ${data.currency}`, signed: true }, { name: `largest drawdown, ${data.currency}` }, { name: "orders", digits: 0 }, { name: "refused", digits: 0 }, { name: `traded, ${data.currency}` }, { name: "slippage, bps" }, { name: `slippage, ${data.currency}` }, { name: `fees, ${data.currency}` }, { name: "maker %" }, { name: "trades", digits: 0 }, { name: "win rate %" }],
      data.strategies.rows.map((one) => [one.strategy, one.profit, one.drawdown, one.orders, one.refused, one.traded, one.slippage_bps, one.slippage, one.fees, one.maker === null ? null : 100 * one.maker, one.trades, one.win === null ? null : 100 * one.win]), plain);
    line(card(`Profit by strategy, ${data.currency}`, "", "half"), 220, data.strategies.profits.at, lines(data.strategies.profits), { sync: "time" });
    line(card(`Drawdown by strategy, ${data.currency}`, "Below the highest profit of each", "half"), 220, data.strategies.drawdowns.at, lines(data.strategies.drawdowns), { sync: "time" });
    if (data.strategies.correlation) heat(card("Correlation of strategies", "Of the changes of their profits in a step", "half"), data.strategies.correlation, "", 1);
  }
  {
    const section = card("Execution by instrument", "Slippage: the average price against the middle of the book when the order was decided, weighted with the notional; above 0 is worse");
    table(section, [{ name: "instrument", text: true }, { name: "orders", digits: 0 }, { name: "filled %" }, { name: `traded, ${data.currency}` }, { name: "slippage, bps" }, { name: `slippage, ${data.currency}` }, { name: "fees, bps" }, { name: `fees, ${data.currency}` }, { name: "maker %" }, { name: "acknowledged, ms" }, { name: "first fill, ms" }],
      data.quality.map((one) => [one.instrument, one.orders, one.filled === null ? null : 100 * one.filled, one.traded, one.slippage_bps, one.slippage, one.fees_bps, one.fees, one.maker === null ? null : 100 * one.maker, one.acknowledged_ms, one.wait_ms]), plain);
  }
  bars(card("Slippage of an order", "", "third"), data.slippage, "bps", "the arrival price of no order is known");
  bars(card("Decision to acknowledgement", "", "third"), data.acknowledged, "ms", "no order was acknowledged");
  bars(card("Decision to first fill", "", "third"), data.waits, "ms", "no order was filled");
  {
    const section = card("Orders", `${number(data.orders.rows.length, 0)} of ${number(data.orders.count, 0)}, those that cost most against their arrival price first`);
    table(section, [{ name: "decided, UTC", text: true }, { name: "instrument", text: true }, { name: "side", text: true }, { name: "size", digits: 8 }, { name: "filled", digits: 8 }, { name: "limit", digits: 8 }, { name: "arrival", digits: 8 }, { name: "average", digits: 8 }, { name: "slippage, bps" }, { name: "fees", digits: 6 }, { name: "acknowledged, ms", digits: 3 }, { name: "first fill, ms", digits: 3 }, ...owner], data.orders.rows, plain);
  }
  {
    const section = card("Trades", `${number(data.trades.rows.length, 0)} of ${number(data.trades.count, 0)}${data.trades.rows.length < data.trades.count ? ": the worst and the best" : ""}`);
    table(section, [{ name: "opened, UTC", text: true }, { name: "closed, UTC", text: true }, { name: "instrument", text: true }, { name: "side", text: true }, { name: "size", digits: 8 }, { name: "entry", digits: 8 }, { name: "exit", digits: 8 }, { name: "fees", digits: 6 }, { name: "profit", digits: 4, signed: true }, ...owner], data.trades.rows, plain);
  }
  document.getElementById("foot").textContent = "Past results promise nothing about later ones. Made by Steelyard. Charts: uPlot, MIT licence.";
  paint();
  let wait = 0;
  addEventListener("resize", () => { cancelAnimationFrame(wait); wait = requestAnimationFrame(paint); });
})();
