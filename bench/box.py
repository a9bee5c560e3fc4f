"""Train the model that the package ships, `avatars-model`: 32 px avatars, float16, under 1 MB.

    python bench/box.py [--images 150000] [--out runs/box]
    python bench/box.py --page    # page.json of the model that is there

Trains on avatars of the package's own drawing, so that anybody may repeat it and no image of a
person is in it; then writes the weights in half precision to
src/ganzfeld/models/box/avatars-model, with the run's evaluation of the half-precision model and its
prepared page (page.json) beside them. The same command goes on where it was stopped. On one thread
of a busy 2.x GHz core it takes about ten minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import safetensors.torch
import torch

import ganzfeld
from ganzfeld.core.files import as_json
from ganzfeld.core.metrics_log import finite
from ganzfeld.models import embedded
from ganzfeld.models.folder import JUDGE, card_of
from ganzfeld.shipping.hub import check_private
from ganzfeld.shipping.page import page_of
from ganzfeld.shipping.page_prepared import NAME, description

DATA, COUNT = "avatars:6000", 2_000
SETTINGS = ["networks.G.width=25", "run.threads=1", "run.evaluate_every=null"]


def half(data: bytes) -> bytes:
    """A safetensors file with its float32 tensors as float16; running counts stay as they are."""
    tensors = safetensors.torch.load(data)
    made = {
        name: value.half() if value.dtype == torch.float32 else value
        for name, value in sorted(tensors.items())
    }
    return safetensors.torch.save(made)


def write_page(place: Path) -> bytes:
    """Write page.json of a model folder: what its page says beside the weights."""
    about = page_of(ganzfeld.load(place), with_discriminator=True).about
    (place / NAME).write_bytes(description(about))
    return description(about)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=150_000)
    parser.add_argument("--out", type=Path, default=Path("runs/box"))
    parser.add_argument("--page", action="store_true", help="write page.json alone")
    asked = parser.parse_args()
    if asked.page:
        place = embedded.HOME / "avatars-model"
        print(f"{len(write_page(place)):,} bytes in {place / NAME}")
        return
    run = ganzfeld.train(DATA, size=32, images=asked.images, settings=SETTINGS, out=asked.out)
    source, place = run.path / "model", embedded.HOME / "avatars-model"
    place.mkdir(parents=True, exist_ok=True)
    about = json.loads((source / "config.json").read_text("utf-8"))
    about["precision"], about["license"] = "float16", "apache-2.0"
    for name, part in (("model.safetensors", about), (JUDGE, about["discriminator"])):
        data = half((source / name).read_bytes())
        (place / name).write_bytes(data)
        part["weights"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    files = {"config.json": as_json(about), "README.md": card_of(about).encode()}
    for name, data in files.items():
        (place / name).write_bytes(data)
    model = ganzfeld.load(place)
    found = finite(ganzfeld.evaluate(model, DATA, count=COUNT, seed=0))
    files["evaluation.json"] = as_json(found)
    (place / "evaluation.json").write_bytes(files["evaluation.json"])
    files[NAME] = write_page(place)
    check_private(files)
    size = sum(file.stat().st_size for file in place.iterdir())
    print(f"{size:,} bytes in {place}: Frechet {found['frechet']:.1f}")
    assert size < 1 << 20


if __name__ == "__main__":
    main()
