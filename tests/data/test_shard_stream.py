"""Images of tar and Parquet shards that are read while training: which, in what order, and what is
said of those that cannot be read."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import tarfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganzfeld
from ganzfeld.core import distributed
from ganzfeld.core.runfolder import read_config
from ganzfeld.data import held, shard_stream, workers
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.data.shard_order import Order
from ganzfeld.data.shard_stream import open_stream
from ganzfeld.errors import CheckpointError, DataError, UsageError

SIZED = PackOptions(size=(16, 16))
FEW = PackOptions(size=(16, 16), on_bad_image="skip")


def picture(number: int, kind: str) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    if kind == "mask":  # 0 and 1 in 8 bits, which are stretched
        Image.fromarray(pixels[..., 0] // 128).save(buffer, "PNG")
    elif kind == "deep":
        Image.fromarray(pixels[..., 0].astype(np.uint16) * 16).save(buffer, "PNG")
    else:
        Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def write_tar(path: Path, numbers: range, kind: str = "JPEG", bad: tuple[int, ...] = ()) -> None:
    with tarfile.open(path, "w") as archive:
        for number in numbers:
            data = b"\x89PNG\r\n\x1a\nnone" if number in bad else picture(number, kind)
            for name, content in (
                (f"{number:05d}.img", data),
                (f"{number:05d}.cls", label(number)),
            ):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def label(number: int) -> bytes:
    return b"%d" % (7 + number % 3)


def shards(folder: Path, count: int = 3, each: int = 50, **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for shard in range(count):
        write_tar(folder / f"s-{shard:03d}.tar", range(each * shard, each * (shard + 1)), **more)
    return folder


def parquets(folder: Path, labels: Any = None) -> Path:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder.mkdir(exist_ok=True)
    for shard in range(2):
        numbers = range(70 * shard, 70 * shard + 70)
        cells = [{"bytes": picture(n, "PNG"), "path": f"{n}.png"} for n in numbers]
        columns = {
            "image": cells,
            "label": [(labels or ("b", "a10", "a9"))[n % 3] for n in numbers],
        }
        parquet.write_table(
            arrow.table(columns), folder / f"train-{shard}.parquet", row_group_size=30
        )
    return folder


def epoch(pack: Pack, *, seed: int = 0, number: int = 0, batch: int = 10) -> list[bytes]:
    """The images of an epoch in order, each with its label."""
    stream, found = pack.stream, list[bytes]()
    start, end = number * len(stream), (number + 1) * len(stream)
    while start < end:
        rows = stream.rows(seed, start, min(batch, end - start))
        found += pairs(rows)
        start += batch
    return found


def pairs(rows: dict[str, Any]) -> list[bytes]:
    labels = rows.get("y", np.zeros(len(rows["x"]), np.int64))
    return [x.tobytes() + bytes([y]) for x, y in zip(rows["x"], labels, strict=True)]


def packed(source: Path, options: PackOptions = SIZED) -> list[bytes]:
    pack = open_pack(source, options)
    return pairs(pack.rows(np.arange(len(pack))))


# Which images


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "mask", "deep"])
def test_an_epoch_has_the_images_and_labels_of_the_pack(kind: str, tmp_path: Path) -> None:
    folder = shards(tmp_path / "tars", kind=kind)
    pack = open_stream(folder, SIZED, workers=0)
    assert pack.classes == open_pack(folder, SIZED).classes == ("7", "8", "9")
    assert Counter(epoch(pack)) == Counter(packed(folder))


def test_threads_end_with_the_stream(tmp_path: Path) -> None:
    before = {*threading.enumerate()}
    pack = open_stream(shards(tmp_path / "tars"), SIZED, workers=2)
    pack.stream.rows(0, 0, 20)  # the next window is still being read ahead
    mine = {*threading.enumerate()} - before
    assert mine
    del pack
    gc.collect()
    for thread in mine:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in mine)


def test_the_same_of_parquet_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzfeld.data.shard_listing.STEP", 33)  # labels are sorted by pieces
    folder = parquets(tmp_path / "parquet")
    pack = open_stream(folder, SIZED, workers=1)
    assert pack.classes == open_pack(folder, SIZED).classes == ("a9", "a10", "b")
    assert Counter(epoch(pack, batch=33)) == Counter(packed(folder))


def test_labels_that_are_left_out_and_labels_that_some_images_lack(tmp_path: Path) -> None:
    folder = shards(tmp_path / "tars")
    none = PackOptions(size=(16, 16), labels="none")
    pack = open_stream(folder, none, workers=0)
    assert pack.classes == () and "y" not in pack.stream.rows(0, 0, 10)
    assert Counter(epoch(pack)) == Counter(packed(folder, none))
    some = parquets(tmp_path / "parquet", labels=("a", None, "b"))
    pack = open_stream(some, SIZED, workers=0)
    assert pack.classes == () and any("have no label" in w for w in pack.report["warnings"])


def test_processes_decode_what_this_one_does(tmp_path: Path) -> None:
    folder = shards(tmp_path / "tars")
    assert epoch(open_stream(folder, SIZED, workers=2)) == epoch(
        open_stream(folder, SIZED, workers=0)
    )


def test_images_that_are_held_out_are_never_drawn(tmp_path: Path) -> None:
    whole = open_stream(shards(tmp_path / "tars"), SIZED, workers=0)
    part = held.training(whole, 40)
    kept_out = {*pairs(whole.rows(held.held_rows(whole, 40)))}
    assert len(kept_out) == 40 and len(part.stream) == 110
    drawn = epoch(part)
    assert len({*drawn}) == 110 and not kept_out & {*drawn}
    assert {*pairs(part.rows(np.arange(len(part))))} == {*drawn}, "the sample is of all of them"


def test_the_sample_is_from_all_over_the_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_stream, "SAMPLE", 12)
    pack = open_stream(shards(tmp_path / "tars"), SIZED, workers=0)
    assert len(pack) == 12 and len(pack.stream) == 150
    assert {*np.unique(pack.stream.index.shard_of(pack.stream.sample))} == {0, 1, 2}
    assert (
        "150 images in 3 tar files" in pack.summary and "12 from all over" in pack.report["stream"]
    )


# The order


def test_the_order_is_of_the_seed_and_the_position_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_stream, "WINDOW", 32)
    monkeypatch.setattr(shard_stream, "LEAST_WINDOW", 32)
    folder = shards(tmp_path / "tars")
    pack = open_stream(folder, SIZED, workers=0)
    first, second = epoch(pack), epoch(pack, number=1)
    assert first != second and Counter(first) == Counter(second)
    assert first != epoch(pack, seed=1)
    anew = open_stream(folder, SIZED, workers=0)  # as a run that goes on in the middle
    assert pairs(anew.stream.rows(0, 140, 40)) == (first + second)[140:180]
    assert pairs(anew.stream.rows(0, 20, 100)) == first[20:120], "back again"


def test_neighbours_are_far_apart_and_shards_are_mixed(tmp_path: Path) -> None:
    starts = np.arange(0, 64 * 400, 64)
    order = Order(starts, np.full(400, 64), without=np.empty(0, np.int64), window=2048)
    some = order.window(0, 0, 0)
    assert len(np.unique(some // 2560)) == 10, "each tenth of the data is in the first window"
    assert np.mean(np.abs(np.diff(some)) < 64) < 0.1


def test_processes_share_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shards(tmp_path / "tars")
    alone = pairs(open_stream(folder, SIZED, workers=0).stream.rows(0, 20, 20))
    shares, decoded = [], []
    monkeypatch.setattr(distributed, "world", lambda: 2)
    for rank in (0, 1):
        pack = open_stream(folder, SIZED, workers=0)
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        shares += pairs(pack.stream.rows(0, 20, 20))
        decoded += [len(window.ready().numbers) for window in pack.stream.held.values()]
    assert shares == alone
    assert sum(decoded) == 300, "each decodes its half of two windows"


# What cannot be read


def test_a_bad_image_is_counted_and_the_next_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_stream, "SAMPLE", 4)
    folder = shards(tmp_path / "tars", bad=(60,))
    pack = open_stream(folder, SIZED, workers=0)
    drawn = Counter(epoch(pack))
    wanted = Counter(packed(folder))
    (twice,) = (drawn - wanted).elements()
    assert len(wanted) == 149 and not wanted - drawn
    assert np.array_equal(np.frombuffer(twice[:-1], np.uint8), decoded_of(61)) and twice[-1] == 1
    (said,) = pack.stream.told()
    assert "1 bad images" in said and "s-001.tar:00060.img" in said
    assert pack.stream.told() == []


def decoded_of(number: int) -> np.ndarray[Any, Any]:
    from ganzfeld.modalities.image.codec import Target, decode

    target = Target(height=16, width=16, channels=3)
    return decode(picture(number, "JPEG"), target).pixels.reshape(-1)


@pytest.mark.parametrize(("option", "bad"), [(None, (60, 61, 90)), ("fail", (60,))])
def test_too_many_bad_images_end_it(
    option: str | None, bad: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_stream, "SAMPLE", 4)
    folder = shards(tmp_path / "tars", bad=bad)
    pack = open_stream(folder, PackOptions(size=(16, 16), on_bad_image=option), workers=0)
    with pytest.raises(DataError, match=r"of 150 images (is|are) bad.*\n.*s-001.tar:00060.img"):
        epoch(pack)
    skipping = open_stream(folder, FEW, workers=0)
    assert len(epoch(skipping)) == 150


@pytest.mark.parametrize("size", [30_000, 30_500, 3 * 512 + 100])  # in an image, in a header
@pytest.mark.parametrize("opened", [open_stream, open_pack])
def test_a_shard_that_is_cut_short_is_refused_by_its_name(
    size: int, opened: Any, tmp_path: Path
) -> None:
    folder = shards(tmp_path / "tars")
    os.truncate(folder / "s-001.tar", size)
    with pytest.raises(DataError, match=r"s-001\.tar is a damaged tar file, or is cut short"):
        opened(folder, SIZED, workers=0)


@pytest.mark.parametrize("gone", [False, True])
def test_a_shard_that_changes_while_it_is_read_is_told(gone: bool, tmp_path: Path) -> None:
    folder = shards(tmp_path / "tars")
    pack = open_stream(folder, SIZED, workers=0)
    if gone:
        (folder / "s-002.tar").unlink()
    else:
        write_tar(folder / "s-002.tar", range(900, 950))
    with pytest.raises(DataError, match=r"s-002\.tar has changed or cannot be read any more"):
        epoch(pack)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"labels": "folders"}, "--labels"),
        ({"frames": "all"}, "--frames"),
        ({"modality": "text"}, "--as"),
    ],
)
def test_what_needs_all_images_at_once_is_refused(
    options: dict[str, Any], word: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=word):
        open_stream(shards(tmp_path / "tars"), PackOptions(**options))


def test_other_data_than_shards_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture(0, "PNG"))
    with pytest.raises(DataError, match=r"--stream reads tar files alone or Parquet.*a\.png"):
        open_stream(tmp_path, SIZED)


# Lists of shards in the cache


def test_shards_are_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shards(tmp_path / "tars")
    open_stream(folder, SIZED, workers=0)
    with monkeypatch.context() as patch:
        patch.setattr("ganzfeld.data.shard_index.images_in", None)  # would raise
        moved = folder.rename(tmp_path / "moved")
        assert len(open_stream(moved, SIZED, workers=0).stream) == 150
    write_tar(moved / "s-000.tar", range(40))
    assert len(open_stream(moved, SIZED, workers=0).stream) == 140


def test_a_decoder_whose_thread_ends_while_it_is_stopped() -> None:
    driver = workers.Driver.__new__(workers.Driver)

    class Child:
        killed = False

        def poll(self) -> None:
            driver.child = None  # as the thread does at that moment

        def kill(self) -> None:
            self.killed = True

    child: Any = Child()
    driver.child = child
    driver.kill()
    assert child.killed


PEAK = """
import resource, sys
from ganzfeld.data import shard_stream
from ganzfeld.data.options import PackOptions
shard_stream.SAMPLE, shard_stream.WINDOW, shard_stream.LEAST_WINDOW = 64, 128, 128
pack = shard_stream.open_stream(sys.argv[1], PackOptions(size=(64, 64)), workers=0)
for start in range(0, 2 * len(pack.stream), 64):
    pack.stream.rows(0, start, 64)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss differs")
