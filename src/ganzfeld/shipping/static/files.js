// Files of the page: bytes, the marks of ganzfeld.core.marks, ZIP and CSV.
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
