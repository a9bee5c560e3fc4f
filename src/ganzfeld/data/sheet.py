"""Draw a contact sheet of the packed data, with classes in rows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ganzfeld.core import system, temporary
from ganzfeld.core.names import shortened, shown
from ganzfeld.errors import ResourceError, UsageError
from ganzfeld.modalities import MODALITIES, modality_of

if TYPE_CHECKING:
    from ganzfeld.data.pack import Pack

GAP = 2  # px between images
LINE = 16  # px of text
SMALLEST = 64  # px; smaller images are shown enlarged, by whole factors
MAX_ROWS = 40
LEARNED = 10_000  # samples from which a kind learns how they are written
MARGIN = 180  # px for the names of classes


def data_sheet(pack: Pack, out: Path, count: int = 64) -> Path:
    """Write about `count` images, evenly spread, as a PNG; whole, or not at all.

    Samples of another kind as its own sheet, in a file of its own suffix beside `out`; gives the
    path. Raises UsageError where this release knows no sheet of the kind.
    """
    if pack.spec.modality not in MODALITIES or not modality_of(pack.spec).rescaled:
        return _other_sheet(pack, Path(out), count)
    rows = _labelled_rows(pack, count) if pack.labels is not None else _plain_rows(pack, count)
    rows, left_out = rows[:MAX_ROWS], len(rows) - MAX_ROWS
    scale = max(1, SMALLEST // max(pack.height, pack.width))
    high, wide = pack.height * scale + GAP, pack.width * scale + GAP
    margin = MARGIN if pack.labels is not None else GAP
    footer = LINE if left_out > 0 else 0
    columns = max(len(indices) for _, indices in rows)
    size = (margin + columns * wide, LINE + GAP + len(rows) * high + footer)
    sheet = Image.new("RGB", (max(size[0], 420), size[1]), (32, 32, 32))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default()
    _text(draw, (GAP, 2), f"{pack!r} {pack.report['source']}", font)
    for row, (title, indices) in enumerate(rows):
        top = LINE + GAP + row * high
        _text(draw, (GAP, top + high // 2 - LINE // 2), title, font)
        for column, index in enumerate(indices):
            picture = to_picture(pack.images[index]).resize(
                (pack.width * scale, pack.height * scale), Image.Resampling.NEAREST
            )
            sheet.paste(picture, (margin + column * wide, top))
    if left_out > 0:
        _text(draw, (GAP, size[1] - LINE), f"and {left_out} more", font)
    _save(sheet, Path(out))
    return Path(out)


def _other_sheet(pack: Pack, out: Path, count: int) -> Path:
    """Samples that are no images, as their modality shows them."""
    kind: Any = MODALITIES.get(pack.spec.modality)
    if kind is None:
        raise UsageError(
            f"{pack.report['source']} holds {pack.report['noun']}, of which there is no sheet",
            safe="the data were only read",
            fix=f"ganzfeld data check {shlex.quote(pack.report['source'])}",
        )
    chosen = np.array(_spread(np.arange(len(pack)), count), dtype=np.int64)
    out = out.with_suffix(kind.sheet_suffix)
    spec = pack.spec
    if kind.learns:  # how a table writes its columns is learned from its rows
        seen = pack.rows(np.array(_spread(np.arange(len(pack)), LEARNED), dtype=np.int64))
        spec = kind.fitted(spec, seen["x"], seen.get("c"))
    kind.sheet(pack.rows(chosen)["x"], None, out, spec)
    return out


def _plain_rows(pack: Pack, count: int) -> list[tuple[str, list[int]]]:
    chosen = _spread(np.arange(len(pack)), count)
    columns = max(1, int(np.ceil(np.sqrt(len(chosen)))))
    return [("", chosen[i : i + columns]) for i in range(0, len(chosen), columns)]


def _labelled_rows(pack: Pack, count: int) -> list[tuple[str, list[int]]]:
    assert pack.labels is not None
    each = max(4, count // len(pack.classes))
    rows = []
    for label, name in enumerate(pack.classes):
        members = np.flatnonzero(pack.labels == label)
        title = f"{shortened(shown(name), 20)} ({len(members):,})"
        rows.append((title, _spread(members, each)))
    return rows


def _spread(indices: NDArray[np.int64], count: int) -> list[int]:
    """Up to `count` of the indices, evenly spaced."""
    places = np.linspace(0, len(indices) - 1, min(count, len(indices))).round().astype(int)
    return [int(indices[place]) for place in places]


def to_picture(pixels: NDArray[np.uint8]) -> Image.Image:
    """uint8 (C, H, W) as RGB; what is transparent shows a chequered ground."""
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(pixels)]
    array = np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    height, width = pixels.shape[1:]
    picture = Image.frombytes(mode, (width, height), array.tobytes())
    if mode not in ("LA", "RGBA"):
        return picture.convert("RGB")
    squares = (np.indices((height, width)) // 4).sum(axis=0) % 2
    ground = Image.fromarray((squares * 51 + 153).astype(np.uint8)).convert("RGBA")
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")


def _text(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    try:
        draw.text(place, text, fill=(230, 230, 230), font=font)
    except UnicodeEncodeError:  # Pillow without FreeType knows Latin letters only
        draw.text(place, text.encode("ascii", "replace").decode(), fill=(230, 230, 230), font=font)


def _save(sheet: Image.Image, out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with temporary.hidden(out) as part:
            sheet.save(part, format="PNG")
            system.replace(part, out)
    except OSError as error:
        raise ResourceError(
            f"{shown(str(out))} cannot be written: {error.strerror or error}",
            fix="choose another file with --out",
        ) from error
