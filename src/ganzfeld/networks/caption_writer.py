"""Networks that write captions of images, word by word, and one that judges every next word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganzfeld.networks.captions import ImageEncoder
from ganzfeld.networks.layers import initialise
from ganzfeld.networks.recurrent import NEVER, Places, TextGenerator, inverse

SEEN = 256  # numbers that an image becomes
COLDEST = 0.01  # temperature by which numbers are divided
UNKNOWN = 1  # the symbol of a word that is not in the vocabulary: it is never written


class Teller(TextGenerator):
    """A `TextGenerator` whose states choose what of its conditions they speak of.

    What a state says beside its own logits is a product with the conditions (Kim et al. 2017,
    low-rank bilinear), so that "the color of the hair comes next" meets "red" without a detour
    through the state. joint: numbers of that product.
    """

    def __init__(self, shape: Sequence[int], *, joint: int, **options: Any) -> None:
        super().__init__(tuple(shape), **options)
        self.asks = initialise(nn.Linear(self.cell.width, joint), 1.0)
        self.knows = initialise(nn.Linear(options["conditions"], joint), 1.0)
        self.joined = nn.Linear(joint, self.symbols)
        nn.init.zeros_(self.joined.weight)
        nn.init.zeros_(self.joined.bias)

    def spoken(self, states: Tensor, c: Tensor | None) -> Tensor:
        assert c is not None
        states = self.dropout(states)
        found: Tensor = self.logits(states) + self.joined(self.asks(states) * self.knows(c))
        return found


class CaptionWriter(nn.Module):
    """Latents (N, T) and images (N, C, H, W) to captions (N, T), one word after another.

    An encoder turns the image into numbers that the recurrent decoder, a `TextGenerator`, starts
    from and is given at every word. The latent chooses the words, and nothing else is random.

    shape: (C, H, W) of an image. words: of the vocabulary: END, the unknown word, and the others.
    longest: words of the longest caption; T is one more, for END.
    width: channels of the encoder's first maps. hidden, embedding: of the decoder's state and of a
    word. dropout: of states.
    norm: the encoder has batch normalisation and 3x3 convolutions, and sees small things sooner.
    joint: numbers of the product of state and image in a `Teller`; 0: none.
    blind: share of the captions that are learned by likelihood without their image, which teaches
        how captions are worded, so that a temperature can leave that alone; 0: a temperature
        sharpens all. sharper, fewer: powers of such a temperature; see `sharpened`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        words: int,
        longest: int,
        width: int = 32,
        hidden: int = 256,
        embedding: int = 64,
        dropout: float = 0.0,
        norm: bool = False,
        joint: int = 0,
        blind: float = 0.0,
        sharper: float = 1.5,
        fewer: float = 2.5,
    ) -> None:
        super().__init__()
        if not 0 <= blind < 1:
            raise ValueError(f"blind is a share of the captions in [0, 1), not {blind}")
        if min(sharper, fewer) <= 0:
            raise ValueError(f"sharper and fewer are above 0, not {sharper} and {fewer}")
        self.blind, self.sharper, self.fewer = blind, sharper, fewer
        self.eye = ImageEncoder(shape, width=width, outputs=SEEN, norm=norm)
        sizes: dict[str, Any] = {"symbols": words, "conditions": SEEN, "hidden": hidden}
        sizes |= {"embedding": embedding, "dropout": dropout}
        self.text = (
            Teller((longest + 1,), joint=joint, **sizes)
            if joint
            else TextGenerator((longest + 1,), **sizes)
        )
        self.latent, self.length = self.text.latent, self.text.length

    def forward(self, z: Tensor, x: Tensor, temperature: float = 1.0) -> Tensor:
        """Captions (N, T), int64, zeros behind their ends.

        temperature: below 1, words that the image speaks for become likelier; see `sharpened`.
        """
        uniforms = self.text.uniforms(z)
        never = torch.arange(self.text.symbols, device=z.device) == UNKNOWN
        seen = self.eye(x)
        if beside := self.blind > 0 and temperature != 1:  # the same captions, without an image
            z, seen = z.repeat(2, 1), torch.cat([seen, torch.zeros_like(seen)])
        tokens: list[Tensor] = []

        def choose(t: int, logits: Tensor) -> tuple[Tensor, Tensor]:
            logits = logits.masked_fill(never, NEVER)
            logits = (
                sharpened(logits, temperature, self.sharper, self.fewer)
                if beside
                else logits / temperature
            )
            tokens.append(inverse(logits.softmax(1), uniforms[:, t]))
            both = tokens[-1].repeat(2) if beside else tokens[-1]
            return both, tokens[-1]

        return self.text.unroll(choose, z, None, seen, self.length)

    def write(self, z: Tensor, x: Tensor) -> tuple[Tensor, Places, Tensor]:
        """Captions (N, T), their places, and log probabilities (M, V) of all words there."""
        return self.text.write(z, None, self.eye(x))

    def log_probabilities(
        self, captions: Tensor, x: Tensor, hide: bool = False
    ) -> tuple[Places, Tensor]:
        """The places of captions (N, T), and log probabilities (M, V) of all words there.

        hide: hide the share `blind` of the images.
        """
        z, seen = x.new_zeros(len(x), self.latent), self.eye(x)
        if hide and self.blind:
            seen = seen * (torch.rand(len(x), 1, device=x.device) >= self.blind)
        return self.text.log_probabilities(captions, z, None, seen)


