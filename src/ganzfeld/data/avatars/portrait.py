"""Draw a face on a `Canvas`, part by part from back to front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.avatars.canvas import (
    WHITE,
    Array,
    Canvas,
    Region,
    arc,
    blob,
    box,
    ellipse,
    melt,
    mix,
    paint,
    turn,
)
from ganzfeld.data.avatars.hair import (
    back_hair,
    beanie,
    cap,
    face_distance,
    front_hair,
    locks,
    top_hair,
    wizard,
)

if TYPE_CHECKING:
    from ganzfeld.data.avatars.description import Scene


def portraits(scenes: Sequence[Scene], height: int, width: int, style: str) -> NDArray[np.uint8]:
    """Images (N, 3, height, width) of the scenes."""
    if not scenes:
        return np.empty((0, 3, height, width), np.uint8)
    canvas = Canvas(scenes, height, width, style)
    for part in (background, back_hair, body, neck, locks, face, beard, mouth, nose, eyes):
        part(canvas)
    for part in (brows, front_hair, ears, top_hair, glasses, cap, beanie, wizard):
        part(canvas)
    pixels = canvas.pixels
    pixels *= 255
    pixels += 0.5
    return np.clip(pixels, 0, 255, out=pixels).astype(np.uint8)


def background(canvas: Canvas) -> None:
    wide, high = float(canvas.x[-1]), float(canvas.y[-1])
    everyone = canvas.body(canvas.everyone, -wide - 1, wide + 1, -high, high)
    if canvas.style != "lines":
        canvas.pixels[:] = everyone.colour("background_colour")

    def those_with(name: str) -> Region | None:
        which = canvas.those(lambda s: s.background == name)
        return everyone.only(which) if len(which) else None

    if region := those_with("gradient"):
        across, _ = turn(region.x, region.y, region["pattern_angle"] + 1.6)
        cover = np.clip(0.5 + 0.45 * across, 0, 1)
        if canvas.style == "comic":  # the same slope, in four flat bands
            cover = np.round(cover * 3) / 3
        if canvas.style != "lines":
            canvas.blend(region, cover, region.colour("background_second"))

    if region := those_with("stripes"):
        across, _ = turn(region.x, region.y, region["pattern_angle"])
        across = across / region["pattern_size"] + region["pattern_shift"]
        distance = (np.abs(across - np.round(across)) - 0.25) * region["pattern_size"]
        pattern(canvas, region, distance)

    if region := those_with("dots"):
        size = 0.8 * region["pattern_size"]
        u = region.x / size + region["pattern_shift"]
        v = region.y / (size * 0.866)
        row = np.round(v)
        u = u + 0.5 * (row % 2)
        u, v = u - np.round(u), (v - row) * 0.866
        pattern(canvas, region, (np.sqrt(u * u + v * v) - 0.24) * size)

    if region := those_with("circle"):
        distance = np.hypot(region.x, region.y - 0.02) - (0.66 + 0.5 * region["pattern_size"])
        pattern(canvas, region, distance)

    if canvas.style == "colour":
        light = blob(everyone.x, everyone.y + 0.1, 1.5, 1.5)
        canvas.glow(everyone, 0.22 * light, WHITE)


def pattern(canvas: Canvas, region: Region, distance: Array) -> None:
    """Line art draws a background's pattern thin and grey, so that the face comes first."""
    if canvas.style == "lines":
        cover = canvas.cover(region, np.abs(distance) - 0.011)
        canvas.blend(region, cover, paint(0.62, 0.62, 0.62))
    else:
        canvas.blend(region, canvas.cover(region, distance), region.colour("background_second"))


def body_distance(at: Region) -> Array:
    """Shoulders; below their centre the sides run straight down, however tall the image."""
    return ellipse(at.x, np.minimum(at.y - 1.27, 0), at["body_width"], 0.58, 0.35)


def body(canvas: Canvas) -> None:
    bottom = max(1.0, float(canvas.y[-1]))
    at = canvas.body(canvas.everyone, -0.85, 0.85, 0.55, bottom)
    cloth = at.colour("clothes_colour")
    distance = body_distance(at)
    canvas.shape(at, distance, cloth, at.light(at.x * 1.1, (at.y - 1) * 1.2))

    which = canvas.those(lambda s: s.clothes == "striped")
    if len(which):
        part = at.only(which)
        curved = part.y - 0.12 * part.x**2
        stripes = (np.abs(curved / 0.17 - np.round(curved / 0.17)) - 0.23) * 0.17
        stripes = np.maximum(stripes, distance[which] + 0.02)
        canvas.shape(part, stripes, mix(part.colour("accent_colour"), (1, 1, 1), 0.3))


