// ---- Theme -----------------------------------------------------------------------------------------------------------
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

// ---- The choice: pickers, names, address -------------------------------------------------------------------------------
// A name that a row or a method has is that one alone; anything else is looked for in all names.
const exact = new Set(data.comparisons.flatMap((each) => each.rows.flatMap((row) => [row.name, row.method])).map((name) => shown(name).toLowerCase()));
const wanted = () => $("filter").value.split(",").map((each) => each.trim().toLowerCase()).filter(Boolean);
function named(row, words = wanted()) {
  const name = shown(row.name).toLowerCase(), method = shown(row.method).toLowerCase();
  return !words.length || words.some((word) => (exact.has(word) ? word === name || word === method : name.includes(word)));
}
const limitOf = () => (Number($("under").value) > 0 ? Number($("under").value) : null);
const pickers = ["dataset", "protocol", "models", "under", "filter"].map($);
const picked = () => Object.fromEntries(pickers.map((each) => [each.id, each.value]));
const fits = (comparison, { dataset, protocol, models }) =>
  (!dataset || shown(comparison.dataset) === dataset) && (!protocol || shown(comparison.protocol) === protocol) && (!models || shown(comparison.models) === models);

const sections = [...document.querySelectorAll("section.board[data-place]")];
const made = new Map(); // a section's table is drawn when it is first shown
function tableOf(section) {
  if (made.has(section)) return made.get(section).draw();
  const place = section.querySelector(":scope > .table"), label = section.querySelector("h3").textContent;
  if (section.classList.contains("overall")) {
    const overall = data.overall[Number(section.dataset.place)];
    overall.rows.forEach((row, index) => { row.ref = `o${section.dataset.place}.${index}`; row.role = row.method === "supervised" ? "supervised" : "method"; });
    return made.set(section, new Table(place, label, overallColumns(overall), overall.rows, { name: pickCell, keep: named, ranked: () => true }));
  }
  const comparison = data.comparisons[Number(section.dataset.place)];
  const order = { teacher: 0, supervised: 1, method: 1, majority: 2 };
  const rows = [...comparison.rows].sort((a, b) => order[a.role] - order[b.role] || (b.test?.mean ?? -1) - (a.test?.mean ?? -1));
  return made.set(section, new Table(place, label, comparisonColumns(comparison), rows, { name: nameCell, keep: named }));
}
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting && !made.has(target)) tableOf(target);
}, { rootMargin: "600px" });

