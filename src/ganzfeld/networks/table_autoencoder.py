"""A variational autoencoder's networks for rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganzfeld.modalities.table.layout import Layout
from ganzfeld.networks.caption_readers import PhraseEncoder
from ganzfeld.networks.conditions import JoinNumbers
from ganzfeld.networks.layers import SLOPE, initialise, need_labels
from ganzfeld.networks.onednn_linear import Linear
from ganzfeld.networks.table import Choices, check_shape, label_column

CERTAIN = 100.0  # a logit that is greater by this much is drawn always


class TableEncoder(nn.Module):
    """Rows (N, width) to (N, outputs): the encoder of a variational autoencoder.

    Numbers and classes that rows depend on are columns of the rows, so it sees them there.

    sentence: numbers of a caption's sentence (N, sentence) that it sees beside each row, so that
        the latent need not hold what the caption says; 0: none.
    """

    def __init__(
        self,
        layout: Sequence[Sequence[int]],
        *,
        outputs: int,
        widths: Sequence[int] = (256, 256),
        sentence: int = 0,
    ) -> None:
        super().__init__()
        self.sentence = sentence
        before = Layout.of(layout).width + sentence
        layers: list[nn.Module] = []
        for width in widths:
            layers += [initialise(Linear(before, width)), nn.LeakyReLU(SLOPE)]
            before = width
        self.layers = nn.Sequential(*layers, initialise(nn.Linear(before, outputs), gain=1.0))

    def forward(self, x: Tensor, y: Tensor | None = None, sentence: Tensor | None = None) -> Tensor:
        if self.sentence:
            if sentence is None:
                raise ValueError("this encoder sees a sentence beside each row")
            x = torch.cat([x, sentence.to(x.dtype)], 1)
        out: Tensor = self.layers(x)
        return out


class TableDecoder(nn.Module):
    """Latents (N, latent) to rows (N, width), with the noise of a variational autoencoder.

    shape: of a row, to be checked. classes, condition: how many labels y there are, and the column
        whose choices they are, which a sample has as they are asked for; 0 and -1: none are taken.
    conditions: numbers c (N, conditions) that rows depend on.
    words: of the vocabulary of captions (N, T) that rows depend on, which an encoder of the
        network's own reads; 0: none. sentence: numbers that a caption becomes.
    shares: of each choice in the training part, for a game that compares them; () where none does.
    noise: entries of z that the layers see. Behind them lie one for each column with choices and
        one for each value within a mode: the noise that these have around the layers' output.
    """

    one_hot: Tensor  # (classes, classes)

    def __init__(
        self,
        layout: Sequence[Sequence[int]],
        *,
        shape: Sequence[int] | None = None,
        classes: int = 0,
        condition: int = -1,
        conditions: int = 0,
        words: int = 0,
        sentence: int = 64,
        shares: Sequence[float] = (),
        noise: int = 64,
        widths: Sequence[int] = (256, 256),
    ) -> None:
        super().__init__()
        self.choices, self.noise = Choices(layout), noise
        check_shape(shape, self.choices.layout)
        self.latent = noise + self.choices.heads + len(self.choices.layout.numbers)
        self.given = label_column(self.choices, condition, classes)
        self.register_buffer("one_hot", torch.eye(classes), persistent=False)
        self.numbers = JoinNumbers(conditions)
        self.text = PhraseEncoder(words, width=sentence) if words else None
        before = noise + classes + self.numbers.width + (sentence if words else 0)
        layers: list[nn.Module] = []
        for width in widths:
            layers += [initialise(Linear(before, width)), nn.LeakyReLU(SLOPE)]
            before = width
        last = initialise(Linear(before, self.choices.layout.width), gain=1.0)
        self.layers = nn.Sequential(*layers, last)
        numbers = len(self.choices.layout.numbers)
        if shares and len(shares) != self.choices.count:
            raise ValueError(f"{len(shares)} shares do not fit {self.choices.count} choices")
        known = torch.tensor(shares, dtype=torch.float32)
        self.register_buffer("shares", known, persistent=False)
        self.log_deviation = nn.Parameter(torch.full((numbers,), -1.5))

    def labels(self, y: Tensor | None) -> Tensor:
        """One-hot vectors (N, classes) of labels (N,)."""
        return nn.functional.embedding(need_labels(y), self.one_hot)

    def said(self, caption: Tensor | None) -> Tensor:
        """Sentences (N, sentence) of captions."""
        if caption is None or self.text is None:
            raise ValueError("this network makes rows by captions: it needs caption, (N, T)")
        found: Tensor = self.text(caption)
        return found

    def raw(
        self,
        z: Tensor,
        y: Tensor | None = None,
        c: Tensor | None = None,
        caption: Tensor | None = None,
    ) -> Tensor:
        """Logits, and means of values, (N, width)."""
        entries = z[:, : self.noise]
        if self.text is not None:
            entries = torch.cat([entries, self.said(caption).to(entries.dtype)], 1)
        if self.given >= 0:
            entries = torch.cat([entries, self.labels(y).to(entries.dtype)], 1)
        out: Tensor = self.layers(self.numbers(entries, c))
        return out

    def forward(
        self,
        z: Tensor,
        y: Tensor | None = None,
        c: Tensor | None = None,
        caption: Tensor | None = None,
    ) -> Tensor:
        raw, heads = self.raw(z, y, c, caption), self.choices.heads
        if self.given >= 0:  # of its column, the label that was asked for and no other
            start, stop = self.choices.layout.choices[self.given]
            asked = self.labels(y).to(raw.dtype)
            others = torch.zeros_like(raw[:, start + asked.shape[1] : stop])
            raw = torch.cat(
                [raw[:, :start], CERTAIN * asked, CERTAIN * (others - 1), raw[:, stop:]], 1
            )
        uniform = torch.special.ndtr(z[:, self.noise : self.noise + heads].float())
        noise = self.log_deviation.exp() * z[:, self.noise + heads :]
        values = raw.index_add(1, self.choices.numbers, noise.to(raw.dtype))
        return self.choices.drawn(raw, values, uniform)
