"""Commands that train and sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.cli.options import GRID_PIXELS, parse_size, stopped_by_ctrl_c
from ganzfeld.core.language import tell


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
    seed: int | None = None,
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
    config: Annotated[Path | None, arg(metavar="FILE")] = None,
    dry_run: bool = False,
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
        config: JSON in the form of a run's config.json, whole or in part, or that of a run. Options
            of the command come first; shapes and classes follow the data.
        dry_run: Print the plan and train nothing. The data are packed in the cache, as always.
        quiet: Print errors only.
        trust_code: When a run continues, allow Python code that its folder names. Code that you
            name yourself is always allowed.
    """
    with stopped_by_ctrl_c():
        from ganzfeld.training.run import train as run_training

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
        config=config,
        dry_run=dry_run,
        quiet=quiet,
        trust_code=trust_code,
    )


def resume(
    run: Positional[Path],
    /,
    *,
    images: int | None = None,
    data: str | None = None,
    other: Annotated[str | None, arg(name="with", metavar="DATA")] = None,
    device: Literal["auto", "cpu", "cuda", "mps"] | None = None,
    quiet: bool = False,
    trust_code: bool = False,
) -> None:
    """Continue a run from its newest intact checkpoint.

    Args:
        run: The run's folder.
        images: A new total, to train beyond the original end.
        data: Where the data are now, if they were moved. They must be the same.
        other: For a translation: where the second domain is now.
        device: Device to train on. Default: as before.
        quiet: Print errors only.
        trust_code: Allow Python code that the run's folder names. Runs that you began here with
            your own code do not need it.
    """
    with stopped_by_ctrl_c():
        from ganzfeld.training.run import resume as run_again

    run_again(
        run,
        images=images,
        data=data,
        other=other,
        device=device,
        quiet=quiet,
        trust_code=trust_code,
    )


def sample(
    model: Positional[Path],
    /,
    *,
    out: Path,
    count: int = 16,
    seed: int = 0,
    grid: Path | None = None,
    columns: int | None = None,
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
        out: Folder for the images, one PNG each: SEED-NUMBER.png, or SEED-NUMBER-CLASS.png.
        count: Number of images.
        seed: Seed of the images.
        grid: Also write one image that shows all of them; with several --label, one class a row.
        columns: Images in a row of the grid. Default: as many as rows, or as a class has.
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

    from ganzfeld.core import border
    from ganzfeld.core.console import Screen
    from ganzfeld.modalities.image import draw
    from ganzfeld.models import model as generate

    border.whole(count, "--count", 1, border.MOST_IMAGES)
    border.whole(seed, "--seed", 0, border.MOST_SEED)
    if columns is not None:
        border.whole(columns, "--columns", 1, border.MOST_IMAGES)
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
        from ganzfeld.models.rank import best

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
    names = class_names(loaded, count, seed, label)
    named = zip(numbers, names, strict=False)
    done = written = 0
    for chunk in chunks:
        for pixels in draw.to_pixels(chunk):
            number, name = next(named)
            path = out / f"{seed}-{number:06d}{name and '-'}{name}.png"
            draw.save_image(draw.to_image(pixels), path)
            written += path.stat().st_size
            if grid:
                everything.append(pixels)
        if not done:
            check_room(out, written / len(chunk), count - len(chunk))
        done += len(chunk)
        screen.progress("drawing", done, count)
    if grid:
        rows = len({*label}) if columns is None and label else 1
        everything = by_class(everything, len(label)) if rows > 1 else everything
        wide = len(everything) // len(label) if rows > 1 else columns
        draw.save_image(draw.grid(np.stack(everything), wide), grid)
    tell(f"{count:,} images in {out}" + (f", grid in {grid}" if grid else ""))
    if show_price:
        from ganzfeld.cli.sample import print_price

        print_price(loaded, model, data, count, of, seed, label or None, mean, std)


NAME_BYTES = 200  # of a class in a file's name, which may have 255


def class_names(loaded: Any, count: int, seed: int, label: Sequence[str]) -> Iterator[str]:
    """The class of each sample as a part of its file's name; empty where there are no classes."""
    from ganzfeld.models.export_dataset import folders_of

    wanted = loaded.label_numbers(label or None)
    short = [n.encode("utf-8", "ignore")[:NAME_BYTES] for n in folders_of(loaded.classes).values()]
    plain = [name.decode("utf-8", "ignore") for name in short]
    for low in range(0, count, BLOCK):  # for as many as there are
        block = range(low, min(low + BLOCK, count))
        own = loaded.labels_of(block, seed, wanted)
        yield from ("" for _ in block) if own is None else (plain[number] for number in own)


def by_class(everything: list[Any], labels: int) -> list[Any]:
    """Images of classes in turn as rows of a class each, the last row's end filled with white."""
    blank = everything[0] * 0 + 255
    each = -(-len(everything) // labels)
    rows = [everything[first::labels] for first in range(labels)]
    return [image for row in rows for image in [*row, *[blank] * (each - len(row))]]


BLOCK = 4096  # labels drawn at once


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

    from ganzfeld.core.memory import amount
    from ganzfeld.errors import ResourceError

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


def recipes(*, show: str | None = None) -> None:
    """List the recipes, or show one.

    Args:
        show: A recipe, as JSON that `train --config` takes; for 10,000 images of 64 pixels in
            colour, with ten classes where it needs classes.
    """
    if show is not None:
        print(recipe_text(show), end="")
        return
    from ganzfeld.recipes.gan import RECIPES

    wide = max(len(name) for name in RECIPES)
    for name, recipe in RECIPES.items():
        print(f"{name:<{wide}}  {(recipe.__doc__ or '').splitlines()[0]}")


def recipe_text(name: str) -> str:
    """What a recipe sets, as JSON; what it leaves open is left out."""
    import dataclasses

    from ganzfeld.core.files import as_json
    from ganzfeld.errors import UsageError
    from ganzfeld.recipes.find import find_recipe
    from ganzfeld.recipes.gan import Facts

    recipe = find_recipe(name)
    facts = Facts(count=10_000, channels=3, height=64, width=64, classes=0, channels_b=3)
    try:
        made = recipe(facts)
    except UsageError:  # which needs labels
        made = recipe(dataclasses.replace(facts, classes=10))
    config = dataclasses.asdict(made) | {"recipe": name}
    config["data"] = {n: config["data"][n] for n in ("mirror", "jitter")}
    config["run"] = {n: v for n, v in config["run"].items() if v is not None and n != "device"}
    return as_json(config).decode()


def verify(run: Positional[Path], /) -> None:
    """Check every checkpoint and the model of a run against their hashes. Exit 4 on damage.

    Args:
        run: The run's folder.
    """
    from ganzfeld.training.verify import verify_run

    damaged = False
    for what, problem in verify_run(run):
        damaged |= problem is not None
        tell(f"{what}: {problem or 'whole'}")
    if damaged:
        raise SystemExit(4)
