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
  if (names.length) return choice < names.length ? names[choice] : "";
  if (choice < atoms.length) return numberOf(column, atoms[choice]);
  const mode = choice - atoms.length;
  if (mode >= means.length) return "";
  const by = 10 ** (column.whole ? 0 : column.decimals ?? 0);
  let value = means[mode] + WIDTH * deviations[mode] * x[start];
  if (column.whole || column.decimals !== null) value = halfEven(value * by) / by;
  return numberOf(column, Math.max(column.low, Math.min(column.high, value)));
}

function numberOf({ unit, whole, decimals }, given) {
  const v = Math.fround(given);
  if (unit) {
    const moment = new Date(halfEven(v) * { day: DAY, minute: 60000, second: 1000 }[unit]).toISOString();
    return unit === "day" ? moment.slice(0, 10) : moment.slice(0, 19).replace("T", " ");
  }
  if (whole) return String(BigInt(halfEven(v)));
  if (decimals === null) return general(v, 7);
  return `${Object.is(v, -0) ? "-" : ""}${v.toFixed(decimals)}`;
}

TEXTS.table.text = (model, x) => {
  const columns = columnsOf(model);
  return lineOf(columns.map(({ name }) => name)) + lineOf(columns.map((column) => cellOf(column, x)));
};
