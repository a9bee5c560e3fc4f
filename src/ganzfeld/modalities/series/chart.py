"""Series as line charts: a panel a series, a colour a channel, one scale for all panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ganzfeld.modalities.series.scaling import fit

# Okabe and Ito 2008: told apart by the colour-blind, too
COLOURS = (
    *((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167)),
    *((86, 180, 233), (230, 159, 0), (120, 120, 120), (0, 0, 0)),
)
WIDTH, HEIGHT, GAP, LINE = 176, 96, 8, 16  # px: a panel, between panels, a line of text
FINE = 3  # times finer while it is drawn, so that lines are smooth
GRID, BORDER = (232, 232, 232), (200, 200, 200)
OUTSIDE = 0.002  # of all values that lie beyond either end of the scale
NAMED = 24  # characters of a channel's name

Floats = NDArray[np.float64]


def span(values: NDArray[Any]) -> tuple[float, float]:
    """The ends of a scale for values: nearly all of them, and a little room at either side."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(q) for q in np.quantile(finite, [OUTSIDE, 1 - OUTSIDE]))
    room = 0.05 * (high - low) or 0.5 * max(abs(low), 1.0)
    return low - room, high + room


def panel(series: Floats, low: float, high: float) -> Image.Image:
    """One series (C, T) as lines; the light line is zero, where the scale has it."""
    width, height = WIDTH * FINE, HEIGHT * FINE
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)

    def y(value: float) -> float:
        part = min(max((value - low) / (high - low), 0.0), 1.0)
        return (height - 1) - part * (height - 1)

    if low < 0 < high:
        pen.line([(0, y(0)), (width, y(0))], GRID, FINE)
    length = series.shape[1]
    places = np.linspace(FINE, width - 1 - FINE, max(length, 2))
    for channel in reversed(range(len(series))):  # the first lies on top
        colour = COLOURS[channel % len(COLOURS)]
        row = series[channel]
        points = [
            (x, y(float(v))) for x, v in zip(places[:length], row, strict=True) if np.isfinite(v)
        ]
        if len(points) > 1:
            pen.line(points, colour, 4, joint="curve")
        elif points:
            pen.ellipse([points[0][0] - 4, points[0][1] - 4, points[0][0] + 4, points[0][1] + 4])
    pen.rectangle([0, 0, width - 1, height - 1], outline=BORDER, width=FINE)
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def sheet(
    samples: NDArray[Any],
    columns: int | None = None,
    *,
    names: Sequence[str] = (),
    mean: Sequence[float] | None = None,
    deviation: Sequence[float] | None = None,
) -> Image.Image:
    """Series (N, C, T) in rows of panels on white, with the channels' names and the scale below.

    columns: about as many as rows by default. mean, deviation: of each channel; several channels
    share a scale of deviations, one channel has that of its unit.
    """
    x = np.asarray(samples, np.float64)
    channels = x.shape[1]
    if channels > 1:
        known = fit(np.nan_to_num(x))
        centre = np.asarray(known["mean"] if mean is None else mean)
        spread = np.asarray(known["deviation"] if deviation is None else deviation)
        x = (x - centre[:, None]) / spread[:, None]
    low, high = span(x)
    count = len(x)
    columns = columns or max(1, math.ceil(math.sqrt(count * HEIGHT / WIDTH)))
    rows = math.ceil(count / columns)
    legend = legend_rows(names or [f"channel {n}" for n in range(channels)], low, high)
    size = columns * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP) + GAP
    need = max(sum(length for length, _, _ in row) for row in legend) + 2 * GAP
    found = Image.new("RGB", (max(size[0], need), size[1] + LINE * len(legend) + GAP), "white")
    for index, series in enumerate(x):
        row, column = divmod(index, columns)
        place = GAP + column * (WIDTH + GAP), GAP + row * (HEIGHT + GAP)
        found.paste(panel(series, low, high), place)
    pen, font = ImageDraw.Draw(found), ImageFont.load_default()
    for number, row_of_words in enumerate(legend):
        left, top = GAP, size[1] + number * LINE
        for length, words, colour in row_of_words:
            pen.text((left, top), words, colour, font)
            left += length
    return found


def legend_rows(
    names: Sequence[str], low: float, high: float, most: int = 4
) -> list[list[tuple[int, str, Any]]]:
    """Lines of (width in px, words, colour): the channels, then the scale."""
    font = ImageFont.load_default()
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))

    def wide(words: str) -> int:
        return math.ceil(measure.textlength(words, font=font)) + 2 * GAP

    shown = [plain(name) for name in names[: len(COLOURS)]]
    if len(names) > len(COLOURS):
        shown[-1] = f"and {len(names) - len(COLOURS) + 1} more"
    cells = [(wide(name), name, COLOURS[place]) for place, name in enumerate(shown)]
    rows: list[list[tuple[int, str, Any]]] = [
        [(length, words, colour) for length, words, colour in cells[start : start + most]]
        for start in range(0, len(cells), most)
    ]
    unit = " deviations of each channel" if len(names) > 1 else ""
    scale = f"{low:.3g} to {high:.3g}{unit}"
    return [*rows, [(wide(scale), scale, "black")]]


def plain(name: str) -> str:
    """A name as the font of images has it: Latin letters, and "?" for others."""
    known = "".join(c if " " <= c <= "~" else "?" for c in name)
    return known if len(known) <= NAMED else known[: NAMED - 3] + "..."
