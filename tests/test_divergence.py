"""What is not finite never reaches weights, buffers, averages or checkpoints."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import ganzfeld
from ganzfeld.config import with_settings
from ganzfeld.core import checkpoint
from ganzfeld.core.language import tr
from ganzfeld.errors import DivergedError
from ganzfeld.games import Losses
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.finish import lost, watched
from ganzfeld.training.memory import all_finite
from ganzfeld.training.plan import settle
from ganzfeld.training.session import SKIPS
from ganzfeld.training.trainer import Report, Trainer

BATCH, SAMPLES = 8, 64
SMALL = ["networks.G.width=4", "networks.D.width=4", "networks.G.latent=8"]
BAD = (math.nan, math.inf, -math.inf)
FAULTS = ("data", "loss", "gradient of D", "gradient of G", "several")


class Pictures:
    """Random images, of which one batch may hold a number that is none."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(3)
        self.x = torch.rand((SAMPLES, 3, 16, 16), generator=generator) * 2 - 1
        self.bad: float | None = None

    def __len__(self) -> int:
        return SAMPLES

    def rows(self, indices: NDArray[np.int64]) -> Mapping[str, Tensor]:
        x = self.x[torch.from_numpy(indices)]
        if self.bad is not None:
            x[-1, 0, 3, 3] = self.bad
        return {"x": x}


@cache
def began(recipe: str) -> tuple[Trainer, Any]:
    trainer = trainer_of(recipe)
    return trainer, copied(trainer.state_dict())


def fresh(recipe: str) -> Trainer:
    """The trainer of a recipe as it begins; it is built once."""
    trainer, state = began(recipe)
    trainer.load_state_dict(state)
    return trainer


def trainer_of(recipe: str, *more: str) -> Trainer:
    config = RECIPES[recipe](Facts(count=SAMPLES, channels=3, height=16, width=16, classes=0))
    config.run.batch_size, config.run.images = BATCH, 1000
    config = complete(with_settings(config, [*SMALL, *more]))
    settle(config)
    return build_trainer(config, Pictures(), torch.device("cpu"))


def inject(trainer: Trainer, fault: str, bad: float) -> Callable[[], None]:
    """Put a number that is not finite into the coming steps; call what it returns to stop."""
    undo: list[Callable[[], None]] = []
    assert isinstance(trainer.data, Pictures)
    data, whole_loss = trainer.data, trainer.loss
    if fault in ("data", "several"):
        data.bad = bad
        undo.append(lambda: setattr(data, "bad", None))
    if fault in ("loss", "several"):

        def spoiled(player: str, batch: dict[str, Tensor]) -> Losses:
            losses = whole_loss(player, batch)
            return {name: value * bad for name, value in losses.items()}

        trainer.loss = spoiled
        undo.append(lambda: setattr(trainer, "loss", whole_loss))
    for network in "GD":
        if fault in (f"gradient of {network}", "several"):
            last = list(trainer.game.get_submodule(network).parameters())[-1]
            last.requires_grad_(True)  # as in its player's move
            hook = last.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                spoil_gradient(bad)
            )
            undo.append(hook.remove)

    def stop() -> None:
        for end in undo:
            end()

    return stop


def spoil_gradient(bad: float) -> Callable[[Tensor], None]:
    def spoil(parameter: Tensor) -> None:
        assert parameter.grad is not None
        parameter.grad.fill_(bad)

    return spoil


def copied(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: copied(value) for name, value in state.items()}
    return state.clone() if isinstance(state, Tensor) else state


EVERY = [  # by name, those that are slow: three numbers, five places, four recipes
    pytest.param(
        recipe,
        fault,
        bad,
        marks=[]
        if recipe == "default" or (recipe == "wgan-gp" and bad is BAD[0])
        else [pytest.mark.long if bad is BAD[0] else pytest.mark.slow],
    )
    for recipe in ("default", "dcgan", "hinge", "wgan-gp")
    for fault in FAULTS
    for bad in BAD
]


@pytest.mark.parametrize(("recipe", "fault", "bad"), EVERY)
def test_nothing_that_is_not_finite_stays(recipe: str, fault: str, bad: float) -> None:
    trainer = fresh(recipe)
    for _ in range(3):
        trainer.take_step()
    stop = inject(trainer, fault, bad)
    for number in range(5):
        assert trainer.take_step().skipped == number + 1
        assert all_finite(trainer.state_dict()), "it came in"
    stop()
    report = trainer.take_step()
    assert report.skipped == 0, "the count ends with the first good step"
    assert all(value.isfinite() for value in report.losses.values())
    assert all_finite(trainer.state_dict())


