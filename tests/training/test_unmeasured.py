"""`run.evaluate_final=false`: a run that somebody else measures."""

from __future__ import annotations

from pathlib import Path

import pytest

import ganzfeld

TINY = ["networks.*.width=4", "run.threads=1"]


def test_a_run_without_its_last_evaluation_is_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ganzfeld.train(
        "avatars:64", recipe="dcgan", size=16, images=64, batch=16, quiet=True,
        settings=[*TINY, "run.evaluate_final=false"], out=tmp_path / "run",
    ).path  # fmt: skip
    assert (run / "report.html").is_file() and (run / "model").is_dir()
    assert not (run / "evaluation.json").exists()
    capsys.readouterr()
    ganzfeld.resume(run)
    assert "finishing it" not in capsys.readouterr().out
    assert not (run / "evaluation.json").exists()
