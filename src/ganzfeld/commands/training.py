"""Commands that train and sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.commands.common import parse_size, stopped_by_ctrl_c
from ganzfeld.text import tell


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
    labels: Annotated[str, arg(metavar="auto|none|folders|FILE")] = "auto",
    range: Annotated[str | None, arg(metavar="LOW:HIGH")] = None,
    frames: Literal["first", "all"] = "first",
    splits: Literal["train", "all"] = "train",
    follow_links: bool = False,
    max_megapixels: float = 64.0,
    alpha: Literal["white", "black", "keep"] = "white",
    on_bad_image: Literal["fail", "skip"] | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    init: Path | None = None,
    held_out: int | None = None,
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="PATH=VALUE")] = (),
    quiet: bool = False,
    trust_code: bool = False,
) -> None:
    """Train a generator. The same command again continues an unfinished run.

    Args:
        data: Folder, class sub-folders, ZIP, IDX, .npy, .npz or parquet; or `avatars`, built in.
            For a translation: trainA and trainB, or pairs side by side in one image.
        recipe: A name from `ganzfeld recipes`, or your own function as file.py:name.
        other: For a translation: the second domain, if DATA holds only one.
        direction: For pix2pix: ab translates a (left, or first) to b, ba the reverse. Default: ab.
        out: The run's folder. Default: runs/DATA-RECIPE.
        size: Size in pixels: N for a square, or HEIGHTxWIDTH. Default: chosen from the data.
        images: Images to train on in all.
        minutes: Training time. The speed is measured first, and sets the number of images and the
            size of the networks.
        batch: Batch size.
        seed: Random seed (initial weights, data order, sampling).
        labels: auto: conditional if the data have labels. none: ignore them. folders: use folders
            as classes. Or the path of a table, with :COLUMN if it has several.
        range: Values that become black and white, such as 0:4095 or p1:p99. Default: from the
            data.
        frames: all: every frame of animations and every page of documents.
        splits: all: also test and validation images.
        follow_links: Follow links that lead out of the folder.
        max_megapixels: Larger images count as bad.
        alpha: Colour behind transparent pixels, or keep: alpha stays as a channel.
        on_bad_image: Default: skip up to 1 % of bad images, else fail with the list.
        device: Device to train on.
        init: Initialise weights from this run or model.
        held_out: Number of images kept out of training, to detect copying and overfitting. Default:
            5 %, at most 256; 0 for fewer than 100 images.
        set: Change a setting of the recipe, such as networks.G.width=32.
        quiet: Print errors only.
        trust_code: When a run continues, allow Python code that its folder names. Code that you
            name yourself is always allowed.
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
        value_range=range,
        frames=frames,
        splits=splits,
        follow_links=follow_links,
        max_megapixels=max_megapixels,
        alpha=alpha,
        on_bad_image=on_bad_image,
        device=device,
        init=init,
        held_out=held_out,
        settings=set,
        quiet=quiet,
        trust_code=trust_code,
    )


def resume(
    run: Positional[Path],
    /,
    *,
    images: int | None = None,
    quiet: bool = False,
    trust_code: bool = False,
) -> None:
    """Continue a run from its newest intact checkpoint.

    Args:
        run: The run's folder.
        images: A new total, to train beyond the original end.
        quiet: Print errors only.
        trust_code: Allow Python code that the run's folder names. Runs that you began here with
            your own code do not need it.
    """
    with stopped_by_ctrl_c():
        from ganzfeld.run import resume as run_again

    run_again(run, images=images, quiet=quiet, trust_code=trust_code)


