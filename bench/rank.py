"""Does an extractor put images in the order that people and Inception put them in?

    python bench/rank.py --data eurosat=/data/eurosat.zip photos=/data/faces.zip@64 \\
        --extractors inception random learned --montage sheets
    python bench/rank.py --data ... --samples photos=/samples/photos   # folders of generated images
    python bench/rank.py --table
    python bench/rank.py --values faces64   # the numbers themselves

Half of each data set is for the extractors to learn on. Of the rest, some are the reference, and
others are damaged in 22 ways (damage.py); generated images can stand beside. One row of
results/rank.jsonl is one set of images as one extractor sees it. The order by eye is in
rank_eye.json, written before any number was looked at. `--table` prints Spearman's rank
correlations, of all sets and of those that generators made, and the pairs that an extractor puts
in another order than the eye.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from damage import DAMAGES, Pixels
from into import into
from PIL import Image, ImageDraw

from ganzfeld import metrics
from ganzfeld.core.files import cache_folder
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import keep, kept
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.metrics.features import BATCH, Extractor, Features, extract, make_extractor
from ganzfeld.metrics.learning import learning_rows
from ganzfeld.metrics.registry import kernel_of, kernel_words

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "rank.jsonl"
EYE = HERE / "rank_eye.json"
GENERATED = "G "  # begins the name of a set that a generator made


def silent(stage: str, done: int, total: int) -> None:
    pass


def opened(text: str) -> tuple[str, Pack]:
    """`name=path@size` as a name and the data."""
    name, _, place = text.partition("=")
    path, _, size = place.partition("@")
    side = (int(size), int(size)) if size else None
    return name, open_pack(path, PackOptions(size=side), workers=0)


def parts(pack: Pack, count: int, reference: int | None = None) -> tuple[Pixels, Pixels]:
    """Reference and fresh images, neither of which an extractor learns from.

    reference: how many of the first; None: twice as many as fresh ones.
    """
    rest = np.setdiff1d(np.arange(len(pack)), learning_rows(pack))
    most = count + (2 * count if reference is None else reference)
    rows = numpy_generator("rank").permutation(rest)[:most]
    images: Pixels = pack.rows(rows)["x"]
    return images[count:], images[:count]


def sets_of(
    pack: Pack, count: int, samples: Path | None, names: Collection[str] = tuple(DAMAGES)
) -> Iterator[tuple[str, Pixels]]:
    """The damaged images, then the generated ones: a folder of `samples` for each generator.

    names: of the damages.
    """
    _, fresh = parts(pack, count, 0)
    for name, damage in DAMAGES.items():
        if name not in names:
            continue
        yield name, damage(fresh, numpy_generator("rank", name))
    for folder in sorted(samples.iterdir()) if samples else ():
        size = (pack.height, pack.width)
        found = open_pack(folder, PackOptions(size=size, channels=pack.channels), workers=0)
        yield f"{GENERATED}{folder.name}", np.array(found.images[:count])


def samples_of(name: str, options: argparse.Namespace) -> Path | None:
    """The folder of generators' folders that was given for a data set."""
    given = (text.partition("=") for text in options.samples)
    return next((Path(path) for data, _, path in given if data == name), None)


def features(net: Extractor, pixels: Pixels, fast: bool) -> Features:
    """From the cache, or made now. fast: in bfloat16, which is for Inception alone."""
    stamp = hashlib.sha256(pixels.tobytes() + f"{net.name}{net.weights}{fast}".encode()).hexdigest()
    place = cache_folder() / f"rank-{stamp[:24]}.safetensors"
    if (found := kept(place)) is not None:
        return found[0]["features"]
    chunks = (pixels[i : i + BATCH] for i in range(0, len(pixels), BATCH))
    with torch.autocast("cpu", torch.bfloat16, enabled=fast):
        made = extract(net, chunks, len(pixels))
    keep(place, {"features": made}, {})
    return made


def measured(net: Extractor, pack: Pack, name: str, options: argparse.Namespace) -> None:
    """A row for each set, and the cost of the extractor."""
    reference, _ = parts(pack, options.count, options.reference)
    fast = net.name == "inception" and options.fast
    data = features(net, reference, fast)
    samples = samples_of(name, options)
    for which, pixels in sets_of(pack, options.count, samples, options.sets):
        start = time.thread_time()
        found = features(net, pixels, fast)
        milliseconds = 1e3 * (time.thread_time() - start) / len(pixels)
        row = {
            "data": name,
            "set": which,
            "extractor": net.name,
            "count": len(pixels),
            "reference": len(reference),
            "frechet": metrics.frechet_distance(found, data),
            **kernel(net.name, found, data),
            **metrics.precision_recall(found, data)._asdict(),
            **metrics.density_coverage(found, data)._asdict(),
        }
        numbers = {k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in row.items()}
        print(
            f"{name} {net.name} {which}: {row['frechet']:.4g} ({milliseconds:.1f} ms)", flush=True
        )
        with open(options.out, "a") as file:
            file.write(json.dumps(numbers) + "\n")


def kernel(extractor: str, found: Features, data: Features) -> dict[str, Any]:
    """As `evaluate` measures it. Rows of before 2026-11-29 have the cubic kernel for all."""
    there = kernel_of(extractor, found, data)
    ends = [float(f"{end:.5g}") for end in there.interval]
    return {"kernel": there.value, "kernel_interval": ends, "of": kernel_words(extractor)}


