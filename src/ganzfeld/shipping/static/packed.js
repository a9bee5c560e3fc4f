// A page's code and weights from its texts (ganzfeld.shipping.page_packed): the first script of a page.
"use strict";

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%,()*+-;.=/?@^_:{|}~";

// Bytes as a buffer. tensors: [network, name, numbers, bytes of a number] as they lie
async function unpacked(text, tensors) {
  const values = new Uint8Array(128), data = new Uint8Array(text.length / 5 * 4);
  for (let i = 0; i < 85; i++) values[LETTERS.charCodeAt(i)] = i;
  const view = new DataView(data.buffer);
  for (let i = 0, at = 0; i < text.length; at += 4) {
    let word = 0;
    for (const end = i + 5; i < end; i++) word = 85 * word + values[text.charCodeAt(i)];
    view.setUint32(at, word);
  }
  const whole = new Blob([data.subarray(4, 4 + view.getUint32(0))]).stream();
  const bytes = new Uint8Array(await new Response(whole.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
  const found = new Uint8Array(bytes.length), count = (width) => tensors.reduce((n, one) => n + (one[3] === width ? one[2] : 0), 0);
  let at = 0;
  for (const width of [4, 2, 1]) { // the first bytes of all numbers lie together, then the second ones
    const numbers = count(width), start = at;
    for (let k = 0; k < width; k++) for (let i = 0; i < numbers; i++) found[start + i * width + k] = bytes[at++];
  }
  return found.buffer;
}

// Starts the code of the page, whose hash its Content-Security-Policy has
async function unpack() {
  const element = (id) => document.getElementById(id);
  if (typeof DecompressionStream === "undefined") {
    element("status").textContent = navigator.language.startsWith("zh") ? "这个浏览器太旧，无法显示本页面。2023 年以后的浏览器都可以。"
      : "This browser is too old for this page. Browsers since 2023 can show it.";
    return;
  }
  const one = document.createElement("script"), packed = element("packed");
  one.id = "code";
  one.textContent = new TextDecoder().decode(await unpacked(packed.textContent, [["", "", Number(packed.dataset.bytes), 1]]));
  document.body.append(one);
}

if (typeof document !== "undefined") unpack();
