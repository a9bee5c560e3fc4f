// Translators of images: one that is given, before and after.
"use strict";

Object.assign(App.prototype, {
  async take(file) {
    const { task, modality, media_type: type } = this.model;
    if (task === "generation") { await this.project(file); return; }
    try {
      const bitmap = modality === "image" && await createImageBitmap(file)
        .catch(() => { throw new Error("That is not an image that this browser can read."); });
      this.file_given = { file: bitmap ? file : new Blob([file], { type }), bitmap };
      await this.turn();
    } catch (error) { this.fail(error); }
  },

  async turn() {
    if (!this.file_given) return;
    const { file, bitmap } = this.file_given, way = $("way").value;
    this.say($("status"), "drawing {done} of {total}", { done: 0, total: 1 });
    const start = performance.now(), made = await this.source[this.model.captions ? "captions" : "translate"](way, bitmap, file);
    if (bitmap) this.pair(made, this.source.exact ? this.model.size[1] / this.model.size[0] : bitmap.width / bitmap.height);
    else await this.told_pair(made);
    const { count = 1 } = made;
    this.say($("status"), "{count} {noun}, {ms} ms each", { count, ms: ((performance.now() - start) / count).toFixed(0) });
  },

  pair(made, ratio) {
    this.made = made;
    for (const side of ["before", "after"]) {
      URL.revokeObjectURL($(side).src);
      $(side).src = URL.createObjectURL(made[side]);
      $(side).alt = this.t(side);
    }
    $("pair").style.setProperty("--ratio", ratio);
    $("border").hidden = $("save").hidden = this.model.captions;
    $("pair").hidden = false;
    this.border();
  },

  border() { $("before").style.clipPath = `inset(0 ${100 - Number($("border").value)}% 0 0)`; },
});

LISTENING.push((app, on) => {
  on("border", "input", () => app.border());
  on("way", "change", () => app.turn().catch((error) => app.fail(error)));
  on("save", "click", () => app.save({ file: app.made.after, name: app.found ? "reconstruction.png" : "translation.png", ...app.made }));
  on("file", "change", () => { if ($("file").files[0]) app.take($("file").files[0]); });
  on("drop", "dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
  on("drop", "dragleave", () => $("drop").classList.remove("over"));
  on("drop", "drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    if (event.dataTransfer.files[0]) app.take(event.dataTransfer.files[0]);
  });
  on("drop", "click", (event) => { if (event.target !== $("file")) $("file").click(); });
  on("drop", "keydown", (event) => { if ("Enter ".includes(event.key)) { event.preventDefault(); $("file").click(); } });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file && !$("translate").hidden) app.take(file);
  });
});

FITTING.push((app, makes) => {
  const { model } = app;
  $("translate").hidden = makes && !model.projection;
  $("own").hidden = !makes;
  app.file_given = null;
  $("found").textContent = "";
  $("edit").replaceChildren();
  $("pair").hidden = $("save").hidden = true;
  $("way").replaceChildren(...(model.ways || []).map((way) => option(way, `${way[0]} → ${way[1]}`)));
  $("of-way").hidden = (model.ways || []).length < 2;
});

Object.assign(CHINESE, {
  Translate: "翻译",
  "Drop a file here, paste it, or choose one.": "把文件拖到这里、粘贴，或选择一个。",
  "Direction": "方向", "before": "之前", "after": "之后", "Border between before and after": "前后分界",
  "That is not an image that this browser can read.": "浏览器无法读取这个图像。",
  "An image of your own": "你自己的图像",
});
