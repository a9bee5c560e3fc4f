"""The patch discriminator: one logit for each place of the image."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from ganzfeld.networks.layers import SLOPE
from ganzfeld.networks.resnet_translator import Norm, normalise, start


class PatchDiscriminator(nn.Module):
    """Images (N, inputs, H, W) to logits (N, 1, h, w), one for each of overlapping patches.

    4x4 convolutions C64-C128-C256-C512 and one to a logit; all but the last two halve the map
    (Isola et al. 2017, appendix 6.1.2; Zhu et al. 2017, section 7.2). With three `layers` a logit
    sees a patch of 70x70 pixels, with two 34x34, with one 16x16.

    inputs: channels, those of both images where a pair is judged.
    layers: convolutions that halve the map; fewer for images under 32 px.
    width: channels of the first, doubling up to eight times as many.
    """

    def __init__(
        self,
        inputs: int,
        *,
        layers: int = 3,
        width: int = 64,
        norm: Norm = "instance",
    ) -> None:
        super().__init__()
        strides = [2] * layers + [1]
        widths = [width * 2 ** min(level, 3) for level in range(len(strides))]
        found: list[nn.Module] = []
        for level, (before, behind) in enumerate(zip([inputs, *widths], widths, strict=False)):
            bias = level == 0 or norm != "batch"
            found.append(start(nn.Conv2d(before, behind, 4, strides[level], 1, bias=bias)))
            found += normalise(behind, norm) if level else []
            found.append(nn.LeakyReLU(SLOPE, inplace=True))
        found.append(start(nn.Conv2d(widths[-1], 1, 4, 1, 1)))
        self.layers = nn.Sequential(*found)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.layers(x))
