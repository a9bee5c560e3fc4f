"""The base class of games: networks, order of moves, and the loss of each player."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ganzfeld.core.types import Batch, Losses

Given = dict[str, Tensor]  # of a batch, what networks take by name beside samples and labels


@dataclass(frozen=True)
class Clock:
    """Where training stands; the trainer sets it before each step."""

    step: int = 0
    images: int = 0  # images seen before this step
    total: int | None = None  # images to see in all, where that is known
    part: int = 0  # of the move's batch, where that is computed in `parts` parts
    parts: int = 1

    @property
    def fraction(self) -> float:
        """The part of the run that is done, in [0, 1]; 0 where no total is known."""
        return min(self.images / self.total, 1.0) if self.total else 0.0


class Game(nn.Module):
    """The mathematics of one method: networks, shared state, and the loss of each player.

    All state is a parameter or a buffer, so that a checkpoint needs nothing else.
    A subclass names its players and defines `<player>_loss(batch) -> Losses` for each. A joint
    move has a name and a loss of its own, one backward pass of which serves all its players.

    It also says what becomes of it: the networks that a model needs (`shipped`), and the one
    whose logits rank samples (`judge`), if any, which is shipped beside them::

        class Mine(ganzfeld.Game):
            players = {"discriminator": ("D",), "generator": ("G",)}
            averaged = shipped = ("G",)
            judge = "D"

    Example::

        import torch
        from ganzfeld import Game, Trainer

        class Mean(Game):
            players = {"mean": ("M",)}
            latent = 2

            def __init__(self) -> None:
                super().__init__()
                self.M = torch.nn.Linear(2, 2)

            def mean_loss(self, batch):
                return {"square": (self.M(batch["x"]) - batch["x"]).square().mean()}

        game = Mean()
        adam = torch.optim.Adam(game.parameters(), 1e-2)
        report = next(iter(Trainer(game, {"mean": adam}, torch.randn(64, 2), batch_size=16)))
    """

    players: dict[str, tuple[str, ...]]  # {"discriminator": ("D",), "generator": ("G",)}
    joint: dict[str, tuple[str, ...]] = {}  # moves by which several players move at once  # noqa: RUF012
    averaged: tuple[str, ...] = ()  # networks with an exponential moving average
    exact: tuple[str, ...] = ()  # parts of these, "G.text", that are taken as they are
    shares_batch: bool = False  # True: all moves of a step see one batch
    period: int = 1  # steps after which the work of a step repeats (lazy penalties)
    stages: tuple[float, ...] = (0.0,)  # parts of the run from which the work of a step is other
    latent: int  # numbers in the z of a sample; 0 where nothing is drawn from noise
    task: str = "generation"  # or "translation", samples "a" to "b" or back; or "captioning"
    shipped: tuple[str, ...] = ("G",)  # networks that a model needs, of those that are averaged
    judge: str | None = None  # the network whose logits of (samples, labels) rank samples
    whole_batch: str = ""  # what in the losses looks at a batch's samples together, in words
    directions: dict[str, str] = {}  # noqa: RUF012  {"ab": "G"}: the network that translates

    measure: str = "mean absolute difference in pixels, 0 to 1"  # what `error` gives, in words

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()

    def latents_for(self, x: Tensor) -> Tensor:
        """Latents (N, latent) of as many fakes as there are rows in x (N, ...), for one move.

        They come from the generator that the trainer seeds before the move; those of samples that
        people ask for are `ganzfeld.core.latents`.
        """
        return torch.randn(len(x), self.latent, device=x.device)

    def moves(self, step: int) -> tuple[str, ...]:
        """The players that move in this step, in order; by default each of them once."""
        return tuple(self.players)

    def movers(self, move: str) -> tuple[str, ...]:
        """The players whose parameters a move changes: one, unless it is a joint move."""
        return self.joint.get(move, (move,))

    def loss(self, player: str, batch: Batch) -> Losses:
        """The named, weighted terms whose sum `player` minimises."""
        return cast(Losses, getattr(self, f"{player}_loss")(batch))

    def opening_words(self, images: int) -> str:
        """What the first part of a run of so many images is for, for its plan; "" for nothing."""
        return ""

    def sample(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Samples (N, ...) from latents (N, latent) and labels (N,); images are in [-1, 1].

        c: numbers (N, k) that are conditions; passed only where the data have such.
        """
        raise NotImplementedError(f"{type(self).__name__} does not sample")

    @staticmethod
    def shown(x: Tensor) -> Tensor:
        """A translator's samples as those that went in lie."""
        return x

    @staticmethod
    def error(there: Tensor, truth: Tensor) -> float:
        """How far translations (N, ...) are from the truth, 0 to 1; a mean over the batch."""
        return float((there - truth).abs().mean()) / 2

    # What the doctor asks (`ganzfeld.doctor`)

    def opinion(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor | None:
        """The discriminator's logits (N,) of samples as networks take them, without augmentation.

        None where no logit belongs to a single sample.
        """
        if self.judge is None:
            return None
        return verdict(self.get_submodule(self.judge), x, y, **numbers(c))

    def cost(self, fake: Tensor, real: Tensor) -> Tensor | None:
        """The generator's adversarial loss (N,) of logits; None where it has none of this form."""
        return None

    # What the doctor may change (`ganzfeld.doctor.treat`, `ganzfeld.doctor.cures`)

    longer_cures: bool = False  # True: samples become various late; cures are longer runs, afresh

    @property
    def cures(self) -> frozenset[str]:
        """What `treat` can do to this game, of "penalties" and "augment"; "bare" where it has no
        penalties yet."""
        return frozenset()

    def treat(self, penalties: float = 1.0, augment: bool = False) -> None:
        """Be as the arguments of the game have it, but for this; called again it starts anew.

        penalties: a factor of R1 and R2. augment: adaptive augmentation where there is none.
        """


def verdict(judge: nn.Module, *inputs: Tensor | None, **given: Tensor) -> Tensor:
    """Logits of a discriminator, in float32 under autocast: losses are never in bfloat16."""
    logits: Tensor = judge(*inputs, **given)
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def given_of(batch: Batch) -> Given:
    """The conditions of a batch that networks take by name: "c", where the data have numbers."""
    return {"c": batch["c"]} if "c" in batch else {}


def numbers(c: Tensor | None) -> Given:
    """Number conditions as `given_of` has them: {} where there are none."""
    return {} if c is None else {"c": c}