def montage(pack: Pack, name: str, options: argparse.Namespace) -> None:
    """One sheet: a line of images for each set, with its name."""
    samples = samples_of(name, options)
    lines = list(sets_of(pack, options.count, samples, options.sets))
    side, across = 64, 12
    sheet = Image.new("RGB", (130 + across * (side + 2), len(lines) * (side + 2)), "white")
    for row, (which, pixels) in enumerate(lines):
        ImageDraw.Draw(sheet).text((2, row * (side + 2) + 26), which, fill="black")
        for column in range(across):
            shown = pixels[column * (len(pixels) // across)].transpose(1, 2, 0)
            image = Image.fromarray(shown[..., 0] if shown.shape[2] == 1 else shown).convert("RGB")
            image = image.resize((side, side), Image.Resampling.NEAREST)
            sheet.paste(image, (130 + column * (side + 2), row * (side + 2)))
    folder = Path(options.montage)
    folder.mkdir(parents=True, exist_ok=True)
    sheet.save(folder / f"{name}.png")


# What the rows say


def ranks(values: list[float]) -> np.ndarray:
    """Ranks from 1, the mean one where values are equal."""
    array = np.asarray(values)
    return np.array([1 + (array < v).sum() + ((array == v).sum() - 1) / 2 for v in array])


def spearman(a: list[float], b: list[float]) -> float:
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def newest(path: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows by data, extractor and set; a later one stands for an earlier one."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {(row["data"], row["extractor"], row["set"]): row for row in rows}


def table(path: Path) -> str:
    """Correlations with Inception's Frechet distance and with the eye, for each data set."""
    rows = newest(path)
    eye = json.loads(EYE.read_text())
    columns = ("data", "extractor", "sets", "with Inception", "with the eye", "against the eye",
               "generators", "with Inception", "with the eye")  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    names = dict.fromkeys(data for data, _, _ in rows)
    nets = dict.fromkeys(extractor for _, extractor, _ in rows)
    for name, extractor in itertools.product(names, nets):
        own = {s: r["frechet"] for (d, e, s), r in rows.items() if (d, e) == (name, extractor)}
        standard = {
            s: r["frechet"] for (d, e, s), r in rows.items() if (d, e) == (name, "inception")
        }
        if own:
            cells = [name, extractor, str(len(own))]
            cells += [agreement(own, other) for other in (standard, eye.get(name, {}))]
            cells.append(against(own, eye.get(name, {})))
            made = {s: value for s, value in own.items() if s.startswith(GENERATED)}
            cells += [str(len(made))]
            cells += [agreement(made, other) for other in (standard, eye.get(name, {}))]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def values(path: Path, name: str) -> str:
    """What every extractor says of every set of one data set."""
    rows = {(e, s): row for (data, e, s), row in newest(path).items() if data == name}
    nets, sets = (list(dict.fromkeys(key[i] for key in rows)) for i in (0, 1))
    head = ["set", *(f"{net}: {what}" for net in nets for what in ("kernel", "Frechet", "P/R/C"))]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for which in sets:
        cells = [which.removeprefix(GENERATED)]
        for net in nets:
            row = rows.get((net, which))
            cells += told(row) if row else ["-"] * 3
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def told(row: dict[str, Any]) -> list[str]:
    kernel, shares = f"{row['kernel']:.2g}", (row[n] for n in ("precision", "recall", "coverage"))
    if ends := row.get("kernel_interval"):
        kernel += f" ({ends[0]:.2g} to {ends[1]:.2g})"
    return [kernel, f"{row['frechet']:.3g}", "/".join(f"{share:.2f}" for share in shares)]


def agreement(own: dict[str, float], other: dict[str, float]) -> str:
    both = [s for s in own if s in other]
    if len(both) < 5:
        return "-"
    return f"{spearman([own[s] for s in both], [other[s] for s in both]):.2f}"


def against(own: dict[str, float], eye: dict[str, int]) -> str:
    """How many pairs, two steps or more apart by eye, stand the other way round."""
    both = [s for s in own if s in eye]
    pairs = [(a, b) for a in both for b in both if eye[b] - eye[a] >= 2]
    return f"{sum(own[a] > own[b] for a, b in pairs)} of {len(pairs)} pairs"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=[])
    parser.add_argument("--samples", nargs="+", default=[])
    parser.add_argument("--extractors", nargs="+", default=["inception", "random", "learned"])
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--fast", action="store_true", help="Inception in bfloat16")
    parser.add_argument("--reference", type=int, help="images; twice --count where not given")
    parser.add_argument("--sets", nargs="+", default=list(DAMAGES), help="damages; all by default")
    parser.add_argument("--montage")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--values", metavar="NAME", help="print the rows of one data set")
    parser.add_argument("--into", nargs="*", type=Path, default=[], help="pages to put them into")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for text in options.data:
        name, pack = opened(text)
        if options.montage:
            montage(pack, name, options)
            continue
        for extractor in options.extractors:
            measured(make_extractor(extractor, pack, progress=silent), pack, name, options)
    if options.table:
        print(table(options.out))
    if options.values:
        print(found := values(options.out, options.values))
        for page in options.into:
            into(page, options.values, found)


if __name__ == "__main__":
    main()
