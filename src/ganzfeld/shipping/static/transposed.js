// Transposed convolutions.
"use strict";

function transposed(net, y, x, { shape, s, number, shapes }) {
  const { m, k, n: width, kernel: [kd, kh, kw], at } = net.panels.get(number);
  const [, channels, D, H, W] = deep(shapes[0]), [, out, OD, OH, OW] = deep(shape);
  const [sd, sh, sw] = s.stride, [pd, ph, pw] = s.pad, [dd, dh, dw] = s.dilation;
  const each = channels / s.groups, own = out / s.groups, volume = kd * kh * kw, places = D * H * W;
  const area = OD * OH * OW, f = net.f;
  for (let o = 0; o < out; o++) y.fill(x[2] ? x[2][o] : 0, o * area, (o + 1) * area);
  for (let g = 0; g < s.groups; g++) {
    for (let start = 0; start < places; start += width) {
      const count = Math.min(width, places - start), n = roundUp(count, 8);
      for (let c = 0; c < each; c++) {
        const from = (g * each + c) * places + start, row = net.columns + c * n;
        f.set(x[0].subarray(from, from + count), row);
        f.fill(0, row + count, row + n);
      }
      net.run(at + g * m * k, net.columns, net.product, m, k, n);
      for (let o = 0, row = net.product; o < own; o++) {
        const base = (g * own + o) * area;
        for (let a = 0; a < kd; a++) for (let b = 0; b < kh; b++) for (let e = 0; e < kw; e++, row += n) {
          for (let j = 0, p = start; j < count; ) {
            const w0 = p % W, h0 = Math.floor(p / W) % H, d0 = Math.floor(p / W / H);
            const run = Math.min(W - w0, count - j);
            const d = d0 * sd - pd + a * dd, h = h0 * sh - ph + b * dh;
            if (d >= 0 && d < OD && h >= 0 && h < OH) {
              const line = base + (d * OH + h) * OW;
              for (let i = 0, w = w0 * sw - pw + e * dw; i < run; i++, w += sw) {
                if (w >= 0 && w < OW) y[line + w] += f[row + j + i];
              }
            }
            j += run; p += run;
          }
        }
      }
    }
  }
}

Object.assign(OPERATORS, {
  convt: transposed,
});
