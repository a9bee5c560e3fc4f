// Rows of a table, as ganzfeld.modalities.table decodes and writes them.
"use strict";

const WIDTH = 4, DAY = 86400000;

// Of each column the first of its entries in a vector, and what it may be
function columnsOf({ extra }) {
  let start = 0;
  return (extra.schema.columns).map((given) => {
    const column = { names: [], atoms: [], means: [], deviations: [], decimals: null, low: 0, high: 0, ...given };
    const options = column.blank ? 0
      : column.names.length + column.atoms.length + column.means.length + (column.missing ? 1 : 0);
    Object.assign(column, { start, options, numbers: column.means.length ? 1 : 0, choices: options > 1 ? options : 0 });
    start += column.numbers + column.choices;
    return column;
  });
}

function cellOf(column, x) {
  const { start, numbers, choices, names, atoms, means, deviations } = column;
  if (!column.options) return "";
  let choice = 0;
  for (let i = 1; i < choices; i++) {
    if (x[start + numbers + i] > x[start + numbers + choice]) choice = i;
  }
  if (names.length) {
    const words = column.boolean && column.form ? column.form.split("|") : names;
    return choice < names.length ? words[choice] : "";
  }
  if (choice < atoms.length) return numberOf(column, atoms[choice]);
  const mode = choice - atoms.length;
  if (mode >= means.length) return "";
  const by = 10 ** (column.whole ? 0 : column.decimals ?? 0);
  let value = means[mode] + WIDTH * deviations[mode] * x[start];
  if (column.whole || column.decimals !== null) value = halfEven(value * by) / by;
  return numberOf(column, Math.max(column.low, Math.min(column.high, value)));
}

// A number of days, minutes or seconds since 1970 in the form of the data
function dateOf(v, unit, form) {
  const length = { day: DAY, minute: 60000, second: 1000 }[unit];
  const step = unit === "second" && !form.includes("ss") ? 60000 : length;
  const at = new Date(halfEven(v * length / step) * step), [YYYY, MM, DD, hour, mm, ss] = at.toISOString().split(/[^0-9]/);
  const late = +at === 864e5 && !/Y|AM/.test(form); // 24:00
  const hh = late ? "24" : form.includes("AM") ? String((+hour + 11) % 12 + 1).padStart(2, "0") : hour;
  const name = at.toLocaleString("en", { month: "long", timeZone: "UTC" });
  const parts = { Month: name, MONTH: name.toUpperCase(), month: name.toLowerCase() };
  for (const long of Object.keys(parts)) parts[long.slice(0, 3)] = parts[long].slice(0, 3);
  Object.assign(parts, { YYYY, YY: YYYY.slice(2), MM, M: +MM, DD, D: +DD, hh, h: +hh, mm, ss, AM: +hour < 12 ? "AM" : "PM" });
  return form.replace(/YYYY|YY|[Mm]onth|MONTH|[Mm]on|MON|MM|M|DD|D|hh|h|mm|ss|AM/g, (part) => parts[part]);
}

function numberOf({ unit, form, whole, decimals }, given) {
  const v = Math.fround(given);
  if (unit) return dateOf(v, unit, form || (unit === "day" ? "YYYY-MM-DD" : "YYYY-MM-DD hh:mm:ss"));
  if (whole) return String(BigInt(halfEven(v)));
  if (decimals === null) return general(v, 7);
  return `${Object.is(v, -0) ? "-" : ""}${v.toFixed(decimals)}`;
}

TEXTS.table.text = (model, x) => {
  const columns = columnsOf(model);
  return lineOf(columns.map(({ name }) => name)) + lineOf(columns.map((column) => cellOf(column, x)));
};
