"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const main = document.getElementById("main");
  const charts = [];
  if (matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.dataset.theme = "dark";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const make = (name, text, classes) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (classes) element.className = classes;
    return element;
  };
  const number = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(5)).toLocaleString("en", { maximumSignificantDigits: 5 }));
  const sign = (value) => (value > 0 ? "good" : value < 0 ? "bad" : "");
  const card = (title, note) => {
    const section = make("section");
    section.append(make("h2", title), make("p", note, "note"));
    main.append(section);
    return section;
  };
  const chart = (section, x, at, series) => {
    const box = make("div", undefined, "chart");
    section.append(box);
    charts.push(() => {
      box.replaceChildren();
      const axis = { stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false } };
      const drawn = new uPlot({
        width: box.clientWidth, height: 260, tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "UTC"),
        scales: { x: x.scale },
        axes: [{ ...axis, ...x.axis }, { ...axis, size: 66, values: (_, ticks) => ticks.map(number) }],
        series: [{ label: x.label, value: x.value }, ...series.map((one) => ({
          label: one.name, stroke: colour(one.colour), width: 1.5, points: { show: one.points, size: 7 }, value: (_, value) => number(value),
        }))],
      }, [at, ...series.map((one) => one.values)], box);
      box.dataset.painted = drawn.status;
    });
  };

  const top = document.getElementById("top");
  top.append(make("h1", "Walk-forward of " + data.strategy), make("span", `${data.folds[0].begin} to ${data.folds.at(-1).end}, ${data.anchored ? "anchored" : "rolling"}, ${data.train} parts to choose, 1 to judge`, "where"));

  const whole = data.whole;
  const tiles = make("section", undefined, "tiles");
  const tile = (name, value, note, classes) => {
    const one = make("div", undefined, "tile");
    one.append(make("span", name), make("b", value, classes), make("small", note));
    tiles.append(one);
  };
  tile("Profit out of sample", number(whole.pnl), data.currency, sign(whole.pnl));
  tile("Drawdown", number(whole.drawdown), data.currency + ", at the ends of slices");
  tile("Folds in profit", `${whole.in_profit} of ${data.folds.length}`, "out of sample");
  tile("Profit a day in sample", number(whole.pnl_per_day_in_sample), data.currency + ", with the best of all trials");
  tile("Profit a day out of sample", number(whole.pnl_per_day_out_of_sample), data.currency, sign(whole.pnl_per_day_out_of_sample));
  tile("Efficiency", number(whole.efficiency), "out of sample over in sample");
  tile("Fills", number(whole.fills), "out of sample");
  tile("Fees", number(whole.fees), data.currency);
  main.append(tiles);

  chart(card("Equity out of sample", `Only parts that no choice knew, joined, in ${data.currency}. Each begins without a position; what it holds at its end is valued at the middle.`),
    { label: "UTC", value: (_, stamp) => (stamp === null ? "–" : new Date(stamp * 1e3).toISOString().slice(0, 19).replace("T", " ")) },
    data.curve.at_ns.map((one) => one / 1e9), [{ name: "equity", colour: "--blue", values: data.curve.equity, points: false }]);
  chart(card("In sample against out of sample", `Profit a day of each fold, in ${data.currency}.`),
    { label: "fold", value: (_, fold) => (fold === null ? "–" : String(fold)), scale: { time: false, range: [0.5, data.folds.length + 0.5] }, axis: { incrs: [1, 2, 5, 10, 50, 100] } },
    data.folds.map((_, place) => place + 1),
    [["in sample", "--soft", "in_sample"], ["out of sample", "--blue", "out_of_sample"]].map(([name, ink, part]) => ({ name, colour: ink, points: true, values: data.folds.map((one) => one[part].pnl_per_day) })));

  const section = card("Folds", `The best trial by ${data.objective} was chosen. Deflated Sharpe: the probability that it is more than luck gives the best of so many trials. Overfitting: the probability that the best of one half of the time is below the median in the other.`);
  const box = make("div", undefined, "scroll whole");
  const grid = make("table");
  const row = (cells, name) => {
    const line = make("tr");
    for (const [text, classes] of cells) line.append(make(name, text, classes));
    grid.append(line);
  };
  row(["fold", "judged from", "to", "parameters", "profit a day in sample", "out of sample", "efficiency", "Sharpe of a day in sample", "out of sample", "fills", "drawdown", "trials tried", "deflated Sharpe", "overfitting"].map((text) => [text, "fixed" + (text === "parameters" ? " text" : "")]), "th");
  data.folds.forEach((one, place) => {
    const [inside, outside, luck] = [one.in_sample, one.out_of_sample, one.luck ?? {}];
    row([[String(place + 1)], [one.split.slice(0, 19).replace("T", " ")], [one.end.slice(0, 19).replace("T", " ")],
      [Object.entries(one.parameters).map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(", "), "text"],
      [number(inside.pnl_per_day), sign(inside.pnl_per_day)], [number(outside.pnl_per_day), sign(outside.pnl_per_day)],
      [number(one.efficiency)], [number(inside.sharpe_of_a_day)], [number(outside.sharpe_of_a_day)], [number(outside.fills)],
      [number(outside.drawdown)], [number(luck.tried)], [number(luck.deflated_sharpe)], [number(luck.overfit)]], "td");
  });
  box.append(grid);
  section.append(box);

  const paint = () => charts.forEach((one) => one());
  document.getElementById("foot").textContent = "Past results promise nothing about later ones. Made by Steelyard. Charts: uPlot, MIT licence.";
  paint();
  let wait = 0;
  addEventListener("resize", () => { cancelAnimationFrame(wait); wait = requestAnimationFrame(paint); });
})();
