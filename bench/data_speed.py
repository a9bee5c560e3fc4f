"""Data: packing small JPEGs, and batches from a pack against a folder that is decoded each time.

    python bench/data_speed.py
    python bench/data_speed.py --data photos/ --size 64

The folder is read as tutorials read it: a `Dataset` that opens each JPEG with Pillow, makes it RGB,
resizes it, and turns it into floats in [-1, 1], under a `DataLoader` in this process. Both sides
give float batches as a step takes them. Without --data the JPEGs are embedded avatars, 96 pixels
wide, written to a temporary folder. The file cache is warm.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from timing import Side, Work, in_turns, machine, measured, table
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganzfeld.core import runtime
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.data.sampler import indices
from ganzfeld.modalities.image.draw import to_image
from ganzfeld.training.trainer import Trainer

BATCH = 64
ENDINGS = (".jpg", ".jpeg")


def write_jpegs(folder: Path, count: int) -> None:
    pack = open_pack(f"avatars:{count}", PackOptions(size=(96, 96)), cache=folder.parent, workers=0)
    folder.mkdir()
    for number, pixels in enumerate(pack.images):
        to_image(np.asarray(pixels)).save(folder / f"{number:05d}.jpg", quality=90)


def packed(folder: Path, size: int, cache: Path) -> Pack:
    return open_pack(folder, PackOptions(size=(size, size)), cache=cache, workers=0)


class Decoded(Dataset[Tensor]):
    """Images of a folder, decoded when they are asked for."""

    def __init__(self, folder: Path, size: int) -> None:
        self.paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS)
        self.size = size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as picture:
            small = picture.convert("RGB").resize((self.size, self.size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1).contiguous()
        return pixels.float().div(255).sub(0.5).div(0.5)


def folder_side(folder: Path, size: int) -> Work:
    def endless() -> Iterator[Tensor]:
        while True:
            yield from DataLoader(Decoded(folder, size), BATCH, shuffle=True, drop_last=True)

    batches = endless()
    return lambda: sum(len(next(batches)) for _ in range(8))


def pack_side(folder: Path, size: int, cache: Path) -> Work:
    runtime.tune()
    pack, place = packed(folder, size, cache), 0
    trainer = Trainer.__new__(Trainer)  # for what makes a batch alone
    trainer.device = torch.device("cpu")

    def work() -> int:
        nonlocal place
        for _ in range(100):
            chosen = indices(len(pack), 0, "discriminator", place, BATCH)
            trainer.ready("x", torch.as_tensor(pack.rows(chosen)["x"]))
            place += BATCH
        return 100 * BATCH

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description="Packing, and batches from a pack.")
    parser.add_argument("--data", type=Path, help="a folder of JPEGs")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=2000, help="JPEGs to write without --data")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(machine(), end="\n\n")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = options.data or place / "jpegs"
        if not options.data:
            write_jpegs(folder, options.pictures)
        rates = []
        for number in range(3):
            cache = place / f"cache{number}"
            spent = measured(lambda cache=cache: len(packed(folder, options.size, cache)))  # type: ignore[misc]
            rates.append(1 / spent.cpu)
        count = len(Decoded(folder, options.size))
        print(
            f"packing {count:,} JPEGs at {options.size} px, decoding, checks and hashes included: "
            f"{np.median(rates):,.0f} images per CPU s ({min(rates):,.0f} to {max(rates):,.0f})\n"
        )
        sides: dict[str, Side] = {
            "folder, decoded each time": (folder_side, (folder, options.size)),
            "pack": (pack_side, (folder, options.size, place / "cache0")),
        }
        print(table(f"batches of {BATCH}", in_turns(sides, options.rounds)))


if __name__ == "__main__":
    main()
