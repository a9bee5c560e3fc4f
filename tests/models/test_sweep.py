"""A sweep along one number: the same samples, each as `Model.sample` gives it for the value."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ganzfeld
from ganzfeld.core import marks
from ganzfeld.errors import UsageError
from ganzfeld.models.sweep import notes, parse, sweep


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Model:
    run = ganzfeld.train(
        "fields:64",
        images=64,
        settings=["networks.*.width=4", "run.evaluate_count=16"],
        out=tmp_path_factory.mktemp("sweep") / "run",
        quiet=True,
    )
    loaded = run.model
    assert isinstance(loaded, ganzfeld.Model)
    return loaded


def test_each_step_is_the_sample_that_the_value_gives(model: ganzfeld.Model) -> None:
    found, values = sweep(model, "slope", 1.0, 3.0, steps=5, count=7, seed=3)
    assert values == [1.0, 1.5, 2.0, 2.5, 3.0] and len(found) == 35
    for step, value in enumerate(values):
        given = model.given({"slope": value}, 7, seed=3)
        assert torch.equal(found[step::5], model.sample(7, seed=3, numbers=given))
    assert not torch.equal(found[0], found[4])


def test_only_numbers_of_the_model_can_be_swept(model: ganzfeld.Model) -> None:
    with pytest.raises(UsageError, match="it has slope"):
        sweep(model, "energy", 1.0, 2.0)
    assert "outside" in notes(model, "slope", -5.0, 2.0)[0]
    for text in ("slope", "slope=1", "slope=1:x", "=1:2"):
        with pytest.raises(UsageError, match="NAME=FROM:TO"):
            parse(text)


def test_the_command_writes_a_marked_sheet(model: ganzfeld.Model, tmp_path: Path) -> None:
    from ganzfeld.cli.sample import sweep_sheet

    sweep_sheet(model, "slope=1:3", tmp_path / "sweep.png", 4, 2, 0, (), 1.0, mark=True)
    assert marks.read(tmp_path / "sweep.png") is not None
    with pytest.raises(UsageError, match="where should"):
        sweep_sheet(model, "slope=1:3", None, 4, 2, 0, (), 1.0, mark=True)
