// What the page's worker does: it holds the networks, and draws.
"use strict";

// Weights by network and name. tensors: [network, name, numbers, bytes of a number] as they lie
function weightsOf(buffer, tensors) {
  const found = {};
  let at = 0;
  for (const [network, name, count, width] of tensors) {
    found[network] = found[network] || {};
    found[network][name] = width === 4 ? new Float32Array(buffer, at, count)
      : width === 2 ? fromHalf(new Uint16Array(buffer, at, count))
        : fromBytes(new Int8Array(buffer, at, count), found[network][`${name} scales`]);
    at += width * count;
  }
  return found;
}

// Levels of int8 as numbers: a scale for each row
function fromBytes(levels, scales) {
  const each = levels.length / scales.length;
  return Float32Array.from(levels, (level, i) => level * scales[Math.floor(i / each)]);
}

class Drawer {
  constructor({ graphs, tensors, weights, wasm, latent, classes, rows, slot, directions }) {
    const states = weightsOf(weights, tensors);
    this.networks = {};
    for (const [name, graph] of Object.entries(graphs)) {
      this.networks[name] = new Network(graph, states[name] || {}, wasm);
    }
    Object.assign(this, { latent, classes, rows, slot, directions });
  }

  inputs(z, seed, index, label, row) {
    const given = { z };
    if (this.classes) given.y = [label ?? labelOf(this.classes, seed, index)];
    if (this.rows) given[this.slot] = row || this.rows[labelOf(this.rows.length, seed, index)];
    return given;
  }

  // One sample: its numbers as the network gives them, and its class. like: the number of the sample
  // that it has the class and the condition of; row: a condition that was asked for
  draw({ seed, index, label, std, other, share, moves, like, row }) {
    let z = latentOf(this.latent, seed, index, std);
    if (other) z = between(z, latentOf(this.latent, other.seed, other.index, std), share);
    if (moves) {
      const shift = shiftOf(this.latent, this.directions, moves);
      z = z.map((value, i) => value + shift[i]);
    }
    const given = this.inputs(z, seed, like ?? index, label, row);
    return { x: this.networks.G.draw(given).slice(), label: given.y ? given.y[0] : null };
  }

  // The numbers of the best `count` of jobs by the discriminator, each class as often as in the first
  best(jobs, count, say) {
    const scored = jobs.map((job, i) => {
      const { x, label } = this.draw(job), given = { x };
      if (label !== null) given.y = [label];
      if (this.rows) given.c = this.rows[labelOf(this.rows.length, job.seed, job.index)];
      const score = this.networks.D.draw(given)[0];
      if (i % 16 === 15) say(i + 1);
      return { job, label, score };
    });
    const queues = new Map();
    for (const one of [...scored].sort((a, b) => b.score - a.score)) {
      if (!queues.has(one.label)) queues.set(one.label, []);
      queues.get(one.label).push(one);
    }
    return scored.slice(0, count).map(({ label }) => queues.get(label).shift())
      .map(({ job, score }) => ({ ...job, score }));
  }

  translate(way, x) { return this.networks[way].draw({ x }).slice(); }
}

function serveWorker() {
  let drawer = null;
  self.onmessage = ({ data: { id, what, given } }) => {
    try {
      let result = null;
      if (what === "start") drawer = new Drawer(given);
      else if (what === "draw") result = drawer.draw(given);
      else if (what === "best") {
        result = drawer.best(given.jobs, given.count, (done) => self.postMessage({ id, done }));
      } else if (what === "translate") result = drawer.translate(given.way, given.x);
      self.postMessage({ id, result });
    } catch (error) {
      self.postMessage({ id, error: String(error && error.message || error) });
    }
  };
}
