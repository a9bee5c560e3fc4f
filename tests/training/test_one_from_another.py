"""What each recipe that makes one kind of samples from another keeps.

A run goes on bit for bit, its model needs nothing beside it, the report shows it, it can be
evaluated, and what is made of one thing hangs on nothing else.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.config import Data
from ganzfeld.data.whereabouts import need
from ganzfeld.errors import GanzfeldError, UsageError
from one_from_another import DRAWN, LINES, SETTINGS, data_of

pytestmark = pytest.mark.long

IMAGES, SAVED = 96, 32
OFTEN = (f"run.save_every={SAVED}", "run.keep=9", "run.evaluate_every=48")
FEW = ("run.evaluate_final=false", "run.evaluate_count=16", "run.threads=1")
OWN = (*DRAWN, "image-to-text")  # test_caption_runs.py, test_image_to_text_runs.py
SHOWN = dict.fromkeys(DRAWN, "Captions and images")
SHOWN |= dict.fromkeys(("image-to-text", "image-to-text-mle"), "Images and captions")


class Trained(NamedTuple):
    recipe: str
    data: list[str]
    folder: Path


@pytest.fixture(
    scope="module",
    params=[pytest.param(r, marks=[pytest.mark.slow] if r in OWN else []) for r in SETTINGS],
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    recipe, home = request.param, tmp_path_factory.mktemp("home")
    data = data_of(recipe, home)
    words = ["train", *data, "--recipe", recipe, "--batch", "16", "--images", str(IMAGES)]
    settings = [*SETTINGS[recipe], *OFTEN, *FEW]
    main([*words, "--out", str(home / "run"), "--quiet", "--set", *settings])
    return Trained(recipe, data, home / "run")


def inputs(model: Any) -> Any:
    """Five things that a model is given: images, lines, sounds; None where it takes text."""
    order = np.random.default_rng(3)
    if model.about["task"] == "captioning":
        return order.integers(0, 256, (5, *model.shape), dtype=np.uint8)
    if model.about["task"] != "translation":
        return None
    if model.spec.modality == "text":
        known = model.spec.extra["symbols"][1:]
        return ["".join(order.choice(known, size)) for size in (3, 9, 1, 5, 4)]
    return np.int16(9000 * np.sin(np.outer([0.2, 0.5, 0.9, 0.3, 0.7], np.arange(2048))))[:, None]


def made(model: Any, first: int = 0, end: int = 5, line: str = LINES[0]) -> list[Any]:
    """What comes out for some of five things, or samples of one text, by their numbers."""
    given = inputs(model)
    if given is None:
        if "captions" in model.about["training"]["data"]["source"]:
            line = "a person with " + line.split()[1]
        return list(model.sample(end - first, seed=3, start=first, text=line).numpy())
    make = model.caption if model.about["task"] == "captioning" else model.translate
    return list(make(given[first:end]))


def equal(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def test_a_run_goes_on_bit_for_bit(run: Trained, tmp_path: Path) -> None:
    again = tmp_path / "run"
    shutil.copytree(run.folder, again)
    shutil.rmtree(again / "model")
    for place in (again / "checkpoints").iterdir():
        if int(place.name[-12:]) > SAVED:
            shutil.rmtree(place)
    ganzfeld.resume(again, quiet=True)
    for file in (run.folder / "model").glob("*.safetensors"):
        assert (again / "model" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("name", ["cipher", "vigenere:90", "avatars-lines:9", "avatars-styles"])
def test_embedded_sets_of_two_domains_are_there(name: str, tmp_path: Path) -> None:
    need(Data(source=name), tmp_path)
    for wrong in ("cipher:", "avatars-line"):
        with pytest.raises(GanzfeldError, match="any more"):
            need(Data(source=wrong), tmp_path)


@pytest.fixture
def moved(run: Trained, tmp_path: Path) -> Iterator[Path]:
    """The model's folder alone, while its data and its run lie elsewhere."""
    shutil.copytree(run.folder / "model", tmp_path / "alone")
    away = run.folder.parent.rename(run.folder.parent.with_name("away"))
    yield tmp_path / "alone"
    away.rename(run.folder.parent)


