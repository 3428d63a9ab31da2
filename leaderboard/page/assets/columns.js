// ---- What the tables show ------------------------------------------------------------------------------------------
const METRIC = { accuracy: "accuracy", micro_f1: "micro-F1", roc_auc: "ROC AUC" };
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const rankOf = (row) => (!row.standing ? NONE : row.standing.rank_low === row.standing.rank_high ? `${row.standing.rank_low}` : `${row.standing.rank_low}–${row.standing.rank_high}`);
const pOf = (test) => {
  if (!test || !known(test.p_holm) || !test.test) return "too few seeds for a test";
  return `${data.test_names[test.test]}, adjusted p = ${test.p_holm < 0.001 ? "< 0.001" : test.p_holm.toPrecision(2)}, ${test.significant ? "significant" : "not significant"}`;
};
function standingNote(row) {
  const found = row.standing;
  if (!found) return "Not ranked.";
  const best = found.against_best;
  const near = row.equal_to_best ? ` Equal in practice: within ${100 * row.comparison.margin} points.` : "";
  const apart = best ? ` Against the highest mean: ${signed(best.difference)} points, ${pOf(best)}.${near}` : "";
  return `${capital(found.verdict)}; rank ${row.rank} by mean.${apart}`;
}
function studentNote(row) {
  const test = row.against_student;
  if (!test) return "";
  const band = known(test.low) ? ` (95 % interval ${between(test.low, test.high, signed)})` : "";
  return `Wins ${test.wins}, ties ${test.ties}, losses ${test.losses}${band}; ${pOf(test)}.`;
}
const worthNote = (row) => (row.own_term && known(row.own_term.low) ? `95 % interval ${between(row.own_term.low, row.own_term.high, signed)}.` : "");
const worthText = (row) => (!row.own_term ? NONE : `${signed(row.own_term.difference)}${row.own_term.verdict ? ` (${row.own_term.verdict})` : ""}`);
const ends = (test) => (test ? [test.low, test.mean, test.high] : null);
const spread = (low, high) => (known(low) && known(high) && low !== high ? `95 % interval of the median over rounds: ${number(low)} to ${number(high)} ms.` : "");
const frontNote = (row) => (speedOf(row)?.pareto ? "On the front of request latency, parameters and accuracy." : "");
const timed = (title, help, off, of, text = number, note = () => "", best = -1) => ({ title, help, off, best, first: 1, value: (row) => of(speedOf(row) ?? {}, row) ?? null, text: (row) => text(of(speedOf(row) ?? {}, row)), note });

