"""Show the same samples through a run, cut from its sample grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ganzfeld.config import Config
from ganzfeld.core import marks
from ganzfeld.core.reader import open_image, refused
from ganzfeld.core.runfolder import read_config, weights_in
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities import modality_of, spec_of
from ganzfeld.modalities.image import draw as pictures
from ganzfeld.modalities.image.animation import check_ending, save_animation

GAP = 2  # px around each image of a grid
LINE = 18  # px of text
Pixels = NDArray[np.uint8]


def progress_of(
    run: Path,
    out: Path,
    *,
    count: int | None = None,
    columns: int | None = None,
    seconds: float = 8.0,
    mark: bool = True,
) -> int:
    """Write a strip (PNG) or an animation (GIF, WebP, MP4) of a run; how many moments it has.

    count: how many of the fixed samples, evenly spread over the grid, so that classes differ;
        10 in a strip and 40 in an animation by default.
    columns: moments in a strip, evenly spread over the grids that there are; or
        images in a row of an animation. 8 by default.
    seconds: of the animation; its last moment stays two seconds longer.
    mark: the file says that it was generated, see `ganzfeld.core.marks`.
    """
    moving = check_ending(out) != ".png"
    for name, value in (("--count", count), ("--columns", columns)):
        if value is not None and value < 1:
            raise UsageError(f"{name} must be 1 or more, not {value}")
    config = read_config(run)
    data = config.data
    if data.spec is not None:
        modality_of(spec_of(data.spec)).need_images("a strip or an animation")
    height, width = data.size or (0, 0)
    grids = grids_of(run)
    if not grids:
        raise DataError(
            f"{run} has no grids of samples", fix="let it train until its first run.sample_every"
        )
    if moving:
        tiles = [some(cut(path, height, width), count or 40) for path in grids]
        wide = min(columns or 8, max(8, *(len(t) for t in tiles)))
        with marks.marking(out, mark_of(run, config, grids) if mark else None) as place:
            save_animation(
                [moment(t, int(p.stem), wide) for t, p in zip(tiles, grids, strict=True)],
                place,
                seconds=seconds,
                hold=2.0,
            )
        return len(grids)
    chosen = [grids[i] for i in spread(len(grids), columns or 8)]
    tiles = [some(cut(path, height, width), count or 10) for path in chosen]
    seen = [int(path.stem) for path in chosen]
    with marks.marking(out, mark_of(run, config, chosen) if mark else None) as place:
        pictures.save_image(strip(tiles, seen), place)
    return len(chosen)


def mark_of(run: Path, config: Config, grids: list[Path]) -> marks.Mark:
    """The mark of what grids show: of which run, by its seed and by the model that it ships now.

    A grid may come from weights of an earlier moment: `images_seen` says which.
    """
    drawn = marks.read(grids[-1]) or {}
    return marks.new(
        translated=drawn.get("digital_source_type") == marks.TRANSLATED,
        model=weights_in(run),
        recipe=config.recipe,
        run_seed=config.run.seed,
        images_seen=[int(path.stem) for path in grids],
    )


def grids_of(run: Path) -> list[Path]:
    """The grids that training drew, the oldest first."""
    paths = (run / "samples").glob("*.png")
    numbered = (p for p in paths if p.stem.isascii() and p.stem.isdecimal() and len(p.stem) < 16)
    return sorted(numbered, key=lambda path: int(path.stem))


def spread(of: int, count: int) -> list[int]:
    """Up to `count` of the numbers below `of`, evenly spaced, the first and the last included."""
    return sorted({int(i) for i in np.linspace(0, of - 1, min(count, of)).round()})


def some(tiles: Pixels, count: int) -> Pixels:
    """`count` of the images, one from each equal part of them."""
    count = min(count, len(tiles))
    return tiles[np.arange(count) * len(tiles) // count]


def cut(path: Path, height: int, width: int) -> Pixels:
    """The images (N, 3, h, w) of a grid as `pictures.grid` drew it, as large as it drew them.

    height, width: of a sample in pixels. DataError where the file is no such grid.
    """
    with refused(path, DataError):
        image = open_image(path)
    sheet = np.asarray(pictures.on_white(image).convert("RGB")).transpose(2, 0, 1)
    scale = max(1, 64 // max(height, width, 1))
    high, wide = height * scale + GAP, width * scale + GAP
    rows, columns = (sheet.shape[1] - GAP) // high, (sheet.shape[2] - GAP) // wide
    if sheet.shape[1:] != (rows * high + GAP, columns * wide + GAP) or not rows * columns:
        raise DataError(f"{path} is not a grid of samples of {width}x{height} pixels")
    body = sheet[:, GAP:, GAP:].reshape(3, rows, high, columns, wide)
    body = body[:, :, : high - GAP, :, : wide - GAP]
    return body.transpose(1, 3, 0, 2, 4).reshape(rows * columns, 3, high - GAP, wide - GAP)


def strip(moments: list[Pixels], seen: list[int]) -> Image.Image:
    """A column for each moment with the images seen above it, a row for each sample."""
    body = pictures.grid(
        np.concatenate(moments)
        .reshape(len(moments), *moments[0].shape)
        .swapaxes(0, 1)
        .reshape(-1, *moments[0].shape[1:]),
        len(moments),
        GAP,
    )
    sheet = Image.new("RGB", (body.width, body.height + LINE), "white")
    sheet.paste(body, (0, LINE))
    draw, step = ImageDraw.Draw(sheet), (body.width - GAP) / len(moments)
    for column, images in enumerate(seen):
        write(draw, (GAP + (column + 0.5) * step, 3), brief(images), step)
    return sheet


def moment(tiles: Pixels, images: int, columns: int) -> Image.Image:
    """The samples of one moment, with the images seen below them."""
    body = pictures.grid(tiles, columns, GAP)
    sheet = Image.new("RGB", (body.width, body.height + LINE), "white")
    sheet.paste(body)
    write(ImageDraw.Draw(sheet), (body.width / 2, body.height + 2), f"{images:,} images", 1e9)
    return sheet


def write(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, room: float) -> None:
    """Text centred below a point, smaller where it would not fit."""
    for size in (12, 10, 8, 6):
        font = ImageFont.load_default(size)
        wide = draw.textlength(text, font=font)
        if wide <= room:
            break
    draw.text((place[0] - wide / 2, place[1]), text, fill="black", font=font)


def brief(images: int) -> str:
    """937, 12.8k, 1.5M: images seen in little room."""
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if images >= unit:
            return f"{images / unit:.3g}{letter}"
    return f"{images}"
