"""A labelled set of synthetic images: class folders that `train` reads, and a table."""

from __future__ import annotations

import csv
import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ganzfeld.core import border, files, reader, runfolder, system
from ganzfeld.core.lock import check_writable, locked
from ganzfeld.core.names import folded, is_system, shown
from ganzfeld.data import whereabouts
from ganzfeld.errors import UsageError, naming
from ganzfeld.models import draws
from ganzfeld.models import model as generate
from ganzfeld.models.marking import mark_of, weights_of

TABLE = "labels.csv"  # written last: a folder that has it is whole
HIDDEN = ".ganzfeld"  # a folder with the request and the lock; no reader of images looks there
COLUMNS = ("file", "label", "seed", "number", "model", "weights")

Progress = Callable[[str, int, int], None]


def augment(
    model: str | os.PathLike[str] | generate.Model,
    out: str | os.PathLike[str],
    *,
    count: int,
    seed: int = 0,
    like: str = "balanced",
    mark: bool = False,
    trust_code: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> Path:
    """Write `count` labelled samples as out/CLASS/SEED-NUMBER.png, and out/labels.csv.

    The same call again continues what was stopped, and writes no image twice.

    mark: each image says that it was generated (`ganzfeld.core.marks`). Off by default: the table
        says it of all of them.
    like: "balanced" for as many of each class; "data" for the proportions of the data that the
        run was trained on; or the path of labelled data with the same classes.

    The table has a row for each file: file, label, seed, number, model (recipe and images
    seen), weights (SHA-256 of the generator's). Row and file follow from the arguments alone.

    Raises UsageError for a model without classes, and for a folder that holds something else.
    """
    folder = Path(out)
    loaded = (
        model
        if isinstance(model, generate.Model)
        else generate.load(model, trust_code=trust_code, task="generation")
    )
    if not loaded.classes:
        raise UsageError(
            "this model was trained without labels, so that its images have none",
            fix="train on labelled data; or one model for each class, on its images alone, "
            "and `ganzfeld sample MODEL --count N --out FOLDER/CLASS` for each",
        )
    count = border.whole(count, "--count", 1, border.MOST_IMAGES)
    seed = border.whole(seed, "--seed", 0, border.MOST_SEED)
    shares = class_shares(loaded, model, like, progress)
    request = {
        "weights": weights_of(loaded),
        "count": count,
        "seed": seed,
        "like": like,
        "shares": [round(float(share), 9) for share in shares],
        **({"mark": True} if mark else {}),
    }
    refuse_others(folder)
    check_writable(folder / HIDDEN, 0)
    with locked(folder / HIDDEN):
        claim(folder, request)
        if (folder / TABLE).exists():
            return folder
        wanted = (loaded.classes[i] for i in sequence(shares, count))
        write_table(folder, draw(loaded, folder, wanted, request, progress))
    return folder


def write_table(folder: Path, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write the rows as they come, out of sight until all are there: they may not fit memory."""
    part = folder / HIDDEN / f"{TABLE}.part"
    place = reader.open_own(part, os.O_TRUNC)
    with (
        naming(folder / TABLE),
        open(place, "w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    system.replace(part, folder / TABLE)
    files.sync(folder)


def draw(
    model: generate.Model,
    folder: Path,
    wanted: Iterator[str],
    request: dict[str, Any],
    progress: Progress,
) -> Iterator[tuple[Any, ...]]:
    """Write the images that are not there, a few at a time; the rows of the table.

    wanted: the label of each.
    """
    seed, count = request["seed"], request["count"]
    about = f"{model.about['recipe']} at {model.about['images_seen']} images"
    places, suffix = folders_of(model.classes), model.modality.suffix
    for low in range(0, count, draws.CHUNK):
        labels = list(itertools.islice(wanted, min(draws.CHUNK, count - low)))
        ends = [f"{seed}-{n:06d}{suffix}" for n in range(low, low + len(labels))]
        names = [f"{places[label]}/{end}" for label, end in zip(labels, ends, strict=True)]
        if not all((folder / name).exists() for name in names):
            x = model.sample(len(labels), seed=seed, labels=labels, start=low)
            for n, (name, one) in enumerate(zip(names, model.store(x), strict=True), low):
                own = None
                if request.get("mark"):
                    own = mark_of(model, seed=seed, index=n, label=labels[n - low])
                model.modality.save_marked(one, folder / name, model.spec, own)
            progress("drawing images", low + len(labels), count)
        for n, (name, label) in enumerate(zip(names, labels, strict=True), low):
            yield name, label, seed, n, about, request["weights"]


def refuse_others(folder: Path) -> None:
    """UsageError for a folder with something in it that is not the beginning of a set."""
    if not folder.exists() or (folder / HIDDEN).exists():
        return
    there = [p.name for p in folder.iterdir() if not is_system(p.name)]
    if there:
        raise UsageError(
            f"{shown(str(folder))} is not empty: {shown(there[0])} is in it",
            safe="nothing was changed",
            fix="choose a new folder with --out; keep synthetic images apart from others",
        )


def claim(folder: Path, request: dict[str, Any]) -> None:
    """Note which set the folder is for; UsageError where it is for another."""
    path = folder / HIDDEN / "request.json"
    if not path.exists():
        files.replace(path, files.as_json(request))
    elif reader.read_json(path) != request:
        raise UsageError(
            f"{shown(str(folder))} holds another set",
            safe="nothing was changed",
            fix="choose another folder with --out",
        )


def class_shares(
    model: generate.Model, given: Any, like: str, progress: Progress
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The part of each of the model's classes, (K,)."""
    if like == "balanced":
        return np.full(len(model.classes), 1 / len(model.classes))
    from ganzfeld.models.open import open_data

    source: str | None = like
    if like == "data":
        source = source_of(given)
        if source is None:
            raise UsageError(
                "only a run knows where its data are, and this is only a model",
                fix="--like PATH, with the data's path",
            )
    pack = open_data(source or "", model, progress)
    if pack.labels is None or sorted(pack.classes) != sorted(model.classes):
        raise UsageError(f"{source} does not have the model's classes: --like cannot follow it")
    counts = np.bincount(pack.labels, minlength=len(pack.classes))
    by_name = dict(zip(pack.classes, counts / counts.sum(), strict=True))
    return np.array([by_name[name] for name in model.classes])


def source_of(run: Any) -> str | None:
    """Where the data of a run are; None for what is no run."""
    if isinstance(run, generate.Model):
        return None
    path = Path(run)
    if not (path / "model").is_dir() and not (path / "checkpoints").is_dir():
        return None
    return whereabouts.located(runfolder.read_config(path).data, path).source


def sequence(shares: Any, count: int) -> Iterator[int]:
    """So many class numbers in these proportions, to one image, at every length.

    Each place goes to the class that is furthest behind its share.
    """
    given, shares = np.zeros(len(shares)), np.asarray(shares)
    for n in range(count):
        i = int(np.argmax(shares * (n + 1) - given))
        given[i] += 1
        yield i


def folders_of(classes: list[str]) -> dict[str, str]:
    """A folder's name for each class that every disk takes, and that `train` takes for a class."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in classes:
        plain = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", name).strip(" .")[:80] or "class"
        plain = f"_{plain}" if is_system(plain) else plain
        unique, n = plain, 1
        while folded(unique) in taken:
            n += 1
            unique = f"{plain}_{n}"
        taken.add(folded(unique))
        found[name] = unique
    return found
