// What a page is asked in words, read as ganzfeld.modalities.captions reads it.
"use strict";

const ALONE = "\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff", LETTER = `(?![${ALONE}])[\\p{L}\\p{N}]`;
const WORD = new RegExp(`[${ALONE}]|(?:${LETTER})+(?:['\u2019-](?:${LETTER})+)*`, "gu");
const STRANGE = "No caption of the training data has the word {word}. Near: {near}";
const COUNT = "A text has 1 to {most} words.";

// Letters that two words have in common, run by run (Ratcliff and Obershelp 1988)
function common(a, b) {
  let best = 0, at = 0, to = 0;
  for (let i = 0; i < a.length; i++) for (let j = 0; j < b.length; j++) {
    let run = 0;
    while (i + run < a.length && a[i + run] === b[j + run]) run += 1;
    if (run > best) [best, at, to] = [run, i, j];
  }
  return best && best + common(a.slice(0, at), b.slice(0, to)) + common(a.slice(at + best), b.slice(to + best));
}

const refuse = (words, given) => { throw Object.assign(new Error(words), { given }); };

// The numbers of a caption's words, of a text or of the data's own
function rowOf({ caption: { symbols, length }, rows }, { text, seed, index, like }) {
  if (!text) return rows[labelOf(rows.length, seed, like ?? index)];
  const words = text.normalize("NFKC").toLowerCase().replace(/\u2019/g, "'").match(WORD) || [];
  for (const word of words) if (!symbols.includes(word)) {
    const known = symbols.slice(2).map((one) => [2 * common(word, one) / (word.length + one.length), one]);
    const near = known.filter(([share]) => share >= 0.6).sort(([a], [b]) => b - a).slice(0, 3);
    refuse(STRANGE, { word, near: (near.length ? near : known.slice(0, 12)).map(([, one]) => one).join(", ") });
  }
  if (!words.length || words.length > length) refuse(COUNT, { most: length });
  return Array.from({ length }, (_, i) => (i < words.length ? symbols.indexOf(words[i]) : 0));
}

// A caption as it is read: Chinese without spaces
function captionOf({ caption: { symbols } }, row) {
  const alone = (letter) => new RegExp(`[${ALONE}]`).test(letter);
  return row.filter(Boolean).reduce((text, number) => {
    const word = symbols[number], apart = text && !alone(text.at(-1)) && !alone(word[0]);
    return `${text}${apart ? " " : ""}${word}`;
  }, "");
}

Object.assign(CHINESE, {
  [STRANGE]: "训练数据的描述中没有 {word} 这个词。相近的词：{near}", [COUNT]: "文字描述须有 1 到 {most} 个词。",
  "Text": "文字描述",
});
