// Kinds of sample: their files, and how they are shown.
"use strict";

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// Kinds of sample: their files, and an image where that is another. Each has a file of its own,
// which pages of such models have
const KINDS = {};

// Kinds whose files are text, by the same names: see lines.js, rows.js, series.js
const TEXTS = {};

// A file of text with its mark, which goes beside it
function marked({ ending }, text, mark) {
  const type = ending === "csv" ? "text/csv" : "text/plain";
  return { text, mark, ending, file: new Blob([text], { type }) };
}
