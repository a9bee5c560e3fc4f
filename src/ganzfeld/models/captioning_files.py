"""Captions of image files as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ganzfeld.core import marks
from ganzfeld.core.names import capped, quoted, shown
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.image.bad import BadPicture
from ganzfeld.models.captioner import Captioner
from ganzfeld.models.marking import of_model
from ganzfeld.models.translating_files import find_pictures

AT_ONCE = 64  # images held in memory


def need_free(source: Path, out: Path) -> None:
    """UsageError where the CSV cannot be written at that place."""
    if out.is_dir() or out.resolve() == source.resolve():
        what = "a folder" if out.is_dir() else "the file that is to be captioned"
        raise UsageError(
            f"--out {shown(str(out))} is {what}, and a CSV file was expected",
            safe="nothing was changed",
            fix="--out captions.csv",
        )


def caption_files(
    model: Captioner,
    source: Path,
    out: Path | None,
    *,
    count: int = 1,
    seed: int = 0,
    temperature: float = 1.0,
    mark: bool = True,
    say: Callable[[str], None] = print,
) -> int:
    """Caption an image, or all images of a folder or ZIP: a CSV file, or lines that are said.

    Returns how many images have captions. Raises DataError that names those that have none, behind
    the others' captions.

    Example::

        from pathlib import Path

        model = ganzfeld.load("runs/photos-image-to-text")
        caption_files(model, Path("photos"), Path("captions.csv"), count=3)
    """
    bad: list[str] = []
    head = ["file", *(["index"] if count > 1 else []), "caption"]
    text, done = io.StringIO(), 0
    table = csv.writer(text, lineterminator="\n")
    table.writerow(head)
    for names, images in read(model, source, bad):
        done += len(names)
        found = model.caption(images, count=count, seed=seed, temperature=temperature)
        for name, own in zip(names, found, strict=True):
            for index, line in enumerate(own):
                table.writerow([name, *([index] if count > 1 else []), line])
        if out is None:
            say(text.getvalue().removesuffix("\n"))
            text.seek(0)
            text.truncate()
    if out is not None and done:
        own_mark = of_model(model, seed=seed, count=count, temperature=temperature)
        out.parent.mkdir(parents=True, exist_ok=True)
        marks.write(out, text.getvalue().encode("utf-8", "replace"), own_mark if mark else None)
        say(f"captions of {done:,} images in {out}")
    if bad:
        raise DataError(
            "\n  ".join([f"{len(bad):,} images could not be captioned", *capped(bad)]),
            safe=f"{done:,} others are captioned" if done else "nothing was written",
            fix=f"ganzfeld data check {quoted(source)}" if source.is_dir() else "",
        )
    return done


def read(model: Captioner, source: Path, bad: list[str]) -> Iterator[tuple[list[str], Any]]:
    """Names and pixels of images, some at a time; bad ones are appended to `bad`."""
    names: list[str] = []
    pixels: list[Any] = []
    for found in find_pictures(source):
        try:
            if found.reason:
                raise BadPicture(found.reason)
            pixels.append(model.read(found.data))
            names.append(found.name)
        except BadPicture as error:
            bad.append(f"{shown(found.name)}: {error}")
        if len(names) == AT_ONCE:
            yield names, np.stack(pixels)
            names, pixels = [], []
    if names:
        yield names, np.stack(pixels)
