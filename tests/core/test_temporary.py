"""Files out of sight: what a killed process left is removed, what a living one holds is not."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzfeld.core import files, system, temporary
from ganzfeld.core.metrics_log import append
from ganzfeld.errors import ResourceError


@pytest.fixture(autouse=True)
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "_SEEN", {})


def held(place: Path, *, folder: bool) -> int:
    """A process that holds a file or a folder beside `place`, and writes into it."""
    before = set(place.parent.iterdir())
    child = os.fork()
    if not child:
        with temporary.hidden(place, folder=folder) as own:
            (own / "half" if folder else own).write_text("half")
            time.sleep(60)
        os._exit(0)
    while not set(place.parent.iterdir()) - before:
        time.sleep(0.005)
    time.sleep(0.05)
    return child


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def replaced(path: Path) -> None:
    files.replace(path, b"whole")


def folder_made(path: Path) -> None:
    with temporary.hidden(path, folder=True) as place:
        system.replace(place, path)


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("write", [replaced, folder_made])
def test_the_next_command_removes_what_a_killed_one_left_and_nothing_of_a_living_one(
    folder: bool, write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, alive = (held(tmp_path / "out", folder=folder) for _ in range(2))
    (of_killed,) = set(tmp_path.iterdir()) - of(alive, tmp_path)
    end(killed)
    write(tmp_path / "result")
    assert not of_killed.exists()
    assert {p.name for p in tmp_path.iterdir()} == {
        *(p.name for p in of(alive, tmp_path)),
        "result",
    }
    end(alive)
    monkeypatch.setattr(temporary, "_SEEN", {})
    write(tmp_path / "other")
    assert {p.name for p in tmp_path.iterdir()} == {"result", "other"}


def of(process: int, folder: Path) -> set[Path]:
    """What of a folder a process has open."""
    links = [os.readlink(f"/proc/{process}/fd/{n}") for n in os.listdir(f"/proc/{process}/fd")]
    return {Path(link) for link in links if Path(link).parent == folder}


def test_what_is_not_of_this_kind_stays(tmp_path: Path) -> None:
    stay = [".tmp-mine", ".tmp-x-0123456", ".tmp-x-0123456g", "tmp-x-01234567", ".del-x-01234567"]
    for name in stay:
        (tmp_path / name).write_text("mine")
    (tmp_path / ".tmp-folder-01234567" / "inside").mkdir(parents=True)
    (tmp_path / ".tmp-link-01234567").symlink_to(tmp_path / ".tmp-mine")
    os.mkfifo(tmp_path / ".tmp-fifo-01234567")
    before = set(tmp_path.rglob("*"))
    temporary.sweep(tmp_path)
    assert set(tmp_path.rglob("*")) == before
    temporary.sweep(tmp_path / "none")


def test_among_the_temporary_files_of_all_programs_only_scratch_folders_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporary.tempfile, "tempdir", str(tmp_path))
    theirs, ours = tmp_path / ".tmp-editor-0123abcd", tmp_path / ".tmp-ganzfeld-0123abcd"
    theirs.write_text("somebody's")
    ours.mkdir()
    temporary.sweep(tmp_path)
    assert theirs.exists() and not ours.exists()


def test_another_users_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / ".tmp-x-01234567"
    left.write_text("theirs")
    monkeypatch.setattr(system, "user", lambda: os.getuid() + 1)
    temporary.sweep(tmp_path)
    assert left.exists()


def test_without_locks_what_is_an_hour_old_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "lock", lambda descriptor: None)
    old, young = tmp_path / ".tmp-x-01234567", tmp_path / ".tmp-y-01234567"
    for path in (old, young):
        path.write_text("half")
    os.utime(old, (1.0, 1.0))
    files.replace(tmp_path / "x", b"whole")
    assert not old.exists()
    assert young.exists()
    assert (tmp_path / "x").read_bytes() == b"whole"


def test_a_scratch_folder_of_a_killed_process_is_removed_whole(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        with temporary.scratch(tmp_path) as own:
            (own / "run" / "checkpoints").mkdir(parents=True)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    (left,) = tmp_path.iterdir()
    assert (left / "run").is_dir()
    with temporary.scratch(tmp_path) as own:
        assert list(tmp_path.iterdir()) == [own]
        assert own.stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.iterdir())


def test_what_was_put_aside_to_be_deleted_goes_with_the_next_of_its_name(tmp_path: Path) -> None:
    aside = tmp_path / ".del-model-01234567"
    aside.mkdir()
    (aside / "config.json").write_text("{}")
    other = tmp_path / ".del-images-000000000100-01234567"
    other.mkdir()
    folder_made(tmp_path / "model")
    assert not aside.exists()
    assert other.exists()


def test_one_that_was_taken_for_left_behind_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, first = system.lock, []

    def late(descriptor: int) -> bool | None:
        if not first:  # another process sweeps between its making and its lock
            first.extend(tmp_path.iterdir())
            first[0].unlink()
        return lock(descriptor)

    monkeypatch.setattr(system, "lock", late)
    files.replace(tmp_path / "x", b"whole")
    assert first
    assert (tmp_path / "x").read_bytes() == b"whole"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_full_disk_is_told_with_the_name_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log = tmp_path / "metrics.jsonl"
    append(log, {"images": 1})
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match=r"No space left on device: .*/metrics\.jsonl'$"):
        append(log, {"images": 2})
    with (
        pytest.raises(OSError, match=r"/out'$"),
        temporary.hidden(tmp_path / "out", folder=True) as place,
    ):
        files.write(place / "a", b"whole")
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_half_a_line_is_taken_back_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, write = tmp_path / "metrics.jsonl", os.write
    append(log, {"images": 1})
    whole = log.read_bytes()
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]))
    with pytest.raises(OSError, match="No space left on device"):
        append(log, {"images": 2})
    assert log.read_bytes() == whole


def test_no_file_takes_the_place_of_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = os.lstat("/dev/null")
    monkeypatch.setattr(os, "lstat", lambda path: device)
    with pytest.raises(ResourceError, match="null cannot be written: a device lies there"):
        files.replace(tmp_path / "null", b"whole")
    assert not list(tmp_path.iterdir())
