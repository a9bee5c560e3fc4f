"""A game that turns lines of one language into lines of another, without pairs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganzfeld.core.schedules import linear
from ganzfeld.core.types import Batch, Losses
from ganzfeld.games.base import Game, verdict
from ganzfeld.games.penalties import estimated_slope
from ganzfeld.games.translation import find_loss


class TextCycleGAN(Game):
    """Two translators of symbols, and one discriminator per language (CipherGAN, 2018).

    The discriminators ask that translated lines look like the other language, the cycle that
    nothing is lost on the way. A translation is drawn symbol by symbol from the translator's
    probabilities, so that it is as sharp as real lines are, and the gradient goes to those
    probabilities (straight through). Rows of probabilities themselves would be told from real
    lines by their blur alone.

    G_ab, G_ba: map tokens (N, T) or rows (N, T, V) to rows (N, T, V) of probabilities.
    D_a, D_b: judge rows: `embedded` and `judge`, as `networks.symbols.SymbolJudge` has them.
    loss: a name in `ganzfeld.losses.LOSSES`, for each logit.
    cycle: weight of the mean absolute difference, summed over symbols, after a whole cycle.
    ramp: part of the run in which that weight grows from 0: from the start on, the two translators
        would agree on any table before the discriminators have seen which one is right.
    slope: weight of R1 and R2 on embedded symbols, estimated (`penalties.estimated_slope`).

    Example::

        import torch
        from ganzfeld.games import GAMES
        from ganzfeld.networks import NETWORKS

        maps = [NETWORKS["symbol-map"]((8,), symbols=5) for _ in "ab"]
        judges = [NETWORKS["symbol-judge"]((8,), symbols=5) for _ in "ab"]
        game = GAMES["text-cyclegan"](*maps, *judges)
        lines = torch.randint(1, 5, (2, 4, 8))
        losses = game.loss("translators", {"a": lines[0], "b": lines[1]})
    """

    players = {"translators": ("G_ab", "G_ba"), "discriminator": ("D_a", "D_b")}  # noqa: RUF012
    averaged = shipped = ("G_ab", "G_ba")
    directions = {"ab": "G_ab", "ba": "G_ba"}  # noqa: RUF012
    task = "translation"
    whole_batch = "means over the symbols of lines of different lengths"
    latent = 0
    longer_cures = True  # tables begin alike, and the cycle that keeps them apart has a ramp
    D_a: Any
    D_b: Any

    def __init__(
        self,
        G_ab: nn.Module,
        G_ba: nn.Module,
        D_a: nn.Module,
        D_b: nn.Module,
        *,
        loss: str = "non-saturating",
        cycle: float = 1.0,
        ramp: float = 1.0,
        slope: float = 0.03,
        step: float = 0.1,
    ) -> None:
        super().__init__()
        self.G_ab, self.G_ba, self.D_a, self.D_b = G_ab, G_ba, D_a, D_b
        self.criterion = find_loss(loss)
        self.cycle, self.ramp, self.slope, self.step = cycle, ramp, slope, step

    def translators_loss(self, batch: Batch) -> Losses:
        a, b = batch["a"], batch["b"]
        odds_a, odds_b = self.G_ba(b), self.G_ab(a)
        losses = {
            "adversarial_ab": self.fooled(self.D_b, drawn(odds_b), b),
            "adversarial_ba": self.fooled(self.D_a, drawn(odds_a), a),
        }
        weight = self.cycle
        if self.ramp:
            weight *= linear(0.0, 1.0, self.clock.fraction / self.ramp)
        if weight:
            losses["cycle_a"] = weight * lost(self.G_ba(odds_b), a)
            losses["cycle_b"] = weight * lost(self.G_ab(odds_a), b)
        return losses

    def fooled(self, judge: Any, fake: Tensor, real: Tensor) -> Tensor:
        logits = verdict(judge, fake)
        with torch.no_grad():
            real_logits = verdict(judge, real) if self.criterion.paired else logits
        return self.criterion.generator(logits, real_logits).mean()

    def discriminator_loss(self, batch: Batch) -> Losses:
        a, b = batch["a"], batch["b"]
        with torch.no_grad():
            fake_a, fake_b = drawn(self.G_ba(b)), drawn(self.G_ab(a))
        return {**self.told(self.D_a, a, fake_a, "a"), **self.told(self.D_b, b, fake_b, "b")}

    def told(self, judge: Any, real: Tensor, fake: Tensor, side: str) -> Losses:
        embedded = judge.embedded(real), judge.embedded(fake)
        if not self.slope:
            logits = tuple(judge.judge(e).float() for e in embedded)
            return {f"adversarial_{side}": self.criterion.discriminator(*logits).mean()}
        (real_logits, real_slope), (fake_logits, fake_slope) = (
            estimated_slope(judge.judge, e, self.step) for e in embedded
        )
        return {
            f"adversarial_{side}": self.criterion.discriminator(real_logits, fake_logits).mean(),
            f"slope_{side}": self.slope / 2 * (real_slope.mean() + fake_slope.mean()),
        }

    @staticmethod
    def shown(x: Tensor) -> Tensor:
        """Tokens (N, T) of tokens, or of rows: the likeliest symbols."""
        return x.argmax(2) if x.dim() == 3 else x

    @staticmethod
    def error(there: Tensor, truth: Tensor) -> float:
        """The share of symbols that differ, of those that either line has."""
        there, truth = TextCycleGAN.shown(there), TextCycleGAN.shown(truth)
        counted = (there != 0) | (truth != 0)
        return float((there != truth)[counted].float().mean()) if counted.any() else 0.0

    measure = "share of symbols that differ, by the likeliest ones"


def drawn(odds: Tensor) -> Tensor:
    """One-hot rows drawn from probabilities (N, T, V), with the gradient of the probabilities."""
    fixed = odds.detach()
    if not fixed.is_contiguous():
        fixed = fixed.contiguous()
    heights = fixed.cumsum(2)
    level = torch.rand(*fixed.shape[:2], 1, device=fixed.device) * heights[..., -1:]
    chosen = (heights <= level).sum(2).clamp(max=fixed.shape[2] - 1)
    return one_hot(chosen, fixed.shape[2]).to(odds) + (odds - fixed)


def lost(back: Tensor, tokens: Tensor) -> Tensor:
    """Mean absolute difference of rows (N, T, V) from tokens (N, T), summed over symbols.

    That is twice the probability that is not on the right symbol.
    """
    return 2 * (1 - back.gather(2, tokens[..., None])).mean()
