"""Games by name.

Example::

    from ganzfeld import games

    print(*games.GAMES)  # the names that a recipe's `game.name` takes
"""

from __future__ import annotations

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.core.types import Batch, Losses
from ganzfeld.games.adversarial import Adversarial
from ganzfeld.games.base import Clock, Game
from ganzfeld.games.drifting import Drifting
from ganzfeld.games.gmmn import GMMN
from ganzfeld.games.image_to_text import ImageToText, ImageToTextMLE
from ganzfeld.games.table import TableGAN, TableVAE
from ganzfeld.games.text import TextGAN, TextMLE
from ganzfeld.games.text_pairs import TextPix2Pix
from ganzfeld.games.text_to_image import TextToImage
from ganzfeld.games.text_translation import TextCycleGAN
from ganzfeld.games.translation import CycleGAN, Pix2Pix
from ganzfeld.games.vae import VAE

GAMES: dict[str, type[Game]] = {
    "adversarial": Adversarial,
    "vae": VAE,
    "gmmn": GMMN,
    "drifting": Drifting,
    "cyclegan": CycleGAN,
    "pix2pix": Pix2Pix,
    "text-gan": TextGAN,
    "text-mle": TextMLE,
    "text-cyclegan": TextCycleGAN,
    "text-pix2pix": TextPix2Pix,
    "text-to-image": TextToImage,
    "image-to-text": ImageToText,
    "image-to-text-mle": ImageToTextMLE,
    "table-gan": TableGAN,
    "table-vae": TableVAE,
}

__all__ = [
    "GAMES",
    "GMMN",
    "VAE",
    "Adversarial",
    "Batch",
    "Clock",
    "CycleGAN",
    "Drifting",
    "Game",
    "Losses",
    "Pix2Pix",
    "TextGAN",
    "TextMLE",
    "TextToImage",
]
