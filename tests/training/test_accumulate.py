"""A batch in parts: the step of the whole batch, in less memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganzfeld import Game, Trainer, recipes
from ganzfeld.config import with_settings
from ganzfeld.core import checkpoint, distributed
from ganzfeld.core.shares import DrawnWhole
from ganzfeld.errors import UsageError
from ganzfeld.recipes.base import Facts
from ganzfeld.training import parts, run
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.trainer import Tensors

BATCH = 16


class Line(Game):
    """One weight w, whose loss is the mean of (w x - 1)^2."""

    players = {"line": ("M",)}  # noqa: RUF012
    latent = 1

    def __init__(self) -> None:
        super().__init__()
        self.M = nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.M.weight)

    def line_loss(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"square": (self.M(batch["x"]) - 1).square().mean()}


def line(accumulate: int, **options: int) -> Trainer:
    game = Line()
    sgd = torch.optim.SGD(game.parameters(), 0.5)
    data = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    return Trainer(game, {"line": sgd}, data, batch_size=4, accumulate=accumulate, **options)


@pytest.mark.parametrize("accumulate", [1, 2, 4])
def test_a_step_in_parts_is_the_one_computed_by_hand(accumulate: int) -> None:
    trainer = line(accumulate)
    report = trainer.take_step()
    # the mean of 2 (w x - 1) x at w = 1 over x = 0, 1, 2, 3 is (0 + 0 + 4 + 12) / 4 = 4
    assert float(trainer.game.M.weight.detach()) == 1 - 0.5 * 4
    assert float(report.losses["line/square"]) == (1 + 0 + 1 + 4) / 4
    assert (report.step, report.images) == (1, 4)


def test_parts_that_cannot_be_equal_are_refused() -> None:
    with pytest.raises(ValueError, match="4 samples cannot be computed in 3 equal parts"):
        line(3)
    with pytest.raises(ValueError, match="accumulate"):
        line(0)


# Draws


def drawn_in_parts(draw: Callable[[int], Tensor], rows: int, count: int) -> Tensor:
    found = []
    for part in range(count):
        torch.manual_seed(5)
        with DrawnWhole(rows, part, count):
            found.append(draw(rows).clone())
    return torch.cat(found)


def images(rows: int) -> Tensor:
    return torch.ones(rows, 3, 5, 5).contiguous(memory_format=torch.channels_last)


DRAWS: dict[str, Callable[[int], Tensor]] = {
    "randn": lambda n: torch.randn(n, 7),
    "one after another": lambda n: torch.randn(n, 3) + torch.rand(n, 1) * torch.rand(()),
    "rand_like": lambda n: torch.rand_like(images(n)),
    "dropout": lambda n: nn.functional.dropout(images(n), 0.4),
    "dropout2d": lambda n: nn.functional.dropout2d(images(n), 0.4),
    "in place": lambda n: torch.empty(n, 9).normal_(),
    "randint": lambda n: torch.randint(9, (n,)),
    "by odds": lambda n: torch.bernoulli(torch.full((n, 9), 0.3)),
    "multinomial": lambda n: torch.multinomial(torch.ones(n, 9), 1),
    "of another shape": lambda n: torch.rand(3, 1)[:1] + torch.zeros(n, 1),
}


@pytest.mark.parametrize("name", DRAWS)
def test_parts_draw_what_the_whole_batch_draws(name: str) -> None:
    torch.manual_seed(5)
    whole = DRAWS[name](20)
    assert torch.equal(drawn_in_parts(DRAWS[name], 5, 4), whole)


# Recipes

FACTS = Facts(count=200, channels=3, height=32, width=32, classes=4)
PLAIN_G, PLAIN_D = "networks.G.norm=none", "networks.D.norm=none"
NARROW = "networks.*.width=4"
THIN = ("networks.*.widths=[16]", PLAIN_G)
EXACT = {  # what has no batch statistics, by name: the recipe and its settings
    "r3gan": ("r3gan", NARROW),
    "tutorial-mlp-faces": ("tutorial-mlp-faces", *THIN),
    "mlp": ("mlp", *THIN),
    "default": ("default", NARROW, PLAIN_G),
    "dcgan": ("dcgan", NARROW, PLAIN_G, PLAIN_D),
    "hinge": ("hinge", NARROW, PLAIN_G),
    "wgan-gp": ("wgan-gp", NARROW, PLAIN_G),
    "dropout": ("default", NARROW, PLAIN_G, "networks.D.dropout=0.3", "game.r1=0", "game.r2=0"),
    "augment": ("default", NARROW, PLAIN_G, "game.augment=fixed"),
    "difference": ("default", NARROW, PLAIN_G, "game.difference=0.01"),
    "one stage": ("default", NARROW, PLAIN_G, "game.one_stage=true"),
    "kept fakes": (
        *("default", NARROW, PLAIN_G, "game.generator_first=true", "game.reuse_fakes=true"),
    ),
    "relativistic": ("default", NARROW, PLAIN_G, "game.loss=relativistic"),
    "least squares": ("default", NARROW, PLAIN_G, "game.loss=least-squares"),
    "saturating": ("default", NARROW, PLAIN_G, "game.loss=saturating"),
}
APART = {  # what looks at a batch as a whole, and what the plan says of it
    ("default", NARROW): ["batch normalisation in G"],
    ("dcgan", NARROW): ["batch normalisation in G", "batch normalisation in D"],
    ("tutorial-dcgan-mnist", NARROW): ["batch normalisation in G"],
    ("r3gan", NARROW, "game.augment=adaptive"): ["adaptive augmentation"],
    ("gmmn",): [
        *("the distance between samples and data", "batch normalisation in G"),
        "batch normalisation in E",
    ],
}


def trainer_of(accumulate: int, recipe: str, *settings: str) -> Trainer:
    config = complete(with_settings(recipes.RECIPES[recipe].make(FACTS), settings))
    config.run.images, config.run.batch_size, config.run.accumulate = 10_000, BATCH, accumulate
    config.data.size, config.data.channels = (32, 32), 3
    config.run.products, config.run.precision = False, "float32"
    draws = torch.Generator().manual_seed(1)
    x = torch.randint(0, 256, (200, 3, 32, 32), generator=draws, dtype=torch.uint8)
    y = torch.randint(0, 4, (200,), generator=draws)
    return build_trainer(config, Tensors({"x": x, "y": y}), torch.device("cpu"))


def gradients(trainer: Trainer) -> dict[str, list[Tensor]]:
    """Of each player's first move, all from the same weights."""
    found = {}
    for player in dict.fromkeys(trainer.game.moves(0)):
        trainer.move(player, 0, trainer.batch(player, 0))
        movers = trainer.game.movers(player)
        found[player] = [p.grad.clone() for m in movers for p in trainer.parameters[m]]  # type: ignore[union-attr]
        for mover in movers:
            trainer.optimisers[mover].zero_grad()
    return found


