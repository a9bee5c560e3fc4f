"""Damages at random strengths, for images that `drawn.py` draws. They are not those of `damage.py`.

Each takes uint8 (N, 3, S, S) and a generator of random numbers, and gives as many of that shape.
"""

import io
import math

import numpy as np
import torch
from drawn import KINDS, images
from PIL import Image, ImageFilter
from torch.nn.functional import conv_transpose2d, grid_sample, interpolate
from world import S, World, blurred, bytes_of


def blur(x, r):
    return bytes_of(blurred(x, r.uniform(0.4, 3.0)))


def noise(x, r):
    s = math.exp(r.uniform(math.log(3), math.log(55)))
    k = r.random()
    sh = x.shape
    if k < 0.55:
        z = r.standard_normal(sh)
    elif k < 0.75:
        z = r.standard_normal((sh[0], 1, *sh[2:]))
    elif k < 0.9:
        z = blurred(r.standard_normal(sh), 0.8) * 2.5
    else:
        return np.where(r.random(sh) < s / 400, r.choice([0, 255], sh), x).astype(np.uint8)
    return bytes_of(x + s * z)


def jpeg(x, r):
    q = int(r.integers(4, 60))
    out = []
    for i in x:
        f = io.BytesIO()
        Image.fromarray(i.transpose(1, 2, 0)).save(f, "JPEG", quality=q)
        out.append(np.asarray(Image.open(f)).transpose(2, 0, 1))
    return np.stack(out)


def low(x, r):
    s = int(S / r.uniform(1.5, 7))
    t = torch.from_numpy(x).float()
    m = r.choice(["bilinear", "bicubic", "nearest", "area"])
    t = interpolate(t, (s, s), mode="area" if r.random() < 0.5 else "bilinear")
    return bytes_of(interpolate(t, (S, S), mode=m).numpy())


def tiles(x, r):
    p = int(r.choice([2, 3, 4, 5, 6, 8]))
    a = S // p
    y = x.copy()
    for i in range(len(x)):
        o = r.permutation(p * p)
        for k in range(p * p):
            u, v = divmod(k, p)
            f, g = divmod(int(o[k]), p)
            y[i, :, u * a : u * a + a, v * a : v * a + a] = x[
                i, :, f * a : f * a + a, g * a : g * a + a
            ]
    return y


def roll(x, r):
    return np.roll(x, tuple(int(v) for v in r.integers(12, 52, 2)), (2, 3))


def poster(x, r):
    n = r.uniform(2, 9)
    s = 255 / n
    return bytes_of(np.floor(x / s) * s + s / 2 * r.choice([0, 1]))


def swap(x, r):
    return (
        x[:, r.permutation(3)]
        if r.random() < 0.6
        else (
            255 - x
            if r.random() < 0.4
            else bytes_of(
                np.einsum(
                    "ij,njhw->nihw", np.eye(3) + 0.4 * r.standard_normal((3, 3)), x.astype(float)
                )
            )
        )
    )


def light(x, r):
    y = x.astype(float)
    m = y.mean()
    return bytes_of(
        (y - m) * math.exp(r.uniform(-0.7, 0.5))
        + m
        + r.uniform(-40, 40)
        + (r.uniform(-25, 25, (1, 3, 1, 1)) if r.random() < 0.4 else 0)
    )


def zoom(x, r):
    z = r.uniform(0.5, 1.5)
    th = torch.tensor([[z, 0, 0], [0, z, 0]]).float()[None].expand(len(x), 2, 3)
    if r.random() < 0.3:
        a = r.uniform(-0.6, 0.6)
        th = (
            torch.tensor([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0]])
            .float()[None]
            .expand(len(x), 2, 3)
        )
    g = torch.nn.functional.affine_grid(th, (len(x), 3, S, S), align_corners=False)
    return bytes_of(
        grid_sample(
            torch.from_numpy(x).float(), g, padding_mode="reflection", align_corners=False
        ).numpy()
    )


def warp(x, r):
    k = int(r.integers(3, 11))
    c = torch.from_numpy(r.standard_normal((len(x), 2, k, k))).float()
    f = (
        interpolate(c, (S, S), mode="bicubic", align_corners=False)
        * math.exp(r.uniform(math.log(0.03), math.log(0.3)))
        * min(1.0, 5 / k)
    )
    line = torch.linspace(-1, 1, S)
    y, z = torch.meshgrid(line, line, indexing="ij")
    return bytes_of(
        grid_sample(
            torch.from_numpy(x).float(),
            torch.stack([z, y], -1) + f.permute(0, 2, 3, 1),
            padding_mode=r.choice(["reflection", "border"]),
            align_corners=True,
        ).numpy()
    )


