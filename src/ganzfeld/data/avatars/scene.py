"""Avatars: cartoon faces that the package draws itself, at any size, from a seed.

Image `index` of a `seed` is a `Scene`: names (hair, hat, eyes ...), colours and numbers (pose,
face, light ...). The scene knows its class and its attributes; `captions` puts it into words, and
`portraits` paints it in three styles that share one geometry, so the same scene in two styles is a
true pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.avatars.description import (
    BACKGROUND_COLOURS,
    CLASSES,
    CLOTHES_COLOURS,
    HAIR_COLOURS,
    SKIN_NAMES,
    Scene,
)
from ganzfeld.data.avatars.oklab import Colour, difference, from_oklch, neighbour
from ganzfeld.data.avatars.portrait import portraits
from ganzfeld.errors import UsageError, did_you_mean

VERSION = 1  # part of data fingerprints: raise it when any image changes


STYLES = ("colour", "lines", "comic")

HAIR_ODDS = (0.17, 0.18, 0.11, 0.11, 0.13, 0.06, 0.08, 0.06, 0.05, 0.05)
ACCENT_COLOURS = {name: it for name, it in CLOTHES_COLOURS.items() if name != "charcoal"}
EYE_COLOURS = {
    "brown": (0.41, 0.075, 52.0),
    "blue": (0.58, 0.11, 245.0),
    "green": (0.58, 0.11, 150.0),
}
SKINS: tuple[Colour, ...] = (
    (1.00, 0.875, 0.790),
    (0.985, 0.805, 0.680),
    (0.925, 0.705, 0.545),
    (0.800, 0.565, 0.410),
    (0.620, 0.410, 0.290),
    (0.455, 0.295, 0.215),
)

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "hair": ("short", "bob", "long", "curly", "bun", "mohawk", "bald"),
    "hat": ("none", "cap", "beanie", "wizard"),
    "eyes": ("round", "almond", "happy", "sleepy", "hidden"),
    "glasses": ("none", "round", "square", "sun"),
    "mouth": ("smile", "open", "neutral", "sad"),
    "beard": ("none", "moustache", "full"),
    "earrings": ("none", "studs", "hoops"),
    "clothes": ("plain", "striped", "collar", "hoodie"),
    "background": ("plain", "gradient", "stripes", "dots", "circle"),
    "skin": SKIN_NAMES,
    "hair_colour": tuple(HAIR_COLOURS),
    "clothes_colour": tuple(CLOTHES_COLOURS),
    "background_colour": tuple(BACKGROUND_COLOURS),
}


def scene(seed: int, index: int) -> Scene:
    """The scene of image `index`: a function of (seed, index) alone."""
    # One draw for the whole image: a fresh generator costs more than its numbers.
    drawn: list[float] = numpy_generator(seed, "avatars", index).random(100).tolist()
    numbers = iter(drawn)

    def between(low: float, high: float) -> float:
        return low + (high - low) * next(numbers)

    def bell(width: float) -> float:
        return width * (next(numbers) + next(numbers) - 1)

    def pick(names: Sequence[str], odds: Iterable[float]) -> str:
        left = next(numbers)
        for name, share in zip(names, odds, strict=True):
            left -= share
            if left < 0:
                return name
        return names[-1]

    def shade(palette: dict[str, tuple[float, float, float]], name: str) -> Colour:
        lightness, chroma, hue = palette[name]
        lightness += between(-0.035, 0.035)
        return from_oklch(lightness, chroma * between(0.88, 1.12), hue + between(-9, 9))

    def apart(
        palette: dict[str, tuple[float, float, float]], others: Sequence[Colour], far: float
    ) -> Colour:
        """A colour of the palette that stands out from the others."""
        names = list(palette)
        first = int(next(numbers) * len(names))
        stride = (1, 3, 7, 9)[int(next(numbers) * 4)]  # each visits all of 10 or 11 names
        jitter = between(-0.03, 0.03), between(0.9, 1.1), between(-8, 8)
        for step in range(len(names)):
            lightness, chroma, hue = palette[names[(first + stride * step) % len(names)]]
            colour = from_oklch(lightness + jitter[0], chroma * jitter[1], hue + jitter[2])
            if all(difference(colour, other) > far for other in others):
                break
        return colour

    kind = CLASSES[int(next(numbers) * len(CLASSES))]
    hat = kind if kind in ATTRIBUTES["hat"] else "none"
    hair = kind
    under = pick(("short", "bob", "long"), (0.36, 0.32, 0.32))
    if hat != "none":
        hair = under

    glasses = pick(ATTRIBUTES["glasses"], (0.62, 0.14, 0.13, 0.11))
    eyes = pick(ATTRIBUTES["eyes"][:4], (0.40, 0.27, 0.17, 0.16))
    mouth = pick(ATTRIBUTES["mouth"], (0.42, 0.28, 0.18, 0.12))
    beard = pick(ATTRIBUTES["beard"], (0.58, 0.16, 0.26))
    earrings = pick(ATTRIBUTES["earrings"], (0.60, 0.20, 0.20))
    clothes = pick(ATTRIBUTES["clothes"], (0.30, 0.22, 0.24, 0.24))
    background = pick(ATTRIBUTES["background"], (0.22, 0.22, 0.17, 0.17, 0.22))
    if eyes == "happy" and mouth in ("neutral", "sad"):
        eyes = "round"
    if glasses == "sun":
        eyes = "hidden"
    if hair not in ("short", "mohawk", "bald"):
        beard = "none"
    if hair in ("bob", "long", "curly") or (hat == "none" and hair == "short" and beard != "none"):
        earrings = "none"

    tone = next(numbers)
    place = tone * (len(SKINS) - 1)
    low = min(int(place), len(SKINS) - 2)
    part = place - low
    warm = between(-0.015, 0.015)
    skin = (
        SKINS[low][0] + part * (SKINS[low + 1][0] - SKINS[low][0]),
        SKINS[low][1] + part * (SKINS[low + 1][1] - SKINS[low][1]) + warm / 2,
        SKINS[low][2] + part * (SKINS[low + 1][2] - SKINS[low][2]) - warm,
    )
    hair_colour = shade(HAIR_COLOURS, pick(tuple(HAIR_COLOURS), HAIR_ODDS))
    if difference(hair_colour, skin) < 0.12:
        hair_colour = apart(HAIR_COLOURS, (skin,), 0.2)
    backdrop = apart(BACKGROUND_COLOURS, (hair_colour, skin), 0.115)
    clothes_colour = apart(CLOTHES_COLOURS, (backdrop, skin, hair_colour), 0.15)
    hat_colour = apart(CLOTHES_COLOURS, (backdrop, hair_colour, skin), 0.17)
    accent = apart(ACCENT_COLOURS, (clothes_colour, hat_colour, hair_colour), 0.22)
    eye_colour = shade(EYE_COLOURS, pick(tuple(EYE_COLOURS), (0.5, 0.25, 0.25)))
    second = neighbour(backdrop, between(-1, 1))

    side = 1.0 if next(numbers) < 0.5 else -1.0
    curve = {"smile": (0.7, 1.3), "open": (0.6, 1.2), "neutral": (-0.12, 0.18), "sad": (-1.1, -0.6)}
    return Scene(
        hair=hair,
        hat=hat,
        eyes=eyes,
        glasses=glasses,
        mouth=mouth,
        beard=beard,
        earrings=earrings,
        clothes=clothes,
        background=background,
        skin=skin,
        hair_colour=hair_colour,
        eye_colour=eye_colour,
        hat_colour=hat_colour,
        clothes_colour=clothes_colour,
        accent_colour=accent,
        background_colour=backdrop,
        background_second=second,
        skin_tone=tone,
        face_width=between(0.455, 0.52),
        face_height=between(0.47, 0.53),
        jaw=between(0.0, 0.42),
        size=between(1.0, 1.1),
        roll=bell(0.13),
        shift_x=bell(0.06),
        shift_y=bell(0.04),
        yaw=bell(1.0),
        pitch=bell(1.0),
        light_x=side * between(0.35, 0.8),
        light_y=between(-0.8, -0.5),
        part=between(0.35, 1.0) * (1.0 if next(numbers) < 0.5 else -1.0),
        gaze_x=bell(1.0),
        gaze_y=bell(1.0),
        eye_size=between(0.9, 1.12),
        eye_gap=between(0.195, 0.235),
        brow_height=between(0.0, 0.05),
        brow_tilt=bell(0.03),
        mouth_width=between(0.1, 0.15),
        mouth_curve=between(*curve[mouth]),
        mouth_open=between(0.8, 1.2),
        blush=between(0.25, 0.6),
        volume=next(numbers),
        length=next(numbers),
        fringe=next(numbers),
        body_width=between(0.68, 0.8),
        pattern_size=between(0.26, 0.4),
        pattern_angle=between(-1.2, 1.2),
        pattern_shift=next(numbers),
    )


def draw(
    scenes: Sequence[Scene], height: int, width: int, style: str = "colour"
) -> NDArray[np.uint8]:
    """Images of the scenes, (N, 3, height, width), uint8.

    `style` is one of `STYLES`: "colour" (soft shading), "lines" (dark outlines on white, three
    equal channels) or "comic" (another artist: ink, flat colours, hard shadows). The square in the
    middle holds the face; the background covers what a longer side adds.
    """
    if style not in STYLES:
        raise UsageError(f"no style {style!r} of avatars", fix=did_you_mean(style, STYLES))
    return portraits(scenes, height, width, style)


def avatars(
    count: int,
    height: int,
    width: int,
    seed: int = 0,
    style: str = "colour",
    start: int = 0,
    report: Callable[[int], None] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images `start` to `start + count` and their labels: (N, 3, height, width), (N,).

    `report` is called with the number of images done so far.
    """
    pictures = np.empty((count, 3, height, width), np.uint8)
    labels = np.empty(count, np.int64)
    # About 64k pixels at a time: the working arrays stay in the processor's cache.
    chunk = max(1, min(256, 65536 // (height * width)))
    for done in range(0, count, chunk):
        scenes = [scene(seed, start + i) for i in range(done, min(done + chunk, count))]
        end = done + len(scenes)
        pictures[done:end] = draw(scenes, height, width, style)
        labels[done:end] = [s.label for s in scenes]
        if report is not None:
            report(end)
    return pictures, labels
