// The page: controls, the grid, one sample large, favourites, history, interpolation.
"use strict";

const directionsOf = ({ directions, latent }) => (directions ? Math.floor((directions.length * 3) / 16 / latent) : 0);
const LIMIT = 1n << 64n, COUNTS = [1, 4, 8, 16, 24, 36, 48, 64], OF = 8, PAST = 100;
const $ = (id) => document.getElementById(id), make = (tag) => document.createElement(tag), root = () => document.documentElement;
const chinese = () => $("language").value === "zh", said = (text) => (chinese() && CHINESE[text]) || text;

// The words that stand in the page itself
function spoken() {
  root().lang = chinese() ? "zh-CN" : "en";
  for (const one of document.querySelectorAll("[data-t]")) one.textContent = said(one.dataset.t);
}

// What other files of the page add: to its listening, and to its fitting to a model
const LISTENING = [], FITTING = [];

class App {
  constructor(model, source) {
    Object.assign(this, { model, source, round: 0, kept: new Map(), past: [], shown: [], ends: {} });
    this.state = { seed: 0n, label: null, std: 1, count: Math.min(24, model.most || 64), best: false, text: "", moves: this.still };
    this.told = new Map(); // elements whose words change with the language
  }

  // Words

  t(text, given = {}) {
    return said(text).replace(/\{(\w+)\}/g, (_, key) => (key in given ? given[key] : `{${key}}`));
  }

  words() { return { noun: this.t(this.model.noun), one: this.t(this.model.one) }; }

  say(element, text, given = {}) {
    this.told.set(element, [text, given]);
    const { noun, one } = this.words();
    element.textContent = this.t(text, { noun: given.count === 1 ? one : noun, one, ...given });
  }

  speak() {
    spoken();
    for (const [element, [text, given]] of this.told) this.say(element, text, given);
    for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", this.t(one.dataset.label));
    this.about();
    if (this.shown.length) this.name();
  }

  // What is asked for, also in the address behind #, which is never sent

  read() {
    const asked = new URLSearchParams(location.hash.slice(1)), s = this.state;
    const whole = (text) => /^\d{1,20}$/.test(text || "") && BigInt(text) < LIMIT;
    if (whole(asked.get("seed"))) s.seed = BigInt(asked.get("seed"));
    const { classes } = this.model, name = asked.get("class"), plain = { yes: "true", no: "false" }[name?.toLowerCase()];
    const label = classes.indexOf(classes.includes(name) ? name : plain);
    s.label = label < 0 ? null : label;
    const std = Number(asked.get("std") ?? 1), count = Number(asked.get("count") ?? s.count);
    if (std >= 0 && std <= 1.5) s.std = std;
    if (COUNTS.includes(count)) s.count = count;
    s.best = asked.get("best") === "1" && this.model.score;
    s.text = this.model.text ? (asked.get("text") || "").slice(0, 200) : "";
    s.moves = this.still;
    for (const [number, step] of (asked.get("move") || "").split(",").map((one) => one.split(":").map(Number))) {
      if (number in s.moves && Math.abs(step) <= 3) s.moves[number] = step;
    }
    this.open = whole(asked.get("index")) ? BigInt(asked.get("index")) : null;
  }

  address(more = {}) {
    const s = this.state, found = new URLSearchParams({ seed: s.seed });
    if (s.label !== null) found.set("class", this.model.classes[s.label]);
    if (s.std !== 1) found.set("std", s.std);
    found.set("count", s.count);
    if (s.best) found.set("best", 1);
    if (s.text) found.set("text", s.text);
    const moved = s.moves.map((step, i) => step && `${i}:${step}`).filter(Boolean);
    if (moved.length) found.set("move", moved.join(","));
    for (const [key, value] of Object.entries(more)) found.set(key, value);
    return `#${found}`;
  }

  fill() {
    const s = this.state;
    $("seed").value = s.seed;
    $("class").value = s.label ?? "";
    $("std").value = s.std;
    $("std-value").textContent = s.std.toFixed(2);
    $("count").value = s.count;
    $("best").checked = s.best;
    $("text").value = s.text;
    [...$("moves").querySelectorAll("input")].forEach((one, i) => {
      one.value = s.moves[i];
      one.previousElementSibling.lastChild.textContent = ` ${s.moves[i]}`;
    });
  }

