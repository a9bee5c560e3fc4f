"""Commands that train and sample."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.cli.options import (
    Kind,
    as_json,
    parse_names,
    parse_size,
    stopped_by_ctrl_c,
    watched,
)
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
    labels: Annotated[str, arg(metavar="auto|none|clusters|folders|names|FILE")] = "auto",
    condition: Annotated[str | None, arg(metavar="NAME,NAME")] = None,
    modality: Annotated[Kind, arg(name="as")] = "auto",
    window: int | None = None,
    range: Annotated[str | None, arg(metavar="LOW:HIGH")] = None,
    frames: Literal["first", "all"] = "first",
    splits: Literal["train", "all"] = "train",
    follow_links: bool = False,
    stream: bool = False,
    max_megapixels: float = 64.0,
    alpha: Literal["white", "black", "keep"] = "white",
    on_bad_image: Literal["fail", "skip"] | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    init: Path | None = None,
    held_out: int | None = None,
    patience: Annotated[int | None, arg(metavar="IMAGES")] = None,
    doctor: Literal["watch", "treat", "off"] | None = None,
    log_to: Annotated[str | None, arg(metavar="NAME,NAME")] = None,
    progress: Literal["screen", "json"] = "screen",
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="PATH=VALUE")] = (),
    config: Annotated[Path | None, arg(metavar="FILE")] = None,
    dry_run: bool = False,
    quiet: bool = False,
    trust_code: bool = False,
) -> None:
    """Train a generator. The same command again continues an unfinished run.

    Args:
        data: Images or sounds in a folder or ZIP (sub-folders are classes), lines in .txt or
            .jsonl, a table or series with a column of times in .csv or parquet, arrays in .npy or
            .npz, IDX. Built in: avatars, fields, showers, ising, vowels, grammar, table, ar, var,
            garch, sines. For a translation: trainA and trainB, or pairs side by side in one image.
        recipe: A name from `ganzfeld recipes`, or your own function as file.py:name. Default: by
            the kind of the data.
        other: For a translation: the second domain, if DATA holds only one.
        direction: For pix2pix: ab translates a (left, or first) to b, ba the reverse. Default: ab.
        out: The run's folder. Default: runs/DATA-RECIPE.
        size: Of images, in pixels: N for a square, or HEIGHTxWIDTH. Default: chosen from the data.
        images: Samples to train on in all: images, sounds, lines, rows or fields.
        minutes: Training time. The speed is measured first, and sets the number of images and the
            size of the networks.
        batch: Batch size.
        seed: Random seed (initial weights, data order, sampling).
        labels: auto: conditional if the data have labels. none: ignore them. clusters: groups of
            similar images as classes. folders: use folders as classes. names: take classes from
            file names, such as cat.1.jpg. Or the path of a table, with :COLUMN if it has several.
        condition: Columns to condition on, of a metadata.csv or the like: classes, numbers, or
            lists of classes. `ganzfeld data check` lists them. Default: the labels alone.
        modality: What to take the data for. Default: decided by what they are; the plan says it.
        window: Steps of a sample that is cut out of a longer series. Default: 48, or the length of
            the series where most have one.
        range: Values that become black and white, such as 0:4095 or p1:p99. Default: from the
            data.
        frames: all: every frame of animations and every page of documents.
        splits: all: also test and validation images.
        follow_links: Follow links that lead out of the folder.
        stream: Read tar or Parquet shards while training instead of packing them.
        max_megapixels: Larger images count as bad.
        alpha: Colour behind transparent pixels, or keep: alpha stays as a channel.
        on_bad_image: Default: skip up to 1 % of bad images, else fail with the list.
        device: Device to train on.
        init: Initialise weights from this run or model, as far as they fit.
        held_out: Number of samples kept out of training, to detect copying and overfitting.
            Default: 5 %, at most 256; 0 for fewer than 100.
        patience: End the run when its measured quality has not moved for so many images.
        doctor: treat: also begin again with lower rates where large steps spoiled the run, and say
            so. off: do not look. Default: watch, see `ganzfeld doctor`.
        log_to: Also tell these trackers: tensorboard, wandb, trackio, mlflow.
        progress: json: print JSON lines, for programs and notebooks.
        set: Change a setting of the recipe, such as networks.G.width=32.
        config: JSON or YAML in the form of a run's config.json, whole or in part, or that of a run.
            Options of the command come first; shapes and classes follow the data.
        dry_run: Print the plan and train nothing. The data are packed in the cache, as always.
        quiet: Print errors only.
        trust_code: When a run continues, allow Python code that its folder names. Code that you
            name yourself is always allowed.
    """
    flags = dict(locals())
    as_json(flags.pop("progress"))
    with stopped_by_ctrl_c():
        from ganzfeld.training.run import train as run_training

    flags |= {"size": parse_size(size), "condition": condition or ()}
    flags["set"] = [*flags["set"], *watched(flags)]
    for name, argument in (("data", "source"), ("range", "value_range"), ("set", "settings")):
        flags[argument] = flags.pop(name)
    run_training(**flags)


def resume(
    run: Positional[Path],
    /,
    *,
    images: int | None = None,
    data: str | None = None,
    other: Annotated[str | None, arg(name="with", metavar="DATA")] = None,
    device: Literal["auto", "cpu", "cuda", "mps"] | None = None,
    data_grown: bool = False,
    log_to: Annotated[str | None, arg(metavar="NAME,NAME")] = None,
    progress: Literal["screen", "json"] = "screen",
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
        data_grown: Go on although samples were added to the data. All are used from here on.
        log_to: Tell these trackers from here on, beside those of before: tensorboard, wandb,
            trackio, mlflow; none: tell none any more. Default: as before.
        progress: json: print JSON lines, for programs and notebooks.
        quiet: Print errors only.
        trust_code: Allow Python code that the run's folder names. Runs that you began here with
            your own code do not need it.
    """
    as_json(progress)
    with stopped_by_ctrl_c():
        from ganzfeld.training.run import resume as run_again

    run_again(
        run,
        images=images,
        data=data,
        other=other,
        device=device,
        data_grown=data_grown,
        log_to=None if log_to is None else parse_names([log_to]),
        quiet=quiet,
        trust_code=trust_code,
    )


