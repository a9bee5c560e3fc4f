"""Data sets that are drawn by rule: shapes, fields, faces, letters, landscapes, clothes, stripes.

Each kind draws one image (3, S, S) in [0, 255] of a `World`, which is one data set.
"""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from world import S, base, blob, blurred, bytes_of, field, hsv, mask_of, shape_points

from ganzfeld.data.avatars import scene


def leaves(w):
    """Dead leaves: shapes that lie over each other."""
    r = w.r
    x = base(w)
    for _ in range(min(w.count, 22)):
        rad = min(30, 2.5 * w.scale * r.uniform(0.05, 1) ** -0.7)
        m = mask_of(shape_points(w, *r.uniform(0, S, 2), rad, w.shape))
        c = w.colour()
        f = w.textured(c) if w.texture > 0.1 and rad > 4 else c[:, None, None]
        if w.chances[1] < 0.4:
            y, z = np.mgrid[:S, :S] / S - 0.5
            f = f * (1 + 0.6 * (y * r.standard_normal() + z * r.standard_normal()))
        x = x * (1 - m) + f * m
    return x


def fractal(w):
    """Coloured noise of a falling spectrum, bent in some sets."""
    r = w.r
    M = (np.array([w.colour() for _ in range(3)]) - w.colour()).T / 255
    f = field(r, w.roughness, ch=3)
    if w.chances[2] < 0.3:
        f = np.tanh(3 * w.scale * f)
    elif w.chances[2] < 0.5:
        f = np.abs(f) - 0.8
    elif w.chances[2] < 0.6:
        f = np.sin(3 * w.scale * f)
    return w.colour()[:, None, None] + 70 * np.einsum("ij,jhw->ihw", M + 0.2 * w.chances[3], f)


def avatar(w):
    """A cartoon face of the package."""
    w.seed += 1
    return scene.avatars(1, S, S, start=w.seed % (1 << 20))[0][0].astype(float)


def icon(w):
    """A drawing of few shapes, mostly symmetrical, some with outlines."""
    r = w.r
    x = np.broadcast_to(
        (w.colour() if w.chances[1] < 0.5 else np.array([255.0, 255, 255]))[:, None, None],
        (3, S, S),
    ).copy()
    sym = w.chances[2] < 0.7
    for i in range(int(r.integers(2, 9))):
        rad = r.uniform(14, 27) if i == 0 else r.uniform(2, 11)
        cx, cy = (32, 32) if i == 0 else r.uniform(16, 48, 2)
        p = shape_points(w, cx, cy, rad, "mix" if i else r.choice(["ellipse", "poly", "rect"]))
        m = mask_of(p)
        if sym and i:
            m = np.maximum(m, m[:, ::-1])
        c = w.colour()
        if w.chances[3] < 0.4:
            q = (p - p.mean(0)) * (1 + 1.5 / rad) + p.mean(0)
            o = mask_of(q)
            o = np.maximum(o, o[:, ::-1]) if sym and i else o
            x = x * (1 - o) + 20 * o
        y = np.mgrid[:S, :S][0] / S - 0.5
        x = x * (1 - m) + c[:, None, None] * (1 - w.chances[4] * 0.6 * y) * m
    return x


