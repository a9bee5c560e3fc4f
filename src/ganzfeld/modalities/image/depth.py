"""Convert any Pillow mode or array to 8 bits per channel."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.modalities.image.bad import BadPicture
from ganzfeld.modalities.image.ranges import Seen, look, to_bytes

ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
Limits = tuple[float, float] | None


class OutOfRange(BadPicture):
    """Numbers of which it is not clear what is black and white. `seen`: their range."""

    def __init__(self, reason: str, seen: Seen) -> None:
        super().__init__(reason)
        self.seen = seen


def has_alpha(image: Image.Image) -> bool:
    return image.mode in ALPHA_MODES or "transparency" in image.info


def to_8_bit(
    image: Image.Image, limits: Limits, facts: list[str]
) -> tuple[Image.Image, Seen | None]:
    """Any of Pillow's modes to L, LA, RGB, RGBA or CMYK with 8 bits a channel.

    limits: what becomes 0 and 255; None: what the mode says. The range seen is None where the
    image had 8 bits already: `seen_of` tells it from the result.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return _from_numbers(image, limits, facts)
    done = _plain(image, facts)
    if limits is not None and image.mode not in ("P", "PA", "CMYK"):
        done = _stretched(done, *limits)
    return done, None


def _plain(image: Image.Image, facts: list[str]) -> Image.Image:
    mode = image.mode
    if mode == "CMYK":
        return image
    if mode == "1":
        facts.append("1-bit")
    if mode in ("P", "PA"):
        facts.append("palette")
        return image.convert("RGBA" if has_alpha(image) else "RGB")
    if mode in ("1", "L", "La") or (mode == "LA"):
        if mode in ("1", "L") and "transparency" in image.info:
            return image.convert("RGBA").convert("LA")
        return image.convert("LA" if mode in ("LA", "La") else "L")
    if mode in ("RGB", "RGBX", "YCbCr", "HSV"):
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if mode in ("RGBA", "RGBa"):
        return image.convert("RGBA")
    raise BadPicture(f"its colour mode {mode} is not supported")


def _stretched(image: Image.Image, low: float, high: float) -> Image.Image:
    """An 8-bit image with its colours, not its alpha, stretched to a range."""
    table = _table(low, high)
    colours = image.mode.removesuffix("A")
    identity = list(range(256))
    return image.point(table * len(colours) + identity * (len(image.mode) - len(colours)))


@functools.lru_cache(maxsize=8)
def _table(low: float, high: float) -> list[int]:
    return [int(v) for v in to_bytes(np.arange(256), low, high)]


def _from_numbers(image: Image.Image, limits: Limits, facts: list[str]) -> tuple[Image.Image, Seen]:
    """Grey of more than 8 bits, by the limits or by the declared depth. (`convert("L")` clips.)"""
    values = np.asarray(image)
    if image.mode == "F":
        return from_array(values, limits, facts)
    bits = 16
    if image.mode == "I" and image.format == "TIFF":
        bits = int(max(getattr(image, "tag_v2", {}).get(258, (32,))))
    values = values.astype(np.int64)
    seen = look(values, f"{bits}-bit") if values.size else Seen(low=0, high=0, whole=True)
    facts.append(f"{bits}-bit")
    if limits is not None:
        return Image.fromarray(to_bytes(values, *limits)), seen
    if seen.low < 0 or seen.high >= 1 << bits:
        span = f"0 to {(1 << bits) - 1} ({seen.low:g} to {seen.high:g})"
        raise OutOfRange(f"its values lie outside {span}", seen)
    if bits > 16 and seen.high < 1 << (bits - 8):
        # By its declared depth this image would come out black.
        reason = f"{bits}-bit values of at most {seen.high:g}: scale them to 8 or 16 bit"
        raise OutOfRange(reason, seen)
    if bits == 16 and 0 < seen.high < 4096:
        facts.append("16-bit with values below 4096 (comes out dark)")
    return Image.fromarray((values >> (bits - 8)).astype(np.uint8)), seen


def from_array(values: NDArray[Any], limits: Limits, facts: list[str]) -> tuple[Image.Image, Seen]:
    """Numbers (H, W), (H, W, C) or (C, H, W) as an image. Raises `BadPicture`."""
    values = _shaped(values)
    if values.dtype.kind not in "iufb":
        raise BadPicture(f"an array of {values.dtype}, which are no pixels")
    floats = values.dtype.kind == "f"
    if floats and not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise BadPicture(
            f"{count:,} of its values are not finite (NaN or infinite): outside 0 to 1"
        )
    seen = look(values)
    facts.append("floating-point" if floats else str(values.dtype))
    if limits is None:
        limits = own_limits(values.dtype, seen)
    if limits is None:
        what = "floating-point values outside 0 to 1" if floats else "values outside 0 to 255"
        raise OutOfRange(f"{what} ({seen.low:g} to {seen.high:g})", seen)
    return Image.fromarray(to_bytes(values, *limits)), seen


def own_limits(dtype: np.dtype[Any], seen: Seen) -> Limits:
    """What black and white are by the type alone; None where one image cannot tell."""
    if dtype.kind == "b":
        return 0, 1
    if dtype == np.uint16:
        return 0, 65535
    if dtype.kind in "iu" and seen.low >= 0 and seen.high <= 255:
        return 0, 255
    return (0, 1) if dtype.kind == "f" and seen.low >= 0 and seen.high <= 1 else None


def _shaped(values: NDArray[Any]) -> NDArray[Any]:
    """(H, W), or (H, W, 2 to 4)."""
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values[0] if values.shape[0] == 1 else values[:, :, 0]
    if values.ndim == 3 and values.shape[2] > 4 and values.shape[0] in (2, 3, 4):
        values = values.transpose(1, 2, 0)
    shape_fits = values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (2, 3, 4))
    if not shape_fits or 0 in values.shape:
        raise BadPicture(f"an array of the shape {values.shape}, which is not one image")
    return np.ascontiguousarray(values)


def seen_of(pixels: NDArray[np.uint8], alpha: bool) -> Seen:
    """The range of a finished image of 8 bits, uint8 (C, H, W), without its alpha."""
    colours = pixels[:-1] if alpha else pixels
    return Seen(low=float(colours.min()), high=float(colours.max()), whole=True, depth="8-bit")
