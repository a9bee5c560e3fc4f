"""Encoders of captions: word numbers become sentences, vectors of one length."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ganzfeld.networks.layers import SLOPE, initialise

WIDTH = 128  # of a sentence
FORGET = 0.01  # of the running moments of sentences, a batch
LEAST = 1e-3  # of the mean variance of a sentence's numbers: what whitening adds to each


class Reader(nn.Module):
    """What a game asks of an encoder of captions, for those that are always the same."""

    width: int
    whitens = False  # whether `forward` gives other sentences than `plain`, once it has settled

    def plain(self, caption: Tensor) -> Tensor:
        """Sentences (N, width) as the encoders compare them with images."""
        found: Tensor = self(caption)
        return found

    def watch(self, sentence: Tensor) -> None:
        """Take sentences (N, width) of the data into account."""

    def settle(self) -> None:
        """Stand still from now on."""

    def origin(self) -> tuple[Tensor, Tensor]:
        """A matrix (width, width), and what is added behind it, that give plain sentences back."""
        like = next(self.parameters()).detach()
        return like.new_ones(self.width).diag(), like.new_zeros(self.width)

    def read(self, caption: Tensor) -> Tensor:
        """What the network gives, but for rounding; it may be quicker, and has no gradient."""
        with torch.no_grad():
            found: Tensor = self(caption)
        return found


class CaptionEncoder(Reader):
    """Word numbers (N, T) to sentences (N, width) of length sqrt(width).

    Two convolutions over the words, so that "a red hat, green eyes" is another sentence than "a
    green hat, red eyes"; then means and maxima over the words that are there.

    words: of the vocabulary, with the fill and the unknown word.
    """

    def __init__(self, words: int, *, width: int = WIDTH, hidden: int = 96) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(words, 64)
        self.first = initialise(nn.Conv1d(64, hidden, 5, padding=2))
        self.second = initialise(nn.Conv1d(hidden, hidden, 5, padding=2))
        self.activation = nn.LeakyReLU(SLOPE)
        self.linear = initialise(nn.Linear(2 * hidden, width), 1.0)

    def forward(self, caption: Tensor) -> Tensor:
        tokens = caption.long()
        there = (tokens != 0).to(self.embedding.weight.dtype)[:, None]  # (N, 1, T)
        x = self.embedding(tokens).transpose(1, 2) * there
        x = self.activation(self.first(x)) * there
        x = self.activation(self.second(x)) * there
        mean = x.sum(2) / there.sum(2).clamp_min(1)
        most = (x - 1e4 * (1 - there)).amax(2)
        return math.sqrt(self.width) * normalize(self.linear(torch.cat([mean, most], 1)), dim=1)


class PhraseEncoder(Reader):
    """Word numbers (N, T) to sentences (N, width) of length sqrt(width).

    The sum of what each few words say that stand side by side: so "red hat" says the same beside
    "green eyes" as beside "blue eyes", and captions are understood whose parts never met in
    training.

    What two captions are told apart by may be little of a sentence's length. So `forward` gives
    sentences whose numbers are uncorrelated and of one variance over the data (whitened), once
    `settle` was called; the losses of the encoders take those of `plain`.

    words: of the vocabulary, with the fill and the unknown word. span: words side by side.
    """

    whitens = True
    mean: Tensor
    moment: Tensor
    white: Tensor
    settled: Tensor

    def __init__(self, words: int, *, width: int = WIDTH, hidden: int = 256, span: int = 5) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(words, 64)
        self.phrases = initialise(nn.Conv1d(64, hidden, span, padding=span // 2))
        self.linear = initialise(nn.Linear(hidden, width, bias=False), 1.0)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("moment", torch.eye(width))
        self.register_buffer("white", torch.eye(width))
        self.register_buffer("settled", torch.zeros(()))

    def plain(self, caption: Tensor) -> Tensor:
        tokens = caption.long()
        there = (tokens != 0).to(self.embedding.weight.dtype)[:, None]  # (N, 1, T)
        x = self.embedding(tokens).transpose(1, 2) * there
        x = nn.functional.leaky_relu(self.phrases(x), SLOPE) * there
        return self.summed(x.sum(2))

    def summed(self, phrases: Tensor) -> Tensor:
        return math.sqrt(self.width) * normalize(self.linear(phrases), dim=1)

    def whitened(self, sentence: Tensor) -> Tensor:
        white = (sentence - self.mean) @ self.white
        found = math.sqrt(self.width) * normalize(white, dim=1)
        return torch.where(self.settled.bool(), found, sentence)

    def forward(self, caption: Tensor) -> Tensor:
        return self.whitened(self.plain(caption))

    @torch.no_grad()
    def read(self, caption: Tensor) -> Tensor:
        """By a table of what each word says at each place of a phrase, where it is small."""
        tokens, words = caption.long(), self.embedding.num_embeddings
        if 4 * words > tokens.numel():
            return cast(Tensor, self(tokens))
        weight = cast(Tensor, self.phrases.weight)  # (hidden, 64, span)
        span = weight.shape[2]
        word = self.embedding.weight * (torch.arange(words, device=tokens.device) != 0)[:, None]
        table = (word @ weight.permute(2, 1, 0)).flatten(0, 1)  # (span * words, H)
        places = nn.functional.pad(tokens, (span // 2, span // 2)).unfold(1, span, 1)
        places = places + words * torch.arange(span, device=tokens.device)
        there = tokens != 0
        x = nn.functional.embedding_bag(places[there], table, mode="sum")
        x = nn.functional.leaky_relu_(x + cast(Tensor, self.phrases.bias), SLOPE)
        starts = there.sum(1).cumsum(0) - there.sum(1)
        rows = torch.arange(len(x), device=x.device)
        x = nn.functional.embedding_bag(rows, x, offsets=starts, mode="sum")
        return self.whitened(self.summed(x))

    @torch.no_grad()
    def watch(self, sentence: Tensor) -> None:
        """Take plain sentences (N, width) into the running moments, which forget."""
        own = sentence.detach().to(self.mean.dtype)
        with torch.autocast(own.device.type, enabled=False):
            self.mean.lerp_(own.mean(0), FORGET)
            self.moment.lerp_(own.T @ own / len(own), FORGET)

    @torch.no_grad()
    def settle(self) -> None:
        """Whiten from now on, by the moments; directions of next to no variance stay small."""
        if self.settled:
            return
        around = (self.moment - self.mean[:, None] * self.mean).double()
        values, axes = torch.linalg.eigh(around)
        scale = (values.clamp_min(0) + LEAST * values.clamp_min(0).mean()).rsqrt()
        self.white.copy_((axes * scale) @ axes.T)
        self.settled.fill_(1)

    def origin(self) -> tuple[Tensor, Tensor]:
        around = self.moment - self.mean[:, None] * self.mean
        length = (self.white @ around @ self.white).trace().clamp_min(0)  # before it was made one
        usual = torch.where(self.settled.bool(), (length / self.width).sqrt(), 1.0)
        return usual * torch.linalg.inv(self.white), self.mean * self.settled