def neck(canvas: Canvas) -> None:
    # What lies behind the neck: the inside of a hood.
    which = canvas.those(lambda s: s.clothes == "hoodie")
    if len(which):
        at = canvas.body(which, -0.5, 0.5, 0.4, 1.0)
        cloth = at.colour("clothes_colour")
        hood = ellipse(at.x, at.y - 0.71, 0.43, 0.19, 0.2)
        canvas.shape(at, hood, mix(cloth, (1, 1, 1), 0.12), at.light(at.x * 2, (at.y - 0.7) * 4))
        canvas.shape(at, ellipse(at.x, at.y - 0.67, 0.33, 0.13, 0.2), cloth * 0.62)

    at = canvas.body(canvas.everyone, -0.42, 0.42, 0.3, 1.0)
    skin = at.colour("skin")
    collar = canvas.are(at, lambda s: s.clothes == "collar")
    column = box(at.x, at.y - 0.5, 0.165, 0.24, 0.05)
    scoop = ellipse(at.x, at.y - 0.66, 0.25, 0.16)
    vee = 0.86 * (np.abs(at.x) - 0.62 * (0.98 - at.y))
    cloth = body_distance(at)
    which = canvas.those(lambda s: s.clothes in ("plain", "striped"))
    if len(which):
        band = np.maximum(scoop - 0.045, cloth)[which]
        canvas.shape(at.only(which), band, at.colour("clothes_colour")[which] * 0.8)
    opening = np.maximum(np.where(collar, vee, scoop), cloth)
    bare = melt(column, opening, 0.06)
    canvas.shape(at, bare, skin * 0.97, 3 * at["light_x"] * at.x)
    shadow = blob(at.x, at.y - 0.5, 0.34, 0.3) * canvas.cover(at, bare)
    canvas.glow(at, 0.75 * shadow, skin * paint(0.72, 0.6, 0.62))

    which = canvas.those(lambda s: s.clothes == "collar")
    if len(which):
        at = canvas.body(which, -0.5, 0.5, 0.5, 1.0)
        across = 0.86 * (np.abs(at.x) - 0.62 * (0.98 - at.y))
        wing = np.maximum(np.abs(across - 0.065) - 0.065, 0.62 - at.y)
        wing = np.maximum(wing, (at.y - 0.92) * 0.9 + 0.3 * (np.abs(at.x) - 0.1))
        canvas.shape(at, wing, mix(at.colour("accent_colour"), (1, 1, 1), 0.55))

    which = canvas.those(lambda s: s.clothes == "hoodie")
    if len(which):
        at = canvas.body(which, -0.25, 0.25, 0.7, 1.1)
        string = box(np.abs(at.x) - 0.13, at.y - 0.89, 0.018, 0.1, 0.018)
        canvas.stroke(at, string, 0.006, mix(at.colour("accent_colour"), (1, 1, 1), 0.5))


def ears(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.hair not in ("bob", "long", "curly"))
    if not len(which):
        return
    at = canvas.head(which, -0.72, 0.72, -0.2, 0.45)
    skin = at.colour("skin")
    x = np.abs(at.x + 0.035 * at["yaw"]) - at["face_width"] - 0.01
    y = at.y - 0.06
    # Over the hair's end, yet behind the face.
    ear = np.maximum(ellipse(x, y, 0.085, 0.125), -face_distance(at))
    canvas.shape(at, ear, skin * 0.96, at.light(at.x * 1.8, y * 3))
    canvas.glow(at, 0.6 * blob(x - 0.02, y, 0.06, 0.09), skin * np.float32(0.7), comic=0.5)

    which = canvas.those(lambda s: s.earrings != "none")
    if not len(which):
        return
    at = canvas.head(which, -0.72, 0.72, 0.0, 0.5)
    x = np.abs(at.x + 0.035 * at["yaw"]) - at["face_width"] - 0.035
    hoops = canvas.are(at, lambda s: s.earrings == "hoops")
    ring = np.abs(np.hypot(x, at.y - 0.25) - 0.075) - 0.02
    stud = np.hypot(x, at.y - 0.185) - 0.045
    gold = paint(0.97, 0.78, 0.3)
    canvas.shape(at, np.where(hoops, ring, stud), gold, at.light(x * 10, (at.y - 0.2) * 8))


