"""Differentiable augmentation of real and generated samples before the discriminator.

The discriminator never sees a sample as it is, so it cannot learn a small set by heart, and the
generator learns through the same transformations (Karras et al. 2020, "Training generative
adversarial networks with limited data"; Zhao et al. 2020, "Differentiable augmentation"). Each
transformation is applied to each sample with probability p; while p is clearly below 1 the
augmented distributions are equal only where the original ones are, and nothing leaks into what is
generated (Karras et al. 2020, section 2.2).

Everything is differentiable twice in the images, so that penalties on the slope go through it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from ganzfeld.core import distributed
from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.errors import UsageError, did_you_mean

PUBLISHED = 500_000  # images from p = 0 to p = 1 (Karras et al. 2020, section 3.1)
MEMORY = 256  # images that the statistic is a mean of: four batches of 64 in the paper
COLOURS = {2: 1, 4: 3}  # of so many channels the last is transparency: it is no colour
PLACES, TINTS = ("flip", "turn", "shift", "geometry"), ("colour", "hue")
KINDS = (*PLACES, *TINTS, "cutout")
ADAPTIVE = ("shift", "geometry", "colour", "hue")
FIXED = ("shift", "colour", "cutout")


class Augmentation(nn.Module):
    """Transformations of images, and the probability p of each, where it adapts.

    mode: "fixed", or "adaptive": p rises while the discriminator is sure of more real samples
        than `target` says, and falls otherwise.
    target: of the statistic, the mean sign of the discriminator's logits of real samples.
    images: seen while p goes from 0 to 1; None: a tenth of the run and at most 500,000.
    kinds: names in `KINDS`; None: shifts, geometry, colours and hue where p adapts, and shifts,
        colours and cutout where it is fixed.
    limit: what a game gives as p, or as the most that an adaptive p may be. A pair is a schedule.

    Kinds, with the deviations of Karras et al. 2020, appendix B: "flip", left to right; "turn", by
    multiples of 90 degrees (of 180, where images are not square); "shift", by whole pixels up to
    an eighth; "geometry", scale, any rotation, aspect and shift, bilinear; "colour", brightness,
    contrast and saturation; "hue"; "cutout", a half of the height and width to mid-grey.
    """

    p: Tensor
    sign: Tensor

    def __init__(
        self,
        mode: str,
        *,
        target: float = 0.6,
        images: float | None = None,
        kinds: Sequence[str] | None = None,
        limit: float | tuple[float, float] = 0.8,
    ) -> None:
        super().__init__()
        if mode not in ("adaptive", "fixed"):
            raise ValueError(f"augment is none, adaptive or fixed, not {mode!r}")
        if not -1 < target < 1:
            raise ValueError(f"augment_target is a mean of signs, between -1 and 1, not {target}")
        if images is not None and images <= 0:
            raise ValueError(f"augment_speed is a number of images above 0, not {images}")
        check_chance(limit)
        self.adapts, self.target, self.images = mode == "adaptive", target, images
        self.limit = limit
        self.kinds = tuple(kinds if kinds is not None else ADAPTIVE if self.adapts else FIXED)
        for kind in self.kinds:
            if kind not in KINDS:
                raise ValueError(f"no augmentation is called {kind!r}. {did_you_mean(kind, KINDS)}")
        self.whole_batch = "adaptive augmentation" if self.adapts else ""
        if self.adapts:
            self.register_buffer("p", torch.zeros(()))
            self.register_buffer("sign", torch.zeros(()))

    def forward(self, x: Tensor, limit: float) -> Tensor:
        """Images (N, C, H, W) in [-1, 1], augmented; colours may leave the range.

        limit: p, or the most that an adaptive p may be.
        """
        p = self.p.clamp(max=limit) if self.adapts else limit
        on_host = not isinstance(p, Tensor) or p.device.type == "cpu"
        if on_host and not torch.compiler.is_compiling() and not p:
            return x
        return augment(x, p, self.kinds)

    @torch.no_grad()
    def observe(self, signs: Tensor, limit: float, total: int | None, parts: int = 1) -> None:
        """Move p after a move of the discriminator, without waiting for the device.

        signs: (N,), 1 where the discriminator was right about a real sample and -1 elsewhere.
        total: images that the whole run sees, where that is known.
        parts: of the batch, of which these are one; p becomes the mean of what each makes of it.
        """
        if not self.adapts:
            return
        images = self.images or min(PUBLISHED, total / 10 if total else PUBLISHED)
        # processes average p after the step, and so do parts after the move
        count = len(signs) * distributed.world() * parts
        self.sign.lerp_(signs.mean().to(self.sign), min(count / MEMORY, 1.0))
        step = (self.sign - self.target).sign() * (count / images)
        self.p.copy_((self.p + step).clamp(0.0, limit))


def check_chance(p: float | tuple[float, float]) -> None:
    if not all(0 <= value <= 1 for value in torch.as_tensor(p).flatten()):
        raise ValueError(f"augment_p is a probability in [0, 1], not {p}")


def augment(x: Tensor, p: Tensor | float, kinds: Sequence[str]) -> Tensor:
    """Images (N, C, H, W), each transformation of these kinds applied with probability p.

    Where none is applied an image stays as it is, to the bit.
    """
    if x.dim() != 4:
        raise UsageError(
            f"only images (N, C, H, W) can be augmented, not samples of shape {tuple(x.shape)}",
            fix="--set game.augment=none",
        )
    with torch.autocast(x.device.type, enabled=False):
        v = x if x.dtype in (torch.float32, torch.float64) else x.float()
        if not set(kinds).isdisjoint(PLACES):
            v = warp(v, *placement(v, p, kinds))
        if not set(kinds).isdisjoint(TINTS):
            v = tint(v, p, kinds)
        if "cutout" in kinds:
            v = cut_out(v, p)
        return v.to(x.dtype)


class Chance:
    """Draws for each of n samples: a value with probability p, else what changes nothing."""

    def __init__(self, x: Tensor, p: Tensor | float) -> None:
        self.n, self.p, self.dtype, self.device = len(x), p, x.dtype, x.device
        self.zeros = torch.zeros(self.n, dtype=x.dtype, device=x.device)
        self.ones = torch.ones_like(self.zeros)
        self.any = self.zeros.bool()  # who has been changed by any of them

    def uniform(self) -> Tensor:
        return torch.rand(self.n, dtype=self.dtype, device=self.device)

    def normal(self) -> Tensor:
        return torch.randn(self.n, dtype=self.dtype, device=self.device)

    def sign(self) -> Tensor:
        return 1 - 2 * (self.uniform() < 0.5).to(self.dtype)

    def angle(self) -> Tensor:
        return (self.uniform() * 2 - 1) * math.pi

    def take(self, value: Tensor, neutral: float, p: Tensor | float | None = None) -> Tensor:
        chosen = torch.rand(self.n, device=value.device) < (self.p if p is None else p)
        self.any = self.any | (chosen & (value != neutral))
        return torch.where(chosen, value, neutral)


def placement(x: Tensor, p: Tensor | float, kinds: Sequence[str]) -> tuple[Tensor, Tensor]:
    """From places in the result to places in the image: matrices (N, 2, 3) and who moves (N,).

    In pixels from the centre, x to the right and y down. Drawn as this inverse at once: every
    distribution but that of the scale, which is symmetric in its logarithm, is its own inverse.
    """
    height, width = x.shape[2:]
    chance = Chance(x, p)
    linear = diagonal(chance.ones, chance.ones)
    right = down = chance.zeros
    if "flip" in kinds:
        linear = linear @ diagonal(chance.take(chance.sign(), 1.0), chance.ones)
    if "turn" in kinds:
        quarters = 4 if height == width else 2
        drawn = (chance.uniform() * quarters).floor() * (4 // quarters)
        # rounded, since the cosine of a quarter turn is not quite zero
        linear = linear @ rotation(chance.take(drawn, 0.0) * (math.pi / 2)).round()
    if "shift" in kinds:
        # one chance for both directions
        hit = chance.take(chance.ones, 0.0)
        right = right + hit * ((chance.uniform() * 2 - 1) * width / 8).round()
        down = down + hit * ((chance.uniform() * 2 - 1) * height / 8).round()
    if "geometry" in kinds:
        # two rotations with this chance rotate at all with probability p
        half = 1 - (1 - torch.as_tensor(p, device=x.device)).sqrt()
        size = chance.take(2 ** (0.2 * chance.normal()), 1.0)
        before = chance.take(chance.angle(), 0.0, half)
        aspect = chance.take(2 ** (0.2 * chance.normal()), 1.0)
        after = chance.take(chance.angle(), 0.0, half)
        linear = linear @ rotation(before) @ diagonal(size * aspect, size / aspect)
        linear = linear @ rotation(after)
        hit = chance.take(chance.ones, 0.0)
        right = right + hit * chance.normal() * width / 8
        down = down + hit * chance.normal() * height / 8
    return torch.cat([linear, torch.stack([right, down], 1)[:, :, None]], 2), chance.any


def diagonal(a: Tensor, b: Tensor) -> Tensor:
    """Matrices (N, 2, 2)."""
    return torch.stack([a, b], 1).diag_embed()


def rotation(angle: Tensor) -> Tensor:
    """Matrices (N, 2, 2)."""
    c, s = angle.cos(), angle.sin()
    return torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1)


def warp(x: Tensor, places: Tensor, moved: Tensor) -> Tensor:
    """The images with each place taken from another, bilinear, reflected at the edges.

    places: (N, 2, 3), from result to image in pixels from the centre. moved: (N,) bool; the
    others stay as they are.
    """
    height, width = x.shape[2:]
    extent = torch.tensor([width / 2, height / 2, 1.0], dtype=x.dtype, device=x.device)
    grid = affine_grid(places * extent / extent[:2, None], list(x.shape), align_corners=False)
    warped = grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    return torch.where(moved[:, None, None, None], warped, x)


def tint(x: Tensor, p: Tensor | float, kinds: Sequence[str]) -> Tensor:
    """Brightness, contrast, hue and saturation, by one matrix (C, C) and one offset an image.

    Hue and saturation turn and stretch colours about the axis of greys: three channels only.
    """
    channels = COLOURS.get(x.shape[1], x.shape[1])
    chance = Chance(x, p)
    offset = angle = chance.zeros
    gain = stretch = chance.ones
    if "colour" in kinds:
        offset = chance.take(0.2 * chance.normal(), 0.0)
        gain = chance.take(2 ** (0.5 * chance.normal()), 1.0)
        offset = offset * gain
        if channels == 3:
            stretch = chance.take(2 ** chance.normal(), 1.0)
    if "hue" in kinds and channels == 3:
        angle = chance.take(chance.angle(), 0.0)
    colours = x[:, :channels]
    scale, shift = gain[:, None, None, None], offset[:, None, None, None]
    if channels == 3:
        # the part along the axis of greys stays; the rest turns (Rodrigues) and is stretched
        grey = x.new_full((3, 3), 1 / 3)
        cross = x.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
        c, s = ((stretch * part)[:, None, None] for part in (angle.cos(), angle.sin()))
        rest = torch.eye(3, dtype=x.dtype, device=x.device) - grey
        matrix = grey + c * rest + s * cross
        turned = (matrix @ colours.flatten(2)).view_as(colours)
    else:
        turned = colours
    changed = torch.where(chance.any[:, None, None, None], turned * scale + shift, colours)
    return torch.cat([changed, x[:, channels:]], 1) if channels < x.shape[1] else changed


def cut_out(x: Tensor, p: Tensor | float) -> Tensor:
    """A rectangle of half the height and width to zero, its centre anywhere (DeVries 2017)."""
    height, width = x.shape[2:]
    chance = Chance(x, p)
    chosen = chance.take(chance.ones, 0.0).bool()

    def covered(size: int) -> Tensor:
        places = (torch.arange(size, device=x.device) + 0.5) / size
        return (places - chance.uniform()[:, None]).abs() < 0.25

    rows, columns = covered(height)[:, None, :, None], covered(width)[:, None, None, :]
    return torch.where(chosen[:, None, None, None] & rows & columns, 0.0, x)
