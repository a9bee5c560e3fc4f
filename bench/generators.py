"""Ten small generators of different recipes and budgets, for the bench of ranks.

    python bench/generators.py --data /data/faces.zip --size 32 --out /tmp/generators
    python bench/rank.py --data photos32=/data/faces.zip@32 --samples photos32=/tmp/generators

Each takes 10 to 40 CPU seconds at 32 pixels. Networks, batches and rates are fitted to the budget
by the rule of `ganzfeld.train`. A folder of `--out` is one generator; those that are there stay.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

import ganzfeld

# name: recipe, images seen, changes
GENERATORS: dict[str, tuple[str, int, list[str]]] = {
    "default long": ("default", 20_000, []),
    "default": ("default", 6_000, []),
    "default short": ("default", 2_000, []),
    "default, slow rates": ("default", 6_000, ["optimisers.*.lr=2e-4"]),
    "hinge": ("hinge", 8_000, []),
    "dcgan": ("dcgan", 10_000, []),
    "wgan-gp": ("wgan-gp", 5_000, []),
    "r3gan": ("r3gan", 4_000, []),
    "vae": ("vae", 10_000, []),
    "mlp": ("mlp", 20_000, []),
}


def made(name: str, options: argparse.Namespace) -> None:
    """Train one, and write its samples."""
    recipe, images, settings = GENERATORS[name]
    folder = options.out / name
    if folder.exists():
        return
    start = time.process_time()
    with tempfile.TemporaryDirectory() as place:
        run = ganzfeld.train(
            options.data,
            recipe=recipe,
            size=options.size,
            images=images,
            afford=images,
            settings=settings,
            seed=0,
            labels="none",
            out=Path(place) / "run",
            quiet=True,
        )
        pixels = ((run.model.sample(options.count) + 1) * 127.5).round().clamp(0, 255).byte()
        ganzfeld_images(pixels, folder)
    print(f"{name}: {time.process_time() - start:.0f} CPU seconds", flush=True)


def ganzfeld_images(pixels: torch.Tensor, folder: Path) -> None:
    """PNG files of uint8 images (N, C, H, W)."""
    from PIL import Image

    folder.mkdir(parents=True)
    for i, image in enumerate(pixels.permute(0, 2, 3, 1).numpy()):
        Image.fromarray(image.squeeze()).save(folder / f"{i:04}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Small generators for bench/rank.py.")
    parser.add_argument("--data", required=True)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--only", nargs="+", default=list(GENERATORS))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.only:
        made(name, options)
