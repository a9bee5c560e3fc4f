"""`run.deterministic`: float32, threads that are fixed, and nothing that a probe chooses."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzfeld
from ganzfeld.config import Config, with_settings
from ganzfeld.core import runtime
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training import speed
from ganzfeld.training.build import precision_for, products_for
from ganzfeld.training.plan import check
from ganzfeld.training.resume import adopt

SMALL: dict[str, Any] = {"size": 16, "batch": 32, "images": 64, "quiet": True}
SETTINGS = ["networks.*.width=4", "run.deterministic=true"]


def config_of(*settings: str) -> Config:
    facts = Facts(count=64, channels=3, height=16, width=16, classes=0)
    return with_settings(RECIPES["default"](facts), ["run.images=64", *settings])


def never(*_: object) -> float:
    raise AssertionError("something was probed")


@pytest.mark.long
def test_nothing_is_probed_and_the_folder_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.setattr("ganzfeld.training.build.product_cost", never)
    monkeypatch.setattr(runtime, "bfloat16_cost", never)
    monkeypatch.setattr(speed, "in_turns", never)
    inside: list[bool] = []
    suited = speed.suited_threads
    monkeypatch.setattr(
        "ganzfeld.training.trial.suited_threads",
        lambda *a: inside.append(torch.are_deterministic_algorithms_enabled()) or suited(*a),
    )
    with runtime.threads(2):
        run = ganzfeld.train("avatars:64", out=tmp_path / "run", settings=SETTINGS, **SMALL)
    assert inside == [True] and not torch.are_deterministic_algorithms_enabled()
    stored = json.loads((run.path / "config.json").read_text())["run"]
    assert (stored["precision"], stored["products"], stored["threads"]) == ("float32", False, 1)
    about = json.loads((run.path / "model" / "config.json").read_text())
    own = about["training"]["run"]
    assert own["deterministic"] and own["threads"] == 1 and own["noise"] and about["latents"]
    line = "latents threefry4x32-20/box-muller-1, noise shake128-mt19937-1, 1 thread, deterministic"
    assert line in (run.path / "report.html").read_text()
    from ganzfeld.cli.main import main

    capsys.readouterr()
    main(["report", str(run.path)])
    assert f"to the bit: {line}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.long
def test_two_runs_of_one_command_are_equal(tmp_path: Path) -> None:
    models = [
        ganzfeld.train("avatars:64", out=tmp_path / name, settings=SETTINGS, **SMALL)
        for name in ("a", "b")
    ]
    digests = [json.loads((m.path / "model/config.json").read_text())["weights"] for m in models]
    assert digests[0] == digests[1]


def test_threads_are_as_given_else_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Steps:
        device = torch.device("cpu")

    monkeypatch.setattr(speed, "play", never)
    for settings, threads in (([], 1), (["run.threads=3"], 3)):
        config = config_of("run.deterministic=true", *settings)
        assert speed.suited_threads(Steps(), config) == threads  # type: ignore[arg-type]
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr("ganzfeld.core.distributed.world", lambda: 2)
    with runtime.threads():
        runtime.use_threads(3, exactly=True)
        assert torch.get_num_threads() == 3
        runtime.use_threads(2)
        assert torch.get_num_threads() == 3


def test_precision_and_products_are_not_left_to_a_probe() -> None:
    device = torch.device("cpu")
    config = config_of("run.deterministic=true", "run.precision=auto")
    assert precision_for(config, device) == "float32"
    assert products_for(config, None, device) is False  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"run\.deterministic computes in float32"):
        check(config_of("run.deterministic=true", "run.precision=bfloat16"))


def test_a_deterministic_run_keeps_threads_and_device(tmp_path: Path) -> None:
    stored = config_of("run.deterministic=true", "run.threads=1")
    assert adopt(config_of("run.deterministic=true"), stored, tmp_path).run.threads == 1
    with pytest.raises(CheckpointError, match=r"run\.threads"):
        adopt(config_of("run.deterministic=true", "run.threads=2"), stored, tmp_path)
    with pytest.raises(CheckpointError, match=r"run\.deterministic"):
        adopt(config_of(), stored, tmp_path)


def test_what_has_no_deterministic_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with (
        pytest.raises(UsageError, match="does not have a deterministic"),
        runtime.deterministic(True),
    ):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        assert not torch.backends.cudnn.allow_tf32
        raise RuntimeError("grid_sampler_2d_backward does not have a deterministic implementation")
    assert not torch.are_deterministic_algorithms_enabled()
    with pytest.raises(RuntimeError, match="something else"), runtime.deterministic(True):
        raise RuntimeError("something else")
    with runtime.deterministic(False):
        assert not torch.are_deterministic_algorithms_enabled()