def test_a_model_needs_nothing_beside_it(run: Trained, moved: Path) -> None:
    alone = made(ganzfeld.load(moved))
    assert not run.folder.exists() and len(alone) == 5
    whole = ganzfeld.load(run.folder.parent.with_name("away") / "run")
    assert equal(alone, made(whole))


def test_what_is_made_of_one_thing_hangs_on_nothing_else(run: Trained) -> None:
    model = ganzfeld.load(run.folder)
    whole = made(model)
    assert equal(whole, made(model)) and not equal(whole[:1], whole[1:2])
    assert equal(whole[1:3], made(model, 1, 3)) and equal(whole[4:], made(model, 4))
    if inputs(model) is None:
        assert not equal(whole, made(model, line=LINES[1])), "the text is not heeded"


def test_the_report_shows_what_was_made(run: Trained) -> None:
    page = (run.folder / "report.html").read_text("utf-8")
    assert "could not be read" not in page
    ways = "Through time" if "-to-" not in run.recipe else "Captions and samples"
    assert SHOWN.get(run.recipe, ways) in page


def test_it_can_be_evaluated(run: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in run.data[:3] if word not in ("--size", "--condition")]
    words = words if "--with" in words else words[:1]
    task = ganzfeld.load(run.folder).about["task"]
    random = ["--extractor", "random"] if run.recipe in DRAWN else []
    main(["evaluate", str(run.folder), *words, "--count", "16", *random])
    said = capsys.readouterr().out
    wanted = {"captioning": "different words", "generation": "Frechet distance"}
    assert wanted.get(task, "error from a") in said and "protocol: " in said
    assert "16 images" not in said or "image" in run.recipe
    if task == "translation":
        with pytest.raises(UsageError, match="this one translates"):
            ganzfeld.evaluate(run.folder, words[0], extractor="random")
    else:
        with pytest.raises(UsageError, match="for models that translate"):
            ganzfeld.evaluate(run.folder, words[0], other=words[0])


def test_translations_of_others_are_measured_in_the_words_of_the_model(tmp_path: Path) -> None:
    """Where lines are turned round: as the run notes it, of other lines, and of foreign ones."""
    lines = [a + b + c for a in "abcde" for b in "abcd" for c in "abcde"]
    for name, some in (("a", lines), ("c", lines[::-2]), ("z", [*lines[:40], "zz"])):
        (tmp_path / f"{name}.txt").write_text("\n".join(some) + "\n", "utf-8")
        turned = [line[::-1] for line in some]
        (tmp_path / f"{name}-b.txt").write_text("\n".join(turned) + "\n", "utf-8")
    run = ganzfeld.train(
        tmp_path / "a.txt", other=tmp_path / "a-b.txt", recipe="text-pix2pix", images=64, batch=16,
        out=tmp_path / "run", quiet=True, settings=["networks.*.hidden=8"],
    )  # fmt: skip
    last = [row for row in run.metrics() if row["kind"] == "evaluation"][-1]
    found = ganzfeld.evaluate(run, tmp_path / "a.txt", other=tmp_path / "a-b.txt")
    assert found["error_ab"] == pytest.approx(last["error_ab"], abs=1e-5)
    assert found["count"] == 5 and found["held_out"]
    others = ganzfeld.evaluate(run, tmp_path / "c.txt", other=tmp_path / "c-b.txt")
    assert others["count"] == 48 and 0 < others["error_ab"] <= 1 and others["held_out"]
    made = run.model.translate(lines[::-2])
    symbols = sum(max(len(x), 3) for x in made)
    wrong = sum(
        sum(a != b for a, b in zip(x.ljust(3), y[::-1].ljust(len(x)), strict=True))
        for x, y in zip(made, lines[::-2], strict=True)
    )
    assert abs(others["error_ab"] - wrong / symbols) < 0.1
    with pytest.raises(GanzfeldError, match="'z', which the model has never seen"):
        ganzfeld.evaluate(run, tmp_path / "z.txt", other=tmp_path / "z-b.txt")
    with pytest.raises(GanzfeldError, match="one set of lines") as caught:
        ganzfeld.evaluate(run, tmp_path / "a.txt")
    assert caught.value.fix == "ganzfeld evaluate MODEL DATA --with OTHER"
    assert caught.value.safe == "nothing was measured"
