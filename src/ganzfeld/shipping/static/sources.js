// Where samples come from: the networks in this page, or a server.
"use strict";

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

const VIRIDIS = ("440154 481567 482677 453781 404788 39568c 33638d 2d708e 287d8e 238a8d 1f968b 20a387 29af7f "
  + "3cbb75 55c667 73d055 95d840 b8de29 dce319 fde725").split(" ")
  .map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));

function colour(share) { // of a share in [0, 1]
  const at = Math.max(0, Math.min(1, share)) * (VIRIDIS.length - 1), i = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[i].map((c, k) => Math.round(c + (VIRIDIS[i + 1][k] - c) * (at - i)));
}

// (C, H, W) as (H, W, C)
function turned(bytes, channels) {
  const area = bytes.length / channels, found = new Uint8Array(bytes.length);
  for (let c = 0; c < channels; c++) for (let i = 0; i < area; i++) found[i * channels + c] = bytes[c * area + i];
  return found;
}

// A sample of a network in the unit of its data, as modalities.field.scaling has it
function physical(x, channels, e) {
  const each = x.length / channels;
  return x.map((value, i) => {
    const c = Math.floor(i / each);
    if (e.scaling === "standard") return value * e.scale[c] + e.offset[c];
    if (e.scaling !== "log") return value;
    const units = Math.expm1(Math.min(value * e.scale[c], 60));
    const found = (e.whole ? halfEven(units) : units) * e.unit[c];
    return found >= e.least[c] / 2 ? found : 0;
  });
}

const short = (value) => String(Number(value.toPrecision(3)));

// Each kind of sample: its file, and an image of it where that is another
const KINDS = {
  async image(model, x, mark) {
    const [channels, height, width] = model.shape;
    const file = await png(turned(toBytes(x), channels), height, width, channels, model.mark, mark);
    return { file: new Blob([file], { type: "image/png" }), ending: "png" };
  },

  async audio(model, x, mark) {
    const peak = Math.max(1, x.reduce((most, v) => Math.max(most, Math.abs(v)), 0));
    const wave = Int16Array.from(x, (v) => Math.max(-32767, Math.min(32767, halfEven((v / peak) * 32767))));
    const file = wav(wave, model.extra.rate, model.mark, mark), [wide, tall] = [240, 80];
    const ink = new Uint8Array(wide * tall * 2);
    for (let column = 0; column < wide; column++) {
      const part = x.subarray((column * x.length) / wide, Math.max(((column + 1) * x.length) / wide, 1));
      let [least, most] = [0, 0];
      for (const v of part) { least = Math.min(least, v); most = Math.max(most, v); }
      for (let y = 0; y < tall; y++) {
        const v = 1 - (2 * (y + 0.5)) / tall, on = v <= most + 0.015 && v >= least - 0.015;
        ink.set([128, on ? 255 : 0], (y * wide + column) * 2);
      }
    }
    const image = await png(ink, tall, wide, 2, model.mark, mark);
    return { file: new Blob([file], { type: "audio/wav" }), ending: "wav",
      image: new Blob([image], { type: "image/png" }) };
  },

  async field(model, x, mark) {
    const [channels, ...sides] = model.shape, e = model.extra, values = physical(x, channels, e);
    const log = e.scaling === "log" ? e.unit.reduce((a, b) => a + b, 0) / e.unit.length : 0;
    const seen = log ? values.map((v) => Math.log1p(Math.max(v, 0) / log)) : values;
    const sorted = Float32Array.from(seen).sort();
    let [low, high] = [0.005, 0.995].map((q) => sorted[Math.floor(q * (sorted.length - 1))]);
    if (!(high > low)) [low, high] = [sorted[0], sorted[sorted.length - 1]];
    if (!(high > low)) high = low + 1;
    const told = [low, high].map((v) => short(log ? Math.expm1(v) * log : v));
    const [tall, wide, pixels] = sides.length === 1 ? lined(seen, channels, sides[0], low, high)
      : mapped(seen, channels, sides, low, high);
    const file = await png(pixels, tall, wide, 3, model.mark, mark);
    return { file: new Blob([file], { type: "image/png" }), ending: "png",
      note: ["{low} to {high} {unit}", { low: told[0], high: told[1], unit: e.unit_name || "" }] };
  },
};

