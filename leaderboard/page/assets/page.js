// What the page does beyond being read. Text from records only ever goes through textContent.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const NONE = "–";

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = shown(String(text));
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// Marks of text direction and control characters are spelled out, as in the tables.
function shown(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu, (char) => `\\u${char.codePointAt(0).toString(16).padStart(4, "0")}`);
}

const percent = (value, digits = 2) => (value === null || value === undefined ? NONE : (100 * value).toFixed(digits));
const unique = (values) => [...new Set(values)].sort();

function ranges(numbers) {
  const runs = [];
  for (const value of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && value === last[1] + 1) last[1] = value;
    else runs.push([value, value]);
  }
  return runs.map(([a, b]) => (a === b ? `${a}` : `${a}–${b}`)).join(", ");
}

// ---- Theme -------------------------------------------------------------------------------------------------
const dark = matchMedia("(prefers-color-scheme: dark)");
function remember(value) {
  try {
    if (value === undefined) return localStorage.getItem("distillery-theme");
    localStorage.setItem("distillery-theme", value);
  } catch { /* a browser may keep no storage for files */ }
  return null;
}
function paint(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").setAttribute("aria-pressed", String(theme === "dark"));
}
paint(remember() ?? (dark.matches ? "dark" : "light"));
dark.addEventListener("change", () => remember() ?? paint(dark.matches ? "dark" : "light"));
$("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  remember(theme);
  paint(theme);
});

// ---- Tables: sort and filter -------------------------------------------------------------------------------
// Missing values stay last whichever way a column is sorted.
const order = globalThis.DataTable.ext.type.order;
const worth = (value) => (value === "" || value === null || Number.isNaN(Number(value)) ? null : Number(value));
const compare = (a, b, sign) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : sign * (a - b));
order["measure-pre"] = (value) => value;
order["measure-asc"] = (a, b) => compare(worth(a), worth(b), 1);
order["measure-desc"] = (a, b) => compare(worth(a), worth(b), -1);
const tables = [...document.querySelectorAll("section.board table")].map((table) => {
  const made = new globalThis.DataTable(table, {
    paging: false, info: false, autoWidth: false, order: [],
    layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
    columnDefs: [{ targets: "measure", type: "measure", orderSequence: ["desc", "asc", ""] }],
    language: { zeroRecords: "No method of this table matches the filter." },
  });
  made.on("draw", () => rove(table));
  return made;
});

// ---- Pickers ---------------------------------------------------------------------------------------------
let opened = ""; // the row whose details are open, as slug/name: it stands in the address
const sections = [...document.querySelectorAll("section.board")];
const pickers = ["dataset", "protocol", "models", "filter"].map($);
function choose() {
  const [dataset, protocol, models, filter] = pickers.map((each) => each.value);
  let count = 0;
  for (const section of sections) {
    const overall = section.classList.contains("overall");
    const fits =
      (!dataset || JSON.parse(section.dataset.datasets).includes(dataset)) &&
      (!protocol || JSON.parse(section.dataset.protocols).includes(protocol)) &&
      (!models || section.dataset.models === models);
    section.hidden = !fits;
    if (fits && !overall) count += 1;
  }
  for (const table of tables) table.column(0).search(filter).draw();
  $("overall").hidden = sections.every((each) => each.hidden || !each.classList.contains("overall"));
  $("datasets").hidden = count === 0;
  $("nothing").hidden = count > 0;
  $("shown").textContent = `${count} of ${data.comparisons.length} comparisons`;
}
function keep() {
  const state = new URLSearchParams();
  for (const each of pickers) if (each.value) state.set(each.id, each.value);
  if (opened) state.set("row", opened);
  history.replaceState(null, "", `#${state}`);
}
function restore() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const each of pickers) {
    const wanted = state.get(each.id) ?? "";
    each.value = wanted;
    if (each.value !== wanted) each.value = "";
  }
  choose();
  const row = state.get("row");
  if (row && row !== opened) open(refOf(row));
}
for (const each of pickers) each.addEventListener("input", () => { choose(); keep(); });
$("pickers").addEventListener("submit", (event) => event.preventDefault());
for (const button of document.querySelectorAll(".pick")) {
  button.addEventListener("click", () => {
    $("filter").value = button.dataset.method;
    choose();
    keep();
    $("datasets").scrollIntoView();
  });
}

