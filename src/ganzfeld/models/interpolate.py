"""From one latent to another on the sphere where normal latents lie (White 2016)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Any

import torch
from torch import Tensor

from ganzfeld.core import border
from ganzfeld.errors import UsageError
from ganzfeld.models.draws import CHUNK, Labels

Model = Any  # a `ganzfeld.Model`, which itself imports this module

PARALLEL = 1e-7  # radians from 0 or from pi, at which sines say nothing any more


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The latent at t in [0, 1] on the way from a to b, (d,) each, in the type of a.

    The direction goes along the great circle at constant speed (White 2016, section 2.1), and
    the length changes evenly from |a| to |b|. With lengths equal this is White's formula; with
    unequal ones that formula bulges for wide angles. The ends are a and b to the bit, and
    slerp(a, b, t) is slerp(b, a, 1 - t). Opposite latents have no shortest way: it goes through
    the direction at right angles that is nearest to the first axis on which they are smallest.
    """
    if t in (0, 1):
        return (a, b)[int(t)].clone()
    p, q = a.double(), b.double()
    lengths = p.norm(), q.norm()
    if not (lengths[0] > 0 and lengths[1] > 0):  # no direction: a straight line
        return torch.lerp(p, q, t).to(a.dtype)
    length: Tensor = (1 - t) * lengths[0] + t * lengths[1]
    p, q = p / lengths[0], q / lengths[1]
    # of the chord and of the sum, since the arc cosine is blind near 0 and pi
    angle = 2 * torch.atan2((p - q).norm(), (p + q).norm())
    if angle < PARALLEL:
        return (length * torch.lerp(p, q, t)).to(a.dtype)
    if torch.pi - angle < PARALLEL:
        axis = torch.zeros_like(p)
        axis[p.abs().argmin()] = 1
        middle = axis - (axis @ p) * p
        middle /= middle.norm()
        turn = torch.pi * torch.tensor(t, dtype=p.dtype)
        way: Tensor = turn.cos() * p + turn.sin() * middle
    else:
        way = (((1 - t) * angle).sin() * p + (t * angle).sin() * q) / angle.sin()
    return (length * way).to(a.dtype)


def path(latents: Sequence[Tensor], *, per_leg: int, loop: bool) -> Iterator[Tensor]:
    """Latents along the way through all, `per_leg` from each to the next.

    It ends with the last latent, or, with `loop`, one step before the first.
    """
    ends = [*latents, latents[0]] if loop else list(latents)
    for a, b in pairwise(ends):
        for i in range(per_leg):
            yield slerp(a, b, i / per_leg)
    if not loop:
        yield ends[-1]


@torch.inference_mode()
def frames(
    model: Model,
    seeds: Sequence[int],
    *,
    per_leg: int = 24,
    loop: bool = False,
    label: Labels = None,
) -> Iterator[Tensor]:
    """Samples (n, C, H, W) in [-1, 1], a few at a time, from image 0 of each seed to the next.

    An image depends on its two seeds, its place between them and its label alone, to the bit,
    and not on how many others are drawn.

    per_leg: images from a seed to the next, the first included.
    label: a class for the whole way; None: that of the first seed's image 0.
    """
    if len(seeds) < 2:
        raise UsageError("interpolation needs two seeds or more", fix="--seeds 1,2,3")
    per_leg = border.whole(per_leg, "--frames", 1, border.MOST_IMAGES)
    chosen = model.label_numbers(label)
    if len(chosen) > 1:
        raise UsageError("interpolation keeps one class all the way: give one label")
    labels = model.labels_of([0], seeds[0], chosen)
    number = None if labels is None else labels[0]
    given = model.numbers_of([0], seeds[0], None)
    ends = list(model.latents_of([0] * len(seeds), seeds))
    way = path(ends, per_leg=per_leg, loop=loop)
    while some := list(islice(way, CHUNK)):
        c = None if given is None else given.expand(len(some), -1)
        y = None if number is None else [number] * len(some)
        yield model.draw_few(torch.stack(some), y, c)
