// Borders of maps.
"use strict";

function padded(net, y, x, { shape, s, shapes }) {
  const from = shapes[0], n = shape.length, inner = Array(n).fill(1), outer = Array(n).fill(1);
  for (let i = n - 2; i >= 0; i--) {
    inner[i] = inner[i + 1] * from[i + 1];
    outer[i] = outer[i + 1] * shape[i + 1];
  }
  const source = shape.map((side, axis) => Array.from({ length: side }, (_, i) => {
    const at = i - s.start[axis], size = from[axis];
    if (at >= 0 && at < size) return at;
    if (s.mode === "circular") return ((at % size) + size) % size;
    if (s.mode === "replicate") return Math.max(0, Math.min(size - 1, at));
    if (s.mode === "reflect") return at < 0 ? -at : 2 * size - 2 - at;
    return -1;
  }));
  for (let i = 0; i < y.length; i++) {
    let at = 0;
    for (let axis = 0; axis < n && at >= 0; axis++) {
      const place = source[axis][Math.floor(i / outer[axis]) % shape[axis]];
      at = place < 0 ? -1 : at + place * inner[axis];
    }
    y[i] = at < 0 ? 0 : x[0][at];
  }
}

Object.assign(OPERATORS, {
  pad: padded,
});