def face(canvas: Canvas) -> None:
    at = canvas.head(canvas.everyone, -0.56, 0.56, -0.54, 0.58)
    skin = at.colour("skin")
    light = at.light(at.x / at["face_width"], at.y / 0.52) * 0.85
    canvas.shape(at, face_distance(at), skin, light)

    at = canvas.head(canvas.everyone, -0.5, 0.5, -0.05, 0.45)
    x = np.abs(at.x - 0.05 * at["yaw"]) - 0.3
    rosy = skin * paint(1.0, 0.62, 0.6) + 0.06
    canvas.glow(at, at["blush"] * blob(x, at.y - 0.2, 0.14, 0.11), rosy)

    which = canvas.those(lambda s: s.hair in ("bald", "mohawk") and s.hat == "none")
    if len(which):
        at = canvas.head(which, -0.4, 0.4, -0.55, 0.0)
        shine = blob(at.x - 0.3 * at["light_x"], at.y + 0.36, 0.2, 0.11)
        canvas.glow(at, 0.5 * shine, mix(at.colour("skin"), (1, 1, 1), 0.7), comic=0.25)


def beard(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.beard == "full")
    if len(which):
        at = canvas.head(which, -0.58, 0.58, -0.05, 0.64)
        x = at.x - 0.05 * at["yaw"]
        bare = ellipse(x, at.y - 0.02, at["face_width"] * 0.84, 0.24, 0.3)
        jaw = np.maximum(face_distance(at) - 0.035, -0.02 - at.y)
        light = at.light(at.x * 1.6, (at.y - 0.3) * 2)
        canvas.shape(at, np.maximum(jaw, -bare), at.colour("hair_colour"), light)

    which = canvas.those(lambda s: s.beard != "none")
    if len(which):
        at = canvas.head(which, -0.3, 0.3, 0.05, 0.4)
        x = np.abs(at.x - 0.07 * at["yaw"])
        u, v = turn(x - 0.085, at.y - 0.225 - 0.03 * at["pitch"], 0.28)
        distance = ellipse(u, v, 0.12, 0.052)
        canvas.shape(at, distance, at.colour("hair_colour") * 0.93, at.light(at.x * 3, v * 8))


def mouth(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.mouth != "open")
    lip = paint(0.62, 0.36, 0.36)
    if len(which):
        at = canvas.head(which, -0.3, 0.3, 0.1, 0.5)
        x, y = at.x - 0.065 * at["yaw"], at.y - 0.305 - 0.03 * at["pitch"]
        sag = 0.06 * at["mouth_curve"]
        # Lips must show on a dark beard as on skin.
        dark = canvas.are(at, lambda s: s.beard == "full" and max(s.hair_colour) < 0.8)[:, None]
        colour = np.where(dark, paint(0.9, 0.5, 0.48), at.colour("skin") * lip)
        canvas.stroke(at, arc(x, y + 0.5 * sag, at["mouth_width"], sag), 0.021, colour)

    which = canvas.those(lambda s: s.mouth == "open")
    if len(which):
        at = canvas.head(which, -0.3, 0.3, 0.1, 0.55)
        x, y = at.x - 0.065 * at["yaw"], at.y - 0.265 - 0.03 * at["pitch"]
        wide, high = at["mouth_width"] * 1.1, 0.14 * at["mouth_open"]
        edge = y - 0.03 * (1 - (x / wide) ** 2)
        hole = np.maximum(ellipse(x, y, wide, high), -edge)
        canvas.shape(at, hole, paint(0.45, 0.12, 0.16))
        tongue = np.maximum(ellipse(x, y - high, wide * 0.7, high * 0.55), hole + 0.012)
        canvas.shape(at, tongue, paint(0.93, 0.46, 0.47), line="white")
        teeth = np.maximum(hole + 0.014, edge - 0.045)
        canvas.shape(at, teeth, WHITE * np.float32(0.98), line="white")


def nose(canvas: Canvas) -> None:
    at = canvas.head(canvas.everyone, -0.2, 0.2, -0.05, 0.3)
    x, y = at.x - 0.09 * at["yaw"], at.y - 0.155 - 0.04 * at["pitch"]
    shade = at.colour("skin") * paint(0.76, 0.6, 0.56)
    canvas.stroke(at, arc(x, y, 0.04, 0.022), 0.015, shade)


