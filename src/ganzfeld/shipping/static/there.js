// Where samples come from in the app of a server: `ganzfeld serve`.
"use strict";

class There {
  constructor(model) {
    this.model = model;
    this.ready = Promise.resolve();
    this.token = "";
  }

  get engine() { return "the server"; }

  async fetched(address, more = {}) {
    const headers = { "Accept-Language": root().lang, ...more.headers }; // of errors
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    const answer = await fetch(`/v1/models${address}`, { ...more, headers })
      .catch(() => { throw new Error("The server does not answer."); });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      const error = new Error([problem.detail || answer.statusText, problem.fix].filter(Boolean).join("; "));
      error.status = answer.status;
      throw error;
    }
    return answer;
  }

  at(path) { return `/${encodeURIComponent(this.model.name)}/${path}`; }

  posted(path, body) {
    return this.fetched(this.at(path), { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  }

  sent(path, file) {
    return this.fetched(this.at(path), { method: "POST", body: file, headers: { "Content-Type": file.type || "image/png" } });
  }

  asked({ label, std, text }, more) {
    const query = new URLSearchParams({ std, ...more });
    if (label !== null) query.set("label", this.model.classes[label]);
    if (text) query.set("text", text);
    return query;
  }

  async draw(job) {
    const query = this.asked(job, { seed: job.seed, index: job.index });
    if (this.model.revision) query.set("revision", this.model.revision);
    if (this.model.modality === "field") query.set("format", "json");
    const answer = await this.fetched(this.at(`sample?${query}`));
    if (this.model.modality === "field") {
      const { mark, value } = await answer.json(), x = Float32Array.from(value.flat(Infinity));
      return { ...await KINDS.field({ ...this.model, mark, extra: {} }, x, markOf(mark, {})), label: job.label };
    }
    const chosen = (mark) => { // its class and caption
      const [at, caption] = ["label", "caption"].map((key) => JSON.parse(mark.match(`"${key}":("(\\\\.|[^"\\\\])*")`)?.[1] || "null"));
      const label = this.model.classes.indexOf(at);
      return { label: label < 0 ? null : label, caption };
    };
    if (TEXTS[this.model.modality]) {
      const mark = answer.headers.get("ganzfeld-mark");
      return { ...marked(TEXTS[this.model.modality], await answer.text(), mark), ...chosen(mark) };
    }
    const file = await answer.blob(), kind = file.type.split(";")[0], part = kind === "audio/wav" ? [-4096] : [0, 4096];
    const mark = String.fromCharCode(...new Uint8Array(await file.slice(...part).arrayBuffer()));
    return { file, ending: { "image/png": "png", "audio/wav": "wav" }[kind] || "npy", ...chosen(mark) };
  }

  async variety(job) { return (await this.fetched(this.at(`variety?${this.asked(job)}`))).json(); }

  async best(jobs, count, say) {
    const { seed, label, std, text } = jobs[0], body = { seed: String(seed), count, of: jobs.length, std, format: "json" };
    if (label !== null) body.labels = [this.model.classes[label]];
    if (text) body.text = text;
    const { samples } = await (await this.posted("samples", body)).json();
    return samples.map((one) => ({ ...jobs[0], index: BigInt(one.index), score: one.score }));
  }
}

// A model as `GET /v1/models` tells it, as the page knows it
function served(one, limits) {
  return {
    ...one, title: one.name, most: limits.count, ways: one.directions.map((d) => d.from + d.to),
    mark: { model: one.weights }, check: [],
  };
}

// The models of the server, once it has let the page in
async function serving() {
  const first = new There({ name: "" });
  for (;;) {
    try {
      const { models, limits } = await (await first.fetched("")).json();
      $("of-token").hidden = true;
      $("status").textContent = "";
      return models.map((one) => {
        const source = new There(served(one, limits));
        source.token = first.token;
        return [source.model, source];
      });
    } catch (error) {
      if (error.status !== 401) throw error;
      $("of-token").hidden = false;
      $("status").textContent = said(first.token ? "The server does not know this token." : "The server wants a token.");
      await new Promise((go) => $("token").addEventListener("change", go, { once: true }));
      first.token = $("token").value;
    }
  }
}

Object.assign(CHINESE, {
  "model": "模型", "the server": "服务器", "Text": "文字描述", "Token": "令牌",
  "The server wants a token.": "服务器需要令牌。", "Model": "模型",
  "The server does not know this token.": "服务器不认识这个令牌。", "The server does not answer.": "服务器没有应答。",
});