def sharpened(logits: Tensor, temperature: float, sharper: float, fewer: float) -> Tensor:
    """Logits (N, V) of a temperature that acts on what an image says, and not on how it is said.

    logits: (2N, V), with the image and without it. What the image adds is divided by the
    temperature, to the power `sharper` ("classifier-free guidance", Ho and Salimans 2022): two
    words for one thing gain alike, and keep the odds that captions give them. Below 1, words that
    are less likely than 1 - temperature, to the power `fewer`, times the likeliest, are left out,
    so that captions stay grammatical and temperatures near 0 write the likeliest word.
    docs/image-to-text.md has what powers give.
    """
    told, blind = logits.chunk(2)
    odds = (told - told.amax(1, keepdim=True)).exp()
    found = blind + (told - blind) / float(max(temperature, COLDEST) ** sharper)
    return found.masked_fill(odds < float((1 - min(temperature, 1)) ** fewer), NEVER)


class CaptionJudge(nn.Module):
    """Images (N, C, H, W) and captions (N, T) to two logits of every next word.

    The first, normalised, is a log probability: how likely a caption goes on so. The second says
    how well that word goes with the image. Encoder and reader are those of a `CaptionWriter`, so
    that the judge can start as a copy of one. Options as there.
    """

    def __init__(self, shape: Sequence[int], *, words: int, longest: int, **options: Any) -> None:
        super().__init__()
        writer = CaptionWriter(shape, words=words, longest=longest, **options)
        self.eye, self.text = writer.eye, writer.text
        self.match = nn.Linear(self.text.cell.width, words)
        nn.init.zeros_(self.match.weight)  # what is never wrong stays at 0
        nn.init.zeros_(self.match.bias)

    def forward(self, x: Tensor, captions: Tensor) -> tuple[Places, Tensor, Tensor]:
        """The places of captions, and both logits (M, V) there."""
        z = x.new_zeros(len(x), self.text.latent)
        seen = self.eye(x)
        state, always, _ = self.text.begin(z, None, seen)
        states, places = self.text.inputs.read(self.text.cell, captions, state, always)
        logits = self.text.spoken(states, seen[places.rows])
        last = places.columns == self.text.length - 1  # where only END is left, as in the writer
        logits = logits.masked_fill(last[:, None] & self.text.others(logits), NEVER)
        return places, logits.log_softmax(1), self.match(self.text.dropout(states))
