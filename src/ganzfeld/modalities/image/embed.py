"""Images in a page at a small size: PNG or JPEG within some bytes, as `img` elements."""

from __future__ import annotations

import base64
import html
import io
from bisect import bisect_left
from pathlib import Path
from typing import cast

from PIL import Image

from ganzfeld.core.reader import Unreadable, open_image
from ganzfeld.modalities.image.draw import on_white
from ganzfeld.text import isolated, plain

QUALITIES = (90, 80, 65, 50, 35)
STRIPS, STRIP = 4, 12  # places that are looked at, and rows of each
MARKS = ("\u2068", "\u2069")  # so that a name in an attribute moves nothing around it


def element(image: Image.Image, alt: str, *, side: int, most: int, lazy: bool = False) -> str:
    """An `img` element that holds the image itself.

    side: the longer side is reduced to this many pixels. most: bytes: PNG where that is enough,
        else JPEG, and at last a smaller one.
    """
    shown = fitted(image, side)
    kind, data = encoded(shown, most)
    said = isolated(html.escape(plain(alt, keep="\n\t")), *MARKS)
    return (
        f'<img src="data:image/{kind};base64,{base64.b64encode(data).decode("ascii")}" '
        f'alt="{said}" width="{shown.width}" height="{shown.height}"'
        f"{' loading=' + chr(34) + 'lazy' + chr(34) if lazy else ''}>"
    )


def open_picture(path: Path) -> Image.Image | None:
    """The image in a file of the run; None where it cannot be read."""
    try:
        return cast(Image.Image, open_image(path))
    except (OSError, Unreadable):
        return None


def fitted(image: Image.Image, side: int) -> Image.Image:
    longer = max(image.size)
    if longer <= side:
        return image
    size = (max(round(n * side / longer), 1) for n in image.size)
    plain = image if image.mode in ("L", "LA", "RGB", "RGBA") else image.convert("RGB")
    return plain.resize(tuple(size), Image.Resampling.LANCZOS)  # type: ignore[arg-type]


def encoded(image: Image.Image, most: int) -> tuple[str, bytes]:
    """(png or jpeg, bytes), at most about this many."""
    if not hopeless(image, most):
        data = saved(image, "PNG")  # `optimize` takes twice the time for 0.02 % less
        if len(data) <= most:
            return "png", data
    flat = on_white(image)
    made: dict[int, bytes] = {}

    def fits(quality: int) -> bool:
        made[quality] = saved(flat, "JPEG", quality=quality, optimize=True)
        return len(made[quality]) <= most

    place = bisect_left(QUALITIES, True, key=fits)  # less quality never takes more bytes
    if place < len(QUALITIES) or max(flat.size) < 64:
        return "jpeg", made[QUALITIES[min(place, len(QUALITIES) - 1)]]
    half = (max(flat.width // 2, 1), max(flat.height // 2, 1))
    return encoded(flat.resize(half, Image.Resampling.BOX), most)


def hopeless(image: Image.Image, most: int) -> bool:
    """Whether some of the rows tell that a PNG would take over three times these bytes.

    A page has dozens of grids of samples, and PNGs that are not used took most of its time.
    """
    rows = STRIPS * STRIP
    if image.height < 4 * rows:  # looking takes as long as trying
        return False
    tops = [(2 * n + 1) * image.height // (2 * STRIPS) - STRIP // 2 for n in range(STRIPS)]
    strips = (image.crop((0, top, image.width, top + STRIP)) for top in tops)
    taken = sum(len(saved(strip, "PNG")) for strip in strips)
    return taken * image.height > 3 * most * rows


def saved(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
