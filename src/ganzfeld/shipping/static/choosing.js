// How networks of text and of tables choose a symbol by chance.
"use strict";

// Of a number, 1 - erf: its series near 0, a continued fraction beyond
function erfc(x) {
  if (Math.abs(x) < 3) {
    let term = x, total = x;
    for (let n = 1; n < 80; n++) { term *= (2 * x * x) / (2 * n + 1); total += term; }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
  }
  const size = Math.abs(x);
  let below = size;
  for (let n = 60; n > 0; n--) below = size + n / 2 / below;
  const tail = Math.exp(-x * x) / Math.sqrt(Math.PI) / below;
  return x > 0 ? tail : 2 - tail;
}

Object.assign(OPERATORS, {
  expand(net, y, [a], { shape, shapes }) { binary((v) => v)(net, y, [a, a], { shape, shapes: [shapes[0], shapes[0]] }); },
  cumsum(net, y, x, { shape, s }) {
    const [before, length, behind] = around(shape, s.dim);
    for (let b = 0; b < before; b++) for (let j = 0; j < behind; j++) {
      let total = 0;
      for (let i = 0; i < length; i++) {
        const at = (b * length + i) * behind + j;
        y[at] = total = Math.fround(total + x[0][at]);
      }
    }
  },
  where(net, y, [mask, one, other], { shape, shapes }) {
    const full = [mask, one, other].map((v, i) => {
      const found = new Float32Array(y.length);
      OPERATORS.expand(net, found, [v], { shape, shapes: [shapes[i]] });
      return found;
    });
    for (let i = 0; i < y.length; i++) y[i] = full[0][i] ? full[1][i] : full[2][i];
  },
  addat(net, y, [a, places, more]) {
    y.set(a);
    places.forEach((place, i) => { y[place] += more[i]; });
  },
  erf: unary((v) => 1 - erfc(v)),
  ndtr: unary((v) => erfc(-v / Math.SQRT2) / 2),
  trunc: unary(Math.trunc),
  minimum: binary(Math.min),
  maximum: binary(Math.max),
  le: binary((a, b) => (a <= b ? 1 : 0)),
  lt: binary((a, b) => (a < b ? 1 : 0)),
  gt: binary((a, b) => (a > b ? 1 : 0)),
  eq: binary((a, b) => (a === b ? 1 : 0)),
  ne: binary((a, b) => (a !== b ? 1 : 0)),
});