function scoreColumns(metric, bars = true) {
  const name = METRIC[metric] ?? metric;
  return [
    { title: capital(name), help: `Test ${name} in percent: mean ± standard deviation over report seeds.`, best: 1, value: (row) => row.test?.mean ?? null, text: (row) => score(row.test), note: (row) => (known(row.optimism) ? `The best trial's validation score was ${signed(row.optimism)} points above that of the report seeds.` : "") },
    ...(bars ? [{ title: "95 % interval", help: "Of the mean, for data drawn as these were; all of a table on one axis.", value: (row) => row.test?.low ?? null, text: (row) => between(row.test?.low, row.test?.high), bar: (row) => (row.role === "majority" ? null : ends(row.test)), end: (value) => percent(value, 0) }] : []),
  ];
}
const SPEED = [
  timed("Request (ms)", "Median time to answer for one node or graph, fetching what it reads.", false, (speed) => speed.request_ms, number, (row) => [spread(speedOf(row)?.request_low, speedOf(row)?.request_high), frontNote(row)].filter(Boolean).join(" ")),
  { ...timed("Speed-up", "The teacher's request latency over this one's, on one machine.", false, (speed) => speed.request_speedup, factor, () => "", 1), first: -1 },
  timed("Params", "Trained numbers that inference needs.", false, (speed) => speed.params, count),
  timed("Full forward (ms)", "Median time of one forward of all items.", true, (speed) => speed.full_forward_ms, number, (row) => spread(speedOf(row)?.full_forward_low, speedOf(row)?.full_forward_high)),
  timed("MACs", "Multiply-accumulates of one full forward.", true, (speed) => speed.macs, count),
  timed("Memory (MiB)", "Peak of one full forward.", true, (speed) => speed.peak_memory_mb, number),
];
const COST = [
  { title: "Tuning gain", help: "Tuned less default on the same seeds, in points.", off: true, value: (row) => row.tuning_gain, text: (row) => signed(row.tuning_gain), note: (row) => (row.configurations.default?.test ? `The default configuration scores ${score(row.configurations.default.test)}.` : "") },
  { title: "ECE", help: "Expected calibration error on the test set, in points; lower is better.", off: true, best: -1, first: 1, value: (row) => row.best?.ece ?? null, text: (row) => percent(row.best?.ece) },
  { title: "Tuning (min)", help: "Training time of all trials, in device-minutes.", off: true, first: 1, value: (row) => row.search.device_hours, text: (row) => minutes(row.search.device_hours), note: (row) => (row.search.trials ? `${row.search.trials} trials, ${row.search.pruned} pruned, ${row.search.failed} failed.` : "") },
  { title: "Seeds", help: "Finished report runs, or what is missing.", off: true, value: (row) => row.test?.n ?? 0, text: (row) => (row.complete ? String(row.test?.n ?? 0) : row.status) },
];
const comparisonColumns = (comparison) => [
  { title: "Rank", help: "By mean test score: from one more than the rows significantly better, to those not worse.", first: 1, value: (row) => row.rank, text: rankOf, note: standingNote },
  { title: "Group", help: "Rows that share a letter cannot be told apart (Holm over all pairs); none above 15 rows.", off: true, value: (row) => row.standing?.letters || null, text: (row) => row.standing?.letters || NONE },
  ...scoreColumns(comparison.metric),
  { title: "Gain", help: "Mean difference to the student alone on the same seeds, in points.", best: 1, value: (row) => row.gain, text: (row) => signed(row.gain), note: studentNote },
  ...(comparison.rows.some((row) => row.own_term) ? [{ title: "Own term", help: "The row less the same configuration with its method's own term off, in points.", value: (row) => row.own_term?.difference ?? null, text: worthText, note: worthNote }] : []),
  { title: "Gap closed", help: "Gain over the distance from the student alone to its teacher, where that is clearly better.", off: true, best: 1, value: (row) => row.gap_closed, text: (row) => share(row.gap_closed) },
  ...SPEED, ...COST,
];
const choiceColumns = (metric) => [
  { title: "Models", help: "What was distilled into what; a teacher's own row says so.", value: (row) => modelOf(row), text: (row) => modelOf(row), first: 1 },
  ...scoreColumns(metric), ...SPEED, ...COST,
];
const modelOf = (row) => (row.role === "teacher" ? `${row.tag || row.comparison.teacher} (teacher)` : row.role === "majority" ? "largest class" : row.role === "supervised" ? `${row.comparison.student} alone` : row.comparison.models);

