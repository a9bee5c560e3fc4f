// Where samples come from: the networks in this page, or a server.
"use strict";

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// (C, H, W) as (H, W, C)
function turned(bytes, channels) {
  const area = bytes.length / channels, found = new Uint8Array(bytes.length);
  for (let c = 0; c < channels; c++) for (let i = 0; i < area; i++) found[i * channels + c] = bytes[c * area + i];
  return found;
}

// Kinds of sample: their files, and an image where that is another. Each but images has a file of
// its own, which pages of such models have
const KINDS = {
  async image(model, x, mark) {
    const [channels, height, width] = model.shape;
    const file = await png(turned(toBytes(x), channels), height, width, channels, model.mark, mark);
    return { file: new Blob([file], { type: "image/png" }), ending: "png" };
  },
};

// Kinds whose files are text, by the same names: see lines.js, rows.js, series.js
const TEXTS = {};

// A file of text with its mark, which goes beside it
function marked({ ending }, text, mark) {
  const type = ending === "csv" ? "text/csv" : "text/plain";
  return { text, mark, ending, file: new Blob([text], { type }) };
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
    const mark = markOf(model.mark, says), kind = TEXTS[model.modality];
    const made = kind ? marked(kind, kind.text(model, x), mark) : await KINDS[model.modality](model, x, mark);
    return { ...made, x, label };
  }

  best(jobs, count, say) { return this.call("best", { jobs, count }, say); }

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
    const labelled = (text) => {
      const found = /"label":("(?:[^"\\]|\\.)*")/.exec(text);
      return found && this.model.classes.includes(JSON.parse(found[1])) ? this.model.classes.indexOf(JSON.parse(found[1])) : null;
    };
    if (TEXTS[this.model.modality]) {
      const mark = answer.headers.get("ganzfeld-mark");
      return { ...marked(TEXTS[this.model.modality], await answer.text(), mark), label: labelled(mark), x: null };
    }
    const file = await answer.blob(), kind = file.type.split(";")[0];
    let { label } = job;
    if (label === null && this.model.classes.length) { // the file's mark says it
      const part = kind === "audio/wav" ? [-4096] : [0, 4096];
      label = labelled(String.fromCharCode(...new Uint8Array(await file.slice(...part).arrayBuffer())));
    }
    return { file, ending: { "image/png": "png", "audio/wav": "wav" }[kind] || "npy", label, x: null };
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
}
