// A page with its own networks compares its samples with PyTorch's.
"use strict";

const PRECISION = {
  float16: "float16: {noun} differ from the command line's by at most a level or two of 256",
  float32: "float32: {noun} as the command line draws them",
  int8: "int8: {noun} differ from the command line's by several levels of 256",
};

Object.assign(App.prototype, {
  async check() {
    this.say($("verdict"), "Checking ...");
    let [most, differ, total] = [0, 0, 0];
    for (const one of this.model.check) {
      const wanted = one.pixels ? bytesOf(one.pixels) : new Float32Array(bytesOf(one.numbers).buffer);
      const x = one.way ? await this.source.call("translate", { way: one.way, x: Float32Array.from(bytesOf(one.x), (v) => Math.fround(v / 127.5) - 1) })
        : (await this.source.call("draw", { seed: BigInt(one.seed), index: BigInt(one.index), label: one.label, std: 1 })).x;
      const found = one.pixels ? toBytes(x) : x, by = one.pixels ? 1 : 128 / one.span;
      found.forEach((value, i) => {
        const apart = Math.round(by * Math.abs(value - wanted[i]));
        most = Math.max(most, apart);
        differ += apart > 0;
      });
      total += found.length;
    }
    const allowed = { float16: 2, int8: 16 }[this.model.precision] || 1, share = `${((100 * differ) / total).toFixed(3)} %`;
    this.say($("verdict"), most <= allowed ? "Equal: {count} {noun} agree with PyTorch's; {share} of their values differ, by {most} levels of 256 at most."
      : "Different: up to {most} levels of 256, {share} of the values. Please report this browser.",
    { count: this.model.check.length, share, most });
    return { most, differ, total, equal: most <= allowed };
  },
});

LISTENING.push((app, on) => {
  on("check", "click", () => app.check().catch((error) => app.fail(error)));
});

Object.assign(CHINESE, {
  "Checking ...": "正在自检……",
  "Equal: {count} {noun} agree with PyTorch's; {share} of their values differ, by {most} levels of 256 at most.":
    "一致：{count} 个样本与 PyTorch 的结果相符，{share} 的数值有差异，至多 {most} 级（共 256 级）。",
  "Different: up to {most} levels of 256, {share} of the values. Please report this browser.":
    "不一致：最多相差 {most} 级（共 256 级），占数值的 {share}。请报告你的浏览器。",
  "float16: {noun} differ from the command line's by at most a level or two of 256":
    "float16：与命令行的结果至多相差一两级（共 256 级）",
  "int8: {noun} differ from the command line's by several levels of 256": "int8：与命令行的结果相差若干级（共 256 级）",
  "float32: {noun} as the command line draws them": "float32：与命令行的结果相同",
  "WebAssembly": "WebAssembly",
  "JavaScript": "JavaScript",
});
