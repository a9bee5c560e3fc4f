// Sounds: a WAV file, and the shape of the wave as an image.
"use strict";

KINDS.audio = async (model, x, mark) => {
  const peak = Math.max(1, x.reduce((most, v) => Math.max(most, Math.abs(v)), 0));
  const wave = Int16Array.from(x, (v) => Math.max(-32767, Math.min(32767, halfEven((v / peak) * 32767))));
  const file = wav(wave, model.extra.rate, model.mark, mark), [wide, tall] = [240, 80];
  const ink = new Uint8Array(wide * tall * 2);
  for (let column = 0; column < wide; column++) {
    const part = x.subarray((column * x.length) / wide, Math.max(((column + 1) * x.length) / wide, 1));
    let [least, most] = [0, 0];
    for (const v of part) { least = Math.min(least, v); most = Math.max(most, v); }
    for (let y = 0; y < tall; y++) {
      const v = 1 - (2 * (y + 0.5)) / tall, on = v <= most + 0.015 && v >= least - 0.015;
      ink.set([128, on ? 255 : 0], (y * wide + column) * 2);
    }
  }
  const image = await png(ink, tall, wide, 2, model.mark, mark);
  return { file: new Blob([file], { type: "audio/wav" }), ending: "wav",
    image: new Blob([image], { type: "image/png" }) };
};
