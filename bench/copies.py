"""Are near copies of training images found, and are fresh images left alone?

    python bench/copies.py --data fashion=/data/fashion anime=/data/anime.zip@64
    python bench/copies.py --table

Of 500 images, 100 are copies of training images, changed as the row says, and 400 are fresh ones.
Then 1,000 fresh images alone. Again with data in which one image in twenty occurs twice. A row of
results/copies.jsonl is one set: the share that is taken for copies, the share of the real copies
that is found, and that of the fresh images that is flagged.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from damage import Pixels, bytes_of, jpeg, resized

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.metrics.memorisation import (
    QUANTILE,
    Space,
    best_of,
    found_out,
    left_out,
    memorisation,
    thumbnails,
    variants_of,
)

RESULTS = Path(__file__).parent / "results" / "copies.jsonl"
COPIES, FRESH, ALONE = 100, 400, 1_000


def cropped(x: Pixels) -> Pixels:
    """Without 3 px at each side, and back to the size."""
    return resized(x[:, :, 3:-3, 3:-3], x.shape[2:], "bicubic")


def shifted(x: Pixels) -> Pixels:
    """By one pixel to the right; the edge is repeated."""
    return np.concatenate([x[..., :1], x[..., :-1]], 3)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "same": lambda x: x,
    "shifted 1 px": shifted,
    "cropped 3 px": cropped,
    "JPEG 75": lambda x: jpeg(75)(x, np.random.default_rng(0)),
    "brighter by 8": lambda x: bytes_of(x.astype(np.float64) + 8),
    "mirrored": lambda x: x[..., ::-1].copy(),
}


def opened(text: str) -> tuple[str, Pack]:
    """`name=path@size` as a name and the data."""
    name, _, place = text.partition("=")
    path, _, size = place.partition("@")
    side = (int(size), int(size)) if size else None
    return name, open_pack(path, PackOptions(size=side), workers=0)


def parts(pack: Pack, most: int) -> tuple[Pixels, Pixels]:
    """Training images, and fresh ones."""
    rows = numpy_generator("copies").permutation(len(pack))[: most + ALONE]
    images = np.concatenate([pack.rows(part)["x"] for part in np.array_split(rows, 20)])
    return images[:-ALONE], images[-ALONE:]


def searched(generated: Pixels, data: Pixels) -> dict[str, Any]:
    """What `evaluate` says of them, and which of them it takes for copies."""
    rows = left_out(len(data))
    sides = thumbnails(generated), thumbnails(data)
    ours, theirs = variants_of(generated), variants_of(data[rows])
    found = memorisation(*sides, variants=ours, fresh_variants=theirs)
    space = Space(sides[1].astype(np.float64))
    looked = best_of(space.look(sides[0].astype(np.float64)), ours, space)
    real = best_of(space.look_without(rows), theirs, space, rows)
    cut = float(np.quantile(real.relative, QUANTILE))
    return {"found": found, "which": found_out(looked, cut, space.alike)}


def measured(name: str, pack: Pack, options: argparse.Namespace) -> None:
    images, fresh = parts(pack, options.most)
    for repeated in (0.0, 0.05):
        data = np.concatenate([images, images[: round(repeated * len(images))]])
        for change in (*CHANGES, "fresh"):
            if change == "fresh":
                generated, copies = fresh, 0
            else:
                first = images[len(images) // 2 :][:COPIES]  # which occur once
                generated = np.concatenate([CHANGES[change](first), fresh[:FRESH]])
                copies = COPIES
            there = searched(generated, data)
            which = there["which"]
            row = {"data": name, "images": len(data), "repeated": repeated, "set": change}
            row |= {"copies": round(there["found"].copies, 4), "warning": there["found"].warning}
            row |= {
                "found": round(float(which[:copies].mean()), 4) if copies else None,
                "flagged": round(float(which[copies:].mean()), 4),
                "ratio": round(there["found"].ratio, 3),
            }
            print(row, flush=True)
            with open(options.out, "a") as file:
                file.write(json.dumps(row) + "\n")


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
            part = "" if row["found"] is None else f"{100 * row['found']:.0f} % found, "
            cells.append(f"{part}{100 * row['flagged']:.1f} % flagged{'; warned' * row['warning']}")
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