def check_equal(whole: Trainer, split: Trainer, rounding: float = 1e-7) -> None:
    one, other = gradients(whole), gradients(split)
    assert one.keys() == other.keys() and one
    for player in one:
        for x, y in zip(one[player], other[player], strict=True):
            least = max(2e-5 * float(x.abs().max()), rounding)  # sums of terms of 0.5 round so
            torch.testing.assert_close(x, y, rtol=1e-4, atol=least)
    for b, c in zip(whole.game.buffers(), split.game.buffers(), strict=True):
        torch.testing.assert_close(b, c, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", EXACT)
def test_gradients_of_parts_are_those_of_the_whole_batch(name: str) -> None:
    whole, split = trainer_of(1, *EXACT[name]), trainer_of(4, *EXACT[name])
    assert not parts.together(whole.game)
    # differences of logits over 0.01 round a hundred times as far, on some processors
    check_equal(whole, split, 2e-3 if name == "difference" else 1e-7)


@pytest.mark.parametrize("what", APART, ids=lambda what: what[0])
def test_what_looks_at_the_whole_batch_is_named(what: tuple[str, ...]) -> None:
    trainer = trainer_of(4, *what)
    assert parts.together(trainer.game) == APART[what]
    trainer.take_step()


def test_the_second_of_two_processes_computes_its_share_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    monkeypatch.setattr(distributed, "world", lambda: 2)
    check_equal(trainer_of(1, *EXACT["r3gan"]), trainer_of(4, *EXACT["r3gan"]))
    with pytest.raises(ValueError, match="8 samples cannot be computed in 16 equal parts"):
        trainer_of(16, *EXACT["r3gan"])


def test_compiled_parts_draw_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled loss draws by itself, so that other seeds must keep parts from being alike."""
    from ganzfeld.training import trainer as module

    seen: list[float] = []

    def compiled(loss: object) -> Callable[[str, dict[str, Tensor]], dict[str, Tensor]]:
        def draws(player: str, batch: dict[str, Tensor]) -> dict[str, Tensor]:
            seen.append(float(torch.rand(())))
            return game.loss(player, batch)

        return draws

    game = Line()
    monkeypatch.setattr(module, "compiled", compiled)
    sgd = torch.optim.SGD(game.parameters(), 0.5)
    x = torch.ones(4, 1)
    for counts in (1, 4):
        seen.clear()
        options = {"batch_size": 4, "accumulate": counts, "compile": True}
        Trainer(game, {"line": sgd}, x, **options).take_step()  # type: ignore[arg-type]
        assert len(set(seen)) == counts


def test_an_adaptive_probability_moves_as_far_in_parts() -> None:
    words = ("r3gan", NARROW, "game.augment=adaptive", "game.loss=non-saturating")
    moved = []
    for accumulate in (1, 4):
        trainer = trainer_of(accumulate, *words)
        with torch.no_grad():
            for p in trainer.game.D.parameters():
                p.zero_()  # logits of 0: no sign but zero, whose distance to the target is known
        trainer.game.augmentation.p.fill_(0.5)
        trainer.move("discriminator", 0, trainer.batch("discriminator", 0))
        moved.append(float(trainer.game.augmentation.p) - 0.5)
    assert moved[0] < 0 and moved[1] == pytest.approx(moved[0], rel=1e-3)


# Memory, and runs


def bytes_kept(trainer: Trainer) -> int:
    """The most that one pass keeps for its backward."""
    most = 0
    plain = trainer.loss

    def counted(player: str, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        nonlocal most
        seen: dict[int, int] = {}

        def pack(x: Tensor) -> Tensor:
            seen[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            found = plain(player, batch)
        most = max(most, sum(seen.values()))
        return found

    trainer.loss = counted
    trainer.move("generator", 0, trainer.batch("generator", 0))
    return most


def test_memory_falls() -> None:
    whole, split = (bytes_kept(trainer_of(n, *EXACT["default"])) for n in (1, 8))
    assert split < whole / 4, (whole, split)


def test_the_plan_and_the_refusals_say_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"size": (8, 8), "images": 64, "batch": 16, "dry_run": True, "out": tmp_path / "r"}
    settings = ["networks.*.width=4", "run.accumulate=4"]
    run.train("avatars:40", settings=[*settings, "networks.G.norm=none"], **words)
    assert "16, computed 4 at a time (run.accumulate); the same step" in " ".join(
        capsys.readouterr().out.split()
    )
    run.train("avatars:40", settings=settings, **words)
    assert "each part stands alone for batch normalisation in G" in " ".join(
        capsys.readouterr().out.split()
    )
    with pytest.raises(UsageError, match="16 samples cannot be computed in 3 equal parts"):
        run.train("avatars:40", settings=["run.accumulate=3"], **words)
    for theirs in ("gradient_accumulation_steps=4", "run.gradient_accumulation_steps=4"):
        with pytest.raises(UsageError, match=r"run\.accumulate"):
            run.train("avatars:40", settings=[theirs], **words)


@pytest.mark.long
def test_a_run_in_parts_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    settings = ["networks.*.width=4", "run.accumulate=4", "run.save_every=32", "run.keep=9"]
    words = {"size": (8, 8), "images": 96, "batch": 16, "quiet": True, "settings": settings}
    run.train("avatars:40", out=whole, **words)
    shutil.copytree(whole, cut)
    shutil.rmtree(cut / "model")
    for found in checkpoint.listing(cut / "checkpoints"):
        if checkpoint.images_of(found) > 32:
            shutil.rmtree(found)
    run.resume(cut)
    name = "model.safetensors"
    assert (cut / "model" / name).read_bytes() == (whole / "model" / name).read_bytes()
