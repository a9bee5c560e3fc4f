"""The first part of a run: an encoder learns what the data look like, then it stands still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from ganzfeld.core.types import Losses
from ganzfeld.games.base import Clock

CELLS = 8  # a side, of which some are hidden
HIDDEN = 0.5  # of the cells


@dataclass(frozen=True)
class Opening:
    """share: of the run, in (0, 1).

    Example::

        from ganzfeld.games.opening import Opening

        assert Opening(0.1).stages == (0.0, 0.1)
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share is a part of the run in (0, 1), not {self.share}")

    @property
    def stages(self) -> tuple[float, float]:
        """As `Game.stages`."""
        return 0.0, self.share

    def now(self, clock: Clock) -> bool:
        """Whether it lasts still. Where no total is known there is none."""
        return clock.total is not None and clock.fraction < self.share

    def words(self, images: int) -> str:
        """For the plan of a run of so many images."""
        return (
            f"{round(self.share * images):,} of them ({100 * self.share:g} %) teach the encoder of "
            "features, which then stands still"
        )


def pretext(encoder: nn.Module, x: Tensor, y: Tensor | None) -> Losses:
    """What an encoder minimises on images (N, C, H, W), and labels (N,) where it knows classes.

    encoder: a `ganzfeld.networks.pretext.PretextEncoder`, or what has its methods.

    With classes, the cross-entropy of the labels. Else half of the cells of an 8x8 grid are hidden,
    and it draws what lies there (a masked autoencoder, He et al. 2022, of convolutions): the mean
    squared error over hidden pixels. It also measures the size of the encoder's maps.
    """
    net = cast(Any, encoder)
    seen = torch.ones_like(x[:, :1]) if net.classes else shown(x)
    raw = net.raw(x * seen)
    net.measure(raw)
    answer = net.answer(raw[-1], x.shape[2:])
    if net.classes:
        if y is None:
            raise ValueError("this encoder learns from labels: it needs labels y, (N,) int64")
        return {"label": cross_entropy(answer, y)}
    missed = (answer - x).square() * (1 - seen)
    return {"masked": missed.mean() / HIDDEN}


def shown(x: Tensor) -> Tensor:
    """1 where an image (N, C, H, W) may be seen, else 0, by cells, (N, 1, H, W)."""
    cells = torch.rand(len(x), 1, CELLS, CELLS, device=x.device)
    return interpolate((cells > HIDDEN).to(x.dtype), x.shape[2:])
