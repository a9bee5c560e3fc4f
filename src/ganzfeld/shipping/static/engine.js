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

// [rows before, length, numbers behind] of an axis
function around(shape, dim) {
  return [sizeOf(shape.slice(0, dim)), shape[dim], sizeOf(shape.slice(dim + 1))];
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

// Operators by name; the others lie in files of their own, which pages of such networks have
const OPERATORS = {
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
  row(net, y, [table, places]) {
    const each = y.length / places.length;
    places.forEach((at, i) => y.set(table.subarray(at * each, (at + 1) * each), i * each));
  },
  onehot(net, y, x) { y.fill(0); y[x[0][0]] = 1; },
  tanh: unary(Math.tanh),
  relu: unary((v) => (v > 0 ? v : 0)),
  leaky(net, y, x, { s }) {
    const slope = s.negative_slope ?? 0.01, v = x[0];
    for (let i = 0; i < y.length; i++) y[i] = v[i] < 0 ? v[i] * slope : v[i];
  },
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
};

// Pixels of a sample in [-1, 1], as ganzfeld rounds them: halves to even
function toBytes(x) {
  const found = new Uint8ClampedArray(x.length);
  for (let i = 0; i < x.length; i++) {
    found[i] = halfEven(Math.fround(Math.fround(x[i] + 1) * Math.fround(127.5)));
  }
  return found;
}
