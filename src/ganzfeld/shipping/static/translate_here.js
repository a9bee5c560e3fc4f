// Translations by the networks of the page itself.
"use strict";

const CUT = "Images are cut to {size} pixels, the size that the model was trained on.";

Object.assign(Here.prototype, {
  // An image, cut to the size of training, and its translation
  async translate(way, bitmap) {
    const { graphs, channels, size: [height, width] } = this.model, canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d"), scale = Math.max(width / bitmap.width, height / bitmap.height);
    const [w, h] = [bitmap.width * scale, bitmap.height * scale];
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
    const rgba = context.getImageData(0, 0, width, height).data, inputs = channels[way[0]], area = width * height;
    const x = new Float32Array(inputs * area), cut = new Uint8Array(3 * area);
    for (let i = 0; i < area; i++) {
      const rgb = rgba.subarray(4 * i, 4 * i + 3);
      const grey = Math.round((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / 1000);
      for (let c = 0; c < inputs; c++) x[c * area + i] = Math.fround((inputs === 1 ? grey : rgb[c]) / 127.5) - 1;
      cut.set(rgb, 3 * i);
    }
    const y = await this.call("translate", { way, x }), outputs = y.length / area;
    const shape = graphs[way].nodes.length ? [height, width, outputs] : null;
    const mark = markOf(this.model.mark, { to: way[1] });
    return {
      x: y,
      before: new Blob([await png(cut, height, width, 3, this.model.mark, mark)], { type: "image/png" }),
      after: new Blob([await png(turned(toBytes(y), outputs), ...shape, this.model.mark, mark)], { type: "image/png" }),
    };
  },
});

FITTING.push((app) => app.say($("cut"), CUT, { size: `${app.model.size[1]}x${app.model.size[0]}` }));

Object.assign(CHINESE, { [CUT]: "图像会被裁剪为 {size} 像素，即模型训练时的尺寸。" });