def pattern(x, r):
    a = r.uniform(5, 32)
    k = r.random()
    if k < 0.35:
        p = 1 - 2 * (np.indices((S, S)).sum(0) % 2.0)
    elif k < 0.7:
        q = int(r.choice([2, 3, 4]))
        p = np.tile(r.standard_normal((q, q)), (S, S))[:S, :S]
    else:
        q = int(r.choice([4, 5, 8]))
        p = np.tile(r.standard_normal((3, q, q)), (1, S, S))[:, :S, :S]
    if r.random() < 0.25:
        p = p * r.uniform(0, 2, (len(x), 1, 1, 1))
    return bytes_of(x + a * p)


def rows(x, r):
    y = x.copy()
    p = int(r.integers(3, 17))
    o = int(r.integers(p))
    v = r.choice([0, 128, 255])
    if r.random() < 0.6:
        y[:, :, o::p] = v
    else:
        y[:, :, :, o::p] = v
    return y


def mix(x, r):
    a = r.uniform(0.2, 0.5)
    return bytes_of((1 - a) * x + a * np.roll(x, 1, 0))


def mush(x, r):
    k = int(r.integers(3, 10))
    c = torch.from_numpy(r.standard_normal((len(x), 3, k, k)))
    z = interpolate(c, (S, S), mode="bicubic").numpy()
    y = x.astype(float)
    a = r.uniform(0, 0.4)
    return bytes_of(a * y + (1 - a) * y.mean(0, keepdims=True) + r.uniform(0.1, 0.6) * y.std() * z)


def collapse(x, r):
    k = int(r.integers(1, 4))
    return bytes_of(x[np.arange(len(x)) % k] + r.choice([0, 0, 2]) * r.standard_normal(x.shape))


def hide(x, r):
    y = x.copy()
    s = int(r.integers(10, 34))
    for i in range(len(x)):
        a, b = r.integers(0, S - s, 2)
        y[i, :, a : a + s, b : b + s] = (
            x[(i + 1) % len(x), :, a : a + s, b : b + s]
            if r.random() < 0.5
            else r.integers(0, 255, (3, 1, 1))
        )
    return y


def net(x, r):
    """What a random network of transposed convolutions draws, added to the image."""
    h = torch.from_numpy(r.standard_normal((len(x), 12, 8, 8))).float()
    for i, o in ((12, 12), (12, 12), (12, 3)):
        h = conv_transpose2d(
            torch.relu(h),
            torch.from_numpy(r.standard_normal((i, o, 4, 4))).float() / math.sqrt(4 * i) * 1.4,
            stride=2,
            padding=1,
        )
    a = r.uniform(0.15, 1)
    h = h.numpy()
    h = h / (h.std() + 1e-6)
    return bytes_of((1 - a) * (x - 127.5) + 127.5 + 60 * a * h)


def sharp(x, r):
    y = x.astype(float)
    return bytes_of(y + r.uniform(0.7, 4) * (y - blurred(x, r.uniform(0.6, 1.6))))


def median(x, r):
    k = int(r.choice([3, 5, 7]))
    return np.stack(
        [
            np.asarray(
                Image.fromarray(i.transpose(1, 2, 0)).filter(
                    ImageFilter.MedianFilter(k) if r.random() < 0.6 else ImageFilter.ModeFilter(k)
                )
            ).transpose(2, 0, 1)
            for i in x
        ]
    )


DAMAGES = dict(
    blur=blur,
    noise=noise,
    jpeg=jpeg,
    low=low,
    tiles=tiles,
    roll=roll,
    poster=poster,
    swap=swap,
    light=light,
    zoom=zoom,
    warp=warp,
    pattern=pattern,
    rows=rows,
    mix=mix,
    mush=mush,
    collapse=collapse,
    hide=hide,
    net=net,
    sharp=sharp,
    median=median,
)
ODDS = np.array(
    [1, 1.2, 1.2, 1, 1, 0.7, 1, 0.8, 0.8, 0.6, 2.0, 1.2, 0.8, 0.8, 1.0, 0.3, 0.6, 0.7, 0.5, 0.6]
)
ODDS = ODDS / ODDS.sum()


def world(seed, n=12, damaged=3):
    """One data set as it is and with other damages: uint8 (1 + damaged, n, 3, S, S).

    About one damaged set in seven has a second damage.
    """
    r = np.random.default_rng(seed)
    w = World(r, list(KINDS))
    found = [images(w, n)]
    for name in r.choice(list(DAMAGES), damaged, replace=False, p=ODDS):
        spoiled = DAMAGES[name](found[0], r)
        if r.random() < 0.15:
            spoiled = DAMAGES[r.choice(list(DAMAGES))](spoiled, r)
        found.append(spoiled)
    return np.stack(found)