  // No step along any direction
  get still() { return Array(this.source.exact ? directionsOf(this.model) : 0).fill(0); }

  job(index, seed = this.state.seed) {
    const { label, std, text, moves } = this.state;
    return { seed, index: BigInt(index), label, std, ...(text ? { text } : {}), ...(moves.some(Boolean) ? { moves: [...moves] } : {}) };
  }

  // The grid

  async draw() {
    const round = (this.round += 1), s = this.state, start = performance.now();
    this.fill();
    try { history.replaceState(null, "", this.address()); } catch { /* some browsers refuse on file: */ }
    $("price").hidden = $("cost").hidden = true;
    let jobs = Array.from({ length: s.count }, (_, i) => this.job(i));
    try {
      if (s.best) {
        const all = Array.from({ length: OF * s.count }, (_, i) => this.job(i));
        jobs = await this.source.best(all, s.count, (done) => {
          if (round === this.round) this.say($("status"), "scoring {done} of {total}", { done, total: all.length });
        });
        this.say($("price"), "The discriminator kept {count} of {of}: {times} times the work, and less variety.",
          { count: s.count, of: all.length, times: OF + 1 });
        $("price").hidden = false;
      }
      this.lay(jobs.length);
      const at = this.source.exact ? 1 : 6; // requests at a time
      let done = 0;
      const queue = jobs.map((job, i) => [job, i]);
      await Promise.all(Array.from({ length: at }, async () => {
        while (queue.length && round === this.round) {
          const [job, i] = queue.shift(), drawn = await this.source.draw(job);
          if (round !== this.round) return;
          this.show(i, { job, ...drawn });
          done += 1;
          this.say($("status"), "drawing {done} of {total}", { done, total: jobs.length });
        }
      }));
    } catch (error) { this.fail(error, round); return; }
    if (round !== this.round) return;
    this.took = (performance.now() - start) / jobs.length;
    this.say($("status"), "{count} {noun}, {ms} ms each", { count: jobs.length, ms: this.took.toFixed(this.took < 10 ? 1 : 0) });
    this.remember(jobs);
    if (s.std !== 1) this.cost(round);
    if (this.open !== null) {
      const found = this.shown.findIndex(({ job }) => job.index === this.open);
      this.open = null;
      if (found >= 0) this.enlarge(this.shown[found]);
    }
  }

  fail(error, round = this.round) {
    if (round !== this.round) return;
    $("status").textContent = this.t(error.status === 401 ? "The server wants a token." : error.message, error.given);
    if (!this.shown.length && this.home) this.lay(0); // nothing that looks like what was asked for
    this.told.delete($("status"));
    $("of-token").hidden = error.status !== 401 && $("of-token").hidden;
  }

  // How samples of text are shown; undefined for kinds that have files of their own
  get texts() { return TEXTS[this.model.modality]; }

  lay(count) {
    for (const { urls } of this.shown) if (urls) urls.forEach((url) => URL.revokeObjectURL(url));
    this.shown = [];
    const layout = (this.texts && this.texts.layout) || "", [outer, inner] = { lines: ["ol", "li"], rows: ["table", "tr"] }[layout] || ["div", "div"];
    if (layout || !this.home || this.home.className) {
      this.home = make(outer);
      this.home.className = layout;
      $("grid").replaceChildren(this.home);
    }
    $("whole").hidden = !layout;
    while (this.home.children.length > count) this.home.lastChild.remove();
    this.boxes = [...this.home.children];
    while (this.boxes.length < count) {
      const box = make(inner), button = make("button"), place = this.boxes.length;
      box.className = "box";
      button.className = "one";
      button.addEventListener("click", () => this.enlarge(this.shown[place]));
      if (layout === "rows") box.appendChild(make("th")).append(button); else box.append(button);
      this.home.append(box);
      this.boxes.push(box);
    }
  }

  key({ seed, index, label, std, text, moves }) { return [seed, index, label ?? "", std, text ?? "", moves ?? ""].join("/"); }

  button(place) { return this.boxes[place].querySelector(".one"); }

