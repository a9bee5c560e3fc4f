"""Series go all the way: from a table or a law through training to samples in their units."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.series_sets import ar, var
from ganzfeld.errors import UsageError

pytestmark = pytest.mark.long

SMALL = [
    *("networks.G.hidden=8", "networks.D.hidden=8", "networks.D.width=8"),
    *("run.evaluate_count=64", "run.evaluate_every=320", "run.sample_every=320"),
]
FEW: dict[str, Any] = {
    "images": 320, "batch": 16, "quiet": True, "settings": SMALL,
}  # fmt: skip


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    return ganzfeld.train("var:300", out=tmp_path_factory.mktemp("waves") / "run", **FEW)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    """A table of anybody: one long series, with a class that changes in it."""
    folder = tmp_path_factory.mktemp("days")
    x = 20 + 5 * var([0], length=700)[0].T
    with open(folder / "days.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["hour", "load", "heat", "season"])
        for t, (a, b) in enumerate(x):
            writer.writerow([t, a, b, "cold" if t % 200 < 100 else "warm"])
    options = FEW | {"settings": [*SMALL, "run.evaluate_final=false"]}
    return ganzfeld.train(
        folder / "days.csv", window=12, condition="season", out=folder / "run", **options
    )


def test_the_recipe_is_found_and_the_scale_is_that_of_the_training_part(
    waves: ganzfeld.Run, days: ganzfeld.Run
) -> None:
    config = read_config(waves.path)
    assert config.recipe == "series-gan" and config.networks["G"].name == "series-generator"
    config = read_config(days.path)
    assert config.data.window == 12 and config.data.classes == ["cold", "warm"]
    extra = (config.data.spec or {})["extra"]
    assert extra["names"] == ["load", "heat"] and 15 < extra["mean"][0] < 25
    assert extra["at"] == "step"


def test_samples_are_series_in_the_units_of_the_data(days: ganzfeld.Run, tmp_path: Path) -> None:
    words = ["sample", str(days.path), "--label", "warm", "--count", "6"]
    assert not main([*words, "--out", str(tmp_path / "few"), "--grid", str(tmp_path / "x.png")])
    files = sorted((tmp_path / "few").glob("*.csv"))
    assert len(files) == 6 and files[0].read_text().startswith("step,load,heat\n")
    few = np.stack([np.loadtxt(f, delimiter=",", skiprows=1, dtype=np.float32) for f in files])
    assert 5 < few[:, :, 1:].mean() < 35
    assert not main([*words[:-1], "3", "--out", str(tmp_path / "all.npy")])
    x = np.load(tmp_path / "all.npy")
    assert np.array_equal(x.transpose(0, 2, 1), few[:3, :, 1:]), "whatever the count"
    assert not main([*words[:-1], "3", "--out", str(tmp_path / "all.csv")])
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert lines[0] == "series,step,load,heat" and len(lines) == 1 + 3 * 12
    model = ganzfeld.load(days.path)
    assert [p.suffix for p in model.save(2, tmp_path / "python")] == [".csv", ".csv"]


def test_what_was_written_is_read_and_measured_again(waves: ganzfeld.Run, tmp_path: Path) -> None:
    """Anybody's samples: the long CSV of ours, an array of a law."""
    out = tmp_path / "made.csv"
    assert not main(["sample", str(waves.path), "--count", "60", "--out", str(out)])
    found = ganzfeld.evaluate(out, "var:300", metrics=["series_distributions"])
    assert found["series_marginal"] > 0
    np.save(tmp_path / "theirs.npy", var(range(400, 700)))
    near = ganzfeld.evaluate(tmp_path / "theirs.npy", "var:300", metrics=["series_distributions"])
    assert near["series_autocorrelation"] < 0.05
    np.save(tmp_path / "noise.npy", np.random.default_rng(0).normal(size=(300, 2, 48)))
    far = ganzfeld.evaluate(tmp_path / "noise.npy", "var:300", metrics=["series_distributions"])
    assert far["series_autocorrelation"] > 0.06 and far["series_spectrum"] > 0.2


def test_an_evaluation_knows_the_best_forecast_of_a_law(tmp_path: Path) -> None:
    np.save(tmp_path / "theirs.npy", ar(range(2_000, 2_600)))
    found = ganzfeld.evaluate(tmp_path / "theirs.npy", "ar:600")
    assert found["series_best"] == pytest.approx(0.348, abs=1e-3)
    assert found["series_trtr"] == pytest.approx(0.348, rel=0.05)
    assert found["series_tstr"] == pytest.approx(0.348, rel=0.05)
    assert found["series_told_apart"] < 0.2 and found["series_told_apart_floor"] < 0.2


def test_windows_that_share_steps_have_a_floor_of_halves_in_time(days: ganzfeld.Run) -> None:
    source = read_config(days.path).data.source
    found = ganzfeld.evaluate(days.path, source, count=120, metrics=["series_distributions"])
    assert found["series_marginal_floor"] > 0.02, "halves by chance would share most of their steps"


def test_the_report_shows_charts_and_memory(waves: ganzfeld.Run) -> None:
    sheets = sorted((waves.path / "samples").iterdir())
    assert sheets and all(path.suffix == ".png" for path in sheets)
    page = (waves.path / "report.html").read_text("utf-8")
    assert "Autocorrelation" in page and "48 steps" in page and "data:image/" in page


@pytest.mark.long
def test_numbers_are_conditions_and_long_series_go_by_convolutions(tmp_path: Path) -> None:
    x, level = var(range(120), length=160), np.linspace(-2, 2, 120)
    np.savez(tmp_path / "a.npz", x=x + level[:, None, None], level=level, modality="series")
    settings = ["networks.G.width=4", *SMALL[1:], "run.evaluate_count=16"]
    settings += ["run.evaluate_final=false", "run.doctor=off"]
    run = ganzfeld.train(
        tmp_path / "a.npz", condition="level", images=64, batch=16, out=tmp_path / "run",
        quiet=True, settings=settings,
    )  # fmt: skip
    assert read_config(run.path).networks["G"].name == "dcgan-generator"
    model = ganzfeld.load(run.path)
    assert model.sample(4, numbers=model.given({"level": 1.0}, 4)).shape == (4, 2, 160)


def test_data_check_and_sheet_know_series(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not main(["data", "check", "sines:300"])
    assert "300 series, 48 steps, 2 channels" in capsys.readouterr().out
    assert not main(["data", "sheet", "sines:300", "--out", str(tmp_path / "s.png")])
    assert (tmp_path / "s.png").stat().st_size > 5_000


def test_the_plan_says_what_was_found_and_what_it_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "garch:300", "--minutes", "0.5", "--dry-run", "--out", str(tmp_path / "run")]
    assert not main(words)
    said = capsys.readouterr().out
    for part in ("series-gan", "48 steps", "memory", "series to see", "time"):
        assert part in said


def test_other_data_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="series"):
        ganzfeld.train("avatars:120", recipe="series-gan", images=16, out=tmp_path, quiet=True)
    assert not main(["recipes", "--show", "series-gan"])
    assert "difference" in capsys.readouterr().out