// Rows of one dataset under one protocol, across teachers and students; what several tables share stands once.
function rowsOf(comparisons) {
  const found = new Map();
  for (const comparison of comparisons) for (const row of comparison.rows) {
    const first = row.best?.runs[0]?.record;
    if (row.role === "majority" || !first) continue;
    if (!found.has(first)) found.set(first, row);
  }
  return [...found.values()].sort((a, b) => b.test?.mean - a.test?.mean || (a.name < b.name ? -1 : 1));
}
function bold(text) {
  const made = element("b");
  made.append(element("bdi", text));
  return made;
}
let chosen = null;
function answer() {
  const now = picked();
  const dataset = now.dataset || shown(data.comparisons[0].dataset);
  const all = data.comparisons.filter((each) => fits(each, { ...now, dataset }));
  const protocol = all[0]?.protocol, some = all.filter((each) => each.protocol === protocol);
  const place = $("choice").querySelector(".table");
  if (chosen) tables.delete(chosen);
  chosen = null;
  if (!some.length) {
    $("verdict").textContent = "No table matches this choice.";
    $("chart").replaceChildren();
    place.replaceChildren();
    return;
  }
  const limit = limitOf(), rows = rowsOf(some).filter((row) => row.test && named(row)), machine = machineOf(rows);
  for (const comparison of some) comparison.machine = machine ?? comparison.machine;
  const of = rows.some((row) => known(latencyOf(row, machine, "request_ms"))) ? "request_ms" : "full_forward_ms";
  const time = (row) => latencyOf(row, machine, of);
  const under = rows.filter((row) => !known(limit) || (known(time(row)) && time(row) <= limit));
  const best = under.find((row) => row.complete) ?? null;
  say(some[0], best, under, limit, time, of);
  const points = rows.filter((row) => known(time(row)) && time(row) > 0);
  if (points.length) chartOf(points, machine, of, limit, best);
  else $("chart").replaceChildren(element("p", "No latency was measured here.", { class: "note" }));
  chosen = new Table(place, `All rows of ${some[0].dataset}, ${protocol}`, choiceColumns(some[0].metric), under, { name: (row) => nameCell(row, false) });
}
function say(comparison, best, under, limit, time, of) {
  const where = [bold(comparison.dataset), ` (${comparison.protocol})${known(limit) ? `, under ${number(limit)} ms` : ""}: `];
  if (!best) return $("verdict").replaceChildren(...where.map((each) => (typeof each === "string" ? shown(each) : each)), "no complete row answers.");
  const metric = METRIC[comparison.metric] ?? comparison.metric, low = best.test.low ?? best.test.mean;
  const near = under.filter((row) => row !== best && row.complete && (row.test.high ?? row.test.mean) >= low);
  const names = near.slice(0, 5).map((row) => `${row.name} (${modelOf(row)}${known(time(row)) ? `, ${number(time(row))} ms` : ""})`);
  const more = near.length > 5 ? ` and ${near.length - 5} more` : "";
  const what = of === "request_ms" ? "a request" : "a full forward";
  const student = best.role === "teacher" ? under.find((row) => row.complete && row.role !== "teacher") : null;
  const quick = near.filter((row) => known(time(row)) && known(time(best)) && time(row) < time(best)).sort((a, b) => time(a) - time(b))[0];
  $("verdict").replaceChildren(
    where[0], shown(where[1]), bold(best.name), shown(` (${best.role === "teacher" ? best.tag || best.comparison.teacher : modelOf(best)}) has the highest ${metric}, ${percent(best.test.mean)} %${known(best.test.low) ? ` (95 % interval ${between(best.test.low, best.test.high)})` : ""}${known(time(best)) ? `, ${number(time(best))} ms ${what}` : ""}. `),
    shown(near.length ? `Intervals overlap, so that they are not told apart here: ${names.join("; ")}${more}.` : "No other row's interval reaches its own."),
    ...(student ? [" The best student is ", bold(student.name), shown(` (${modelOf(student)}), ${percent(student.test.mean)} %${known(time(student)) ? `, ${number(time(student))} ms` : ""}.`)] : []),
    ...(quick ? [" The fastest of these is ", bold(quick.name), shown(` (${modelOf(quick)}), ${number(time(quick))} ms.`)] : []),
  );
}

