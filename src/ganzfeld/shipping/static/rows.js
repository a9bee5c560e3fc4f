// Rows of a table: what the page shows of their CSV.
"use strict";

const element = (tag, text) => Object.assign(make(tag), { textContent: text });

TEXTS.table = {
  ending: "csv",
  layout: "rows",

  view(app, { text }, size) {
    const [names, cells] = parsed(text);
    if (size === "strip") return element("span", cells[0].slice(0, 12));
    const list = make("dl");
    names.forEach((name, i) => list.append(element("dt", name), element("dd", cells[i])));
    return list;
  },

  fill(app, box, { text }) {
    const [names, cells] = parsed(text), table = box.parentNode;
    if (!table.tHead) {
      const row = table.createTHead().insertRow();
      for (const name of ["", ...names]) row.append(Object.assign(element("th", name), { scope: "col" }));
    }
    for (const cell of cells) {
      const one = element("td", cell);
      one.className = cell.trim() && !Number.isNaN(Number(cell)) ? "number" : "";
      box.append(one);
    }
  },

  whole: (shown) => lineOf(parsed(shown[0].text)[0]) + shown.map((one) => lineOf(parsed(one.text)[1])).join(""),
};
