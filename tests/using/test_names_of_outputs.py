"""A place to write to is a folder or a file, and its name says no other than what it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.cli.sample import place_of
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
