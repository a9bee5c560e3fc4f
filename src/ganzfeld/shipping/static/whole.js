// Lines and rows as one file, or copied.
"use strict";

Object.assign(App.prototype, {
  // All that is shown, as one file
  wholeText() { return this.texts.whole(this.shown); },

  saveWhole() {
    const numbers = [];
    for (const { job: { index } } of this.shown) {
      const last = numbers[numbers.length - 1];
      if (last && index === last[1] + 1n) last[1] = index; else numbers.push([index, index]);
    }
    const mark = this.shown[0].mark.replace(/,"label":"(?:[^"\\]|\\.)*"/, "")
      .replace(/"index":\d+/, `"indices":[${numbers.map((pair) => `[${pair}]`)}]`);
    const name = `${this.state.seed}.${this.texts.ending}`;
    this.packed([[name, utf8(this.wholeText())], [`${name}.json`, utf8(mark)]], `${name}.zip`);
  },

  copy(text, count) {
    navigator.clipboard.writeText(text).then(() => this.say($("status"), "{count} {noun} copied", { count }),
      () => this.say($("status"), "This browser lets no page copy: select the text instead."));
  },
});

LISTENING.push((app, on) => {
  on("copy", "click", () => app.copy(app.wholeText(), app.shown.length));
  on("whole-save", "click", () => app.saveWhole());
});

Object.assign(CHINESE, {
  "{count} {noun} copied": "已复制 {count} 个样本",
  "This browser lets no page copy: select the text instead.": "此浏览器不允许网页复制，请选中文本后复制。",
});
