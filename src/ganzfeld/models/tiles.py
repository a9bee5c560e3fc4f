"""Images larger than a network takes at once: tiles that blend where they overlap."""

from __future__ import annotations

import torch
from torch import Tensor, nn

TILE, OVERLAP = 1024, 128  # px: larger images go in tiles that blend over the overlap


@torch.inference_mode()
def tiled(network: nn.Module, x: Tensor, tile: int) -> Tensor:
    """network(x) for one image (1, C, H, W), on the CPU; in tiles where it is larger.

    Where tiles overlap, each counts the less the nearer its edge is.
    """
    height, width = x.shape[2:]
    if max(height, width) <= tile:
        whole: Tensor = network(x).float().cpu()
        return whole
    total, weights = torch.zeros(0), torch.zeros(1, 1, height, width)
    for top in places(height, tile):
        for left in places(width, tile):
            piece = x[:, :, top : top + tile, left : left + tile]
            done = network(piece).float().cpu()
            if not total.numel():
                total = torch.zeros(1, done.shape[1], height, width)
            high, wide = done.shape[2:]
            ramp = slope_of(high)[:, None] * slope_of(wide)
            at = (..., slice(top, top + high), slice(left, left + wide))
            total[at] += done * ramp
            weights[at] += ramp
    return total / weights


def places(length: int, tile: int) -> list[int]:
    """Where tiles start, evenly spread, with an overlap of an eighth of a tile or more."""
    if length <= tile:
        return [0]
    step = tile - min(OVERLAP, tile // 8)
    count = -(-(length - tile) // step) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def slope_of(length: int) -> Tensor:
    """Weights (length,) that rise from both ends over the overlap."""
    ramp = max(min(OVERLAP, length // 8), 1)
    edge = torch.minimum(torch.arange(length), torch.arange(length).flip(0)) + 1
    return (edge / (ramp + 1)).clamp(max=1.0)
