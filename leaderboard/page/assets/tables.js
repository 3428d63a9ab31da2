// ---- Tables: sorting, paging, columns, one stop of the tab key -----------------------------------------------------
const PAGE = 30;
const hidden = new Set(); // titles of columns not shown, of all tables; the address holds what differs from the default
const everywhere = new Map(); // title -> whether it shows unless told
const tables = new Set();

const compare = (a, b, sign) => (!known(a) ? (known(b) ? 1 : 0) : !known(b) ? -1 : typeof a === "string" ? sign * (a < b ? -1 : a > b ? 1 : 0) : sign * (a - b));

// Intervals of a column stand on one axis, whose ends the heading tells.
function axisOf(column, rows) {
  const ends = rows.flatMap((row) => column.bar(row) ?? []).filter(known);
  if (column.zero) ends.push(0);
  const low = Math.min(...ends), high = Math.max(...ends);
  return ends.length && high > low ? { low, high, at: (value) => 4 + (92 * (value - low)) / (high - low) } : null;
}
function barOf(axis, ends, zero) {
  const svg = drawn("svg", { class: "bar", viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(drawn("line", { x1: 0, y1: 6, x2: 100, y2: 6 }));
  if (!axis || !ends) return svg;
  const [low, mid, high] = ends.map((value) => (known(value) ? axis.at(value) : null));
  if (zero) svg.append(drawn("line", { class: "zero", x1: axis.at(0), y1: 0, x2: axis.at(0), y2: 12 }));
  if (known(low) && known(high)) svg.append(drawn("rect", { x: low, y: 3.5, width: high - low, height: 5 }));
  if (known(mid)) svg.append(drawn("rect", { class: "mid", x: mid - 0.9, y: 1, width: 1.8, height: 10 }));
  return svg;
}

class Table {
  // columns: {title, help, value(row), text(row), note?(row), bar?(row) -> [low, mid, high], best?: 1 highest, -1 lowest, off?: hidden by default, wraps?: may take two lines}
  constructor(place, label, columns, rows, { name, keep = () => true, title = "Method", ranked = (row) => row.complete && ["method", "supervised"].includes(row.role) }) {
    Object.assign(this, { place, label, columns, all: rows, name, keep, title, order: null, page: 0, size: PAGE });
    for (const column of columns) if (!everywhere.has(column.title)) {
      everywhere.set(column.title, !column.off);
      if (column.off) hidden.add(column.title);
    }
    this.bests = new Map(columns.filter((each) => each.best).map((column) => [column, bestOf(column, rows.filter(ranked))]));
    this.axes = new Map(columns.filter((each) => each.bar).map((column) => [column, axisOf(column, rows)]));
    tables.add(this);
    this.draw();
  }
  get shown() { return this.columns.filter((each) => !hidden.has(each.title)); }
  get rows() {
    const kept = this.all.filter((row) => this.keep(row));
    if (!this.order) return kept;
    const { column, sign } = this.order;
    return kept.map((row, place) => [row, place]).sort((a, b) => compare(column.value(a[0]), column.value(b[0]), sign) || a[1] - b[1]).map(([row]) => row);
  }
  sort(column) {
    const first = column.first ?? -1;
    const last = this.order?.column === column ? this.order.sign : 0;
    this.order = last === 0 ? { column, sign: first } : last === first ? { column, sign: -first } : null;
    this.page = 0;
    this.draw();
    this.place.querySelectorAll("thead button")[column === NAME ? 0 : this.shown.indexOf(column) + 1]?.focus();
  }
  draw() {
    const rows = this.rows, pages = Math.max(1, Math.ceil(rows.length / this.size));
    this.page = Math.min(this.page, pages - 1);
    const some = rows.slice(this.page * this.size, (this.page + 1) * this.size);
    const table = element("table");
    table.append(element("caption", this.label, { class: "hidden" }), this.head(), this.body(some));
    const scroll = element("div", null, { class: "scroll", tabindex: "0", role: "region", "aria-label": `${this.label}, table` });
    scroll.append(table);
    const left = this.place.querySelector(".scroll")?.scrollLeft ?? 0;
    this.place.replaceChildren(this.picker(), scroll, ...(rows.length > PAGE ? [this.pager(rows.length, pages)] : []));
    scroll.scrollLeft = left;
    rove(table);
  }
  head() {
    const line = element("tr");
    for (const column of [NAME, ...this.shown]) {
      const cell = element("th", null, { scope: "col", class: column === NAME ? "name" : /\S{15}/.test(column.title) ? "measure long" : "measure" });
      const button = element("button", column === NAME ? this.title : column.title, { type: "button", title: column.help ?? "" });
      const sign = this.order?.column === column ? this.order.sign : 0;
      if (sign) cell.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      button.append(element("span", sign ? (sign > 0 ? "↑" : "↓") : "↕", { "aria-hidden": "true", class: sign ? "on" : "" }));
      button.addEventListener("click", () => this.sort(column));
      cell.append(button);
      const axis = this.axes.get(column);
      if (axis) {
        const ends = element("span", null, { class: "axis", "aria-hidden": "true" });
        ends.append(element("span", column.end(axis.low)), element("span", column.end(axis.high)));
        cell.append(ends);
      }
      line.append(cell);
    }
    const head = element("thead");
    head.append(line);
    return head;
  }
  body(rows) {
    const body = element("tbody");
    for (const row of rows) {
      const line = element("tr", null, { class: `${row.role ?? ""}${row.status && row.complete === false ? " partial" : ""}`, "data-ref": row.ref ?? "" });
      const name = element("th", null, { scope: "row" });
      name.append(...this.name(row));
      line.append(name);
      for (const column of this.shown) line.append(this.cell(column, row));
      body.append(line);
    }
    if (!rows.length) {
      const cell = element("td", "No row of this table matches the choice.", { colspan: this.shown.length + 1, class: "empty" });
      const line = element("tr");
      line.append(cell);
      body.append(line);
    }
    return body;
  }
  cell(column, row) {
    const text = column.text(row);
    const cell = element("td", null, { "data-title": column.title, "data-note": [column.help, column.note?.(row)].filter(Boolean).join(" "), tabindex: "-1" });
    if (this.bests.get(column)?.(row, text)) cell.className = "best";
    if (column.wraps) cell.classList.add("wraps");
    if (column.bar) cell.classList.add("interval");
    if (column.bar) cell.append(barOf(this.axes.get(column), column.bar(row), column.zero), element("span", text, { class: "ends" }));
    else cell.textContent = shown(text);
    return cell;
  }
  picker() {
    const open = this.place.querySelector("details.columns")?.open;
    const details = element("details", null, { class: "columns" });
    details.open = open ?? false;
    details.append(element("summary", `Columns (${this.shown.length} of ${this.columns.length})`));
    const box = element("div");
    for (const column of this.columns) {
      const label = element("label", null, { title: column.help ?? "" }), input = element("input", null, { type: "checkbox" });
      input.checked = !hidden.has(column.title);
      input.addEventListener("change", () => {
        hidden[input.checked ? "delete" : "add"](column.title);
        for (const table of tables) table.draw();
        [...this.place.querySelectorAll("details.columns input")][this.columns.indexOf(column)]?.focus();
        keep();
      });
      label.append(input, ` ${column.title}`);
      box.append(label);
    }
    details.append(box);
    return details;
  }
  pager(total, pages) {
    const box = element("div", null, { class: "pager" });
    const turn = (text, page, size) => {
      const button = element("button", text, { type: "button" });
      button.disabled = size === this.size && (page < 0 || page >= pages || page === this.page);
      button.addEventListener("click", () => {
        this.page = page;
        this.size = size;
        this.draw();
        [...this.place.querySelectorAll(".pager button")].find((each) => each.textContent === text && !each.disabled)?.focus();
      });
      return button;
    };
    const from = this.page * this.size;
    box.append(turn("Previous", this.page - 1, this.size), element("span", `${from + 1}–${Math.min(total, from + this.size)} of ${total}`, { "aria-live": "polite" }), turn("Next", this.page + 1, this.size));
    box.append(this.size === PAGE ? turn("All rows", 0, Infinity) : turn(`${PAGE} a page`, 0, PAGE));
    return box;
  }
}
const NAME = { title: "Method", help: "", value: (row) => row.name, first: 1 };

// What reads as the best value does, so that no rounding shows a winner.
function bestOf(column, rows) {
  const values = rows.map((row) => column.value(row)).filter(known);
  if (values.length < 2 || values.every((value) => value === values[0])) return null;
  const best = column.best > 0 ? Math.max(...values) : Math.min(...values);
  const first = (text) => text.split(" ", 1)[0];
  const reads = first(column.text(rows.find((row) => column.value(row) === best)));
  const among = new Set(rows);
  return (row, text) => among.has(row) && known(column.value(row)) && first(text) === reads;
}

// ---- Arrow keys: one stop of the tab key per table and picture ------------------------------------------------------
function rove(table) {
  const first = table.querySelector("td[data-title]");
  if (first) first.tabIndex = 0;
}
function hop(from, to) {
  if (!to) return;
  from.tabIndex = -1;
  to.setAttribute("tabindex", "0");
  to.focus();
}
document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.("td[data-title]");
  const mark = event.target.closest?.(".mark");
  if (cell) {
    const row = cell.parentElement, cells = [...row.querySelectorAll("td")], column = cells.indexOf(cell);
    const moves = {
      ArrowRight: cells[column + 1], ArrowLeft: cells[column - 1], Home: cells[0], End: cells.at(-1),
      ArrowDown: row.nextElementSibling?.querySelectorAll("td")[column],
      ArrowUp: row.previousElementSibling?.querySelectorAll("td")[column],
    };
    if (event.key in moves) {
      event.preventDefault();
      hop(cell, moves[event.key]);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      row.querySelector("th button")?.click();
    }
  } else if (mark) {
    const marks = [...mark.closest("svg").querySelectorAll(".mark")], place = marks.indexOf(mark);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      hop(mark, marks[place + step]);
    } else if (event.key === "Enter" && mark.dataset.ref) {
      event.preventDefault(); // else the key goes on to the dialog's button, and closes it
      open(mark.dataset.ref);
    }
  }
});
