// Images: a PNG file each.
"use strict";

KINDS.image = async (model, x, mark) => {
  const [channels, height, width] = model.shape;
  const file = await png(turned(toBytes(x), channels), height, width, channels, model.mark, mark);
  return { file: new Blob([file], { type: "image/png" }), ending: "png" };
};
