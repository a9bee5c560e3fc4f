"""A fixed convolutional network that was never trained: features for any pictures, offline.

Random convolutions tell pictures apart well enough to rank generators (Naeem et al. 2020,
section 5, found them the fairer choice where pictures are unlike ImageNet's).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, leaky_relu

from ganzfeld.metrics.store import Arrays
from ganzfeld.randomness import numpy_generator

WIDTHS = (32, 64, 128)
GAIN = math.sqrt(2 / (1 + 0.2**2))  # keeps the variance through the leaky ReLU


class Untrained(nn.Module):
    """Pictures (N, C, H, W) in [-1, 1] to features (N, 896): 2 x 2 means of three scales."""

    def __init__(self, tensors: Arrays) -> None:
        super().__init__()
        self.layers = nn.ParameterList(
            nn.Parameter(torch.from_numpy(array), requires_grad=False) for array in tensors.values()
        )

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for weight in self.layers:
            x = leaky_relu(torch.conv2d(x, weight, padding=1), 0.2)
            found.append(adaptive_avg_pool2d(x, 2).flatten(1))
            x = avg_pool2d(x, 2, ceil_mode=True)
        return torch.cat(found, 1)


def untrained_tensors(channels: int) -> Arrays:
    """Weights by layer, orthogonal, and always the same for a number of channels."""
    into = (channels, *WIDTHS)
    return {
        f"layer.{i}": orthogonal(numpy_generator("untrained", channels, i), WIDTHS[i], into[i])
        for i in range(len(WIDTHS))
    }


def orthogonal(generator: np.random.Generator, out: int, into: int) -> NDArray[np.float32]:
    """3 x 3 kernels (out, into, 3, 3) with orthogonal rows or columns, as many as can be."""
    matrix = generator.standard_normal((max(out, into * 9), min(out, into * 9)))
    q, r = np.linalg.qr(matrix)
    q = q * np.sign(np.diag(r))  # else the result would depend on the LAPACK at hand
    q = q.T if out < into * 9 else q
    scaled = q * GAIN * math.sqrt(max(out / (into * 9), 1.0))
    # Rounded, so that the last bits of another machine's arithmetic make no other network.
    weight: NDArray[np.float32] = scaled.reshape(out, into, 3, 3).round(5).astype(np.float32)
    return weight