  show(place, one) {
    const box = this.boxes[place], button = this.button(place);
    one.urls = this.texts ? [] : [URL.createObjectURL(one.image || one.file)];
    [one.url] = one.urls;
    this.shown[place] = one;
    if (this.texts && this.texts.layout) {
      button.textContent = one.job.index;
      this.texts.fill(this, box, one);
    } else button.replaceChildren(this.face(one));
    if (one.ending === "wav") {
      box.className = "box sound";
      this.player(box, one);
      one.urls.push(one.sound);
    }
    this.star(place);
    this.name(place);
  }

  player(box, one) {
    one.sound ||= URL.createObjectURL(one.file);
    Object.assign(box.querySelector("audio") || box.appendChild(make("audio")), // of many, the large one takes the keys
      { controls: true, preload: "none", src: one.sound, tabIndex: box.id ? 0 : -1 });
  }

  // A sample as an element: its image, its text, its chart. size: "strip", "grid" or "large"
  face(one, size = "grid") {
    if (this.texts) return this.texts.view(this, one, size);
    const seen = one.image || one.ending === "png", element = make(seen ? "img" : "span");
    if (seen) element.src = one.url; else element.textContent = `♪ ${size === "strip" ? "" : this.file(one)}`;
    return element;
  }

  star(place) {
    const button = this.button(place), on = this.kept.has(this.key(this.shown[place].job));
    const star = button.querySelector(".star");
    if (star && !on) star.remove();
    if (!star && on) {
      const added = make("span");
      added.className = "star";
      added.textContent = "★";
      button.append(added);
    }
  }

  told_of({ job, label, note, caption }) {
    const parts = [this.t("seed {seed}, number {index}", { seed: job.seed, index: job.index })];
    (job.moves || []).forEach((step, number) => { if (step) parts.push(this.t("direction {number} {step}", { number, step })); });
    if (label != null) parts.push(this.model.classes[label]);
    if (job.score != null) parts.push(this.t("score {score}", { score: job.score.toFixed(2) }));
    if (job.text || caption) parts.push(job.text || caption);
    if (note) parts.push(this.t(...note));
    return parts.join(" · ");
  }

  name(only = null) {
    this.shown.forEach((one, place) => {
      if (only !== null && place !== only) return;
      const text = this.t("generated {one}, seed {seed}, number {index}",
        { ...this.words(), seed: one.job.seed, index: one.job.index });
      const label = one.label == null ? "" : `, ${this.model.classes[one.label]}`;
      const image = this.boxes[place].querySelector("img"), button = this.button(place);
      if (image) image.alt = text + label;
      else { button.title = text + label; button.setAttribute("aria-label", text + label); }
    });
  }

  // One sample large

  enlarge(one) {
    if (!one) return;
    this.large = one;
    const image = this.face(one, "large");
    if (image.src) image.alt = this.told_of(one);
    $("large-view").className = this.texts || one.ending === "wav" ? "read" : "";
    $("large-view").replaceChildren(image);
    if (one.ending === "wav") this.player($("large-view"), one);
    $("large-title").textContent = this.told_of(one);
    if (one.at) this.legend(one, image);
    $("large-note").textContent = this.t(MADE, this.words());
    this.keeping();
    if (!$("large").open) $("large").showModal();
  }

  keeping() {
    const on = this.kept.has(this.key(this.large.job));
    this.say($("large-keep"), on ? "Remove from favourites" : "Add to favourites");
    $("large-keep").setAttribute("aria-pressed", on);
  }

  keep(one) {
    const key = this.key(one.job);
    if (!this.kept.delete(key)) this.kept.set(key, one.job);
    this.store();
    this.shown.forEach((_, place) => this.star(place));
    this.strip("kept", [...this.kept.values()]);
  }

  file({ job, label, ending }) {
    const name = label == null ? "" : `-${this.model.classes[label].replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 40)}`;
    return `${job.seed}-${String(job.index).padStart(6, "0")}${name}.${ending}`;
  }

