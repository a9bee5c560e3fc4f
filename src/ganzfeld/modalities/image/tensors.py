"""Images between stored pixels, uint8, and a network's floats in [-1, 1]."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def to_network(pixels: Tensor) -> Tensor:
    """uint8 pixels as float32 in [-1, 1]: x / 127.5 - 1. Floats are taken as they are."""
    return pixels.float().div_(127.5).sub_(1) if pixels.dtype == torch.uint8 else pixels


def to_bytes(samples: Tensor) -> Tensor:
    """Samples in [-1, 1] as uint8 pixels, rounded, on their device; values outside are clipped."""
    return samples.detach().float().add(1).mul(127.5).round().clamp(0, 255).byte()


def arrange(x: Tensor) -> Tensor:
    """Maps (N, C, H, W) in the order of memory in which convolutions are fastest."""
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def channels_last(module: nn.Module) -> None:
    """Lay four-dimensional weights out as convolutions are fastest."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def ready(x: Tensor) -> Tensor:
    """A tensor of a trainer's batch that says nothing of its kind: uint8 means pixels."""
    return arrange(to_network(x))
