"""What a check finds by comparing samples: near copies, odd samples, leaks, shapes; its page."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from ganzfeld.cli import main
from ganzfeld.data.avatars import scene
from ganzfeld.data.check import check_data, describe
from ganzfeld.data.columns import Values
from ganzfeld.data.compared import of_columns
from ganzfeld.data.likeness import near_copies
from ganzfeld.data.options import PackOptions
from ganzfeld.data.source import Raw
from ganzfeld.data.survey import suggested
from ganzfeld.data.survey_words import asked
from ganzfeld.modalities import MODALITIES, Spec
from ganzfeld.modalities.odd import oddness
from pages import HOSTILE, assert_alone

SIDE = 32
IMAGES = MODALITIES["image"]


def drawn(count: int) -> list[Image.Image]:
    pixels, _ = scene.avatars(count, SIDE, SIDE)
    return [Image.fromarray(one.transpose(1, 2, 0)) for one in pixels]


def jpeg(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=60)
    return Image.open(stream).convert("RGB")


def cropped(image: Image.Image) -> Image.Image:
    return image.crop((2, 0, SIDE, SIDE - 2)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


COPIES = {
    "jpeg": (jpeg, ""),
    "mirror": (lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "mirrored"),
    "bright": (lambda image: image.point(lambda v: min(255, 1.1 * v + 20)), ""),
    "crop": (cropped, "cropped"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 clean images in two classes, with 5 planted copies of each way, 5 blurred, 5 dark."""
    root = tmp_path_factory.mktemp("planted") / "set"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
    clean = drawn(400)
    for number, image in enumerate(clean):
        image.save(root / "ab"[number % 20 == 0] / f"{number:03}.png")
    for place, (way, (change, _)) in enumerate(COPIES.items()):
        for k in range(5):
            change(clean[40 * place + 7 * k]).save(
                root / "a" / f"{way}-{40 * place + 7 * k:03}.png"
            )
    for k in range(5):
        clean[300 + k].filter(ImageFilter.GaussianBlur(2)).save(root / "a" / f"blurred-{k}.png")
        clean[320 + k].point(lambda v: 0.1 * v).save(root / "a" / f"dark-{k}.png")
    return root


@pytest.fixture(scope="module")
def report(folder: Path) -> dict:
    return check_data(folder)


def by_pairs(report: dict) -> dict[frozenset[str], str]:
    return {
        frozenset(name.split("/")[-1] for name in pair["names"]): pair["how"]
        for pair in report["survey"]["copies"]
    }


@pytest.mark.parametrize("way", COPIES)
def test_planted_copies_are_found_with_their_originals(report: dict, way: str) -> None:
    pairs, place = by_pairs(report), [*COPIES].index(way)
    for k in range(5):
        number = f"{40 * place + 7 * k:03}"
        found = pairs.get(frozenset({f"{number}.png", f"{way}-{number}.png"}))
        assert found == COPIES[way][1], (way, number, found)


def test_nothing_else_is_taken_for_a_copy(report: dict) -> None:
    names = {name for pair in by_pairs(report) for name in pair}
    planted = {n for n in names if n.startswith((*COPIES, "blurred", "dark"))}
    originals = {f"{n.split('-')[-1]}" for n in planted if n.startswith(tuple(COPIES))}
    rest = names - planted - originals - {f"{300 + k}.png" for k in range(25)}
    assert len(rest) <= 4, rest  # 1 % of 400


def test_blurred_and_dark_ones_are_odd_and_clean_ones_are_not(report: dict) -> None:
    odd = report["survey"]["odd"]
    for called in ("blurred", "dark"):
        names = {name.split("/")[-1] for _, name in odd[called]["samples"]}
        assert {f"{called}-{k}.png" for k in range(5)} <= names
        assert odd[called]["count"] <= 5 + 4


@pytest.mark.long
def test_clean_images_are_left_in_peace() -> None:
    found = check_data("avatars:1000")["survey"]
    assert found["copies_count"] <= 10
    assert sum(one["count"] for one in found["odd"].values()) <= 10


def test_a_copy_across_the_held_out_part_is_a_leak(folder: Path, report: dict) -> None:
    assert report["survey"]["leaks"] >= 1
    text = describe(report)
    assert "have a near copy in training" in text and "Near copies: " in text
    clean = check_data("avatars:400")["survey"]
    assert clean["leaks"] == 0 and clean["copies"] == []