@pytest.mark.long
def test_memory_does_not_grow_with_the_number_of_shards(tmp_path: Path) -> None:
    """Sixteen times the shards, 2,560 images: 31 MB as pixels."""
    peaks = []
    for count in (2, 32):
        folder = shards(tmp_path / f"{count}", count=count, each=80, kind="PNG")
        words = [sys.executable, "-c", PEAK, str(folder)]
        peaks.append(int(subprocess.run(words, capture_output=True, check=True).stdout))
    assert peaks[1] - peaks[0] < 6_000, f"{peaks} KiB"


# Runs


def trained(folder: Path, out: Path, **more: Any) -> Any:
    tiny = ["networks.*.width=4", "networks.G.latent=8", "run.evaluate_final=false"]
    return ganzfeld.train(
        folder, stream=True, size=16, batch=16, out=out, quiet=True, settings=tiny, **more
    )


def test_a_shard_that_is_not_as_it_was_is_told_when_a_run_goes_on(tmp_path: Path) -> None:
    folder, out = shards(tmp_path / "tars"), tmp_path / "run"
    trained(folder, out, images=32)
    (folder / "s-000.tar").unlink()
    write_tar(folder / "s-002.tar", range(900, 950))
    for again in (
        lambda: trained(folder, out, images=32),
        lambda: ganzfeld.resume(out, quiet=True),
    ):
        with pytest.raises(CheckpointError) as caught:
            again()
        assert "1 of 3 gone: s-000.tar; 1 of 3 changed: s-002.tar (50 images" in str(caught.value)


@pytest.mark.long
def test_a_run_goes_on_with_more_shards(tmp_path: Path) -> None:
    folder, out = shards(tmp_path / "tars"), tmp_path / "run"
    trained(folder, out, images=32)
    write_tar(folder / "s-003.tar", range(150, 200))
    with pytest.raises(CheckpointError, match=r"1 new: s-003\.tar.*\n.*\n.*--data-grown"):
        ganzfeld.resume(out, images=64, quiet=True)
    ganzfeld.resume(out, images=64, data_grown=True, quiet=True)
    ganzfeld.resume(out, images=96, quiet=True)  # what it has noted now is with the new one
    assert read_config(out).data.samples == 200


def test_conditions_and_groups_need_packed_data(tmp_path: Path) -> None:
    folder = shards(tmp_path / "tars")
    for more in ({"labels": "clusters"}, {"condition": "age"}, {"recipe": "cyclegan"}):
        with pytest.raises(UsageError, match="does not go with --stream"):
            ganzfeld.train(folder, stream=True, out=tmp_path / "run", quiet=True, **more)
