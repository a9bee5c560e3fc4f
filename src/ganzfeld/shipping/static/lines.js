// Lines of text: a list whose lines can be selected and copied.
"use strict";

TEXTS.text = {
  ending: "txt",
  layout: "lines",

  text({ extra: { symbols, unit } }, x) {
    const end = x.indexOf(0), ids = Array.from(end < 0 ? x : x.subarray(0, end));
    return `${ids.map((i) => symbols[i] ?? "\ufffd").join(unit === "words" ? " " : "")}\n`;
  },

  view(app, { text }, size) {
    const line = make(size === "large" ? "p" : "bdi");
    line.dir = "auto";
    line.textContent = size === "strip" ? text.slice(0, 12) : text.replace(/\n$/, "");
    return line;
  },

  fill(app, box, one) {
    const copy = make("button");
    copy.type = "button";
    app.say(copy, "Copy");
    copy.addEventListener("click", () => app.copy(one.text.replace(/\n$/, ""), 1));
    box.append(this.view(app, one), copy);
  },

  whole: (shown) => shown.map((one) => one.text).join(""),
};
