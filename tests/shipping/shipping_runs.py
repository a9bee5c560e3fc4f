"""A run of a few batches of every recipe, on data that are embedded."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import wave
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzfeld
from ganzfeld.modalities.audio.codec import Codec
from ganzfeld.recipes import RECIPES

NARROW = "networks.*.width=4"
IMAGES: dict[str, Any] = {"source": "avatars:64", "size": 16, "images": 64, "batch": 32}
SOUNDS: dict[str, Any] = {"source": "vowels:64", "images": 32, "batch": 16, "settings": [NARROW]}
LINES: dict[str, Any] = {
    "source": "grammar:200",
    "images": 64,
    "batch": 32,
    "settings": ["networks.*.hidden=12"],
}
ROWS: dict[str, Any] = {"source": "table:400", "images": 512, "batch": 128}
FIELDS: dict[str, Any] = {"images": 64, "batch": 16, "settings": [NARROW]}
DOMAINS: dict[str, Any] = {"images": 2, "batch": 1, "size": 16}
OWN: dict[str, dict[str, Any]] = {
    "mlp": IMAGES | {"settings": ["networks.*.widths=[16,16]"]},
    "gmmn": IMAGES,
    "vae": IMAGES | {"settings": ["networks.*.width=4"]},
    "cyclegan": DOMAINS
    | {
        "source": "avatars-styles:12",
        "settings": [NARROW, "networks.G_ab.blocks=1", "networks.G_ba.blocks=1"],
    },
    "pix2pix": DOMAINS | {"source": "avatars-lines:12", "settings": [NARROW]},
    "tutorial-mlp-mnist": IMAGES,
    "tutorial-mlp-faces": IMAGES,
    "tutorial-dcgan-mnist": IMAGES | {"settings": [NARROW]},
    "tutorial-dcgan-celeba": IMAGES | {"settings": [NARROW]},
    "tutorial-dcgan-anime": IMAGES | {"size": 24, "settings": [NARROW]},
    "tutorial-cgan-mnist": IMAGES | {"settings": [NARROW]},
    "audio": SOUNDS,
    "wavegan": SOUNDS,
    "text-gan": LINES,
    "text-gumbel": LINES | {"settings": ["networks.G.hidden=12", "networks.D.width=8"]},
    "text-mle": LINES,
    "table-gan": ROWS,
    "table-vae": ROWS,
    "fields": FIELDS | {"source": "fields:200"},
    "showers": FIELDS | {"source": "showers:200"},
    "series-gan": FIELDS | {"source": "ar:200", "settings": ["networks.*.hidden=8"]},
}


def tiny(recipe: str, out: Path, **more: Any) -> Path:
    """Train one such run, or copy the one that another test trained; its folder.

    Unless its settings say so it is not measured at its end: samples are compared with the model's.
    """
    usual = IMAGES | {"settings": [NARROW]}
    arguments = OWN.get(recipe, usual) | {"out": out, "quiet": True, "recipe": recipe} | more
    arguments["settings"] = [
        *("run.evaluate_every=null", "run.evaluate_final=false", "run.evaluate_count=32"),
        "run.threads=1",
        *arguments.get("settings", ()),
    ]
    if os.path.exists(more.get("source", "")):  # a test's own data
        return ganzfeld.train(**arguments).path
    words = repr(sorted((arguments | {"out": None}).items()))
    kept = together() / f"{recipe}-{hashlib.sha256(words.encode()).hexdigest()[:16]}"
    if not kept.exists():
        trained = Path(tempfile.mkdtemp(dir=together())) / "run"
        with pytest.MonkeyPatch.context() as patch:  # sounds of this training are not heard
            patch.setitem(Codec.decode.__kwdefaults__, "iterations", 4)
            ganzfeld.train(**arguments | {"out": trained})
        with suppress(OSError):  # another process of this session was faster
            trained.rename(kept)
    return Path(shutil.copytree(kept, out))


def together() -> Path:
    """Where all processes of this session keep what they have trained; not known outside pytest."""
    own = Path(os.environ["GANZFELD_CACHE"]).parent
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "trained"
    shared.mkdir(exist_ok=True)
    return shared


def sounds(home: Path, pitch: float) -> Path:
    home.mkdir()
    for number in range(12):
        draws = np.random.default_rng(number)
        tone = np.sin(np.arange(4096) * pitch * (1 + number / 20)) * 9000
        with wave.open(str(home / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes((tone + draws.normal(0, 90, 4096)).astype("<i2").tobytes())
    return home


# exported in test_onnx_captions.py and test_sample_translators.py; and what is not, see docs/export
EXPORTED_ELSEWHERE = (
    *("audio-cyclegan", "text-cyclegan", "text-pix2pix"),
    *("text-to-image", "text-to-image-encoder", "text-to-audio", "text-to-field", "text-to-table"),
)
REFUSED = ("image-to-text", "image-to-text-mle")
ELSEWHERE = (*EXPORTED_ELSEWHERE, *REFUSED)
ALL = tuple(name for name in RECIPES if name not in ELSEWHERE)
# their generators are of the networks of another recipe: by name, with -m slow
TWINS = ("hinge", "wgan-gp", "dcgan", "drifting", "projected", "text-mle", "text-gumbel", "showers")
TWINS += ("table-vae", "tutorial-mlp-mnist", "tutorial-mlp-faces", "tutorial-dcgan-celeba")
TWINS += ("tutorial-dcgan-anime", "tutorial-cgan-mnist", "tutorial-dcgan-mnist", "gmmn", "pix2pix")
EVERY = [pytest.param(one, marks=pytest.mark.slow) if one in TWINS else one for one in ALL]
