"""The image of the README: equal CPU time for the classic DCGAN and for `ganzfeld train`.

    python bench/hero.py --seconds 180 --work hero           # docs/images/hero.png
    python bench/hero.py --work hero                         # only the layout again

Both sides train on the built-in cartoon faces at 48 pixels, on one thread, from seed 0, and show
their first samples: nothing is selected. The left side is the DCGAN as it was published (Radford et
al. 2016: widths 512 to 64, batch 128, Adam 2e-4 with beta 0.5, weights of deviation 0.02) in the
plain loop of the tutorials, which draw their samples with batch statistics. The right side is the
default recipe, sized for the budget as `--minutes` sizes it; it uses the labels of the data, and
the DCGAN does not. A budget is CPU seconds of training, whatever else the machine does; a run that
takes more is made again with fewer images. `--work` keeps the samples, so that the layout can be
changed without training, and `--only` trains one side.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

import ganzfeld
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.modalities.image.draw import save_image, to_pixels
from ganzfeld.studies.budget import Job, configured, images_within, timed_train

SIDE, BATCH, LATENT = 48, 128, 100
SIDES = {"classic": "The classic DCGAN", "ours": "ganzfeld train"}
SLACK = 1.02  # of the budget
ROWS, COLUMNS = 4, {"classic": 3, "ours": 6}
COUNT, TILE, GAP = 30, 96, 4  # samples kept; pixels
EDGE, HEAD, BETWEEN = 14, 64, 30
Pixels = NDArray[np.uint8]
INK, PALE, PAPER = (24, 24, 27), (113, 113, 122), (255, 255, 255)


def classic(pack: Pack, seconds: float) -> tuple[Tensor, int]:
    """Samples of the published DCGAN after so many CPU seconds, and the images that it saw."""
    torch.manual_seed(0)
    widths, first = [512, 256, 128, 64], SIDE // 16
    up: list[nn.Module] = [nn.Unflatten(1, (LATENT, 1, 1))]
    up += [nn.ConvTranspose2d(LATENT, widths[0], first, bias=False)]
    down: list[nn.Module] = []
    for into, out in zip(widths, [*widths[1:], 3], strict=True):
        up += [nn.BatchNorm2d(into), nn.ReLU(inplace=True)]
        up += [nn.ConvTranspose2d(into, out, 4, 2, 1, bias=False)]
    for into, out in zip([3, *widths[:0:-1]], widths[::-1], strict=True):
        down += [nn.Conv2d(into, out, 4, 2, 1, bias=False)]
        down += [nn.BatchNorm2d(out)] if into > 3 else []
        down += [nn.LeakyReLU(0.2, inplace=True)]
    down += [nn.Conv2d(widths[0], 1, first, bias=False), nn.Flatten(0), nn.Sigmoid()]
    G, D = nn.Sequential(*up, nn.Tanh()), nn.Sequential(*down)
    for module in [*G, *D]:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    d_adam, g_adam = (torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (D, G))
    criterion = nn.BCELoss()
    ones, zeros = torch.ones(BATCH), torch.zeros(BATCH)
    shown, seen = torch.randn(COUNT, LATENT), 0
    start = time.process_time()
    while time.process_time() - start < seconds:
        for indices in torch.randperm(len(pack)).split(BATCH):
            if len(indices) < BATCH or time.process_time() - start >= seconds:
                break
            pixels = pack.rows(indices.numpy())["x"]
            real = torch.from_numpy(pixels).contiguous().float() / 127.5 - 1
            D.zero_grad()
            criterion(D(real), ones).backward()
            fake = G(torch.randn(BATCH, LATENT))
            criterion(D(fake.detach()), zeros).backward()
            d_adam.step()
            G.zero_grad()
            criterion(D(fake), ones).backward()
            g_adam.step()
            seen += BATCH
    with torch.no_grad():
        return G(shown), seen


def ours(pack: Pack, seconds: float, work: Path) -> tuple[Tensor, int, float]:
    """Samples of a run of the default recipe, the images it saw, and its CPU seconds."""
    job = Job("avatars", "default", 0, seconds, (SIDE, SIDE))
    config = configured(job, pack)
    job = replace(job, afford=config.run.afford)
    images = images_within(job, config, pack, work / "timing")
    for turn in range(3):
        used = timed_train(job, work / f"run{turn}", images)
        print(f"default: {images:,} images in {used:.0f} CPU s", flush=True)
        if used <= seconds * SLACK:
            break
        images = int(images * seconds / used)
    return ganzfeld.load(work / f"run{turn}").sample(COUNT, seed=0), images, used


def train(side: str, seconds: float, work: Path) -> None:
    """Train one side, and keep its samples and what it spent in the folder `work`."""
    torch.set_num_threads(1)
    pack = open_pack("avatars", PackOptions(size=(SIDE, SIDE)))
    if side == "classic":
        x, images = classic(pack, seconds)
        used = seconds
        print(f"classic DCGAN: {images:,} images in {used:.0f} CPU s", flush=True)
    else:
        x, images, used = ours(pack, seconds, work)
    np.save(work / f"{side}.npy", to_pixels(x))
    facts = {"seconds": seconds, "used": round(used, 1), "images": images}
    facts |= {"date": datetime.now(UTC).date().isoformat(), "ganzfeld": ganzfeld.__version__}
    (work / f"{side}.json").write_text(json.dumps(facts, indent=1) + "\n")


def panel(sheet: Image.Image, left: int, columns: int, head: list[str], x: Pixels) -> None:
    """One side: a heading of two lines, and its first samples in rows below."""
    draw = ImageDraw.Draw(sheet)
    draw.text((left, EDGE), head[0], INK, ImageFont.load_default(24))
    draw.text((left, EDGE + 32), head[1], PALE, ImageFont.load_default(16))
    for index, pixels in enumerate(x[: ROWS * columns]):
        row, column = divmod(index, columns)
        tile = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        place = left + column * (TILE + GAP), EDGE + HEAD + row * (TILE + GAP)
        sheet.paste(tile.resize((TILE, TILE), Image.Resampling.BICUBIC), place)


def layout(work: Path) -> Image.Image:
    """Both sides next to each other, with what each of them spent."""
    wide = {side: columns * (TILE + GAP) - GAP for side, columns in COLUMNS.items()}
    high = 2 * EDGE + HEAD + ROWS * (TILE + GAP) - GAP
    sheet = Image.new("RGB", (2 * EDGE + BETWEEN + sum(wide.values()), high), PAPER)
    left = EDGE
    for side, title in SIDES.items():
        samples = np.load(work / f"{side}.npy", allow_pickle=False)
        facts = json.loads((work / f"{side}.json").read_text())
        spent = f"{facts['seconds'] / 60:g} CPU minutes, {facts['images']:,} images seen"
        panel(sheet, left, COLUMNS[side], [title, spent], samples)
        left += wide[side] + BETWEEN
    return sheet.quantize(256, dither=Image.Dither.NONE)


def main() -> None:
    parser = argparse.ArgumentParser(description="The image of the README.")
    parser.add_argument("--seconds", type=float, help="CPU seconds each; without it, layout only")
    parser.add_argument("--only", choices=SIDES, help="train this side alone")
    parser.add_argument("--work", type=Path, default=Path("hero"))
    parser.add_argument("--out", type=Path, default=Path("docs/images/hero.png"))
    options = parser.parse_args()
    if options.seconds:
        options.work.mkdir(parents=True, exist_ok=True)
        for side in [options.only] if options.only else SIDES:
            train(side, options.seconds, options.work)
    if lacking := [side for side in SIDES if not (options.work / f"{side}.npy").exists()]:
        sys.exit(f"no image yet: {options.work} has no samples of {' and '.join(lacking)}")
    save_image(layout(options.work), options.out, optimize=True)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
