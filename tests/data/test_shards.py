"""Data in several tar or Parquet files: patterns, one set of all, found again at once."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import struct
import subprocess
import sys
import tarfile
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from ganzfeld.data import from_python, shards
from ganzfeld.data import pack as packing
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.errors import DataError
from ganzfeld.training import run


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def write_shard(path: Path, values: list[int], bad: int | None = None) -> None:
    with tarfile.open(path, "w") as archive:
        for value in values:
            data = b"\x89PNG\r\n\x1a\nnot one" if value == bad else png(20 * value % 256)
            for name, content in (
                (f"{value:06d}.png", data),
                (f"{value:06d}.cls", b"%d" % (value % 2)),
            ):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three shards of four images each, images 0 to 11."""
    for number in range(3):
        values = list(range(4 * number, 4 * number + 4))
        write_shard(tmp_path / f"shard-{number:03d}.tar", values)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.tar", ["a.tar"]),
        ("a-{08..10}.tar", ["a-08.tar", "a-09.tar", "a-10.tar"]),
        ("{x,y}/{0..1}.tar", ["x/0.tar", "x/1.tar", "y/0.tar", "y/1.tar"]),
        ("a.tar::b-{1..2}.tar", ["a.tar", "b-1.tar", "b-2.tar"]),
    ],
)
def test_patterns_are_those_of_webdataset(pattern: str, found: list[str]) -> None:
    assert shards.expand(pattern) == found


@pytest.mark.parametrize("pattern", ["{9..1}.tar", "{0..999999}.tar", "{0..999}{0..999}.tar"])
def test_patterns_that_cannot_be_meant_are_refused(pattern: str) -> None:
    with pytest.raises(DataError):
        shards.expand(pattern)


def test_a_path_that_exists_is_no_pattern(tmp_path: Path) -> None:
    odd = tmp_path / "{a,b}.tar"
    odd.touch()
    assert not shards.is_pattern(odd) and shards.is_pattern(tmp_path / "{a,c}.tar")


def test_a_pattern_a_list_and_the_folder_are_one_set(folder: Path) -> None:
    whole = open_pack(folder)
    pattern = open_pack(f"{folder}/shard-{{000..002}}.tar")
    listed = open_pack(shards.as_pattern(sorted(folder.glob("*.tar"))))
    assert len(whole) == 12 and whole.classes == ("0", "1")
    assert whole.fingerprint == pattern.fingerprint == listed.fingerprint
    some = open_pack(f"{folder}/shard-{{000..001}}.tar")
    assert some.images[:, 0, 0, 0].tolist() == [20 * value for value in range(8)]


def test_missing_shards_are_counted_and_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"2 of the 5 files .* are not there: .*shard-003\.tar"):
        open_pack(f"{folder}/shard-{{000..004}}.tar")
    (folder / "shard-003.tar").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=r"kinds tar, zip, such as shard-003\.tar"):
        open_pack(f"{folder}/shard-{{000..003}}.tar")


def test_bad_members_are_named_with_their_shard_and_counted(folder: Path) -> None:
    write_shard(folder / "shard-001.tar", [4, 5, 6, 7], bad=6)
    with pytest.raises(DataError, match=r"shard-001\.tar:000006\.png") as error:
        open_pack(folder)
    assert "1 of 12 files is bad" in str(error.value)
    pack = open_pack(folder, PackOptions(on_bad_image="skip"))
    assert len(pack) == 11 and [name for name, _ in pack.report["skipped"]] == [
        "shard-001.tar:000006.png"
    ]


def test_a_cut_shard_is_named(folder: Path) -> None:
    path = folder / "shard-002.tar"
    path.write_bytes(path.read_bytes()[:1800])
    with pytest.raises(DataError, match=r"shard-002\.tar is a damaged tar file, or is cut short"):
        open_pack(folder)


