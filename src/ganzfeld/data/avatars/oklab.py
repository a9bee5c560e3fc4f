"""Colours in OKLab and OKLCH, where equal steps look equal (Ottosson 2020)."""

from __future__ import annotations

import math

Colour = tuple[float, float, float]


def from_oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """sRGB in [0, 1] of an OKLCH colour; hue in degrees (Ottosson 2020)."""
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        encode(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        encode(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        encode(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )


def to_oklab(colour: Colour) -> Colour:
    """OKLab (lightness, green to red, blue to yellow) of an sRGB colour in [0, 1]."""
    red, green, blue = (decode(value) for value in colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def encode(linear: float) -> float:
    linear = min(max(linear, 0.0), 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def decode(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def difference(one: Colour, other: Colour) -> float:
    """How different two sRGB colours look: their distance in OKLab."""
    return math.dist(to_oklab(one), to_oklab(other))


def nearest(colour: Colour, palette: dict[str, tuple[float, float, float]]) -> str:
    """The palette's name for a colour."""
    here = to_oklab(colour)

    def far(name: str) -> float:
        lightness, chroma, hue = palette[name]
        angle = math.radians(hue)
        return math.dist(here, (lightness, chroma * math.cos(angle), chroma * math.sin(angle)))

    return min(palette, key=far)


def neighbour(colour: Colour, turn: float) -> Colour:
    """A colour that goes with this one: a little lighter or darker, its hue turned a little."""
    lightness, a, b = to_oklab(colour)
    hue = math.degrees(math.atan2(b, a)) + 40 * turn
    step = 0.07 if lightness < 0.8 else -0.075
    return from_oklch(lightness + step, math.hypot(a, b) * 1.15, hue)