@pytest.mark.parametrize("steps", [0, 1])  # at first the optimisers have no moments yet
@pytest.mark.parametrize("recipe", ["default", "dcgan", "wgan-gp"])
@pytest.mark.parametrize("fault", ["loss", "several", "gradient of D", "gradient of G"])
def test_a_skipped_step_moves_nothing_but_the_clock(fault: str, recipe: str, steps: int) -> None:
    """One decision a step: the player that had no fault stands still too, and so do averages."""
    trainer = fresh(recipe)
    for _ in range(steps):
        trainer.take_step()
    before = copied(trainer.state_dict())
    stop = inject(trainer, fault, math.nan)
    trainer.take_step()
    stop()
    after = trainer.state_dict()
    assert after["counts"]["step"] == steps + 1
    assert before.keys() == after.keys()
    for part in before.keys() - {"counts"}:
        left, right = flattened(before[part]), flattened(after[part])
        assert left.keys() == right.keys(), part
        assert [name for name, value in left.items() if not torch.equal(right[name], value)] == []
    assert trainer.take_step().skipped == 0


def flattened(tree: Any, path: str = "") -> dict[str, Tensor]:
    if isinstance(tree, Tensor):
        return {path: tree}
    return {k: v for name, one in tree.items() for k, v in flattened(one, f"{path}/{name}").items()}


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_optimiser_is_held_back(optimiser: str) -> None:
    names = [f'optimisers.{player}.name="{optimiser}"' for player in ("discriminator", "generator")]
    trainer = trainer_of("default", *names, *(n.split("=")[0][:-5] + ".lr=1e-4" for n in names))
    inject(trainer, "several", math.nan)  # from the first step on, when moments are made
    for _ in range(3):
        trainer.take_step()
    assert int(trainer.skipped) == 3 and all_finite(trainer.state_dict())


def test_losses_under_autocast_are_guarded_too() -> None:
    trainer = trainer_of("default", "run.precision=bfloat16")
    losses = trainer.take_step().losses.values()
    assert all(value.isfinite() and value.dtype == torch.float32 for value in losses)
    stop = inject(trainer, "data", math.inf)
    trainer.take_step()
    stop()
    assert int(trainer.skipped) == 1 and all_finite(trainer.state_dict())


# Whole runs


class Sick:
    """Steps that fail, as `take_step` of every trainer that a run makes."""

    def __init__(self, patch: pytest.MonkeyPatch, sick: Callable[[Trainer], bool]) -> None:
        self.failed: list[tuple[int, int]] = []  # (images, salt)
        real = Trainer.update

        def update(trainer: Trainer, player: str, losses: Losses) -> Tensor:
            if sick(trainer):
                self.failed.append((trainer.images, trainer.salt))
                for parameter in trainer.parameters[player]:
                    if parameter.grad is not None:
                        parameter.grad.fill_(math.nan)
            return real(trainer, player, losses)

        patch.setattr(Trainer, "update", update)


def train(out: Path, *more: str, images: int = 640, quiet: bool = True) -> ganzfeld.Run:
    return ganzfeld.train(
        "avatars:64",
        out=out,
        size=16,
        images=images,
        batch=BATCH,
        settings=[
            *SMALL,
            *("run.save_every=80", "run.log_every=40", "run.evaluate_final=false"),
            "run.sample_every=320",
            *more,
        ],
        quiet=quiet,
    )


def finite_at_the_end(out: Path) -> checkpoint.Checkpoint:
    """The newest checkpoint, after a look at all of them."""
    paths = checkpoint.listing(out / "checkpoints")
    assert paths
    for path in paths:
        assert all_finite(checkpoint.load(path).state), path
    return checkpoint.load(paths[0])


def rows(out: Path) -> list[dict[str, Any]]:
    text = (out / "metrics.jsonl").read_text()
    found = [json.loads(line, parse_constant=refuse) for line in text.splitlines()]
    images = [row["images"] for row in found if row["kind"] == "train"]
    assert images == sorted(set(images))
    return found


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


@pytest.mark.long
def test_a_few_bad_steps_are_skipped_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Sick(monkeypatch, lambda t: 240 <= t.images < 240 + SKIPS * BATCH)
    run = train(tmp_path / "run")
    found = finite_at_the_end(run.path)
    assert found.manifest["images"] == 640 and found.state["counts"]["salt"] == 0
    assert {row["rollbacks"] for row in rows(run.path) if row["kind"] == "train"} == {0}