  download(blob, name) {
    const link = make("a"), url = URL.createObjectURL(blob);
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  // A sample's file. Text has no place for a mark: it lies beside the text, in a ZIP
  save(one) {
    const name = one.name || this.file(one);
    if (one.mark) this.packed([[name, utf8(one.text)], [`${name}.json`, utf8(one.mark)]], `${name}.zip`);
    else this.download(one.file, name);
  }

  packed(files, name) { this.download(new Blob([zip(files)], { type: "application/zip" }), name); }

  async zip() {
    const files = [], rows = [["file", "label", "seed", "index", "std"]];
    for (const job of this.kept.values()) {
      const one = { job, ...await this.source.draw(job) }, name = this.file(one);
      files.push([name, new Uint8Array(await one.file.arrayBuffer())]);
      if (one.mark) files.push([`${name}.json`, utf8(one.mark)]);
      rows.push([name, one.label === null ? "" : this.model.classes[one.label], job.seed, job.index, job.std]);
      this.say($("status"), "drawing {done} of {total}", { done: files.length, total: this.kept.size });
    }
    this.packed([["labels.csv", utf8(csv(rows))], ...files], "favourites.zip");
    this.say($("status"), "{count} {noun}", { count: files.length });
  }

  // Favourites and history: seeds only, of this tab

  store() {
    const plain = (job) => ({ ...job, seed: String(job.seed), index: String(job.index) });
    try {
      sessionStorage.setItem(`ganzfeld ${this.model.name}`, JSON.stringify(
        { kept: [...this.kept.values()].map(plain), past: this.past.map(plain) }));
    } catch { /* no storage: they last as long as the page */ }
  }

  restore() {
    try {
      const found = JSON.parse(sessionStorage.getItem(`ganzfeld ${this.model.name}`) || "{}");
      const whole = (job) => ({ ...job, seed: BigInt(job.seed), index: BigInt(job.index) });
      this.past = (found.past || []).map(whole);
      for (const job of (found.kept || []).map(whole)) this.kept.set(this.key(job), job);
    } catch { this.past = []; }
  }

  remember(jobs) {
    const [first] = jobs, known = this.past.findIndex((job) => this.key(job) === this.key(first));
    if (known >= 0) this.past.splice(known, 1);
    this.past = [first, ...this.past].slice(0, PAST);
    this.store();
    this.strip("past", this.past);
  }

  async strip(name, jobs) {
    const turn = (this[`turn-${name}`] = (this[`turn-${name}`] || 0) + 1), strip = $(`${name}-strip`);
    $(name).hidden = !jobs.length;
    const there = new Map([...strip.children].map((button) => [button.dataset.key, button]));
    for (const [key, button] of there) if (!jobs.some((job) => this.key(job) === key)) button.remove();
    for (const job of jobs.slice(0, name === "past" ? 24 : 64)) {
      let button = there.get(this.key(job));
      if (!button) {
        const drawn = await this.source.draw(job).catch(() => null);
        if (!drawn || turn !== this[`turn-${name}`]) return;
        button = make("button");
        button.dataset.key = this.key(job);
        const url = this.texts ? "" : URL.createObjectURL(drawn.image || drawn.file), one = { job, url, ...drawn };
        const image = this.face(one, "strip");
        if (image.src) image.alt = this.told_of(one);
        button.title = this.told_of(one);
        button.append(image);
        button.addEventListener("click", () => (name === "kept" ? this.enlarge(one) : this.again(job)));
      }
      strip.append(button);
    }
  }

  again(job) {
    Object.assign(this.state, { seed: job.seed, label: job.label, std: job.std, text: job.text || "", moves: job.moves ? [...job.moves] : this.still });
    this.draw();
    window.scrollTo({ top: 0 });
  }

  // What this page is, and whether it draws as it should

  about() {
    const { mark, precision } = this.model, rows = [
      ["recipe", this.model.recipe], ["data", this.model.data], ["weights", mark && mark.model],
      ["precision", precision && this.t(PRECISION[precision], this.words())],
      ["engine", this.t(this.source.engine)],
    ];
    $("about").replaceChildren(...rows.filter(([, value]) => value).flatMap(([key, value]) => {
      const [term, text] = ["dt", "dd"].map(make);
      term.textContent = this.t(key);
      text.textContent = value;
      return [term, text];
    }));
  }
}
