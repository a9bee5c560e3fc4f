"""The proof that a change alters no number: hashes of every recipe's model, and an evaluation.

    python dev/hashes.py > before.txt        # at the commit before
    python dev/hashes.py > after.txt         # at the commit after
    diff before.txt after.txt

Fixed seeds, one thread, runs of seconds. A line a recipe: name, SHA-256 of the model's weights.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

import ganzfeld
from ganzfeld.recipes import RECIPES

SOURCES = {
    "text-to-image": "avatars-captions:80",
    "text-to-image-encoder": "avatars-captions:80",
    "image-to-text": "avatars-paraphrases:80",
    "image-to-text-mle": "avatars-paraphrases:80",
    "cyclegan": "avatars-styles:40",
    "pix2pix": "avatars-lines:40",
}
SIZES = {"tutorial-dcgan-anime": 24, "tutorial-dcgan-mnist": 28, "tutorial-dcgan-celeba": 64}
SETTINGS = ["run.threads=1", "run.precision=float32", "run.products=false"]


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as place:
        for recipe in (n for n, r in RECIPES.items() if r.modality in (None, "image")):
            run = ganzfeld.train(
                SOURCES.get(recipe, "avatars:80"),
                recipe=recipe,
                size=SIZES.get(recipe, 16),
                images=16 if recipe in SIZES else 160,
                batch=8,
                out=Path(place) / recipe,
                settings=SETTINGS,
                quiet=True,
            )
            weights = (run.path / "model" / "model.safetensors").read_bytes()
            print(recipe, hashlib.sha256(weights).hexdigest(), flush=True)
        found = ganzfeld.evaluate(
            Path(place) / "default", "avatars:200", extractor="random", count=64
        )
        for name, value in sorted(found.items()):
            if isinstance(value, float):
                print(name, repr(value))


if __name__ == "__main__":
    main()