def test_copies_in_a_test_folder_are_found(tmp_path: Path) -> None:
    images = drawn(60)
    for part, chosen in (("train", images[:40]), ("test", images[40:])):
        (tmp_path / part).mkdir()
        for number, image in enumerate(chosen):
            image.save(tmp_path / part / f"{number}.png")
    jpeg(images[3]).save(tmp_path / "test" / "leaked.png")
    report = check_data(tmp_path)
    found = report["survey"]["test"]
    assert found["count"] == 1 and found["of"] == 21
    assert found["pairs"][0]["names"] == ["train/3.png", "test/leaked.png"]
    assert "1 of 21 test images have a near copy in training" in describe(report)


def test_balance_shapes_and_the_command(folder: Path, report: dict, tmp_path: Path) -> None:
    text = describe(report)
    assert "Uneven classes: a has 410, b 20" in text
    assert f"Try: ganzfeld train {folder} --size 32 --recipe default" in text
    for number, image in enumerate(drawn(30)):
        size = (96, 64) if number % 3 else (64, 64)
        image.resize(size).save(tmp_path / f"{number}.png")
    report = check_data(tmp_path)
    shapes = report["survey"]["shapes"]
    assert (shapes["wide"], shapes["tall"], shapes["square"]) == (20, 0, 10)
    assert shapes["mixed"] and shapes["suggested"] == [64, 96]
    assert "Mixed shapes: 20 wide, 10 square" in describe(report)
    for name in ("trainA", "train_B"):
        (tmp_path / name).mkdir()
    for place in sorted(tmp_path.glob("*.png")):
        place.rename(tmp_path / ("trainA", "train_B")[int(place.stem) % 2] / place.name)
    assert "--recipe cyclegan" in describe(check_data(tmp_path))
    (wide := tmp_path / "wide").mkdir()
    for number, image in enumerate(drawn(30)):
        image.resize((64, 32)).save(wide / f"{number}.png")
    assert "a pair side by side: ganzfeld train" in describe(check_data(wide))
    assert "a pair side by side" not in describe(report)


def test_a_size_is_proposed_that_files_are_large_enough_for() -> None:
    from collections import Counter

    assert suggested(Counter({(512, 512): 95, (40, 40): 5})) == (256, 256)
    assert suggested(Counter({(100, 100): 100})) == (96, 96)
    assert suggested(Counter({(64, 128): 50, (128, 256): 50})) == (64, 128)
    assert suggested(Counter({(28, 28): 100})) == (28, 28)


def test_the_page_shows_the_samples_and_escapes_names(tmp_path: Path, monkeypatch) -> None:
    images = drawn(120)
    (tmp_path / "set").mkdir()
    for number, image in enumerate(images):
        image.save(tmp_path / "set" / f"{number:03}.png")
    hostile = HOSTILE.replace("/", "_")
    jpeg(images[0]).save(tmp_path / "set" / f"{hostile}.png")
    images[1].point(lambda v: 0.05 * v).save(tmp_path / "set" / "dark.png")
    (tmp_path / "set" / "bad.png").write_bytes(b"<html>")
    page = tmp_path / "page.html"
    with pytest.raises(SystemExit) as end:
        main.main(["data", "check", str(tmp_path / "set"), "--html", str(page)])
    assert end.value.code == 3  # a bad file
    found = assert_alone(page)
    assert "Content-Security-Policy" in found.raw and hostile not in found.raw
    assert hostile in found.text.replace("\u2068", "").replace("\u2069", "")
    assert {"<h2>Near copies</h2>", "<h2>Odd samples</h2>", "<h2>Bad files</h2>"} <= {
        part for part in ("<h2>Near copies</h2>", "<h2>Odd samples</h2>", "<h2>Bad files</h2>")
        if part in found.raw
    }  # fmt: skip
    assert len([one for one in found.all("img") if str(one["src"]).startswith("data:image")]) >= 2
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    with pytest.raises(SystemExit):
        main.main(["data", "check", str(tmp_path / "set"), "--html", str(page)])
    chinese = assert_alone(page)
    assert "近似重复" in chinese.text and "Near copies" not in chinese.text
    assert 'lang="zh-CN"' in chinese.raw


def raw_of(modality: str, x: np.ndarray, **extra: object) -> tuple[Raw, list[int]]:
    spec = Spec(modality, x.shape[1:], str(x.dtype), dict(extra))
    titles = [f"sample {n}" for n in range(len(x))]
    return Raw(columns={"x": Values(spec=spec, rows=x)}, titles=titles), list(range(len(x)))


