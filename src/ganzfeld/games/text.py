"""Text by a game: a generator that writes symbol by symbol, with a discriminator or alone.

A symbol is a choice, through which no gradient goes. An estimator says how the discriminator's
verdict reaches the generator all the same.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softplus

from ganzfeld.core.schedules import cosine, linear
from ganzfeld.core.types import Batch, Losses
from ganzfeld.games.base import Game
from ganzfeld.games.losses import LOSSES
from ganzfeld.games.penalties import estimated_slope

Places = Any  # rows, columns and tokens (M,) of what counts, as networks of text give them

Estimator = Literal["expected", "reinforce", "gumbel", "soft"]
ESTIMATORS = ("expected", "reinforce", "gumbel", "soft")
MOST = 8.0  # a log ratio of probabilities beyond counts as this
LEAST = -20.0  # and a log probability below as this


class TextGame(Game):
    """What text games share: a generator G of tokens, and how a batch is read."""

    averaged = ("G",)
    whole_batch = "means over the symbols of lines of different lengths"
    G: Any
    D: Any

    def __init__(self, G: nn.Module) -> None:
        super().__init__()
        self.G = G
        self.latent = cast(int, G.latent)

    def sample(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Tokens (N, T), int64: each row from its own z alone."""
        return cast(Tensor, self.G(z, y) if c is None else self.G(z, y, c))


def taken(values: Tensor, places: Places) -> Tensor:
    """The entries (M,) of values (M, V) at the symbols that stand there."""
    return values.gather(1, places.tokens[:, None])[:, 0]


def taken_from(scored: tuple[Places, Tensor]) -> Tensor:
    places, values = scored
    return taken(values, places)


def copy_reader(G: nn.Module, D: nn.Module) -> None:
    """Give D the layers of G by which it reads a line and gives each symbol a number."""
    own, found = D.state_dict(), G.state_dict()
    for name, value in own.items():
        if name not in found or found[name].shape != value.shape:
            raise ValueError(
                f"twin needs a D like G, which has no {name} {tuple(value.shape)}: give both the "
                "same width, networks.*.hidden, or game.twin=false"
            )
    D.load_state_dict({name: found[name] for name in own})


class TextMLE(TextGame):
    """The generator alone, by maximum likelihood: the honest opponent of every text GAN.

    G: a `TextGenerator` without noise: a latent that a line depends on has no likelihood
        in closed form.
    """

    players = {"generator": ("G",)}  # noqa: RUF012

    def __init__(self, G: nn.Module) -> None:
        super().__init__(G)
        if getattr(G, "noise", 0):
            raise ValueError("text-mle needs a generator whose option noise is 0")

    def generator_loss(self, batch: Batch) -> Losses:
        """Nats a symbol, END included."""
        x = batch["x"].long()
        places, logged = self.G.log_probabilities(
            x, self.latents_for(x), batch.get("y"), batch.get("c")
        )
        return {"likelihood": -taken(logged, places).mean()}


