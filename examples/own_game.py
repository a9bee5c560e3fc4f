"""Your own game: features of real and fake images are to have equal means.

    ganzfeld train avatars --recipe examples/own_game.py:matching --minutes 3

A game says who plays, and what each player minimises. The loop, the checkpoints, the images
and the model come with it.
"""

from torch import Tensor

from ganzfeld.config import Config
from ganzfeld.games import Adversarial, Batch, Losses
from ganzfeld.recipes.gan import Facts, default


class FeatureMatching(Adversarial):
    """The generator also matches the discriminator's features (Salimans et al. 2016, eq. 2)."""

    def features(self, x: Tensor) -> Tensor:
        means: Tensor = self.D.get_submodule("layers")(x).mean(0)
        return means

    def generator_loss(self, batch: Batch) -> Losses:
        losses = super().generator_loss(batch)
        real, fake = self.features(batch["x"]).detach(), self.features(self.fake(batch))
        return {**losses, "matching": (real - fake).square().mean()}


def matching(facts: Facts) -> Config:
    """The default recipe, played as `FeatureMatching`."""
    config = default(facts)
    config.game.name = f"{__file__}:FeatureMatching"
    return config
