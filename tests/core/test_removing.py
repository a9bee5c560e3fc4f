"""A folder is deleted as a whole or stays as it is."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ganzfeld.core import files
from ganzfeld.errors import disk_behind


def test_a_folder_that_holds_another_stays_where_it_is(tmp_path: Path) -> None:
    own = tmp_path / "model"
    (own / "notes").mkdir(parents=True)
    (own / "a").write_text("a")
    with pytest.raises(IsADirectoryError, match="a folder lies"):
        files.remove(own)
    assert sorted(p.name for p in own.iterdir()) == ["a", "notes"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_may_not_be_written_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "model"
    own.mkdir()
    (own / "a").write_text("a")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(PermissionError):
        files.remove(own)
    assert (own / "a").read_text() == "a"


def test_files_links_and_folders_of_files_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("kept")
    own = tmp_path / "own"
    own.mkdir()
    (own / "a").write_text("a")
    (own / "link").symlink_to(tmp_path / "elsewhere")
    for path in (own, tmp_path / "none"):
        files.remove(path)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    files.remove(tmp_path / "link")
    assert [p.name for p in tmp_path.iterdir()] == ["elsewhere"]
    assert (tmp_path / "elsewhere" / "kept").exists()


@pytest.mark.parametrize("words", ["No space left on device", "No usable temporary directory"])
def test_the_disk_behind_a_librarys_error_is_found(words: str) -> None:
    number = errno.ENOSPC if "space" in words else errno.ENOENT
    try:
        try:
            raise OSError(number, words)
        except OSError as inner:
            raise RuntimeError("step 1 of 3") from inner
    except RuntimeError as outer:
        assert disk_behind(outer) is outer.__cause__
    assert disk_behind(FileNotFoundError(errno.ENOENT, "x")) is None
    assert disk_behind(KeyError()) is None
