// Convolutions, as products of matrices: see Network.layer.
"use strict";

function convolve(net, y, x, { shape, s, number, shapes }) {
  const { m, k, n: width, kernel: [kd, kh, kw], at } = net.panels.get(number);
  const [, channels, D, H, W] = deep(shapes[0]), [, out, OD, OH, OW] = deep(shape);
  const [sd, sh, sw] = s.stride, [pd, ph, pw] = s.pad, [dd, dh, dw] = s.dilation;
  const each = channels / s.groups, own = out / s.groups, places = OD * OH * OW;
  const plain = kd * kh * kw === 1 && sd * sh * sw === 1 && pd + ph + pw === 0;
  const f = net.f, bias = x[2];
  for (let g = 0; g < s.groups; g++) {
    for (let start = 0; start < places; start += width) {
      const count = Math.min(width, places - start), n = roundUp(count, 8);
      for (let c = 0, row = net.columns; c < each; c++) {
        const map = x[0].subarray((g * each + c) * D * H * W, (g * each + c + 1) * D * H * W);
        if (plain) {
          f.set(map.subarray(start, start + count), row);
          f.fill(0, row + count, row + n);
          row += n;
          continue;
        }
        for (let a = 0; a < kd; a++) for (let b = 0; b < kh; b++) for (let e = 0; e < kw; e++) {
          for (let j = 0, p = start; j < count; ) {
            const ow = p % OW, oh = Math.floor(p / OW) % OH, od = Math.floor(p / OW / OH);
            const d = od * sd - pd + a * dd, h = oh * sh - ph + b * dh;
            const run = Math.min(OW - ow, count - j);
            if (d < 0 || d >= D || h < 0 || h >= H) f.fill(0, row + j, row + j + run);
            else {
              const line = (d * H + h) * W;
              for (let i = 0, w = ow * sw - pw + e * dw; i < run; i++, w += sw) {
                f[row + j + i] = w >= 0 && w < W ? map[line + w] : 0;
              }
            }
            j += run; p += run;
          }
          f.fill(0, row + count, row + n);
          row += n;
        }
      }
      net.run(at + g * m * k, net.columns, net.product, m, k, n);
      for (let o = 0; o < own; o++) {
        const from = net.product + o * n, to = (g * own + o) * places + start;
        const b = bias ? bias[g * own + o] : 0;
        for (let j = 0; j < count; j++) y[to + j] = f[from + j] + b;
      }
    }
  }
}

Object.assign(OPERATORS, {
  conv: convolve,
});
