// Fields: maps of colours with the range of their values; lines as curves.
"use strict";

const VIRIDIS = ("440154 481567 482677 453781 404788 39568c 33638d 2d708e 287d8e 238a8d 1f968b 20a387 29af7f "
  + "3cbb75 55c667 73d055 95d840 b8de29 dce319 fde725").split(" ")
  .map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));

function colour(share) { // of a share in [0, 1]
  const at = Math.max(0, Math.min(1, share)) * (VIRIDIS.length - 1), i = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[i].map((c, k) => Math.round(c + (VIRIDIS[i + 1][k] - c) * (at - i)));
}

const short = (value) => String(Number(value.toPrecision(3)));

KINDS.field = async (model, x, mark) => {
  const [channels, ...sides] = model.shape, e = model.extra, values = e.scaling ? physical(x, channels, e) : x;
  const log = e.scaling === "log" ? e.unit.reduce((a, b) => a + b, 0) / e.unit.length : 0;
  const seen = log ? values.map((v) => Math.log1p(Math.max(v, 0) / log)) : values;
  const sorted = Float32Array.from(seen).sort();
  let [low, high] = [0.005, 0.995].map((q) => sorted[Math.floor(q * (sorted.length - 1))]);
  if (!(high > low)) [low, high] = [sorted[0], sorted[sorted.length - 1]];
  if (!(high > low)) high = low + 1;
  const told = [low, high].map((v) => short(log ? Math.expm1(v) * log : v));
  const [tall, wide, pixels] = sides.length === 1 ? lined(seen, channels, sides[0], low, high)
    : mapped(seen, channels, sides, low, high);
  const file = await png(pixels, tall, wide, 3, model.mark, mark);
  const [across] = sides.slice(-1), each = values.length / channels, middle = sides.length > 2 ? Math.floor(sides[0] / 2) / sides[0] : 0;
  const at = (i, j) => // the value that a pixel of the map shows
    short(values[(Math.floor(i / across) + middle) * each + (i % across) + (sides.length > 1 ? j * across : 0)]);
  return { file: new Blob([file], { type: "image/png" }), ending: "png", at,
    note: ["{low} to {high} {unit}", { low: told[0], high: told[1], unit: e.unit_name || "" }] };
};

// Boxes of the shape of a map; two abreast in a narrow window, unless maps are broad
FITTING.push(({ model }) => {
  const field = model.modality === "field", [channels, ...sides] = field ? model.shape : [1, 1, 1];
  const [tall, wide] = sides.length > 1 ? sides.slice(-2) : [64, ...sides], ratio = (channels * wide) / tall;
  if (field) root().style.setProperty("--ratio", Math.max(0.5, Math.min(ratio, 4)));
  $("grid").classList.toggle("maps", field && ratio < 2);
});

// Channels side by side as colours; of a volume the middle slice
function mapped(seen, channels, sides, low, high) {
  const [tall, wide] = sides.slice(-2), depth = sides.length > 2 ? sides[0] : 1;
  const pixels = new Uint8Array(tall * wide * channels * 3);
  for (let c = 0; c < channels; c++) for (let i = 0; i < tall * wide; i++) {
    const value = seen[(c * depth + Math.floor(depth / 2)) * tall * wide + i];
    const at = (Math.floor(i / wide) * channels + c) * wide + (i % wide);
    pixels.set(colour((value - low) / (high - low)), at * 3);
  }
  return [tall, wide * channels, pixels];
}

function lined(seen, channels, length, low, high) {
  const tall = 64, pixels = new Uint8Array(tall * length * channels * 3).fill(255);
  const row = (v) => Math.max(0, Math.min(tall - 1, Math.round((tall - 1) * (1 - (v - low) / (high - low)))));
  for (let c = 0; c < channels; c++) for (let i = 0; i < length; i++) {
    const here = row(seen[c * length + i]), last = i ? row(seen[c * length + i - 1]) : here;
    for (let y = Math.min(here, last); y <= Math.max(here, last); y++) {
      pixels.set(colour(0.24), ((y * channels + c) * length + i) * 3);
    }
  }
  return [tall, length * channels, pixels];
}

// The large map: a bar of its colours, from the lower value to the upper, and the value under the pointer
App.prototype.legend = ({ at }, image) => {
  const bar = make("i"), value = make("output");
  bar.style.cssText = `display:block;height:.6rem;background:linear-gradient(90deg,${VIRIDIS.map((c) => `rgb(${c})`)})`;
  $("large-title").append(value, bar);
  image.style.height = "auto"; // no bars beside the map
  image.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const by = image.naturalWidth / image.width;
    value.textContent = ` · ${at(Math.floor(offsetX * by), Math.floor(offsetY * by))}`;
  });
};

Object.assign(CHINESE, {
  "{low} to {high} {unit}": "{low} 到 {high} {unit}",
});
