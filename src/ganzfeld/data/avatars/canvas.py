"""Tools for painting faces: distance functions, and a canvas with three styles.

A shape is a signed distance to its edge, negative inside, for every pixel of a region: its cover
is `0.5 - distance / pixel`, clipped, which antialiases at any size. Distances need only be right
near the edge. Everything is float32 and vectorised over the scenes of a batch: parameters are
(n, 1, 1), coordinates (n, h, w), colours (n, 3, 1, 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ganzfeld.data.avatars.description import Scene

Array: TypeAlias = NDArray[Any]  # float32, which numpy's types forget at the first operator
Number: TypeAlias = Array | float

INKS = {"lines": (0.12, 0.12, 0.12), "comic": (0.16, 0.11, 0.19)}
NUMBERS = (
    *("skin_tone", "face_width", "face_height", "jaw", "size", "roll", "shift_x", "shift_y"),
    *("yaw", "pitch", "light_x", "light_y", "part", "gaze_x", "gaze_y", "eye_size", "eye_gap"),
    *("brow_height", "brow_tilt", "mouth_width", "mouth_curve", "mouth_open", "blush", "volume"),
    *("length", "fringe", "body_width", "pattern_size", "pattern_angle", "pattern_shift"),
)
COLUMNS = {name: column for column, name in enumerate(NUMBERS)}
COLOURS = (
    *("skin", "hair_colour", "eye_colour", "hat_colour", "clothes_colour", "accent_colour"),
    *("background_colour", "background_second"),
)
read_numbers = attrgetter(*NUMBERS)
read_colours = attrgetter(*COLOURS)


# Shapes: signed distances


def ellipse(x: Array, y: Array, wide: Number, high: Number, square: Number = 0.0) -> Array:
    """An ellipse with half-axes `wide` and `high`; `square` in [0, 1) swells its corners.

    u^2 + v^2 - square u^2 v^2 = 1 (Fernandez-Guasti 1992), over its gradient's length.
    """
    u, v = x / wide, y / high
    uu, vv = u * u, v * v
    value = uu + vv - 1
    if isinstance(square, float) and square == 0:
        slope = np.sqrt(uu / (wide * wide) + vv / (high * high))
    else:
        # The quartic has branches beyond the corners: there, its cross term must stop growing.
        short, tall = np.minimum(uu, 1), np.minimum(vv, 1)
        value -= square * short * tall
        slope = np.sqrt(
            uu * ((1 - square * tall) / wide) ** 2 + vv * ((1 - square * short) / high) ** 2
        )
    slope += 1e-4
    value /= slope
    value *= 0.5
    return value


def arc(x: Array, y: Array, half: Number, sag: Number) -> Array:
    """Distance to a parabola of half-width `half` whose middle hangs `sag` below its ends."""
    u = np.clip(x / half, -1, 1)
    across = y - sag * (1 - u * u)
    slope = 2 * sag / half * u
    beyond = np.maximum(np.abs(x) - half, 0)
    distance: Array = np.sqrt(across**2 / (1 + slope**2) + beyond**2)
    return distance


def box(x: Array, y: Array, wide: Number, high: Number, corner: float = 0.0) -> Array:
    """A rectangle with half-sides `wide` and `high` and round corners."""
    across, along = np.abs(x) - (wide - corner), np.abs(y) - (high - corner)
    outside = np.hypot(np.maximum(across, 0), np.maximum(along, 0))
    return outside + np.minimum(np.maximum(across, along), 0) - corner


def melt(one: Array, other: Array, width: float) -> Array:
    """The union of two shapes, their joint rounded over `width`."""
    blend = np.clip(0.5 + 0.5 * (other - one) / width, 0, 1)
    return other + (one - other) * blend - width * blend * (1 - blend)


def blob(x: Array, y: Array, wide: Number, high: Number) -> Array:
    """A soft spot: 1 in the middle, 0 at the ellipse, smooth."""
    u, v = x / wide, y / high
    inside = np.maximum(1 - u * u - v * v, 0)
    return inside * inside


def turn(x: Array, y: Array, angle: Number) -> tuple[Array, Array]:
    """Coordinates seen from a frame turned by `angle` radians."""
    angle = np.asarray(angle, np.float32)
    c, s = np.cos(angle), np.sin(angle)
    return x * c + y * s, y * c - x * s


def paint(red: float, green: float, blue: float) -> Array:
    """A colour for all scenes, or a factor for each channel of one: (1, 3, 1, 1)."""
    return np.array((red, green, blue), np.float32)[None, :, None, None]


def mix(one: Array, other: Array | tuple[float, float, float], share: float) -> Array:
    """A colour `share` of the way from one to the other."""
    if isinstance(other, tuple):
        other = paint(*other)
    return one + share * (other - one)


WHITE = paint(1, 1, 1)


# The canvas


@dataclass
class Region:
    """A window of the image for some of the scenes: coordinates, and their parameters."""

    which: NDArray[np.intp]
    rows: slice
    columns: slice
    x: Array
    y: Array
    pixel: Array  # a pixel's side in these coordinates
    numbers: Array
    colours: Array

    def __getitem__(self, name: str) -> Array:
        return self.numbers[:, COLUMNS[name], None, None]

    def colour(self, name: str) -> Array:
        return self.colours[:, COLOURS.index(name), :, None, None]

    def only(self, those: NDArray[np.intp]) -> Region:
        """The same window for some of its scenes: indices into this region."""
        return Region(
            self.which[those],
            self.rows,
            self.columns,
            self.x[those],
            self.y[those],
            self.pixel[those],
            self.numbers[those],
            self.colours[those],
        )

    def light(self, u: Array, v: Array) -> Array:
        """How much a round thing is lit at (u, v) in [-1, 1]: about -1 to 1."""
        light: Array = self["light_x"] * u + self["light_y"] * v
        return light


class Canvas:
    """Pixels (N, 3, H, W), and how each style paints a shape, a stroke and a glow."""

    def __init__(self, scenes: Sequence[Scene], height: int, width: int, style: str) -> None:
        side = min(height, width)
        self.pixel = 2.0 / side
        self.scenes, self.style = scenes, style
        self.ink = paint(*INKS.get(style, (0.0, 0.0, 0.0)))
        self.everyone = np.arange(len(scenes))
        self.numbers = np.array([read_numbers(s) for s in scenes], np.float32)
        self.colours = np.array([read_colours(s) for s in scenes], np.float32)
        if style == "comic":
            self.colours = vivid(self.colours)
        self.x = ((2 * np.arange(width) + 1 - width) / side).astype(np.float32)
        self.y = ((2 * np.arange(height) + 1 - height) / side).astype(np.float32)
        self.pixels = np.ones((len(scenes), 3, height, width), np.float32)

        # Tall heads stand lower and are smaller. The head turns about the chin.
        tall = {"wizard": 1.0, "bun": 0.7, "mohawk": 0.7, "beanie": 0.5, "cap": 0.1}
        rise = [tall.get(s.hair if s.hat == "none" else s.hat, 0.0) for s in scenes]
        above = np.array(rise, np.float32)
        size, roll = self.number("size") - 0.07 * above, self.number("roll")
        self.cos, self.sin = np.cos(roll), np.sin(roll)
        self.pivot_x = self.number("shift_x")
        self.pivot_y = 0.6 + self.number("shift_y") + 0.11 * above
        self.size = size

    def number(self, name: str) -> Array:
        return self.numbers[:, COLUMNS[name]]

    def those(self, test: Callable[[Scene], bool]) -> NDArray[np.intp]:
        return np.array([i for i, s in enumerate(self.scenes) if test(s)], np.intp)

    def are(self, at: Region, test: Callable[[Scene], bool]) -> NDArray[np.bool_]:
        """Which of a region's scenes pass a test: (n, 1, 1)."""
        return np.array([test(self.scenes[i]) for i in at.which])[:, None, None]

    def head(
        self, which: NDArray[np.intp], left: Number, right: Number, top: Number, bottom: Number
    ) -> Region:
        """The window around a rectangle of the head's own frame, for all these scenes."""
        c, s, size = self.cos[which], self.sin[which], self.size[which]
        pivot_x, pivot_y = self.pivot_x[which], self.pivot_y[which]
        # The box's image in the canvas: a centre and two half-sides, turned.
        middle_x, middle_y = (right + left) / 2, (bottom + top) / 2 - 0.5
        half_x, half_y = (right - left) / 2, (bottom - top) / 2
        x = pivot_x + size * (c * middle_x - s * middle_y)
        y = pivot_y + size * (s * middle_x + c * middle_y)
        reach_x = size * (c * half_x + np.abs(s) * half_y)
        reach_y = size * (np.abs(s) * half_x + c * half_y)
        rows, columns = self.window(x - reach_x, x + reach_x, y - reach_y, y + reach_y)
        c, s, size = c[:, None], s[:, None], size[:, None]
        across = (self.x[columns] - pivot_x[:, None]) / size
        along = (self.y[rows] - pivot_y[:, None]) / size
        return Region(
            which,
            rows,
            columns,
            (c * across)[:, None, :] + (s * along)[:, :, None],
            (c * along)[:, :, None] - (s * across - 0.5)[:, None, :],
            (self.pixel / size)[:, :, None],
            self.numbers[which],
            self.colours[which],
        )

    def body(
        self, which: NDArray[np.intp], left: float, right: float, top: float, bottom: float
    ) -> Region:
        """The window around a rectangle of the body's frame, which only moves sideways."""
        centre = 0.8 * self.number("shift_x")[which]
        y = np.array([top, bottom])
        rows, columns = self.window(centre + left, centre + right, y, y)
        x = self.x[columns] - centre[:, None]
        shape = (len(which), rows.stop - rows.start, columns.stop - columns.start)
        return Region(
            which,
            rows,
            columns,
            np.broadcast_to(x[:, None, :], shape),
            np.broadcast_to(self.y[rows][:, None], shape),
            np.full((len(which), 1, 1), self.pixel, np.float32),
            self.numbers[which],
            self.colours[which],
        )

    def window(self, left: Array, right: Array, top: Array, bottom: Array) -> tuple[slice, slice]:
        """Rows and columns that hold a box and the ink around it."""
        room = 0.05 + self.pixel
        rows = np.searchsorted(self.y, [top.min() - room, bottom.max() + room])
        columns = np.searchsorted(self.x, [left.min() - room, right.max() + room])
        return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))

    def blend(self, at: Region, cover: Array, colour: Array) -> None:
        """Lay a colour, (n, 3, 1, 1) or (n, 3, h, w), over the pixels where it covers."""
        window = self.pixels[:, :, at.rows, at.columns]
        whole = len(at.which) == len(self.pixels)
        patch = window if whole else window[at.which]
        over = colour - patch
        over *= cover[:, None]
        patch += over
        if not whole:
            window[at.which] = patch

    def cover(self, at: Region, distance: Array) -> Array:
        cover = distance * (-1 / at.pixel)
        cover += 0.5
        return np.clip(cover, 0, 1, out=cover)

    def shape(
        self,
        at: Region,
        distance: Array,
        colour: Array,
        light: Array | None = None,
        *,
        line: str = "edge",
    ) -> None:
        """Fill a shape. `light` in about [-1, 1] shades it.

        `line` says what line art makes of it: its "edge" on white, "dark", or "white".
        """
        cover = self.cover(at, distance)
        if self.style == "lines":
            self.blend(at, cover, self.ink if line == "dark" else WHITE)
            if line == "edge":
                self.outline(at, distance, 0.017)
            return
        if light is None:
            self.blend(at, cover, colour)
        else:
            lit = mix(colour, (1, 1, 1), 0.16)
            dim = colour * paint(0.74, 0.66, 0.76)
            if self.style == "comic":
                shade = np.clip((light + 0.42) / at.pixel, 0, 1)
                self.blend(at, cover, dim + shade[:, None] * (colour - dim))
            else:
                light = np.clip(light, -1.2, 1.2)
                middle, half = (lit + dim) / 2, (lit - dim) / 2
                self.blend(at, cover, mix(middle, colour, 0.6) + light[:, None] * half)
        if self.style == "comic" and line == "edge":
            self.outline(at, distance, 0.022)

    def outline(self, at: Region, distance: Array, half: float) -> None:
        self.blend(at, self.cover(at, np.abs(distance) - half), self.ink)

    def stroke(self, at: Region, distance: Array, half: float, colour: Array) -> None:
        """A line of half-width `half` around where the distance is nil."""
        self.blend(
            at, self.cover(at, distance - half), colour if self.style == "colour" else self.ink
        )

    def glow(self, at: Region, cover: Array, colour: Array, *, comic: float = -1.0) -> None:
        """Soft light or shade, which line art leaves out; comic draws it hard where > `comic`."""
        if self.style == "lines":
            return
        if self.style == "comic":
            if comic < 0:
                return
            cover = np.clip((cover - comic) * (0.12 / at.pixel), 0, 1) * 0.8
        self.blend(at, cover, colour)


def vivid(colours: Array) -> Array:
    """The comic's palette, (N, colours, 3): more saturated and a little warmer."""
    grey = colours.mean(2, keepdims=True)
    strong = grey + 1.3 * (colours - grey)
    warm: Array = np.clip(strong * np.array((1.03, 1.0, 0.94), np.float32), 0, 1)
    return warm
