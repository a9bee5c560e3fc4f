"""Games that turn images of one domain into images of another, from pairs or without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from ganzfeld.core.types import Batch, Losses
from ganzfeld.errors import did_you_mean
from ganzfeld.games.base import Game, verdict
from ganzfeld.games.losses import LOSSES, AdversarialLoss


class Pool(nn.Module):
    """Fakes of the past, which a discriminator sees in place of half of the new ones.

    It keeps the discriminator from forgetting (Shrivastava et al. 2017; Zhu et al. 2017,
    section 4). A buffer, so that a checkpoint has it; 8 bits a value, as real images have.

    size: images kept; 0: every fake is handed on. shape: (C, H, W) of one.
    """

    pictures: Tensor
    filled: Tensor
    whole_batch = "the pool of earlier images"

    def __init__(self, size: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("pictures", torch.zeros(size, *shape, dtype=torch.uint8))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, fakes: Tensor) -> Tensor:
        """As many images as came in, (N, C, H, W) in [-1, 1], a stored one for half of them.

        Until the pool is full, each fake is stored and handed on. Then each is handed on with
        probability one half, or else takes the place of a stored one, which is handed on.
        """
        if not self.size:
            return fakes
        filled = int(self.filled)
        pixels = fakes.nan_to_num().add(1).mul(127.5).round().clamp(0, 255).byte()
        chosen = []
        for fake, pixel in zip(fakes, pixels, strict=True):
            if filled < self.size:
                self.pictures[filled] = pixel
                filled += 1
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                fake = self.pictures[place].to(fake.dtype).div(127.5).sub(1)
                self.pictures[place] = pixel
            chosen.append(fake)
        self.filled.fill_(filled)
        return torch.stack(chosen)


class CycleGAN(Game):
    """Two translators, one per direction, and one discriminator per domain (Zhu et al. 2017).

    The discriminators ask that translated images look like the other domain, the cycle that
    nothing is lost on the way: a -> b -> a and b -> a -> b return to the start (eq. 1 to 3).

    G_ab, G_ba: map images of one domain to the other; D_a, D_b: map images to logits.
    shape_a, shape_b: (C, H, W) of each domain's images, for the pools.
    loss: a name in `ganzfeld.losses.LOSSES`.
    adversarial: weight of the translators' adversarial term. Ours of least squares has a factor
        of one half (Mao et al. 2017) that Zhu et al. leave out, hence 2.
    cycle: weight of the mean absolute difference after a whole cycle.
    identity: weight, times `cycle`, of the mean absolute change of images that are in the
        wanted domain already (section 5.2): it keeps colours. Only for equal channels.
    pool: past fakes kept for each discriminator.

    Example::

        import torch
        from ganzfeld import CycleGAN
        from ganzfeld.networks import NETWORKS

        shape = (3, 16, 16)
        ab, ba = (NETWORKS["residual-translator"](3, 3, width=4, blocks=1) for _ in "ab")
        a, b = (NETWORKS["patch-discriminator"](3, layers=1, width=4) for _ in "ab")
        game = CycleGAN(ab, ba, a, b, shape_a=shape, shape_b=shape)
    """

    players = {"translators": ("G_ab", "G_ba"), "discriminator": ("D_a", "D_b")}  # noqa: RUF012
    averaged = shipped = ("G_ab", "G_ba")
    directions = {"ab": "G_ab", "ba": "G_ba"}  # noqa: RUF012
    task = "translation"
    shares_batch = True
    latent = 0

    def __init__(
        self,
        G_ab: nn.Module,
        G_ba: nn.Module,
        D_a: nn.Module,
        D_b: nn.Module,
        *,
        shape_a: Sequence[int],
        shape_b: Sequence[int],
        loss: str = "least-squares",
        adversarial: float = 2.0,
        cycle: float = 10.0,
        identity: float = 0.5,
        pool: int = 50,
    ) -> None:
        super().__init__()
        if identity and shape_a[0] != shape_b[0]:
            raise ValueError(
                f"images of {shape_a[0]} and {shape_b[0]} channels cannot be equal: identity=0"
            )
        self.G_ab, self.G_ba, self.D_a, self.D_b = G_ab, G_ba, D_a, D_b
        self.criterion = find_loss(loss)
        self.adversarial, self.cycle, self.identity = adversarial, cycle, identity
        self.pool_a, self.pool_b = Pool(pool, shape_a), Pool(pool, shape_b)
        self.fresh: tuple[Tensor, Tensor] | None = None

    def translators_loss(self, batch: Batch) -> Losses:
        a, b = batch["a"], batch["b"]
        fake_a, fake_b = self.G_ba(b), self.G_ab(a)
        self.fresh = fake_a.detach(), fake_b.detach()  # for the discriminators' move
        losses = {
            "adversarial_ab": self.adversarial * self.fooled(self.D_b, fake_b, b),
            "adversarial_ba": self.adversarial * self.fooled(self.D_a, fake_a, a),
            "cycle_a": self.cycle * distance(self.G_ba(fake_b), a),
            "cycle_b": self.cycle * distance(self.G_ab(fake_a), b),
        }
        if self.identity:
            weight = self.cycle * self.identity
            losses["identity_a"] = weight * distance(self.G_ba(a), a)
            losses["identity_b"] = weight * distance(self.G_ab(b), b)
        return losses

    def fooled(self, judge: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        logits = verdict(judge, fake)
        with torch.no_grad():
            real_logits = verdict(judge, real) if self.criterion.paired else logits
        return self.criterion.generator(logits, real_logits).mean()

    def discriminator_loss(self, batch: Batch) -> Losses:
        a, b = batch["a"], batch["b"]
        fake_a, fake_b = self.fresh or self.translated(a, b)
        self.fresh = None
        fake_a, fake_b = self.pool_a.exchange(fake_a), self.pool_b.exchange(fake_b)
        return {
            "adversarial_a": self.told(self.D_a, a, fake_a),
            "adversarial_b": self.told(self.D_b, b, fake_b),
        }

    def told(self, judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        logits = verdict(judge, real), verdict(judge, fake)
        return self.criterion.discriminator(*logits).mean()

    @torch.no_grad()
    def translated(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return self.G_ba(b), self.G_ab(a)


class Pix2Pix(Game):
    """A translator that learns from pairs, and a discriminator of pairs (Isola et al. 2017).

    The mean absolute difference asks for the image that belongs to the input, and the
    discriminator for one that looks real beside it (eq. 1 to 4).

    G: maps images of the first domain to the second; D: maps (N, both channels, H, W) to logits.
    direction: "ab" from the first side of the data to the second, "ba" back.
    loss: a name in `ganzfeld.losses.LOSSES`.
    l1: weight of the mean absolute difference.

    The discriminator's loss is halved, so that it learns more slowly (section 3.3).

    Example::

        import torch
        from ganzfeld import Pix2Pix
        from ganzfeld.networks import NETWORKS

        G = NETWORKS["unet-translator"](3, 3, depth=3, width=4)
        D = NETWORKS["patch-discriminator"](6, layers=1, width=4)
        pair = {"a": torch.zeros(1, 3, 16, 16), "b": torch.zeros(1, 3, 16, 16)}
        losses = Pix2Pix(G, D).loss("generator", pair)
    """

    players = {"discriminator": ("D",), "generator": ("G",)}  # noqa: RUF012
    averaged = shipped = ("G",)
    task = "translation"
    shares_batch = True
    latent = 0

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        *,
        direction: Literal["ab", "ba"] = "ab",
        loss: str = "non-saturating",
        l1: float = 100.0,
    ) -> None:
        super().__init__()
        if direction not in ("ab", "ba"):
            raise ValueError(f"direction is ab or ba, not {direction!r}")
        self.G, self.D, self.l1 = G, D, l1
        self.criterion = find_loss(loss)
        self.source, self.target = direction
        self.directions = {direction: "G"}

    def discriminator_loss(self, batch: Batch) -> Losses:
        x, y = batch[self.source], batch[self.target]
        with torch.no_grad():
            fake = self.G(x)
        real_logits = verdict(self.D, torch.cat([x, y], 1))
        fake_logits = verdict(self.D, torch.cat([x, fake], 1))
        return {"adversarial": self.criterion.discriminator(real_logits, fake_logits).mean() / 2}

    def generator_loss(self, batch: Batch) -> Losses:
        x, y = batch[self.source], batch[self.target]
        fake = self.G(x)
        logits = verdict(self.D, torch.cat([x, fake], 1))
        with torch.no_grad():
            real = verdict(self.D, torch.cat([x, y], 1)) if self.criterion.paired else logits
        return {
            "adversarial": self.criterion.generator(logits, real).mean(),
            "l1": self.l1 * distance(fake, y),
        }


def distance(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).abs().mean()


def find_loss(name: str) -> AdversarialLoss:
    if name not in LOSSES:
        raise ValueError(f"no loss is called {name!r}. {did_you_mean(name, LOSSES)}")
    return LOSSES[name]


@torch.inference_mode()
def compare(game: Game, batch: Batch, *, paired: bool) -> dict[str, float]:
    """How far translations are from where they should be, each a mean over the batch.

    Errors are those of `Game.error`: mean absolute differences of images, as parts of the range
    from black to white; of lines the share of symbols that differ.

    `error_ab`, `error_ba`: against the true counterpart, where `batch` holds such pairs.
    `cycle_error_a`, `cycle_error_b`: of there and back again, where both ways are learned.
    """
    found = {}
    for way, name in game.directions.items():
        there = game.get_submodule(name)(batch[way[0]])
        if paired:
            found[f"error_{way}"] = game.error(there, batch[way[1]])
        if way[::-1] in game.directions:
            back = game.get_submodule(game.directions[way[::-1]])(there)
            found[f"cycle_error_{way[0]}"] = game.error(back, batch[way[0]])
    return found


@torch.inference_mode()
def columns(game: Game, batch: Batch, *, paired: bool) -> list[Tensor]:
    """What there is to see, column by column: each input, its translation, and what it should be.

    Where the counterpart is not known, the way back stands in its place.
    """
    shown = []
    for way, name in game.directions.items():
        there = cast(Tensor, game.get_submodule(name)(batch[way[0]]))
        shown += [batch[way[0]], there]
        back = game.directions.get(way[::-1])
        if not paired and back:
            shown.append(game.get_submodule(back)(there))
        elif paired and not back:
            shown.append(batch[way[1]])
    return [game.shown(x) for x in shown]
