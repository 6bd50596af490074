"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const main = document.getElementById("main");
  if (matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.dataset.theme = "dark";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const make = (name, text, classes) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (classes) element.className = classes;
    return element;
  };
  const card = (title, note) => {
    const section = make("section");
    section.append(make("h2", title), make("p", note, "note"));
    main.append(section);
    return section;
  };
  const shown = (value) => (value === null ? "–" : typeof value === "number" ? value.toLocaleString("en", { maximumSignificantDigits: 6 }) : value);
  document.getElementById("top").append(make("h1", data.title), make("span", data.id, "where"));

  for (const table of data.tables) {
    const box = make("div", undefined, "scroll whole");
    const grid = make("table");
    const row = (cells, name) => {
      const line = make("tr");
      for (const cell of cells) line.append(make(name, shown(cell), typeof cell === "string" ? (name === "th" ? "fixed text" : "text") : ""));
      grid.append(line);
    };
    row(table.head, "th");
    for (const cells of table.rows) row(cells, "td");
    box.append(grid);
    card(table.title, table.note).append(box);
  }

  let paint = () => {};
  if (data.reliability) {
    const { said, was } = data.reliability;
    const section = card("Calibration in the holdout", "Rows by their prediction, in ten parts: what the model said, and how often it was so.");
    const box = make("div", undefined, "chart");
    section.append(box);
    const at = said.map((_, place) => place + 1);
    paint = () => {
      box.replaceChildren();
      const axis = { stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false } };
      const line = (label, ink) => ({ label, stroke: colour(ink), width: 1.5, points: { show: true, size: 7 } });
      const drawn = new uPlot({
        width: box.clientWidth, height: 260, scales: { x: { time: false } }, axes: [axis, { ...axis, size: 66 }],
        series: [{ label: "part" }, line("said", "--soft"), line("was", "--blue")],
      }, [at, said, was], box);
      box.dataset.painted = drawn.status;
    };
  }
  document.getElementById("foot").textContent = "Past results promise nothing about later ones. Made by Steelyard. Charts: uPlot, MIT licence.";
  paint();
  let wait = 0;
  addEventListener("resize", () => { cancelAnimationFrame(wait); wait = requestAnimationFrame(paint); });
})();
