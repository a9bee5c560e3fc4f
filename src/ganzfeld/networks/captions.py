"""Networks between images and captions: an encoder of images, a generator and a discriminator.

After DF-GAN (Tao et al. 2022), much smaller: the sentence scales and shifts each map of the
generator, and meets the features of the discriminator at 4x4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ganzfeld.networks.caption_readers import WIDTH, CaptionEncoder, PhraseEncoder
from ganzfeld.networks.layers import SLOPE, initialise, pyramid
from ganzfeld.networks.phrase_tables import Phrases, PhraseTable
from ganzfeld.networks.smooth import Smooth

HIDDEN = 64  # of the steps between a sentence and what it changes


class ImageEncoder(nn.Module):
    """Images (N, C, H, W) to vectors (N, outputs) of length sqrt(outputs), beside captions.

    most: channels of the widest map; 0: four times the width.
    norm: batch normalisation after each convolution, all of them 3x3, the first of which sees
        every pixel (every second one of more than 48 a side). It learns small things sooner.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        width: int = 32,
        most: int = 0,
        outputs: int = WIDTH,
        norm: bool = False,
    ) -> None:
        super().__init__()
        channels, height, broad = shape
        downs = max(len(pyramid(height, broad)) - 1, 0)
        most = most or 4 * width
        if norm:
            self.layers = normed(channels, width, downs, most, min(height, broad) > 48)
        else:
            self.layers = downward(channels, width, downs, most)
        last = min(width * 2 ** max(downs - 1, 0), most)
        self.outputs = outputs
        places = math.prod(-(-side // 2**downs) if norm else side >> downs for side in shape[1:])
        self.linear = initialise(nn.Linear(last * places, outputs), 1.0)

    def forward(self, x: Tensor, held: bool = False) -> Tensor:
        """held: to a gradient, the length before it was brought to sqrt(outputs) is a constant:
        what would make one thing clearer in an image does not make others less clear."""
        found: Tensor = self.linear(self.layers(x).flatten(1))
        if held:
            length: Tensor = torch.linalg.vector_norm(found.detach(), dim=1, keepdim=True)
            return math.sqrt(self.outputs) * found / length
        return math.sqrt(self.outputs) * normalize(found, dim=1)


def normed(channels: int, width: int, downs: int, most: int, quick: bool) -> nn.Sequential:
    """3x3 convolutions with batch normalisation, half as wide and of stride 1 at the start.

    quick: the first has stride 2 and the last 1.
    """
    widths = [width // 2, *(min(width * 2**level, most) for level in range(max(downs, 1)))]
    strides = [1, *[2] * downs, 1][: len(widths)]
    if quick:
        strides = [2] * downs + [1]
    layers: list[nn.Module] = []
    for before, behind, stride in zip([channels, *widths], widths, strides, strict=False):
        layers += [
            initialise(nn.Conv2d(before, behind, 3, stride, 1, bias=False)),
            nn.BatchNorm2d(behind),
            nn.LeakyReLU(SLOPE),
        ]
    return nn.Sequential(*layers)


def downward(channels: int, width: int, downs: int, most: int) -> nn.Sequential:
    """4x4 convolutions of stride 2; one 3x3 convolution where there is nothing to halve."""
    layers: list[nn.Module] = []
    before = channels
    for level in range(max(downs, 1)):
        behind = min(width * 2**level, most)
        kernel = (4, 2, 1) if downs else (3, 1, 1)
        layers += [initialise(nn.Conv2d(before, behind, *kernel)), nn.LeakyReLU(SLOPE)]
        before = behind
    return nn.Sequential(*layers)


class Affine(nn.Module):
    """Scales and shifts maps (N, C, H, W) by what a sentence and a latent say; at first, nothing.

    Batch normalisation comes before, without weights of its own.
    """

    def __init__(self, inputs: int, channels: int, norm: bool, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False) if norm else nn.Identity()
        self.hidden = initialise(nn.Linear(inputs, hidden))
        self.linear = nn.Linear(hidden, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        said = self.linear(nn.functional.leaky_relu(self.hidden(given), SLOPE))
        scale, shift = said[:, :, None, None].chunk(2, 1)
        found: Tensor = self.norm(x) * (1 + scale) + shift
        return found


class SentenceGenerator(nn.Module):
    """Latents (N, latent) and sentences (N, sentence) to images (N, C, H, W) in [-1, 1].

    With a table, it is given rows of phrases (N, L) in place of sentences.
    """

    def __init__(
        self,
        shape: Sequence[int],
        latent: int,
        sentence: int,
        width: int,
        most: int,
        refine: int,
        hidden: int = HIDDEN,
        smooth: bool = False,
        bounded: bool = True,
        phrase_table: bool = False,
    ) -> None:
        super().__init__()
        channels, height, broad = shape
        self.bounded = bounded
        self.table = PhraseTable(sentence) if phrase_table else None
        self.sizes = pyramid(height, broad)
        ups = len(self.sizes) - 1
        widths = [min(width * 2 ** max(ups - 1 - level, 0), most) for level in range(ups + 1)]
        widths = [*widths[:-1], refine]
        self.first = nn.Unflatten(1, (widths[0], *self.sizes[0]))
        self.linear = initialise(nn.Linear(latent + sentence, widths[0] * math.prod(self.sizes[0])))
        self.ups = nn.ModuleList(
            initialise(nn.ConvTranspose2d(before, behind, 4, 2, 1))
            for before, behind in pairwise(widths)
        )
        self.affine = nn.ModuleList(
            Affine(latent + sentence, channel, place < ups, hidden)
            for place, channel in enumerate(widths)
        )
        self.activation = nn.LeakyReLU(SLOPE)
        self.last = initialise(nn.Conv2d(refine, channels, 3, padding=1))
        self.smooth = Smooth(channels, height, broad) if smooth else nn.Identity()

    def forward(self, z: Tensor, sentence: Tensor) -> Tensor:
        said = sentence if self.table is None else self.table(sentence)
        given = torch.cat([z, said], 1)
        x = self.first(self.linear(given))
        x = x.contiguous(memory_format=torch.channels_last)
        for affine, up, (high, broad) in zip(self.affine, self.ups, self.sizes[1:], strict=False):
            x = up(self.activation(affine(x, given)))[:, :, :high, :broad]
        image: Tensor = self.smooth(self.last(self.activation(self.affine[-1](x, given))))
        return image.tanh() if self.bounded else image


class CaptionGenerator(nn.Module):
    """Latents (N, latent) and captions (N, T) of word numbers to images (N, C, H, W) in [-1, 1].

    It holds the encoder of captions, `text`, so that a model needs nothing else.

    shape: (C, H, W). words: of the vocabulary. sentence: numbers that a caption becomes.
    width: channels of the last map but one; each before it has twice as many, at most `most`.
    refine: channels of the last map, as large as the image.
    hidden: numbers between a sentence and what it changes in a map.
    smooth: a fixed filter before the output, which takes off a checkerboard of single pixels.
    phrases: the encoder is a `PhraseEncoder`; False: a `CaptionEncoder`.
    bounded: False: samples may have any numbers, as those of fields have.
    phrase_table: there is no encoder; the network learns what each phrase says
        (`ganzfeld.networks.phrase_tables`), and `text` gives the rows of phrases.
    """

    text: Phrases | PhraseEncoder | CaptionEncoder

    def __init__(
        self,
        shape: Sequence[int],
        *,
        words: int,
        latent: int = 64,
        sentence: int = WIDTH,
        width: int = 32,
        most: int = 256,
        refine: int = 16,
        hidden: int = HIDDEN,
        smooth: bool = False,
        phrases: bool = False,
        bounded: bool = True,
        phrase_table: bool = False,
    ) -> None:
        super().__init__()
        self.latent = latent
        if phrase_table:
            self.text = Phrases(width=sentence)
        else:
            self.text = (PhraseEncoder if phrases else CaptionEncoder)(words, width=sentence)
        self.body = SentenceGenerator(
            shape,
            latent,
            sentence,
            *(width, most, refine, hidden),
            smooth=smooth,
            bounded=bounded,
            phrase_table=phrase_table,
        )

    def forward(self, z: Tensor, y: Any = None, caption: Tensor | None = None) -> Tensor:
        if caption is None:
            raise ValueError("this network draws by captions: it needs caption, (N, T) int64")
        found: Tensor = self.body(z, self.text(caption))
        return found


class CaptionDiscriminator(nn.Module):
    """Images (N, C, H, W) and sentences (N, sentence) to logits (N,).

    The logit is the sum of three: of the image alone; of the image along a direction that the
    sentence gives (Miyato, Koyama 2018); and of both joined at the smallest map.

    phrase_table: it is given rows of phrases (N, L) in place of sentences, and has a table of its
        own (`ganzfeld.networks.phrase_tables`).
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        sentence: int = WIDTH,
        width: int = 32,
        most: int = 256,
        joint: int = 64,
        phrase_table: bool = False,
    ) -> None:
        super().__init__()
        self.table = PhraseTable(sentence) if phrase_table else None
        channels, height, broad = shape
        downs = max(len(pyramid(height, broad)) - 1, 0)
        self.layers = downward(channels, width, downs, most)
        maps = min(width * 2 ** max(downs - 1, 0), most)
        places = (height >> downs) * (broad >> downs)
        self.alone = initialise(nn.Linear(maps * places, 1), 1.0)
        self.direction = nn.Linear(sentence, maps * places)
        initialise(self.direction, 1 / math.sqrt(maps * places))
        self.join = initialise(nn.Conv2d(maps + sentence, joint, 1))
        self.joined = initialise(nn.Linear(joint * places, 1), 1.0)

    def features(self, x: Tensor) -> Tensor:
        """Of images: the smallest maps (N, C, h, w)."""
        found: Tensor = self.layers(x)
        return found

    def verdict(self, features: Tensor, sentence: Tensor) -> Tensor:
        """Logits (N,) of such maps and sentences."""
        flat = features.flatten(1)
        sentence = self.read(sentence)
        wide = sentence[:, :, None, None].expand(-1, -1, *features.shape[2:])
        both = nn.functional.leaky_relu(self.join(torch.cat([features, wide], 1)), SLOPE)
        logits: Tensor = self.alone(flat) + self.joined(both.flatten(1))
        along: Tensor = (flat * self.direction(sentence)).sum(1)
        return logits.squeeze(1) + along

    def read(self, sentence: Tensor) -> Tensor:
        """Sentences (..., width) as they are, or of rows of phrases (..., L)."""
        if self.table is None:
            return sentence
        found: Tensor = self.table(sentence.flatten(0, -2))
        return found.view(*sentence.shape[:-1], -1)

    def verdicts(self, features: Tensor, sentences: Tensor) -> Tensor:
        """`verdict` (N, K) of each image and several sentences (N, K, sentence), at less cost."""
        flat, maps = features.flatten(1), features.shape[1]
        sentences = self.read(sentences)
        seen = flat @ self.direction.weight
        along = (sentences @ seen[:, :, None])[:, :, 0] + (flat @ self.direction.bias)[:, None]
        weight, bias = cast(Tensor, self.join.weight), cast(Tensor, self.join.bias)
        left = nn.functional.conv2d(features, weight[:, :maps], bias)
        right = sentences @ weight[:, maps:, 0, 0].T
        both = nn.functional.leaky_relu(left[:, None] + right[:, :, :, None, None], SLOPE)
        logits: Tensor = self.joined(both.flatten(2))[:, :, 0] + self.alone(flat)
        return logits + along

    def phrases(self, features: Tensor, rows: Tensor) -> Tensor:
        """What each of some rows (K,) of the table adds, by itself, to the logits: (N, K)."""
        assert self.table is not None
        seen = features.flatten(1) @ self.direction.weight
        found: Tensor = seen @ self.table.each(rows).T
        return found

    def forward(self, x: Tensor, sentence: Tensor) -> Tensor:
        logits: Tensor = self.verdict(self.features(x), sentence)
        return logits