def glyph(w):
    """Strokes or letters."""
    r = w.r
    dark = w.chances[1] < 0.5
    im = Image.new("L", (2 * S, 2 * S))
    d = ImageDraw.Draw(im)
    if w.chances[2] < 0.6:
        for _ in range(int(r.integers(1, 4)) if w.chances[3] < 0.7 else 12):
            p = r.uniform(20, 108, (4, 2))
            t = np.linspace(0, 1, 16)[:, None]
            q = (
                (1 - t) ** 3 * p[0]
                + 3 * t * (1 - t) ** 2 * p[1]
                + 3 * t * t * (1 - t) * p[2]
                + t**3 * p[3]
            )
            d.line([tuple(v) for v in q], fill=255, width=int(3 + 9 * w.chances[4]), joint="curve")
    else:
        size = int(14 + 60 * w.chances[4])
        font = ImageFont.load_default(size)
        for row in range(max(1, int(110 // size))):
            d.text(
                (r.integers(2, 20), row * size + r.integers(0, 6)),
                "".join(chr(r.integers(33, 126)) for _ in range(max(1, 110 * 2 // size))),
                fill=255,
                font=font,
            )
    m = np.asarray(im.resize((S, S), Image.BOX)) / 255.0
    b, f = base(w), w.colour()[:, None, None]
    if w.chances[5] < 0.6:
        b, f = b * 0 + (0 if dark else 255), b * 0 + (255 if dark else 0)
    return b * (1 - m) + f * m


def satellite(w):
    """Fields, roads and roofs from above."""
    r = w.r
    n = int(r.integers(2, 4 + int(20 * w.chances[1])))
    pts = r.uniform(-5, S + 5, (n, 2))
    y, x = np.mgrid[:S, :S]
    wob = 4 * field(r, 1.8, ch=2) * w.chances[2]
    metric = 1 if w.chances[3] < 0.4 else 2
    d = (
        np.abs(x + wob[0] - pts[:, 0, None, None]) ** metric
        + np.abs(y + wob[1] - pts[:, 1, None, None]) ** metric
    )
    lab = d.argmin(0)
    out = np.zeros((3, S, S))
    for k in range(n):
        m = lab == k
        if m.any():
            f = (
                w.textured(w.colour())
                if k < 5
                else w.colour()[:, None, None]
                * (1 + 0.1 * w.texture * r.standard_normal((1, S, S)))
            )
            if r.random() < 0.25:
                a = r.uniform(0, math.pi)
                f = f * (
                    1 + 0.25 * np.sin((x * math.cos(a) + y * math.sin(a)) * r.uniform(0.4, 2.2))
                )
            out = np.where(m, f, out)
    for _ in range(int(4 * w.chances[4] * r.random())):
        m = mask_of(shape_points(w, *r.uniform(0, S, 2), r.uniform(15, 50), "line"))
        out = out * (1 - m) + w.colour()[:, None, None] * m
    if w.chances[5] < 0.35:
        for _ in range(int(r.integers(4, 16))):
            m = mask_of(shape_points(w, *r.uniform(0, S, 2), r.uniform(1.5, 6), "rect"))
            out = out * (1 - m) + w.colour()[:, None, None] * m
    return out


def portrait(w):
    """Shaded head with hair, eyes, brows, nose and mouth: like a photograph, out of focus."""
    r = w.r
    x = base(w)
    if r.random() < 0.5:
        x = x * 0.5 + 0.5 * fractal(w)
    skin = np.array([r.uniform(120, 240), 0, 0])
    skin[1] = skin[0] * r.uniform(0.6, 0.85)
    skin[2] = skin[1] * r.uniform(0.6, 0.95)
    hair = 255 * hsv(
        r.uniform(0, 0.12) if w.chances[1] < 0.7 else r.random(),
        r.uniform(0, 0.8),
        r.uniform(0.02, 0.8),
    )
    cx, cy = 32 + 2.5 * r.standard_normal(), 33 + 2 * r.standard_normal()
    a = r.uniform(13, 21) * (0.8 + 0.4 * w.chances[2])
    b = a * r.uniform(1.15, 1.45)
    rot = 0.12 * r.standard_normal()
    ln = r.uniform(0, 10)
    m = blob(cx, cy - 3 + ln, a * 1.28, b * 1.15 + ln * 0.6, 1.0)
    x = x * (1 - m) + (hair[:, None, None] * (1 + 0.35 * field(r, 1.2))) * m
    m = blob(cx, 62, a * 1.7, 14, 1.2)
    x = x * (1 - m) + w.colour()[:, None, None] * m
    m = blob(cx, cy + b * 0.8, a * 0.5, b * 0.5, 1.0)
    x = x * (1 - m) + 0.8 * skin[:, None, None] * m
    yy, xx = np.mgrid[:S, :S]
    la = r.uniform(0, 2 * math.pi)
    sh = 1 + 0.3 * ((xx - cx) / a * math.cos(la) + (yy - cy) / b * math.sin(la)) * r.uniform(0.2, 1)
    m = blob(cx, cy, a, b, 0.8, rot)
    x = x * (1 - m) + skin[:, None, None] * sh * (1 + 0.03 * field(r, 1.0)) * m
    ex = a * r.uniform(0.36, 0.46)
    ey = cy - b * 0.12 + r.standard_normal()
    big = 1 + 2 * w.chances[3] * (w.chances[4] < 0.4)
    for sgn in (-1, 1):
        ox, oy = cx + sgn * ex, ey + sgn * ex * math.sin(rot)
        m = 0.9 * blob(ox, oy, 2.9 * big, 1.5 * big * r.uniform(0.8, 1.2), 0.5)
        x = x * (1 - m) + 235 * m
        m = blob(ox, oy, 1.4 * big, 1.5 * big, 0.45)
        x = x * (1 - m) + np.array([40.0, 30, 30])[:, None, None] * m
        m = 0.8 * blob(ox, oy - 3.4 * big, 3.6, 0.9, 0.5, sgn * 0.15)
        x = x * (1 - m) + hair[:, None, None] * 0.8 * m
    m = 0.35 * blob(cx, cy + b * 0.22, 2.0, 4.0, 0.9)
    x = x * (1 - m) + 0.65 * skin[:, None, None] * m
    m = 0.85 * blob(cx, cy + b * 0.5, r.uniform(3.5, 7), r.uniform(1, 2.6), 0.5)
    x = x * (1 - m) + np.array([170.0, 60, 65])[:, None, None] * m
    if r.random() < 0.4:
        m = blob(cx, cy - b * 0.85, a * 1.05, b * 0.45, 1.0, 0.2 * r.standard_normal())
        x = x * (1 - m) + hair[:, None, None] * m
    return x * r.uniform(0.75, 1.1)


def landscape(w):
    """Sky, hills, trees or buildings."""
    r = w.r
    y, x = np.mgrid[:S, :S]
    h = r.uniform(15, 45)
    c, d = w.colour(), w.colour()
    t = np.clip(y / h, 0, 1)
    out = c[:, None, None] * (1 - t) + d[:, None, None] * t + 18 * w.chances[1] * field(r, 1.7)
    for k in range(int(r.integers(1, 4))):
        line = h + 6 * k + 6 * field(r, 1.6)[0, 0]
        m = 1 / (1 + np.exp(-np.clip(2 * (y - line[None]), -30, 30)))
        out = out * (1 - m) + w.textured(w.colour()) * m
    for _ in range(int(r.integers(0, 6))):
        bx = r.uniform(0, S)
        bw = r.uniform(3, 10)
        bh = r.uniform(6, 35)
        by = r.uniform(h, 60)
        if w.chances[2] < 0.5:
            m = ((np.abs(x - bx) < bw) & (y < by) & (y > by - bh)).astype(float)
            f = w.colour()[:, None, None] * (1 - 0.5 * (((x % 5) < 2) & ((y % 6) < 3)))
        else:
            m = blob(bx, by - bh / 2, bw, bh / 2, 0.8) * (0.6 + 0.4 * (field(r, 0.8)[0] > -0.3))
            f = w.textured(w.colour())
        out = out * (1 - m) + f * m
    return out


def garment(w):
    """A symmetrical bright silhouette on black or white, grey or coloured, with shading."""
    r = w.r
    n = int(r.integers(5, 10))
    ys = np.sort(r.uniform(5, 59, n))
    ws = r.uniform(4, 26, n)
    ws = 0.5 * ws + 0.5 * np.interp(
        ys, [5, 30, 59], [6 + 16 * w.chances[1], 10 + 10 * w.chances[2], 6 + 18 * w.chances[3]]
    )
    p = np.concatenate([np.stack([32 - ws, ys], 1), np.stack([32 + ws[::-1], ys[::-1]], 1)])
    m = mask_of(p)
    if w.chances[4] < 0.4:
        q = mask_of(
            np.array(
                [
                    [32 - ws[0], ys[0]],
                    [2 + 8 * r.random(), 35 + 15 * r.random()],
                    [12, 52],
                    [30, 25],
                ]
            )
        )
        m = np.maximum(m, np.maximum(q, q[:, ::-1]))
    if w.chances[5] < 0.3:
        m = m * (1 - mask_of(np.array([[32 - 3, 30], [35, 30], [32 + 6, 64], [32 - 6, 64]])))
    y, x = np.mgrid[:S, :S]
    f = w.colour()[:, None, None] * np.ones((3, S, S)) if not w.grey else r.uniform(60, 255)
    sh = 1 + 0.25 * np.cos((x - 32) / r.uniform(4, 14)) + 0.5 * w.texture * field(r, w.roughness)
    if r.random() < 0.3:
        sh = sh * (1 + 0.35 * np.sign(np.sin(y * r.uniform(0.3, 1.5) + x * r.uniform(-1, 1) * 0.3)))
    bg = 0 if w.chances[0] < 0.6 else 245
    return bg * (1 - m) + f * sh * 0.8 * m


def grating(w):
    """Stripes and checks, bent in some sets."""
    r = w.r
    y, x = np.mgrid[:S, :S]
    out = 0
    c, d = w.colour(), w.colour()
    for _ in range(1 + int(2 * w.chances[1])):
        a = r.uniform(0, math.pi) if w.chances[2] < 0.6 else r.choice([0, math.pi / 2])
        f = w.scale * r.uniform(0.15, 1.0)
        g = np.sin(
            f * (x * math.cos(a) + y * math.sin(a))
            + r.uniform(0, 6)
            + w.chances[3] * 2 * field(r, 2.0)[0]
        )
        out = out + (np.sign(g) if w.chances[4] < 0.4 else g)
    t = 1 / (1 + np.exp(-2 * out))
    return c[:, None, None] * (1 - t) + d[:, None, None] * t


def tiled(w):
    """Collage of two other worlds' images in one object: thresholded field as a mask."""
    a, b = (KINDS[w.r.choice(["leaves", "fractal", "grating", "satellite"])](w) for _ in range(2))
    m = 1 / (1 + np.exp(-6 * field(w.r, 2.0)[0]))
    return a * (1 - m) + b * m


KINDS = dict(
    leaves=leaves,
    fractal=fractal,
    avatar=avatar,
    icon=icon,
    glyph=glyph,
    satellite=satellite,
    portrait=portrait,
    landscape=landscape,
    garment=garment,
    grating=grating,
    tiled=tiled,
)


def images(w, n):
    """uint8 (n, 3, S, S), of which the flaws of a camera are a part."""
    x = np.stack([KINDS[w.kind](w) for _ in range(n)])
    if w.soft:
        x = blurred(x, w.soft)
    if w.grain:
        x = x + w.grain * w.r.standard_normal(x.shape)
    if w.grey:
        x = np.repeat(x.mean(1, keepdims=True), 3, 1)
    return bytes_of(x)