def eyes(canvas: Canvas) -> None:
    dark = paint(0.15, 0.1, 0.13)

    def frame(at: Region) -> tuple[Array, Array, Array]:
        """Both eyes at once: x away from the nose, y, and which side."""
        x = at.x - 0.06 * at["yaw"]
        side = np.sign(x)
        return np.abs(x) - at["eye_gap"], at.y - 0.02 - 0.03 * at["pitch"], side

    which = canvas.those(lambda s: s.eyes in ("round", "almond", "sleepy"))
    if len(which):
        at = canvas.head(which, -0.42, 0.42, -0.2, 0.24)
        x, y, side = frame(at)
        size = at["eye_size"]
        almond = canvas.are(at, lambda s: s.eyes == "almond")
        sleepy = canvas.are(at, lambda s: s.eyes == "sleepy")
        wide = size * np.where(almond, np.float32(0.124), np.float32(0.105))
        high = size * np.where(almond, np.float32(0.1), np.float32(0.125))
        tilted = y + np.where(almond, np.float32(0.12), np.float32(0)) * x
        ball = ellipse(x, tilted, wide, high)
        lid = np.where(sleepy, -(y + 0.005 - 0.03 * x), np.float32(-1.0))
        white = np.maximum(ball, lid)
        canvas.shape(at, white, WHITE * np.float32(0.985))
        canvas.glow(at, 0.25 * canvas.cover(at, np.maximum(white, y + 0.3 * high)), dark)
        gaze_x = x - 0.022 * at["gaze_x"] * side
        gaze_y = tilted - 0.014 * at["gaze_y"] - np.where(sleepy, np.float32(0.015), 0)
        radius = size * np.where(almond, np.float32(0.084), np.float32(0.093))
        distance = np.hypot(gaze_x, gaze_y)
        inside = white + 0.006
        iris = at.colour("eye_colour")
        canvas.shape(at, np.maximum(distance - radius, inside), iris, gaze_y / radius, line="white")
        canvas.shape(at, np.maximum(distance - 0.62 * radius, inside), dark, line="dark")
        # The lashes: a dark rim, thickest on top.
        top = np.where(sleepy, np.abs(lid) + np.maximum(ball, 0), np.abs(ball))
        lash = np.maximum(top - 0.017, np.where(sleepy, np.float32(-1), y + 0.2 * high))
        canvas.stroke(at, lash, 0.004, dark)
        glint = np.hypot(
            gaze_x - 0.032 * side * np.sign(at["light_x"]),
            gaze_y + np.where(sleepy, np.float32(-0.01), np.float32(0.034)),
        )
        canvas.shape(at, glint - 0.03 * size, WHITE, line="white")

    which = canvas.those(lambda s: s.eyes == "happy")
    if len(which):
        at = canvas.head(which, -0.42, 0.42, -0.2, 0.24)
        x, y, _ = frame(at)
        canvas.stroke(at, arc(x, y - 0.03, 0.1 * at["eye_size"], -0.085), 0.022, dark)


def brows(canvas: Canvas) -> None:
    at = canvas.head(canvas.everyone, -0.42, 0.42, -0.36, 0.0)
    x = np.abs(at.x - 0.06 * at["yaw"]) - at["eye_gap"]
    y = at.y + 0.175 + at["brow_height"] - 0.02 * at["pitch"] + at["brow_tilt"] * x * 6
    y = y - 0.14 * x  # a friendly slope: a fringe may hide the outer half
    canvas.stroke(at, arc(x, y, 0.085, -0.025), 0.02, at.colour("hair_colour") * 0.72)


def glasses(canvas: Canvas) -> None:
    which = canvas.those(lambda s: s.glasses != "none")
    if not len(which):
        return
    at = canvas.head(which, -0.56, 0.56, -0.25, 0.3)
    x, y = at.x - 0.06 * at["yaw"], at.y - 0.03 - 0.03 * at["pitch"]
    u = np.abs(x) - at["eye_gap"] - 0.01
    around = canvas.are(at, lambda s: s.glasses == "round")
    sun = canvas.are(at, lambda s: s.glasses == "sun")
    wide = np.where(around, np.float32(0.165), np.float32(0.175))
    high = np.where(around, np.float32(0.165), np.float32(0.135))
    lens = ellipse(u, y, wide, high, np.where(around, np.float32(0), np.float32(0.8)))
    frame = mix(at.colour("accent_colour"), (0.1, 0.08, 0.12), 0.72)
    bridge = np.maximum(arc(x, y + 0.02, 0.08, -0.03), np.abs(x) - 0.08)
    temple = np.maximum(np.abs(y + 0.03), np.abs(np.abs(x) - 0.48) - 0.09)
    temple = np.maximum(temple, face_distance(at))
    canvas.stroke(at, np.minimum(bridge, temple), 0.018, frame)
    glare = np.maximum(np.abs(u * 0.8 + y * 0.6 + 0.05) - 0.025, lens + 0.03)

    dark = np.flatnonzero(sun[:, 0, 0])
    if len(dark):
        part = at.only(dark)
        black = mix(frame[dark], (0.05, 0.04, 0.08), 0.4)
        canvas.shape(part, lens[dark], black, -5 * y[dark], line="dark")
    clear = np.where(sun, np.float32(0.35), np.float32(0.3))
    canvas.glow(at, clear * canvas.cover(at, glare), WHITE)
    canvas.stroke(at, np.abs(lens), 0.02, frame)
