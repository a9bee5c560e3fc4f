"""Draw hair, hats and heads of avatars."""

from __future__ import annotations

import numpy as np

from ganzfeld.data.avatars.canvas import (
    Array,
    Canvas,
    Region,
    blob,
    box,
    ellipse,
    melt,
    mix,
    paint,
    turn,
)


def hair_light(at: Region) -> Array:
    return at.light(at.x * 1.5, (at.y + 0.15) * 1.3)


def back_hair(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.hair in ("bob", "long"))
    if len(which):
        at = canvas.head(which, -0.75, 0.75, -0.7, 1.2)
        long = canvas.are(at, lambda s: s.hair == "long").astype(np.float32)
        hem = 0.36 + 0.12 * at["length"] + long * (0.45 + 0.12 * at["length"])
        wide = at["face_width"] + 0.1 + 0.05 * at["volume"]
        top = ellipse(at.x, np.minimum(at.y + 0.02, 0.0), wide, 0.6)
        flare = 1 + 0.12 * np.clip(at.y, 0, 1)
        sides = box(at.x / flare, at.y - (hem - 0.45) / 2, wide, (hem + 0.45) / 2, 0.22)
        distance = np.where(at.y < -0.02, top, np.maximum(sides, at.y - hem))
        distance = np.maximum(distance, crown(canvas, at))
        canvas.shape(at, distance, at.colour("hair_colour") * 0.8, hair_light(at))

    which = canvas.those(lambda s: s.hair == "curly")
    if len(which):
        at = canvas.head(which, -0.85, 0.85, -0.85, 0.6)
        canvas.shape(at, cloud(at), at.colour("hair_colour") * 0.86, hair_light(at))


def crown(canvas: Canvas, at: Region) -> Array:
    """Distance to what a hat leaves of the hair: all that is below its brim."""
    hatted = canvas.are(at, lambda s: s.hat != "none")
    return np.where(hatted, -0.24 - at.y, np.float32(-9))


def cloud(at: Region) -> Array:
    """A mass of curls: an ellipse with a scalloped edge."""
    angle = np.arctan2(at.y + 0.1, at.x)
    puff = np.abs(np.sin(angle * 5.5 + 3 * at["part"]))
    wide = at["face_width"] + 0.1 + 0.08 * at["volume"]
    high = 0.54 + 0.08 * at["volume"]
    distance: Array = ellipse(at.x, at.y + 0.1, wide, high) - 0.06 * puff
    return distance


def locks(canvas: Canvas) -> None:
    """Long hair falls over the shoulders, in front of them."""
    which = canvas.those(lambda s: s.hair == "long")
    if len(which):
        at = canvas.head(which, -0.75, 0.75, -0.2, 1.15)
        x = np.abs(at.x) - at["face_width"] - 0.03 - 0.05 * np.sin(5 * at.y)
        high = 0.52 + 0.13 * at["length"]
        distance = ellipse(x, at.y - 0.38, 0.125 + 0.03 * at["volume"], high, 0.25)
        light = at.light(np.sign(at.x) * x * 6, (at.y - 0.3) * 1.5)
        canvas.shape(at, distance, at.colour("hair_colour") * 0.93, light)


def face_distance(at: Region) -> Array:
    """The head without hair: round above, jaw below."""
    high = np.where(at.y < 0, np.float32(0.5), at["face_height"])
    square = np.where(at.y < 0, np.float32(0.12), at["jaw"])
    # Cheeks narrow towards the chin.
    wide = at["face_width"] * (1 - 0.1 * np.clip(at.y, 0, 1))
    return ellipse(at.x, at.y, wide, high, square)


# The opening that a hair style leaves for the face: the height of its middle, its half-axes (the
# first as a share of the face), square corners, slant towards the parting, how far it peaks there,
# how deep strands notch it, and where the hair ends at the temples.
HAIRLINES = {
    "short": (0.28, 0.97, 0.57, 0.40, 0.30, 0.0, 0.05, -0.02),
    "bob": (0.36, 0.90, 0.61, 0.72, 0.05, 0.0, 0.045, 0.30),
    "long": (0.27, 0.93, 0.66, 0.20, 0.0, 0.55, 0.0, 0.40),
    "curly": (0.27, 1.02, 0.57, 0.30, 0.1, 0.0, 0.06, 0.50),
    "bun": (0.22, 0.95, 0.62, 0.15, 0.12, 0.1, 0.0, 0.04),
}


