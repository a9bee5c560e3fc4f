// Where samples come from in a page of one file: the networks in it.
"use strict";

// The networks of this page, in a worker where the browser allows one
class Here {
  constructor(model, weights) {
    this.model = model;
    this.waiting = new Map();
    this.turn = 0;
    const given = {
      graphs: model.graphs, tensors: model.tensors, weights, latent: model.latent,
      wasm: model.wasm ? bytesOf(model.wasm) : null, classes: model.classes.length, rows: model.rows, slot: model.caption ? "caption" : "c",
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
    const model = this.model, row = model.caption && rowOf(model, job), { x, label } = await this.call("draw", { ...job, row });
    const says = { mean: 0, std: job.std, seed: job.seed, index: job.index };
    if (row) Object.assign(says, { numbers: row, caption: captionOf(model, row) });
    if (label !== null) says.label = model.classes[label];
    const moves = Object.entries(job.moves || []).filter(([, step]) => step);
    if (moves.length) says.directions = Object.fromEntries(moves);
    if (job.other) Object.assign(says, { to_seed: job.other.seed, to_index: job.other.index, share: job.share });
    const mark = markOf(model.mark, says), kind = TEXTS[model.modality];
    const made = kind ? marked(kind, kind.text(model, x), mark) : await KINDS[model.modality](model, x, mark);
    return { ...made, x, label, caption: says.caption };
  }

  best(jobs, count, say) { return this.call("best", { jobs, count }, say); }

  get engine() { return this.model.wasm ? "WebAssembly" : "JavaScript"; }
}
