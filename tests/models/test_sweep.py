"""A sweep along one number: the same samples, each as `Model.sample` gives it for the value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import ganzfeld
from ganzfeld.cli.sample import sweep_sheet
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
    assert values == ["1", "1.5", "2", "2.5", "3"] and len(found) == 35
    for step, value in enumerate(values):
        given = model.given({"slope": float(value)}, 7, seed=3)
        assert torch.equal(found[step::5], model.sample(7, seed=3, numbers=given))
    assert not torch.equal(found[0], found[4])


def test_only_numbers_of_the_model_can_be_swept(model: ganzfeld.Model) -> None:
    with pytest.raises(UsageError, match="it has slope"):
        sweep(model, "energy", 1.0, 2.0)
    with pytest.raises(UsageError, match="a number was expected, not 'x'"):
        sweep(model, "slope", "1", "x")
    with pytest.raises(UsageError, match="no one value"):
        sweep(model, "slope", 1.0, 2.0, given={"slope": 3.0})
    with pytest.raises(UsageError, match="asked for by class alone") as caught:
        sweep(ganzfeld.load("avatars-model"), "label", "a", "b")
    assert "--label NAME" in caught.value.fix
    assert "outside" in notes(model, "slope", -5.0, 2.0)[0]
    for text in ("slope", "slope=1", "slope=1:", "=1:2"):
        with pytest.raises(UsageError, match="NAME=FROM:TO"):
            parse(text)
    ends = "2026-11-29 8:00", "2026-11-30 9:30"
    assert parse(f"when={ends[0]}:{ends[1]}") == ("when", *ends)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Model:
    """Of lines by a number, one of two classes, and any of three."""
    folder = tmp_path_factory.mktemp("lines")
    rows = [
        {
            "text": "ab"[i % 2] * (2 + i % 4),
            "size": i % 4,
            "kind": ["u", "v", "w"][i % 3],
            "sort": "st"[i % 2],
            "tags": ["x", "y"][: i % 3],
        }
        for i in range(60)
    ]
    source = folder / "lines.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    run = ganzfeld.train(
        source,
        recipe="text-mle",
        condition=["size", "kind", "sort", "tags"],
        images=64,
        batch=16,
        settings=["networks.*.hidden=8", "run.evaluate_count=16"],
        out=folder / "run",
        quiet=True,
    )
    assert isinstance(run.model, ganzfeld.Model)
    return run.model


@pytest.mark.parametrize(("name", "ends"), [("kind", ("u", "w")), ("tags", ("x", "x|y"))])
def test_between_classes_lies_what_lies_between_their_numbers(
    lines: ganzfeld.Model, name: str, ends: tuple[str, str]
) -> None:
    found, values = sweep(lines, name, *ends, steps=5, count=3, seed=1)
    assert values == ["0%", "25%", "50%", "75%", "100%"]
    first, last = (lines.given({name: end}, 3, seed=1) for end in ends)
    for step, part in enumerate((0, 0.25, 0.5, 0.75, 1)):
        between = lines.sample(3, seed=1, numbers=(1 - part) * first + part * last)
        assert torch.equal(found[step::5], between)
    assert notes(lines, name, *ends) == []
    with pytest.raises(UsageError, match="not one of"):
        sweep(lines, name, ends[0], "nothing")


def test_a_lone_column_of_classes_is_the_label_and_has_no_steps(tmp_path: Path) -> None:
    rows = [
        {"text": "ab"[i % 2] * (2 + i % 4), "size": i % 4, "kind": "uv"[i % 2]} for i in range(60)
    ]
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    run = ganzfeld.train(
        tmp_path / "lines.jsonl", recipe="text-mle", condition=["size", "kind"], images=64,
        batch=16, settings=["networks.*.hidden=8", "run.evaluate_final=false"],
        out=tmp_path / "run", quiet=True,
    )  # fmt: skip
    model = run.model
    assert isinstance(model, ganzfeld.Model) and list(model.classes) == ["u", "v"]
    with pytest.raises(UsageError, match=r"kind is the class of a sample.* along size") as caught:
        sweep(model, "kind", "u", "v")
    assert caught.value.fix is not None and "--label NAME" in caught.value.fix


def test_several_classes_are_asked_for_with_a_stroke(lines: ganzfeld.Model) -> None:
    with pytest.raises(UsageError, match="not one of x, y") as caught:
        lines.given({"tags": "x,y"}, 1)
    assert caught.value.fix == "--given 'tags=x|y'"


def test_lines_of_a_sweep_are_printed(
    lines: ganzfeld.Model, capsys: pytest.CaptureFixture[str]
) -> None:
    from ganzfeld.cli.sample import sweep_sheet

    sweep_sheet(lines, "size=0:3", (), None, (4, 2), 0, (), 1.0, mark=True)
    found, _ = sweep(lines, "size", 0, 3, steps=4, count=2)
    assert (
        capsys.readouterr().out.splitlines()
        == lines.modality.words(lines.store(found), lines.spec).splitlines()
    )


def test_the_command_writes_a_marked_sheet(model: ganzfeld.Model, tmp_path: Path) -> None:
    from ganzfeld.cli.sample import sweep_sheet

    sweep_sheet(model, "slope=1:3", (), tmp_path / "sweep.png", (4, 2), 0, (), 1.0, mark=True)
    assert marks.read(tmp_path / "sweep.png") is not None
    with pytest.raises(UsageError, match="where should"):
        sweep_sheet(model, "slope=1:3", (), None, (4, 2), 0, (), 1.0, mark=True)


def test_a_file_of_lines_says_how_many_it_has(
    lines: ganzfeld.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["kind=u", "sort=s", "tags=x"]
    sweep_sheet(lines, "size=0:3", given, tmp_path / "a.txt", (4, 2), 1, (), 1.0, mark=True)
    assert "8 lines in" in (said := capsys.readouterr().out) and "2 times with size 0" in said
    assert len((tmp_path / "a.txt").read_text("utf-8").splitlines()) == 8