// ---- What stands behind a number ---------------------------------------------------------------------------
function find(ref) {
  if (ref.startsWith("o")) return { overall: data.overall[Number(ref.slice(1))] };
  const [comparison, row] = ref.split(".").map(Number);
  return { comparison: data.comparisons[comparison], row: data.comparisons[comparison].rows[row] };
}
function behind(ref) {
  const { overall, comparison, row } = find(ref);
  if (overall) {
    const all = overall.comparisons.map((slug) => data.comparisons.find((each) => each.slug === slug));
    const runs = all.flatMap((each) => each.rows.flatMap((one) => headline(one)?.runs ?? []));
    return [`Over ${all.length} comparison(s): ${all.map((each) => each.dataset).join(", ")}`, ...sources(runs)];
  }
  const shownOne = headline(row);
  if (!shownOne) return [`${comparison.dataset}: no finished run (${row.status})`];
  const test = shownOne.test;
  const lines = [];
  if (test && test.low !== null) lines.push(`95 % interval of the mean: ${percent(test.low)} to ${percent(test.high)}`);
  lines.push(...sources(shownOne.runs));
  if (row.status !== "complete") lines.push(`Status: ${row.status}`);
  return lines;
}
const headline = (row) => row.configurations[row.headline] ?? null;
function sources(runs) {
  const machines = unique(runs.map((run) => run.machine)).map((name) => {
    const machine = data.machines[name];
    return machine ? `${machine.device}, ${machine.cpu}, ${machine.threads} thread(s) (${name.slice(0, 12)})` : name;
  });
  return [
    `Seeds: ${ranges(runs.map((run) => run.seed))}`,
    `Store: ${unique(runs.map((run) => run.store)).join(", ")}`,
    `Suite version: ${unique(runs.map((run) => run.suite_version)).join(", ")}`,
    `Hardware: ${machines.join("; ")}`,
  ];
}

