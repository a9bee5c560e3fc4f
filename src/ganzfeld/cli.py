"""The `ganzfeld` command. This module imports no torch, so that `--help` answers at once."""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.errors import GanzfeldError, UsageError

app = tyro.extras.SubcommandApp()
data_app = tyro.extras.SubcommandApp()
checkpoint_app = tyro.extras.SubcommandApp()
PURPOSE = "Generative adversarial networks: one command from data to a generator."
LISTS = ("--set", "--label", "--metrics")  # take one value or several, once or again


def parse_size(text: str | None) -> tuple[int, int] | None:
    """`64` or `128x192` (height x width) as (height, width)."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(p.isdecimal() and int(p) > 0 for p in parts):
        raise UsageError(f"--size is N or HEIGHTxWIDTH in pixels, not {text!r}")
    return int(parts[0]), int(parts[-1])


@contextlib.contextmanager
def stopped_by_ctrl_c() -> Iterator[None]:
    """Ctrl-C ends the process at once: torch, half imported, makes other errors of it, or none."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@app.command
def train(
    data: Positional[str] = "avatars",
    /,
    *,
    recipe: str = "default",
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
        recipe: A name from `ganzfeld recipes`, or your own function as file.py:name.
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


@app.command
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


@app.command
def sample(
    model: Positional[Path],
    /,
    *,
    out: Path,
    count: int = 16,
    seed: int = 0,
    grid: Path | None = None,
    label: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
) -> None:
    """Draw pictures from a run or a model. Picture i of a seed is always the same.

    Args:
        model: A run's folder or a model's folder.
        out: Folder for the pictures, one PNG each.
        count: How many.
        seed: Which ones.
        grid: Also one picture with all of them.
        label: Classes by name, repeated over the pictures. Default: a random class each.
    """
    import numpy as np

    from ganzfeld import generate, pictures

    loaded = generate.load(model)
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


@app.command
def evaluate(
    model: Positional[str],
    data: Positional[str],
    /,
    *,
    metrics: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    extractor: str | None = None,
    protocol: Literal["tf1", "pytorch-fid", "clean"] | None = None,
    count: int | None = None,
    reference: int | None = None,
    held_out: str | None = None,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Path | None = None,
    quiet: bool = False,
) -> None:
    """Measure a generator, or any folder of pictures, against data.

    Args:
        model: A run's folder, a model's folder, or a folder or ZIP of pictures.
        data: What they should look like, as `train` takes it.
        metrics: Names, such as frechet kernel recall. Default: all that can be had.
        extractor: inception, domain, random, or your own module as file.py:name. Default: domain
            where the labels of the data can be learned, else random.
        protocol: How inception's pictures are resized. Default: tf1.
        count: Pictures to generate. Default: as many as the data, at most 10,000.
        reference: Pictures of the data to compare with. Default: as many as generated.
        held_out: Data that were not trained on, to judge memorisation by.
        seed: Which pictures are generated.
        device: Where to compute.
        json: A file for all results.
        quiet: Print nothing but errors.
    """
    from ganzfeld.checkpoint import as_json, replace
    from ganzfeld.evaluation import evaluate as run_evaluation
    from ganzfeld.metrics.summary import summary
    from ganzfeld.screen import Screen

    screen = Screen(quiet=quiet)
    result = run_evaluation(
        model,
        data,
        metrics=metrics or None,
        extractor=extractor,
        protocol=protocol,
        count=count,
        reference=reference,
        held_out=held_out,
        seed=seed,
        device=device,
        progress=(lambda stage, done, total: None) if quiet else screen.progress,
    )
    if json:
        replace(json, as_json(result))
    for line in summary(result):
        screen.say(line)


@data_app.command(name="check")
def data_check(data: Positional[str], /, *, quarantine: bool = False) -> None:
    """Decode every picture and list what is bad, by name and reason. Exit 3 if any is.

    Args:
        data: What would be trained on.
        quarantine: Move bad files of a folder into a folder beside it. Nothing is deleted.
    """
    from ganzfeld.data.check import check_data, describe
    from ganzfeld.screen import Screen

    report = check_data(data, quarantine=quarantine, progress=Screen().progress)
    print(describe(report))
    if (report["skipped"] or report["unreadable"]) and not report.get("quarantined"):
        raise SystemExit(3)


@data_app.command(name="sheet")
def data_sheet(data: Positional[str], /, *, out: Path, size: str | None = None) -> None:
    """Draw a contact sheet of the data as training would see it.

    Args:
        data: What would be trained on.
        out: The PNG file to write.
        size: Pixels: N for a square, or HEIGHTxWIDTH. Default: what suits the data.
    """
    from ganzfeld.data.pack import PackOptions, open_pack
    from ganzfeld.data.sheet import data_sheet as draw
    from ganzfeld.screen import Screen

    pack = open_pack(data, PackOptions(size=parse_size(size)), progress=Screen().progress)
    draw(pack, out)
    print(f"sheet of {pack.count:,} pictures in {out}")


@app.command
def recipes() -> None:
    """List the recipes."""
    from ganzfeld.recipes import RECIPES

    for name, recipe in RECIPES.items():
        print(f"{name:<10} {(recipe.__doc__ or '').splitlines()[0]}")


@checkpoint_app.command
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


@app.command
def data() -> None:
    """data check: find bad pictures. data sheet: see the data as training does."""


@app.command
def checkpoint() -> None:
    """checkpoint verify: check a run's files against their hashes."""


GROUPS = {"data": data_app, "checkpoint": checkpoint_app}  # these two take a second word


def spread_lists(arguments: Sequence[str]) -> list[str]:
    """`--set a b` as `--set a --set b`, so that both ways of writing it work."""
    spread: list[str] = []
    current = ""
    for argument in arguments:
        if argument.startswith("-"):
            current = argument if argument in LISTS else ""
            if not current:
                spread.append(argument)
        elif current:
            spread += [current, argument]
        else:
            spread.append(argument)
    return spread


def main(arguments: Sequence[str] | None = None) -> None:
    """The `ganzfeld` command. Ends in SystemExit with a code of `ganzfeld.errors`."""
    words = spread_lists(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in GROUPS:
            group = GROUPS[words[0]]
            group.cli(prog=f"ganzfeld {words[0]}", args=words[1:] or ["--help"])
        else:
            app.cli(prog="ganzfeld", args=words or ["--help"], description=PURPOSE)
    except GanzfeldError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.code) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
    except KeyboardInterrupt:  # before or beside training, which has an ear for it
        print("stopped", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception:
        with tempfile.NamedTemporaryFile("w", suffix=".txt", prefix="ganzfeld-", delete=False) as f:
            f.write(traceback.format_exc())
        line = traceback.format_exc().strip().splitlines()[-1]
        print(
            f"error[70]: this is a bug in ganzfeld: {line}\n  fix:  please report it with {f.name}",
            file=sys.stderr,
        )
        raise SystemExit(70) from None


if __name__ == "__main__":
    main()
