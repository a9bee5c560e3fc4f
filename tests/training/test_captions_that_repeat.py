"""Captions from a template, of which few differ: read as captions where the recipe needs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.candidates import AS_TEXT, PREFIX
from ganzfeld.data.captions import Captioned
from ganzfeld.data.check import check_data, describe
from ganzfeld.data.conditions import conditioned, resolve
from ganzfeld.data.gather import columns_in_words
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.data.typed import typed
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities import captions
from ganzfeld.recipes import RECIPES, Facts, Recipe
from ganzfeld.recipes.find import find_recipe

COLOURS = {"red": (250, 20, 20), "blue": (20, 20, 250), "green": (20, 250, 20)}
SMALL = ["networks.*.width=4", "run.evaluate_count=32", "run.threads=1", "run.precision=float32"]
Line = Callable[[int, str], str]


def dog(_: int, colour: str) -> str:
    return f"A photo of a {colour} dog"


def folder_of(place: Path, line: Line = dog, count: int = 40, column: str = "caption") -> Path:
    """Images of three colors, and a table with a line of each."""
    place.mkdir()
    rows = [f"file_name,{column}"]
    draw = np.random.default_rng(0)
    for number in range(count):
        colour = [*COLOURS][number % 3]
        pixels = np.clip(np.array(COLOURS[colour]) + draw.integers(-9, 9, (8, 8, 3)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number:03}.png")
        rows.append(f'{number:03}.png,"{line(number, colour)}"')
    (place / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    return place


def read(data: Path, name: str = "caption", *, captions: bool = True) -> Pack:
    """The data with one condition, for a recipe that needs captions or for another."""
    labels, names = resolve(data, PackOptions(), [name], captions=captions)
    return conditioned(open_pack(data, PackOptions(labels=labels)), names, 0)


def said_by(pack: Pack, row: int) -> str:
    symbols = pack.condition_columns[0]["symbols"]  # type: ignore[attr-defined]
    return captions.decode(pack.rows(np.array([row]))["caption"][0], symbols)


def train(data: Any, out: Path, recipe: str = "text-to-image", **given: Any) -> ganzfeld.Run:
    given = {"condition": "caption", "images": 48, "batch": 16, "settings": SMALL} | given
    return ganzfeld.train(data, recipe=recipe, out=out, quiet=True, **given)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("repeat") / "dogs")


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    return train(data, tmp_path_factory.mktemp("repeat") / "run")


def test_one_column_is_captions_or_classes_and_the_packs_are_apart(data: Path) -> None:
    said, classes = read(data), read(data, captions=False)
    assert isinstance(said, Captioned) and said.labels is None
    assert [said_by(said, row) for row in range(4)] == [
        *(f"a photo of a {colour} dog" for colour in ("red", "blue", "green", "red")),
    ]
    assert not isinstance(classes, Captioned) and len(classes.classes) == 3
    assert said.path != classes.path, "the names in the cache hold the key"
    assert read(data).reused and read(data, captions=False).reused
    assert said.report["taken"]["captions"] == "the column caption, 3 different"


def test_texts_that_differ_keep_the_pack_that_they_had(tmp_path: Path) -> None:
    """So that runs of before go on, and no pack is built anew."""
    data = folder_of(tmp_path / "data", lambda n, colour: f"a {colour} dog, number {n}")
    assert resolve(data, PackOptions(), ["caption"], captions=True) == ("none", ["caption"])
    assert isinstance(read(data), Captioned)


def test_parts_of_a_line_stay_in_their_order(tmp_path: Path) -> None:
    """Though the same cells, for another recipe, are several classes at once."""
    data = folder_of(tmp_path / "data", lambda _, colour: f"{colour} dog; a photo; big")
    assert open_pack(data).columns["caption"].spec.modality == "several"
    assert said_by(read(data), 1) == "blue dog a photo big"
    found = typed([["b", "a"], ["a"], None], rules=10)
    assert found is not None and found.lines == ["b, a", "a", ""]
    assert found.kept([1, 2]).lines == ["a", ""] and found.repeated([2, 0]).lines == ["", "b, a"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (lambda n, _: str(n % 5), "numbers were named"),
        (lambda n, _: str(n + 0.5), "numbers were named"),
        (lambda n, _: f"0{n % 5}", "has 5 different values for 40 images"),
        (lambda n, _: ("yes", "no")[n % 2], "has 2 different values for 40 images"),
    ],
)
def test_what_is_no_text_is_no_caption(line: Line, told: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=told) as found:
        train(folder_of(tmp_path / "data", line), tmp_path / "run")
    assert found.value.safe == "nothing was trained"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("one", ["a photo of a dog", "dog"])
def test_one_caption_for_all_is_refused_on_one_screen(one: str, tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data", lambda n, _: one.upper() if n % 2 else one)
    with pytest.raises(DataError, match="caption says the same of all samples") as found:
        train(data, tmp_path / "run")
    assert found.value.fix == "--condition with a column in which captions differ"
    assert not (tmp_path / "run").exists()


def test_a_sample_without_a_caption_is_named(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data", lambda n, colour: "" if n == 3 else dog(n, colour))
    with pytest.raises(DataError, match="1 of 40 samples have no words in caption"):
        read(data)


def test_captions_stand_alone(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data")
    lines = (data / "metadata.csv").read_text(encoding="utf-8").splitlines()
    rows = [f"{lines[0]},age", *(f"{line},{n}" for n, line in enumerate(lines[1:]))]
    (data / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(DataError, match="caption holds text, which cannot be a condition beside"):
        resolve(data, PackOptions(), ["age", "caption"], captions=True)
    labels, names = resolve(data, PackOptions(), ["age", "caption"])
    assert (labels, names) == (f"{PREFIX}caption", ["age"])


def test_recipes_of_captions_say_so() -> None:
    facts = Facts(count=9, channels=3, height=8, width=8, classes=0)
    for name, recipe in RECIPES.items():
        try:
            recipe(facts)
            refused = False
        except UsageError as error:
            refused = "needs captions" in error.what
        except Exception:  # of another kind of samples
            refused = False
        assert recipe.captions or not refused, name
    assert {name for name, recipe in RECIPES.items() if recipe.captions} == {
        *(
            "text-to-image",
            "text-to-image-encoder",
            "text-to-audio",
            "text-to-field",
            "text-to-table",
        ),
        *("image-to-text", "image-to-text-mle"),
    }


def test_an_own_recipe_can_say_so_too(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text(
        "from ganzfeld.recipes import RECIPES, Recipe\n"
        "def plain(facts):\n    return RECIPES['text-to-image'](facts)\n"
        "whole = Recipe(plain, captions=True)\n"
        "def marked(facts):\n    return plain(facts)\n"
        "marked.captions = True\n"
    )
    assert isinstance(found := find_recipe(f"{code}:whole"), Recipe) and found.captions
    assert find_recipe(f"{code}:marked").captions
    assert not find_recipe(f"{code}:plain").captions


def test_data_check_says_that_classes_may_be_captions(data: Path, tmp_path: Path) -> None:
    said = describe(check_data(data))
    assert "caption (3 classes or captions: A photo of a blue dog" in said
    kinds = typed(["red", "blue", "red", "blue"] * 5, rules=10)
    assert kinds is not None
    assert columns_in_words({"kind": kinds.spec}) == ["kind (2 classes: blue, red)"]


def test_the_plan_shows_captions(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(data), "--recipe", "text-to-image", "--condition", "caption"]
    main([*words, "--images", "48", "--out", str(tmp_path / "run"), "--dry-run", "--set", *SMALL])
    said = " ".join(capsys.readouterr().out.split())
    assert "captions the column caption, 3 different" in said
    assert "given caption, of 7 words" in said and "no labels" in said
    assert not (tmp_path / "run").exists()


def test_a_run_is_sampled_and_measured_by_captions(
    data: Path, run: ganzfeld.Run, tmp_path: Path
) -> None:
    config = read_config(run.path)
    assert config.data.labels == f"{AS_TEXT}caption" and not config.data.classes
    model = run.model
    assert model.sample(2, text="a photo of a green dog").shape == (2, 3, 8, 8)
    with pytest.raises(UsageError, match="purple"):
        model.sample(1, text="a photo of a purple dog")
    main(
        ["sample", str(run.path), "--text", "a blue dog", "--count", "2", "--out",
         str(tmp_path / "images")]
    )  # fmt: skip
    assert "a blue dog" in (tmp_path / "images" / "metadata.csv").read_text(encoding="utf-8")
    found = ganzfeld.evaluate(run, data, extractor="random", count=32, metrics=["frechet"])
    assert np.isfinite(found["frechet"])
    assert found["protocol"]["data"] == config.data.fingerprint


@pytest.mark.long
def test_a_run_goes_on_with_the_same_reading(data: Path, tmp_path: Path) -> None:
    run = train(data, tmp_path / "run")
    before = read_config(run.path)
    again = ganzfeld.resume(run.path, images=96, quiet=True)
    after = read_config(again.path)
    assert after.data.conditions == before.data.conditions
    assert after.data.labels == before.data.labels and after.run.images == 96
    train(data, tmp_path / "run", images=96)  # the same command finds the same run
    with pytest.raises(ganzfeld.GanzfeldError, match="other settings"):
        train(data, tmp_path / "run", "hinge", images=96)


def test_another_recipe_reads_the_same_folder_as_classes(data: Path, tmp_path: Path) -> None:
    run = train(data, tmp_path / "run", "hinge")
    config = read_config(run.path)
    assert config.data.labels == f"{PREFIX}caption"
    assert config.data.classes == [f"A photo of a {c} dog" for c in ("blue", "green", "red")]


@pytest.mark.long
def test_images_are_captioned_in_few_different_words(data: Path, tmp_path: Path) -> None:
    small = ["networks.*.hidden=8", "run.threads=1", "run.precision=float32"]
    run = train(data, tmp_path / "run", "image-to-text-mle", settings=small)
    assert read_config(run.path).data.labels == f"{AS_TEXT}caption"
    found = ganzfeld.evaluate(run, data, count=16)
    assert found["count"] == 16 and np.isfinite(found["distinct"])
    parts = folder_of(tmp_path / "parts", lambda _, colour: f"photo; a {colour} dog")
    assert ganzfeld.evaluate(run, parts, count=16)["count"] == 16


def table(place: Path) -> Path:
    """Rows of a number and a class, told in three sentences."""
    kinds = ("small", "middling", "large")
    rows = [f"{10 * (n % 3) + n / 50},{'xyz'[n % 3]},a {kinds[n % 3]} one" for n in range(60)]
    place.write_text("\n".join(["size,kind,told", *rows]), encoding="utf-8")
    return place


def test_captions_are_no_part_of_a_tables_rows(tmp_path: Path) -> None:
    data = table(tmp_path / "rows.csv")
    said, classes = read(data, "told"), read(data, "told", captions=False)
    assert said.spec.shape == (2,) and classes.spec.shape == (3,)
    assert [column["name"] for column in said.spec.extra["columns"]] == ["size", "kind"]
    assert said.report["values"] == "1 of numbers, 1 of classes"
    assert said_by(said, 2) == "a large one"
    only = tmp_path / "only.csv"
    only.write_text("\n".join(["told", *("a small one", "a large one") * 30]), encoding="utf-8")
    with pytest.raises(DataError, match="no column beside its captions, told"):
        read(only, "told")


@pytest.mark.long
def test_rows_are_drawn_and_measured_by_captions(tmp_path: Path) -> None:
    data = table(tmp_path / "rows.csv")
    run = train(data, tmp_path / "run", "text-to-table", condition="told", settings=SMALL[1:])
    assert [one["name"] for one in run.model.spec.extra["columns"]] == ["size", "kind"]
    assert run.model.sample(2, text="a small one").shape[0] == 2
    for labels in ("auto", "none"):
        assert ganzfeld.evaluate(run, data, count=32, labels=labels)["count"] == 32
    again = ganzfeld.resume(run.path, images=96, quiet=True)
    assert again.model.spec == run.model.spec


@pytest.mark.long
def test_fields_have_captions_that_repeat(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(30, 8, 8)).astype(np.float32)
    lines = np.array(["a rough field", "a smooth field"] * 15)
    np.savez(tmp_path / "maps.npz", x=x, caption=lines)
    pack = read(tmp_path / "maps.npz")
    assert isinstance(pack, Captioned) and said_by(pack, 1) == "a smooth field"
    run = train(tmp_path / "maps.npz", tmp_path / "run", "text-to-field")
    assert run.model.sample(1, text="a rough field").shape[0] == 1


def test_sounds_have_captions_that_repeat(tmp_path: Path) -> None:
    import wave

    rows = ["file_name,caption"]
    for number in range(20):
        with wave.open(str(tmp_path / f"{number:02}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            tone = np.sin(np.arange(2000) * (0.1 + 0.2 * (number % 2)) + number)
            file.writeframes((9000 * tone).astype("<i2").tobytes())
        rows.append(f"{number:02}.wav,a {('low', 'high')[number % 2]} tone")
    (tmp_path / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    pack = read(tmp_path)
    assert pack.spec.modality == "audio" and isinstance(pack, Captioned)
    assert said_by(pack, 3) == "a high tone"


@pytest.mark.parametrize("line", [dog, lambda _, colour: colour])
def test_texts_beside_the_images_are_captions_too(line: Line, tmp_path: Path) -> None:
    """photo.png with photo.txt, as trainers of LoRA have them; of one word, too."""
    pack = read(beside(tmp_path / "data", line))
    assert isinstance(pack, Captioned)
    assert said_by(pack, 1) == line(1, "blue").lower()


def beside(place: Path, line: Line) -> Path:
    """Images with a text of their own stem each, and no table."""
    data = folder_of(place, line)
    (data / "metadata.csv").unlink()
    for number, image in enumerate(sorted(data.glob("*.png"))):
        text = line(number, [*COLOURS][number % 3])
        image.with_suffix(".txt").write_text(text, encoding="utf-8")
    return data


@pytest.mark.long
def test_a_run_learns_from_texts_beside_the_images(tmp_path: Path) -> None:
    data = beside(tmp_path / "data", dog)
    run = train(data, tmp_path / "run")
    assert run.model.sample(1, text="a red dog").shape == (1, 3, 8, 8)
    one = beside(tmp_path / "one", lambda n, colour: "a photo of a dog")
    with pytest.raises(DataError, match="says the same of all samples"):
        train(one, tmp_path / "other")


def test_tar_shards_have_texts_beside_the_images_too(tmp_path: Path) -> None:
    """The layout of webdataset: 000.png and 000.txt in a tar file."""
    import tarfile

    data = beside(tmp_path / "data", dog)
    with tarfile.open(tmp_path / "dogs-000.tar", "w") as file:
        for path in sorted(data.iterdir()):
            file.add(path, path.name)
    pack = read(tmp_path / "dogs-000.tar")
    assert isinstance(pack, Captioned) and said_by(pack, 2) == "a photo of a green dog"
