"""A disk or a home is no data set: a look at a part of it ends in one screen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ganzfeld.cli.main import main
from ganzfeld.data import listing, vast
from ganzfeld.errors import DataError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with 4 images in one folder, and 60 other files in another."""
    for place, count, kind in (("photos", 4, "png"), ("code", 60, "py")):
        (tmp_path / place).mkdir()
        for number in range(count):
            (tmp_path / place / f"{number}.{kind}").touch()
    monkeypatch.setattr(vast, "homes", lambda: [tmp_path / "inner"])
    monkeypatch.setattr(vast, "LOOK", 66)
    return tmp_path


@pytest.mark.parametrize("words", [["data", "check"], ["data", "sheet"], ["train"]])
def test_a_disk_is_refused_after_a_look(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vast, "LOOK", 300)
    out = [] if "check" in words else ["--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        main([*words, os.path.abspath(os.sep), *out])
    said = capsys.readouterr().err
    assert ended.value.code == 3 and "is a whole disk: of the first" in said, said
    assert "no file was opened" in said and "give the folder that holds the samples" in said
    assert not list(tmp_path.iterdir())


def test_a_disk_is_refused_however_little_is_on_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vast, "is_disk", lambda root: root == str(home))
    monkeypatch.setattr(vast, "LOOK", 1_000)
    with pytest.raises(DataError, match="of the first 66 files and folders in it, 4 are") as caught:
        listing.list_folder(home)
    assert caught.value.fix.endswith(f"such as {home / 'photos'}, which has 4")


def test_a_home_is_refused_unless_it_is_full_of_samples(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(listing.list_folder(home).files) == 64, "4 of 66 are samples: more than one in 20"
    monkeypatch.setattr(vast, "SHARE", 0.1)
    with pytest.raises(DataError, match="is more than a data set"):
        listing.list_folder(home)
    assert len(listing.list_folder(home / "code").files) == 60, "a folder in it is anybody's"


def test_what_is_vast() -> None:
    assert vast.is_vast(os.path.abspath(os.sep)) and vast.is_vast(os.path.expanduser("~"))
    assert not vast.is_vast(str(Path(__file__).parent))