def sample(
    model: Positional[Path],
    /,
    *,
    out: Path,
    count: int = 16,
    seed: int = 0,
    grid: Path | None = None,
    label: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    of: int | None = None,
    rank: Literal["discriminator"] | None = None,
    mean: float = 0.0,
    std: float = 1.0,
    show_price: bool = False,
    data: str | None = None,
    which: Literal["best", "last"] = "best",
    trust_code: bool = False,
) -> None:
    """Draw images from a run or a model. Image i of a seed is always the same.

    Args:
        model: A run's folder or a model's folder.
        out: Folder for the images, one PNG each.
        count: Number of images.
        seed: Seed of the images.
        grid: Also write one image that shows all of them.
        label: Class names, repeated over the images. Default: a random class for each.
        of: Draw this many and keep the best --count. Default with --rank: 8 times --count.
        rank: What scores the candidates. Default with --of: the discriminator.
        mean: Mean of the latents.
        std: Standard deviation of the latents. Below 1: cleaner images, less variety.
        show_price: Also measure what the selection costs in variety.
        data: Data for --show-price. Default: the data of the run.
        which: For a run: its best-scoring checkpoint, or its last.
        trust_code: Allow the model's own Python code to run.
    """
    import numpy as np

    from ganzfeld import border, generate, pictures
    from ganzfeld.screen import Screen

    border.whole(count, "--count", 1, border.MOST_IMAGES)
    border.whole(seed, "--seed", 0, border.MOST_SEED)
    border.real(mean, "--mean", -1e6, 1e6)
    border.real(std, "--std", 0, 1e6)
    if of is not None:
        border.whole(of, "--of", 1, border.MOST_IMAGES)
    loaded = generate.load(model, which=which, task="generation", trust_code=trust_code)
    if grid:
        check_grid(count, loaded.shape)
    screen = Screen()
    if of is None and rank is None:
        numbers: Iterable[int] = range(count)
        chunks = loaded.chunks(count, seed=seed, labels=label or None, mean=mean, std=std)
    else:
        from ganzfeld.ranking import best

        found = best(
            loaded,
            count,
            of=of,
            rank=rank,
            seed=seed,
            labels=label or None,
            mean=mean,
            std=std,
            progress=screen.progress,
        )
        numbers, chunks = found.numbers, iter([found.samples])
    everything = []
    named = iter(numbers)
    done = written = 0
    for chunk in chunks:
        for pixels in pictures.to_pixels(chunk):
            path = out / f"{seed}-{next(named):06d}.png"
            pictures.save_image(pictures.to_image(pixels), path)
            written += path.stat().st_size
            if grid:
                everything.append(pixels)
        if not done:
            check_room(out, written / len(chunk), count - len(chunk))
        done += len(chunk)
        screen.progress("drawing", done, count)
    if grid:
        pictures.save_image(pictures.grid(np.stack(everything)), grid)
    tell(f"{count:,} images in {out}" + (f", grid in {grid}" if grid else ""))
    if show_price:
        from ganzfeld.commands.using import print_price

        print_price(loaded, model, data, count, of, seed, label or None, mean, std)


GRID_PIXELS = 100_000_000  # of a sheet with all samples: 300 MB while it is made


def check_grid(count: int, shape: Sequence[int]) -> None:
    """UsageError where a sheet of so many would not fit; it says how many do."""
    from ganzfeld.errors import UsageError

    scale = max(1, 64 // max(shape[-2:]))
    most = max(GRID_PIXELS // ((scale * shape[-2] + 2) * (scale * shape[-1] + 2)), 1)
    if count > most:
        raise UsageError(
            f"--grid with {count:,} images is too large for one: {most:,} fit",
            safe="nothing was drawn",
            fix=f"omit --grid, or use a second command for it with --count {min(most, 100)}",
        )


def check_room(out: Path, each: float, left: int) -> None:
    """ResourceError where the disk cannot take the rest; it says how many fit."""
    import shutil

    from ganzfeld.errors import ResourceError
    from ganzfeld.memory import amount

    free = shutil.disk_usage(out).free
    block = 4096  # a disk gives whole ones
    needed = left * max(each, block)
    if needed > free:
        raise ResourceError(
            f"{left:,} more images need about {amount(needed)}, and {out} has {amount(free)}",
            safe=f"the first ones are in {out}",
            fix=f"--count {int(0.9 * free / max(each, block)):,}".replace(",", "")
            + " fits, or another disk with --out",
        )


def recipes() -> None:
    """List the recipes."""
    from ganzfeld.recipes import RECIPES

    wide = max(len(name) for name in RECIPES)
    for name, recipe in RECIPES.items():
        print(f"{name:<{wide}}  {(recipe.__doc__ or '').splitlines()[0]}")


def verify(run: Positional[Path], /) -> None:
    """Check every checkpoint and the model of a run against their hashes. Exit 4 on damage.

    Args:
        run: The run's folder.
    """
    from ganzfeld.verify import verify_run

    damaged = False
    for what, problem in verify_run(run):
        damaged |= problem is not None
        tell(f"{what}: {problem or 'whole'}")
    if damaged:
        raise SystemExit(4)