// Channels side by side as colours; of a volume the middle slice
function mapped(seen, channels, sides, low, high) {
  const [tall, wide] = sides.slice(-2), depth = sides.length > 2 ? sides[0] : 1;
  const pixels = new Uint8Array(tall * wide * channels * 3);
  for (let c = 0; c < channels; c++) for (let i = 0; i < tall * wide; i++) {
    const value = seen[(c * depth + Math.floor(depth / 2)) * tall * wide + i];
    const at = (Math.floor(i / wide) * channels + c) * wide + (i % wide);
    pixels.set(colour((value - low) / (high - low)), at * 3);
  }
  return [tall, wide * channels, pixels];
}

function lined(seen, channels, length, low, high) {
  const tall = 64, pixels = new Uint8Array(tall * length * channels * 3).fill(255);
  const row = (v) => Math.max(0, Math.min(tall - 1, Math.round((tall - 1) * (1 - (v - low) / (high - low)))));
  for (let c = 0; c < channels; c++) for (let i = 0; i < length; i++) {
    const here = row(seen[c * length + i]), last = i ? row(seen[c * length + i - 1]) : here;
    for (let y = Math.min(here, last); y <= Math.max(here, last); y++) {
      pixels.set(colour(0.24), ((y * channels + c) * length + i) * 3);
    }
  }
  return [tall, length * channels, pixels];
}

// The networks of this page, in a worker where the browser allows one
class Here {
  constructor(model, weights) {
    this.model = model;
    this.waiting = new Map();
    this.turn = 0;
    const given = {
      graphs: model.graphs, tensors: model.tensors, weights, latent: model.latent,
      wasm: model.wasm ? bytesOf(model.wasm) : null, classes: model.classes.length, rows: model.rows,
      directions: model.directions ? new Float32Array(bytesOf(model.directions).buffer) : null,
    };
    try {
      const code = document.getElementById("code").textContent;
      const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
      this.worker = new Worker(url);
      this.worker.onmessage = ({ data }) => this.answered(data);
      this.worker.onerror = () => { for (const one of this.waiting.values()) one.fail(new Error("worker")); };
      this.ready = this.ask("start", given).catch(() => this.without(given));
    } catch { this.ready = this.without(given); }
    this.exact = true;
  }

  async without(given) { this.worker = null; this.drawer = new Drawer(given); }

  answered({ id, result, done, error }) {
    const one = this.waiting.get(id);
    if (!one) return;
    if (done !== undefined) { one.say(done); return; }
    this.waiting.delete(id);
    if (error) one.fail(new Error(error)); else one.give(result);
  }

  ask(what, given, say = () => {}) {
    return new Promise((give, fail) => {
      const id = (this.turn += 1);
      this.waiting.set(id, { give, fail, say });
      this.worker.postMessage({ id, what, given });
    });
  }

  async call(what, given, say = () => {}) {
    await this.ready;
    if (this.worker) return this.ask(what, given, say);
    await new Promise((go) => setTimeout(go)); // the page stays alive between two samples
    if (what === "best") return this.drawer.best(given.jobs, given.count, say);
    if (what === "translate") return this.drawer.translate(given.way, given.x);
    return this.drawer.draw(given);
  }

  async draw(job) {
    const { x, label } = await this.call("draw", job), model = this.model;
    const says = { mean: 0, std: job.std, seed: job.seed, index: job.index };
    if (label !== null) says.label = model.classes[label];
    const moves = Object.entries(job.moves || []).filter(([, step]) => step);
    if (moves.length) says.directions = Object.fromEntries(moves);
    if (job.other) Object.assign(says, { to_seed: job.other.seed, to_index: job.other.index, share: job.share });
    return { ...await KINDS[model.modality](model, x, markOf(model.mark, says)), x, label };
  }

  best(jobs, count, say) { return this.call("best", { jobs, count }, say); }

