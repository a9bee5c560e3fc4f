// Series as line charts with an axis, and their values where the pointer is.
"use strict";

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#787878", "#7a5fd0"];
const AROUND = 2.5; // deviations of the data that every chart shows

function drawn(tag, attributes, ...inside) {
  const one = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  one.append(...inside);
  return one;
}

// Round numbers from low to high, five or so
function ticks(low, high) {
  const least = (high - low) / 5, unit = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((by) => by * unit).find((by) => by >= least) || 10 * unit;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

// Channels of numbers, the ends of the scale, and how a value lies on it. Several channels are
// drawn in deviations of each, one in its unit
function scaled({ extra = {} }, columns) {
  const several = columns.length > 1;
  const of = columns.map((values, c) => {
    const known = values.filter(Number.isFinite), n = known.length || 1;
    const mean = extra.mean ? extra.mean[c] : known.reduce((a, b) => a + b, 0) / n;
    const spread = extra.deviation ? extra.deviation[c]
      : Math.sqrt(known.reduce((a, b) => a + (b - mean) ** 2, 0) / n) || 1;
    return { mean, spread, place: (v) => (several ? (v - mean) / spread : v) };
  });
  const [centre, by] = several ? [0, 1] : [of[0].mean, of[0].spread];
  let [low, high] = [centre - AROUND * by, centre + AROUND * by];
  columns.forEach((values, c) => values.forEach((v) => {
    const at = of[c].place(v);
    if (Number.isFinite(at)) { low = Math.min(low, at); high = Math.max(high, at); }
  }));
  return { of, low, high, several };
}

function chart(app, text, large) {
  const [[, ...names], ...rows] = parsed(text);
  const columns = names.map((_, c) => rows.map((row) => (row[c + 1] === "" ? NaN : Number(row[c + 1]))));
  const { of, low, high, several } = scaled(app.model, columns), steps = rows.length;
  const [wide, tall] = large ? [Math.min(640, Math.max(300, innerWidth - 60)), 340] : [240, 110], [left, top, right, bottom] = large ? [56, 34, 12, 34] : [2, 4, 2, 4];
  const x = (step) => left + ((wide - left - right) * step) / Math.max(steps - 1, 1);
  const y = (at) => tall - bottom - ((tall - top - bottom) * (at - low)) / (high - low);
  const found = drawn("svg", { viewBox: `0 0 ${wide} ${tall}`, class: "chart", role: "img" });
  const write = (words, more) => found.append(drawn("text", more, words));
  for (const at of large ? ticks(low, high) : low < 0 && high > 0 ? [0] : []) {
    found.append(drawn("path", { d: `M${left} ${y(at)}H${wide - right}`, class: "rule" }));
    if (large) write(at, { x: left - 6, y: y(at) + 4, "text-anchor": "end" });
  }
  columns.forEach((values, c) => {
    let d = "", pen = "M";
    values.forEach((v, step) => {
      if (Number.isFinite(v)) { d += `${pen}${x(step).toFixed(1)} ${y(of[c].place(v)).toFixed(1)}`; pen = "L"; } else pen = "M";
    });
    found.append(drawn("path", { d, class: "curve", stroke: COLOURS[c % COLOURS.length] }));
  });
  if (!large) return found;
  for (const step of ticks(0, Math.max(steps - 1, 1)).filter(Number.isInteger)) {
    write(step, { x: x(step), y: tall - bottom + 16, "text-anchor": "middle" });
  }
  const { step } = app.model.extra || {};
  write(step ? app.t("step of {step}", { step }) : app.t("step"), { x: wide - right, y: tall - 4, "text-anchor": "end" });
  if (several) write(app.t("deviations of each channel"), { x: 4, y: tall - 4 });
  let at = left;
  names.slice(0, COLOURS.length).forEach((name, c) => {
    const words = name.length > 18 ? `${name.slice(0, 17)}…` : name;
    write(`— ${words}`, { x: at, y: 16, fill: COLOURS[c] });
    at += 26 + 8 * words.length;
  });
  return pointed(app, found, { names, columns, x, y, of, left, right, wide, top, low: tall - bottom });
}

// A line that follows the pointer or the arrow keys, and the values there
function pointed(app, found, { names, columns, x, y, of, left, right, wide, top, low }) {
  const steps = columns[0].length, box = make("figure"), said = make("figcaption");
  const line = drawn("path", { class: "rule", visibility: "hidden" });
  const dots = columns.map((_, c) => drawn("circle", { r: 4, fill: COLOURS[c % COLOURS.length], visibility: "hidden" }));
  let here = -1;
  const show = (step) => {
    here = Math.max(0, Math.min(steps - 1, step));
    line.setAttribute("d", `M${x(here)} ${top}V${low}`);
    line.setAttribute("visibility", "visible");
    dots.forEach((dot, c) => {
      const value = columns[c][here], seen = Number.isFinite(value);
      dot.setAttribute("visibility", seen ? "visible" : "hidden");
      if (seen) { dot.setAttribute("cx", x(here)); dot.setAttribute("cy", y(of[c].place(value))); }
    });
    const values = names.map((name, c) => `${name}: ${general(columns[c][here], 5)}`).join(" · ");
    said.textContent = `${app.t("step {step}", { step: here })} · ${values}`;
  };
  said.setAttribute("aria-live", "polite");
  said.textContent = app.t("Point at the chart, or press the arrow keys, for its values.");
  found.append(line, ...dots);
  found.setAttribute("tabindex", "0");
  found.setAttribute("aria-label", names.join(", "));
  found.addEventListener("pointermove", (event) => {
    const { left: start, width } = found.getBoundingClientRect();
    const at = (((event.clientX - start) / width) * wide - left) / (wide - left - right);
    show(Math.round(at * (steps - 1)));
  });
  found.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) { show(here + by); event.preventDefault(); event.stopPropagation(); }
  });
  box.append(found, said);
  return box;
}

TEXTS.series = {
  ending: "csv",

  view: (app, { text }, size) => chart(app, text, size === "large"),
};

Object.assign(CHINESE, {
  "step": "步", "step of {step}": "步（每步 {step}）", "step {step}": "第 {step} 步",
  "deviations of each channel": "各通道的标准差",
  "Point at the chart, or press the arrow keys, for its values.": "把指针移到图上，或按方向键，查看数值。",
  "series": "序列",
});
