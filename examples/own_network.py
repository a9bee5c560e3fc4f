"""Your own generator in a recipe, with nothing registered and nothing edited.

    ganzfeld train avatars --recipe examples/own_network.py:tall --minutes 3

A network takes what its `options` say; it needs `latent`, and to map (z, y) to images.
"""

import torch
from torch import Tensor, nn

from ganzfeld.config import Config, Part
from ganzfeld.recipes.gan import Facts, default


class Tall(nn.Module):
    """Upsampling and 3x3 convolutions instead of transposed ones."""

    def __init__(self, shape: list[int], classes: int = 0, latent: int = 64, width: int = 64):
        super().__init__()
        channels, height, full_width = shape
        self.latent, self.classes = latent, classes
        self.start = nn.Linear(latent + classes, width * (height // 8) * (full_width // 8))
        self.unflatten = nn.Unflatten(1, (width, height // 8, full_width // 8))
        self.stages = nn.Sequential(*[self.stage(width) for _ in range(3)])
        self.picture = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh()
        )

    def stage(self, width: int) -> nn.Module:
        return nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if y is not None:
            z = torch.cat([z, nn.functional.one_hot(y, self.classes).to(z.dtype)], 1)
        x: Tensor = self.picture(self.stages(self.unflatten(self.start(z))))
        return x


def tall(facts: Facts) -> Config:
    """The default recipe with this generator."""
    config = default(facts)
    options = {"shape": facts.shape, "classes": facts.classes}
    config.networks["G"] = Part(name=f"{__file__}:Tall", options=options)
    return config
