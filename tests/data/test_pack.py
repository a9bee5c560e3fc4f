"""Packs: made once, found again, noticed when damaged, the same however they were made."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import corpus
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from ganzfeld.core.files import cache_folder
from ganzfeld.data import pack_format, workers
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.data.pack_format import DamagedPack, read_pack
from ganzfeld.data.readers import FolderReader
from ganzfeld.errors import DataError, ResourceError
from ganzfeld.modalities.image.codec import Target


@pytest.fixture
def photos(tmp_path):
    """100 images in two classes."""
    root = tmp_path / "photos"
    for number in range(100):
        folder = root / ("cat" if number % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(corpus.png(seed=number))
    return root


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def spoil(photos, count):
    for number in range(count):
        (photos / "dog" / f"{2 * number}.png").write_bytes(corpus.cut(corpus.png(seed=number)))


@pytest.fixture
def decodes(monkeypatch):
    """How many images were decoded in this process."""
    calls = []
    real = workers.decode
    monkeypatch.setattr(workers, "decode", lambda *a: calls.append(a) or real(*a))
    return calls


@pytest.mark.parametrize("size", [(28, 28), (64, 64), (96, 96), (128, 192)])
def test_any_size(photos, cache, size):
    pack = open_pack(photos, PackOptions(size=size), cache=cache)
    assert pack.images.shape == (100, 3, *size) and pack.images.dtype == np.uint8
    assert (pack.count, pack.channels, pack.height, pack.width) == (100, 3, *size)
    assert isinstance(pack.images, np.memmap) and len(pack) == 100


def test_the_size_is_chosen_from_the_data(photos, cache):
    assert open_pack(photos, cache=cache).images.shape[2:] == (48, 48)
    (photos / "cat" / "one.png").write_bytes(corpus.encoded(corpus.rgb(1, 1), "PNG"))
    assert open_pack(photos, cache=cache).images.shape[2:] == (48, 48)  # a stray has no say
    (photos / "cat" / "wide.png").write_bytes(corpus.encoded(corpus.rgb(48, 90), "PNG"))
    pack = open_pack(photos, cache=cache)
    assert pack.images.shape[2:] == (64, 64)
    assert any("packed at 64 x 64" in note for note in pack.report["notes"])


def test_nothing_heavy_is_imported():
    program = (
        "import sys, ganzfeld.data.pack, ganzfeld.data.check, ganzfeld.data.sheet; "
        "print([m for m in ('torch', 'pyarrow', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_second_start_decodes_nothing(photos, cache, decodes):
    first = open_pack(photos, cache=cache)
    assert len(decodes) == 100 and not first.reused
    second = open_pack(photos, cache=cache)
    assert len(decodes) == 100 and second.reused
    assert second.report == first.report and second.fingerprint == first.fingerprint
    assert second.classes == first.classes == ("cat", "dog")
    assert np.array_equal(second.images, first.images)
    assert np.array_equal(second.labels, first.labels)
    assert not list(cache.glob("*.part"))


def test_the_file_is_ordinary_safetensors(photos, cache):
    pack = open_pack(photos, cache=cache)
    tensors = load_file(pack.path)
    assert np.array_equal(tensors["images"], pack.images.transpose(0, 2, 3, 1))
    assert np.array_equal(tensors["labels"], pack.labels)
    assert json.loads(tensors["report"].tobytes()) == pack.report
    assert pack.path.name.startswith("photos-48x48x3-")


def test_rows_are_channels_last_as_they_lie(photos, cache):
    pack, chosen = open_pack(photos, cache=cache), np.array([7, 0, 99])
    rows = pack.rows(chosen)["x"]
    assert np.array_equal(rows, pack.images[chosen])
    assert torch.from_numpy(rows).is_contiguous(memory_format=torch.channels_last)


def test_a_pack_of_an_earlier_format_is_made_anew(photos, cache, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(pack_format, "FORMAT", "ganzfeld pack 1")
        first = open_pack(photos, cache=cache)
    second = open_pack(photos, cache=cache)
    assert not second.reused and second.path == first.path
    assert any("its format is 'ganzfeld pack 1'" in text for text in second.report["warnings"])


def test_changed_data_or_options_make_another_pack(photos, cache, decodes):
    first = open_pack(photos, cache=cache)
    open_pack(photos, PackOptions(on_bad_image="skip"), cache=cache)
    assert len(decodes) == 100  # not a matter of the pixels
    (photos / "cat" / "1.png").write_bytes(corpus.png(seed=777))
    second = open_pack(photos, cache=cache)
    assert len(decodes) == 200 and second.fingerprint != first.fingerprint
    os.utime(photos / "cat" / "1.png", ns=(1, 1))
    third = open_pack(photos, cache=cache)
    assert third.path != second.path and third.fingerprint == second.fingerprint
    assert open_pack(photos, PackOptions(labels="none"), cache=cache).labels is None


def test_any_damage_is_noticed_and_mended(photos, cache):
    pack = open_pack(photos, cache=cache)
    path, fingerprint, whole = pack.path, pack.fingerprint, pack.path.read_bytes()
    places = [0, 9, 60, 300, 1500, len(whole) // 2, len(whole) - 900, len(whole) - 1]
    for damaged in [corpus.flipped(whole, at) for at in places] + [whole[:-1], whole[:20], b""]:
        path.write_bytes(damaged)
        with pytest.raises(DamagedPack):
            read_pack(path)
    again = open_pack(photos, cache=cache)
    assert not again.reused and again.fingerprint == fingerprint
    assert any("was rebuilt" in warning for warning in again.report["warnings"])
    assert open_pack(photos, cache=cache).reused


def test_large_packs_are_checked_in_samples(photos, cache, monkeypatch):
    monkeypatch.setattr(pack_format, "FULL_CHECK_BYTES", 1)
    monkeypatch.setattr(pack_format, "MIN_BLOCK", 4096)
    path = open_pack(photos, cache=cache).path
    whole = path.read_bytes()
    read_pack(path)
    for at in (5000, len(whole) - 1):  # the first and the last block
        path.write_bytes(corpus.flipped(whole, at))
        with pytest.raises(DamagedPack):
            read_pack(path)


def test_parallel_is_serial(photos, cache, tmp_path):
    spoil(photos, 3)
    options = PackOptions(on_bad_image="skip", size=(32, 32))
    serial = open_pack(photos, options, cache=cache, workers=0)
    stages = []
    parallel = open_pack(
        photos,
        options,
        cache=tmp_path / "other",
        workers=2,
        progress=lambda stage, done, total: stages.append((stage, done, total)),
    )
    assert np.array_equal(serial.images, parallel.images)
    assert np.array_equal(serial.labels, parallel.labels)
    assert serial.fingerprint == parallel.fingerprint and serial.report == parallel.report
    assert stages[-1] == ("decoding", 100, 100)
    assert ("reading headers", 100, 100) in stages


def test_gaps_are_closed_in_order(photos, cache):
    spoil(photos, 7)
    pack = open_pack(photos, PackOptions(on_bad_image="skip"), cache=cache)
    odd = [n for n in range(100) if n % 2]
    even = [n for n in range(100) if n % 2 == 0 and n >= 14]
    assert pack.labels.tolist() == [0] * 50 + [1] * 43
    for place, number in enumerate(odd + even):
        expected = corpus.scene(seed=number).transpose(2, 0, 1)
        assert np.array_equal(pack.images[place], expected)


def test_the_one_percent_rule(photos, cache):
    spoil(photos, 1)
    pack = open_pack(photos, cache=cache)  # 1 of 100
    assert len(pack) == 99 and pack.report["skipped"] == [["dog/0.png", "cut short"]]
    assert any("bad files left out: 1 (" in warning for warning in pack.report["warnings"])
    with pytest.raises(DataError) as caught:
        open_pack(photos, PackOptions(on_bad_image="fail"), cache=cache)
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "error[3]: dog/0.png is cut short. 1 of 100 files is bad; nothing was trained."
    )
    assert "--quarantine" in lines[2] and "--on-bad-image skip" in lines[2]
    spoil(photos, 12)
    with pytest.raises(DataError) as caught:
        open_pack(photos, cache=cache)
    text = str(caught.value)
    assert "12 of 100 files are bad" in text and "and 2 more" in text
    assert len(text.splitlines()) < 20
    assert len(open_pack(photos, PackOptions(on_bad_image="skip"), cache=cache)) == 88
    with pytest.raises(DataError, match="12 of 100"):  # although a pack is there
        open_pack(photos, cache=cache)


def test_nothing_but_bad_pictures(tmp_path, cache):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").write_bytes(b"")
    for choice in (None, "fail", "skip"):
        with pytest.raises(DataError, match="1 of 1 files is bad"):
            open_pack(tmp_path / "set", PackOptions(on_bad_image=choice), cache=cache)
    assert not list(cache.iterdir())


def test_copies_and_small_sets_are_warned_about(photos, cache):
    shutil.copy(photos / "cat" / "1.png", photos / "cat" / "copy.png")
    shutil.copy(photos / "cat" / "1.png", photos / "dog" / "copy.png")
    pack = open_pack(photos, cache=cache)
    assert pack.report["duplicates"] == 2
    warnings = " ".join(pack.report["warnings"])
    assert "2 of 102 images are exact copies" in warnings and "only 102 images" in warnings


def test_a_report_is_json_with_class_counts(photos, cache):
    report = open_pack(photos, cache=cache).report
    assert json.loads(json.dumps(report)) == report
    assert report["classes"] == {"cat": 50, "dog": 50}
    assert report["examples"]["dog"] == ["dog/0.png", "dog/2.png", "dog/4.png"]


# The cache


def test_where_the_cache_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("GANZFELD_CACHE", raising=False)
    assert cache_folder() == tmp_path / "xdg" / "ganzfeld"
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert cache_folder(tmp_path / "given") == tmp_path / "given"


def test_a_cache_that_cannot_be_written(photos, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cannot be written") as caught:
        open_pack(photos, cache=tmp_path / "file" / "cache")
    assert "GANZFELD_CACHE=" in str(caught.value)


def test_a_full_disk(photos, cache, monkeypatch):
    usage = shutil.disk_usage(photos)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ResourceError, match="packing needs"):
        open_pack(photos, cache=cache)
    monkeypatch.undo()

    def full(self, index, pixels):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack_format.PackWriter, "put", full)
    with pytest.raises(ResourceError, match="is full"):
        open_pack(photos, cache=cache)
    assert not list(cache.iterdir())


def test_leftovers_of_killed_processes_are_removed(photos, cache):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = re.sub(r"[^\w]", "_", socket.gethostname())[:40]
    cache.mkdir()
    old, own, foreign = (
        cache / name
        for name in (
            f"{'0' * 16}-{host}-{dead.pid}-abcd0123.part",
            f"{'0' * 16}-{host}-{os.getpid()}-abcd0123.part",
            f"{'0' * 16}-elsewhere-{dead.pid}-abcd0123.part",
        )
    )
    for path in (old, own, foreign):
        path.write_bytes(b"half a pack")
    in_use = cache / f"{'1' * 16}-{host}-{dead.pid}-abcd0123.part"  # of another container
    writer = pack_format.PackWriter(in_use, 1, (1, 8, 8), ())
    open_pack(photos, cache=cache)
    assert not old.exists() and own.exists() and foreign.exists() and in_use.exists()
    writer.close()


SCRIPT = """
import signal, sys
from pathlib import Path
from ganzfeld.data.pack import PackOptions, open_pack
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
pack = open_pack(sys.argv[1], PackOptions(size=(96, 96)), cache=Path(sys.argv[2]), workers=1)
print(pack.fingerprint, flush=True)
"""


def start(photos, cache):
    # No `if __name__ == "__main__"`: the workers must not run the user's script again.
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(photos), str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once(photos, cache):
    first, second = start(photos, cache), start(photos, cache)
    (a, errors_a), (b, errors_b) = first.communicate(timeout=60), second.communicate(timeout=60)
    assert a == b != "" and not errors_a and not errors_b
    assert len(list(cache.iterdir())) == 1
    assert open_pack(photos, PackOptions(size=(96, 96)), cache=cache).reused


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_packing_promptly(photos, cache, number):
    for copy in range(20):
        shutil.copytree(photos / "cat", photos / f"more{copy}")
    process = start(photos, cache)
    deadline = time.monotonic() + 30
    while not list(Path(cache).glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, errors = process.communicate(timeout=120)
    assert not out, "it went on to the end"
    assert errors.count("Traceback") <= (number == signal.SIGINT)  # that of this script alone
    assert process.returncode != 0


# Workers


def test_a_crash_costs_one_picture(photos, monkeypatch):
    """A child that dies at one image: that one is named, all others are decoded."""
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    program = (
        "import os, ganzfeld.data.workers as w\n"
        "real = w.decode\n"
        "def decode(data, target, name):\n"
        f"    os.abort() if name in {names[5:70:64]!r} else None\n"
        "    return real(data, target, name)\n"
        "w.decode = decode\n"
        "w.main()\n"
    )
    run_program(monkeypatch, program)
    target = Target(height=16, width=16, channels=3)
    found = list(workers.answers(FolderReader(str(photos)), names, target, workers=2))
    assert sorted(answer.index for answer in found) == list(range(100))
    bad = {names[answer.index]: answer.reason for answer in found if answer.pixels is None}
    assert bad == {names[5]: "crashed the decoder", names[69]: "crashed the decoder"}


@pytest.mark.long
def test_a_hanging_picture_is_given_up(photos, monkeypatch):
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))[:40]
    program = (
        "import time, ganzfeld.data.workers as w\n"
        "real = w.decode\n"
        "def decode(data, target, name):\n"
        f"    time.sleep(600 if name == {names[7]!r} else 0)\n"
        "    return real(data, target, name)\n"
        "w.decode = decode\n"
        "w.main()\n"
    )
    run_program(monkeypatch, program)
    monkeypatch.setattr(workers, "PICTURE_SECONDS", 3.0)
    target = Target(height=16, width=16, channels=3)
    found = list(workers.answers(FolderReader(str(photos)), names, target, workers=1))
    bad = {names[answer.index]: answer.reason for answer in found if answer.pixels is None}
    assert bad == {names[7]: "took over 3 s to decode"} and len(found) == 40


def test_workers_end_with_whoever_asked(photos):
    names = [path.relative_to(photos).as_posix() for path in photos.rglob("*.png")]
    target = Target(height=16, width=16, channels=3)
    before = {*threading.enumerate()}  # those of streams that other tests opened may still live
    found = workers.answers(FolderReader(str(photos)), names, target, workers=2)
    next(found)
    assert decoding() - before
    found.close()
    assert not decoding() - before


def decoding() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "ganzfeld-decode"}


@pytest.mark.slow
def test_killed_at_any_time_the_next_start_is_right(photos, cache):
    good = open_pack(photos, PackOptions(size=(96, 96)), cache=cache.parent / "good").fingerprint
    for number in range(20):
        process = start(photos, cache)
        time.sleep(0.1 + 0.04 * number)
        process.kill()
        process.communicate()
        assert open_pack(photos, PackOptions(size=(96, 96)), cache=cache).fingerprint == good
        shutil.rmtree(cache)


def run_program(monkeypatch, program):
    real = subprocess.Popen

    def popen(command, **options):
        return real([*command[:-1], program], **options)

    monkeypatch.setattr(workers.subprocess, "Popen", popen)


def test_a_child_that_cannot_start_is_said(photos, monkeypatch):
    run_program(monkeypatch, "import nothing_of_this_name")
    target = Target(height=16, width=16, channels=3)
    with pytest.raises(Exception, match="cannot start"):
        list(workers.answers(FolderReader(str(photos)), ["cat/1.png"], target, workers=1))
