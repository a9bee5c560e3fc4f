"""From captions to images, all the way: train, sample, evaluate, go on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.avatars.description import HAIR_COLOURS
from ganzfeld.errors import UsageError
from ganzfeld.models.sweep import sweep

pytestmark = pytest.mark.long

SETTINGS = [
    *("networks.G.width=4", "networks.D.width=4", "networks.G.latent=8"),
    *("run.evaluate_count=64", "run.threads=1"),
    *("run.precision=float32", "run.sample_every=240", "run.evaluate_every=240"),
]
ENCODER = [*SETTINGS, "networks.I.width=4", "game.encoder_share=0.3"]


def train(out: Path, images: int = 480, data: str = "avatars-captions:160") -> ganzfeld.Run:
    return ganzfeld.train(
        data, recipe="text-to-image", size=16, images=images, batch=32, out=out, quiet=True,
        settings=SETTINGS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    return train(tmp_path_factory.mktemp("captions") / "run")


def known(run: ganzfeld.Run) -> str:
    """A caption of words that a run of so few samples has met."""
    symbols = run.model.conditions["columns"][0]["symbols"]
    colour = next(word for word in symbols[2:] if word in HAIR_COLOURS)
    return f"a person with {colour} hair"


def test_a_sample_depends_on_seed_number_and_text_alone(run: ganzfeld.Run) -> None:
    model, text = run.model, known(run)
    many = model.sample(40, seed=3, text=text)
    assert torch.equal(many[:5], model.sample(5, seed=3, text=text))
    assert torch.equal(many[36:], model.sample(4, seed=3, start=36, text=text))
    assert torch.equal(many[:5], model.sample(5, seed=3, text=text.upper()))
    other = model.sample(5, seed=3, text="a person with glasses")
    assert not torch.equal(many[:5], other)
    both = model.sample(4, seed=3, text=[text, "a person with glasses"])
    assert torch.equal(both[0], many[0]) and torch.equal(both[1], other[1])
    assert len(model.images(1, text=text)) == 1


def test_a_model_of_captions_says_what_it_does_not_know(run: ganzfeld.Run) -> None:
    with pytest.raises(UsageError, match=r"persn \(near: person"):
        run.model.sample(1, text="a persn")
    with pytest.raises(UsageError, match="conditioned on captions"):
        run.model.given({"caption": "a person"}, 1)
    with pytest.raises(UsageError, match="not by both"):
        run.model.sample(1, text="a person", numbers=[[1]])
    with pytest.raises(UsageError, match="asked for by text"):
        sweep(run.model, "age", 1, 2)


@pytest.mark.long
def test_a_model_without_captions_takes_no_text(tmp_path: Path) -> None:
    small = ["networks.*.width=4", "run.evaluate_count=64"]
    other = ganzfeld.train(
        "avatars:64", size=16, images=64, batch=16, out=tmp_path / "run", quiet=True,
        settings=small,
    )  # fmt: skip
    with pytest.raises(UsageError, match="takes no text"):
        other.model.sample(1, text="a person")


def test_the_command_writes_images_and_their_captions(
    run: ganzfeld.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, grid = tmp_path / "images", tmp_path / "grid.png"
    words = ["--text", known(run), "--text", "A person, with glasses.", "--count", "5"]
    main(["sample", str(run.path), *words, "--out", str(out), "--grid", str(grid)])
    with open(out / "metadata.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file_name"] for row in rows] == [f"0-{n:06}.png" for n in range(5)]
    assert [row["caption"] for row in rows[:2]] == [known(run), "a person with glasses"]
    assert grid.exists() and rows[2]["caption"] == known(run)
    main(["sample", str(run.path), "--count", "3", "--out", str(tmp_path / "free")])
    with open(tmp_path / "free" / "metadata.csv", newline="", encoding="utf-8") as file:
        assert all(row["caption"] for row in csv.DictReader(file))


def test_the_report_shows_captions_with_their_images(run: ganzfeld.Run) -> None:
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Captions and images" in page and "<bdi>" in page
    card = (run.path / "model" / "README.md").read_text(encoding="utf-8")
    assert "text=" in card and "captions" in card and "pipeline_tag: text-to-image" in card


def test_an_evaluation_asks_for_the_captions_of_the_data(run: ganzfeld.Run) -> None:
    found = ganzfeld.evaluate(
        run, "avatars-captions:160", extractor="random", count=64, metrics=["frechet"]
    )
    assert np.isfinite(found["frechet"])


@pytest.mark.long
def test_a_run_goes_on_from_the_middle_of_the_encoders_part(tmp_path: Path) -> None:
    """Bit for bit: from a checkpoint within the part in which the encoders learn."""
    import shutil

    out = tmp_path / "run"
    settings = [*ENCODER, "run.save_every=64", "run.keep=99", "run.evaluate_final=false"]
    whole = ganzfeld.train(
        "avatars-captions:160", recipe="text-to-image-encoder", size=16, images=384, batch=32,
        out=out, quiet=True, settings=settings,
    )  # fmt: skip
    model = (whole.path / "model" / "model.safetensors").read_bytes()
    for place in (out / "checkpoints").iterdir():
        if int(place.name[-12:]) > 64:  # of 115 images with the encoders
            shutil.rmtree(place)
    shutil.rmtree(out / "model")
    again = ganzfeld.resume(out, quiet=True)
    assert (again.path / "model" / "model.safetensors").read_bytes() == model


@pytest.mark.long
def test_a_run_of_minutes_reads_phrases_and_goes_on_bit_for_bit(tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "run"
    whole = ganzfeld.train(
        "avatars-captions:160", recipe="text-to-image", size=16, minutes=0.1, batch=32, out=out,
        quiet=True, settings=[*SETTINGS, "run.save_every=64", "run.keep=99"],
    )  # fmt: skip
    config = read_config(out)
    assert "I" not in config.networks and config.networks["D"].options["phrase_table"]
    model = (whole.path / "model" / "model.safetensors").read_bytes()
    places = sorted((out / "checkpoints").iterdir())
    for place in places[len(places) // 2 :]:
        shutil.rmtree(place)
    shutil.rmtree(out / "model")
    again = ganzfeld.resume(out, quiet=True)
    assert (again.path / "model" / "model.safetensors").read_bytes() == model
    text = known(again)
    few = again.model.sample(2, text=text)
    assert torch.equal(few, ganzfeld.load(out).sample(2, text=text))
    assert not torch.equal(few, again.model.sample(2, text="a person with glasses"))


def test_the_plan_says_what_the_encoder_takes(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "avatars-captions:160", "--recipe", "text-to-image-encoder", "--size", "16"]
    settings = ["--set", *ENCODER]
    main([*words, "--images", "960", "--dry-run", *settings])
    assert "288 of them (30 %) teach the encoder" in capsys.readouterr().out


@pytest.mark.long
def test_a_folder_of_images_and_captions_trains(tmp_path: Path) -> None:
    from PIL import Image

    colours = {"red": (250, 20, 20), "blue": (20, 20, 250)}
    (tmp_path / "data").mkdir()
    lines = ["file_name,words"]
    for number in range(40):
        colour = ("red", "blue")[number % 2]
        Image.new("RGB", (16, 16), colours[colour]).save(tmp_path / "data" / f"{number}.png")
        lines.append(f"{number}.png,a {colour} square number {number}")
    (tmp_path / "data" / "metadata.csv").write_text("\n".join(lines))
    given = {"images": 64, "batch": 16, "quiet": True, "settings": SETTINGS}
    with pytest.raises(UsageError, match="needs captions"):
        ganzfeld.train(tmp_path / "data", recipe="text-to-image", out=tmp_path / "a", **given)
    with pytest.raises(UsageError, match="takes no captions as conditions"):
        bare = given | {"settings": []}
        ganzfeld.train(tmp_path / "data", condition="words", out=tmp_path / "b", **bare)
    run = ganzfeld.train(
        tmp_path / "data", recipe="text-to-image", condition="words", out=tmp_path / "c", **given
    )
    conditions = read_config(run.path).data.conditions
    assert conditions is not None and conditions["names"] == ["words"]
    assert run.model.sample(2, text="a blue square").shape == (2, 3, 16, 16)


@pytest.mark.long
def test_other_recipes_leave_the_embedded_captions_aside(tmp_path: Path) -> None:
    small = ["networks.*.width=4", "run.evaluate_count=64"]
    run = ganzfeld.train(
        "avatars-captions:64", size=16, images=64, batch=16, out=tmp_path / "run", quiet=True,
        settings=small,
    )  # fmt: skip
    assert read_config(run.path).data.conditions is None and len(run.model.classes) == 10