# Found again


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was listed."""
    seen: list[object] = []
    plain = packing.load_source

    def load(source: object, options: PackOptions) -> object:
        seen.append(source)
        return plain(source, options)  # type: ignore[arg-type]

    monkeypatch.setattr(packing, "load_source", load)
    return seen


def opened(source: object) -> Pack:
    return open_pack(source)  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["folder", "pattern", "file"])
def test_shards_are_not_listed_again(what: str, folder: Path, listings: list[object]) -> None:
    source = {
        "folder": folder,
        "pattern": f"{folder}/shard-{{000..002}}.tar",
        "file": folder / "shard-001.tar",
    }[what]
    first, second = opened(source), opened(source)
    assert len(listings) == 1 and second.reused and not first.reused
    assert second.path == first.path and second.fingerprint == first.fingerprint


def test_whatever_changes_is_listed_again(folder: Path, listings: list[object]) -> None:
    first = opened(folder)
    write_shard(folder / "shard-001.tar", [40, 50, 60, 70])
    second = opened(folder)
    assert len(listings) == 2 and second.fingerprint != first.fingerprint
    write_shard(folder / "shard-003.tar", [80, 90])
    assert len(opened(folder)) == 14 and len(listings) == 3
    (folder / "README.md").write_text("what they are\n")
    opened(folder)
    opened(folder)
    assert len(listings) == 5, "what else is there is looked at each time"


def test_a_damaged_note_or_pack_costs_a_listing_and_no_more(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, listings: list[object]
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    first = open_pack(folder, cache=cache)
    (note,) = cache.glob("shards-*.json")
    for damage in ("", "[]", '"../../x"', '"0123456789abcdef"'):
        note.write_text(damage)
        again = open_pack(folder, cache=cache)
        assert again.reused and again.path == first.path
    assert len(listings) == 5
    first.path.write_bytes(b"\0" * 100)
    rebuilt = open_pack(folder, cache=cache)
    assert not rebuilt.reused and rebuilt.fingerprint == first.fingerprint
    assert any("was rebuilt" in warning for warning in rebuilt.report["warnings"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.parametrize("kind", ["pipe", "folder", "broken link", "device", "socket"])
def test_what_is_no_file_in_the_cache_is_never_waited_for(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    first = open_pack(folder, cache=cache)
    (note,) = cache.glob("shards-*.json")
    for path in (note, first.path):
        path.unlink()
        put(kind, path)
        again = open_pack(folder, cache=cache)
        assert again.fingerprint == first.fingerprint and again.path.is_file()
        assert open_pack(folder, cache=cache).reused


def put(kind: str, path: Path) -> None:
    """Something that is no file, at this path."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one, contextlib.chdir(path.parent):
            one.bind(path.name)  # a path of a socket is short
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "nowhere")


def test_bad_members_are_judged_again_from_the_note(folder: Path) -> None:
    write_shard(folder / "shard-001.tar", [4, 5, 6, 7], bad=6)
    open_pack(folder, PackOptions(on_bad_image="skip"))
    assert open_pack(folder, PackOptions(on_bad_image="skip")).reused
    with pytest.raises(DataError, match="1 of 12 files is bad"):
        open_pack(folder)


# Runs


def test_a_run_on_a_pattern_goes_on_from_another_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path_factory.mktemp("runs") / "run"
    monkeypatch.chdir(folder)
    words = {"images": 16, "batch": 8, "quiet": True, "settings": ["networks.*.width=4"]}
    run.train("shard-{000..002}.tar", out=out, **words)  # type: ignore[arg-type]
    monkeypatch.chdir(out)
    run.resume(out, images=24)
    (folder / "shard-002.tar").unlink()
    with pytest.raises(DataError, match="are not at"):
        run.resume(out, images=32)


# Out of Python


def test_a_list_of_paths_is_a_pattern(folder: Path) -> None:
    paths = sorted(folder.glob("*.tar"))
    assert shards.as_pattern(paths) == "::".join(map(str, paths))
    assert len(open_pack(shards.as_pattern(paths[:1]))) == 4
    for other in (["a line", "another"], [], np.zeros(3), "a.tar", [1, 2]):
        assert shards.as_pattern(other) is other
    out = folder / "run"
    words = {"images": 8, "batch": 8, "quiet": True, "settings": ["networks.*.width=4"]}
    found = run.train(paths[:2], out=out, **words)  # type: ignore[arg-type]
    assert found.path == out and not (out / "data").exists()


