"""Runs that are treated while they train: what is done is said, recorded and repeated exactly."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ganzfeld
from forks import Fork
from ganzfeld.config import Config, from_dict
from ganzfeld.core import checkpoint
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.training.build import build_trainer
from ganzfeld.training.treating import begin_again

SOURCE = "avatars:300"
SETTINGS = [
    "networks.*.width=4",
    "run.deterministic=true",
    "optimisers.discriminator.lr=0.04",
    "optimisers.generator.lr=0.3",
    "game.r1=0",
    "game.r2=0",
    "run.evaluate_every=800",
    "run.evaluate_count=64",
    "run.save_every=1600",
    "run.inception_count=0",
]
SHARED: dict[str, Any] = {"images": 2_400, "batch": 16, "labels": "none", "size": 8, "held_out": 64}


def wild(out: Path, how: str = "treat", **more: Any) -> Path:
    settings = [*SETTINGS, f"run.doctor={how}"]
    ganzfeld.train(SOURCE, out=out, settings=settings, **{**SHARED, "quiet": True, **more})
    return out


def rows_of(run: Path, kind: str) -> list[dict[str, Any]]:
    rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [row for row in rows if row["kind"] == kind]


def state_of(run: Path) -> dict[str, Any]:
    found, _ = checkpoint.newest(run / "checkpoints")
    assert found is not None
    return found.state


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return np.array_equal(a, b) if hasattr(a, "shape") else bool(a == b)


@pytest.fixture(scope="module")
def treated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wild(tmp_path_factory.mktemp("treated") / "run")


@pytest.mark.long
def test_what_was_done_is_recorded_and_acts(treated: Path) -> None:
    rows = rows_of(treated, "treatment")
    assert rows and rows[0]["name"] in ("divergence", "vanishing-gradient", "oscillation")
    factor = rows[0]["dose"]["rates"]["generator"]
    assert factor < 0.2 and rows[0]["why"] and rows[0]["fresh"] is True
    looks = {row["images"]: row["signals"] for row in rows_of(treated, "health")}
    before = max(n for n in looks if n <= rows[0]["images"])
    after = min(n for n in looks if n > rows[0]["images"])
    worst = max(looks[n]["update/generator"] for n in looks if n <= before)
    assert looks[after]["update/generator"] < min(worst / 2, 0.04)
    assert state_of(treated)["treatment"]["given"][0]["name"] == rows[0]["name"]


@pytest.mark.long
def test_what_was_spoiled_from_the_start_begins_again_as_a_new_run_would(treated: Path) -> None:
    assert rows_of(treated, "treatment")[0]["fresh"] is True
    config = from_dict(Config, json.loads((treated / "config.json").read_text()))
    pack = open_pack(SOURCE, PackOptions(size=(8, 8)), progress=lambda *_: None)
    new = build_trainer(config, pack, torch.device("cpu"))
    assert new.average is not None
    start = {name: value.clone() for name, value in new.game.state_dict().items()}
    average = {name: value.clone() for name, value in new.average.state_dict().items()}
    with torch.no_grad():
        for p in [*new.game.parameters(), *new.average.parameters()]:
            p.mul_(7).add_(1)
    new.images = 640
    drawn = torch.random.get_rng_state()
    begin_again(new, config)
    assert new.images == 640 and torch.equal(drawn, torch.random.get_rng_state())
    assert same(new.game.state_dict(), start) and same(new.average.state_dict(), average)
    assert not any(optimiser.state for optimiser in new.optimisers.values())


@pytest.mark.long
def test_it_is_said_on_the_screen_by_the_doctor_and_in_the_report(
    treated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ganzfeld.cli import main

    with pytest.raises(SystemExit):
        main.main(["doctor", str(treated)])
        raise SystemExit(0)
    said = capsys.readouterr().out
    image = rows_of(treated, "treatment")[0]["images"]
    assert f"Treated at image {image:,} against " in said
    assert f"Treated at image {image:,} against " in (treated / "report.html").read_text()


@pytest.mark.long
def test_without_treatment_nothing_is_changed(tmp_path: Path, treated: Path) -> None:
    watched = wild(tmp_path / "watched", "watch")
    event = rows_of(treated, "treatment")[0]["images"]
    assert rows_of(watched, "treatment") == [] and "treatment" not in state_of(watched)
    until = [
        [(r["images"], r["losses"]) for r in rows_of(run, "train") if r["images"] <= event]
        for run in (watched, treated)
    ]
    assert until[0] and until[0] == until[1]
    assert not same(state_of(watched)["game"], state_of(treated)["game"])


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from test_treated_runs import wild
from pathlib import Path
wild(Path(sys.argv[2]))
"""


@pytest.mark.long
@pytest.mark.parametrize("later", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_after_a_treatment_it_is_repeated_bit_for_bit(
    later: int, treated: Path, tmp_path: Path
) -> None:
    """later: 0, at once, before any checkpoint has it; 1, after the next checkpoint."""
    event, out = rows_of(treated, "treatment")[0]["images"], tmp_path / "run"
    child = Fork(Path(__file__).parent, out, code=PROGRAM)
    log, deadline = out / "metrics.jsonl", time.monotonic() + 240
    while child.poll() is None and time.monotonic() < deadline:
        if log.exists() and '"treatment"' in log.read_text():
            saved = [checkpoint.images_of(path) for path in checkpoint.listing(out / "checkpoints")]
            if not later or max(saved, default=0) > event:
                break
        time.sleep(0.005)
    assert child.poll() is None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    ganzfeld.resume(out, quiet=True)
    assert rows_of(out, "treatment") == rows_of(treated, "treatment")
    assert rows_of(out, "health") == rows_of(treated, "health")
    assert same(state_of(out), state_of(treated))


def test_a_checkpoint_whose_treatments_are_damaged_is_named() -> None:
    from ganzfeld.core.reader import Unreadable
    from ganzfeld.training.treating import Treating

    for given in (
        [{"images": -1, "name": "a"}],
        [{"images": 1, "name": "a", "dose": {"rates": 3}}],
    ):
        with pytest.raises(Unreadable):
            Treating(None).load({"given": given})  # type: ignore[arg-type]
    with checkpoint_error():
        raise Unreadable("treatment.given is damaged")


def checkpoint_error() -> Any:
    from contextlib import ExitStack

    stack = ExitStack()
    stack.enter_context(pytest.raises(CheckpointError))
    stack.enter_context(checkpoint.told_as_damage(Path("run")))
    return stack


def test_a_wrong_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="watch, treat, off"):
        wild(tmp_path / "run", '"cure"', dry_run=True)


@pytest.mark.long
def test_the_setting_is_kept(treated: Path) -> None:
    with pytest.raises(CheckpointError, match=r"run\.doctor"):  # it would change the run's numbers
        wild(treated, "watch")
