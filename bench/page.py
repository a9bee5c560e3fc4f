"""Bytes of a model's page, and what one sample costs the page's JavaScript, by Node.

    python bench/page.py RUN [RUN ...]

CPU milliseconds a sample with the WebAssembly product and with plain JavaScript, the median of
five rounds; other programs on the machine change wall time more than these.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import ganzfeld
from ganzfeld.shipping.page import page_of
from ganzfeld.shipping.page_html import engine_files, static

SCRIPT = """
const text = require("fs").readFileSync(process.argv[1], "utf8");
const model = JSON.parse(/id="data">(.*?)<\\/script>/s.exec(text)[1]).model;
const coded = /id="weights">(.*?)<\\/script>/s.exec(text)[1];
async function measure() {
const unpacking = process.cpuUsage();
const weights = await unpacked(coded, model.tensors);
const { user, system } = process.cpuUsage(unpacking), found = { unpack: (user + system) / 1000 };
for (const kind of ["wasm", "javascript"]) {
  const wasm = kind === "wasm" ? Buffer.from(model.wasm, "base64") : null;
  const start = process.cpuUsage();
  const drawer = new Drawer({ ...model, wasm, weights, classes: model.classes.length });
  const draw = (i) => toBytes(drawer.draw({ seed: 0n, index: BigInt(i), label: null, std: 1 }).x);
  draw(0);
  const used = (since) => { const u = process.cpuUsage(since); return (u.user + u.system) / 1000; };
  const first = used(start), rounds = [];
  for (let i = 0; i < 8; i++) draw(i);
  for (let r = 0; r < 5; r++) {
    const since = process.cpuUsage();
    for (let i = 0; i < 16; i++) draw(i);
    rounds.push(used(since) / 16);
  }
  found[kind] = { first, each: rounds.sort((a, b) => a - b)[2] };
}
console.log(JSON.stringify(found));
}
measure();
"""


def main(runs: list[str]) -> None:
    code = (
        "\n".join(
            static(name) for name in ["latents.js", *engine_files(), "packed.js", "worker.js"]
        )
        + SCRIPT
    )
    for run in runs:
        model = ganzfeld.load(run)
        for precision in ("float16", "float32"):
            made = page_of(model, precision=precision)  # type: ignore[arg-type]
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "page.html"
                file.write_text(made.text, "utf-8")
                size = file.stat().st_size
                command = ["node", "-e", code, str(file)]
                told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            parts = {
                name: len(found[1])
                if (found := re.search(rf'id="{name}"[^>]*>(.*?)</', made.text, re.S))
                else 0
                for name in ("data", "weights", "packed")
            }
            row = {"run": run, "precision": precision, "bytes": size, "error": made.error}
            print(json.dumps(row | {"parts": parts} | told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
