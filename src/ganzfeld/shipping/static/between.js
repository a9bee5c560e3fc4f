// From one sample to another, where the page has its network.
"use strict";

Object.assign(App.prototype, {
  end(name) {
    this.ends[name] = this.large;
    $("large").close();
    this.ends[name].held = this.ends[name].image || this.ends[name].file;
    $(name).src = URL.createObjectURL(this.ends[name].held);
    $(name).alt = this.told_of(this.ends[name]);
    const both = this.ends.from && this.ends.to;
    $("way-row").hidden = false;
    $("how").hidden = Boolean(both);
    if (both) this.frame();
  },

  async frame() {
    if (this.framing) { this.late = true; return; }
    this.framing = true;
    const { from, to } = this.ends, share = Number($("share").value);
    const job = { ...from.job, label: from.label, other: { seed: to.job.seed, index: to.job.index }, share };
    const { file } = await this.source.draw(job);
    const old = $("frame").src;
    $("frame").src = URL.createObjectURL(file);
    $("frame").alt = `${this.told_of(from)} → ${this.told_of(to)}: ${Math.round(100 * share)} %`;
    $("frame").hidden = false;
    if (old) URL.revokeObjectURL(old);
    this.framing = false;
    if (this.late) { this.late = false; this.frame(); }
  },

  play() {
    const going = !this.timer;
    this.say($("play"), going ? "Pause" : "Play");
    clearInterval(this.timer);
    this.timer = null;
    if (!going || !this.ends.from || !this.ends.to) return;
    let step = Number($("share").value) >= 1 ? -0.02 : 0.02;
    this.timer = setInterval(() => {
      const share = Number($("share").value) + step;
      if (share >= 1 || share <= 0) step = -step;
      $("share").value = String(Math.max(0, Math.min(1, share)));
      this.frame();
    }, 60);
  },
});

LISTENING.push((app, on) => {
  for (const [name, words] of [["from", "Start here"], ["to", "End here"]]) {
    const button = make("button");
    button.id = `large-${name}`;
    app.say(button, words);
    $("large-link").before(button);
    on(button.id, "click", () => app.end(name));
  }
  on("share", "input", () => app.frame());
  on("play", "click", () => app.play());
});

FITTING.push((app) => app.say($("how"), "Open two {noun} and press Start here and End here."));

Object.assign(CHINESE, {
  "Interpolate": "插值", "Start here": "设为起点", "End here": "设为终点",
  "Play": "播放",
  "Pause": "暂停",
  "Place between the two": "两者之间的位置",
  "Open two {noun} and press Start here and End here.": "打开两个样本，分别点“设为起点”和“设为终点”。",
});
