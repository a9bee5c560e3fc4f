"""Fully connected networks, for samples of any shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ganzfeld.networks.conditions import JoinNumbers, NumberProjection
from ganzfeld.networks.layers import (
    SLOPE,
    Condition,
    JoinLabels,
    Verdict,
    add_spectral_norm,
    initialise,
    need_labels,
)
from ganzfeld.networks.onednn_linear import Linear


class MLPGenerator(nn.Module):
    """Latents (N, latent) to samples (N, *shape) (the generator of Goodfellow et al. 2014).

    shape: of one sample, without the batch.
    classes: number of labels; 0 for none. Their embedding is joined to z.
    conditions: how many numbers samples depend on, as `conditions.JoinNumbers` has them.
    widths: of the hidden layers.
    norm: batch normalisation in all hidden layers but the first, in all of them, or none.
    output: "tanh" for values in [-1, 1], "linear" for any.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: int = 100,
        classes: int = 0,
        conditions: int = 0,
        widths: Sequence[int] = (256, 512, 1024),
        norm: Literal["batch", "batch-all", "none"] = "batch",
        output: Literal["tanh", "linear"] = "tanh",
    ) -> None:
        super().__init__()
        self.latent, self.shape = latent, tuple(shape)
        self.labels = JoinLabels(classes, 32)
        self.numbers = JoinNumbers(conditions)
        layers: list[nn.Module] = []
        before = latent + self.labels.width + self.numbers.width
        for level, width in enumerate(widths):
            layers.append(initialise(Linear(before, width)))
            if norm == "batch-all" or (norm == "batch" and level):
                layers.append(nn.BatchNorm1d(width))
            layers.append(nn.LeakyReLU(SLOPE, inplace=True))
            before = width
        layers.append(initialise(Linear(before, math.prod(shape)), gain=1.0))
        self.layers = nn.Sequential(*layers, nn.Tanh() if output == "tanh" else nn.Identity())

    def forward(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        x: Tensor = self.layers(self.numbers(self.labels(z, y), c))
        return x.view(len(x), *self.shape)


class MLPDiscriminator(nn.Module):
    """Samples (N, *shape) to logits (N,).

    condition: how labels enter: their one-hot vector joined to the sample, or by projection.
    conditions: how many numbers samples depend on; they enter by projection.
    spectral: divide weights by their largest singular value.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        classes: int = 0,
        conditions: int = 0,
        widths: Sequence[int] = (512, 256),
        condition: Condition = "concat",
        spectral: bool = False,
    ) -> None:
        super().__init__()
        self.joined = classes if condition == "concat" else 0
        layers: list[nn.Module] = []
        before = math.prod(shape) + self.joined
        for width in widths:
            layers += [initialise(Linear(before, width)), nn.LeakyReLU(SLOPE, inplace=True)]
            before = width
        self.layers = nn.Sequential(*layers)
        self.verdict = Verdict(before, classes if condition == "projection" else 0)
        self.numbers = NumberProjection(conditions, before) if conditions else None
        if spectral:
            add_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        v = x.flatten(1)
        if self.joined:
            one_hot = nn.functional.one_hot(need_labels(y), self.joined)
            v = torch.cat([v, one_hot.to(v.dtype)], 1)
        features = self.layers(v)
        logits: Tensor = self.verdict(features, y)
        return logits if self.numbers is None else logits + self.numbers(features, c)
