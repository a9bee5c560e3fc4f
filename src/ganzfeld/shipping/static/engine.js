// Draws samples from a graph of operators (ganzfeld.shipping.page_graph) and its weights.
"use strict";

const CHUNK = 1 << 20; // numbers of a convolution's columns at a time

const sizeOf = (shape) => shape.reduce((n, side) => n * side, 1);
const roundUp = (n, to) => Math.ceil(n / to) * to;

// float16 bits as numbers
function fromHalf(bits) {
  const found = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const h = bits[i], e = (h >> 10) & 31, f = h & 1023;
    const size = e ? (1 + f / 1024) * 2 ** (e - 15) : f * 2 ** -24;
    found[i] = h & 0x8000 ? -size : size;
  }
  return found;
}

// c (m, n) = a (m, k) b (k, n); a lies in panels of four rows, column by column, m and n are whole
// fours and eights. What the WASM product does, for browsers that refuse it.
function multiply(f, a, b, c, m, k, n) {
  for (let i = 0; i < m; i += 4) {
    const c0 = c + i * n, c1 = c0 + n, c2 = c1 + n, c3 = c2 + n;
    f.fill(0, c0, c0 + 4 * n);
    for (let p = 0; p < k; p++) {
      const at = a + i * k + 4 * p, row = b + p * n;
      const a0 = f[at], a1 = f[at + 1], a2 = f[at + 2], a3 = f[at + 3];
      for (let j = 0; j < n; j++) {
        const x = f[row + j];
        f[c0 + j] += a0 * x;
        f[c1 + j] += a1 * x;
        f[c2 + j] += a2 * x;
        f[c3 + j] += a3 * x;
      }
    }
  }
}

// Places in memory for the values, which lie there from their making to their last use
class Plan {
  constructor() { this.top = 4; this.free = []; }
  take(size) {
    const wanted = roundUp(Math.max(size, 1), 4);
    let best = -1;
    this.free.forEach((hole, i) => {
      if (hole.size >= wanted && (best < 0 || hole.size < this.free[best].size)) best = i;
    });
    if (best >= 0) return this.free.splice(best, 1)[0];
    const hole = { at: this.top, size: wanted };
    this.top += wanted;
    return hole;
  }
  give(hole) { this.free.push(hole); }
}

class Network {
  // graph: its JSON. state: Float32Arrays by name. wasm: bytes of the product, or null.
  constructor(graph, state, wasm) {
    this.graph = graph;
    this.plan(graph);
    const bytes = roundUp(4 * this.size, 65536);
    this.run = null;
    if (wasm) {
      try {
        const memory = new WebAssembly.Memory({ initial: bytes / 65536 });
        const made = new WebAssembly.Instance(new WebAssembly.Module(wasm), { e: { m: memory } });
        this.f = new Float32Array(memory.buffer);
        this.run = (a, b, c, m, k, n) => made.exports.p(4 * a, 4 * b, 4 * c, m, k, n);
      } catch { this.run = null; }
    }
    if (!this.run) {
      this.f = new Float32Array(bytes / 4);
      this.run = (a, b, c, m, k, n) => multiply(this.f, a, b, c, m, k, n);
    }
    this.fill(graph, state);
  }

  plan(graph) {
    const plan = new Plan();
    this.at = new Map();
    this.shape = new Map();
    this.panels = new Map();
    const place = (number, shape) => {
      this.shape.set(number, shape);
      this.at.set(number, plan.take(sizeOf(shape)).at);
    };
    for (const [number, shape] of Object.values(graph.inputs)) place(number, shape);
    for (const [number, , shape] of graph.weights) place(number, shape);
    for (const [number, shape] of graph.constants) place(number, shape);
    const shapes = new Map([...this.shape, ...graph.nodes.map((node) => [node[1], node[3]])]);
    let columns = 0, product = 0;
    for (const [op, number, taken, shape, s] of graph.nodes) {
      if (op !== "conv" && op !== "convt") continue;
      const places = sizeOf((op === "conv" ? shape : shapes.get(taken[0])).slice(2));
      const c = this.layer(op, this.shape.get(taken[1]), places, s);
      this.panels.set(number, { ...c, at: plan.take(s.groups * c.m * c.k).at });
      columns = Math.max(columns, c.k * c.n);
      product = Math.max(product, c.m * c.n);
    }
    this.columns = plan.take(columns).at;
    this.product = plan.take(product).at;
    const last = new Map(), root = new Map();
    const origin = (number) => (root.has(number) ? origin(root.get(number)) : number);
    graph.nodes.forEach(([op, number, taken], i) => {
      if (op === "as") root.set(number, taken[0]);
      for (const one of taken) last.set(origin(one), i);
    });
    last.set(origin(graph.output), graph.nodes.length);
    const holes = new Map();
    graph.nodes.forEach(([op, number, taken, shape], i) => {
      this.shape.set(number, shape);
      if (op !== "as") holes.set(number, plan.take(sizeOf(shape)));
      this.at.set(number, op === "as" ? this.at.get(taken[0]) : holes.get(number).at);
      for (const one of new Set(taken.map(origin))) {
        if (last.get(one) === i && holes.has(one)) plan.give(holes.get(one));
      }
    });
    this.size = plan.top;
  }

