"""The U-Net translator of pix2pix: an encoder and a decoder with a skip at every level."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzfeld.networks.layers import SLOPE
from ganzfeld.networks.resnet_translator import Norm, normalise, pad_to_multiple, start

DROPPED = 3  # levels of the decoder, from the innermost, that may have dropout


class UNetTranslator(nn.Module):
    """Images (N, inputs, H, W) to images (N, outputs, H, W) in [-1, 1], of any size.

    4x4 convolutions of stride 2 down and up again; each level of the decoder also sees the
    encoder's map of its size (Isola et al. 2017, appendix 6.1.1). Sizes that `2 ** depth` does
    not divide are padded inside and cut off again.

    depth: levels; 8 as published for 256 px, where the innermost map is one pixel.
    width: channels of the first level, doubling up to eight times as many.
    norm: "instance" is the published batch normalisation at the published batch of one, in
        training and after it; "batch" for larger batches.
    dropout: probability, in the three innermost levels of the decoder as far as they have the
        full width. It is the only noise of pix2pix, and is off after training.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        depth: int = 8,
        width: int = 64,
        norm: Norm = "instance",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth must be 1 or more, not {depth}")
        self.channels, self.depth = (inputs, outputs), depth
        widths = [width * 2 ** min(level, 3) for level in range(depth)]
        self.downs = nn.ModuleList()
        for level, (before, behind) in enumerate(zip([inputs, *widths], widths, strict=False)):
            edge = level in (0, depth - 1)  # the innermost map may be one pixel: nothing to norm
            layers: list[nn.Module] = [nn.LeakyReLU(SLOPE)] if level else []
            layers.append(start(nn.Conv2d(before, behind, 4, 2, 1, bias=edge or norm == "none")))
            layers += [] if edge else normalise(behind, norm, affine=True)
            self.downs.append(nn.Sequential(*layers))
        self.ups = nn.ModuleList()
        for level in reversed(range(depth)):
            before = widths[level] * (1 if level == depth - 1 else 2)
            behind = widths[level - 1] if level else outputs
            up = nn.ConvTranspose2d(before, behind, 4, 2, 1, bias=not level or norm == "none")
            layers = [nn.ReLU(), start(up)]
            if level:
                layers += normalise(behind, norm, affine=True)
                if depth - level <= DROPPED and behind == 8 * width and dropout:
                    layers.append(nn.Dropout(dropout))
            self.ups.append(nn.Sequential(*layers, *([] if level else [nn.Tanh()])))

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        y: Tensor = pad_to_multiple(x, 2**self.depth)
        maps: list[Tensor] = []
        for down in self.downs:
            y = down(y)
            maps.append(y)
        y = self.ups[0](maps.pop())
        for up in list(self.ups)[1:]:
            y = up(torch.cat([maps.pop(), y], 1))
        return y[:, :, :height, :width]
