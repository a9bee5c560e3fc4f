"""From images to captions, all the way: train, caption, evaluate, go on."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.errors import UsageError
from ganzfeld.models.captioner import Captioner

pytestmark = pytest.mark.long

SETTINGS = [
    *("networks.*.width=4", "networks.*.hidden=16", "networks.*.embedding=8"),
    *("game.likelihood_share=0.5", "run.threads=1"),
    *("run.sample_every=320", "run.evaluate_every=320"),
]
Screen = pytest.CaptureFixture[str]


def train(out: Path, images: int = 640, **options: Any) -> ganzfeld.Run:
    given: dict[str, Any] = {"recipe": "image-to-text", "size": 16, "batch": 32, "quiet": True}
    settings = [*SETTINGS, *options.pop("settings", ())]
    data = options.pop("data", "avatars-paraphrases:160")
    return ganzfeld.train(data, images=images, out=out, settings=settings, **given | options)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    return train(tmp_path_factory.mktemp("captions") / "run")


@pytest.fixture(scope="module")
def model(run: ganzfeld.Run) -> Captioner:
    found: Captioner = ganzfeld.load(run.path, task="captioning")
    return found


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three images of other sizes and modes, and a file that is none."""
    folder = tmp_path / "images"
    (folder / "more").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    Image.fromarray(pixels[:, :20]).save(folder / "b.png")
    Image.new("L", (16, 16), 90).save(folder / "more" / "c.png")
    (folder / "z.png").write_text("nothing of the kind")
    return folder


def fails(words: list[str], screen: Screen) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        main(words)
    return int(str(caught.value.code)), screen.readouterr().err


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# In Python


def test_a_caption_depends_on_seed_number_and_image_alone(model: Captioner) -> None:
    x = np.random.default_rng(1).integers(0, 256, (40, 3, 16, 16), dtype=np.uint8)
    whole = model.caption(x, count=3, seed=4)
    assert [len(own) for own in whole] == [3] * 40
    assert model.caption(x[7:8], count=3, seed=4)[0] == whole[7]
    assert model.caption(x[::-1], count=1, seed=4)[3] == whole[36][:1]
    assert model.caption(x[:2], count=2, seed=4, start=1)[1] == whole[1][1:]
    assert model.caption(x, count=3, seed=5) != whole
    assert len({own[0] for own in whole}) > 30, "each image has latents of its own"


def test_images_come_as_they_are(model: Captioner) -> None:
    image = Image.new("RGB", (40, 40), (200, 30, 60))
    (one,) = model.caption(image)
    assert isinstance(one, str) and model.caption([image, image]) == [[one], [one]]
    x = np.asarray(image.resize((16, 16))).transpose(2, 0, 1)[None]
    assert model.caption(x) == [[one]]
    assert model.caption(x.astype(np.float32) / 127.5 - 1) == [[one]]
    for bad in ([], x[:, :, :9], x[0]):
        with pytest.raises(UsageError):
            model.caption(bad)
    for options in ({"count": 0}, {"temperature": 0.0}, {"seed": -1}):
        with pytest.raises(UsageError):
            model.caption(image, **options)