  // The product that a convolution is: rows, depth and columns of each group
  layer(op, weight, places, s) {
    const kernel = deep(weight).slice(2), volume = sizeOf(kernel);
    if (op === "conv") {
      const m = roundUp(weight[0] / s.groups, 4), k = weight[1] * volume;
      const n = roundUp(Math.min(places, Math.max(Math.floor(CHUNK / k), 64)), 8);
      return { m, k, n, kernel };
    }
    const m = roundUp(weight[1] * volume, 4), k = weight[0] / s.groups;
    const n = roundUp(Math.min(places, Math.max(Math.floor(CHUNK / Math.max(m, k)), 64)), 8);
    return { m, k, n, kernel };
  }

  fill(graph, state) {
    for (const [number, name] of graph.weights) this.f.set(state[name], this.at.get(number));
    for (const [number, , flat] of graph.constants) this.f.set(flat, this.at.get(number));
    this.norms = new Map();
    for (const [op, number, taken, , s] of graph.nodes) {
      if (op === "norm") this.norms.set(number, this.affine(taken, s.eps));
      if (op === "conv" || op === "convt") this.pack(op, number, taken, s);
    }
  }

  affine(taken, eps) {
    const [weight, bias, mean, variance] = taken.slice(1).map((one) => this.view(one));
    const scale = new Float32Array(weight.length), shift = new Float32Array(weight.length);
    for (let i = 0; i < weight.length; i++) {
      const by = weight[i] / Math.sqrt(variance[i] + eps);
      scale[i] = by;
      shift[i] = bias[i] - mean[i] * by;
    }
    return { scale, shift };
  }

  // Weights in panels of four rows; those of a transposed convolution are turned
  pack(op, number, taken, s) {
    const { m, k, at } = this.panels.get(number), weight = this.view(taken[1]);
    const [first, second] = this.shape.get(taken[1]);
    const volume = weight.length / first / second;
    const rows = op === "conv" ? first / s.groups : second * volume;
    for (let g = 0; g < s.groups; g++) {
      for (let i = 0; i < m; i++) {
        const panel = at + g * m * k + (i - (i % 4)) * k + (i % 4);
        for (let p = 0; p < k; p++) {
          const from = op === "conv" ? (g * rows + i) * k + p : (g * k + p) * rows + i;
          this.f[panel + 4 * p] = i < rows ? weight[from] : 0;
        }
      }
    }
  }

  view(number) {
    const at = this.at.get(number);
    return this.f.subarray(at, at + sizeOf(this.shape.get(number)));
  }

  // The output for one row of each input, a view that the next call overwrites
  draw(inputs) {
    for (const [name, [number]] of Object.entries(this.graph.inputs)) {
      this.view(number).set(inputs[name]);
    }
    for (const [op, number, taken, shape, s] of this.graph.nodes) {
      if (op === "as") continue;
      OPERATORS[op](this, this.view(number), taken.map((one) => this.view(one)), {
        shape, s, number, shapes: taken.map((one) => this.shape.get(one)),
      });
    }
    return this.view(this.graph.output);
  }
}

const deep = (shape) => [...shape.slice(0, 2), ...Array(5 - shape.length).fill(1), ...shape.slice(2)];

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

// [rows before, length, numbers behind] of an axis
function around(shape, dim) {
  return [sizeOf(shape.slice(0, dim)), shape[dim], sizeOf(shape.slice(dim + 1))];
}

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

const unary = (of) => (net, y, x, { s }) => { for (let i = 0; i < y.length; i++) y[i] = of(x[0][i], s); };

function halfEven(v) {
  const r = Math.round(v);
  return r - v === 0.5 && r % 2 ? r - 1 : r;
}

// With a smaller tensor repeated along its axes of length one
function binary(of) {
  return (net, y, [a, b], { shape, shapes }) => {
    if (a.length === y.length && b.length === y.length) {
      for (let i = 0; i < y.length; i++) y[i] = of(a[i], b[i]);
      return;
    }
    const [sa, sb] = shapes.map((own) => {
      const full = [...Array(shape.length - own.length).fill(1), ...own];
      return full.map((side, axis) => (side === 1 ? 0 : sizeOf(full.slice(axis + 1))));
    });
    for (let i = 0; i < y.length; i++) {
      let rest = i, pa = 0, pb = 0;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const at = rest % shape[axis];
        rest = Math.floor(rest / shape[axis]);
        pa += at * sa[axis];
        pb += at * sb[axis];
      }
      y[i] = of(a[pa], b[pb]);
    }
  };
}