def front_hair(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.hair in HAIRLINES)
    if not len(which):
        return
    at = canvas.head(which, -0.8, 0.8, -0.85, 0.5)
    names = [canvas.scenes[i].hair for i in which]
    line = np.array([HAIRLINES[name] for name in names], np.float32)[:, :, None, None]
    middle, wide, high, square, slant, peak, notch, ends = (line[:, i] for i in range(8))
    hatted = canvas.are(at, lambda s: s.hat != "none").astype(np.float32)
    puff = (0.05 + 0.05 * at["volume"]) * (1 - hatted) + 0.02
    skull = ellipse(at.x, at.y + 0.04, at["face_width"] + 0.02 + 0.6 * puff, 0.5 + puff, 0.1)

    short = np.flatnonzero([name == "short" for name in names])
    if len(short):  # a quiff, combed away from the parting
        part = at.only(short)
        u, v = turn(part.x - 0.14 * part["part"], part.y + 0.5, -0.3 * part["part"])
        quiff = ellipse(u, v, 0.34, 0.13 + 0.05 * part["volume"], 0.2) + 0.2 * hatted[short]
        skull[short] = melt(skull[short], quiff, 0.1)
    curly = np.flatnonzero([name == "curly" for name in names])
    if len(curly):
        skull[curly] = cloud(at.only(curly))

    x = at.x - 0.05 * at["yaw"] - 0.1 * at["part"] * slant
    bent = at.y - middle - 0.06 * at["fringe"] - peak * np.abs(x - 0.12 * at["part"] * peak)
    u, v = turn(x, bent, slant * at["part"])
    opening = ellipse(u, v, at["face_width"] * wide, high, square)
    strands = np.abs(np.sin(9 * u + 4 * at["part"] + 1.2 * np.sin(5 * u)))
    opening += notch * strands * (v < 0)
    distance = np.maximum(np.maximum(skull, -opening), at.y - ends)
    distance = np.maximum(distance, crown(canvas, at))
    colour = at.colour("hair_colour")

    # The shadow that the fringe casts on the forehead.
    shadow = np.clip(1 - distance / 0.09, 0, 1) * (skull < -0.06) * (at.y < 0.2)
    skin = at.colour("skin") * paint(0.74, 0.6, 0.6)
    canvas.glow(at, 0.45 * shadow.astype(np.float32), skin)
    canvas.shape(at, distance, colour, hair_light(at))

    # A ring of light around the crown, on the side of the lamp.
    ring = 1 - np.abs(skull + 0.13) / 0.06
    toward = at.light(at.x * 1.6, at.y * 1.6) - 0.35
    shine = np.clip(ring, 0, 1) * np.clip(2 * toward, 0, 1) * canvas.cover(at, distance + 0.02)
    canvas.glow(at, 0.55 * shine, mix(colour, (1, 0.97, 0.92), 0.55), comic=0.3)


def top_hair(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.hair == "bun" and s.hat == "none")
    if len(which):
        at = canvas.head(which, -0.4, 0.4, -1.02, -0.4)
        colour = at.colour("hair_colour")
        x, y = at.x - 0.06 * at["part"], at.y + 0.7
        radius = 0.18 + 0.05 * at["volume"]
        canvas.shape(at, ellipse(x, y, radius, radius * 0.92), colour, at.light(x * 4.5, y * 4.5))
        shine = blob(x - 0.09 * at["light_x"], y + 0.08, 0.1, 0.06)
        canvas.glow(at, 0.6 * shine, mix(colour, (1, 0.97, 0.92), 0.6), comic=0.35)
        tie = box(x, at.y + 0.555, 0.12, 0.03, 0.03)
        canvas.shape(at, tie, at.colour("accent_colour"))

    which = canvas.those(lambda s: s.hair == "mohawk" and s.hat == "none")
    if len(which):
        at = canvas.head(which, -0.5, 0.5, -1.05, -0.1)
        colour = at.colour("hair_colour")
        # Shaved sides: only a shade on the skull.
        sides = np.clip((-0.12 - at.y) / 0.15, 0, 1) * canvas.cover(at, face_distance(at) + 0.01)
        canvas.glow(at, 0.3 * sides, colour)
        x, y = at.x - 0.04 * at["yaw"], at.y + 0.36
        angle = np.arctan2(x, 0.12 - y)
        spikes = 1 - 2 * np.abs(np.mod(angle * 4.2 + 0.5 + 0.12 * at["part"], 1) - 0.5)
        reach = np.where(y < 0, 0.34 + 0.1 * at["length"], np.float32(0.17))
        wide = np.where(y < 0, np.float32(0.2), np.float32(0.13))
        wide = wide + (np.float32(0.2) - wide) * np.clip(1 - y / 0.17, 0, 1)
        distance = ellipse(x, y, wide, reach) - 0.1 * spikes * np.clip(-y * 6, 0, 1)
        distance *= 0.75
        canvas.shape(at, distance, colour, at.light(x * 4, y * 2))


