// Files of the page: PNG and WAV with the marks of ganzfeld.core.marks, and ZIP.
"use strict";

const TABLE = new Uint32Array(256).map((_, n) => {
  let c = n;
  for (let i = 0; i < 8; i++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes) {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = TABLE[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

const utf8 = (text) => new TextEncoder().encode(text);
const number = (value, bytes, little) => Uint8Array.from({ length: bytes }, (_, i) =>
  (value / 2 ** (8 * (little ? i : bytes - 1 - i))) & 255);

function joined(parts) {
  const found = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) { found.set(part, at); at += part.length; }
  return found;
}

const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
  .replace(/"/g, "&quot;").replace(/'/g, "&#x27;");

// The mark of a sample as JSON in ASCII. about: what the page knows of its model; seed, index:
// BigInts, which JSON.stringify refuses
function markOf(about, says) {
  const whole = JSON.stringify({ ...about, ...says }, (_, value) =>
    (typeof value === "bigint" ? `\u0000${value}` : value));
  return whole.replace(/"\\u0000(\d+)"/g, "$1")
    .replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function xmp(about) {
  return '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    + '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    + 'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    + 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    + `xmp:CreatorTool="${escaped(about.software)}" `
    + `Iptc4xmpExt:DigitalSourceType="${escaped(about.digital_source_type)}"/>`
    + '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>';
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

// A ZIP, uncompressed. files: [name, bytes] of each
function zip(files) {
  const parts = [], listing = [];
  let at = 0;
  for (const [name, bytes] of files) {
    const title = utf8(name), size = number(bytes.length, 4, true);
    const common = joined([number(20, 2, true), number(0x0800, 2, true), number(0, 2, true),
      number(0, 2, true), number(0x21, 2, true), number(crc32(bytes), 4, true), size, size,
      number(title.length, 2, true), number(0, 2, true)]);
    const local = joined([Uint8Array.of(80, 75, 3, 4), common, title, bytes]);
    listing.push(joined([Uint8Array.of(80, 75, 1, 2), number(20, 2, true), common,
      new Uint8Array(10), number(at, 4, true), title]));
    parts.push(local);
    at += local.length;
  }
  const directory = joined(listing);
  return joined([...parts, directory, Uint8Array.of(80, 75, 5, 6, 0, 0, 0, 0),
    number(files.length, 2, true), number(files.length, 2, true),
    number(directory.length, 4, true), number(at, 4, true), new Uint8Array(2)]);
}

const cell = (text) => {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // no formula in a spreadsheet
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};
const csv = (rows) => rows.map((row) => `${row.map((one) => cell(String(one))).join(",")}\n`).join("");
