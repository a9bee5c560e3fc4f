// Series as the CSV that Python writes.
"use strict";

// A float32 by the fewest digits that tell it from all others
function single(v) {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? "nan" : v > 0 ? "inf" : "-inf";
  let digits = 1;
  while (digits < 9 && Math.fround(Number(digitsOf(v, digits))) !== v) digits += 1;
  const size = Math.abs(v), short = digitsOf(v, digits);
  if (v && (size < 1e-4 || size >= 1e6)) return power(short);
  const text = `${Object.is(v, -0) ? "-" : ""}${Number(short)}`;
  return text.includes(".") ? text : `${text}.0`;
}

TEXTS.series.text = ({ shape: [channels, steps], extra }, x) => {
  const names = extra.names && extra.names.length ? extra.names : Array.from({ length: channels }, (_, c) => `channel_${c}`);
  let step = "step";
  while (names.includes(step)) step += "_";
  const value = (c, t) => {
    const given = x[c * steps + t], digits = extra.decimals?.[c] ?? null, by = 10 ** digits;
    const v = extra.mean ? Math.fround(given * extra.deviation[c] + extra.mean[c]) : given;
    return digits === null ? single(v) : Math.fround(halfEven(v * by) / by + 0).toFixed(digits);
  };
  const rows = Array.from({ length: steps }, (_, t) => lineOf([String(t), ...names.map((_, c) => value(c, t))]));
  return lineOf([step, ...names]) + rows.join("");
};
