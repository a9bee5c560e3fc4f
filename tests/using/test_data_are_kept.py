"""No command writes over the data that a run learned from, or over what it reads itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganzfeld.cli.keeping import spare_data
from ganzfeld.cli.main import COMMANDS, main
from ganzfeld.cli.values import targets_of
from ganzfeld.core import marks
from ganzfeld.errors import UsageError


def refused(*words: Any) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    assert end.value.code == 2


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a table that lies beside it as rows.csv."""
    home = tmp_path_factory.mktemp("kept")
    x = np.random.default_rng(0).normal(size=(40, 2)).round(2)
    lines = "".join(f"{a},{b}\n" for a, b in x)
    (home / "rows.csv").write_text(f"a,b\n{lines}", encoding="utf-8")
    words = ["train", home / "rows.csv", "--images", 64, "--out", home / "run", "--quiet"]
    main([*map(str, words), "--batch", "32", "--set", "run.evaluate_final=false"])
    return home / "run"


@pytest.mark.parametrize("option", ["--out", "--grid"])
@pytest.mark.parametrize("inner", ["", "model"])
def test_samples_do_not_replace_the_data_of_their_run(
    run: Path, option: str, inner: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = run.parent / "rows.csv"
    before = data.read_bytes()
    refused("sample", run / inner, "--count", 2, option, data)
    said = capsys.readouterr().err
    assert "would write over the data of" in said and "rows-made.csv" in said
    assert data.read_bytes() == before
    again = run.parent / "drawn.csv"
    for _ in range(2):  # what is no data may be replaced
        main(["sample", str(run / inner), "--count", "2", option, str(again)])


def test_nor_does_a_measurement(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = run.parent / "rows.csv"
    before = data.read_bytes()
    refused("evaluate", run, data, "--json", data)
    assert data.read_bytes() == before


def test_files_in_a_folder_of_data_are_data_unless_they_were_made(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (8, 8)).save(photos / "0.png")
    table = photos / "metadata.csv"
    table.write_text("file_name,caption\n0.png,a cat\n", encoding="utf-8")
    words = ["run", str(photos), "--out", str(table), "--count", "2", "--no-mark"]
    targets, rest = targets_of(words, COMMANDS["caption"])
    assert targets == {"--out": table} and rest == ["run", str(photos), "2"]
    with pytest.raises(UsageError, match="write over what the command reads"):
        spare_data(targets, rest)
    with pytest.raises(UsageError, match="put samples among what the command reads"):
        spare_data({"--out": photos}, rest)
    spare_data({"--json": photos / "new.csv", "--html": tmp_path / "a.html"}, rest)
    marks.write(photos / "made.csv", b"file,caption\n", marks.new(seed=1))
    spare_data({"--out": photos / "made.csv"}, rest)
