// What another variety than 1 costs: how much two samples of one class and condition still differ.
"use strict";

const PRICE = "Price: two {noun} of a kind differ {times} times as much as at variety 1 ({pairs} pairs). Quality is not measured here.";

Object.assign(App.prototype, {
  // Of the grid that was drawn last; a later one stops it
  async cost(round) {
    const { label, std, text } = this.state, key = [this.model.name, label, std, text].join("/"), known = (this.costs = this.costs || {});
    const say = (words, given) => {
      if (round !== this.round) return;
      this.say($("cost"), words, given);
      $("cost").hidden = false;
    };
    try {
      const found = known[key] || await this.source.variety({ label, std, text }, () => round === this.round);
      if (!found) return;
      known[key] = found;
      say(PRICE, { times: found.variety.toFixed(2), pairs: found.pairs });
    } catch { say("The price of this variety is not known."); }
  },
});

Object.assign(CHINESE, {
  [PRICE]:
    "代价：同类样本之间的差异是多样性为 1 时的 {times} 倍（{pairs} 对）。质量未在此测量。",
  "The price of this variety is not known.": "代价未知。",
});
