"""Are near copies of training images found, and are fresh images left alone?

    python bench/copies.py --data fashion=/data/fashion anime=/data/anime.zip@64
    python bench/copies.py --table

Of 500 images, 100 are copies of training images, changed as the row says, and 400 are fresh ones.
Then 1,000 fresh images alone. Again with data in which one image in twenty occurs twice. Images of
the data set that are near copies of training images (the check of data finds them, by another
comparison: `ganzfeld check`) are not fresh and are left out; the row says how many these were. A
row of results/copies.jsonl is one set: the share that is taken for copies, the share of the real
copies that is found, and that of the fresh images that is flagged.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from damage import Pixels, bytes_of, jpeg, resized
from timing import machine

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.likeness import near_copies
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.metrics.memorisation import Look, found_out, judged, left_out, limit
from ganzfeld.metrics.registered import Registered
from ganzfeld.modalities import MODALITIES

RESULTS = Path(__file__).parent / "results" / "copies.jsonl"
COPIES, FRESH, ALONE = 100, 400, 1_000


def cropped(x: Pixels) -> Pixels:
    """Without a tenth of the width and of the height, at a corner, and back to the size."""
    edge = round(x.shape[3] / 10)
    return resized(x[:, :, edge:, :-edge], x.shape[2:], "bicubic")


def framed(x: Pixels) -> Pixels:
    """Without 3 px at each side, and back to the size."""
    return resized(x[:, :, 3:-3, 3:-3], x.shape[2:], "bicubic")


def shifted(pixels: int) -> Callable[[Pixels], Pixels]:
    """To the right and down; the edge is repeated."""

    def apply(x: Pixels) -> Pixels:
        wide = np.pad(x, ((0, 0), (0, 0), (pixels, 0), (pixels, 0)), mode="edge")
        return wide[:, :, :-pixels, :-pixels]

    return apply


def compressed(quality: int) -> Callable[[Pixels], Pixels]:
    return lambda x: jpeg(quality)(x, np.random.default_rng(0))


def mirrored(x: Pixels) -> Pixels:
    return x[..., ::-1].copy()


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "same": lambda x: x,
    "shifted 1 px": shifted(1),
    "shifted 3 px": shifted(3),
    "cropped by a tenth": cropped,
    "cropped 3 px a side": framed,
    "JPEG 75": compressed(75),
    "JPEG 50": compressed(50),
    "brighter by 25": lambda x: bytes_of(x.astype(np.float64) + 25),
    "mirrored": mirrored,
    "cropped, JPEG 60, mirrored": lambda x: mirrored(compressed(60)(cropped(x))),
}


def opened(text: str) -> tuple[str, Pack]:
    """`name=path@size` as a name and the data."""
    name, _, place = text.partition("=")
    path, _, size = place.partition("@")
    side = (int(size), int(size)) if size else None
    return name, open_pack(path, PackOptions(size=side), workers=0)


def parts(pack: Pack, most: int) -> tuple[Pixels, Pixels, int]:
    """Training images, and fresh ones; how many were near copies of the former."""
    rows = numpy_generator("copies").permutation(len(pack))[: most + ALONE]
    images = np.concatenate([pack.rows(part)["x"] for part in np.array_split(rows, 20)])
    kind, within = MODALITIES["image"], len(images) - ALONE
    pairs = near_copies(kind, kind.prints(images), within)
    alike = {pair.second for pair in pairs}
    fresh = [place for place in range(within, len(images)) if place not in alike]
    return images[:within], images[fresh], len(alike)


def measured(name: str, pack: Pack, options: argparse.Namespace) -> None:
    kind = MODALITIES["image"]
    fitting = kind.fitting()
    assert fitting is not None
    images, fresh, alike = parts(pack, options.most)
    for repeated in (0.0, 0.05):
        data = np.concatenate([images, images[: round(repeated * len(images))]])
        started = time.process_time()
        among = Registered(fitting, kind.prints(data))
        real = among.look_without(left_out(len(data)))
        looked = among.look(kind.prints(fresh))  # once for all sets
        search = time.process_time() - started
        first = images[len(images) // 2 :][:COPIES]  # which occur once
        for change in (*CHANGES, "fresh"):
            copies, rest = (0, looked) if change == "fresh" else (COPIES, part_of(looked, FRESH))
            if copies:
                rest = joined(among.look(kind.prints(CHANGES[change](first))), rest)
            found = judged(rest, real, pairs=1)
            which = found_out(rest, limit(real.relative), 0.0)
            row = {"data": name, "images": len(data), "repeated": repeated, "set": change}
            row |= {"copies": round(found.copies, 4), "warning": found.warning}
            row |= {
                "found": round(float(which[:copies].mean()), 4) if copies else None,
                "flagged": round(float(which[copies:].mean()), 4),
                "fresh": len(which) - copies,
                "copies_of_fresh": round(found.copies_of_fresh, 4),
                "left_out_as_alike": alike,
                "ratio": round(found.ratio, 3),
                "cpu_seconds": round(search, 1),
            }
            print(row, flush=True)
            with open(options.out, "a") as file:
                file.write(json.dumps(row | {"machine": machine()}) + "\n")


def part_of(look: Look, count: int) -> Look:
    return Look(look.indices[:count], look.distances[:count], look.relative[:count])


def joined(a: Look, b: Look) -> Look:
    pairs = ((getattr(a, name), getattr(b, name)) for name in ("indices", "distances", "relative"))
    return Look(*map(np.concatenate, pairs))


def table(path: Path) -> str:
    """A line for each change: copies found and fresh images flagged, for each data set."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    keys = dict.fromkeys((row["data"], row["repeated"]) for row in rows)
    heads = [f"{name}, {100 * part:.0f} % twice" if part else name for name, part in keys]
    lines = [f"| copies | {' | '.join(heads)} |", "|---" * (1 + len(keys)) + "|"]
    for change in dict.fromkeys(row["set"] for row in rows):
        cells = []
        for key in keys:
            (row,) = (r for r in rows if (r["data"], r["repeated"]) == key and r["set"] == change)
            if row["found"] is None:
                cells.append(f"{100 * row['flagged']:.1f} % flagged{'; warned' * row['warning']}")
            else:
                cells.append(f"{100 * row['found']:.0f} %" + " (no warning)" * (not row["warning"]))
        lines.append(f"| {change} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Are near copies found?")
    parser.add_argument("--data", nargs="+", default=[], metavar="NAME=PATH[@SIZE]")
    parser.add_argument("--most", type=int, default=5_000, help="training images")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    for name, pack in map(opened, options.data):
        measured(name, pack, options)
    if options.table:
        print(table(options.out))
