"""What comes over the border, by command or by call, is of the right type, finite and in range."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.cli import main, words
from ganzfeld.config import to_json
from ganzfeld.core import border, latents
from ganzfeld.errors import UsageError
from ganzfeld.games import Adversarial, Batch, Game, Losses
from ganzfeld.networks.mlp import MLPDiscriminator, MLPGenerator
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.plan import check
from ganzfeld.training.trainer import Trainer


def said(command: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        main.main(command)
    printed = capsys.readouterr()
    return int(caught.value.code or 0), printed.out + printed.err


# Settings, before there are any data


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--set", "lr=1e-3"], "optimisers.*.lr"),
        (["--set", "run.bathc_size=3"], "batch_size"),
        (["--set", "networks.G.widht=3"], "'width'"),
        (["--set", "networks.G.width=abc"], "networks.G.width"),
        (["--set", "networks.G.width=NaN"], "finite"),
        (["--set", "networks.G.name=:"], "FILE.py:NAME"),
        (["--set", "game.loss=foo"], "no loss is called 'foo'"),
        (["--set", "optimisers.generator.name=adma"], "'adam'"),
        (["--set", "optimisers.generator.lr=1e999"], "optimisers.generator.lr"),
        (["--set", "optimisers.*.final_lr=1e40"], "discriminator.final_lr should be a number"),
        (["--set", "optimisers.*.at_width=-3"], "at_width should be a whole number"),
        (["--set", "run.batch_size=1e30"], "run.batch_size"),
        (["--set", "run.threads=1000000000"], "run.threads"),
        (["--set", "run.log_every=0"], "run.log_every"),
        (["--set", "run.precision=int1"], "run.precision"),
        (["--set", "run.noise=white"], "run.noise"),
        (["--set", "run.latents=3"], "run.latents"),
        (["--set", "run.inception_count=-1"], "run.inception_count"),
        (["--set", "run.inception_count=5"], "run.inception_count"),
        (["--set", "data.held_out=-1"], "data.held_out"),
        (["--set", "data.max_megapixels=0"], "data.max_megapixels"),
        (["--held-out", "-1"], "--held-out"),
        (["--set", 'ema.spans={"a.b": 1}'], "ema.spans"),
        (["--set", "networks.G.x=" + 3000 * "["], "deep"),
        (["--set", "run.images=" + 5000 * "9"], "too long"),
        (["--recipe", ":"], "FILE.py:NAME"),
        (["--minutes", "nan"], "--minutes"),
        (["--minutes", "inf"], "--minutes"),
        (["--images", "1" + 30 * "0"], "--images"),
        (["--batch", "0"], "--batch"),
        (["--size", 5000 * "9"], "--size"),
        (["--out", ""], "--out"),
        (["--epochs", "3"], "--images"),
        (["--batch-size", "3"], "--batch"),
        (["--lr", "3"], "optimisers.*.lr"),
    ],
)
def test_a_wrong_value_is_told_before_the_data_are_looked_for(
    more: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(["train", str(tmp_path / "no data"), *more], capsys)
    assert code == 2 and told in text and "there is nothing at" not in text, text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["train", "x", "--epochs", "5", "--batch-size", "64", "--lr=3e-4"],
            ["--epochs, --batch-size, --lr", "--images N", "--batch 64", "'optimisers.*.lr=3e-4'"],
        ),
        (["train", "--dataset", "x", "--workers", "2"], ["the path alone", "leave out --workers"]),
        (["sample", "x", "--labels", "3", "--n", "8"], ["--label 3; --count 8"]),
        (["resume", "x", "--epochs", "5"], ["--images N"]),
    ],
)
def test_what_other_tools_call_options_is_told_at_once_with_its_values(
    words: list[str], told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(words, capsys)
    assert code == 2 and all(part in text for part in told), text


def test_no_option_is_offered_that_the_command_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    _, text = said(["sample", "x", "--batch-size", "3"], capsys)
    assert "--batch 3" not in text and "--batch-size" in text


@pytest.mark.parametrize("command", ["sample", "resume", "report"])
def test_a_missing_run_is_told_with_the_nearest_one(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("names-default", "names-defaul"):
        (tmp_path / name).mkdir()
    (tmp_path / "names-default" / "config.json").write_text("{}")  # the other one is no run
    more = ["--count", "1", "--grid", "x.png"] if command == "sample" else []
    _, text = said([command, str(tmp_path / "names-defualt"), *more], capsys)
    assert "there is no run" in text and "Did you mean" in text and "names-default'" in text, text
    _, text = said([command, str(tmp_path / "qqqq"), *more], capsys)
    assert "Did you mean" not in text, text
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "faces").mkdir(parents=True)
    _, text = said([command, "faces", *more], capsys)
    assert str(Path("runs") / "faces") in text, text


@pytest.mark.parametrize(
    "more",
    [
        ["--recipe", "pix2pix", "--set", "networks.G.width=8"],
        ["--recipe", "r3gan", "--set", "run.keep=9", "optimisers.*.lr=0.001"],
        ["--set", "networks.*.width=4", "game.r1=[1, 0.1]"],
    ],
)
def test_settings_that_can_be_wait_for_the_data(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(["train", str(tmp_path / "no data"), *more], capsys)
    assert code == 3 and "there is nothing at" in text, text


@pytest.mark.parametrize(
    "change",
    [
        {"log_every": 0},
        {"batch_size": -1},
        {"threads": 10**9},
        {"precision": "int1"},
        {"save_minutes": 0},
        {"minutes": 1e300},
        {"noise": 3},
        {"noise": "white"},
        {"latents": []},
        {"latents": "1/f"},
        {"inception_count": -1},
        {"inception_count": "many"},
        {"inception_count": 10**12},
        {"inception_count": 3},
    ],
)
def test_settings_stored_in_a_run_are_checked_when_it_goes_on(
    change: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = RECIPES["default"](Facts(count=64, channels=3, height=16, width=16, classes=0))
    stored = json.loads(to_json(config))
    stored["run"] |= {"images": 64, **change}
    (tmp_path / "config.json").write_text(json.dumps(stored))
    code, text = said(["resume", str(tmp_path)], capsys)
    assert code == 4 and "config.json" in text and f"run.{next(iter(change))}" in text, text


@pytest.mark.parametrize(
    "change",
    [
        {"held_out": -1},
        {"held_out": "ten"},
        {"held_out": 2.5},
        {"held_out": True},
        {"held_out": 64},
        {"max_megapixels": -3},
        {"jitter": 2},
        {"rules": [2]},
    ],
)
@pytest.mark.parametrize("command", ["resume", "report"])
def test_what_a_run_says_of_its_data_is_checked(
    command: str, change: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = RECIPES["default"](Facts(count=64, channels=3, height=16, width=16, classes=0))
    stored = json.loads(to_json(config))
    stored["data"] |= {"samples": 64, **change}
    stored["run"] |= {"images": 64}
    (tmp_path / "config.json").write_text(json.dumps(stored))
    code, text = said([command, str(tmp_path)], capsys)
    assert code == 4 and "config.json is damaged" in text, text
    assert f"data.{next(iter(change))}" in text


# Calls from Python


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (None, {}),
        ("", {}),
        ("a\0b", {}),
        ("avatars", {"images": "3"}),
        ("avatars", {"images": True}),
        ("avatars", {"images": 2.5}),
        ("avatars", {"minutes": math.nan}),
        ("avatars", {"settings": "run.keep=3"}),
        ("avatars", {"settings": [3]}),
        ("avatars", {"settings": ["networks.G.x=" + 1_000_000 * "["]}),
        ("avatars", {"out": ""}),
        ("avatars", {"size": "big"}),
        ("avatars", {"size": (3, 4, 5)}),
        ("avatars", {"held_out": "3"}),
        ("avatars", {"held_out": 2.5}),
        ("avatars", {"batch": -1}),
        ("avatars", {"direction": "ba ba"}),
        ("avatars", {"alpha": 3}),
        ("avatars", {"device": 3}),
        ("avatars", {"recipe": 3}),
        ("avatars", {"quiet": "no"}),
        ("avatars", {"trust_code": "no"}),
        ("avatars", {"dry_run": 1}),
        ("avatars", {"value_range": (0, 1)}),
        ("avatars", {"frames": 3}),
        ("avatars", {"splits": None}),
        ("avatars", {"modality": 3}),
        ("avatars", {"condition": 3}),
        ("avatars", {"max_megapixels": "x"}),
    ],
)
def test_train_names_an_argument_of_a_wrong_type(source: Any, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        ganzfeld.train(source, **options)
    assert "object at 0x" not in str(caught.value) and len(str(caught.value)) < 500


def test_numbers_of_numpy_are_numbers() -> None:
    assert border.whole(np.int64(7), "n", 1, 9) == border.whole(7.0, "n", 1, 9) == 7
    assert border.real(np.float32(0.5), "x", 0, 1) == 0.5
    with pytest.raises(UsageError, match=r"x is a number above 0, up to 5,256,000, not 0$"):
        border.real(0.0, "x", 0, 5_256_000, above=True)


# The trainer's parts


def parts() -> tuple[MLPGenerator, MLPDiscriminator]:
    return (
        MLPGenerator((2,), latent=2, widths=(8,), norm="none", output="linear"),
        MLPDiscriminator((2,), widths=(8,)),
    )


def adam(game: Adversarial) -> dict[str, torch.optim.Optimizer]:
    return {
        "discriminator": torch.optim.Adam(game.D.parameters()),
        "generator": torch.optim.Adam(game.G.parameters()),
    }


class Empty(Game):
    players = {}  # noqa: RUF012


class Idle(Game):
    players = {"walker": ("place",)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.place = torch.nn.Linear(1, 1)

    def moves(self, step: int) -> tuple[str, ...]:
        return ()

    def walker_loss(self, batch: Batch) -> Losses:
        return {}


X = torch.randn(20, 2)


def wrong_parts() -> dict[str, tuple[Game, dict[str, Any], Any, dict[str, Any]]]:
    game, other = Adversarial(*parts()), Adversarial(*parts())
    right, swapped = adam(game), adam(game)
    swapped["discriminator"], swapped["generator"] = swapped["generator"], swapped["discriminator"]
    some = right | {"generator": torch.optim.Adam([next(game.G.parameters())])}
    wide = Adversarial(MLPGenerator((2,), latent=2, widths=(9,)), MLPDiscriminator((2,)))
    y = torch.zeros(9).long()
    walker = {"walker": torch.optim.Adam(Idle().parameters())}
    idle = Idle()
    return {
        "other networks": (game, adam(other), X, {}),
        "swapped": (game, swapped, X, {}),
        "some of them": (game, some, X, {}),
        "one too many": (game, right | {"critic": right["generator"]}, X, {}),
        "no optimiser": (game, right | {"generator": None}, X, {}),
        "average of another": (game, right, X, {"average": ganzfeld.Average(other, 100)}),
        "average of a wider": (game, right, X, {"average": ganzfeld.Average(wide, 100)}),
        "average of nothing": (game, right, X, {"average": 0.999}),
        "unequal columns": (game, right, {"x": X, "y": y}, {}),
        "no columns": (game, right, {}, {}),
        "an array": (game, right, X.numpy(), {}),
        "no samples": (game, right, X[:0], {}),
        "precision": (game, right, X, {"precision": "int8"}),
        "batch": (game, right, X, {"batch_size": -1}),
        "batch 0": (game, right, X, {"batch_size": 0}),
        "seed": (game, right, X, {"seed": "one"}),
        "total": (game, right, X, {"total": 0}),
        "schedules": (game, right, X, {"schedules": {"critic": lambda images: {}}}),
        "no game": (torch.nn.Linear(1, 1), {}, X, {}),  # type: ignore[dict-item]
        "no players": (Empty(), {}, X, {}),
        "another's walker": (idle, walker, X, {}),
        "no moves": (idle, {"walker": torch.optim.Adam(idle.parameters())}, X, {}),
    }


@pytest.mark.parametrize("case", wrong_parts())
def test_parts_that_do_not_belong_together_are_refused(case: str) -> None:
    game, optimisers, data, options = wrong_parts()[case]
    with pytest.raises(ValueError) as caught:
        Trainer(game, optimisers, data, **{"batch_size": 4, **options})
    assert isinstance(caught.value, UsageError)


def test_frozen_parameters_may_be_left_out_and_stand_still() -> None:
    game = Adversarial(*parts())
    frozen, *others = game.G.parameters()
    frozen.requires_grad_(False)
    before = frozen.clone()
    optimisers = adam(game) | {"generator": torch.optim.Adam(others)}
    trainer = Trainer(game, optimisers, X, batch_size=4)
    for _ in range(3):
        trainer.take_step()
    assert torch.equal(frozen, before) and frozen.grad is None


class Short:
    def __len__(self) -> int:
        return 20

    def rows(self, indices: Any) -> dict[str, torch.Tensor]:
        return {"x": X[: len(indices) - 1]}


def test_rows_of_another_length_are_refused() -> None:
    game = Adversarial(*parts())
    with pytest.raises(ValueError, match=r"gave 3 of 'x' for 4"):
        Trainer(game, adam(game), Short(), batch_size=4).take_step()


# Words


@pytest.mark.parametrize(
    ("command", "given", "spread"),
    [
        ("sample", "--label 1 RUN --out o", "--label 1 RUN --out o"),
        ("sample", "RUN --label 1 2 --out o", "RUN --label 1 --label 2 --out o"),
        ("sample", "--label 1 2 RUN --out o", "--label 1 --label 2 RUN --out o"),
        ("sample", "--show-price --label 1 RUN --out o", "--show-price --label 1 RUN --out o"),
        ("sample", "--from a.png --label 1 2", "--from a.png --label 1 --label 2"),
        ("sample", "RUN --text a b --out o", "RUN --text a --text b --out o"),
        ("train", "--set run.keep=2 avatars:64 --quiet", "--set run.keep=2 avatars:64 --quiet"),
        ("train", "avatars --set a=1 b.c=2", "avatars --set a=1 --set b.c=2"),
        ("compare", "--metrics frechet a b", "--metrics frechet a b"),
        ("compare", "a b --metrics frechet kernel", "a b --metrics frechet --metrics kernel"),
        ("evaluate", "--metrics frechet M D", "--metrics frechet M D"),
    ],
)
def test_a_list_leaves_the_path_behind_it_alone(command: str, given: str, spread: str) -> None:
    assert words.spread_lists(given.split(), main.COMMANDS[command]) == spread.split()


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    main.main(["--version"])
    assert capsys.readouterr().out == f"ganzfeld {ganzfeld.__version__}\n"


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_a_wrong_seed_is_told_in_the_same_words_everywhere(seed: int, tmp_path: Path) -> None:
    wanted = r"is a whole number from 0 to 18,446,744,073,709,551,615, not"
    with pytest.raises(UsageError, match=wanted):
        ganzfeld.train("avatars:64", seed=seed, out=tmp_path / "run")
    with pytest.raises(UsageError, match=wanted):
        ganzfeld.evaluate("avatars:64", "avatars:64", seed=seed)
    with pytest.raises(UsageError, match=wanted):
        latents.draw(latents.PORTABLE, 4, seed, [0])
    config = RECIPES["dcgan"](Facts(count=9, channels=3, height=16, width=16, classes=0))
    config.run.seed, config.run.images = seed, 64
    with pytest.raises(UsageError, match=wanted):
        check(config)
