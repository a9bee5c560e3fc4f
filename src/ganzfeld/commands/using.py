"""Commands for what a trained generator is used for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.commands.common import parse_numbers
from ganzfeld.text import tell


def progress(
    run: Positional[Path],
    /,
    *,
    out: Path,
    columns: int | None = None,
    count: int | None = None,
    seconds: float = 8.0,
) -> None:
    """Show the same samples through training, as a strip or as a moving picture.

    Args:
        run: The run's folder.
        out: A .png for a strip, or a .gif, .webp or .mp4 for a moving picture.
        columns: Moments in a strip, or pictures in a row of a moving picture. Default: 8.
        count: How many of the samples. Default: 10 in a strip, 40 in a moving picture.
        seconds: Length of the moving picture.
    """
    from ganzfeld.progression import progress_of

    moments = progress_of(run, out, count=count, columns=columns, seconds=seconds)
    tell(f"{moments} moments of {run} in {out}")


def interpolate(
    model: Positional[Path],
    /,
    *,
    seeds: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="N")] = (),
    out: Path,
    label: str | None = None,
    frames: int | None = None,
    loop: bool = False,
    seconds: float | None = None,
    trust_code: bool = False,
) -> None:
    """Go from the first picture of each seed to that of the next, on the sphere of latents.

    Args:
        model: A run's folder or a model's folder.
        seeds: Two or more, such as 1,2,3.
        out: A .gif, .webp or .mp4, or a .png for a strip with a row for each way.
        label: A class for the whole way. Default: that of the first picture.
        frames: Pictures from a seed to the next. Default: 24, or 8 in a strip.
        loop: Come back to the first seed.
        seconds: Length of the moving picture. Default: 12 pictures a second.
        trust_code: Run the model's network that is Python code of its author.
    """
    import numpy as np

    from ganzfeld import animation, border, generate, interpolation, pictures

    strip = animation.check_ending(out) == ".png"
    if seconds is not None:
        border.real(seconds, "--seconds", 0, animation.MOST_SECONDS, above=True)
    per_leg = frames if frames is not None else 8 if strip else 24
    numbers = parse_numbers(",".join(seeds), "--seeds")
    loaded = generate.load(model, task="generation", trust_code=trust_code)
    check_frames(per_leg, len(numbers) - (not loop), loaded.shape, strip)
    chunks = interpolation.frames(
        loaded,
        numbers,
        per_leg=per_leg,
        loop=loop,
        label=label,
    )
    drawn = np.concatenate([pictures.to_pixels(chunk) for chunk in chunks])
    if strip:  # each row from one seed to the next, both included
        starts = range(0, len(drawn) - (not loop), per_leg)
        rows = [(first + i) % len(drawn) for first in starts for i in range(per_leg + 1)]
        pictures.save_image(pictures.grid(drawn[rows], per_leg + 1), out)
    else:
        shown = [animation.enlarged(pictures.to_image(pixels)) for pixels in drawn]
        animation.save_animation(shown, out, seconds=seconds or len(shown) / 12)
    tell(f"{len(drawn)} pictures in {out}")


MOVING_PIXELS = 200_000_000  # of all frames together: about 2 GB while they are written


def check_frames(per_leg: int, legs: int, shape: Sequence[int], strip: bool) -> None:
    """UsageError where so many frames would not fit memory; it says how many do."""
    from ganzfeld.commands.training import GRID_PIXELS
    from ganzfeld.errors import UsageError

    height, width = shape[-2:]
    if strip:
        scale, gap, most = max(1, 64 // max(height, width)), 2, GRID_PIXELS
    else:
        scale, gap, most = -(-192 // max(height, width)), 0, MOVING_PIXELS
    fit = most // ((scale * height + gap) * (scale * width + gap)) // max(legs, 1) - strip
    if per_leg > max(fit, 0):
        raise UsageError(
            f"--frames {per_leg:,} on {legs:,} ways from seed to seed are too many to hold at "
            f"once: {max(fit, 0):,} fit",
            safe="nothing was drawn",
            fix=f"--frames {fit}" if fit > 0 else "fewer --seeds",
        )


def augment(
    model: Positional[Path],
    /,
    *,
    out: Path,
    count: int,
    seed: int = 0,
    like: str = "balanced",
    trust_code: bool = False,
) -> None:
    """Write a labelled set: class folders, and a table of every file. Goes on if stopped.

    Args:
        model: The folder of a conditional run or model.
        out: A folder that is new, or that the same command has begun.
        count: Pictures in all.
        seed: Which ones.
        like: balanced, data for the proportions of the run's data, or the path of such data.
        trust_code: Run the model's network that is Python code of its author.
    """
    from ganzfeld.augmenting import TABLE
    from ganzfeld.augmenting import augment as write
    from ganzfeld.screen import Screen

    folder = write(
        model,
        out,
        count=count,
        seed=seed,
        like=like,
        trust_code=trust_code,
        progress=Screen().progress,
    )
    tell(f"{count:,} labelled pictures in {folder}, their table in {folder / TABLE}")


LEAST_TO_PRICE = 500  # samples: precision and recall of fewer are mostly chance


def print_price(
    loaded: Any,
    folder: Path,
    data: str | None,
    count: int,
    of: int | None,
    seed: int,
    labels: Any,
    mean: float,
    std: float,
) -> None:
    """What `sample --of` costs, measured on as large a choice as says something."""
    from ganzfeld.augmenting import source_of
    from ganzfeld.errors import UsageError
    from ganzfeld.evaluation import open_data
    from ganzfeld.ranking import describe_price, price
    from ganzfeld.screen import Screen

    source = data or source_of(folder)
    if source is None:
        raise UsageError("--show-price compares with data", fix="--data PATH")
    screen = Screen()
    larger = max(count, LEAST_TO_PRICE)
    found = price(
        loaded,
        open_data(source, loaded, screen.progress),
        larger,
        round((8 * count if of is None else of) * larger / count),
        seed=seed,
        labels=labels,
        mean=mean,
        std=std,
        progress=screen.progress,
    )
    for line in describe_price(found):
        screen.say(line)
