// An image of one's own: its reconstruction, moved along directions and mixed with a sample.
"use strict";

const LOOKING = "Looking for its latent. That takes seconds ...";
const FOUND = "The after side is what the model makes of it. Error {error}; the best of {candidates} random samples has {start}. 0 is equal, 1 is black for white.";

Object.assign(There.prototype, {
  async project(file, label) {
    const query = label === null ? "" : `?label=${encodeURIComponent(this.model.classes[label])}`;
    return (await this.sent(`projection${query}`, file)).json();
  },

  async edit(body) { return (await this.posted("edited", body)).blob(); },
});

Object.assign(App.prototype, {
  async project(file) {
    const box = $("found"), turn = (this.projecting = (this.projecting || 0) + 1);
    this.say(box, LOOKING);
    try {
      const found = await this.source.project(file, this.state.label);
      if (turn !== this.projecting) return;
      const blob = (name) => new Blob([bytesOf(found[name])], { type: found.media_type });
      this.found = found;
      this.pair({ before: blob("original"), after: blob("reconstruction") }, this.model.shape[2] / this.model.shape[1]);
      this.say(box, FOUND,
        { error: found.error.toFixed(3), start: found.start.toFixed(3), candidates: found.candidates });
      this.editing();
    } catch (error) {
      this.told.delete(box);
      box.textContent = error.message;
    }
  },

  // Sliders for what was found: steps along directions, and the share of a sample that is mixed in
  editing() {
    const box = $("edit"), { directions } = this.found;
    const steps = {}, mixed = { share: 0 };
    const slide = (words, given, most, least, step, take) => {
      const label = make("label"), head = make("span"), input = make("input");
      this.say(head, words, given);
      Object.assign(input, { type: "range", min: least, max: most, step, value: 0 });
      input.addEventListener("change", () => { take(input.value); this.edited(steps, mixed); });
      label.append(head, input);
      return label;
    };
    const all = Array.from({ length: directions }, (_, number) => slide("direction {number}", { number }, 3, -3, 0.25,
      (value) => { steps[number] = value; }));
    all.push(slide("mixed with sample 0 of the seed above", {}, 1, 0, 0.05, (value) => { mixed.share = Number(value); }));
    box.replaceChildren(...all);
  },

  async edited(steps, { share }) {
    const body = { latent: this.found.latent, directions: steps, share, seed: String(this.state.seed) };
    if (this.found.label !== null) body.label = this.found.label;
    try {
      this.pair({ ...this.made, after: await this.source.edit(body) }, this.model.shape[2] / this.model.shape[1]);
    } catch (error) { this.fail(error); }
  },
});

Object.assign(CHINESE, {
  [LOOKING]: "正在寻找对应的潜变量，需要几秒……",
  [FOUND]:
    "“之后”一侧是模型的重建结果。误差 {error}；{candidates} 个随机样本中最好的为 {start}。0 表示完全相同，1 表示黑白颠倒。",
  "mixed with sample 0 of the seed above": "与上方种子的第 0 个样本混合",
});
