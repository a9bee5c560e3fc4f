// Along the axes of a tensor: sums, averages, shares, turns.
"use strict";

function sums(mean) {
  return (net, y, x, { s, shapes }) => {
    const from = shapes[0], kept = from.map((side, axis) => (s.dims.includes(axis) ? 1 : side));
    const step = kept.map((side, axis) => (side === 1 ? 0 : sizeOf(kept.slice(axis + 1))));
    const total = new Float64Array(y.length);
    for (let i = 0, rest; i < x[0].length; i++) {
      let to = 0;
      rest = i;
      for (let axis = from.length - 1; axis >= 0; axis--) {
        to += (rest % from[axis]) * step[axis];
        rest = Math.floor(rest / from[axis]);
      }
      total[to] += x[0][i];
    }
    const by = mean ? x[0].length / y.length : 1;
    for (let i = 0; i < y.length; i++) y[i] = total[i] / by;
  };
}

Object.assign(OPERATORS, {
  sum: sums(false),
  mean: sums(true),
  instance(net, y, x, { shape, s }) {
    const area = y.length / shape[1];
    for (let c = 0; c < shape[1]; c++) {
      const row = x[0].subarray(c * area, (c + 1) * area);
      let mean = 0, square = 0;
      for (let i = 0; i < area; i++) mean += row[i];
      mean /= area;
      for (let i = 0; i < area; i++) square += (row[i] - mean) ** 2;
      const by = (x[1] ? x[1][c] : 1) / Math.sqrt(square / area + s.eps), to = x[2] ? x[2][c] : 0;
      for (let i = 0; i < area; i++) y[c * area + i] = (row[i] - mean) * by + to;
    }
  },
  softmax(net, y, x, { shape, s }) {
    const [before, length, behind] = around(shape, s.dim);
    for (let b = 0; b < before; b++) for (let j = 0; j < behind; j++) {
      const start = b * length * behind + j;
      let most = -Infinity, total = 0;
      for (let i = 0; i < length; i++) most = Math.max(most, x[0][start + i * behind]);
      for (let i = 0; i < length; i++) {
        const power = Math.exp(x[0][start + i * behind] - most);
        y[start + i * behind] = power;
        total += power;
      }
      for (let i = 0; i < length; i++) y[start + i * behind] /= total;
    }
  },
  permute(net, y, x, { shape, s, shapes }) {
    const step = s.dims.map((axis) => sizeOf(shapes[0].slice(axis + 1)));
    for (let i = 0; i < y.length; i++) {
      let rest = i, from = 0;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        from += (rest % shape[axis]) * step[axis];
        rest = Math.floor(rest / shape[axis]);
      }
      y[i] = x[0][from];
    }
  },
});