class TextGAN(TextGame):
    """A recurrent generator against a discriminator of lines.

    G: a `TextGenerator`. D: a `TextJudge` for the first two estimators, a `TextCritic` for the
        others.
    estimator: how D's verdict reaches G.
        "expected": D gives a logit to every next symbol, and G moves by the exact mean over them at
            every place of the lines it wrote: E sum_v p(v) A(v) (policy gradient over all
            actions). Without noise from the choice of the symbol that is judged; what a symbol
            does to later ones is left out, which moves no equilibrium.
        "reinforce": the symbols that were chosen, with the discounted logits of their line to
            come (d'Autume et al. 2019, "ScratchGAN").
        "gumbel": one symbol a place, with the gradient of a Gumbel-softmax.
        "soft": softmax rows as they are (Gulrajani et al. 2017).
    informed: D's logit is its network's output less G's log probability of the symbol (Fu et al.
        2018, "AIRL", eq. 4). Its network then need not follow G as G moves.
    normalised: the outputs of D's network are normalised over all symbols first, so that it is a
        log probability and need not learn to be one; with `informed`.
    twin: D starts as a copy of G. Its first verdict is then "undecided" everywhere, and G follows
        D from near. Both need the same widths.
    helping: G writes one symbol behind each beginning of a real line, and D judges it there
        ("teacher helping", Press et al. 2017), for "expected". G then reads beginnings of real
        lines, but learns from verdicts alone. Without, it writes whole lines by itself.
    reward: of a symbol, for "expected". "log" is D's logit: at D's optimum, G's loss is then the
        divergence of G from the data at each place. "odds" is e to the logit, normalised over
        all symbols (Che et al. 2017, "MaliGAN", eq. 4): the divergence of the data from G.
    discount: of later logits, for "reinforce".
    entropy: weight of a reward for G's own entropy, for the first two.
    temperature: of "gumbel" and "soft", from the start to the end of the run.
    curriculum: part of the run in which lines grow from 3 symbols to their full length (Press et
        al. 2017); 0: none.
    smoothing: part of a real symbol that is spread over all, for "soft", so that D does not tell
        by sharpness.
    critic_loss, r1, r2, penalty_every, difference: as `Adversarial` has `loss` and these, for the
        last two; slopes are by finite differences of the embedded rows.
    """

    players = {"discriminator": ("D",), "generator": ("G",)}  # noqa: RUF012
    baseline: Tensor

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        *,
        estimator: Estimator = "expected",
        informed: bool = False,
        normalised: bool = False,
        twin: bool = False,
        helping: bool = False,
        reward: Literal["log", "odds"] = "log",
        discount: float = 0.23,
        entropy: float = 0.0,
        temperature: tuple[float, float] = (1.0, 0.5),
        curriculum: float = 0.0,
        smoothing: float = 0.1,
        critic_loss: str = "relativistic",
        r1: float = 0.0,
        r2: float = 0.0,
        penalty_every: int = 4,
        difference: float = 0.01,
    ) -> None:
        super().__init__(G)
        if estimator not in ESTIMATORS:
            raise ValueError(f"estimator is one of {', '.join(ESTIMATORS)}, not {estimator!r}")
        self.D = D
        self.judged = estimator in ("expected", "reinforce")
        needed = "scores" if self.judged else "judge"
        if not hasattr(D, needed):
            kind = "text-judge" if self.judged else "text-critic"
            raise ValueError(f"estimator {estimator} needs a {kind} for D")
        noisy = bool(getattr(G, "noise", 0))
        if informed and (noisy or not self.judged):
            raise ValueError("informed is for expected and reinforce, with a generator of noise 0")
        if normalised and not informed:
            raise ValueError("normalised needs informed")
        if helping and estimator != "expected":
            raise ValueError("helping is for the estimator expected")
        if reward not in ("log", "odds"):
            raise ValueError(f"reward is log or odds, not {reward!r}")
        self.estimator, self.informed, self.helping = estimator, informed, helping
        self.normalised = normalised
        if twin:
            copy_reader(G, D)
        self.reward = reward
        self.discount = discount
        self.entropy, self.temperature, self.curriculum = entropy, temperature, curriculum
        self.smoothing, self.adversarial = smoothing, LOSSES[critic_loss]
        self.r1, self.r2, self.difference = r1, r2, difference
        self.penalty_every = self.period = penalty_every
        self.register_buffer("baseline", torch.zeros(()))

    # what both players see

    def cap(self) -> int:
        """Symbols of the longest line by now, END included."""
        length: int = self.G.length
        if not self.curriculum:
            return length
        return round(linear(min(3, length), length, self.clock.fraction / self.curriculum))

    def real(self, batch: Batch) -> Tensor:
        """Tokens (N, T), cut to the cap."""
        x = batch["x"].long()
        cap = self.cap()
        return (
            x
            if cap >= x.shape[1]
            else nn.functional.pad(x[:, : cap - 1], (0, x.shape[1] - cap + 1))
        )

    def written(self, batch: Batch) -> tuple[Tensor, Places, Tensor]:
        """As many lines as the batch has, their places, and log probabilities (M, V) there."""
        z = self.latents_for(batch["x"])
        found: tuple[Tensor, Places, Tensor] = self.G.write(
            z, batch.get("y"), batch.get("c"), cap=self.cap()
        )
        return found

    def scores(self, tokens: Tensor, logged: Tensor | None, batch: Batch) -> tuple[Places, Tensor]:
        """D's logits (M, V) of every symbol at every place of these lines.

        logged: the generator's log probabilities there, where D is told.
        """
        places, scores = self.D.scores(tokens, batch.get("y"), batch.get("c"))
        scores = scores.float().log_softmax(1) if self.normalised else scores.float()
        return places, scores if logged is None else scores - logged.detach().clamp_min(LEAST)

    # estimators that judge symbols

    def discriminator_loss(self, batch: Batch) -> Losses:
        if not self.judged:
            return self.critic_loss(batch)
        x, y, c = self.real(batch), batch.get("y"), batch.get("c")
        known: Any = None
        if self.informed or self.helping:
            with torch.no_grad():
                _, known = self.G.log_probabilities(x, self.latents_for(x), y, c, cap=self.cap())
        places, scores = self.scores(x, known if self.informed else None, batch)
        losses = {"real": softplus(-taken(scores, places)).mean()}
        if self.helping:
            losses["fake"] = (known.exp() * softplus(scores)).sum(1).mean()
            return losses
        with torch.no_grad():
            tokens, _, logged = self.written(batch)
        places, fake = self.scores(tokens, logged if self.informed else None, batch)
        if self.estimator == "expected":
            losses["fake"] = (logged.exp() * softplus(fake)).sum(1).mean()
        else:
            losses["fake"] = softplus(taken(fake, places)).mean()
        return losses

    def generator_loss(self, batch: Batch) -> Losses:
        if not self.judged:
            return self.relaxed_loss(batch)
        if self.helping:
            tokens, y, c = self.real(batch), batch.get("y"), batch.get("c")
            z = self.latents_for(tokens)
            places, logged = self.G.log_probabilities(tokens, z, y, c, cap=self.cap())
        else:
            tokens, places, logged = self.written(batch)
        with torch.no_grad():
            _, scores = self.scores(tokens, logged if self.informed else None, batch)
            scores = scores.clamp(-MOST, MOST)
        p = logged.exp()
        losses: Losses = {}
        if self.estimator == "expected":
            losses["adversarial"] = -self.worth(logged, scores).sum(1).mean()
        else:
            rewards = 2 * torch.sigmoid(taken(scores, places)) - 1
            returns = self.returns(rewards, places, tokens.shape)
            losses["adversarial"] = -(returns * taken(logged, places)).mean()
        if self.entropy:
            own = -(p * logged.clamp_min(LEAST)).sum(1)
            losses["entropy"] = -self.entropy * own.mean()
        return losses

    def worth(self, logged: Tensor, scores: Tensor) -> Tensor:
        """What G is paid for its probability of each symbol at each place, (M, V).

        scores: D's log ratios of the data's probabilities to G's.
        """
        if self.reward == "log":
            return logged.exp() * scores
        believed = (logged.detach() + scores).softmax(1)  # G's, times the odds, normalised
        return believed * logged.clamp_min(LEAST)

    @torch.no_grad()
    def opinion(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Logits (N,) of lines: the mean over their symbols where D judges these."""
        x = x.long()
        if not self.judged:
            rows = one_hot(x, self.G.symbols).float()
            return cast(Tensor, self.D.judge(self.D.embedded(rows), y, c)).float()
        logged = None
        if self.informed:
            _, logged = self.G.log_probabilities(x, x.new_zeros(len(x), self.latent).float(), y, c)
        batch = {"x": x} | ({} if y is None else {"y": y}) | ({} if c is None else {"c": c})
        scored = self.scores(x, logged, batch)
        rows, each = scored[0].rows, taken_from(scored)
        count = each.new_zeros(len(x)).index_add(0, rows, torch.ones_like(each))
        return each.new_zeros(len(x)).index_add(0, rows, each) / count.clamp_min(1)

    @torch.no_grad()
    def returns(self, rewards: Tensor, places: Places, shape: torch.Size) -> Tensor:
        """Discounted rewards to come (M,), less a running mean (d'Autume et al. 2019, eq. 3)."""
        found = rewards.new_zeros(shape)
        found[places.rows, places.columns] = rewards
        for t in reversed(range(shape[1] - 1)):
            found[:, t] += self.discount * found[:, t + 1]
        each = found[places.rows, places.columns]
        self.baseline.lerp_(each.mean(), 0.92)
        return each - self.baseline

    # estimators with a gradient through the symbols

    def fake_rows(self, batch: Batch) -> Tensor:
        """Rows (N, T, V) of the generator's, with a gradient."""
        rows: Tensor = self.G.relaxed(
            self.latents_for(batch["x"]),
            batch.get("y"),
            batch.get("c"),
            temperature=cosine(*self.temperature, self.clock.fraction),
            hard=self.estimator == "gumbel",
            sampled=self.estimator == "gumbel",
            cap=self.cap(),
        )
        return rows

    def real_rows(self, batch: Batch) -> Tensor:
        symbols: int = self.G.symbols
        rows = one_hot(self.real(batch), symbols).float()
        if self.estimator == "gumbel":  # as sharp as the fakes
            return rows
        return rows * (1 - self.smoothing) + self.smoothing / symbols

    def critic_loss(self, batch: Batch) -> Losses:
        with torch.no_grad():
            fake = self.fake_rows(batch)
        due = self.clock.step % self.penalty_every == 0
        real_logits, r1 = self.logits(self.real_rows(batch), batch, self.r1 if due else 0)
        fake_logits, r2 = self.logits(fake, batch, self.r2 if due else 0)
        adversarial = self.adversarial.discriminator(real_logits, fake_logits).mean()
        return {"adversarial": adversarial} | ({"r1": r1, "r2": r2} if due else {})

    def logits(self, rows: Tensor, batch: Batch, gamma: float) -> tuple[Tensor, Tensor]:
        """Logits (N,) of rows, and the penalty on their slope in the embedded rows."""
        y, c = batch.get("y"), batch.get("c")
        e = self.D.embedded(rows)
        if not gamma:
            return self.D.judge(e, y, c), e.new_zeros(())
        logits, squared = estimated_slope(lambda v: self.D.judge(v, y, c), e, self.difference)
        return logits, self.penalty_every * gamma / 2 * squared.mean()

    def relaxed_loss(self, batch: Batch) -> Losses:
        fake_logits, _ = self.logits(self.fake_rows(batch), batch, 0)
        with torch.no_grad():
            real_logits = fake_logits
            if self.adversarial.paired:
                real_logits, _ = self.logits(self.real_rows(batch), batch, 0)
        return {"adversarial": self.adversarial.generator(fake_logits, real_logits).mean()}
