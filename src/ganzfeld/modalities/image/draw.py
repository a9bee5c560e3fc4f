"""From samples to image files: pixels, grids, PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ganzfeld.core.files import replace

if TYPE_CHECKING:
    from torch import Tensor

GAP = 2  # px around each image of a grid
CELL = 192  # px of an image on a sheet of pairs
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def to_pixels(x: Tensor) -> NDArray[np.uint8]:
    """Samples (N, C, H, W) in [-1, 1] to uint8 (N, C, H, W); values outside are clipped."""
    from ganzfeld.modalities.image.tensors import to_bytes  # torch is for those who have samples

    pixels: NDArray[np.uint8] = to_bytes(x).cpu().numpy()
    return pixels


def as_pixels(samples: NDArray[np.floating]) -> NDArray[np.uint8]:
    """`to_pixels` of samples that are an array: the same values, without torch."""
    x = np.asarray(samples, np.float32)
    scaled = np.rint((x + np.float32(1)) * np.float32(127.5))
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def to_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """One image, uint8 (C, H, W) with 1 to 4 channels."""
    array = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array, MODES[len(pixels)])


def grid(pixels: NDArray[np.uint8], columns: int | None = None, gap: int = GAP) -> Image.Image:
    """Images (N, C, H, W) in rows on white, enlarged where they are small.

    columns: about as many as rows by default.
    """
    count, channels, height, width = pixels.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    scale = max(1, 64 // max(height, width))
    pixels = pixels.repeat(scale, 2).repeat(scale, 3)
    height, width = height * scale, width * scale
    sheet = np.full(
        (channels, rows * (height + gap) + gap, columns * (width + gap) + gap), 255, np.uint8
    )
    for index, picture in enumerate(pixels):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[:, top : top + height, left : left + width] = picture
    return to_image(sheet)


def cells(sheet: Image.Image, count: int, columns: int = 8, gap: int = GAP) -> list[Image.Image]:
    """The images of a `grid` with so many in rows of `columns`."""
    rows = math.ceil(count / columns)
    width, height = (sheet.width - gap) // columns - gap, (sheet.height - gap) // rows - gap
    found = []
    for index in range(count):
        row, column = divmod(index, columns)
        left, top = gap + column * (width + gap), gap + row * (height + gap)
        found.append(sheet.crop((left, top, left + max(width, 1), top + max(height, 1))))
    return found


def on_white(image: Image.Image) -> Image.Image:
    """An image without alpha: grey as it is, all else RGB."""
    if image.mode in ("L", "RGB"):
        return image
    whole = image.convert("RGBA")
    ground = Image.new("RGBA", whole.size, "white")
    return Image.alpha_composite(ground, whole).convert("RGB")


def save_image(image: Image.Image, path: Path, **options: Any) -> None:
    """Write an image so that nobody ever sees half of it; the name decides the format."""
    Image.init()
    kind = Image.EXTENSION.get(path.suffix.lower(), "PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, image_bytes(image, kind, **options))


def image_bytes(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """An image as the content of a file. kind: of Pillow's formats."""
    buffer = io.BytesIO()
    if kind in ("JPEG", "BMP", "PPM") and image.mode in ("LA", "RGBA"):  # which hold no alpha
        image = on_white(image)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pairs(cells: Sequence[tuple[Image.Image, Image.Image]], gap: int = 4) -> Image.Image:
    """Pairs of images of any size and mode, two columns of pairs, scaled to fit; on white."""
    columns = 2 if len(cells) > 1 else 1
    rows = -(-len(cells) // columns)
    wide = 2 * CELL + 3 * gap
    sheet = Image.new("RGB", (columns * wide + gap, rows * (CELL + gap) + gap), "white")
    for number, pair in enumerate(cells):
        row, column = divmod(number, columns)
        for place, image in enumerate(pair):
            one = ImageOps.exif_transpose(image).convert("RGBA")
            scale = CELL / max(one.size)
            size = (max(round(one.width * scale), 1), max(round(one.height * scale), 1))
            kind = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
            one = one.resize(size, kind)
            left = gap + column * wide + place * (CELL + gap) + (CELL - size[0]) // 2
            top = gap + row * (CELL + gap) + (CELL - size[1]) // 2
            sheet.paste(one, (left, top), one)
    return sheet
