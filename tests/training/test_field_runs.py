"""Fields go all the way: from numbers through training to samples in the unit of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.pack import open_pack
from ganzfeld.errors import UsageError

pytestmark = pytest.mark.long

SMALL = [
    *("networks.*.width=4", "networks.G.latent=8"),
    *("run.evaluate_count=64", "run.evaluate_every=160", "run.sample_every=160"),
]


def spec_of(run: ganzfeld.Run) -> Any:
    return read_config(run.path).data.spec


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    folder = tmp_path_factory.mktemp("waves")
    return ganzfeld.train(
        "fields:400", images=160, batch=16, out=folder / "run", quiet=True, settings=SMALL
    )


@pytest.fixture(scope="module")
def rain(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    """Deposits of anybody, in an .npz: energies in an array beside them."""
    folder = tmp_path_factory.mktemp("rain")
    rng = np.random.default_rng(0)
    energy = 10 ** rng.uniform(0, 2, 400)
    x = 0.25 * rng.poisson(energy[:, None, None, None] / 20, (400, 2, 8, 12))
    np.savez(folder / "rain.npz", x=x.astype(np.float32), energy=energy)
    return ganzfeld.train(
        folder / "rain.npz",
        condition="energy",
        images=160,
        batch=16,
        out=folder / "run",
        quiet=True,
        settings=[*SMALL, "run.evaluate_final=false"],
    )


def test_embedded_fields_find_recipe_condition_and_scale(waves: ganzfeld.Run) -> None:
    config = read_config(waves.path)
    assert config.recipe == "fields" and config.data.conditions is not None
    assert config.data.conditions["names"] == ["slope"]
    spec = spec_of(waves)
    assert spec["extra"]["periodic"] and spec["extra"]["scaling"] == "standard"
    assert spec["extra"]["scale"] == pytest.approx([2.0], rel=0.05)
    assert config.networks["G"].options["padding"] == "circular"
    assert config.networks["G"].options["gains"] is True
    assert config.networks["D"].options["side"] == "power"


def test_an_array_of_deposits_goes_by_logarithms(rain: ganzfeld.Run) -> None:
    config, extra = read_config(rain.path), spec_of(rain)["extra"]
    assert extra["scaling"] == "log" and extra["whole"] and extra["unit"] == [0.25, 0.25]
    assert config.networks["G"].name == "deposit-generator"
    conditions = config.data.conditions
    assert conditions is not None and conditions["columns"][0]["log"], "energies span decades"
    assert config.data.held_out and config.data.held_out < 400


def test_samples_are_numbers_in_the_unit_of_the_data(rain: ganzfeld.Run, tmp_path: Path) -> None:
    words = ["sample", str(rain.path), "--given", "energy=50", "--count", "6"]
    assert not main([*words, "--out", str(tmp_path / "few"), "--grid", str(tmp_path / "x.png")])
    files = sorted((tmp_path / "few").glob("*.npy"))
    x = np.stack([np.load(file, allow_pickle=False) for file in files])
    assert x.shape == (6, 2, 8, 12) and x.dtype == np.float32 and x.min() >= 0
    assert np.allclose(x / 0.25, np.round(x / 0.25), atol=1e-3)
    with Image.open(tmp_path / "x.png") as sheet:
        assert sheet.mode == "RGB"
    assert not main([*words[:-1], "3", "--out", str(tmp_path / "all.npy")])
    assert np.array_equal(np.load(tmp_path / "all.npy"), x[:3]), "whatever the count"


def test_what_is_asked_for_reaches_the_samples(rain: ganzfeld.Run) -> None:
    model = ganzfeld.load(rain.path)
    sums = [
        float(model.store(model.sample(64, numbers=model.given({"energy": e}, 64))).mean())
        for e in (2, 60)
    ]
    assert sums[1] > 5 * sums[0], "the sums begin where the training part's lie"


def test_an_energy_that_has_no_logarithm_is_refused(rain: ganzfeld.Run) -> None:
    with pytest.raises(UsageError, match="above zero"):
        ganzfeld.load(rain.path).given({"energy": -3}, 2)


def test_sheets_and_report_show_colour_maps_spectra_and_observables(waves: ganzfeld.Run) -> None:
    sheets = sorted((waves.path / "samples").iterdir())
    assert sheets and all(path.suffix == ".png" for path in sheets)
    page = (waves.path / "report.html").read_text("utf-8")
    assert "Power spectrum" in page and "Observables" in page and "32 x 32 cells" in page
    assert "data:image/" in page


def test_an_evaluation_has_the_metrics_of_fields(waves: ganzfeld.Run, rain: ganzfeld.Run) -> None:
    found = ganzfeld.evaluate(waves.path, "fields:400", count=120)
    assert 0 <= found["field_ks"] <= 1 and found["field_ks_floor"] < 0.5
    assert found["field_power"] > 0 and len(found["field_spectrum"][0]) == 16
    assert 0 <= found["field_auc"] <= 1 and found["field_asked"] > 0
    source = read_config(rain.path).data.source
    deposits = ganzfeld.evaluate(rain.path, source, count=120)
    assert "sum" in deposits["field_observables"] and deposits["field_response"] >= 0


def test_real_fields_beside_themselves_are_near(waves: ganzfeld.Run, tmp_path: Path) -> None:
    """Anybody's samples: other fields of the same law, as one .npy."""
    pack = open_pack("fields:800")
    np.save(tmp_path / "theirs.npy", pack.rows(np.arange(400, 800))["x"])
    found = ganzfeld.evaluate(tmp_path / "theirs.npy", "fields:400", metrics=["field_ks"])
    assert found["field_ks"] < 0.2
    noise = np.random.default_rng(0).normal(size=(400, 1, 32, 32)).astype(np.float32)
    np.save(tmp_path / "noise.npy", noise)
    far = ganzfeld.evaluate(tmp_path / "noise.npy", "fields:400", metrics=["field_ks"])
    assert far["field_ks"] > 0.7


