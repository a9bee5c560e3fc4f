"""A fixed convolutional network that was never trained: features for any images, offline.

Random convolutions tell images apart well enough to rank generators (Naeem et al. 2020,
section 5, found them the fairer choice where images are unlike ImageNet's). Brightness and
colour would drown all else, so the first layer sees differences only, and coarse means of the
image itself stand beside them: without that, precision misses even a strong blur.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, leaky_relu

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import Arrays

WIDTHS = (32, 64, 128)
GAIN = math.sqrt(2 / (1 + 0.2**2))  # keeps the variance through the leaky ReLU


class Untrained(nn.Module):
    """Images (N, C, H, W) in [-1, 1] to features (N, 16 C + 896).

    4 x 4 means of the image, and 2 x 2 means of what three layers of convolutions see.
    """

    def __init__(self, tensors: Arrays) -> None:
        super().__init__()
        self.layers = nn.ParameterList(
            nn.Parameter(torch.from_numpy(array), requires_grad=False) for array in tensors.values()
        )

    def forward(self, x: Tensor) -> Tensor:
        found = [adaptive_avg_pool2d(x, 4).flatten(1)]
        for weight in self.layers:
            x = leaky_relu(torch.conv2d(x, weight, padding=1), 0.2)
            found.append(adaptive_avg_pool2d(x, 2).flatten(1))
            x = avg_pool2d(x, 2, ceil_mode=True)
        return torch.cat(found, 1)


def untrained_tensors(channels: int) -> Arrays:
    """Weights by layer, always the same for a number of channels."""
    into = (channels, *WIDTHS)
    draws = [numpy_generator("untrained", channels, i) for i in range(len(WIDTHS))]
    layers = [orthogonal(d, o, i) for d, o, i in zip(draws, WIDTHS, into, strict=False)]
    flat = layers[0] - layers[0].mean((2, 3), keepdims=True)
    layers[0] = flat * np.linalg.norm(layers[0]) / np.linalg.norm(flat)
    # Rounded, so that the last bits of another machine's arithmetic make no other network.
    return {f"layer.{i}": w.round(5).astype(np.float32) for i, w in enumerate(layers)}


def orthogonal(generator: np.random.Generator, out: int, into: int) -> NDArray[np.float64]:
    """3 x 3 kernels (out, into, 3, 3) with orthogonal rows or columns, as many as can be."""
    matrix = generator.standard_normal((max(out, into * 9), min(out, into * 9)))
    q, r = np.linalg.qr(matrix)
    q = q * np.sign(np.diag(r))  # else the result would depend on the LAPACK at hand
    q = q.T if out < into * 9 else q
    scale = GAIN * math.sqrt(max(out / (into * 9), 1.0))
    weight: NDArray[np.float64] = scale * q.reshape(out, into, 3, 3)
    return weight
