/* Elements are built here, and their text is set by textContent alone: a venue's symbol or error text is data, never markup. */

export const el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
};

export const svg = (name, attributes = {}) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};

export const byId = (id) => document.getElementById(id);

/* The setters compare with what they set last, not with the document: a panel is drawn many times a second and most of it is the same. */
const set = new WeakMap();
const differs = (node, key, value) => {
  let known = set.get(node);
  if (!known) set.set(node, (known = {}));
  if (known[key] === value) return false;
  known[key] = value;
  return true;
};
export const setText = (node, text) => { if (differs(node, "text", text)) node.textContent = text; };
export const setClass = (node, name) => { if (differs(node, "class", name)) node.className = name; };
export const setStyle = (node, property, value) => { if (differs(node, property, value)) node.style.setProperty(property, value); };
export const setAttribute = (node, name, value) => {
  if (!differs(node, `@${name}`, value)) return;
  if (value === null || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
};

const kinds = (column) => `${column.text ? "text " : ""}${column.minor ? "minor " : ""}`;

/* A table with a fixed head. A column has a name, the text of a row, and optionally its class; a column with `build` fills its cell itself, once for each row of the document; a `minor` one is not shown on a phone. */
export class Table {
  constructor(columns, { label, empty = "none", rowClass } = {}) {
    this.columns = columns;
    this.rowClass = rowClass;
    this.lines = [];
    this.body = el("tbody");
    const heads = columns.map((one) => el("th", { scope: "col", class: kinds(one), title: one.title }, one.name));
    this.table = el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, ...heads)), this.body);
    this.none = el("div", { class: "none", hidden: true }, empty);
    this.node = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, this.table, this.none);
  }

  draw(rows) {
    while (this.lines.length < rows.length) this.#add();
    while (this.lines.length > rows.length) this.lines.pop().node.remove();
    rows.forEach((row, at) => this.#fill(this.lines[at], row));
    setAttribute(this.none, "hidden", rows.length > 0);
  }

  #add() {
    const cells = this.columns.map(() => el("td"));
    const line = { node: el("tr", {}, ...cells), cells, row: null };
    this.columns.forEach((column, at) => { if (column.build) column.build(cells[at], () => line.row); });
    this.lines.push(line);
    this.body.append(line.node);
  }

  #fill(line, row) {
    line.row = row;
    if (this.rowClass) setClass(line.node, this.rowClass(row));
    for (let at = 0; at < this.columns.length; at += 1) {
      const column = this.columns[at];
      const cell = line.cells[at];
      if (column.show) column.show(cell, row);
      else if (!column.build) setText(cell, column.value(row));
      const name = column.class ? column.class(row) : "";
      setClass(cell, `${kinds(column)}${name}`);
    }
  }
}

/* A table of any number of rows: the document holds those that are visible. */
export class LongTable {
  constructor(columns, options) {
    this.inner = new Table(columns, options);
    this.node = this.inner.node;
    this.above = el("tbody", { "aria-hidden": "true" }, el("tr", {}, el("td", { colspan: columns.length })));
    this.below = this.above.cloneNode(true);
    this.inner.body.before(this.above);
    this.inner.body.after(this.below);
    for (const one of [this.above, this.below]) one.className = "spacer";
    this.rows = [];
    this.height = 22;
    this.node.addEventListener("scroll", () => this.#show(), { passive: true });
    new ResizeObserver(([entry]) => { this.room = entry.contentRect.height; this.#measure(); this.#show(); }).observe(this.node);
    this.room = 300;
  }

  draw(rows) {
    this.rows = rows;
    setAttribute(this.inner.table, "aria-rowcount", String(rows.length));
    this.#show();
  }

  #measure() {
    const line = this.inner.lines[0];
    if (line) this.height = line.node.getBoundingClientRect().height || this.height;
  }

  #show() {
    const fit = Math.ceil(this.room / this.height) + 2;
    const first = Math.max(0, Math.min(Math.floor(this.node.scrollTop / this.height) - 1, this.rows.length - fit));
    const last = Math.min(this.rows.length, first + fit);
    this.inner.draw(this.rows.slice(first, last));
    setStyle(this.above.firstChild.firstChild, "height", `${first * this.height}px`);
    setStyle(this.below.firstChild.firstChild, "height", `${(this.rows.length - last) * this.height}px`);
  }
}