@pytest.mark.long
def test_lines_and_fields_without_conditions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = rng.normal(size=(200, 3, 64)).astype(np.float32)
    np.save(tmp_path / "lines.npy", lines)
    run = ganzfeld.train(
        tmp_path / "lines.npy", images=64, batch=16, out=tmp_path / "a", quiet=True, settings=SMALL
    )
    assert ganzfeld.load(run.path).sample(2).shape == (2, 3, 64)
    run = ganzfeld.train(
        "fields:200", condition="none", images=64, batch=16, out=tmp_path / "c", quiet=True,
        settings=SMALL,
    )  # fmt: skip
    assert read_config(run.path).data.conditions is None


@pytest.mark.slow
def test_volumes(tmp_path: Path) -> None:
    volumes = np.random.default_rng(0).normal(size=(120, 1, 8, 8, 8)).astype(np.float32)
    np.save(tmp_path / "volumes.npy", volumes)
    run = ganzfeld.train(
        tmp_path / "volumes.npy", images=64, batch=16, out=tmp_path / "b", quiet=True,
        settings=SMALL,
    )  # fmt: skip
    assert ganzfeld.load(run.path).sample(2).shape == (2, 1, 8, 8, 8)


def test_data_check_and_sheet_know_fields(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not main(["data", "check", "showers:300"])
    said = capsys.readouterr().out
    assert "fields" in said and "energy" in said
    assert not main(["data", "sheet", "showers:300", "--out", str(tmp_path / "s.png")])
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.mode == "RGB"


def test_recipes_of_fields_are_shown_and_refuse_other_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("fields", "showers"):
        assert not main(["recipes", "--show", name])
        assert "noise" in capsys.readouterr().out
    with pytest.raises(UsageError, match="deposits"):
        ganzfeld.train("fields:120", recipe="showers", images=16, out=tmp_path, quiet=True)
    with pytest.raises(UsageError, match="fields"):
        ganzfeld.train("avatars:120", recipe="fields", images=16, out=tmp_path, quiet=True)
