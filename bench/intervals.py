"""Do the intervals of metrics hold the truth 95 times in 100?

    python bench/intervals.py --data mnist=/data/mnist eurosat=/data/eurosat.zip@64 \\
        --counts 200 1000 --splits 100

Images that the extractor did not learn from are split again and again into two disjoint sets of N.
The first stands for generated images: as it is, or blurred. Each split gives every metric with its
interval, which is meant to hold the mean of the metric over other samples of the same counts. That
mean is known well from the other splits. Printed are the share of intervals that hold it, the
shares that lie below and above it, and the mean half-width in standard deviations of the values
(1.96 would be right for a normal variable).

Where 2 N is a good part of the images, splits overlap and vary less than independent samples would,
so that intervals seem too wide: precision and the like by up to sqrt(1 - 2 N / images), distances
less, since what one set has the other lacks.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from timing import machine

from ganzfeld import metrics
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.metrics.features import Features, extract, make_extractor
from ganzfeld.metrics.learning import learning_rows
from ganzfeld.metrics.registry import kernel_of

BATCH = 32
Row = dict[str, tuple[float, float, float]]  # value, and the ends of its interval


def opened(text: str) -> tuple[str, Pack]:
    """`name=path@size` as a name and the data."""
    name, _, place = text.partition("=")
    path, _, size = place.partition("@")
    side = (int(size), int(size)) if size else None
    return name, open_pack(Path(path), PackOptions(size=side), workers=0)


def blurred(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of 3 x 3 pixels of (N, C, H, W)."""
    wide = np.pad(images.astype(np.float32), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = images.shape[2:]
    shifts = [(i, j) for i in range(3) for j in range(3)]
    total = sum(wide[:, :, i : i + height, j : j + width] for i, j in shifts)
    found: NDArray[np.uint8] = np.rint(np.asarray(total) / 9).astype(np.uint8)
    return found


def features(pack: Pack, name: str, most: int) -> tuple[Features, Features]:
    """Features of images as they are, and of the same images blurred."""
    net = make_extractor(name, pack, progress=lambda *_: None)
    rest = np.setdiff1d(np.arange(len(pack)), learning_rows(pack))
    rows = numpy_generator("intervals").permutation(rest)[:most]
    parts = [rows[low : low + BATCH] for low in range(0, len(rows), BATCH)]
    chunks = [pack.rows(part)["x"] for part in parts]
    plain = extract(net, chunks, len(rows))
    return plain, extract(net, map(blurred, chunks), len(rows))


def measured(a: Features, b: Features) -> Row:
    """Every metric that has an interval."""
    frechet = metrics.frechet_estimate(a, b)
    kernel = kernel_of("learned", a, b)
    there = metrics.manifolds(a, b)
    found = {"frechet": frechet, "kernel": kernel}
    found |= {n: getattr(there, n) for n in ("precision", "recall", "density", "coverage")}
    return {name: (m.value, *m.interval) for name, m in found.items()}


def judged(rows: list[Row], name: str) -> str:
    """A line of the table."""
    values, low, high = (np.array([row[name][i] for row in rows]) for i in range(3))
    others = (values.sum() - values) / (len(values) - 1)
    under, over = high < others, low > others
    deviation = float(values.std(ddof=1))
    half = float((high - low).mean()) / 2 / deviation if deviation else math.inf
    return (
        f"{name} | {values.mean():.4g} | {1 - under.mean() - over.mean():.2f} "
        f"| {under.mean():.2f} | {over.mean():.2f} | {half:.2f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Coverage of intervals on splits of real images.")
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=PATH[@SIZE]")
    parser.add_argument("--extractor", default="learned")
    parser.add_argument("--counts", nargs="+", type=int, default=[200, 1000])
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--most", type=int, default=20_000, help="images to split")
    options = parser.parse_args()
    print(machine("one thread"), end="\n\n")
    print("| data | N | first set | metric | mean | hold it | below | above | half-width |")
    print("|---|---|---|---|---|---|---|---|---|")
    started = time.process_time()
    for name, pack in map(opened, options.data):
        plain, soft = features(pack, options.extractor, options.most)
        for count in options.counts:
            if 2 * count >= len(plain):
                continue
            for kind, first in (("real", plain), ("blurred", soft)):
                rows = []
                for split in range(options.splits):
                    order = numpy_generator("intervals", count, split).permutation(len(plain))
                    one, other = order[:count], order[count : 2 * count]
                    rows.append(measured(first[one], plain[other]))
                for metric in rows[0]:
                    line = judged(rows, metric)
                    print(f"| {name} | {count:,} | {kind} | {line} |", flush=True)
    print(f"\n{time.process_time() - started:.0f} CPU seconds")
