"""Kinds of samples: what a kind gives, where a new one differs, and what it costs to name one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.errors import CheckpointError
from ganzfeld.modalities import MODALITIES, Modality, Spec, image_spec, modality_of, spec_of
from ganzfeld.modalities.image import draw
from ganzfeld.recipes import RECIPES, Facts, Recipe
from ganzfeld.recipes.base import as_recipe

IMAGE = image_spec(3, 8, 10)


def test_a_spec_goes_to_json_and_back() -> None:
    spec = Spec("audio", (1, 16000), "int16", {"rate": 16000})
    assert Spec.from_json(spec.to_json()) == spec
    assert spec.size == 16000


def test_what_says_nothing_of_its_kind_is_images() -> None:
    assert spec_of(None, (3, 8, 10)) == IMAGE == spec_of(IMAGE.to_json())
    assert Facts(count=9, channels=3, height=8, width=10, classes=0).spec == IMAGE
    facts = Facts(count=9, classes=0, spec=Spec("field", (2, 5, 7)))
    assert (facts.channels, facts.height, facts.width) == (2, 5, 7)
    text = Facts(count=9, spec=Spec("text", (128,), "int16"))
    assert text.shape == [128] and text.channels == 0


def test_every_kind_goes_to_the_network_and_back_to_what_is_stored() -> None:
    stored = torch.randint(0, 256, (4, 3, 8, 10), dtype=torch.uint8)
    images = MODALITIES["image"]
    x = images.to_network(stored, IMAGE)
    assert x.dtype == torch.float32 and float(x.min()) >= -1 and float(x.max()) <= 1
    assert np.array_equal(images.to_store(x, IMAGE), stored.numpy())
    spec = Spec("any", (5,))
    plain = torch.randn(4, 5)
    assert np.array_equal(Modality().to_store(Modality().to_network(plain, spec), spec), plain)


def test_what_a_kind_saves_can_be_read_again(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 8, 10), dtype=np.uint8)
    images = MODALITIES["image"]
    images.save(pixels[0], tmp_path / "a" / "one.png", IMAGE)
    images.sheet(pixels, 2, tmp_path / "all.png", IMAGE)
    shown = images.html(tmp_path / "all.png", 'a "sheet" of <four>')
    assert shown is not None and shown.startswith("<img ") and "<four>" not in shown
    assert images.html(tmp_path / "none.png", "") is None
    Modality().save(pixels[0], tmp_path / "one.npy", IMAGE)
    assert np.array_equal(np.load(tmp_path / "one.npy"), pixels[0])
    assert draw.to_image(pixels[0]).size == (10, 8)


def test_a_kind_that_has_no_transforms_says_so() -> None:
    with pytest.raises(ValueError, match="are for images"):
        Modality().variation(mirror=True, noise="")
    assert Modality().variation(noise="") is None


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(CheckpointError, match="smell"):
        modality_of(Spec("smell", (3,)))


def test_naming_a_kind_loads_no_torch() -> None:
    code = (
        "import sys; from ganzfeld.modalities import MODALITIES; MODALITIES['image'].suffix; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_recipe_says_what_it_is_for_and_a_plain_function_is_one() -> None:
    assert RECIPES["pix2pix"].layout == "paired" and RECIPES["pix2pix"].task == "translation"
    assert RECIPES["default"].modality == "image" and RECIPES["default"].task == "generation"

    def mine(facts: Facts) -> object:
        return facts

    assert as_recipe(mine).modality is None  # type: ignore[arg-type]
    mine.data = "unpaired"  # type: ignore[attr-defined]
    assert as_recipe(mine).task == "translation"  # type: ignore[arg-type]
    own = Recipe(mine, modality="field")  # type: ignore[arg-type]
    assert as_recipe(own) is own


@pytest.mark.long
def test_runs_and_models_from_before_specs_load_and_go_on(tmp_path: Path) -> None:
    tiny = {"size": 16, "batch": 16, "out": tmp_path / "run", "quiet": True}
    settings = ["networks.*.width=4"]

    def train() -> ganzfeld.Run:
        return ganzfeld.train("avatars:24", images=32, settings=settings, **tiny)  # type: ignore[arg-type]

    run = train()
    whole = ganzfeld.load(run.path).sample(3)
    newest = ganzfeld.load(run.path, which="last").sample(3)
    for path, place in ((run.path / "config.json", "data"), (run.path / "model/config.json", "")):
        about = json.loads(path.read_text())
        part = about[place] if place else about
        assert part.pop("spec")["shape"] == [3, 16, 16]
        if not place:
            del about["training"]["data"]["spec"]
        path.write_text(json.dumps(about))
    assert torch.equal(ganzfeld.load(run.path).sample(3), whole)
    assert torch.equal(ganzfeld.load(run.path, which="last").sample(3), newest)
    train()  # the same command: nothing is left to do
    ganzfeld.resume(run.path, images=64, quiet=True)
    assert ganzfeld.load(run.path).about["images_seen"] <= 64
