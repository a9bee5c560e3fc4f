"""What a discriminator is told of a series beside what its convolutions see: its memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

LAGS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)  # steps, up to half of a series
MANY = 8  # channels, above which only neighbours' products are told
SIZE = 0.8  # about the mean of |x| of standard normal values


class Memory(nn.Module):
    """Series (N, C, T) to their mean products over time, (N, width), in the network's units.

    Of x: its mean in each channel, and the mean of x_i(t + lag) x_j(t) for all channels at each
    lag. Of |x| - 0.8: the same for each channel with itself: whether sizes cluster. asinh keeps
    heavy tails in bounds.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        channels, length = shape
        self.lags = [lag for lag in LAGS if lag <= max(length // 2, 1) and lag < length]
        self.every = channels <= MANY
        pairs = channels**2 if self.every else 2 * channels
        self.width = channels + len(self.lags) * (pairs + channels)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        x = x.float()
        sizes = x.abs() - SIZE
        length = x.shape[2]
        parts = [x.mean(2)]
        for lag in self.lags:
            late, early = x[:, :, lag:], x[:, :, : length - lag]
            if self.every:
                products = torch.einsum("nit,njt->nij", late, early).flatten(1) / (length - lag)
            else:
                own, next_one = (late * early).mean(2), (late * early.roll(1, 1)).mean(2)
                products = torch.cat([own, next_one], 1)
            parts += [products, (sizes[:, :, lag:] * sizes[:, :, : length - lag]).mean(2)]
        return torch.cat(parts, 1).asinh()
