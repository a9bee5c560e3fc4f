"""The convolutional networks of well-known tutorials, layer by layer as they were published.

With classes, labels enter as in the conditional GAN (Mirza and Osindero 2014): their one-hot
vector is joined to z, and as planes to the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganzfeld.errors import UsageError
from ganzfeld.networks.layers import SLOPE, JoinPlanes, need_labels


def smallest_map(shape: Sequence[int], times: int, published: int) -> tuple[int, int]:
    """Height and width of the smallest map, a `times`-th of the image's; or a UsageError."""
    _, height, width = shape
    if height % times or width % times:
        near = [times * max(round(side / times), 1) for side in (height, width)]
        size = f"{near[0]}" if near[0] == near[1] else f"{near[0]}x{near[1]}"
        raise UsageError(
            f"this tutorial's networks need sides that are multiples of {times}, such as its "
            f"own {published}x{published}, and the images are {height}x{width}",
            fix=f"--size {size}   or --size {published}, as in the tutorial",
        )
    return height // times, width // times


class JoinOneHot(nn.Module):
    """Latents with the one-hot vector of their labels behind them: (N, latent + classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, z: Tensor, y: Tensor | None) -> Tensor:
        if not self.classes:
            return z
        one_hot = nn.functional.one_hot(need_labels(y), self.classes)
        return torch.cat([z, one_hot.to(z.dtype)], 1)


class TutorialGenerator(nn.Module):
    """Latents (N, latent) to images (N, C, H, W) in [-1, 1], through the layers given."""

    def __init__(self, latent: int, classes: int, *layers: nn.Module) -> None:
        super().__init__()
        self.latent = latent
        self.labels = JoinOneHot(classes)
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        picture: Tensor = self.layers(self.labels(z, y))
        return picture


class TutorialDiscriminator(nn.Module):
    """Images (N, C, H, W) to logits (N,), through layers that end in one number."""

    def __init__(self, classes: int, *layers: nn.Module) -> None:
        super().__init__()
        self.planes = JoinPlanes(classes)
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        logits: Tensor = self.planes.through(self.layers, x, y)
        return logits.flatten()


def glorot(network: nn.Module) -> None:
    """Uniform weights of Glorot and Bengio (2010) and zero biases: what Keras starts from."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def deviation_002(network: nn.Module) -> None:
    """Weights of deviation 0.02 (Radford et al. 2016, section 4)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)


class MnistGenerator(TutorialGenerator):
    """A dense layer to a quarter of the size, then 5x5 transposed convolutions of stride 1, 2, 2.

    Without biases; batch normalisation and a leaky ReLU between them. It is the generator of
    TensorFlow's DCGAN tutorial at 28x28.

    shape: (C, H, W), with H and W multiples of 4. width: channels at half the size.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: int = 100,
        classes: int = 0,
        width: int = 64,
        slope: float = 0.3,
    ) -> None:
        height, full_width = smallest_map(shape, 4, 28)
        area = height * full_width
        super().__init__(
            latent,
            classes,
            nn.Linear(latent + classes, 4 * width * area, bias=False),
            nn.BatchNorm1d(4 * width * area),
            nn.LeakyReLU(slope, inplace=True),
            nn.Unflatten(1, (4 * width, height, full_width)),
            nn.ConvTranspose2d(4 * width, 2 * width, 5, 1, 2, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(slope, inplace=True),
            nn.ConvTranspose2d(2 * width, width, 5, 2, 2, output_padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(slope, inplace=True),
            nn.ConvTranspose2d(width, shape[0], 5, 2, 2, output_padding=1, bias=False),
        )
        glorot(self)


class MnistDiscriminator(TutorialDiscriminator):
    """Two 5x5 convolutions of stride 2 with leaky ReLU and dropout, then a dense layer.

    shape: (C, H, W), with H and W multiples of 4. width: channels of the first map; the second
    has twice as many. It is the discriminator of TensorFlow's DCGAN tutorial at 28x28.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        classes: int = 0,
        width: int = 64,
        slope: float = 0.3,
        dropout: float = 0.3,
    ) -> None:
        height, full_width = smallest_map(shape, 4, 28)
        super().__init__(
            classes,
            nn.Conv2d(shape[0] + classes, width, 5, 2, 2),
            nn.LeakyReLU(slope, inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(width, 2 * width, 5, 2, 2),
            nn.LeakyReLU(slope, inplace=True),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(2 * width * height * full_width, 1),
        )
        glorot(self)


class CelebaGenerator(TutorialGenerator):
    """A dense layer to a sixteenth of the size, four 4x4 transposed convolutions of stride 2,
    each with batch normalisation and ReLU, then a 3x3 convolution to the image.

    shape: (C, H, W), with H and W multiples of 16. width: channels of the last map.
    """

    def __init__(
        self, shape: Sequence[int], *, latent: int = 100, classes: int = 0, width: int = 64
    ) -> None:
        height, full_width = smallest_map(shape, 16, 64)
        widths = [8 * width, 8 * width, 4 * width, 2 * width, width]
        ups: list[nn.Module] = []
        for before, behind in pairwise(widths):
            ups.append(nn.ConvTranspose2d(before, behind, 4, 2, 1, bias=False))
            ups += [nn.BatchNorm2d(behind), nn.ReLU(inplace=True)]
        super().__init__(
            latent,
            classes,
            nn.Linear(latent + classes, widths[0] * height * full_width),
            nn.Unflatten(1, (widths[0], height, full_width)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
            *ups,
            nn.Conv2d(width, shape[0], 3, 1, 1),
        )
        deviation_002(self)


class CelebaDiscriminator(TutorialDiscriminator):
    """Four blocks of a 3x3 convolution and a 4x4 convolution of stride 2, each with batch
    normalisation and leaky ReLU; then the mean over places, and a dense layer.

    shape: (C, H, W), with H and W multiples of 16. width: channels of the first block; each
    block after it has twice as many.
    """

    def __init__(self, shape: Sequence[int], *, classes: int = 0, width: int = 64) -> None:
        smallest_map(shape, 16, 64)
        layers: list[nn.Module] = []
        before = shape[0] + classes
        for behind in (width, 2 * width, 4 * width, 8 * width):
            for convolution in (
                nn.Conv2d(before, behind, 3, 1, 1, bias=False),
                nn.Conv2d(behind, behind, 4, 2, 1, bias=False),
            ):
                layers += [convolution, nn.BatchNorm2d(behind), nn.LeakyReLU(SLOPE, inplace=True)]
            before = behind
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 1)]
        super().__init__(classes, *layers)
        deviation_002(self)


class AnimeGenerator(TutorialGenerator):
    """Transposed convolutions alone: z as a 1x1 map to 4x4, three of 4x4 with stride 2, and a
    last one of 5x5 with stride 3 to 96x96. No biases; batch normalisation and ReLU between.

    shape: (C, H, W), with H and W multiples of 24; the first kernel is as large as the smallest
    map. width: channels of the last map (ngf).
    """

    def __init__(
        self, shape: Sequence[int], *, latent: int = 100, classes: int = 0, width: int = 64
    ) -> None:
        smallest = smallest_map(shape, 24, 96)
        layers: list[nn.Module] = [nn.Unflatten(1, (latent + classes, 1, 1))]
        layers.append(nn.ConvTranspose2d(latent + classes, 8 * width, smallest, bias=False))
        for behind in (4 * width, 2 * width, width):
            layers += [nn.BatchNorm2d(2 * behind), nn.ReLU(inplace=True)]
            layers.append(nn.ConvTranspose2d(2 * behind, behind, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers.append(nn.ConvTranspose2d(width, shape[0], 5, 3, 1, bias=False))
        super().__init__(latent, classes, *layers)
        deviation_002(self)


class AnimeDiscriminator(TutorialDiscriminator):
    """The generator mirrored: 5x5 with stride 3, three 4x4 with stride 2, and one as large as
    the map that is left. No biases; leaky ReLU, and batch normalisation in all but the first.

    shape: (C, H, W), with H and W multiples of 24. width: channels of the first map (ndf).
    """

    def __init__(self, shape: Sequence[int], *, classes: int = 0, width: int = 64) -> None:
        smallest = smallest_map(shape, 24, 96)
        layers: list[nn.Module] = [nn.Conv2d(shape[0] + classes, width, 5, 3, 1, bias=False)]
        for before in (width, 2 * width, 4 * width):
            layers.append(nn.LeakyReLU(SLOPE, inplace=True))
            layers.append(nn.Conv2d(before, 2 * before, 4, 2, 1, bias=False))
            layers.append(nn.BatchNorm2d(2 * before))
        layers.append(nn.LeakyReLU(SLOPE, inplace=True))
        layers.append(nn.Conv2d(8 * width, 1, smallest, bias=False))
        super().__init__(classes, *layers)
        deviation_002(self)