const tip = $("tip");
let owner = null;
function tell(target, title, lines) {
  untell();
  tip.replaceChildren(element("b", title), ...lines.map((line) => element("span", line)));
  tip.hidden = false;
  const box = target.getBoundingClientRect();
  const width = tip.offsetWidth, height = tip.offsetHeight;
  const left = Math.max(8, Math.min(box.left + box.width / 2 - width / 2, document.documentElement.clientWidth - width - 8));
  const above = box.top - height - 8;
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${(above > 4 ? above : box.bottom + 8) + scrollY}px`;
  target.setAttribute("aria-describedby", "tip");
  owner = target;
}
function untell() {
  tip.hidden = true;
  owner?.removeAttribute("aria-describedby");
  owner = null;
}
function explain(target) {
  const cell = target.closest?.("section.board td[data-title]");
  if (cell) {
    const lines = [cell.dataset.note, ...behind(cell.parentElement.dataset.ref)].filter(Boolean);
    tell(cell, `${cell.dataset.title}: ${cell.textContent}`, lines);
    return;
  }
  const mark = target.closest?.(".mark");
  if (mark) tell(mark, mark.getAttribute("aria-label"), []);
  else untell();
}
document.addEventListener("pointerover", (event) => explain(event.target));
document.addEventListener("focusin", (event) => explain(event.target));
document.addEventListener("click", (event) => explain(event.target));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") untell(); });

// ---- Arrow keys: one stop of the tab key per table and picture -----------------------------------------------
function rove(table) {
  const cells = [...table.querySelectorAll("td[data-title]")];
  for (const cell of cells) cell.tabIndex = -1;
  if (cells[0]) cells[0].tabIndex = 0;
}
for (const table of document.querySelectorAll("section.board table")) rove(table);
function hop(from, to) {
  if (!to) return;
  from.tabIndex = -1;
  to.setAttribute("tabindex", "0");
  to.focus();
}
document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.("section.board td[data-title]");
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
      row.querySelector(".open")?.click();
    }
  } else if (mark) {
    const marks = [...mark.closest("svg").querySelectorAll(".mark")], place = marks.indexOf(mark);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      hop(mark, marks[place + step]);
    }
  }
});

// ---- A row's configuration, command and runs ------------------------------------------------------------------
function grid(header, rows) {
  const table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const name of header) head.append(element("th", name, { scope: "col" }));
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value, index) => line.append(index ? element("td", value) : element("th", value, { scope: "row" })));
  }
  const frame = element("div", null, { class: "scroll", tabindex: "0", role: "region", "aria-label": header.join(", ") });
  frame.append(table);
  return frame;
}
function command(text) {
  const pre = element("pre"), button = element("button", "Copy command", { type: "button", class: "copy" });
  pre.append(element("code", text));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(pre);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy command"; }, 2000);
  });
  return [pre, button];
}
const NAMES = { tuned: "Tuned configuration", default: "Default configuration", fixed: "Fixed configuration" };
function configuration(name, found) {
  const parts = [element("h3", NAMES[name] ?? name)];
  const test = found.test;
  if (test) {
    const spread = test.std === null ? "" : ` ± ${percent(test.std)}`;
    const band = test.low === null ? "" : `, 95 % interval ${percent(test.low)} to ${percent(test.high)}`;
    parts.push(element("p", `Test ${percent(test.mean)}${spread} over ${test.n} run(s)${band}.`));
  }
  if (found.trials) parts.push(element("p", `Search: ${found.trials} trials, budget ${found.budgets.join(", ")}.`));
  if (found.command) {
    parts.push(...command(found.command));
  }
  const settings = Object.entries(found.hparams);
  const teacher = Object.entries(found.teacher_hparams).map(([key, value]) => [`teacher.${key}`, value]);
  if (settings.length + teacher.length) {
    parts.push(grid(["Hyperparameter", "Value"], [...settings, ...teacher].map(([key, value]) => [key, JSON.stringify(value)])));
  }
  if (found.runs.length) {
    const rows = found.runs.map((run) => [
      run.seed, run.split_seed, run.status === "ok" ? percent(run.test) : run.status, percent(run.validation), run.record, run.store, run.suite_version, run.machine,
    ]);
    parts.push(grid(["Seed", "Split seed", "Test", "Validation", "Record", "Store", "Suite version", "Machine"], rows));
  }
  return parts;
}
function refOf(wanted) {
  for (const [index, comparison] of data.comparisons.entries()) {
    const place = comparison.rows.findIndex((row) => `${comparison.slug}/${row.name}` === wanted);
    if (place >= 0) return `${index}.${place}`;
  }
  return "";
}
function open(ref) {
  if (!ref || $("details").open) return;
  const { comparison, row } = find(ref);
  opened = `${comparison.slug}/${row.name}`;
  keep();
  const models = comparison.teacher ? `${comparison.teacher} → ${comparison.student}` : comparison.student;
  $("details-title").replaceChildren(element("bdi", row.name), " on ", element("bdi", comparison.dataset));
  const body = [element("p", `${comparison.split} split, ${comparison.setting}, ${models}. ${row.status}.`)];
  const names = Object.keys(row.configurations).sort((a) => (a === row.headline ? -1 : 1));
  for (const name of names) body.push(...configuration(name, row.configurations[name]));
  for (const repeat of row.repeats) {
    const verdict = { true: "agrees", false: "lies outside the interval" }[repeat.agrees] ?? "has too few seeds to compare";
    body.push(element("p", `Repeated on machine ${repeat.machine.slice(0, 12)} (store ${repeat.stores.join(", ")}): ${percent(repeat.test?.mean)}, ${verdict}.`));
  }
  const speeds = Object.entries(row.speed).map(([name, speed]) => [
    name, speed.full_forward_ms, speed.request_ms ?? NONE, speed.params, speed.macs, speed.peak_memory_mb,
  ]);
  if (speeds.length) {
    body.push(element("h3", "Speed"));
    body.push(grid(["Machine", "Full forward (ms)", "One request (ms)", "Parameters", "MACs", "Peak memory (MiB)"], speeds));
  }
  body.push(element("h3", "Data"), element("p", `Content ${comparison.dataset_sha256}, node order ${comparison.node_order_sha256}.`));
  $("details-body").replaceChildren(...body);
  untell();
  $("details").showModal();
  $("details").scrollTop = 0;
}
for (const button of document.querySelectorAll(".open")) {
  button.addEventListener("click", () => open(button.closest("tr").dataset.ref));
}
$("close").addEventListener("click", () => $("details").close());
$("details").addEventListener("click", (event) => { if (event.target === $("details")) $("details").close(); });

$("details").addEventListener("close", () => { opened = ""; keep(); });

$("save").addEventListener("click", () => {
  const link = element("a", null, { download: "leaderboard.json" });
  link.href = URL.createObjectURL(new Blob([JSON.stringify(data, null, 1)], { type: "application/json" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});

addEventListener("hashchange", restore);
restore();
document.documentElement.dataset.ready = "true";