def test_a_model_says_what_it_is_for(run: ganzfeld.Run) -> None:
    with pytest.raises(UsageError, match="captioning, not for generation") as caught:
        ganzfeld.load(run.path, task="generation")
    assert caught.value.fix is not None and "ganzfeld caption" in caught.value.fix
    about = json.loads((run.path / "model" / "config.json").read_text(encoding="utf-8"))
    assert about["task"] == "captioning" and len(about["conditions"]["columns"][0]["symbols"]) > 99
    card = (run.path / "model" / "README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: image-to-text" in card and "model.caption(" in card


def test_a_model_folder_alone_is_enough(
    run: ganzfeld.Run, model: Captioner, tmp_path: Path
) -> None:
    shutil.copytree(run.path / "model", tmp_path / "alone")
    image = Image.new("RGB", (16, 16), (9, 99, 200))
    assert ganzfeld.load(tmp_path / "alone").caption(image) == model.caption(image)


# The command


def test_the_command_writes_a_table_and_names_what_is_no_image(
    run: ganzfeld.Run, images: Path, tmp_path: Path, capsys: Screen
) -> None:
    out = tmp_path / "captions.csv"
    code, said = fails(["caption", str(run.path), str(images), "--out", str(out)], capsys)
    assert code == 3 and "z.png" in said and "3 others are captioned" in said
    rows = rows_of(out)
    assert [row["file"] for row in rows] == ["a.png", "b.png", "more/c.png"]
    assert list(rows[0]) == ["file", "caption"] and all(row["caption"] for row in rows)
    mark = json.loads((tmp_path / "captions.csv.json").read_text(encoding="utf-8"))
    assert mark["recipe"] == "image-to-text" and mark["seed"] == 0 and len(mark["model"]) == 64
    (images / "z.png").unlink()
    more = tmp_path / "more.csv"
    words = ["--count", "3", "--out", str(more), "--no-mark"]
    main(["caption", str(run.path), str(images), *words])
    several = rows_of(more)
    assert [row["index"] for row in several[:4]] == ["0", "1", "2", "0"]
    assert [row["caption"] for row in several[::3]] == [row["caption"] for row in rows]
    assert not (tmp_path / "more.csv.json").exists()


def test_an_image_or_a_zip_will_do_and_without_out_it_is_printed(
    run: ganzfeld.Run, images: Path, tmp_path: Path, capsys: Screen
) -> None:
    main(["caption", str(run.path), str(images / "a.png"), "--seed", "7"])
    head, line = capsys.readouterr().out.splitlines()
    assert head == "file,caption" and line.startswith("a.png,")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as packed:
        for name in ("a.png", "b.png"):
            packed.write(images / name, name)
    main(["caption", str(run.path), str(tmp_path / "some.zip"), "--seed", "7"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == line and len(printed) == 3


def test_what_cannot_be_done_is_one_clear_screen(
    run: ganzfeld.Run, images: Path, tmp_path: Path, capsys: Screen
) -> None:
    code, said = fails(["sample", str(run.path), "--out", str(tmp_path / "x")], capsys)
    assert code == 2 and "ganzfeld caption" in said
    code, said = fails(["caption", str(run.path), str(images), "--out", str(images)], capsys)
    assert code == 2 and "a folder" in said and "--out captions.csv" in said
    code, said = fails(["caption", str(run.path), str(tmp_path / "none")], capsys)
    assert code == 3 and "there is nothing at" in said
    assert "give an image" in said and "avatars" not in said.split("fix:")[1]
    code, said = fails(["caption", str(run.path), str(images), "--temperature", "0"], capsys)
    assert code == 2
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "z.png").write_text("nothing")
    out = tmp_path / "none.csv"
    words = ["caption", str(run.path), str(tmp_path / "empty"), "--out", str(out)]
    code, said = fails(words, capsys)
    assert code == 3 and "nothing was written" in said and not out.exists()


def test_no_page_no_onnx(run: ganzfeld.Run, tmp_path: Path, capsys: Screen) -> None:
    for words in (
        ["export", str(run.path), "--to", "page", "--out", str(tmp_path / "page.html")],
        ["export", str(run.path), "--to", "onnx", "--out", str(tmp_path / "onnx")],
    ):
        code, said = fails(words, capsys)
        assert code == 2, said
        assert "captions images" in said  # also where onnx is not installed
    assert not (tmp_path / "page.html").exists() and not (tmp_path / "onnx").exists()


# Measures, sheets, report


def test_held_out_images_are_measured_and_shown(run: ganzfeld.Run) -> None:
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    found = next(row for row in rows if row["kind"] == "evaluation")
    assert found["held_out"] and 0 <= found["grammatical"] <= 1 and found["nats_a_word"] > 0
    names = {name for row in rows for name in row.get("losses", {})}
    assert {"generator/likelihood", "generator/adversarial", "discriminator/match"} <= names
    sheets = sorted((run.path / "samples").glob("*.captions.txt"))
    assert sheets and len(sheets[-1].read_text(encoding="utf-8").splitlines()) == 8
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Images and captions" in page and page.count("<figcaption><bdi>") == 8


def test_an_evaluation_knows_the_truth_of_avatars(
    run: ganzfeld.Run, tmp_path: Path, capsys: Screen
) -> None:
    found = ganzfeld.evaluate(run.path, "avatars-paraphrases:160", count=64)
    assert found["count"] == 8 or found["count"] == 64
    told = found["real"]
    assert told["f1"] > 0.8 and told["grammatical"] == 1 and found["f1"] < told["f1"]
    assert found["forward"] > 0 and found["protocol"]["temperature"] == 1
    with pytest.raises(UsageError, match="this one captions images"):
        ganzfeld.evaluate(run.path, "avatars-paraphrases:160", extractor="random")
    out = tmp_path / "found.json"
    main(["evaluate", str(run.path), "avatars-paraphrases:40", "--json", str(out)])
    printed = capsys.readouterr().out
    assert "grammatical" in printed and "wording" in printed and out.exists()


# Going on


@pytest.mark.long
def test_a_run_goes_on_bit_for_bit_from_either_part(tmp_path: Path) -> None:
    out = tmp_path / "run"
    kept = ["run.save_every=64", "run.keep=99", "run.evaluate_final=false"]
    whole = train(out, 384, settings=kept)
    model = (whole.path / "model" / "model.safetensors").read_bytes()
    for last in (128, 256):  # in the part by likelihood, which ends at 192, and behind it
        again = tmp_path / f"again-{last}"
        shutil.copytree(out, again)
        for place in (again / "checkpoints").iterdir():
            if int(place.name[-12:]) > last:
                shutil.rmtree(place)
        shutil.rmtree(again / "model")
        done = ganzfeld.resume(again, quiet=True)
        assert (done.path / "model" / "model.safetensors").read_bytes() == model


def test_likelihood_alone_is_a_recipe_of_the_same_writer(tmp_path: Path) -> None:
    run = ganzfeld.train(
        "avatars-captions:64", recipe="image-to-text-mle", size=16, batch=32, images=64, quiet=True,
        out=tmp_path / "run", settings=SETTINGS[:3],
    )  # fmt: skip
    assert ganzfeld.load(run.path).caption(Image.new("RGB", (16, 16)))


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[list[str]], Path]:
    def made(lines: list[str]) -> Path:
        place = tmp_path / "data"
        place.mkdir()
        for number in range(40):
            colour = ((250, 20, 20), (20, 20, 250))[number % 2]
            Image.new("RGB", (16, 16), colour).save(place / f"{number}.png")
        rows = [f"{n}.png,{lines[n % len(lines)]} number {n}" for n in range(40)]
        (place / "metadata.csv").write_text("\n".join(["file_name,words", *rows]), "utf-8")
        return place

    return made


def test_a_folder_of_images_and_captions_trains(
    folder: Callable[[list[str]], Path], tmp_path: Path
) -> None:
    data = folder(["a red square", "a blue square"])
    with pytest.raises(UsageError, match="image-to-text needs captions"):
        train(tmp_path / "a", 64, data=data)
    run = train(tmp_path / "b", 64, data=data, condition="words")
    model = ganzfeld.load(run.path)
    (line,) = model.caption(Image.new("RGB", (16, 16), (250, 20, 20)))
    words = {"a", "red", "blue", "square", "number", *map(str, range(40))}
    assert set(line.split()) <= words
    found = ganzfeld.evaluate(run.path, data)
    assert "grammatical" not in found and found["reverse"] > 0 and found["real"]["reverse"] > 0