def cap(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.hat == "cap")
    if not len(which):
        return
    at = canvas.head(which, -0.8, 0.8, -0.85, 0.05)
    colour = at.colour("hat_colour")
    side = np.sign(at["part"])
    x = at.x * side
    dome = ellipse(at.x, at.y + 0.16, at["face_width"] + 0.075, 0.52, 0.2)
    dome = np.maximum(dome, at.y + 0.2 - 0.25 * at.x**2)
    canvas.shape(at, dome, colour, at.light(at.x * 1.8, (at.y + 0.4) * 2))
    badge = np.hypot(at.x - 0.2 * side, at.y + 0.42) - 0.1
    canvas.shape(at, badge, mix(at.colour("accent_colour"), (1, 1, 1), 0.3))
    brim = ellipse(x - 0.3, at.y + 0.2 + 0.06 * x, 0.42, 0.085, 0.1)
    canvas.shape(at, brim, colour * 0.8, 8 * at["light_y"] * (at.y + 0.2))
    button = ellipse(at.x, at.y + 0.68, 0.06, 0.03)
    canvas.shape(at, button, colour * 0.85)


def beanie(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.hat == "beanie")
    if not len(which):
        return
    at = canvas.head(which, -0.75, 0.75, -1.0, 0.05)
    colour = at.colour("hat_colour")
    accent = mix(at.colour("accent_colour"), (1, 1, 1), 0.35)
    ball = np.hypot(at.x, at.y + 0.76) - 0.14
    canvas.shape(at, ball, accent, at.light(at.x * 6, (at.y + 0.76) * 6))
    wide = at["face_width"] + 0.075
    dome = np.maximum(ellipse(at.x, at.y + 0.14, wide, 0.56, 0.15), at.y + 0.15)
    canvas.shape(at, dome, colour, at.light(at.x * 1.8, (at.y + 0.4) * 2))
    bent = at.y + 0.25 - 0.12 * at.x**2
    cuff = box(at.x, bent, wide + 0.02, 0.095, 0.06)
    ribs = 0.25 * np.cos(at.x * 55)
    light = at.light(at.x * 1.8, bent * 4) + (ribs if canvas.style == "colour" else 0)
    canvas.shape(at, cuff, mix(colour, (1, 1, 1), 0.18), light)


def wizard(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.hat == "wizard")
    if not len(which):
        return
    at = canvas.head(which, -0.95, 0.95, -1.25, 0.05)
    colour = at.colour("hat_colour")
    gold = paint(0.98, 0.82, 0.38)
    up = np.clip((-0.25 - at.y) / 0.85, 0, 1)  # 0 at the brim, 1 at the tip
    x = at.x - 0.28 * at["part"] * up * up
    cone = np.abs(x) - (at["face_width"] + 0.02) * (1 - up) ** 0.85
    cone = np.maximum(np.maximum(cone * 0.87, at.y + 0.2), -1.08 - at.y)
    canvas.shape(at, cone, colour, at.light(x * 2.2, (at.y + 0.6)))
    band = np.maximum(np.abs(at.y + 0.36 - 0.1 * at.x**2) - 0.06, cone + 0.004)
    canvas.shape(at, band, at.colour("accent_colour"), 2.2 * at["light_x"] * x)
    u, v = np.abs(x - 0.02), np.abs(at.y + 0.62)
    star = (np.sqrt(u) + np.sqrt(v)) ** 2 - 0.14
    canvas.shape(at, star * 0.6, gold, line="dark")
    brim = ellipse(at.x, at.y + 0.235 - 0.09 * at.x**2, 0.8, 0.1)
    canvas.shape(at, brim, colour * 0.88, at.light(at.x * 1.2, (at.y + 0.23) * 5))
