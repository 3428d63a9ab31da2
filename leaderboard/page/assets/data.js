// What the page does beyond being read. Text from records only ever goes through textContent.
const $ = (id) => document.getElementById(id);
const NONE = "–";

// leaderboard.json without what this page does not show, packed: page/packing.py says how.
function unpack({ shapes, pool, root }) {
  const ready = [];
  function of(value) {
    if (!Array.isArray(value) || value.length === 0) return value;
    const [head, ...rest] = value;
    if (head === -1) return rest.map(of);
    if (head === -2) {
      const [shape, count, ...columns] = rest;
      const found = Array.from({ length: count }, () => ({}));
      columns.forEach((column, place) => {
        const name = shapes[shape][place];
        const same = column[0] === -3 ? of(column[1]) : undefined;
        found.forEach((each, row) => { each[name] = column[0] === -3 ? same : of(column[row + 1]); });
      });
      return found;
    }
    if (rest.length === 0) return (ready[head] ??= of(pool[head]));
    return Object.fromEntries(shapes[head].map((name, place) => [name, of(rest[place])]));
  }
  return of(root);
}
const data = unpack(JSON.parse($("data").textContent));
for (const [index, comparison] of data.comparisons.entries()) {
  comparison.place = index;
  comparison.models = comparison.teacher ? `${comparison.teacher} → ${comparison.student}` : `${comparison.student}, no teacher`;
  comparison.protocol = `${comparison.setting}, ${comparison.split}`;
  comparison.rows.forEach((row, place) => {
    row.comparison = comparison;
    row.ref = `${index}.${place}`;
    row.tag = comparison.tags[place];
    row.best = row.configurations[row.headline] ?? null; // the configuration that it shows
    row.test = row.best?.test ?? null;
  });
}

// Marks of text direction and control characters are spelled out, as in the tables.
const shown = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\ufffe\uffff]/gu, (char) => `\\u${char.codePointAt(0).toString(16).padStart(4, "0")}`);
function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = shown(String(text));
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
function drawn(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = shown(String(text));
  return made;
}

// ---- Numbers as the README has them -----------------------------------------------------------------------------
const known = (value) => value !== null && value !== undefined;
const percent = (value, digits = 2) => (known(value) ? (100 * value).toFixed(digits) : NONE);
function signed(value) {
  if (!known(value)) return NONE;
  const text = (100 * value).toFixed(2);
  return Number(text) === 0 ? "0.00" : value > 0 ? `+${text}` : text;
}
function number(value) {
  if (!known(value)) return NONE;
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 100 ? rounded.toFixed(0) : Math.abs(rounded) >= 1e-4 ? String(rounded) : value.toExponential(1);
}
const factor = (value) => (!known(value) ? NONE : value >= 1 && value < 100 ? `${value.toFixed(1)}×` : `${number(value)}×`);
function count(value) {
  if (!known(value)) return NONE;
  for (const [size, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${unit}`;
  }
  return String(value);
}
const share = (value) => (known(value) ? `${(100 * value).toFixed(0)} %`.replace("-0 %", "0 %") : NONE);
const between = (low, high, form = percent) => (known(low) && known(high) ? `${form(low)} to ${form(high)}` : NONE);
const score = (test) => (!test ? NONE : known(test.std) ? `${percent(test.mean)} ± ${percent(test.std)}` : `${percent(test.mean)} (1 seed)`);
const minutes = (hours) => (known(hours) ? number(60 * hours) : NONE);
const unbroken = (text) => text.replaceAll(" ", "\u00a0"); // a line ends before or after it, not within
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

// ---- Speed on one machine ----------------------------------------------------------------------------------------
// The machine on which most of some rows were timed.
function machineOf(rows) {
  const counts = new Map();
  for (const row of rows) for (const name of Object.keys(row.speed)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0] ?? null;
}
for (const comparison of data.comparisons) comparison.machine = machineOf(comparison.rows);
const speedOf = (row) => row.speed[row.comparison.machine] ?? null;
const request = (row) => speedOf(row)?.request_ms ?? null;

// The difference of two rows of a table, first less second: its interval, and whether it is significant.
function pairOf(comparison, one, other) {
  const { pairs } = comparison;
  const a = pairs?.rows.indexOf(comparison.rows.indexOf(one)) ?? -1, b = pairs?.rows.indexOf(comparison.rows.indexOf(other)) ?? -1;
  if (a < 0 || b < 0 || a === b) return null;
  const [i, j] = a < b ? [a, b] : [b, a], n = pairs.rows.length;
  const at = i * n - (i * (i + 1)) / 2 + (j - i - 1);
  const low = pairs.low[at] / 1e4, high = pairs.high[at] / 1e4, significant = pairs.significant[at] === "1";
  return a < b ? { low, high, significant } : { low: -high, high: -low, significant };
}
