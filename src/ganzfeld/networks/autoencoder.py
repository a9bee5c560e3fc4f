"""Networks for games with codes: an encoder, and a generator that makes codes, then decodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from ganzfeld.networks.dcgan import DCGANGenerator
from ganzfeld.networks.layers import SLOPE, JoinPlanes, initialise, pyramid
from ganzfeld.networks.mlp import MLPGenerator


class ConvEncoder(nn.Module):
    """Images (N, C, H, W) to codes (N, outputs), linear at the end.

    4x4 convolutions of stride 2 while the map stays 4 or larger, then a linear layer.

    shape: (C, H, W).
    outputs: numbers in a code; a variational encoder needs two for each entry of z.
    classes: number of labels, which enter as planes joined to the image; 0 for none.
    width: channels of the first map; each map after it has twice as many, at most `most`.
    norm: batch normalisation in all maps but the first, or none.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        outputs: int = 64,
        classes: int = 0,
        width: int = 32,
        most: int = 256,
        norm: Literal["batch", "none"] = "batch",
    ) -> None:
        super().__init__()
        channels, height, full_width = shape
        self.planes = JoinPlanes(classes)
        downs = len(pyramid(height, full_width)) - 1
        layers: list[nn.Module] = []
        before = channels + classes
        for level in range(max(downs, 1)):
            behind = min(width * 2**level, most)
            kernel = (4, 2, 1) if downs else (3, 1, 1)
            layers.append(initialise(nn.Conv2d(before, behind, *kernel)))
            if norm == "batch" and level:
                layers.append(nn.BatchNorm2d(behind))
            layers.append(nn.LeakyReLU(SLOPE, inplace=True))
            before = behind
        area = (height >> downs) * (full_width >> downs)
        layers += [nn.Flatten(), initialise(nn.Linear(before * area, outputs), gain=1.0)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        code: Tensor = self.planes.through(self.layers, x, y)
        return code


class CodeGenerator(nn.Module):
    """Latents (N, latent) to codes (N, code) to images (N, C, H, W) in [-1, 1].

    `codes` is a fully connected network, `decoder` that of a DCGAN; both see labels.

    code: numbers in a code. widths: of the hidden layers of `codes`.
    width, most: channels of the decoder (see `DCGANGenerator`).
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: int = 32,
        classes: int = 0,
        code: int = 32,
        widths: Sequence[int] = (512, 512, 512),
        width: int = 32,
        most: int = 256,
    ) -> None:
        super().__init__()
        self.latent = latent
        self.codes = MLPGenerator(
            (code,), latent=latent, classes=classes, widths=widths, norm="none", output="linear"
        )
        self.decoder = DCGANGenerator(shape, latent=code, classes=classes, width=width, most=most)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        picture: Tensor = self.decoder(self.codes(z, y), y)
        return picture
