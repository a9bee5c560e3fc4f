"""Numbers as colours: maps whose steps look equally large, and a bar that says what they mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

# viridis (Smith and van der Walt 2015, CC0) at 20 even places; lightness rises evenly
VIRIDIS = (
    *("440154", "481567", "482677", "453781", "404788", "39568c", "33638d"),
    *("2d708e", "287d8e", "238a8d", "1f968b", "20a387", "29af7f", "3cbb75"),
    *("55c667", "73d055", "95d840", "b8de29", "dce319", "fde725"),
)
GAP, BAR, SMALL = 2, 14, 64  # px between maps; height of the bar; side to which maps are enlarged
WIDE = 1_200  # px of a sheet, beyond which they are not
OUTSIDE = 0.005  # of all values that lie beyond either end of the range

Pixels = NDArray[np.uint8]


def table() -> Pixels:
    """256 colours, (256, 3)."""
    known = np.array([[int(one[i : i + 2], 16) for i in (0, 2, 4)] for one in VIRIDIS], float)
    places = np.linspace(0, len(known) - 1, 256)
    columns = [np.interp(places, np.arange(len(known)), known[:, i]) for i in range(3)]
    colours: Pixels = np.stack(columns, 1).round().astype(np.uint8)
    return colours


def span(values: NDArray[Any]) -> tuple[float, float]:
    """The range that colours stand for: all values but half a per cent at either end."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(q) for q in np.quantile(finite, [OUTSIDE, 1 - OUTSIDE]))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low, low + 1.0)


def coloured(values: NDArray[Any], low: float, high: float) -> Pixels:
    """Maps (..., H, W) as colours (..., H, W, 3); what is not finite is white."""
    place = (np.nan_to_num(values, nan=low) - low) / (high - low) * 255
    found: Pixels = table()[place.clip(0, 255).round().astype(np.uint8)]
    found[~np.isfinite(values)] = 255
    return found


def lines(values: NDArray[Any], low: float, high: float, height: int = SMALL) -> Pixels:
    """Lines (N, L) as images (N, height, L, 3): dark on white, low at the bottom."""
    length = values.shape[1]
    place = (height - 1) * (1 - (np.nan_to_num(values, nan=low) - low) / (high - low))
    place = place.clip(0, height - 1).round().astype(int)
    found = np.full((len(values), height, length, 3), 255, np.uint8)
    ink = table()[60]
    for picture, path in zip(found, place, strict=True):
        for x in range(length):
            last = path[max(x - 1, 0)]
            picture[min(last, path[x]) : max(last, path[x]) + 1, x] = ink
    return found


def tiles(samples: NDArray[Any], low: float, high: float) -> Pixels:
    """One image a sample, (N, H, W, 3): channels side by side, the middle slice of a volume."""
    if samples.ndim == 3:
        parts = [lines(samples[:, channel], low, high) for channel in range(samples.shape[1])]
        return np.concatenate(parts, 2 if samples.shape[2] <= 2 * SMALL else 1)
    if samples.ndim == 5:
        samples = samples[:, :, samples.shape[2] // 2]
    maps = coloured(samples, low, high)
    n, channels, height = maps.shape[:3]
    edge = np.full((n, height, 1, 3), 255, np.uint8)
    parts = [part for c in range(channels) for part in (edge, maps[:, c])][1:]
    return np.concatenate(parts, 2)


def sheet(
    samples: NDArray[Any],
    columns: int | None = None,
    *,
    unit: str = "",
    log_unit: float | None = None,
) -> Image.Image:
    """Samples (N, C, ...) in rows on white, one range of colours for all, with a bar below.

    columns: about as many as rows by default. log_unit: colours go by log(1 + value / log_unit);
    the bar tells values in either case.
    """
    shown = np.asarray(samples, np.float64)
    if log_unit is not None:
        shown = np.log1p(np.maximum(shown, 0) / log_unit)
    low, high = span(shown)
    images = tiles(shown, low, high)
    n, height, width, _ = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    scale = max(1, min(SMALL // height, WIDE // (columns * width)))
    images = images.repeat(scale, 1).repeat(scale, 2)
    height, width = height * scale, width * scale
    rows = math.ceil(n / columns)
    whole = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), 255, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = GAP + row * (height + GAP), GAP + column * (width + GAP)
        whole[top : top + height, left : left + width] = image
    ends = [low, high]
    if log_unit is not None:
        ends = [math.expm1(end) * log_unit for end in ends]
    return with_bar(Image.fromarray(whole), ends, unit, plotted=samples.ndim == 3)


def with_bar(image: Image.Image, ends: list[float], unit: str, *, plotted: bool) -> Image.Image:
    """An image with the range of its colours below: number, colours, number and unit."""
    font = ImageFont.load_default()
    left, right = f"{ends[0]:.3g}", f"{ends[1]:.3g} {unit}".strip()
    words = [f"{left} to {right}", "", ""] if plotted else ["", left, right]
    measure = ImageDraw.Draw(image)
    sizes = [math.ceil(measure.textlength(word, font=font)) for word in words]
    width = max(image.width, sum(sizes) + 8 * GAP + (0 if plotted else 32))
    found = Image.new("RGB", (width, image.height + BAR + GAP), "white")
    found.paste(image, (0, 0))
    pen, top = ImageDraw.Draw(found), image.height
    if plotted:
        pen.text((GAP, top), words[0], "black", font)
        return found
    pen.text((GAP, top), left, "black", font)
    pen.text((width - sizes[2] - GAP, top), right, "black", font)
    start, stop = sizes[1] + 3 * GAP, width - sizes[2] - 3 * GAP
    bar = table()[np.linspace(0, 255, max(stop - start, 1)).astype(np.uint8)]
    found.paste(Image.fromarray(np.repeat(bar[None], BAR - 4, 0)), (start, top + 2))
    return found
