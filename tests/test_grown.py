"""A run whose data have grown goes on where it is asked to; else it says how its weights do."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.errors import CheckpointError, UsageError


@pytest.mark.long
def test_data_that_have_grown_are_met_with_a_command_that_begins_from_the_weights(
    tmp_path: Path,
) -> None:
    """The command printed by `resume`, and by `train` given again, is taken as it stands."""
    data, out = tmp_path / "grown.npy", tmp_path / "run"
    noise = np.random.default_rng(0).integers(0, 256, (90, 16, 16, 3), dtype=np.uint8)
    np.save(data, noise[:60])
    options: dict[str, Any] = {"recipe": "dcgan", "batch": 16, "size": 8, "quiet": True}
    options["settings"] = ["networks.*.width=4", "run.threads=1"]
    ganzfeld.train(data, images=64, out=out, **options)
    np.save(data, noise)
    calls = [lambda: ganzfeld.resume(out, images=96, quiet=True)]
    calls += [lambda: ganzfeld.train(data, images=96, out=out, **options)]
    fixes = set()
    for call in calls:
        with pytest.raises(CheckpointError) as caught:
            call()
        fixes.add(caught.value.fix.splitlines()[-1].strip())
    (fix,) = fixes
    words = shlex.split(fix.replace("NEW", str(tmp_path / "new")))
    assert words[:2] == ["ganzfeld", "train"] and words[words.index("--init") + 1] == str(out)
    more = ["--images", "16", "--batch", "16", "--quiet", "--set", *options["settings"]]
    main.main([*words[1:], *more])
    assert (tmp_path / "new" / "model" / "model.safetensors").exists()


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run of `trained`, with its data beside it, which is where it finds them."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "run" / "config.json"
    file.write_text(file.read_text().replace(str(trained), str(tmp_path)))
    return tmp_path / "run"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 64 images on 60 samples, with two thirds of its data in its file by now."""
    tmp_path = tmp_path_factory.mktemp("grown")
    noise = np.random.default_rng(0).integers(0, 256, (180, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "data.npy", noise[:120])
    settings = ["networks.*.width=4", "run.threads=1"]
    options: dict[str, Any] = {"recipe": "dcgan", "batch": 16, "size": 8, "quiet": True}
    ganzfeld.train(
        tmp_path / "data.npy", images=64, out=tmp_path / "run", settings=settings, **options
    )
    np.save(tmp_path / "data.npy", noise)
    return tmp_path


@pytest.mark.long
def test_a_run_goes_on_with_more_data_and_says_so(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CheckpointError) as caught:
        ganzfeld.resume(run, images=96, quiet=True)
    assert f"ganzfeld resume {run} --data-grown" in caught.value.fix
    with pytest.raises(UsageError, match="needs a new total"):
        ganzfeld.resume(run, data_grown=True, quiet=True)
    capsys.readouterr()
    main.main(["resume", str(run), "--images", "128", "--data-grown"])
    told = " ".join(capsys.readouterr().out.split())
    assert "grown from 120 to 180 images: from image 64 on" in told and "bit for bit" in told
    data = json.loads((run / "config.json").read_text())["data"]
    assert data["samples"] == 180 and data["held_out"] == 9
    (before,) = data["grown"]
    assert (before["images"], before["samples"]) == (64, 120)
    assert json.loads((run / "evaluation.json").read_text())["run"]["run_images"] == 128
    ganzfeld.resume(run, images=160, quiet=True)  # as any other run from now on
    assert ganzfeld.load(run).about["run_images"] == 160


@pytest.mark.long
def test_a_killed_run_on_grown_data_goes_on_bit_for_bit(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "other")
    whole = ganzfeld.resume(run, images=128, data_grown=True, quiet=True)
    part = ganzfeld.resume(tmp_path / "other", images=128, data_grown=True, quiet=True)
    for later in part.path.glob("checkpoints/images-*"):
        if int(later.name.removeprefix("images-")) > 100:
            shutil.rmtree(later)
    shutil.rmtree(part.path / "model")
    ganzfeld.resume(part.path, quiet=True)
    name = "model/model.safetensors"
    assert (whole.path / name).read_bytes() == (part.path / name).read_bytes()


@pytest.mark.long
def test_data_that_shrank_or_have_other_classes_are_no_growth(run: Path, tmp_path: Path) -> None:
    before = (run / "config.json").read_bytes()
    np.save(tmp_path / "data.npy", np.load(tmp_path / "data.npy")[:100])
    with pytest.raises(CheckpointError, match="120 images then, 100 now"):
        ganzfeld.resume(run, images=128, data_grown=True, quiet=True)
    assert (run / "config.json").read_bytes() == before