function choose() {
  const now = picked();
  let count = 0;
  for (const section of sections) {
    const overall = section.classList.contains("overall");
    const members = overall ? data.overall[Number(section.dataset.place)].comparisons.map((slug) => data.comparisons.find((each) => each.slug === slug)) : [data.comparisons[Number(section.dataset.place)]];
    section.hidden = !members.some((each) => fits(each, overall ? { ...now, dataset: "" } : now));
    if (!section.hidden && !overall) count += 1;
    if (made.has(section)) made.get(section).draw();
  }
  answer();
  $("overall").hidden = sections.every((each) => each.hidden || !each.classList.contains("overall"));
  $("datasets").hidden = count === 0;
  $("nothing").hidden = count > 0;
  $("shown").textContent = `${count} of ${data.comparisons.length} comparisons`;
}
let opened = ""; // the row whose details are open, as slug/name
const FIRST = data.comparisons.length > 0 ? shown(data.comparisons[0].dataset) : "";
function keep() {
  const state = new URLSearchParams();
  for (const each of pickers) if (each.value !== (each === $("dataset") ? FIRST : "")) state.set(each.id, each.value);
  const turned = [...everywhere].filter(([title, on]) => on === hidden.has(title)).map(([title]) => title);
  if (turned.length) state.set("columns", turned.join("|"));
  if (touched) state.set("two", `${$("one").value}|${$("other").value}`);
  if (opened) state.set("row", opened);
  history.replaceState(null, "", `#${state}`);
}
function restore() {
  if (location.hash.length > 1 && !location.hash.includes("=")) return; // a place on the page
  const state = new URLSearchParams(location.hash.slice(1));
  for (const each of pickers) {
    const value = state.get(each.id) ?? (each === $("dataset") ? FIRST : "");
    each.value = value;
    if (each.value !== value) each.value = "";
  }
  const turned = new Set((state.get("columns") ?? "").split("|").filter(Boolean));
  for (const comparison of data.comparisons) for (const column of comparisonColumns(comparison)) if (!everywhere.has(column.title)) {
    everywhere.set(column.title, !column.off);
    if (column.off) hidden.add(column.title);
  }
  for (const [title, on] of everywhere) hidden[turned.has(title) === on ? "add" : "delete"](title);
  const two = (state.get("two") ?? "").split("|");
  if (two.length === 2) {
    [$("one").value, $("other").value] = two;
    touched = true;
  }
  choose();
  versus();
  const row = state.get("row");
  if (row && row !== opened) open(refOf(row));
}
for (const each of pickers) each.addEventListener("input", () => { choose(); keep(); });
$("pickers").addEventListener("submit", (event) => event.preventDefault());
addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(answer, 200); });
let resized = 0;

// ---- Two methods side by side -------------------------------------------------------------------------------------------
let touched = false, pairTable = null;
function versus() {
  const [one, other] = [$("one").value, $("other").value];
  const rows = [];
  for (const comparison of data.comparisons) {
    const [a, b] = [one, other].map((name) => comparison.rows.find((row) => shown(row.name) === name && row.role !== "teacher"));
    if (!a?.test || !b?.test || a === b) continue;
    const pair = pairOf(comparison, a, b);
    rows.push({ name: comparison.dataset, ref: a.ref, a, b, pair, comparison, complete: true, role: "pair", difference: a.test.mean - b.test.mean });
  }
  const better = rows.filter((row) => row.pair?.significant && row.pair.low + row.pair.high > 0).length, worse = rows.filter((row) => row.pair?.significant && row.pair.low + row.pair.high < 0).length;
  $("difference").textContent = one === other ? "Choose two different rows." : !rows.length ? "No table has both." : shown(`Of ${rows.length} tables that have both, ${one} is significantly better in ${better}, ${other} in ${worse}; the rest do not tell them apart (5 %, adjusted for all pairs of a table).`);
  if (pairTable) tables.delete(pairTable);
  const latency = (row) => (row ? request(row) ?? speedOf(row)?.full_forward_ms ?? null : null);
  pairTable = new Table($("comparing").querySelector(".table"), `${one} and ${other}`, [
    { title: "Data and models", wraps: true, help: "The table that has both.", value: (row) => row.comparison.models, text: (row) => `${row.comparison.protocol}; ${unbroken(row.comparison.models)}`, first: 1 },
    { title: "One (%)", help: `Mean test score of ${one}.`, value: (row) => row.a.test.mean, text: (row) => score(row.a.test) },
    { title: "Other (%)", help: `Mean test score of ${other}.`, value: (row) => row.b.test.mean, text: (row) => score(row.b.test) },
    { title: "Difference", help: "One less other on the same seeds, in points.", value: (row) => row.difference, text: (row) => signed(row.difference) },
    { title: "Its interval", help: "95 % interval of the difference, in points, of this pair alone; the verdict is adjusted for all pairs. The line is zero.", zero: true, value: (row) => row.pair?.low ?? null, text: (row) => (row.pair ? between(row.pair.low, row.pair.high, signed) : NONE), bar: (row) => (row.pair ? [row.pair.low, (row.pair.low + row.pair.high) / 2, row.pair.high] : null), end: (value) => (100 * value).toFixed(0) },
    { title: "Verdict", help: "At 5 %, adjusted for all pairs of the table.", value: (row) => (row.pair?.significant ? 1 : 0), text: (row) => (!row.pair ? "not compared" : row.pair.significant ? (row.pair.low + row.pair.high > 0 ? "one is better" : "other is better") : "tied") },
    { title: "One (ms)", help: "Request latency.", first: 1, value: (row) => latency(row.a), text: (row) => number(latency(row.a)) },
    { title: "Other (ms)", help: "Request latency.", first: 1, value: (row) => latency(row.b), text: (row) => number(latency(row.b)) },
  ], rows, { name: (row) => [element("bdi", row.name)], title: "Dataset", ranked: () => false });
}
for (const id of ["one", "other"]) $(id).addEventListener("input", () => { touched = true; versus(); keep(); });
$("two").addEventListener("submit", (event) => event.preventDefault());
// At first the two that stand highest in the first table.
{
  const first = data.comparisons.map((each) => each.rows.filter((row) => row.standing).sort((a, b) => a.rank - b.rank)).find((rows) => rows.length > 1) ?? [];
  if (first.length) [$("one").value, $("other").value] = first.map((row) => shown(row.name));
}

