"""What a plan says of a run's time beside its steps: as many chores as the run will do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ganzfeld
from ganzfeld.core import checkpoint
from ganzfeld.training import speed
from ganzfeld.training.session import Session
from ganzfeld.training.tasks import WORK


def counted(
    monkeypatch: pytest.MonkeyPatch, out: Path, data: str, recipe: str, width: str
) -> tuple[dict[str, float], dict[str, int]]:
    """Chores of one run as its plan counts them, and as they were."""
    planned: dict[str, float] = {}
    done = {"saves": 0, "draws": 0, "evaluations": 0}
    real, seconds = speed.time_chores, {"draw": 0.0, "save": 0.0, "evaluate": 0.0}

    def timed(chore: Callable[[], Any]) -> float:
        found = chore()
        return seconds[found] if isinstance(found, str) else 0.0

    def chores(*given: Any) -> tuple[float, float, float, float]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(speed, "cold", timed)
            patch.setattr(speed, "preview", lambda *_: "draw")
            patch.setattr(speed, "hashed", lambda *_: "save")
            patch.setattr(speed, "SAVED", 1.0)
            patch.setattr(speed, "FLUSHED", 0.0)
            patch.setattr(speed.Examiner, "measure", lambda *_: "evaluate")
            for name in seconds:
                seconds.update(dict.fromkeys(seconds, 0.0), **{name: 1.0})
                planned[name] = real(*given)[0]
        return 0.2, 0.5, 0.0, 0.0

    monkeypatch.setattr(speed, "time_chores", chores)
    save, draw, measure = checkpoint.save, Session.draw, Session.measure
    monkeypatch.setattr(checkpoint, "save", lambda *a: counting("saves", save, *a))
    monkeypatch.setattr(Session, "draw", lambda *a: counting("draws", draw, *a))
    monkeypatch.setattr(Session, "measure", lambda *a: counting("evaluations", measure, *a))

    def counting(name: str, real: Callable[..., Any], *given: Any) -> Any:
        done[name] += 1
        return real(*given)

    ganzfeld.train(
        data,
        recipe=recipe,
        out=out,
        size=16,
        images=480,
        batch=8,
        quiet=True,
        settings=[f"networks.*.width={width}", "run.evaluate_final=false"],
    )
    return planned, done


@pytest.mark.parametrize(
    ("data", "recipe"), [("avatars-lines:64", "pix2pix"), ("avatars:64", "default")]
)
def test_as_many_checkpoints_are_counted_as_are_written(
    data: str, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned, done = counted(monkeypatch, tmp_path / "run", data, recipe, "4")
    assert done["saves"] >= 3 and done["evaluations"] >= 2
    assert planned["save"] == pytest.approx(done["saves"], abs=1.6)
    if recipe == "pix2pix":  # what is looked at instead takes as long as some previews
        assert planned["evaluate"] == 0
        looks = WORK["translation"].previews * (done["evaluations"] + 1)
        assert planned["draw"] > looks
    else:
        assert planned["evaluate"] == pytest.approx(done["evaluations"], abs=1.1)
