"""Networks by name.

A generator maps (z, y) to samples, a discriminator (x, y) to logits, a translator images to
images.

Example::

    import torch
    from ganzfeld.networks import NETWORKS

    G = NETWORKS["dcgan-generator"]((3, 32, 32), latent=64, width=16)
    x = G(torch.randn(2, 64))  # (2, 3, 32, 32) in [-1, 1]
"""

from __future__ import annotations

from torch import nn

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.networks.autoencoder import CodeGenerator, ConvEncoder
from ganzfeld.networks.caption_writer import CaptionJudge, CaptionWriter
from ganzfeld.networks.captions import CaptionDiscriminator, CaptionGenerator, ImageEncoder
from ganzfeld.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from ganzfeld.networks.deposits import DepositGenerator
from ganzfeld.networks.line_translator import LineTranslator
from ganzfeld.networks.mlp import MLPDiscriminator, MLPGenerator
from ganzfeld.networks.patchgan import PatchDiscriminator
from ganzfeld.networks.pretext import PretextEncoder, ProjectedDiscriminator
from ganzfeld.networks.recurrent import TextGenerator, TextJudge
from ganzfeld.networks.residual import ResidualDiscriminator, ResidualGenerator
from ganzfeld.networks.resnet_translator import ResidualTranslator
from ganzfeld.networks.scales import ScalesGenerator
from ganzfeld.networks.series import SeriesDiscriminator, SeriesGenerator
from ganzfeld.networks.symbols import SymbolJudge, SymbolMap
from ganzfeld.networks.table import TableDiscriminator, TableGenerator
from ganzfeld.networks.table_autoencoder import TableDecoder, TableEncoder
from ganzfeld.networks.text_critic import TextCritic
from ganzfeld.networks.tutorials import (
    AnimeDiscriminator,
    AnimeGenerator,
    CelebaDiscriminator,
    CelebaGenerator,
    MnistDiscriminator,
    MnistGenerator,
)
from ganzfeld.networks.unet import UNetTranslator
from ganzfeld.networks.wave import WaveDiscriminator, WaveGenerator

NETWORKS: dict[str, type[nn.Module]] = {
    "mlp-generator": MLPGenerator,
    "mlp-discriminator": MLPDiscriminator,
    "dcgan-generator": DCGANGenerator,
    "dcgan-discriminator": DCGANDiscriminator,
    "deposit-generator": DepositGenerator,
    "scales-generator": ScalesGenerator,
    "residual-generator": ResidualGenerator,
    "residual-discriminator": ResidualDiscriminator,
    "pretext-encoder": PretextEncoder,
    "projected-discriminator": ProjectedDiscriminator,
    "conv-encoder": ConvEncoder,
    "code-generator": CodeGenerator,
    "mnist-generator": MnistGenerator,
    "mnist-discriminator": MnistDiscriminator,
    "celeba-generator": CelebaGenerator,
    "celeba-discriminator": CelebaDiscriminator,
    "anime-generator": AnimeGenerator,
    "anime-discriminator": AnimeDiscriminator,
    "residual-translator": ResidualTranslator,
    "unet-translator": UNetTranslator,
    "patch-discriminator": PatchDiscriminator,
    "caption-generator": CaptionGenerator,
    "caption-discriminator": CaptionDiscriminator,
    "image-encoder": ImageEncoder,
    "caption-writer": CaptionWriter,
    "caption-judge": CaptionJudge,
    "text-generator": TextGenerator,
    "text-judge": TextJudge,
    "symbol-map": SymbolMap,
    "line-translator": LineTranslator,
    "symbol-judge": SymbolJudge,
    "text-critic": TextCritic,
    "series-generator": SeriesGenerator,
    "series-discriminator": SeriesDiscriminator,
    "table-generator": TableGenerator,
    "table-discriminator": TableDiscriminator,
    "table-encoder": TableEncoder,
    "table-decoder": TableDecoder,
    "wave-generator": WaveGenerator,
    "wave-discriminator": WaveDiscriminator,
}
