// ---- Accuracy against request latency: every row of a dataset in one picture -----------------------------------------
const SHAPES = { teacher: "square", supervised: "diamond", method: "circle" };
const INKS = ["--blue", "--orange", "--pink", "--sky", "--green", "--vermilion"];
const latencyOf = (row, machine, of) => row.speed[machine]?.[of] ?? null;

// Ends of intervals, where there are any; else the value itself.
const lowOf = (row) => row.test.low ?? row.test.mean;
const highOf = (row) => row.test.high ?? row.test.mean;

// The rows that no other beats: at least as good in both, and in one better by more than the intervals.
function frontOf(rows, machine, of) {
  const [lower, upper] = of === "request_ms" ? ["request_low", "request_high"] : ["full_forward_low", "full_forward_high"];
  const time = (row) => latencyOf(row, machine, of);
  const bound = (row, name, fallback) => row.speed[machine][name] ?? fallback;
  const beats = (a, b) => time(a) <= time(b) && a.test.mean >= b.test.mean
    && (bound(a, upper, time(a)) < bound(b, lower, time(b)) || lowOf(a) > highOf(b));
  return rows.filter((row) => !rows.some((other) => other !== row && beats(other, row)));
}

// A name cut in the middle, so that both of its ends tell it from others.
function cut(name, most) {
  const letters = [...shown(name)];
  if (letters.length <= most) return letters.join("");
  const head = Math.ceil((most - 1) / 2);
  return `${letters.slice(0, head).join("")}…${letters.slice(letters.length - (most - 1 - head)).join("")}`;
}
function ticksOf(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of [1, 2, 5]) {
      const value = digit * 10 ** power;
      if (value >= low && value <= high) found.push(Number(value.toPrecision(1)));
    }
  }
  return found.length > 7 ? found.filter((value) => String(value / 10 ** Math.floor(Math.log10(value) + 1e-9)).startsWith("1")) : found;
}
function evenTicks(low, high) {
  const raw = (high - low) / 5, base = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * base).find((each) => each >= raw);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) found.push(Number(value.toFixed(6)));
  return found;
}
function shapeOf(kind, x, y, size) {
  if (kind === "square") return drawn("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size });
  if (kind === "diamond") return drawn("path", { d: `M${x} ${y - 1.3 * size}L${x + 1.3 * size} ${y}L${x} ${y + 1.3 * size}L${x - 1.3 * size} ${y}Z` });
  return drawn("circle", { cx: x, cy: y, r: size });
}

const pen = document.createElement("canvas").getContext("2d");
function wideAs(text) {
  pen.font = `700 11.5px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width + 2;
}

// rows: with a score and a latency; limit: milliseconds or null; best: the row to name first.
function chartOf(rows, machine, of, limit, best) {
  const place = $("chart"), width = Math.max(260, place.clientWidth), wide = width > 640;
  const height = wide ? 400 : 340, left = 40, right = wide ? 90 : 12, top = 14, bottom = 44;
  const times = rows.map((row) => latencyOf(row, machine, of)), scores = rows.flatMap((row) => [lowOf(row), highOf(row)]);
  const [x0, x1] = [Math.min(...times, limit ?? Infinity) / 1.3, Math.max(...times, limit ?? 0) * 1.3];
  const pad = Math.max(0.004, (Math.max(...scores) - Math.min(...scores)) * 0.05);
  const [y0, y1] = [100 * (Math.min(...scores) - pad), 100 * (Math.max(...scores) + pad)];
  const x = (value) => left + ((width - left - right) * Math.log(value / x0)) / Math.log(x1 / x0);
  const y = (value) => height - bottom - ((height - top - bottom) * (value - y0)) / (y1 - y0);
  const metric = METRIC[rows[0].comparison.metric] ?? rows[0].comparison.metric;
  const unit = of === "request_ms" ? "ms a request (log)" : "ms a full forward (log)";
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "group", "aria-label": `Test ${metric} against ${unit}, ${rows.length} rows` });
  for (const tick of ticksOf(x0, x1)) {
    svg.append(drawn("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: height - bottom }));
    svg.append(drawn("text", { x: x(tick), y: height - bottom + 16, "text-anchor": "middle" }, number(tick)));
  }
  for (const tick of evenTicks(y0, y1)) {
    svg.append(drawn("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
    svg.append(drawn("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, String(tick)));
  }
  svg.append(drawn("text", { x: wide ? left : 0, y: height - 8 }, `${unit}; up: test ${metric} (%)`));
  if (known(limit)) svg.append(drawn("rect", { class: "beyond", x: x(limit), y: top, width: Math.max(0, width - right - x(limit)), height: height - top - bottom }));
  const front = frontOf(rows.filter((row) => row.complete), machine, of).sort((a, b) => latencyOf(a, machine, of) - latencyOf(b, machine, of) || b.test.mean - a.test.mean);
  const students = [...new Set(rows.map((row) => (row.role === "teacher" ? "teacher" : row.comparison.student)))];
  const ink = (row) => (row.role === "teacher" ? "--ink" : INKS[students.filter((each) => each !== "teacher").indexOf(row.comparison.student) % INKS.length]);
  const many = rows.length > 60;
  const boxes = rows.map((row) => ({ x: x(latencyOf(row, machine, of)) - 5, y: y(100 * row.test.mean) - 5, w: 10, h: 10 }));
  const label = (row) => {
    const text = cut(row.name, wide ? 22 : 16), w = wideAs(text), cx = x(latencyOf(row, machine, of)), cy = y(100 * row.test.mean);
    for (const [dx, dy, anchor] of [[9, 4, "start"], [-9, 4, "end"], [0, -10, "middle"], [0, 18, "middle"], [9, -9, "start"], [9, 17, "start"], [-9, -9, "end"], [-9, 17, "end"]]) {
      const box = { x: cx + dx - (anchor === "end" ? w : anchor === "middle" ? w / 2 : 0), y: cy + dy - 10, w, h: 13 };
      if (box.x < left || box.x + w > width || box.y < 0 || box.y + 13 > height - bottom) continue;
      if (boxes.some((each) => each.x < box.x + box.w && box.x < each.x + each.w && each.y < box.y + box.h && box.y < each.y + each.h)) continue;
      boxes.push(box);
      svg.append(drawn("text", { x: cx + dx, y: cy + dy, "text-anchor": anchor, class: row === best ? "name first" : "name" }, text));
      return;
    }
  };
  for (const row of [...rows].reverse()) {
    const cx = x(latencyOf(row, machine, of)), cy = y(100 * row.test.mean), on = front.includes(row);
    const mark = drawn("g", { class: `mark${on ? " on" : ""}${row === best ? " first" : ""}`, role: "img", tabindex: "-1", "data-ref": row.ref, style: `--of:var(${ink(row)})`,
      "aria-label": shown(`${row.name}, ${modelOf(row)}: ${metric} ${percent(row.test.mean)} %${known(row.test.low) ? `, 95 % interval ${between(row.test.low, row.test.high)}` : ""}; ${number(latencyOf(row, machine, of))} ms${on ? "; on the front" : ""}`) });
    if (!many || on) mark.append(drawn("line", { class: "whisker", x1: cx, x2: cx, y1: y(100 * lowOf(row)), y2: y(100 * highOf(row)) }));
    mark.append(shapeOf(SHAPES[row.role] ?? "circle", cx, cy, on ? 5.5 : 4));
    mark.addEventListener("click", () => open(row.ref));
    svg.append(mark);
  }
  svg.querySelector(".mark")?.setAttribute("tabindex", "0");
  if (best) label(best);
  for (const row of [...front, ...rows.filter((each) => each.role === "teacher")]) if (row !== best) label(row);
  if (!many) for (const row of rows) if (row !== best && !front.includes(row) && row.role !== "teacher") label(row);
  const key = element("p", null, { class: "key" });
  for (const each of students) {
    const one = element("span", null, { style: `--of:var(${ink(rows.find((row) => (row.role === "teacher" ? "teacher" : row.comparison.student) === each))})` });
    one.append(element("i", null, { class: each === "teacher" ? "square" : "" }), element("bdi", each === "teacher" ? "teachers" : `${each} students`));
    key.append(one);
  }
  key.append(element("span", "diamond: student alone; large: on the front; lines: 95 % intervals"));
  place.replaceChildren(svg, key);
  return front;
}
