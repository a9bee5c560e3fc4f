// Captions of an image, by the server.
"use strict";

Object.assign(There.prototype, {
  async captions(way, bitmap, file) {
    const { captions } = await (await this.sent("captions?count=5", file)).json();
    $("found").innerText = captions.join("\n");
    return { before: file, after: file, count: captions.length };
  },
});

Object.assign(CHINESE, { caption: "描述" });