const estimate = (title, help, of, text, options = {}) => ({
  title, help, value: (row) => of(row)?.value ?? null, text: (row) => text(of(row)?.value),
  note: (row) => (known(of(row)?.low) ? `95 % interval ${between(of(row).low, of(row).high, options.form ?? text)}.` : of(row)?.note ? `${capital(of(row).note)}.` : ""), ...options,
});
function overallColumns(overall) {
  const places = overall.comparisons.map((slug) => data.comparisons.find((each) => each.slug === slug));
  const twice = (name) => places.filter((each) => each.dataset === name).length > 1;
  const rowIn = (comparison, row) => comparison.rows.find((each) => each.name === row.name && each.role !== "teacher");
  const fixed = (value) => (known(value) ? value.toFixed(2) : NONE);
  return [
    estimate("Mean rank", "Mean over all comparisons of the rank by mean test score; 1 is best.", (row) => row.mean_rank, fixed, { best: -1, first: 1 }),
    { title: "Rank interval", help: "95 % interval of the mean rank over datasets, from four datasets on.", first: 1, value: (row) => row.mean_rank.low, text: (row) => row.mean_rank.note ?? between(row.mean_rank.low, row.mean_rank.high, fixed), bar: (row) => [row.mean_rank.low, row.mean_rank.value, row.mean_rank.high], end: (value) => value.toFixed(1) },
    estimate("Win rate", "Chance that a run beats a run of another row, mean over the others and over datasets.", (row) => row.win_rate, share, { best: 1 }),
    ...places.map((each) => ({
      title: shown(each.dataset + (twice(each.dataset) ? `, ${each.split}` : "")), help: `Mean test ${METRIC[each.metric] ?? each.metric} on ${each.dataset} (${each.protocol}), in percent.`, off: places.length > 8, best: 1,
      value: (row) => rowIn(each, row)?.test?.mean ?? null, text: (row) => percent(rowIn(each, row)?.test?.mean), note: (row) => (rowIn(each, row) ? `Rank ${rankOf(rowIn(each, row))}; 95 % interval ${between(rowIn(each, row).test?.low, rowIn(each, row).test?.high)}.` : ""),
    })),
    estimate("Mean gain", "Mean difference to the student alone, in percentage points.", (row) => row.mean_gain, signed, { best: 1 }),
    ...(overall.rows.some((row) => row.own_term) ? [{ ...estimate("Mean own term", "The row less the same configuration with its method's own term off, in points, mean over datasets.", (row) => row.own_term, signed), text: (row) => `${signed(row.own_term?.value)}${row.own_term && known(row.own_term.low) && row.own_term.low <= 0 && row.own_term.high >= 0 ? " (nothing measurable)" : ""}` }] : []),
    estimate("Mean gap closed", "Gain over the distance from the student alone to a clearly better teacher.", (row) => row.gap_closed, share, { best: 1, off: true }),
    estimate("IQM", "Mean of the middle half of normalised scores: 0 is the majority class, 1 the teacher, clearly above it.", (row) => row.iqm, (value) => (known(value) ? `${percent(value, 1)} %` : NONE), { best: 1, off: true }),
    { title: "Mean speed-up", help: "The teacher's latency over the student's, geometric mean.", best: 1, value: (row) => row.speedup, text: (row) => factor(row.speedup), note: () => (overall.machine ? `On machine ${overall.machine.slice(0, 12)}.` : "") },
    { title: "Tuning gain", help: "Tuned less default on the same seeds, in points, mean over comparisons.", off: true, value: (row) => row.tuning_gain, text: (row) => signed(row.tuning_gain) },
    { title: "ECE", help: "Expected calibration error on the test set, in points; lower is better.", off: true, best: -1, first: 1, value: (row) => row.ece, text: (row) => percent(row.ece) },
    { title: "Tuning (min)", help: "Training time of all trials, in device-minutes, summed over comparisons.", off: true, first: 1, value: (row) => row.device_hours, text: (row) => minutes(row.device_hours) },
  ];
}

// A row's name, which opens what stands behind it, and what there is to say of it.
function nameCell(row, verdict = true) {
  const button = element("button", null, { type: "button", class: "open", "aria-haspopup": "dialog", title: "Configuration, command, runs" });
  button.append(element("bdi", row.name));
  button.addEventListener("click", () => open(row.ref));
  const parts = [button], chip = (text, kind = "", title = "") => parts.push(" ", element("small", text, { class: `chip ${kind}`, title }));
  if (row.tag) {
    const tag = element("small");
    tag.append(element("bdi", row.tag));
    parts.push(" ", tag);
  }
  if (verdict && ["best", "tied for best"].includes(row.standing?.verdict)) chip(row.standing.verdict);
  if (row.verified) chip("verified", "ok", "An independent repeat on other hardware has the same mean (Welch's test, 5 %)");
  if (!row.complete) chip(row.status.split(" ")[0], "warn", row.status);
  return parts;
}
function pickCell(row) {
  const button = element("button", null, { type: "button", class: "pick", title: "Show this method alone" });
  button.append(element("bdi", row.name));
  button.addEventListener("click", () => {
    $("filter").value = row.name;
    choose();
    keep();
    $("datasets").scrollIntoView();
  });
  return row.method === "supervised" ? [button, " ", element("small", "student alone")] : [button];
}
