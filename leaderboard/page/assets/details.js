// ---- What stands behind a number ---------------------------------------------------------------------------------------
function find(ref) {
  if (ref.startsWith("o")) return { overall: data.overall[Number(ref.slice(1).split(".")[0])] };
  const [comparison, row] = ref.split(".").map(Number);
  return { comparison: data.comparisons[comparison], row: data.comparisons[comparison].rows[row] };
}
function behind(ref) {
  if (!ref) return [];
  const { overall, comparison, row } = find(ref);
  if (overall) {
    const all = overall.comparisons.map((slug) => data.comparisons.find((each) => each.slug === slug));
    const runs = all.flatMap((each) => each.rows.flatMap((one) => one.best?.runs ?? []));
    return [`Over ${all.length} comparison(s): ${all.map((each) => each.dataset).join(", ")}`, ...sources(runs)];
  }
  if (!row.best) return [`${comparison.dataset}: no finished run (${row.status})`];
  const lines = [];
  if (known(row.test?.low)) lines.push(`95 % interval of the mean: ${between(row.test.low, row.test.high)}`);
  lines.push(...sources(row.best.runs));
  if (row.status !== "complete") lines.push(`Status: ${row.status}`);
  return lines;
}
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
  const cell = target.closest?.("td[data-title]");
  if (cell) {
    const lines = [cell.dataset.note, ...behind(cell.parentElement.dataset.ref)].filter(Boolean);
    tell(cell, `${cell.dataset.title}: ${cell.textContent}`, lines);
    return;
  }
  const mark = target.closest?.(".mark");
  if (mark) tell(mark, mark.getAttribute("aria-label"), mark.dataset.ref ? behind(mark.dataset.ref).slice(1) : []);
  else untell();
}
document.addEventListener("pointerover", (event) => explain(event.target));
document.addEventListener("focusin", (event) => explain(event.target));
document.addEventListener("click", (event) => explain(event.target));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") untell(); });

// ---- A row's configuration, command and runs ---------------------------------------------------------------------------
function grid(label, header, rows) {
  const table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const name of header) head.append(element("th", name, { scope: "col" }));
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value, index) => line.append(index ? element("td", value) : element("th", value, { scope: "row" })));
  }
  const frame = element("div", null, { class: "scroll", tabindex: "0", role: "region", "aria-label": `${label}: ${header.join(", ")}` });
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
const NAMES = { tuned: "Tuned configuration", default: "Default configuration", fixed: "Fixed configuration", ablated: "Own term off" };
function configuration(name, found) {
  const title = NAMES[name] ?? name, parts = [element("h3", title)];
  const test = found.test;
  if (test) {
    const spread = test.std === null ? "" : ` ± ${percent(test.std)}`;
    const band = test.low === null ? "" : `, 95 % interval ${between(test.low, test.high)}`;
    parts.push(element("p", `Test ${percent(test.mean)}${spread} over ${test.n} run(s)${band}.`));
  }
  if (found.trials) parts.push(element("p", `Search: ${found.trials} trials, budget ${found.budgets.join(", ")}.`));
  if (found.command) parts.push(...command(found.command.join(" --set ")));
  const settings = Object.entries(found.hparams);
  const teacher = Object.entries(found.teacher_hparams).map(([key, value]) => [`teacher.${key}`, value]);
  if (settings.length + teacher.length) {
    parts.push(grid(title, ["Hyperparameter", "Value"], [...settings, ...teacher].map(([key, value]) => [key, JSON.stringify(value)])));
  }
  if (found.runs.length) {
    const rows = found.runs.map((run) => [
      run.seed, run.split_seed, run.status === "ok" ? percent(run.test) : run.status, percent(run.validation), run.record, run.store, run.suite_version, run.machine,
    ]);
    parts.push(grid(title, ["Seed", "Split seed", "Test", "Validation", "Record", "Store", "Suite version", "Machine"], rows));
  }
  return parts;
}
function refOf(name) {
  for (const comparison of data.comparisons) {
    const row = comparison.rows.find((each) => `${comparison.slug}/${each.name}` === name);
    if (row) return row.ref;
  }
  return "";
}
function open(ref) {
  if (!ref || $("details").open) return;
  const { comparison, row } = find(ref);
  opened = `${comparison.slug}/${row.name}`;
  keep();
  $("details-title").replaceChildren(element("bdi", row.name), " on ", element("bdi", comparison.dataset));
  const body = [element("p", `${comparison.split} split, ${comparison.setting}, ${comparison.models}. ${row.status}.`)];
  const names = Object.keys(row.configurations).sort((a) => (a === row.headline ? -1 : 1));
  for (const name of names) body.push(...configuration(name, row.configurations[name]));
  for (const repeat of row.repeats) {
    const verdict = { true: "agrees", false: "has another mean" }[repeat.agrees] ?? "has too few seeds to compare";
    body.push(element("p", `Repeated on machine ${repeat.machine.slice(0, 12)} (store ${repeat.stores.join(", ")}): ${percent(repeat.test?.mean)}, ${verdict}.`));
  }
  const speeds = Object.entries(row.speed).map(([name, speed]) => [
    name, number(speed.request_ms), number(speed.full_forward_ms), speed.rounds ?? 1, speed.params, speed.macs, number(speed.peak_memory_mb),
  ]);
  if (speeds.length) {
    body.push(element("h3", "Speed"));
    body.push(grid("Speed", ["Machine", "One request (ms)", "Full forward (ms)", "Rounds", "Parameters", "MACs", "Peak memory (MiB)"], speeds));
  }
  body.push(element("h3", "Data"), element("p", `Content ${comparison.dataset_sha256}, node order ${comparison.node_order_sha256}.`));
  $("details-body").replaceChildren(...body);
  untell();
  $("details").showModal();
  $("details").scrollTop = 0;
}
$("close").addEventListener("click", () => $("details").close());
$("details").addEventListener("click", (event) => { if (event.target === $("details")) $("details").close(); });

