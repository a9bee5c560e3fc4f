// PNG files with the marks of ganzfeld.core.marks.
"use strict";

// (C, H, W) as (H, W, C)
function turned(bytes, channels) {
  const area = bytes.length / channels, found = new Uint8Array(bytes.length);
  for (let c = 0; c < channels; c++) for (let i = 0; i < area; i++) found[i * channels + c] = bytes[c * area + i];
  return found;
}

// zlib without compression, where the browser has none
function stored(raw) {
  const parts = [Uint8Array.of(0x78, 0x01)];
  for (let at = 0; at < raw.length || at === 0; at += 65535) {
    const block = raw.subarray(at, at + 65535), last = at + 65535 >= raw.length;
    parts.push(Uint8Array.of(last ? 1 : 0), number(block.length, 2, true),
      number(65535 - block.length, 2, true), block);
  }
  let a = 1, b = 0;
  for (let i = 0; i < raw.length; i++) { a = (a + raw[i]) % 65521; b = (b + a) % 65521; }
  return joined([...parts, number(b * 65536 + a, 4)]);
}

async function deflated(raw) {
  if (typeof CompressionStream === "undefined") return stored(raw);
  const stream = new Blob([raw]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(kind, body) {
  const whole = joined([utf8(kind), body]);
  return joined([number(body.length, 4), whole, number(crc32(whole), 4)]);
}

// A PNG of bytes (H, W, C), with 1, 2, 3 or 4 channels, and its mark
async function png(bytes, height, width, channels, about, mark) {
  const raw = new Uint8Array(height * (width * channels + 1));
  for (let y = 0; y < height; y++) {
    raw.set(bytes.subarray(y * width * channels, (y + 1) * width * channels), y * (width * channels + 1) + 1);
  }
  const kind = { 1: 0, 2: 4, 3: 2, 4: 6 }[channels];
  const header = joined([number(width, 4), number(height, 4), Uint8Array.of(8, kind, 0, 0, 0)]);
  const text = (key, value) => chunk("iTXt", joined([utf8(key), new Uint8Array(5), utf8(value)]));
  return joined([
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10), chunk("IHDR", header),
    text("XML:com.adobe.xmp", xmp(about)), chunk("tEXt", utf8(`Software\u0000${about.software}`)),
    text("ganzfeld", mark), chunk("IDAT", await deflated(raw)), chunk("IEND", new Uint8Array(0)),
  ]);
}
