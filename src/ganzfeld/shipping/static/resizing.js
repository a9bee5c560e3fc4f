// Maps that become larger or smaller.
"use strict";

function ends(length, wanted) {
  return Array.from({ length: wanted }, (_, i) => {
    const place = Math.max((i + 0.5) * (length / wanted) - 0.5, 0), under = Math.floor(place);
    return [under, Math.min(under + 1, length - 1), Math.fround(place - under)];
  });
}

Object.assign(OPERATORS, {
  bilinear(net, y, x, { shape, shapes }) {
    const [, C, H, W] = shapes[0], [, , OH, OW] = shape, down = ends(H, OH), along = ends(W, OW);
    for (let c = 0, i = 0; c < C; c++) for (const [t, b, v] of down) for (const [l, r, u] of along) {
      const top = (c * H + t) * W, bottom = (c * H + b) * W;
      const left = x[0][top + l] * (1 - v) + x[0][bottom + l] * v;
      const right = x[0][top + r] * (1 - v) + x[0][bottom + r] * v;
      y[i++] = left * (1 - u) + right * u;
    }
  },
  shuffle(net, y, x, { s, shapes }) {
    const [, C, H, W] = shapes[0], by = s.by, wide = W * by;
    for (let c = 0, i = 0; c < C; c++) for (let h = 0; h < H; h++) for (let w = 0; w < W; w++) {
      const out = Math.floor(c / by / by), a = Math.floor(c / by) % by, b = c % by;
      y[(out * H * by + h * by + a) * wide + w * by + b] = x[0][i++];
    }
  },
  unshuffle(net, y, x, { shape, s }) {
    const [, C, H, W] = shape, by = s.by, wide = W * by;
    for (let c = 0, i = 0; c < C; c++) for (let h = 0; h < H; h++) for (let w = 0; w < W; w++) {
      const into = Math.floor(c / by / by), a = Math.floor(c / by) % by, b = c % by;
      y[i++] = x[0][(into * H * by + h * by + a) * wide + w * by + b];
    }
  },
  pool(net, y, x, { shape, s, shapes }) {
    const [, C, H, W] = shape, [, , IH, IW] = shapes[0], by = s.by;
    for (let c = 0, i = 0; c < C; c++) for (let h = 0; h < H; h++) for (let w = 0; w < W; w++) {
      let total = 0;
      for (let a = 0; a < by; a++) for (let b = 0; b < by; b++) {
        total += x[0][(c * IH + h * by + a) * IW + w * by + b];
      }
      y[i++] = total / by / by;
    }
  },
});
