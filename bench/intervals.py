"""Do the intervals of metrics hold the truth 95 times in 100?

    python bench/intervals.py --data mnist=/data/mnist eurosat=/data/eurosat.zip@64 \\
        --counts 200 1000 --splits 100
    python bench/intervals.py --data fashion=/data/fashion --extractors random learned domain \\
        --counts 1000 --splits 200 --metrics kernel
    python bench/intervals.py --table

Images that the extractor did not learn from are split again and again into two disjoint sets of N.
The first stands for generated images: as it is, or blurred. Each split gives every metric with its
interval, which is meant to hold the mean of the metric over other samples of the same counts. That
mean is known well from the other splits; that of the kernel distance of real images is 0. A row of
results/intervals.jsonl has the share of intervals that hold the mean, the shares that lie below and
above it, the share that lie wholly below 0, and the mean half-width in standard deviations of the
values (1.96 would be right for a normal variable).

Where 2 N is a good part of the images, splits overlap and vary less than independent samples would,
so that intervals seem too wide: precision and the like by up to sqrt(1 - 2 N / images), distances
less, since what one set has the other lacks. `--again` draws every image of both sets anew instead,
as if there were endlessly many: then the answer is known, also that of equal distributions. It is
for distances alone: an image that is there twice is its own nearest neighbour.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from timing import machine

from ganzfeld import metrics
from ganzfeld.core.files import cache_folder
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import keep, kept
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.metrics.features import Features, extract, make_extractor
from ganzfeld.metrics.learning import learning_rows
from ganzfeld.metrics.registry import kernel_of

BATCH = 32
RESULTS = Path(__file__).parent / "results" / "intervals.jsonl"
SHARES = ("precision", "recall", "density", "coverage")
METRICS = ("frechet", "kernel", *SHARES)
Row = dict[str, tuple[float, float, float]]  # value, and the ends of its interval


def opened(text: str) -> tuple[str, Pack]:
    """`name=path@size` as a name and the data."""
    name, _, place = text.partition("=")
    path, _, size = place.partition("@")
    side = (int(size), int(size)) if size else None
    return name, open_pack(path, PackOptions(size=side), workers=0)


def blurred(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of 3 x 3 pixels of (N, C, H, W)."""
    wide = np.pad(images.astype(np.float32), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = images.shape[2:]
    shifts = [(i, j) for i in range(3) for j in range(3)]
    total = sum(wide[:, :, i : i + height, j : j + width] for i, j in shifts)
    found: NDArray[np.uint8] = np.rint(np.asarray(total) / 9).astype(np.uint8)
    return found


def features(pack: Pack, name: str, most: int, kind: str) -> Features:
    """Features of images as they are, or blurred; from the cache where they are there."""
    net = make_extractor(name, pack, progress=lambda *_: None)
    rest = np.setdiff1d(np.arange(len(pack)), learning_rows(pack))
    rows = numpy_generator("intervals").permutation(rest)[:most]
    place = cache_folder() / f"intervals-{name}-{net.weights[:16]}-{pack.fingerprint[:16]}"
    place = place.with_name(f"{place.name}-{len(rows)}-{kind}.safetensors")
    if (found := kept(place)) is not None:
        return found[0]["features"]
    parts = [rows[low : low + BATCH] for low in range(0, len(rows), BATCH)]
    chunks = (pack.rows(part)["x"] for part in parts)
    made = extract(net, chunks if kind == "real" else map(blurred, chunks), len(rows))
    keep(place, {"features": made}, {})
    return made


def measured(a: Features, b: Features, extractor: str, names: list[str]) -> Row:
    """Every metric that has an interval and is asked for."""
    found: dict[str, tuple[float, tuple[float, float]]] = {}
    if "frechet" in names:
        found["frechet"] = metrics.frechet_estimate(a, b)
    if "kernel" in names:
        found["kernel"] = kernel_of(extractor, a, b)[:2]
    if shares := [name for name in names if name in SHARES]:
        there = metrics.manifolds(a, b)
        found |= {name: getattr(there, name) for name in shares}
    return {name: (value, *interval) for name, (value, interval) in found.items()}


def judged(rows: list[Row], name: str, truth: float | None) -> dict[str, float]:
    """What a row says of one metric. truth: None for the mean of the other splits."""
    values, low, high = (np.array([row[name][i] for row in rows]) for i in range(3))
    others = (values.sum() - values) / (len(values) - 1)
    if truth is not None:
        others = np.full_like(values, truth)
    under, over = high < others, low > others
    deviation = float(values.std(ddof=1))
    half = float((high - low).mean()) / 2 / deviation if deviation else math.inf
    found = {
        "mean": values.mean(),
        "holds": 1 - under.mean() - over.mean(),
        "below": under.mean(),
        "above": over.mean(),
        "negative": (high < 0).mean(),
        "half_width": half,
    }
    return {key: float(f"{value:.4g}") for key, value in found.items()}


def bench(name: str, pack: Pack, extractor: str, options: argparse.Namespace) -> None:
    """Append the rows of one extractor on one data set."""
    plain = features(pack, extractor, options.most, "real")
    for kind in options.sets:
        first = plain if kind == "real" else features(pack, extractor, options.most, kind)
        for count in options.counts:
            if 2 * count >= len(plain) and not options.again:
                continue
            rows = splits(first, plain, count, f"{name}-{extractor}-{kind}", extractor, options)
            for metric in rows[0]:
                truth = 0.0 if (metric, kind) == ("kernel", "real") else None
                row = {"data": name, "extractor": extractor, "count": count, "first": kind}
                row |= {"metric": metric, "splits": options.splits, "images": len(plain)}
                row |= {"again": True} if options.again else {}
                row |= judged(rows, metric, truth)
                print(row, flush=True)
                with open(options.out, "a") as file:
                    file.write(json.dumps(row) + "\n")


def splits(
    first: Features,
    plain: Features,
    count: int,
    which: str,
    extractor: str,
    options: argparse.Namespace,
) -> list[Row]:
    """What each split gives. Those of a bench that was stopped are in the cache."""
    stamp = hashlib.sha256(first[:64].tobytes() + plain.tobytes()).hexdigest()[:16]
    words = f"intervals-{which}-{count}-{'-'.join(options.metrics)}-{stamp}"
    words += "-again.jsonl" if options.again else ".jsonl"
    place = cache_folder() / words
    rows = [json.loads(line) for line in place.read_text().splitlines()] if place.exists() else []
    for split in range(len(rows), options.splits):
        draw = numpy_generator("intervals", count, split)
        order = draw.permutation(len(plain))
        one, other = order[:count], order[count : 2 * count]
        if options.again:
            one, other = (draw.integers(len(plain), size=count) for _ in range(2))
        rows.append(measured(first[one], plain[other], extractor, options.metrics))
        with open(place, "a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    return [{name: tuple(ends) for name, ends in row.items()} for row in rows[: options.splits]]


def table(path: Path) -> str:
    """The share of intervals that hold the mean: a line for each extractor, data set and count."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    keys = ("data", "extractor", "count", "first", "splits", "again")
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        cell = f"{row['holds']:.3g}" + (" (!)" if row["negative"] else "")
        found.setdefault(tuple(str(row.get(key, "")) for key in keys), {})[row["metric"]] = cell
    names = [name for name in METRICS if any(name in cells for cells in found.values())]
    head = ("data", "extractor", "N", "first set", "splits", "drawn again", *names)
    lines = [f"| {' | '.join(head)} |"]
    lines.append("|---" * (len(keys) + len(names)) + "|")
    for key, cells in found.items():
        lines.append(f"| {' | '.join([*key, *(cells.get(name, '-') for name in names)])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of intervals on splits of real images.")
    parser.add_argument("--data", nargs="+", default=[], metavar="NAME=PATH[@SIZE]")
    parser.add_argument("--extractors", nargs="+", default=["learned"])
    parser.add_argument("--metrics", nargs="+", default=list(METRICS), choices=METRICS)
    parser.add_argument("--sets", nargs="+", default=["real", "blurred"])
    parser.add_argument("--counts", nargs="+", type=int, default=[200, 1000])
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--again", action="store_true", help="draw with replacement")
    parser.add_argument("--most", type=int, default=20_000, help="images to split")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if options.again and set(SHARES) & set(options.metrics):
        parser.error("--again is for --metrics kernel frechet")
    started = time.process_time()
    for name, pack in map(opened, options.data):
        for extractor in options.extractors:
            bench(name, pack, extractor, options)
    if options.data:
        print(f"\n{time.process_time() - started:.0f} CPU seconds; {machine('one thread')}")
    if options.table:
        print(table(options.out))


if __name__ == "__main__":
    main()
