"""Look at a game in training once: logits, gradients, updates and samples become signals.

Nothing that is trained changes: networks are looked at in evaluation mode, no gradient is kept, and
every draw has a key of its own.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from ganzfeld.config import FEWER, LIGHT, WATCH
from ganzfeld.core import latents
from ganzfeld.core.randomness import key, numpy_generator
from ganzfeld.doctor import signals, verdicts
from ganzfeld.doctor.batch import differ, finite, first_of, several
from ganzfeld.doctor.players import of_player
from ganzfeld.doctor.reference import Data, Reference
from ganzfeld.doctor.samples import Beside, Kept, Signals
from ganzfeld.games import Game
from ganzfeld.games.ema import Average, Averages
from ganzfeld.modalities import Spec

PART = 4  # of a look's samples, those that are drawn again or whose gradient is asked for
LEAST, GRADED = 8, 4  # of them at least; by rules from LIGHT on GRADED of both
JUDGED = 32  # real samples, that a discriminator is asked about at least
BATCH = 64  # samples of the next batch that are compared with what is stored
TOGETHER = 128  # samples, of which a discriminator's opinion is asked for at once
SURE = 1e-3  # probability of being real, below which a fake is found out for certain


@dataclass(frozen=True)
class Subject:
    """A game in training, as the doctor sees it.

    ready: a stored column by its name as networks take it, on their device. optimisers and
    parameters: by player. seed: of the run; latents: how it draws them. due: at least so many of
    the next batch's samples as the game gets them, or all, and their rows as they are stored.
    rules: see `config.WATCH`.
    """

    game: Game
    average: Average | Averages | None
    optimisers: Mapping[str, Optimizer]
    parameters: Mapping[str, list[nn.Parameter]]
    ready: Callable[[str, Tensor], Tensor]
    spec: Spec
    device: torch.device
    seed: int = 0
    latents: str = latents.PORTABLE
    due: Callable[[int], tuple[Mapping[str, Any], Mapping[str, Any]]] | None = None
    rules: int = WATCH


@contextmanager
def undisturbed(game: Game) -> Iterator[list[nn.Module]]:
    """Every network in evaluation mode, and as it was afterwards; all modules."""
    modules: list[nn.Module] = [game]  # without names, which take ten times as long
    for module in modules:
        modules += [part for part in module._modules.values() if part is not None]
    training = [module for module in modules if module.training]
    try:
        for module in training:  # a module's own way looks whether it is given a part
            object.__setattr__(module, "training", False)
        yield modules
    finally:
        for module in training:
            object.__setattr__(module, "training", True)


def look(
    subject: Subject,
    reference: Reference | None,
    train: Data,
    held: Data | None,
    count: int,
    images: int,
) -> Signals:
    """The signals after so many images. reference: None where samples are not made from noise.
    count: samples that are drawn."""
    found: Signals = {}
    for player in subject.parameters:
        optimiser, parameters = subject.optimisers[player], subject.parameters[player]
        found |= of_player(player, optimiser, parameters, subject.rules)
    if reference is None:
        return found
    drawer = numpy_generator(subject.seed, "doctor", images)
    judged = count if reference.rules < FEWER else max(count, JUDGED)
    real = train.rows(chosen(drawer, len(train), judged))
    fresh = None if held is None else held.rows(chosen(drawer, len(held), judged))
    with undisturbed(subject.game) as modules:
        one = Look(subject, reference, real, fresh, images, count, drawer)
        one.recurrent = any(isinstance(module, nn.RNNBase) for module in modules)
        found |= one.signals()
    if held is not None:
        found["held_out"] = float(len(held))
    exact = {name: value for name, value in found.items() if name.startswith("trace/")}
    return {name: tidy(value) for name, value in found.items()} | exact


def chosen(drawer: np.random.Generator, of: int, count: int) -> NDArray[np.int64]:
    """So many numbers below `of`, none of them twice where there are enough."""
    return drawer.choice(of, size=count, replace=of < count)


def tidy(value: float | None) -> float | None:
    """Six figures that count, so that a row is short; None for what is not finite."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


