// Translations by the server: of images, and of sounds and lines, which no page translates.
"use strict";

Object.assign(There.prototype, {
  async translate(way, bitmap, file) {
    const answer = await this.sent(`translation?to=${way[1]}`, file);
    return { before: file, after: await answer.blob(), mark: answer.headers.get("ganzfeld-mark") };
  },
});

// Sounds and lines, where two images would be
App.prototype.told_pair = async function told(made) {
  const lines = made.mark && await made.after.text(), box = $("found");
  if (lines) {
    box.innerText = lines;
    made.count = lines.split("\n").length - 1;
  } else box.replaceChildren(...["before", "after"].map((side) => {
    const one = Object.assign(make("p"), { textContent: this.t(side), className: "sound" });
    this.player(one, { file: made[side] });
    return one;
  }));
  this.made = { ...made, file: made.after, text: lines, name: `translation.${lines ? "txt" : "wav"}` };
  $("save").hidden = false;
};

LISTENING.push((app, on) => on("go", "click", () => app.take(new Blob([$("lines").value]))));

FITTING.push(({ model }, makes) => {
  $("of-lines").hidden = makes || model.modality !== "text";
  $("file").accept = model.modality === "image" ? "image/png,image/jpeg,image/webp" : model.media_type;
});