@pytest.mark.long
@pytest.mark.parametrize("times", [1, 2])
def test_many_bad_steps_lead_back_to_other_randomness(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same draws would fail again, for ever: with the salt they are others."""
    sick = Sick(monkeypatch, lambda t: t.images >= 240 and t.salt < times)
    run = train(tmp_path / "run", images=480)
    found = finite_at_the_end(run.path)
    assert found.manifest["images"] == 480 and found.state["counts"]["salt"] == times
    assert {salt for _, salt in sick.failed} == set(range(times))
    assert [row["rollbacks"] for row in rows(run.path) if row["kind"] == "train"][-1] == times
    assert run.model.sample(4).isfinite().all()


def test_a_run_that_cannot_be_mended_ends_with_what_was_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sick = Sick(monkeypatch, lambda t: t.images >= 240)
    with pytest.raises(DivergedError) as caught:
        train(tmp_path / "run")
    assert caught.value.code == 6 and "learning rate" in caught.value.fix
    assert {salt for _, salt in sick.failed} == {0, 1, 2}
    assert len(sick.failed) < 200, "it took long to give up"
    good = finite_at_the_end(tmp_path / "run")
    assert good.manifest["images"] >= 240
    rows(tmp_path / "run")
    assert ganzfeld.load(tmp_path / "run").sample(4).isfinite().all()


@pytest.mark.long
@pytest.mark.parametrize("images", [320, 40, 16, 8])
@pytest.mark.parametrize("lr", ["1e20", "1e29"])
def test_an_absurd_learning_rate_leaves_only_finite_numbers(
    lr: str, images: int, tmp_path: Path
) -> None:
    """However soon the run would end: the last step is as well guarded as the others."""
    try:
        run = train(tmp_path / "run", f"optimisers.generator.lr={lr}", images=images)
        assert all_finite(dict(run.model.generator.state_dict()))
    except DivergedError as error:
        assert error.code == 6
    else:
        assert images < 320, "it should have been noticed"
    finite_at_the_end(tmp_path / "run")
    if (tmp_path / "run" / "metrics.jsonl").exists():
        rows(tmp_path / "run")


@pytest.mark.long
def test_a_checkpoint_is_never_made_of_weights_that_are_not_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a weight goes wrong in a way that no guard sees: noticed when it should be saved."""
    real, spoiled = Trainer.take_step, []

    def take_step(trainer: Trainer) -> Report:
        report = real(trainer)
        if report.images == 240 and trainer.salt == 0:
            spoiled.append(report.images)
            with torch.no_grad():
                next(trainer.game.parameters()).fill_(math.nan)
        return report

    monkeypatch.setattr(Trainer, "take_step", take_step)
    run = train(tmp_path / "run")
    found = finite_at_the_end(run.path)
    assert spoiled == [240]
    assert found.manifest["images"] == 640 and found.state["counts"]["salt"] == 1


def test_losses_that_are_lost_at_the_end_are_warned_of(tmp_path: Path) -> None:
    """Also in runs that are too short for the doctor to look at."""
    log = tmp_path / "metrics.jsonl"

    def said(*values: str) -> list[str]:
        lines = (
            f'{{"kind": "train", "images": {n + 1}, "losses": {{"generator/x": {value}}}}}'
            for n, value in enumerate(values)
        )
        log.write_text("\n".join(lines) + "\n")
        return [text for _, text in lost(log)]

    assert said(*["1.0"] * 8) == said(*["null"] * 5, *["1.0"] * 3) == []
    (words,) = said(*["1.0"] * 6, "null", "null")
    assert words.startswith("losses were not finite in 2 of the last 2 rows")


def test_a_run_that_nobody_watches_tells_of_lost_losses_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of those on the way, and of going back, which took the rows with them."""
    real = Trainer.take_step

    def take_step(trainer: Trainer) -> Report:
        report = real(trainer)
        if report.images == 240 and trainer.salt == 0:
            with torch.no_grad():
                next(trainer.game.parameters()).fill_(math.nan)
        return report

    monkeypatch.setattr(Trainer, "take_step", take_step)
    train(tmp_path / "run", quiet=False)
    told = capsys.readouterr().out
    last = told[told.index("done: ") :]
    assert "; back to image " in told[: told.index("done: ")], told
    assert "training went back to an earlier checkpoint 1 time(s); lower rates may help" in last


def test_what_the_end_says_of_lost_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "metrics.jsonl"

    def said(losses: list[str], rollbacks: int, watched: bool) -> list[str]:
        rows = (
            f'{{"kind": "train", "images": {n + 1}, "losses": {{"x": {value}}}, '
            f'"rollbacks": {rollbacks}}}'
            for n, value in enumerate(losses)
        )
        log.write_text("\n".join(rows) + "\n")
        return [text for _, text in lost(log, watched=watched)]

    early = ["null", "1.0", "1.0", "1.0"]
    assert said(early, 2, True) == [] == said(["1.0"] * 4, 0, False)
    assert said(early, 0, False) == [
        "losses were not finite in 1 of the 4 rows of the log: such steps change nothing; "
        "lower rates may help"
    ]
    (both,) = said(early, 2, False)
    assert "went back to an earlier checkpoint 2 time(s)" in both and both.count("lower") == 1
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    assert not re.search("[a-z]{3}", tr(both)), tr(both)
    config = RECIPES["default"](Facts(count=64, channels=3, height=16, width=16, classes=0))
    config.run.images = 1_999
    assert not watched(config)
    config.run.images = 2_000
    assert watched(config)
    config.run.doctor = "off"
    assert not watched(config)