  // An image, cut to the size of training, and its translation
  async translate(way, bitmap) {
    const { graphs, channels, size: [height, width] } = this.model, canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d"), scale = Math.max(width / bitmap.width, height / bitmap.height);
    const [w, h] = [bitmap.width * scale, bitmap.height * scale];
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
    const rgba = context.getImageData(0, 0, width, height).data, inputs = channels[way[0]], area = width * height;
    const x = new Float32Array(inputs * area), cut = new Uint8Array(3 * area);
    for (let i = 0; i < area; i++) {
      const rgb = rgba.subarray(4 * i, 4 * i + 3);
      const grey = Math.round((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / 1000);
      for (let c = 0; c < inputs; c++) x[c * area + i] = Math.fround((inputs === 1 ? grey : rgb[c]) / 127.5) - 1;
      cut.set(rgb, 3 * i);
    }
    const y = await this.call("translate", { way, x }), outputs = y.length / area;
    const shape = graphs[way].nodes.length ? [height, width, outputs] : null;
    const mark = markOf(this.model.mark, { to: way[1] });
    return {
      x: y,
      before: new Blob([await png(cut, height, width, 3, this.model.mark, mark)], { type: "image/png" }),
      after: new Blob([await png(turned(toBytes(y), outputs), ...shape, this.model.mark, mark)], { type: "image/png" }),
    };
  }

  get engine() { return this.model.wasm ? "WebAssembly" : "JavaScript"; }
}

// A server: `ganzfeld serve`
class There {
  constructor(model) {
    this.model = model;
    this.ready = Promise.resolve();
    this.token = "";
  }

  get engine() { return "the server"; }

  async fetched(address, more = {}) {
    const headers = { ...more.headers };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    const answer = await fetch(`/v1/models${address}`, { ...more, headers });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      const error = new Error([problem.detail || answer.statusText, problem.fix].filter(Boolean).join("; "));
      error.status = answer.status;
      throw error;
    }
    return answer;
  }

  at(path) { return `/${encodeURIComponent(this.model.name)}/${path}`; }

  async draw(job) {
    const query = new URLSearchParams({ seed: job.seed, index: job.index, std: job.std });
    if (job.label !== null) query.set("label", this.model.classes[job.label]);
    if (job.text) query.set("text", job.text);
    if (this.model.revision) query.set("revision", this.model.revision);
    if (this.model.modality === "field") query.set("format", "json");
    const answer = await this.fetched(this.at(`sample?${query}`));
    if (this.model.modality === "field") {
      const { mark, value } = await answer.json(), x = Float32Array.from(value.flat(Infinity));
      return { ...await KINDS.field({ ...this.model, mark, extra: {} }, x, markOf(mark, {})), label: job.label, x: null };
    }
    const file = await answer.blob();
    const kind = file.type.split(";")[0];
    const ending = { "image/png": "png", "audio/wav": "wav", "text/plain": "txt", "text/csv": "csv" }[kind];
    const text = kind.startsWith("text/") ? await file.text() : null;
    let { label } = job;
    if (label === null && this.model.classes.length && text === null) { // the file's mark says it
      const start = String.fromCharCode(...new Uint8Array(await file.slice(...(kind === "audio/wav" ? [-4096] : [0, 4096])).arrayBuffer()));
      const found = /"label":("(?:[^"\\]|\\.)*")/.exec(start);
      label = found ? this.model.classes.indexOf(JSON.parse(found[1])) : null;
    }
    return { file, ending: ending || "npy", text, label: label === -1 ? null : label, x: null };
  }

  async best(jobs, count, say) {
    const { seed, label, std, text } = jobs[0], body = { seed: String(seed), count, of: jobs.length, std, format: "json" };
    if (label !== null) body.labels = [this.model.classes[label]];
    if (text) body.text = text;
    const answer = await this.fetched(this.at("samples"), {
      method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
    });
    const { samples } = await answer.json();
    return samples.map((one) => ({ ...jobs[0], index: BigInt(one.index), score: one.score }));
  }

  async translate(way, bitmap, file) {
    const answer = await this.fetched(this.at(`translation?to=${way[1]}`), {
      method: "POST", body: file, headers: { "Content-Type": file.type || "image/png" },
    });
    return { before: file, after: await answer.blob(), x: null };
  }
}
