"""Odd inputs and odd calls, each of which takes milliseconds: an exit code, and what is said."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from test_foreign import code_of

from ganzfeld.config import to_json
from ganzfeld.core import system
from ganzfeld.data.listing import alike
from ganzfeld.models.fitting import check_new
from ganzfeld.recipes import RECIPES, Facts

Maker = Callable[[Path], object]
DRAWN: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(DRAWN[number]).save(buffer, "PNG")
    return buffer.getvalue()


def images(home: Path, name: str = "d") -> Path:
    (home / name).mkdir()
    for number in range(len(DRAWN)):
        (home / name / f"{number}.png").write_bytes(png(number))
    return home / name


def with_file(name: str, text: str) -> Maker:
    return lambda home: (images(home) / name).write_text(text)


def array(**named: Any) -> Maker:
    return lambda home: np.savez(home / "d", **named)


def npy(made: Any) -> Maker:
    return lambda home: np.save(home / "d.npy", made)


def raw_npy(shape: str, behind: bytes = bytes(100)) -> Maker:
    """A .npy file whose header says this shape."""

    def make(home: Path) -> None:
        head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".encode()
        size = struct.pack("<I", len(head) + 1)
        (home / "d.npy").write_bytes(b"\x93NUMPY\x02\x00" + size + head + b"\n" + behind)

    return make


def npz_of(member: str, made: bytes, method: int = zipfile.ZIP_STORED) -> Maker:
    def make(home: Path) -> None:
        with zipfile.ZipFile(home / "d.npz", "w", method) as file:
            file.writestr(member, made)

    return make


def bomb(home: Path) -> None:
    """300 MB of zeros in 300 kB."""
    head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (73242, 64, 64)}\n"
    with (
        zipfile.ZipFile(home / "d.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("x.npy", "w") as member,
    ):
        member.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
        for _ in range(300):
            member.write(bytes(1 << 20))


def zip_of(names: list[str], flag: int = 0) -> Maker:
    def make(home: Path) -> None:
        with zipfile.ZipFile(home / "d.zip", "w") as file:
            for number, name in enumerate(names):
                file.writestr(name, png(number) if name.endswith(".png") else b"PK\5\6" + bytes(18))
        if flag:
            data = bytearray((home / "d.zip").read_bytes())
            for mark, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
                at = data.find(mark)
                while at >= 0:
                    data[at + place] |= flag
                    at = data.find(mark, at + 4)
            (home / "d.zip").write_bytes(data)

    return make


def same_images(home: Path, alpha: int | None) -> None:
    (home / "d").mkdir()
    for number, drawn in enumerate(DRAWN):
        if alpha is None:
            image = Image.new("RGB", (16, 16), (7, 7, 7))
        else:
            image = Image.fromarray(np.dstack([drawn, np.full((16, 16), alpha, np.uint8)]))
        image.save(home / "d" / f"{number}.png")


def sounds(home: Path) -> None:
    (home / "d").mkdir()
    for number in range(12):
        head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
        whole = b"RIFF" + struct.pack("<I", 36) + head + b"data" + struct.pack("<I", 0)
        (home / "d" / f"{number}.wav").write_bytes(whole)


TWICE = "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(24)) + "0.png,b\n1.png,a\n"
DATA: list[tuple[Maker, str, int, str]] = [
    (raw_npy("(-5, 16, 16)"), "d.npy", 3, "cut short or damaged"),
    (raw_npy("(1099511627776, 1099511627776)"), "d.npy", 3, "cut short or damaged"),
    (raw_npy("(1000000000, 1000, 1000, 3)"), "d.npy", 3, "cut short or damaged"),
    (raw_npy("(" * 5_000), "d.npy", 3, "cut short or damaged"),
    (raw_npy("('a', 16, 16)"), "d.npy", 3, "cut short or damaged"),
    (raw_npy("(True, 16, 16)"), "d.npy", 3, ""),
    (npy(DRAWN.astype(complex)), "d.npy", 3, "such numbers are not read"),
    (npy(np.zeros((40, 0, 16), np.uint8)), "d.npy", 3, "has the shape"),
    (npy(np.float32(3)), "d.npy", 3, "has the shape ()"),
    (npy(np.zeros(40, [("a", "f4")])), "d.npy", 3, "such numbers are not read"),
    (npy(np.full((9, 16, 16), np.inf)), "d.npy", 3, "all are NaN or infinite"),
    (npy(DRAWN.astype(">u2")), "d.npy", 0, "taken as 8-bit"),
    (npy(np.asfortranarray(DRAWN)), "d.npy", 0, "24 images"),
    (npy(np.full((24, 16, 16), 200, np.uint8)), "d.npy", 0, "are the same: there is nothing"),
    (array(x=DRAWN, y=np.zeros(23)), "d.npz", 3, "labels of the shape (23,)"),
    (array(x=DRAWN, y=np.full(24, np.nan)), "d.npz", 0, "are left aside"),
    (array(), "d.npz", 3, "holds no images"),
    (npz_of("x.npy", b"\x93NUMPY\x01\x00\xff\xff{"), "d.npz", 3, "cut short or damaged"),
    (npz_of("x.npy", b""), "d.npz", 3, ""),
    (bomb, "d.npz", 3, "would unpack to"),
    (zip_of(["a/b.zip"]), "d.zip", 3, "unpack it, and give the folder"),
    (zip_of(["0.png", "/etc/1.png"]), "d.zip", 3, "is an absolute path"),
    (zip_of([f"{n}.png" for n in range(9)], flag=1), "d.zip", 3, "encrypted in the archive"),
    (with_file("labels.csv", f"file,label\n{TWICE}"), "d", 0, "two different labels in it"),
    (
        with_file(
            "dataset.json",
            json.dumps({"labels": [[f"{n}.png", 10**30 if n % 2 else -5] for n in range(24)]}),
        ),
        "d",
        0,
        f"  {10**30} ",
    ),
    (lambda home: same_images(home, None), "d", 0, "are the same: there is nothing to learn"),
    (lambda home: same_images(home, 0), "d", 0, "what is see-through hides them, see --alpha"),
    (sounds, "d", 3, "no sound could be read"),
    (images, "d --as text", 3, "where lines are expected"),
    (images, "d --as table", 3, "where rows are expected"),
    (images, "d --as series", 3, "where series are expected"),
    (npy(DRAWN), "d.npy --as text", 3, "where lines are expected"),
    (images, "d/*.png", 3, "Patterns are not read: give the folder"),
    (images, "https://example.org/d.zip", 3, "https://example.org/d.zip is an address"),
    (images, "file:///tmp/d", 3, "is an address"),
    (images, "C:\\photos\\a", 3, "under WSL: /mnt/c/photos/a"),
    (images, "d --range 0:1e-320", 2, "--range takes LOW:HIGH"),
]


@pytest.mark.parametrize(("make", "words", "code", "said"), DATA, ids=range(len(DATA)))
def test_odd_data_are_said_to_be_what_they_are(
    make: Maker,
    words: str,
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    recwarn: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    make(tmp_path)
    assert code_of(["data", "check", *words.split()]) == code
    told = capsys.readouterr()
    assert said in " ".join((told.out + told.err).split(" ")), told
    assert len(told.err) < 3_000 and not list(recwarn)


RUN = "avatars-model"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("evaluate avatars-model rows.csv --count 8", 3, "can be compared with images only"),
        ("evaluate avatars-model lines.txt --count 8", 3, "can be compared with images only"),
        (
            "evaluate avatars-model avatars:40 --count 10000000 --extractor random",
            5,
            "more than half of this machine's memory",
        ),
        ("sample avatars-model --count 2 --out lines.txt", 5, "move away what lies there"),
        ("sample avatars-model --count 2 --out loop/x", 5, "move away what lies there"),
        ("train d --out d --images 16", 2, "lies in d, the data"),
        ("train d --out d/runs/r --images 16 --dry-run", 2, "lies in d, the data"),
        ("train d --set data.source=/etc/passwd", 2, "no setting, but an argument"),
        ("train d --set data.samples=7", 2, "this follows from the data"),
        ("train d --set data.*=7", 2, "this follows from the data"),
        ("train d --set data.range=0:9", 2, "ganzfeld train --range"),
        ("doctor run", 4, "is a folder, not a file"),
        ("doctor piped", 4, "is a pipe, not a file"),
    ],
)
def test_odd_calls_say_what_is_wrong(
    words: str,
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("a,b\n" + "".join(f"{n},{n % 3}\n" for n in range(40)))
    (tmp_path / "lines.txt").write_text("".join(f"the cat {n}\n" for n in range(40)))
    monkeypatch.setattr(system, "total_memory", lambda: 1 << 30)
    (tmp_path / "loop").symlink_to("loop")
    images(tmp_path)
    config = RECIPES["default"](Facts(count=9, channels=3, height=16, width=16, classes=0))
    for name in ("run", "piped"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(to_json(config))
    (tmp_path / "run" / "metrics.jsonl").mkdir()
    os.mkfifo(tmp_path / "piped" / "metrics.jsonl")
    assert code_of(words.split()) == code
    told = capsys.readouterr()
    assert said in " ".join((told.out + told.err).split()), told


def test_networks_that_memory_cannot_hold_are_refused_before_they_are_built() -> None:
    from ganzfeld.errors import ResourceError

    config = RECIPES["default"](Facts(count=9, channels=3, height=16, width=16, classes=0))
    check_new(config)
    config.networks["G"].options |= {"width": 200_000, "most": 200_000}
    with pytest.raises(ResourceError, match=r"G with .* parameters, need .* GiB to train"):
        check_new(config)


def test_a_run_of_other_classes_than_its_networks_is_refused_before_it_trains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import ganzfeld

    run = ganzfeld.train(
        "avatars:64", recipe="dcgan", size=16, images=32, batch=16, out=tmp_path / "run",
        settings=["networks.*.width=4", "run.threads=1"], quiet=True,
    ).path  # fmt: skip
    config = json.loads((run / "config.json").read_text())
    config["data"]["classes"] = ["a", "b"]
    (run / "config.json").write_text(json.dumps(config))
    assert code_of(["resume", f"{run}", "--images", "64"]) == 4
    assert "it names 2 classes, and its generator draws 10" in capsys.readouterr().err
    shutil.rmtree(run)


def test_two_domains_of_the_same_images_are_said(tmp_path: Path) -> None:
    from ganzfeld.data.domains import open_domains
    from ganzfeld.data.options import PackOptions

    images(tmp_path, "a"), images(tmp_path, "b")
    found = open_domains(tmp_path / "a", "unpaired", PackOptions(), other=tmp_path / "b")
    assert any("hold the same images" in warning for warning in found.report["warnings"])


def test_names_that_differ_in_digits_alone_sort_as_all_others_do(tmp_path: Path) -> None:
    from ganzfeld.core.names import natural
    from ganzfeld.data.listing import list_folder

    for names in (
        [f"a{n:03d}b{99 - n:02d}.png" for n in range(0, 99, 7)],
        [f"{n}.png" for n in range(0, 300, 37)],
        ["007", "010", "000", "100"],
    ):
        home = tmp_path / names[0]
        home.mkdir()
        for name in names:
            (home / name).touch()
        found = list_folder(home).files
        assert [name for name, _, _ in found] == sorted(names, key=natural)
    assert alike([("a1", 0, 0), ("a2", 0, 0)])
    assert not alike([("a1", 0, 0), ("a10", 0, 0)]) and not alike([("a1", 0, 0), ("b1", 0, 0)])


@pytest.mark.long
def test_a_reader_that_goes_does_not_change_the_verdict(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "config.json").write_text("[" * 90)
    words = [sys.executable, "-u", "-m", "ganzfeld", "checkpoint", "verify", "run"]
    reading, writing = os.pipe()
    os.close(reading)  # as `head` does
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (4, b"")
