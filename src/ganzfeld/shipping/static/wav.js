// WAV files with the marks of ganzfeld.core.marks.
"use strict";

// A WAV file of int16 samples, with its mark
function wav(wave, rate, about, mark) {
  const piece = (kind, body) => joined([utf8(kind), number(body.length, 4, true), body,
    new Uint8Array(body.length % 2)]);
  const bytes = new Uint8Array(2 * wave.length), view = new DataView(bytes.buffer);
  wave.forEach((value, i) => view.setInt16(2 * i, value, true));
  const format = joined([number(1, 2, true), number(1, 2, true), number(rate, 4, true),
    number(2 * rate, 4, true), number(2, 2, true), number(16, 2, true)]);
  const info = joined([utf8("INFO"), piece("ISFT", utf8(`${about.software}\u0000`)),
    piece("ICMT", utf8(`${mark}\u0000`))]);
  return piece("RIFF", joined([utf8("WAVE"), piece("fmt ", format), piece("data", bytes),
    piece("LIST", info), piece("_PMX", utf8(xmp(about)))]));
}
