"""Translate an image, or all images of a folder or a ZIP, into files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ganzfeld.core import marks
from ganzfeld.core.names import PICTURE_SUFFIXES, capped, quoted, shown, suffix
from ganzfeld.core.randomness import key
from ganzfeld.core.reader import read_bytes
from ganzfeld.data.discover import find_source
from ganzfeld.data.options import IMAGES
from ganzfeld.data.source import Encoded, Reading
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.image import draw
from ganzfeld.modalities.image.bad import BadPicture
from ganzfeld.modalities.image.codec import probe
from ganzfeld.models.marking import of_translation
from ganzfeld.models.translator import MEGAPIXELS, Translator
from ganzfeld.text import several

GIVE = "give an image, or a folder or a ZIP of images; arrays are for Python: ganzfeld.load"
FILE_BYTES = 1 << 30  # of one image
ROWS = 16  # images on a sheet


@dataclass(frozen=True)
class Found:
    """One image to translate: its name with sub-folders, and its bytes or why there are none."""

    name: str
    data: bytes = b""
    reason: str = ""


def find_pictures(source: Path) -> Iterator[Found]:
    """An image, or all images of a folder or a ZIP."""
    if source.is_file() and suffix(source.name) in PICTURE_SUFFIXES:
        yield Found(source.name, read_bytes(source, FILE_BYTES, DataError))
        return
    reading = Reading(labels="none", splits="all", follow_links=True, modality=IMAGES)
    try:
        found = find_source(source, reading)
    except DataError as error:  # its way out is for data to train on
        raise DataError(error.what, safe=error.safe, fix=GIVE) from None
    if not isinstance(found, Encoded):
        raise DataError(f"{shown(str(source))} holds arrays, not images", fix=GIVE)
    for name, title in zip(found.names, found.titles, strict=True):
        try:
            data = found.reader.read(name)
        except Exception as error:  # of the disk or the archive: the others may be fine
            yield Found(title, reason=str(error))
        else:
            yield Found(title, data)


def need_apart(source: Path, out: Path) -> None:
    """UsageError where translations could overwrite what they are made from."""
    home, place = source if source.is_dir() else source.parent, out.resolve()
    inside = source.is_dir() and place.is_relative_to(home.resolve())
    if inside or place in (home.resolve(), source.resolve()):
        raise UsageError(
            f"--out {shown(str(out))} is where the originals are: they could be overwritten",
            safe="nothing was changed",
            fix="--out with another folder or name",
        )


def translate_files(
    model: Translator,
    source: Path,
    out: Path,
    *,
    to: str | None = None,
    side: int | None = None,
    sheet: Path | None = None,
    dropout: int | None = None,
    part: str = "auto",
    mark: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> int:
    """Write the translation of each image as a PNG under `out`, and a sheet of the first ones.

    part: "left" or "right" of images that hold a pair side by side, "whole", or "auto": the half
        of the domain to translate from, where the model learned from such pairs and the image has
        their shape. mark: the files say that a model made them.
    say: gets a sentence where halves were taken.

    Returns how many. Raises DataError that lists what could not be translated; the others are.
    """
    way = model.way(to)
    need_apart(source, out)
    used: set[str] = set()
    bad: list[str] = []
    cells: list[tuple[Image.Image, Image.Image]] = []
    half = "left" if way[0] == "a" else "right"
    halved = 0
    own = of_translation(model, way[1], dropout) if mark else None
    for found in find_pictures(source):
        reason = found.reason
        if not reason:
            try:
                one = part if part != "auto" else half if is_pair(model, found.data) else "whole"
                with model.noise(way, seed_of(dropout, found.name)):
                    done = model.translate_bytes(found.data, way, side=side, part=one)
                halved += part == "auto" and one != "whole"
            except BadPicture as error:
                reason = str(error)
        if reason:
            bad.append(f"{shown(found.name)}: {reason}")
            continue
        name = found.name.rpartition(".")[0] or found.name
        name = found.name if name in used else name
        used.add(name)
        path = out / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        marks.write(path, draw.image_bytes(done), own)
        if sheet and len(cells) < ROWS:
            cells.append((Image.open(io.BytesIO(found.data)), done))
    if halved:
        say(
            f"{halved:,} of {len(used):,} images hold a pair side by side, as the model learned "
            f"from: their {half} halves were translated (--part whole takes all of them)"
        )
    if sheet and cells:
        with marks.marking(sheet, own) as place:
            draw.save_image(draw.pairs(cells), place)
    if bad:
        raise DataError(
            "\n  ".join([f"{several(len(bad), 'image')} could not be translated", *capped(bad)]),
            safe=f"{len(used):,} others are in {out}" if used else "nothing was written",
            fix=f"ganzfeld data check {quoted(source)}" if source.is_dir() else "",
        )
    return len(used)


def is_pair(model: Translator, data: bytes) -> bool:
    header = probe(data, MEGAPIXELS)
    return model.is_pair(header.width, header.height)


def seed_of(dropout: int | None, name: str) -> int | None:
    """Each image has noise of its own, whatever else is translated with it."""
    return None if dropout is None else key(dropout, "dropout", name)
