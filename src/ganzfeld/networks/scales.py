"""A generator that draws at every scale: the coarser image, enlarged, and a difference."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from ganzfeld.networks.dcgan import DCGANGenerator
from ganzfeld.networks.dimensions import as_laid, cut
from ganzfeld.networks.layers import SLOPE, initialise


class ScalesGenerator(nn.Module):
    """Latents (N, latent) to images (N, C, H, W) in [-1, 1], and to the images of each scale.

    The maps are those of `DCGANGenerator`. From each a 3x3 convolution makes what its image adds
    to the one before, enlarged (Karras et al. 2020, "skip generator").

    shape, latent, classes, width, most, refine: see `DCGANGenerator`; refine is 1 or more.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: int = 100,
        classes: int = 0,
        width: int = 32,
        most: int = 256,
        refine: int = 8,
    ) -> None:
        super().__init__()
        if refine < 1:
            raise ValueError("refine is the channels of the last map: 1 or more")
        self.latent = latent
        self.body = DCGANGenerator(
            shape, latent=latent, classes=classes, width=width, most=most, refine=refine
        )
        widths = [int(up.get_parameter("weight").shape[1]) for up in self.body.ups][:-1]
        self.images = nn.ModuleList(
            initialise(nn.Conv2d(maps, shape[0], 3, 1, 1), 0.5) for maps in widths
        )

    def scales(self, z: Tensor, y: Tensor | None = None) -> list[Tensor]:
        """Images (N, C, h, w) of growing size; the last is the sample."""
        body = self.body
        x = as_laid(body.first(body.linear(body.labels(z, y))))
        image: Tensor | None = None
        found = []
        sizes = body.sizes[1:] or body.sizes
        makers = [*self.images, body.refine[1]]
        for norm, up, size, make in zip(body.norms, body.ups, sizes, makers, strict=True):
            x = cut(up(body.activation(norm(x))), size)
            added = make(leaky_relu(x, SLOPE))
            image = added if image is None else added + interpolate(image, list(size))
            found.append(torch.tanh(image))
        return found

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.scales(z, y)[-1]
