"""What one avatar looks like, in words and numbers, before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from ganzfeld.data.avatars.oklab import Colour, nearest

CLASSES = ("short", "bob", "long", "curly", "bun", "mohawk", "bald", "cap", "beanie", "wizard")


# Palettes in OKLCH (lightness, chroma, hue in degrees), where equal steps look equal.
HAIR_COLOURS = {
    "black": (0.30, 0.025, 285.0),
    "brown": (0.43, 0.07, 52.0),
    "auburn": (0.49, 0.125, 36.0),
    "ginger": (0.68, 0.155, 54.0),
    "blonde": (0.86, 0.115, 88.0),
    "silver": (0.82, 0.015, 260.0),
    "pink": (0.76, 0.135, 2.0),
    "blue": (0.58, 0.13, 256.0),
    "teal": (0.67, 0.105, 180.0),
    "purple": (0.52, 0.14, 305.0),
}


CLOTHES_COLOURS = {
    "red": (0.62, 0.18, 25.0),
    "orange": (0.75, 0.15, 60.0),
    "yellow": (0.87, 0.14, 92.0),
    "green": (0.64, 0.12, 150.0),
    "teal": (0.63, 0.09, 195.0),
    "blue": (0.58, 0.13, 256.0),
    "navy": (0.37, 0.08, 270.0),
    "purple": (0.54, 0.13, 305.0),
    "pink": (0.77, 0.12, 0.0),
    "white": (0.95, 0.012, 90.0),
    "charcoal": (0.35, 0.015, 270.0),
}


BACKGROUND_COLOURS = {
    "green": (0.86, 0.085, 152.0),
    "blue": (0.83, 0.075, 238.0),
    "lavender": (0.80, 0.085, 300.0),
    "pink": (0.86, 0.08, 2.0),
    "peach": (0.86, 0.085, 58.0),
    "yellow": (0.92, 0.10, 95.0),
    "teal": (0.72, 0.09, 192.0),
    "navy": (0.38, 0.085, 272.0),
    "cream": (0.95, 0.028, 88.0),
    "coral": (0.75, 0.13, 28.0),
}


SKIN_NAMES = ("light", "tan", "brown", "dark")


@dataclass(frozen=True)
class Scene:
    """Everything that is to be known of one image, before any pixel.

    Colours are sRGB in [0, 1]. Lengths are in units of half the image's shorter side, in the
    head's own frame (x to the right, y down). Fields from `yaw` to `gaze_y` are in [-1, 1].
    """

    hair: str
    hat: str
    eyes: str
    glasses: str
    mouth: str
    beard: str
    earrings: str
    clothes: str
    background: str

    skin: Colour
    hair_colour: Colour
    eye_colour: Colour
    hat_colour: Colour
    clothes_colour: Colour
    accent_colour: Colour
    background_colour: Colour
    background_second: Colour

    skin_tone: float  # 0 light to 1 dark
    face_width: float  # half of it
    face_height: float
    jaw: float  # 0 an egg, 0.5 square
    size: float
    roll: float  # radians
    shift_x: float
    shift_y: float
    yaw: float
    pitch: float
    light_x: float
    light_y: float
    part: float  # side of the fringe
    gaze_x: float
    gaze_y: float
    eye_size: float
    eye_gap: float
    brow_height: float
    brow_tilt: float
    mouth_width: float
    mouth_curve: float
    mouth_open: float
    blush: float
    volume: float  # of the hair, 0 to 1
    length: float  # of the hair, 0 to 1
    fringe: float  # 0 high to 1 low
    body_width: float
    pattern_size: float
    pattern_angle: float
    pattern_shift: float

    @property
    def label(self) -> int:
        """Index in `CLASSES`: the hat where there is one, the hair otherwise."""
        return CLASSES.index(self.hair if self.hat == "none" else self.hat)

    @property
    def attributes(self) -> dict[str, str]:
        """One name for each of `ATTRIBUTES`."""
        return {
            "hair": self.hair,
            "hat": self.hat,
            "eyes": self.eyes,
            "glasses": self.glasses,
            "mouth": self.mouth,
            "beard": self.beard,
            "earrings": self.earrings,
            "clothes": self.clothes,
            "background": self.background,
            "skin": SKIN_NAMES[min(int(self.skin_tone * len(SKIN_NAMES)), len(SKIN_NAMES) - 1)],
            "hair_colour": nearest(self.hair_colour, HAIR_COLOURS),
            "clothes_colour": nearest(self.clothes_colour, CLOTHES_COLOURS),
            "background_colour": nearest(self.background_colour, BACKGROUND_COLOURS),
        }