// ---- A method on every dataset ----------------------------------------------------------------------------------------
for (const details of document.querySelectorAll("details.method")) details.addEventListener("toggle", () => {
  const place = details.querySelector(".table");
  if (!details.open || place.childNodes.length) return;
  const rows = data.comparisons.flatMap((each) => each.rows.filter((row) => shown(row.method) === details.dataset.method)).map((row) => ({ ...row, ranked: row.comparison.rows.filter((each) => each.standing).length }));
  new Table(place, `${details.dataset.method} on every dataset`, [
    { title: "Data and models", wraps: true, help: "The table it stands in.", value: (row) => row.comparison.dataset, text: (row) => `${row.comparison.dataset}, ${row.comparison.protocol}; ${unbroken(row.comparison.models)}`, first: 1 },
    { title: "Rank", help: "Range of ranks, of how many.", first: 1, value: (row) => row.rank, text: (row) => (row.standing ? `${rankOf(row)} of ${row.ranked}` : NONE), note: standingNote },
    { title: "Score (%)", help: "Mean ± standard deviation over report seeds.", value: (row) => row.test?.mean ?? null, text: (row) => score(row.test) },
    { title: "Gain", help: "Mean difference to the student alone on the same seeds, in points.", value: (row) => row.gain, text: (row) => signed(row.gain), note: studentNote },
    SPEED[0],
    { ...COST[2], title: "Cost of tuning (min)", off: false },
    { title: "Stores", help: "Where its runs are.", value: () => null, text: (row) => unique((row.best?.runs ?? []).map((run) => run.store)).join(", ") || NONE },
  ], rows, { name: nameCell });
  const told = rows.find((row) => row.best?.command);
  if (told) place.append(element("p", `The command of its row on ${told.comparison.dataset}; a row's name opens its own.`), ...command(told.best.command.join(" --set ")));
});

$("details").addEventListener("close", () => { opened = ""; keep(); });
$("save").addEventListener("click", () => {
  const link = element("a", null, { download: "leaderboard.json" });
  link.href = URL.createObjectURL(new Blob([JSON.stringify({ ...data, comparisons: data.comparisons.map(({ place, machine, ...each }) => ({ ...each, rows: each.rows.map(({ comparison, ref, tag, best, test, ...row }) => row) })) }, null, 1)], { type: "application/json" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
addEventListener("hashchange", restore);
restore();
for (const section of sections) seen.observe(section);
addEventListener("beforeprint", () => { for (const section of sections) if (!made.has(section)) tableOf(section); });
document.documentElement.dataset.ready = "true";
