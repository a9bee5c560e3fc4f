"""Where the language is Chinese, no English is left in what a look at data and a plan say."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzfeld.cli import main
from ganzfeld.core.language import speak_of, tr
from ganzfeld.data.audio_sets import RATE, vowels
from ganzfeld.modalities.audio.wav import wav_bytes

COMMAND = re.compile(r"ganzfeld [^（）。；]+|--[a-z][\w-]*(?: [A-Z:]+)?|`[^`]+`")
ENGLISH = re.compile(r"[A-Za-z][a-z']+(?: [a-z']+)+")
Made = Callable[[Path], str]


def left_in(text: str, place: Path) -> list[str]:
    """Runs of two or more English words, beside commands, options and the place of the data."""
    plain = COMMAND.sub("·", text.replace(str(place), "·"))
    return [found[0] for found in ENGLISH.finditer(plain)]


def test_what_counts_as_left_over(tmp_path: Path) -> None:
    said = f"{tmp_path}/a b；the folders' names；ganzfeld train a --size 8；cats 3, dogs 4"
    assert left_in(said, tmp_path) == ["the folders' names"]


def noise(seed: int, side: int = 20, mode: str = "RGB") -> Image.Image:
    shape = (side, side, len(mode)) if mode != "L" else (side, side)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return Image.fromarray(pixels, mode)


def photos(place: Path) -> str:
    """Images of many modes and faults, in folders of classes, with a table beside them."""
    for number in range(30):
        path = place / ("cats" if number < 25 else "dogs") / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        noise(number, 20 + number % 2 * 10).save(path)
    dogs = place / "dogs"
    noise(50, mode="RGBA").save(dogs / "alpha.png")
    noise(51, mode="CMYK").save(dogs / "ink.jpg")
    Image.new("P", (20, 20)).save(dogs / "palette.gif")
    noise(52).save(dogs / "moves.gif", save_all=True, append_images=[noise(53), noise(54)])
    turned = Image.Exif()
    turned[0x112] = 6
    noise(55).save(dogs / "turned.jpg", exif=turned)
    noise(56).save(dogs / "other.jpg", "PNG")
    deep = np.random.default_rng(0).integers(0, 4000, (20, 20)).astype(np.uint16)
    Image.fromarray(deep).save(dogs / "deep.png")
    whole = (place / "cats" / "00.png").read_bytes()
    faults = {"cut.png": whole[:300], "empty.png": b"", "text.jpg": b"hello", "copy.png": whole}
    faults |= {"bad.png": whole[:8] + b"zzzz", "drawing.svg": b"<svg/>"}
    for name, data in faults.items():
        (place / "cats" / name).write_bytes(data)
    os.symlink("nowhere", place / "cats" / "link.png")
    (place / "Thumbs.db").write_text("x")
    names = "".join(f"cats/{n:02}.png,{n}\n" for n in range(9))
    (place / "metadata.csv").write_text("file_name,kind\n" + names)
    return str(place)


def parts(place: Path) -> str:
    for number in range(24):
        path = place / ("test" if number % 3 else "train") / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(number).save(path)
    return str(place)


def tabled(place: Path) -> str:
    for number in range(24):
        noise(number).save(place / f"{number:02}.png")
    rows = "".join(f"{n:02}.png,{'ab'[n % 2]},{n},hat\n" for n in range(24))
    (place / "labels.csv").write_text("file,label,age,caption\n" + rows)
    return str(place)


def floats(place: Path) -> str:
    np.save(place / "x.npy", np.random.default_rng(0).normal(size=(30, 12, 10)).astype(np.float32))
    return str(place / "x.npy")


def fields(place: Path) -> str:
    x = np.random.default_rng(0).poisson(3, (60, 2, 8, 8)).astype(np.float32)
    x[3] = np.nan
    np.savez(place / "x.npz", x=x, energy=np.linspace(1, 99, 60))
    return str(place / "x.npz")


def arrays(place: Path) -> str:
    x = np.random.default_rng(0).integers(0, 256, (20, 12, 10), np.uint8)
    np.savez(place / "x.npz", images=x, labels=np.arange(20) % 2)
    return str(place / "x.npz")


def names(place: Path) -> str:
    lines = ["anna", "bert", "carla", "anna", ""] * 20 + ["x" * 300]
    (place / "x.txt").write_text("\n".join(lines) + "\n")
    return str(place / "x.txt")


def objects(place: Path) -> str:
    rows = [json.dumps({"text": f"word {n % 7}", "label": "ab"[n % 2]}) for n in range(60)]
    (place / "x.jsonl").write_text("\n".join([*rows, "no JSON"]) + "\n")
    return str(place / "x.jsonl")


def people(place: Path) -> str:
    with open(place / "x.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "town", "age", "income", "member", "born", "same"])
        for n in range(120):
            age = "" if n % 10 == 0 else 20 + n % 50
            born = f"19{50 + n % 49}-0{1 + n % 9}-11"
            town, member = ("Bonn", "Ulm", "Graz")[n % 3], ("yes", "no")[n % 2]
            writer.writerow([n, town, age, 10.5 * n, member, born, 7])
        writer.writerow(["broken", "row"])
    return str(place / "x.csv")


def days(place: Path) -> str:
    with open(place / "x.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "load", "heat", "season"])
        for n in range(300):
            load = "" if n == 37 else 20 + n % 24
            season = "cold" if n % 200 < 100 else "warm"
            writer.writerow([f"2024-01-{1 + n // 24:02} {n % 24:02}:00", load, n % 7 / 7, season])
    return str(place / "x.csv")


def sounds(place: Path) -> str:
    for number, wave in enumerate(vowels(24).x):
        path = place / "ab"[number % 2] / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wav_bytes(wave * (number != 5), RATE * (1 + (number == 3))))
    (place / "a" / "letter.wav").write_bytes(b"Dear Sir")
    (place / "a" / "notes.md").write_text("x")
    return str(place)


DATA: tuple[Made, ...] = (
    *(photos, parts, tabled, floats, fields, arrays),
    *(names, objects, people, days, sounds),
)
EMBEDDED = ("avatars:40", "vowels:40", "fields:40", "grammar:90", "table:90", "var:40")


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    monkeypatch.chdir(tmp_path)


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    try:
        main.main(words)
    except SystemExit as end:
        assert end.code in (0, 3), capsys.readouterr().err
    finally:
        speak_of()
    found = capsys.readouterr()
    return found.out + found.err


@pytest.mark.parametrize("make", DATA, ids=lambda make: make.__name__)
def test_a_look_at_data_is_chinese(
    make: Made, tmp_path: Path, chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    text = said(["data", "check", make(tmp_path / "data")], capsys)
    assert left_in(text, tmp_path) == [], text


@pytest.mark.parametrize("source", EMBEDDED)
def test_a_look_at_embedded_data_is_chinese(
    source: str, tmp_path: Path, chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(["data", "check", source], capsys)
    names = re.compile(r"（\d+ 个类别：[^）]*）|\d  .*")  # of classes, which are no sentences
    assert left_in(names.sub("", text), tmp_path) == [], text


def test_a_folder_whose_bad_files_are_moved_is_told_in_chinese(
    tmp_path: Path, chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    words = ["data", "check", photos(tmp_path / "data"), "--quarantine", "--frames", "all"]
    text = said([*words, "--alpha", "keep", "--range", "0:4000"], capsys)
    assert "已把 " in text and left_in(text, tmp_path) == [], text


@pytest.mark.long
@pytest.mark.parametrize("make", DATA, ids=lambda make: make.__name__)
def test_a_plan_is_chinese(
    make: Made, tmp_path: Path, chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    words = ["train", make(tmp_path / "data"), "--images", "64", "--dry-run"]
    text = said([*words, "--on-bad-image", "skip"], capsys)
    assert "的训练计划" in text and left_in(text, tmp_path) == [], text


@pytest.mark.parametrize(
    "setting",
    [
        *("networks.G.width=abc", "networks.G.widht=3", "run.batch_size=0", "game.loss=foo"),
        *("run.images=abc", "run.threads=1e9", "data.held_out=-1", "run.precision=int1"),
        *("optimisers.generator.lr=nan", "run.noise=white", "lr=3", "networks.G.name=foo"),
    ],
)
def test_a_wrong_setting_is_told_in_chinese(
    setting: str, tmp_path: Path, chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main.main(["train", "avatars:40", "--set", setting])
    text = capsys.readouterr().err
    plain = re.sub(r"(?:network|game) (?=[a-z-]+ (?:没有|无法))", "", text)  # parts by their names
    assert "错误[2]" in text and left_in(plain, tmp_path) == [], text


def test_lists_are_translated_item_by_item(chinese: None) -> None:
    assert tr("2 of whole numbers, 1 of dates") == "整数列 2 个、日期列 1 个"
    warning = "bad files left out: 4 (1 cut short, 2 odd things, and 3 more)"
    assert tr(warning) == "跳过 4 个坏文件（文件不完整 1 个、odd things 2 个、另有 3 种）"
    assert tr("line 61: holds bytes that are not UTF-8") == "第 61 行：含有不是 UTF-8 的字节"
    assert tr("a.wav: silence") == "a.wav：静音" and tr("a.wav is odd") == "a.wav is odd"
    assert tr("3 cats, 4 dogs") == "3 cats, 4 dogs", "names stay as they are"
