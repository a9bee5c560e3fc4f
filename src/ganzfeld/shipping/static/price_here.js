// What a variety costs, where the page has its network.
"use strict";

const PAIRS = 32;

// As shipping.server.variety has it: of pairs of seed 0, the second with the first's class and condition
Here.prototype.variety = async function variety({ label, std, text }, going) {
  const exact = this.model.symbols, totals = [], row = text ? rowOf(this.model, { text }) : null;
  for (const spread of [std, 1]) {
    let total = 0;
    for (let index = 0n; index < 2 * PAIRS; index += 2n) {
      if (!going()) return null;
      const job = { seed: 0n, label, std: spread, like: index, row };
      const { x } = await this.call("draw", { ...job, index }), { x: other } = await this.call("draw", { ...job, index: index + 1n });
      x.forEach((value, i) => { total += exact ? Number(value !== other[i]) : (value - other[i]) ** 2; });
    }
    totals.push(total);
  }
  if (!totals[1]) throw new Error("all the same");
  const share = totals[0] / totals[1];
  return { variety: exact ? share : Math.sqrt(share), pairs: PAIRS };
};
