"""A game that turns lines into others from pairs of lines, as pix2pix does with images."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganzfeld.core.types import Batch, Losses
from ganzfeld.games.base import Game
from ganzfeld.games.text import LEAST, MOST, copy_reader
from ganzfeld.games.text_translation import TextCycleGAN


class TextPix2Pix(Game):
    """A writer of lines that learns from pairs, and a discriminator of pairs of lines.

    As `Pix2Pix` (Isola et al. 2017), with likelihood in the place of the absolute difference. The
    discriminator sees the line that is translated, the beginning of a translation, and one more
    symbol. Its logit is the logarithm of its own probability of that, less the writer's (Fu et al.
    2018, eq. 4), and the writer moves by the exact mean over all symbols, as in `TextGAN` with
    "expected" and "helping".

    G, D: `LineTranslator`s of the same widths; D starts as a copy of G.
    direction: "ab" from the first side of the data to the second, "ba" back.
    adversarial: weight of the verdict; 0: likelihood alone, which needs no discriminator and does
        not train it.
    likelihood: weight of the nats a symbol.

    Example::

        import torch
        from ganzfeld.games import GAMES
        from ganzfeld.networks import NETWORKS

        pair = [NETWORKS["line-translator"]((8,), symbols=5, hidden=16) for _ in "GD"]
        lines = torch.randint(1, 5, (2, 4, 8))
        losses = GAMES["text-pix2pix"](*pair).loss("generator", {"a": lines[0], "b": lines[1]})
    """

    players = {"discriminator": ("D",), "generator": ("G",)}  # noqa: RUF012
    averaged = shipped = ("G",)
    task = "translation"
    whole_batch = "means over the symbols of lines of different lengths"
    latent = 0
    error = staticmethod(TextCycleGAN.error)
    shown = staticmethod(TextCycleGAN.shown)
    measure = TextCycleGAN.measure
    G: Any
    D: Any

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        *,
        direction: Literal["ab", "ba"] = "ab",
        adversarial: float = 1.0,
        likelihood: float = 1.0,
    ) -> None:
        super().__init__()
        if direction not in ("ab", "ba"):
            raise ValueError(f"direction is ab or ba, not {direction!r}")
        if min(adversarial, likelihood) < 0 or not adversarial + likelihood:
            raise ValueError("adversarial and likelihood are weights: 0 or more, one above 0")
        self.G, self.D = G, D
        copy_reader(G, D)
        self.adversarial, self.likelihood = adversarial, likelihood
        self.source, self.target = direction
        self.directions = {direction: "G"}

    def moves(self, step: int) -> tuple[str, ...]:
        return ("discriminator", "generator") if self.adversarial else ("generator",)

    def discriminator_loss(self, batch: Batch) -> Losses:
        x, y = batch[self.source].long(), batch[self.target].long()
        with torch.no_grad():
            own = self.G.log_probabilities(x, y)
        counts = counted(y)
        scores = (self.D.log_probabilities(x, y) - own.clamp_min(LEAST))[counts]
        real = scores.gather(1, y[counts][:, None])
        return {
            "real": softplus(-real).mean(),
            "fake": (own[counts].exp() * softplus(scores)).sum(1).mean(),
        }

    def generator_loss(self, batch: Batch) -> Losses:
        x, y = batch[self.source].long(), batch[self.target].long()
        counts = counted(y)
        logged = cast(Tensor, self.G.log_probabilities(x, y))[counts]
        losses: Losses = {}
        if self.adversarial:
            with torch.no_grad():
                judged = self.D.log_probabilities(x, y)[counts]
                scores = (judged - logged.clamp_min(LEAST)).clamp(-MOST, MOST)
            losses["adversarial"] = -self.adversarial * (logged.exp() * scores).sum(1).mean()
        if self.likelihood:
            nats = -logged.gather(1, y[counts][:, None]).mean()
            losses["likelihood"] = self.likelihood * nats
        return losses


def counted(y: Tensor) -> Tensor:
    """Which places of lines (N, T) count: those up to and with END."""
    ends = y == 0
    return (ends.cumsum(1) - ends.long()) == 0