class Stream:
    """Items one after another, with a length that nobody knows, as `datasets` streams them."""

    def __init__(self, items: list[object]) -> None:
        self.items = items

    def __iter__(self) -> Iterator[object]:
        return iter(self.items)


def picture(value: int) -> Image.Image:
    return Image.fromarray(np.full((8, 8, 3), value, np.uint8))


def test_a_stream_is_stored_as_it_comes(tmp_path: Path) -> None:
    rows = [{"image": picture(20 * v), "label": v % 2} for v in range(12)]
    path = from_python.store(Stream(rows), tmp_path)
    assert path.name == "dataset.tar"
    pack = open_pack(path)
    assert len(pack) == 12 and pack.classes == ("0", "1")
    assert sorted(pack.images[:, 0, 0, 0].tolist()) == [20 * v for v in range(12)]
    arrays = [np.full((3, 8, 8), 20 * v, np.uint8) for v in range(12)]
    again = open_pack(from_python.store(iter(arrays), tmp_path / "arrays"))
    assert sorted(again.images[:, 0, 0, 0].tolist()) == [20 * v for v in range(12)]


def test_a_stream_is_not_kept_in_memory(tmp_path: Path) -> None:
    alive: list[weakref.ref[Image.Image]] = []
    most = 0

    def items() -> Iterator[Image.Image]:
        nonlocal most
        for value in range(100):
            image = picture(value)
            alive.append(weakref.ref(image))
            most = max(most, sum(one() is not None for one in alive))
            yield image

    from_python.store(items(), tmp_path)
    assert most <= 3


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], "empty"),
        ([picture(1), np.zeros((8, 8))], "item 1 of the stream is no image"),
        ([(picture(1), 0), (picture(2), None)], "1 of 2 items have no label"),
    ],
)
def test_what_is_wrong_with_a_stream_is_said(
    items: list[object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=said):
        from_python.store(Stream(items), tmp_path)


# Many

OPENED = """
import json, resource, sys, time
from ganzfeld.data.pack import open_pack

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
pack = open_pack(sys.argv[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([len(pack), pack.reused, (peak - before) << 10, time.process_time() - start]))
"""


def tiny(number: int) -> bytes:
    """A PNG of 28 x 28 grey pixels, no two of them alike, made without Pillow."""
    pixels = np.random.default_rng(number).integers(0, 256, (28, 29), np.uint8)
    pixels[:, 0] = 0  # no filter

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    head = part(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0))
    body = part(b"IDAT", zlib.compress(pixels.tobytes(), 0))
    return b"\x89PNG\r\n\x1a\n" + head + body + part(b"IEND", b"")


def write_tiny(folder: Path, count: int, shards: int = 10) -> None:
    folder.mkdir()
    for shard in range(shards):
        with tarfile.open(folder / f"shard-{shard:03d}.tar", "w") as archive:
            for number in range(shard * count // shards, (shard + 1) * count // shards):
                data = tiny(number)
                info = tarfile.TarInfo(f"{number:08d}.png")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
                archive.members = []  # type: ignore[attr-defined]


def opened_alone(folder: Path) -> tuple[int, bool, int, float]:
    """In a process of its own: images, whether it was found again, bytes more, CPU seconds."""
    done = subprocess.run(
        [sys.executable, "-c", OPENED, str(folder)], capture_output=True, text=True, check=True
    )
    count, reused, memory, seconds = json.loads(done.stdout)
    return count, reused, memory, seconds


@pytest.mark.slow
def test_many_images_are_found_again_at_once(tmp_path: Path) -> None:
    """GANZFELD_TEST_IMAGES=1000000 tries a million: minutes, and 2.5 GB of disk."""
    many = int(os.environ.get("GANZFELD_TEST_IMAGES", "40000"))
    found = {}
    for count in (5_000, many):
        write_tiny(tmp_path / str(count), count)
        first, second = (opened_alone(tmp_path / str(count)) for _ in range(2))
        assert (first[:2], second[:2]) == ((count, False), (count, True))
        assert max(first[2], second[2]) < 200 << 20, "a million of them are 784 MB"
        found[count] = second[3]
    assert found[many] < 2.0, "seconds of CPU to find a pack again"
