"""Fixed filters against checkerboards: one for an image, one for a map inside a generator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzfeld.networks.dimensions import Padding, wrapped

TAPS = (-1.0, 4.0, 10.0, 4.0, -1.0)  # over 16: nothing passes at one change a pixel, 3/4 at half


class Smooth(nn.Module):
    """Images (N, C, H, W) through a separable filter of five taps.

    Strided convolutions in D and transposed ones in G leave a pattern that changes with each
    pixel. In photographs of 64 pixels after four CPU minutes it had 157 times the power that it
    has in the data, while details of four pixels had half of theirs. At the border the taps that
    lie inside are brought to a sum of 1. It learns nothing, and no tensor of it is stored.
    """

    kernel: Tensor
    gain: Tensor

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        taps = torch.tensor(TAPS) / 16
        kernel = torch.outer(taps, taps).expand(channels, 1, 5, 5).contiguous()
        self.register_buffer("kernel", kernel, persistent=False)
        inside = nn.functional.conv2d(torch.ones(1, 1, height, width), kernel[:1], padding=2)
        self.register_buffer("gain", 1 / inside, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        passed = nn.functional.conv2d(x, self.kernel.to(x), padding=2, groups=x.shape[1])
        return passed * self.gain.to(x)


BINOMIAL = (0.25, 0.5, 0.25)  # nothing passes at one change an entry, half at four entries a wave
CONVOLVE = {1: nn.functional.conv1d, 2: nn.functional.conv2d, 3: nn.functional.conv3d}


class Blur(nn.Module):
    """Maps (N, C, ...) through a separable binomial filter of three taps (Zhang 2019).

    The four places of a 2x2 step of a transposed convolution have weights of their own, so that
    what it makes changes from place to place. Between it and the next activation this filter
    stops the finest of that; the activation and the layers after it may still draw fine detail.
    It learns nothing, and no tensor of it is stored.

    padding: with "circular" the maps keep their sides, and their opposite side lies beyond the
        border. With "zeros" each side loses two entries: the layer before makes so many more.
    """

    kernel: Tensor

    def __init__(self, channels: int, dimensions: int = 2, padding: Padding = "zeros") -> None:
        super().__init__()
        self.circular, self.dimensions = padding == "circular", dimensions
        kernel = taps = torch.tensor(BINOMIAL)
        for _ in range(dimensions - 1):
            kernel = kernel[..., None] * taps
        kernel = kernel.expand(channels, 1, *kernel.shape).contiguous()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.circular:
            x = wrapped(x)
        passed: Tensor = CONVOLVE[self.dimensions](x, self.kernel.to(x), groups=x.shape[1])
        return passed
