"""Commands that train, and draw from what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.commands.common import parse_size, stopped_by_ctrl_c


def train(
    data: Positional[str] = "avatars",
    /,
    *,
    recipe: str = "default",
    other: Annotated[str | None, arg(name="with", metavar="DATA")] = None,
    direction: Literal["ab", "ba"] | None = None,
    out: Path | None = None,
    size: str | None = None,
    images: int | None = None,
    minutes: float | None = None,
    batch: int | None = None,
    seed: int = 0,
    labels: Literal["auto", "none"] = "auto",
    alpha: Literal["white", "black", "keep"] = "white",
    on_bad_image: Literal["fail", "skip"] | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="PATH=VALUE")] = (),
    quiet: bool = False,
) -> None:
    """Train a generator. The same command again continues an unfinished run.

    Args:
        data: Folder, class sub-folders, ZIP, IDX, .npy, .npz or parquet; or `avatars`, built in.
            For a translation: trainA and trainB, or pairs side by side in one picture.
        recipe: A name from `ganzfeld recipes`, or your own function as file.py:name.
        other: For a translation: the second domain, where the data do not hold both.
        direction: For pix2pix: from a (left, or first) to b, or back. Default: ab.
        out: The run's folder. Default: runs/DATA-RECIPE.
        size: Pixels: N for a square, or HEIGHTxWIDTH. Default: what suits the data.
        images: Images to see in all.
        minutes: Measure the speed first, then fix the number of images from it.
        batch: Samples in a batch.
        seed: Of the initial weights, the order of the data, and every random draw.
        labels: auto: conditional when the data has labels. none: leave them aside.
        alpha: What shows through transparent pixels, or keep it as a channel.
        on_bad_image: Default: skip bad pictures up to one in a hundred, else fail with the list.
        device: Where to train.
        set: A setting of the recipe's configuration, such as networks.G.width=32.
        quiet: Print nothing but errors.
    """
    with stopped_by_ctrl_c():
        from ganzfeld.run import train as run_training

    run_training(
        data,
        recipe=recipe,
        other=other,
        direction=direction,
        out=out,
        size=parse_size(size),
        images=images,
        minutes=minutes,
        batch=batch,
        seed=seed,
        labels=labels,
        alpha=alpha,
        on_bad_image=on_bad_image,
        device=device,
        settings=set,
        quiet=quiet,
    )


def resume(run: Positional[Path], /, *, images: int | None = None, quiet: bool = False) -> None:
    """Continue a run from its newest whole checkpoint.

    Args:
        run: The run's folder.
        images: A new total, to go on beyond the end.
        quiet: Print nothing but errors.
    """
    with stopped_by_ctrl_c():
        from ganzfeld.run import resume as run_again

    run_again(run, images=images, quiet=quiet)


def sample(
    model: Positional[Path],
    /,
    *,
    out: Path,
    count: int = 16,
    seed: int = 0,
    grid: Path | None = None,
    label: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    which: Literal["best", "last"] = "best",
) -> None:
    """Draw pictures from a run or a model. Picture i of a seed is always the same.

    Args:
        model: A run's folder or a model's folder.
        out: Folder for the pictures, one PNG each.
        count: How many.
        seed: Which ones.
        grid: Also one picture with all of them.
        label: Classes by name, repeated over the pictures. Default: a random class each.
        which: Of a run: the checkpoint that measured best, or the newest.
    """
    import numpy as np

    from ganzfeld import generate, pictures

    loaded = generate.load(model, which=which, task="generation")
    everything = []
    number = 0
    for chunk in loaded.chunks(count, seed=seed, labels=label or None):
        for pixels in pictures.to_pixels(chunk):
            pictures.save_image(pictures.to_image(pixels), out / f"{seed}-{number:06d}.png")
            number += 1
            if grid:
                everything.append(pixels)
    if grid:
        pictures.save_image(pictures.grid(np.stack(everything)), grid)
    print(f"{number:,} pictures in {out}" + (f", grid in {grid}" if grid else ""))


def recipes() -> None:
    """List the recipes."""
    from ganzfeld.recipes import RECIPES

    for name, recipe in RECIPES.items():
        print(f"{name:<10} {(recipe.__doc__ or '').splitlines()[0]}")


def verify(run: Positional[Path], /) -> None:
    """Check every checkpoint and the model of a run against their hashes. Exit 4 on damage.

    Args:
        run: The run's folder.
    """
    from ganzfeld.verify import verify_run

    damaged = False
    for what, problem in verify_run(run):
        damaged |= problem is not None
        print(f"{what}: {problem or 'whole'}")
    if damaged:
        raise SystemExit(4)
