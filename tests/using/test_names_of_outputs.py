"""A place to write to is a folder or a file, and its name says no other than what it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

import ganzfeld
from ganzfeld.cli.drawing import ALONE, PARTS
from ganzfeld.cli.main import main
from ganzfeld.cli.sample import place_of, sample
from ganzfeld.cli.values import options
from ganzfeld.errors import UsageError
from ganzfeld.modalities import MODALITIES


@pytest.mark.parametrize(
    ("kind", "name"),
    [("image", "face.png"), ("audio", "word.wav"), ("audio", "x.mp3"), ("series", "a.json"),
     ("field", "map.png")],
)  # fmt: skip
def test_samples_of_a_file_each_make_no_folder_that_is_called_as_a_file(
    kind: str, name: str, tmp_path: Path
) -> None:
    out = tmp_path / name
    with pytest.raises(UsageError, match="would be a folder") as told:
        place_of(out, MODALITIES[kind], 0, None)
    assert f"--out {out.with_suffix('')}" in told.value.fix
    assert f"--grid {out.with_suffix('.png')}" in told.value.fix
    out.mkdir()  # somebody's own, or of a release before
    for there in (out, tmp_path / "made", tmp_path / "v1.2"):
        assert place_of(there, MODALITIES[kind], 0, None) == there


def test_series_and_fields_in_one_file_stay_so(tmp_path: Path) -> None:
    for kind, name in (("series", "a.csv"), ("series", "a.npy"), ("field", "a.npy")):
        assert place_of(tmp_path / name, MODALITIES[kind], 0, None) == tmp_path / name


@pytest.mark.parametrize(
    ("name", "fix"), [("x.html", "--to page --out "), ("x.onnx", "--out ")]
)  # fmt: skip
def test_graphs_make_no_folder_that_is_called_as_a_page(
    name: str, fix: str, run: ganzfeld.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["export", str(run.path), "--out", str(tmp_path / name)])
    assert end.value.code == 2 and not list(tmp_path.iterdir())
    said = capsys.readouterr().err
    assert "would be a folder" in said
    assert f"{fix}{tmp_path / ('x' if name == 'x.onnx' else name)}" in said.replace("\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--sweep", "age=1:3", "--of", "9"],
            "along a condition: it takes no --of",
        ),
        (["--sweep", "age=1:3", "--mean", "1"], "no --mean"),
        (["--latent", "a.npy", "--std", "0.5"], "--latent says what to draw: it takes no --std"),
        (["--latent", "a.npy", "--std", "0"], "it takes no --std"),
        (["--from", "a.png", "--count", "5"], "--from draws one sample again: it takes no --count"),
        (["--from", "a.png", "--grid", "g.png"], "it takes no --grid"),
        (["--columns", "4", "--out", "o"], "--columns is for --grid, which is not given"),
        (["--data", "photos", "--out", "o"], "--data is for --show-price, which is not given"),
    ],
)
def test_options_that_would_change_nothing_are_refused(
    words: list[str], said: str, run: ganzfeld.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["sample", str(run.path), *words])
    assert end.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_every_option_of_sample_is_known_to_what_looks_for_idle_ones() -> None:
    told = {other for _, nothing in ALONE.values() for other in nothing} | {*PARTS, *ALONE}
    assert told <= options(sample).keys()
