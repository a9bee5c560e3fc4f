"""How long it takes until something happens: CPU seconds of fresh processes, medians of ten.

python bench/startup.py
python bench/startup.py --rounds 3 --files 100000
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

from timing import cpu_clock, machine

FIRST_STEP = """
import torch
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.data.pack import open_pack
from ganzfeld.training.plan import fit, settle
pack = open_pack("avatars:256")
config = complete(fit("default", pack, source="avatars:256", labels="auto"))
settle(config)
next(iter(build_trainer(config, pack, torch.device("cpu"))))
"""

SMALL_FILES = """
import sys
from pathlib import Path
from PIL import Image
root = Path(sys.argv[1])
for number in range(int(sys.argv[2])):
    place = root / f"class{number % 10}" / f"{number:06d}.png"
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (number % 256, number // 256 % 256, 0)).save(place)
"""

CASES = {
    "Python itself": ["-c", "pass"],
    "`import ganzfeld`": ["-c", "import ganzfeld"],
    "`ganzfeld --help`": ["-m", "ganzfeld", "--help"],
    "`ganzfeld train --help`": ["-m", "ganzfeld", "train", "--help"],
    "`import torch`": ["-c", "import torch"],
    "the first step of `default`, data packed before": ["-c", FIRST_STEP],
}


def cpu_seconds(words: list[str]) -> float:
    start = cpu_clock()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    return cpu_clock() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU seconds from nothing to something.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--files", type=int, default=0, help="small files of a second start")
    options = parser.parse_args()
    print(machine(), end="\n\n")
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"GANZFELD_CACHE": cache, "OMP_NUM_THREADS": "1"}
        cases = dict(CASES)
        if options.files:
            folder = f"{cache}/files"
            subprocess.run(
                [sys.executable, "-c", SMALL_FILES, folder, str(options.files)], check=True
            )
            words = ["train", folder, "--images", "20000", "--dry-run", "--out", f"{cache}/run"]
            name = f"a plan for {options.files:,} files, packed before"
            cases[name] = ["-m", "ganzfeld", *words]
        spent: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(options.rounds + 1):
            for name, words in cases.items():
                seconds = cpu_seconds(words)
                if number:  # the first fills caches
                    spent[name].append(seconds)
    print("| until the end of | CPU s | least to most |\n|---|---|---|")
    for name, own in spent.items():
        print(f"| {name} | {statistics.median(own):.3f} | {min(own):.3f} to {max(own):.3f} |")


if __name__ == "__main__":
    main()
