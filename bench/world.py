"""What drawn images are made of: palettes, random fields, shapes. Numbers are in [0, 255]."""

import math

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch.nn.functional import conv2d, pad

S = 64  # px


def bytes_of(x):
    """Rounded to uint8."""
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def hsv(h, s, v):
    """Hue, saturation and value in [0, 1] to red, green and blue in [0, 1]."""
    i = int(h * 6) % 6
    f = h * 6 - int(h * 6)
    p, q, t = v * (1 - s), v * (1 - f * s), v * (1 - (1 - f) * s)
    return np.array([(v, t, p), (q, v, p), (p, v, t), (p, q, v), (t, p, v), (v, p, q)][i])


def field(r, a, n=S, ch=1):
    """Random fields (ch, n, n) of unit deviation whose spectrum falls as f^-a."""
    fy = np.fft.fftfreq(n)[:, None]
    fx = np.fft.rfftfreq(n)[None]
    f = np.sqrt(fx * fx + fy * fy)
    f[0, 0] = 1 / n
    z = (
        r.standard_normal((ch, n, n // 2 + 1)) + 1j * r.standard_normal((ch, n, n // 2 + 1))
    ) * f**-a
    x = np.fft.irfft2(z, s=(n, n))
    x -= x.mean((1, 2), keepdims=True)
    return x / (x.std((1, 2), keepdims=True) + 1e-9)


class World:
    """One data set: its kind, colours, scale and texture, which its images share."""

    def __init__(self, r, kinds):
        self.r = r
        self.saturation = r.uniform(0, 1) ** 0.7
        self.hues = r.uniform(0, 1, r.integers(1, 5))
        self.spread = r.uniform(0.01, 0.12)
        self.dark, self.light = sorted(r.uniform(0, 1, 2))
        self.light = min(1, self.light + 0.25)
        self.dark = max(0, self.dark - 0.15)
        self.grey = r.random() < 0.15
        self.roughness = r.uniform(0.6, 2.2)
        self.scale = r.uniform(0.5, 2)
        self.soft = r.choice([0, 0, 0.5, 0.8])
        self.grain = r.choice([0, 0, 0, 2, 5])
        self.texture = r.uniform(0, 0.35)
        self.count = int(r.integers(3, 40))
        self.shape = r.choice(["ellipse", "poly", "rect", "mix", "star", "line"])
        r.random()  # nothing uses it; without it the images would be others
        self.kind = r.choice(kinds)
        r.random()  # likewise
        self.seed = int(r.integers(1 << 30))
        self.chances = r.random(6)

    def colour(self):
        """One of the palette, (3,) in [0, 255]."""
        r = self.r
        h = (r.choice(self.hues) + self.spread * r.standard_normal()) % 1
        return 255 * hsv(
            h,
            np.clip(self.saturation * r.uniform(0.5, 1.3), 0, 1),
            r.uniform(self.dark, self.light),
        )

    def textured(self, col):
        r = self.r
        f = field(r, self.roughness)[0]
        return col[:, None, None] * (1 + self.texture * f) + 12 * self.texture * field(
            r, self.roughness, ch=3
        )


def shape_points(w, cx, cy, rad, kind):
    """Corners (P, 2) of a shape of about this radius, turned at random."""
    r = w.r
    if kind == "mix":
        kind = r.choice(["ellipse", "poly", "rect", "star", "line"])
    if kind == "ellipse":
        t = np.linspace(0, 2 * math.pi, 24, endpoint=False)
        p = np.stack([np.cos(t) * rad, np.sin(t) * rad * r.uniform(0.3, 1)], 1)
    elif kind == "rect":
        a, b = rad, rad * r.uniform(0.2, 1)
        p = np.array([[-a, -b], [a, -b], [a, b], [-a, b]], float)
    elif kind == "star":
        n = int(r.integers(4, 9))
        t = np.linspace(0, 2 * math.pi, 2 * n, endpoint=False)
        q = np.where(np.arange(2 * n) % 2, r.uniform(0.3, 0.7), 1) * rad
        p = np.stack([np.cos(t) * q, np.sin(t) * q], 1)
    elif kind == "line":
        b = max(0.6, rad * 0.08)
        p = np.array([[-2 * rad, -b], [2 * rad, -b], [2 * rad, b], [-2 * rad, b]], float)
    else:
        n = int(r.integers(3, 8))
        t = np.sort(r.uniform(0, 2 * math.pi, n))
        q = rad * r.uniform(0.5, 1, n)
        p = np.stack([np.cos(t) * q, np.sin(t) * q], 1)
    a = r.uniform(0, 2 * math.pi) if w.chances[0] < 0.7 else 0
    return p @ np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) + [cx, cy]


def mask_of(p, n=S, ss=2):
    """How much of each pixel lies in a polygon, (n, n) in [0, 1]."""
    m = Image.new("L", (n * ss, n * ss))
    ImageDraw.Draw(m).polygon([tuple(q) for q in p * ss], fill=255)
    return np.asarray(m.resize((n, n), Image.BOX)) / 255.0


def base(w):
    """A plain, shaded or textured ground, (3, S, S)."""
    r = w.r
    k = r.integers(3)
    c = w.colour()
    d = w.colour()
    if k == 0:
        return np.broadcast_to(c[:, None, None], (3, S, S)).copy()
    if k == 1:
        a = r.uniform(0, 2 * math.pi)
        y, x = np.mgrid[:S, :S] / S - 0.5
        t = np.clip(0.5 + x * math.cos(a) + y * math.sin(a), 0, 1)
        return c[:, None, None] * (1 - t) + d[:, None, None] * t
    return w.textured(c)


def blob(cx, cy, a, b, soft, rot=0):
    """A soft ellipse, (S, S) in [0, 1]."""
    y, x = np.mgrid[:S, :S]
    x = x - cx
    y = y - cy
    u = x * math.cos(rot) + y * math.sin(rot)
    v = -x * math.sin(rot) + y * math.cos(rot)
    d = 1 - np.sqrt((u / a) ** 2 + (v / b) ** 2)
    return 1 / (1 + np.exp(-np.clip(d * min(a, b) / soft, -30, 30)))


def blurred(x, s):
    """Blurred by a Gaussian of deviation s, (N, C, H, W) float32."""
    t = torch.from_numpy(np.asarray(x, np.float32))
    k = math.ceil(3 * s)
    u = torch.arange(-k, k + 1).float()
    g = torch.exp(-0.5 * (u / s) ** 2)
    g /= g.sum()
    channels = t.shape[1]
    t = pad(t, (k, k, k, k), mode="replicate")
    t = conv2d(t, g.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    t = conv2d(t, g.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
    return t.numpy()