class Look:
    """One look, at `count` samples for the conditions of the first real ones.

    real: stored training samples by column; fresh: held-out ones, or None. few: samples that are
    drawn again, from the average or for other conditions; graded: whose gradient is asked for.
    """

    def __init__(
        self,
        subject: Subject,
        reference: Reference,
        real: Any,
        fresh: Any,
        images: int,
        count: int,
        drawer: np.random.Generator,
    ) -> None:
        self.subject, self.reference, self.game = subject, reference, subject.game
        self.recurrent = False  # whether a network is, through which no gradient goes as it is
        self.real, self.fresh, self.count = real, fresh, count
        self.older = reference.rules < FEWER
        if self.older:
            self.few = min(max(count // 2, LEAST), count)
            self.graded = count if count <= TOGETHER // 2 else count // PART
        else:
            least = GRADED if reference.rules >= LIGHT else LEAST
            self.few = min(max(count // PART, least), count)
            self.graded = min(max(count // PART, GRADED), count)
        if reference.rules >= LIGHT:  # nobody asks for these samples again: any draws will do
            z = torch.from_numpy(drawer.standard_normal((count, self.game.latent), np.float32))
        else:
            first = key(subject.seed, "doctor", images) % 2**31
            numbers = [first + i for i in range(self.count)]
            z = latents.tensor(subject.latents, self.game.latent, subject.seed, numbers)
        self.z = z.to(subject.device)
        self.every = self.conditions(real)
        self.given = first_of(self.every, count)
        alone = {"y"} if reference.classes == 1 else set()  # there is no other class to ask for
        self.other = bool(self.given.keys() - alone)
        self.conditioned = bool(self.given.keys() - alone - {"caption"})

    @cached_property
    def column(self) -> Tensor:
        """The real samples as networks take them."""
        return self.subject.ready("x", torch.as_tensor(self.real["x"]))

    def conditions(self, rows: Any) -> dict[str, Tensor]:
        """What a generator is told of samples: classes "y", numbers "c", a "caption"."""
        found = {}
        if self.reference.classes and "y" in rows:
            found["y"] = torch.as_tensor(rows["y"]).to(self.subject.device)
        for name in ("c", "caption"):
            if self.reference.given and name in rows:
                found[name] = torch.as_tensor(rows[name]).to(self.subject.device)
        return found

    def opinion(self, x: Tensor, given: Mapping[str, Tensor]) -> Tensor | None:
        """The discriminator's logits (N,); captions are not told to it."""
        return self.game.opinion(x, **{k: v for k, v in given.items() if k != "caption"})

    def others(self, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Conditions of other samples: no class stays, numbers are those of the next one."""
        found = {}
        if "y" in own:
            y = own["y"]
            number = self.reference.classes
            step = 1 + torch.arange(len(y), device=y.device) % max(number - 1, 1)
            found["y"] = (y + step) % number
        for name in own.keys() - {"y"}:
            found[name] = own[name].roll(1, 0)
        return found

    @torch.no_grad()
    def signals(self) -> Signals:
        x, other = self.fakes()
        if not finite(x):
            return {"broken": float((~x.float().isfinite().flatten(1).all(1)).float().mean())}
        found: Signals = {"broken": 0.0, **self.of_logits(x)}
        again = {"other": other, "average": self.averaged()}
        own = self.compared(
            {"own": x} | {k: v for k, v in again.items() if v is not None and finite(v)}
        )
        pair = Beside(self.reference, own["own"], np.asarray(self.real["x"]))
        asked = self.reference.conditions_of(self.real)
        found |= pair.signals(None if asked is None else asked[: self.count])
        found |= self.swing(pair, own.get("average"))
        found |= self.of_batch()
        if other is not None:
            there = own.get("other")
            apart = None if there is None else self.apart(pair.ours[: len(other)], there.rows)
            found["reacts"] = apart
        return found

    def fakes(self) -> tuple[Tensor, Tensor | None]:
        """Fakes, and the first of them again for other conditions, where there are any: in one
        pass, since one of few samples costs nearly as much as one of many."""
        if not self.other:
            return self.game.sample(self.z, **self.given), None
        few, others = self.count if self.older else self.few, self.others(self.every)
        given = {name: torch.cat([own, others[name][:few]]) for name, own in self.given.items()}
        whole = self.game.sample(torch.cat([self.z, self.z[:few]]), **given)
        return whole[: self.count], whole[self.count :]

    def averaged(self) -> Tensor | None:
        """The first fakes again, from the average; None without one."""
        if self.subject.average is None or not self.game.averaged:
            return None
        with self.subject.average.applied(self.game) as game:
            return game.sample(self.z[: self.few], **first_of(self.given, self.few))

    def compared(self, parts: Mapping[str, Tensor]) -> dict[str, Kept]:
        """Sets of samples as they are stored, and as numbers."""
        stored = self.stored(torch.cat([*parts.values()]))
        flat = self.reference.numbers(stored)
        rows, found, low = self.reference.compared(flat), {}, 0
        for name, x in parts.items():
            here = slice(low, low + len(x))
            found[name], low = Kept(stored[here], flat[here], rows[here]), low + len(x)
        return found

    def of_batch(self) -> Signals:
        """What the next batch is beside the rows that it is made of.

        "altered": how far its samples are from what their kind makes of them, of the data's mean
        distance. "relabelled": share with another class or number. "trace/data": a checksum.
        """
        if self.subject.due is None:
            return {"altered": self.altered(self.real["x"], self.column)}
        batch, rows = self.subject.due(BATCH)
        stored, x = rows["x"][:BATCH], batch["x"][:BATCH]
        found: Signals = {"altered": self.altered(stored, x)}
        shares = [differ(rows[name], batch[name]) for name in ("y", "c") if name in self.given]
        if known := [share for share in shares if share is not None]:
            found["relabelled"] = max(known)
        if several(np.asarray(stored)):
            found["trace/data"] = float(zlib.crc32(x.float().cpu().numpy().tobytes()))
        return found

    def altered(self, stored: Any, x: Tensor) -> float | None:
        own = self.reference.kind.to_network(torch.as_tensor(stored), self.subject.spec)
        own = own.to(x.device)
        if own.shape == x.shape and torch.equal(own, x):
            return 0.0
        there = self.flat_of(own)
        return None if there is None else self.moved(there, x)

    def stored(self, x: Tensor) -> NDArray[Any]:
        return self.reference.kind.to_store(
            x.float().cpu() if x.is_floating_point() else x.cpu(), self.subject.spec
        )

    def moved(self, flat: NDArray[Any], x: Tensor) -> float | None:
        """The mean distance of samples from others of the same latents, of the data's mean."""
        there = self.flat_of(x)
        return None if there is None else self.apart(flat, there)

    def flat_of(self, x: Tensor) -> NDArray[Any] | None:
        if not x.float().isfinite().all():
            return None
        return self.reference.compared(self.reference.numbers(self.stored(x)))

    def apart(self, flat: NDArray[Any], there: NDArray[Any]) -> float | None:
        away = signals.mean(np.sqrt(signals.lengths(flat - there)))
        return signals.ratio(away, self.reference.mean)

    def swing(self, pair: Beside, average: Kept | None) -> Signals:
        """How far the generator is from its own average, and how much nearer to the data.

        What oscillates stays away from its average, which is the better of the two; what moves on
        is ahead of it.
        """
        if average is None:
            return {"swing": None}
        few, beside, there = self.few, self.few if self.older else None, average.rows
        rest = pair.theirs.across(there)[:, :beside], signals.pairwise(there)
        own = pair.across[:few, :beside], signals.off_diagonal(pair.within[:few, :few])
        far = [2 * signals.mean(across) - signals.mean(within) for across, within in (rest, own)]
        lead = signals.ratio(far[0] - far[1], self.reference.mean)
        return {"swing": self.apart(pair.ours[:few], there), "lead": lead}

    def of_logits(self, x: Tensor) -> Signals:
        """What the discriminator says of real samples, fresh ones and fakes."""
        if not judges(self.game):
            return {}
        graded, again = self.graded if self.asks_gradient(x) else 0, 0
        asked = {"real": (self.column, self.every)}
        if not self.older:
            again = verdicts.AGAIN
            every = {name: verdicts.twice(own, again) for name, own in self.every.items()}
            asked["real"] = verdicts.twice(self.column, again), every
        if self.fresh is not None:
            fresh = self.subject.ready("x", torch.as_tensor(self.fresh["x"]))
            asked["held"] = fresh, self.conditions(self.fresh)
        if self.conditioned:
            asked["wrong"] = self.column, self.others(self.every)
        apart = graded if graded == len(x) or not self.older else 0  # asked about with gradients
        if apart < len(x):
            asked["fake"] = x[apart:], {name: own[apart:] for name, own in self.given.items()}
        logits = self.opinions(asked)
        if logits is None:
            return {}
        if again:
            logits["again"] = logits["real"][len(self.column) :].flip(0)
            logits["real"] = logits["real"][: len(self.column)]
        found: Signals = {"gradient": None, "unseen": None}
        if graded:
            first, found["gradient"], found["unseen"] = self.graded_of(x[:graded], logits["real"])
            logits["fake"] = torch.cat([first[:apart], logits.get("fake", first[:0])])
        real, fake = logits["real"], logits["fake"]
        own = {name: verdicts.numbers(value) for name, value in logits.items()}
        found["gap"] = signals.gap(own["real"], own["fake"])
        found["logit"] = signals.mean(np.abs(np.concatenate([own["real"], own["fake"]])))
        found["sure"] = float(((fake - real[: self.count]).sigmoid() < SURE).float().mean())
        if "held" in own:
            found["overfit"] = signals.overfit(own["real"], own["held"], own["fake"])
            found["shift"] = signals.shift(own["real"], own["held"], own["fake"])
        if "again" in own:
            found |= verdicts.noise(own, self.alone if self.conditioned else None)
        if "wrong" in own:
            held = asked["held"] if "held" in own and not self.older else None
            found |= verdicts.told(own, None if held is None else lambda: self.misled(*held))
        return found

    def misled(self, x: Tensor, given: Mapping[str, Tensor]) -> NDArray[Any] | None:
        """Logits of samples under conditions of others."""
        logits = self.opinion(x, self.others(given))
        return None if logits is None else verdicts.numbers(logits)

    def alone(self) -> NDArray[Any] | None:
        """Logits (2, AGAIN) of the samples that are judged twice, all under one condition."""
        x, one = self.column[: verdicts.AGAIN], first_of(self.every, 1)
        given = {k: v.expand(2 * len(x), *v.shape[1:]) for k, v in one.items()}
        logits = self.opinion(torch.cat([x, x]), given)
        return None if logits is None else verdicts.numbers(logits).reshape(2, -1)

    def opinions(
        self, asked: Mapping[str, tuple[Tensor, Mapping[str, Tensor]]]
    ) -> dict[str, Tensor] | None:
        """Logits of several sets of samples and their conditions: of small ones in one batch,
        since a pass of few samples costs as much as one of many."""
        sizes = [len(x) for x, _ in asked.values()]
        if sum(sizes) > TOGETHER or len({(x.dtype, x.shape[1:]) for x, _ in asked.values()}) > 1:
            each = [self.opinion(x, given) for x, given in asked.values()]
        else:
            names = next(iter(asked.values()))[1]
            given = {name: torch.cat([own[name] for _, own in asked.values()]) for name in names}
            whole = self.opinion(torch.cat([x for x, _ in asked.values()]), given)
            each = [None] if whole is None else [*torch.split(whole, sizes)]
        found = {name: one for name, one in zip(asked, each, strict=False) if one is not None}
        return found or None

    def asks_gradient(self, x: Tensor) -> bool:
        """Whether a gradient can reach fakes; those of cuDNN's networks are for training mode."""
        if not x.is_floating_point() or self.recurrent:
            return False
        none = x.new_zeros(1, dtype=torch.float32)
        return self.game.cost(none, none) is not None

    def graded_of(self, x: Tensor, real: Tensor) -> tuple[Tensor, float, float]:
        """Logits of fakes x, the median norm of the gradient that reaches the generator by them,
        and the share of a sample's numbers that it never reaches."""
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            opinion = self.opinion(leaf, first_of(self.given, len(x)))
            assert opinion is not None
            cost = self.game.cost(opinion, real[: len(x)])
            assert cost is not None
            (gradient,) = torch.autograd.grad(cost.sum(), leaf)
        never = float((gradient == 0).all(0).float().mean())
        return opinion.detach(), signals.norms(gradient.float().cpu().numpy()), never


def judges(game: Game) -> bool:
    """Whether a game may have an opinion of a sample."""
    return game.judge is not None or type(game).opinion is not Game.opinion