def test_sounds_that_are_copies_or_nearly_silent() -> None:
    generator = np.random.default_rng(0)
    waves = generator.normal(0, 4_000, (200, 1, 4_096))
    envelope = np.sin(np.linspace(0, 9, 4_096) + generator.uniform(0, 9, (200, 1, 1))) ** 2
    waves = (waves * envelope).clip(-29_000, 29_000)
    waves[7] = 0.5 * waves[3]
    waves[9, :, 200:] = 0
    x = waves.astype(np.int16)
    found, again = of_columns(*raw_of("audio", x, rate=8_000))
    assert [pair["rows"] for pair in found["copies"]] == [[3, 7]]
    assert found["odd"]["nearly silent"]["samples"] == [[9, "sample 9"]]
    assert np.array_equal(again([9])[9], x[9])


def test_fields_series_and_tables_that_stand_still_or_lack_values() -> None:
    generator = np.random.default_rng(0)
    maps = generator.normal(size=(150, 2, 16, 16)).astype(np.float32)
    maps[:, 1] = 3
    maps[5, 0] = 3
    maps[9, 0] = maps[8, 0] + 1e-3
    found, _ = of_columns(*raw_of("field", maps))
    assert found["facts"] == ["Constant channels: channel 1"]
    assert [pair["rows"] for pair in found["copies"]] == [[8, 9]]
    steps = generator.normal(size=(100, 2, 24)).astype(np.float32)
    steps[4] = 1.0
    found, _ = of_columns(*raw_of("series", steps, names=["wind", "sun"]))
    assert found["odd"]["constant"]["samples"] == [[4, "sample 4"]] and found["facts"] == []
    cells = generator.normal(size=(100, 3)).astype(np.float32)
    cells[:25, 0], cells[:, 2] = np.nan, 7
    columns = [{"name": name, "whole": False} for name in ("age", "pay", "year")]
    kind, spec = MODALITIES["table"], Spec("table", (3,), "float32", {"columns": columns})
    assert kind.facts(cells, spec) == ["Constant columns: year", "Missing: age 25 %"]


def test_odd_samples_do_not_move_what_is_usual() -> None:
    odd = next(one for one in IMAGES.odd if one.called == "Dark")
    levels = np.r_[np.random.default_rng(0).normal(0.8, 0.05, 950), np.full(50, 0.05)]
    assert np.flatnonzero(oddness(levels, odd)).tolist() == list(range(950, 1000))
    assert not oddness(levels[:950], odd).any()
    assert not oddness(np.full(10, 0.1), odd).any()  # a set that is dark as a whole


@pytest.mark.parametrize("count", [3, 10, 20, 30])
def test_few_images_are_no_copies_by_chance(count: int) -> None:
    noise = np.random.default_rng(count).integers(0, 256, (count, 20, 20)).astype(np.uint8)
    assert not near_copies(IMAGES, noise)


@pytest.mark.parametrize("count", [10, 20, 30])
def test_mirrored_and_brighter_copies_of_few_images_are_found(count: int) -> None:
    pixels, _ = scene.avatars(count, SIDE, SIDE)
    prints = IMAGES.prints(pixels)
    brighter = np.clip(prints[2:3] * 0.9 + 20, 0, 255).astype(np.uint8)
    found = near_copies(IMAGES, np.concatenate([prints, prints[1:2, :, ::-1], brighter]))
    assert {(1, count), (2, count + 1)} <= {(pair.first, pair.second) for pair in found}


@pytest.mark.parametrize(
    "how",
    [
        ["--as", "table"],
        ["--as", "text"],
        ["--as", "series", "--window", "12"],
        ["--window", "24", "--on-bad-image", "skip"],
    ],
)
def test_the_command_to_train_with_reads_the_data_as_they_were_looked_at(
    how: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"2026-01-{1 + i // 24:02d} {i % 24:02d}:00,{i % 17},{i % 5}" for i in range(120)]
    (tmp_path / "some rows.csv").write_text("\n".join(["time,a,b", *rows]))
    main.main(["data", "check", str(tmp_path / "some rows.csv"), *how])
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("Try: ")]
    words = shlex.split(line.removeprefix("Try: ganzfeld "))
    assert words[2 : 2 + len(how)] == how
    main.main([*words, "--dry-run", "--out", str(tmp_path / "run")])
    assert "nothing was written" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["grammar:50", "avatars:40"])
def test_the_command_to_train_with_draws_as_many(source: str) -> None:
    assert f"Try: ganzfeld train {source} " in describe(check_data(source))


def test_options_are_typed_as_a_shell_takes_them() -> None:
    options = PackOptions(range="-1000:400", follow_links=True, max_megapixels=400.0)
    assert asked(options) == ["--range=-1000:400", "--follow-links", "--max-megapixels 400"]
    assert asked(PackOptions()) == []
    assert asked(PackOptions(size=(16, 24), alpha="keep")) == ["--size 16x24", "--alpha keep"]
    assert asked(PackOptions(labels="my labels.csv")) == ["--labels 'my labels.csv'"]
