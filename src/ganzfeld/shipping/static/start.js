// Puts the page together, and listens.
"use strict";

function option(value, text) {
  const one = make("option");
  one.value = value;
  one.textContent = text;
  return one;
}

function listen(app) {
  const s = app.state;
  const on = (id, event, act) => $(id).addEventListener(event, act);
  const another = () => {
    const [a, b] = crypto.getRandomValues(new Uint32Array(2));
    s.seed = BigInt(a) * 1048576n + BigInt(b % 1048576); // short enough to be read out
    app.draw();
  };
  on("another", "click", another);
  on("seed", "change", () => {
    const text = $("seed").value.trim();
    if (/^\d{1,20}$/.test(text) && BigInt(text) < LIMIT) { s.seed = BigInt(text); app.draw(); } else {
      app.say($("status"), "A seed is a whole number from 0 to 18446744073709551615.");
      $("seed").value = s.seed;
    }
  });
  on("class", "change", () => { s.label = $("class").value === "" ? null : Number($("class").value); app.draw(); });
  on("std", "input", () => { $("std-value").textContent = Number($("std").value).toFixed(2); });
  on("std", "change", () => { s.std = Number($("std").value); app.draw(); });
  on("count", "change", () => { s.count = Number($("count").value); app.draw(); });
  on("text", "change", () => { s.text = $("text").value.trim(); app.draw(); });
  on("best", "change", () => { s.best = $("best").checked; app.draw(); });
  on("token", "change", () => { app.source.token = $("token").value; arrange(app); });
  on("language", "change", () => app.speak());
  on("large-close", "click", () => $("large").close());
  on("large", "close", () => $("large-view").replaceChildren()); // no sound goes on
  on("large-save", "click", () => app.save(app.large));
  on("large-keep", "click", () => { app.keep(app.large); app.keeping(); });
  on("large-link", "click", () => {
    const link = location.href.split("#")[0] + app.address({ index: app.large.job.index });
    navigator.clipboard.writeText(link).then(() => app.say($("large-note"), "Link copied"),
      () => { $("large-note").textContent = link; });
  });
  on("zip", "click", () => app.zip().catch((error) => app.fail(error)));
  on("clear", "click", () => { app.kept.clear(); app.store(); app.shown.forEach((_, i) => app.star(i)); app.strip("kept", []); });
  for (const part of LISTENING) part(app, on);
  window.addEventListener("hashchange", () => { app.read(); app.draw(); });
  document.addEventListener("keydown", (event) => keyed(app, event, another));
}

function keyed(app, event, another) {
  if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...document.querySelectorAll("#grid .one")], here = all.indexOf(document.activeElement);
  const columns = all.filter((one) => one.getBoundingClientRect().top === all[0].getBoundingClientRect().top).length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (step && here >= 0 && all[here + step]) { all[here + step].focus(); event.preventDefault(); }
  const key = event.key.toLowerCase();
  if (key === "n" && !$("large").open && app.model.task === "generation") another();
  if (key === "f") {
    const one = $("large").open ? app.large : app.shown[here];
    if (one) { app.keep(one); if ($("large").open) app.keeping(); }
  }
}

function fitted(app) {
  const { model } = app, makes = model.task === "generation";
  document.title = model.title;
  $("title").textContent = model.title;
  app.say($("made"), MADE);
  $("controls").hidden = $("extras").hidden = !makes;
  $("check").hidden = !(model.check && model.check.length);
  $("keys").hidden = !makes;
  if (model.shape && model.modality === "image") {
    root().style.setProperty("--ratio", model.shape[2] / model.shape[1]);
    document.body.classList.toggle("pixels", Math.max(...model.shape.slice(1)) <= 96);
  }
  $("grid").classList.toggle("broad", model.modality !== "image");
  $("grid").classList.toggle("charts", Boolean(app.texts && !app.texts.layout));
  $("class").replaceChildren(option("", ""), ...model.classes.map((name, i) => option(i, name)));
  $("class").firstChild.dataset.t = "random";
  $("of-class").hidden = !model.classes.length;
  $("of-text").hidden = !model.text;
  $("of-best").hidden = !model.score;
  $("count").replaceChildren(...COUNTS.filter((n) => n <= (model.most || 64)).map((n) => option(n, n)));
  for (const part of FITTING) part(app, makes);
  $("past").hidden = $("kept").hidden = true;
}

async function begin(data) {
  if (data.server) return serving();
  const text = document.getElementById("weights").textContent;
  return [[data.model, new Here(data.model, await unpacked(text, data.model.tensors))]];
}

// The language and the theme, before there is a model
function look() {
  const asks = new URLSearchParams(location.search), themed = () => { root().dataset.theme = $("theme").value; };
  $("language").value = asks.get("lang");
  $("language").value ||= navigator.language.startsWith("zh") ? "zh" : "en";
  $("theme").value = asks.get("theme");
  $("theme").value ||= "auto";
  themed();
  spoken();
  $("theme").addEventListener("change", themed);
  $("language").addEventListener("change", spoken);
  document.addEventListener("submit", (event) => event.preventDefault());
}

async function start() {
  look();
  const found = await begin(JSON.parse($("data").textContent)), asked = new URLSearchParams(location.hash.slice(1));
  const chosen = Math.max(found.findIndex(([model]) => model.name === asked.get("model")), 0);
  const app = new App(...found[chosen]);
  if (found.length > 1) {
    $("pick").hidden = false;
    $("model").replaceChildren(...found.map(([model], i) => option(i, model.name)));
    $("model").value = chosen;
    $("model").addEventListener("change", () => {
      [app.model, app.source] = found[Number($("model").value)];
      Object.assign(app, { ends: {}, past: [], kept: new Map(), shown: [] });
      app.state.label = null;
      arrange(app);
    });
  }
  listen(app);
  await arrange(app);
  return app;
}

async function arrange(app) {
  fitted(app);
  app.speak();
  app.restore();
  app.read();
  if (app.model.task !== "generation") return;
  await app.source.ready;
  await app.draw();
  app.strip("kept", [...app.kept.values()]);
}

const started = typeof document === "undefined" ? serveWorker()
  : start().catch((error) => { $("status").textContent = said(error.message); });
