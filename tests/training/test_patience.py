"""A run ends when its quality has not moved for so long, says so, and is then complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganzfeld.core.runfolder import read_config
from ganzfeld.training import run
from ganzfeld.training.patience import still_for
from ganzfeld.training.validation import Examiner

SMALL = ["networks.*.width=4", "run.deterministic=true", "run.doctor=off"]


def test_stillness_counts_from_the_first_score_as_good_as_the_best() -> None:
    assert still_for({}) == 0
    assert still_for({100: 5.0, 200: 4.0, 300: 3.0}) == 0
    assert still_for({100: 5.0, 200: 3.0, 300: 2.9, 400: 3.1}) == 200  # 3.0 is within a twentieth


@pytest.mark.long
def test_a_run_that_stands_still_ends_early_ships_and_stays_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Examiner.measure

    def still(self: Examiner, game: object, average: object) -> dict[str, object]:
        return whole(self, game, average) | {"frechet": 7.0}  # type: ignore[arg-type]

    monkeypatch.setattr(Examiner, "measure", still)
    out = tmp_path / "run"
    settings = [*SMALL, "run.patience=256", "run.evaluate_every=128"]
    wanted = {"size": (8, 8), "images": 1_024, "batch": 32, "settings": settings}
    run.train("avatars:120", out=out, **wanted)  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert "ended at image 384 of 1,024" in said and f"ganzfeld resume {out} --images 1024" in said
    config = read_config(out)
    assert (config.run.images, config.run.planned) == (384, 1_024)
    assert (out / "model" / "model.safetensors").exists()
    assert "Ended by --patience at image 384 of 1,024" in (out / "report.html").read_text("utf-8")

    run.train("avatars:120", out=out, **wanted)  # type: ignore[arg-type]
    assert "is complete at 384 images" in capsys.readouterr().out
    run.resume(out, images=448, quiet=True)  # asked for more, it goes on
    assert json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["images"] > 384


@pytest.mark.long
def test_a_run_that_gets_better_is_left_alone(tmp_path: Path) -> None:
    settings = [*SMALL, "run.patience=100000"]
    out = tmp_path / "run"
    run.train("avatars:120", out=out, size=(8, 8), images=256, batch=32, settings=settings,
              quiet=True)  # fmt: skip
    assert read_config(out).run.planned is None