def recipes(*, show: str | None = None) -> None:
    """List the recipes, or show one.

    Args:
        show: A recipe, as JSON that `train --config` takes; one of images for 10,000 of 64 pixels
            in colour, with ten classes where it needs classes.
    """
    if show is not None:
        print(recipe_text(show), end="")
        return
    for line in recipe_lines(shutil.get_terminal_size().columns):
        print(line)


def recipe_lines(width: int) -> list[str]:
    """The recipes under the kind of samples that each is for, in lines of so many columns."""
    from ganzfeld.core.language import tr
    from ganzfeld.core.wrapping import wrapped
    from ganzfeld.modalities import MODALITIES
    from ganzfeld.recipes.gan import RECIPES

    indent = " " * (max(map(len, RECIPES)) + 4)
    found: dict[str, list[str]] = {}
    for name, recipe in RECIPES.items():
        kind = "any data"
        if recipe.modality:
            noun, name_of = MODALITIES[recipe.modality].noun, recipe.modality
            kind = tr(noun) if noun.startswith(name_of) else f"{tr(noun)} ({name_of})"
        start = f"  {name}".ljust(len(indent))
        told = wrapped(tr(recipe.about), max(min(width, 100) - len(indent), 20), "")
        lines = [(indent if place else start) + line for place, line in enumerate(told)]
        found.setdefault(kind, []).extend(lines)
    listed = [[f"{kind}:", *lines, ""] for kind, lines in found.items()]
    hint = "`ganzfeld recipes --show NAME` shows what one sets; `train --recipe NAME` takes it."
    return [line for lines in listed for line in lines] + wrapped(tr(hint), width, "")


def recipe_text(name: str) -> str:
    """What a recipe sets, as JSON; what it leaves open is left out."""
    import dataclasses

    from ganzfeld.core.files import as_json
    from ganzfeld.errors import UsageError
    from ganzfeld.modalities import MODALITIES
    from ganzfeld.recipes.find import FORMER, find_recipe
    from ganzfeld.recipes.gan import Facts

    recipe = find_recipe(name)
    kind = MODALITIES[recipe.modality or next(iter(MODALITIES))]
    spec, classes = kind.examples((64, 64))[0]
    facts = Facts(count=10_000, spec=spec, classes=classes, channels_b=spec.shape[0], words=200)
    try:
        made = recipe(facts)
    except UsageError:  # which needs labels
        made = recipe(dataclasses.replace(facts, classes=10))
    config = dataclasses.asdict(made) | {"recipe": FORMER.get(name, name)}
    config["data"] = {n: config["data"][n] for n in ("mirror", "jitter")}
    config["run"] = {n: v for n, v in config["run"].items() if v is not None and n != "device"}
    return as_json(config).decode()


def verify(run: Positional[Path], /) -> None:
    """Check every checkpoint and the model of a run against their hashes. Exit 4 on damage.

    Args:
        run: The run's folder.
    """
    from ganzfeld.core.streams import last_words
    from ganzfeld.training.verify import verify_run

    damaged = False
    for what, problem in verify_run(run):
        damaged |= problem is not None
        with contextlib.suppress(BrokenPipeError):  # `| head -1` does not change the verdict
            tell(f"{what}: {problem or 'whole'}")
    last_words()
    if damaged:
        raise SystemExit(4)
