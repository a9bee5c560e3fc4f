"""Mirror and shift training images, which makes small data sets go further."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ganzfeld.core.randomness import WIDE, torch_generator
from ganzfeld.core.types import Batch

Vary = Callable[[Batch, int], Batch]


def variation(
    *, mirror: bool = False, jitter: float = 0.0, together: bool = False, noise: str = WIDE
) -> Vary | None:
    """A function of a batch and a seed that changes its images by chance; None for no change.

    mirror: left to right, half of the time. Not for digits or writing.
    jitter: images are enlarged by this part of their sides, and a window of the old size is
        taken from a random place: 30 / 256 in Isola et al. 2017, appendix 6.2.
    together: all domains of a batch move alike, as pairs must.
    noise: how draws are keyed, a name in `ganzfeld.randomness.NOISES`.

    The function takes images (N, C, H, W) of any floating dtype and leaves all else alone.
    Raises ValueError for a jitter that is not from 0 to 1.
    """
    if not 0 <= jitter <= 1:
        raise ValueError(f"data.jitter is a part of the side, from 0 to 1, not {jitter:g}")
    if not mirror and not jitter:
        return None

    def vary(batch: Batch, seed: int) -> Batch:
        varied = dict(batch)
        for name, x in batch.items():
            if x.dim() == 4:
                draws = torch_generator(seed, "together" if together else name, noise=noise)
                varied[name] = move(x, torch.rand(len(x), 3, generator=draws), mirror, jitter)
        return varied

    return vary


def move(x: Tensor, draws: Tensor, mirror: bool, jitter: float) -> Tensor:
    """Images (N, C, H, W), each moved by its row of draws (N, 3) in [0, 1): flip, down, right."""
    height, width = x.shape[2:]
    if jitter:
        high, wide = round(height * (1 + jitter)), round(width * (1 + jitter))
        larger = interpolate(x, (high, wide), mode="bilinear", align_corners=False)
        tops = (draws[:, 1] * (high - height + 1)).long().tolist()
        lefts = (draws[:, 2] * (wide - width + 1)).long().tolist()
        x = torch.stack(
            [
                one[:, top : top + height, left : left + width]
                for one, top, left in zip(larger, tops, lefts, strict=True)
            ]
        )
    if mirror:
        x = torch.where((draws[:, 0] < 0.5).to(x.device)[:, None, None, None], x.flip(3), x)
    return x.contiguous(memory_format=torch.channels_last)
