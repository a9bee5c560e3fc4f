// Cells of CSV files, and numbers as Python writes them.
"use strict";

// The rows of a CSV file's text, each a list of cells
function parsed(text) {
  const rows = [], cell = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/y;
  let row = [];
  while (cell.lastIndex < text.length) {
    const [, raw, end] = cell.exec(text);
    row.push(raw.startsWith('"') ? raw.slice(1, -1).replace(/""/g, '"') : raw);
    if (end !== ",") { rows.push(row); row = []; }
  }
  return rows;
}

const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
const lineOf = (cells) => `${cells.length === 1 && !cells[0] ? '""' : cells.map(quoted).join(",")}\n`;

const power = (text) => text.replace(/e([+-])(\d)$/, "e$10$2"); // two digits, as Python has them

// A number by so many digits, a half to the even one, which JavaScript rounds up
function digitsOf(v, digits) {
  const [mantissa, e] = v.toExponential(digits).split("e");
  const down = mantissa.slice(0, -1).replace(/\.$/, "");
  const half = mantissa.endsWith("5") && Number(`${mantissa}e${e}`) === v && "02468".includes(down.slice(-1));
  return half ? `${down}e${e}` : v.toExponential(digits - 1);
}

// A number by so many digits that count, without zeros at the end
function general(v, digits) {
  const short = digitsOf(v, digits), [mantissa, e] = short.split("e"), at = Number(e);
  const bare = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  return at < -4 || at >= digits ? power(`${bare(mantissa)}e${e}`)
    : `${Object.is(v, -0) ? "-" : ""}${bare(Number(short).toFixed(digits - 1 - at))}`;
}