function ends(length, wanted) {
  return Array.from({ length: wanted }, (_, i) => {
    const place = Math.max((i + 0.5) * (length / wanted) - 0.5, 0), under = Math.floor(place);
    return [under, Math.min(under + 1, length - 1), Math.fround(place - under)];
  });
}

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

const sigmoid = (v) => 1 / (1 + Math.exp(-v));

function recurrent(net, y, [rows, first, inputs, weights, ofInputs, ofStates], { shape }) {
  const [, steps, width] = shape, before = inputs.length / width / 3;
  let state = Float64Array.from(first);
  const times = (matrix, size, row, from, v, bias) => {
    let total = bias[row];
    for (let i = 0; i < size; i++) total += matrix[row * size + i] * v[from + i];
    return total;
  };
  for (let t = 0; t < steps; t++) {
    const next = new Float64Array(width);
    for (let i = 0; i < width; i++) {
      const given = (k) => times(inputs, before, k * width + i, t * before, rows, ofInputs);
      const held = (k) => times(weights, width, k * width + i, 0, state, ofStates);
      const reset = sigmoid(given(0) + held(0)), keep = sigmoid(given(1) + held(1));
      const fresh = Math.tanh(given(2) + reset * held(2));
      next[i] = Math.fround(fresh + keep * (state[i] - fresh));
    }
    y.set(next, t * width);
    state = next;
  }
}

const OPERATORS = {
  conv: convolve,
  gru: recurrent,
  convt: transposed,
  pad: padded,
  sum: sums(false),
  mean: sums(true),
  linear(net, y, x, { shapes }) {
    const [w, v, bias] = [x[1], x[0], x[2]], inputs = shapes[1][1], outputs = shapes[1][0];
    for (let r = 0; r < v.length / inputs; r++) for (let o = 0; o < outputs; o++) {
      let total = bias ? bias[o] : 0;
      for (let i = 0, at = o * inputs; i < inputs; i++) total += w[at + i] * v[r * inputs + i];
      y[r * outputs + o] = total;
    }
  },
  norm(net, y, x, { shape, number }) {
    const { scale, shift } = net.norms.get(number), area = y.length / shape[1];
    for (let c = 0, i = 0; c < shape[1]; c++) {
      const a = scale[c], b = shift[c];
      for (let j = 0; j < area; j++, i++) y[i] = a * x[0][i] + b;
    }
  },
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
  slice(net, y, x, { shape, s, shapes }) {
    const [before, length, behind] = around(shape, s.dim), all = shapes[0][s.dim] * behind;
    for (let b = 0; b < before; b++) {
      const from = b * all + s.start * behind;
      y.set(x[0].subarray(from, from + length * behind), b * length * behind);
    }
  },
  cat(net, y, x, { shape, s, shapes }) {
    const [before, length, behind] = around(shape, s.dim);
    let to = 0;
    x.forEach((one, i) => {
      const own = shapes[i][s.dim] * behind;
      for (let b = 0; b < before; b++) y.set(one.subarray(b * own, (b + 1) * own), b * length * behind + to);
      to += own;
    });
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
  row(net, y, x) { y.set(x[0].subarray(x[1][0] * y.length, (x[1][0] + 1) * y.length)); },
  onehot(net, y, x) { y.fill(0); y[x[0][0]] = 1; },
  tanh: unary(Math.tanh),
  relu: unary((v) => (v > 0 ? v : 0)),
  leaky(net, y, x, { s }) {
    const slope = s.negative_slope ?? 0.01, v = x[0];
    for (let i = 0; i < y.length; i++) y[i] = v[i] < 0 ? v[i] * slope : v[i];
  },
  clamp: unary((v, s) => Math.min(Math.max(v, s.min ?? -Infinity), s.max ?? Infinity)),
  sigmoid: unary(sigmoid),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  exp: unary(Math.exp),
  log1p: unary(Math.log1p),
  round: unary(halfEven),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  ge: binary((a, b) => (a >= b ? 1 : 0)),
  power: binary((a, b) => a ** b),
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
};

// Pixels of a sample in [-1, 1], as ganzfeld rounds them: halves to even
function toBytes(x) {
  const found = new Uint8ClampedArray(x.length);
  for (let i = 0; i < x.length; i++) {
    found[i] = halfEven(Math.fround(Math.fround(x[i] + 1) * Math.fround(127.5)));
  }
  return found;
}
