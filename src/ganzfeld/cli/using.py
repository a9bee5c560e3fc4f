"""Commands that use a trained generator: progress, interpolation, labelled data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.cli.options import parse_numbers
from ganzfeld.core import marks
from ganzfeld.core.language import tell


def progress(
    run: Positional[Path],
    /,
    *,
    out: Path,
    columns: int | None = None,
    count: int | None = None,
    seconds: float = 8.0,
    mark: bool = True,
) -> None:
    """Show how samples changed during training, as a strip or an animation.

    Args:
        run: The run's folder.
        out: A .png for a strip, or a .gif, .webp or .mp4 for an animation.
        columns: Moments in a strip, or images in a row of an animation. Default: 8.
        count: Number of samples. Default: 10 in a strip, 40 in an animation.
        seconds: Length of the animation.
        mark: Say in the file, for machines, that it was generated.
    """
    from ganzfeld.report.progress import progress_of

    moments = progress_of(run, out, count=count, columns=columns, seconds=seconds, mark=mark)
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
    mark: bool = True,
    trust_code: bool = False,
) -> None:
    """Interpolate between the first images of the seeds, along the sphere of latents.

    Args:
        model: A run's folder or a model's folder.
        seeds: Two or more, such as 1,2,3.
        out: A .gif, .webp or .mp4, or a .png for a strip with one row per pair of seeds.
        label: One class for all frames. Default: that of the first image.
        frames: Images from one seed to the next. Default: 24, or 8 in a strip.
        loop: Return to the first seed.
        seconds: Length of the animation. Default: 12 images a second.
        mark: Say in the file, for machines, that it was generated, by which model, and from what.
        trust_code: Allow the model's own Python code to run.
    """
    import numpy as np

    from ganzfeld.core import border
    from ganzfeld.core.files import need_place
    from ganzfeld.errors import UsageError
    from ganzfeld.modalities.image import animation, draw
    from ganzfeld.models import interpolate as interpolation
    from ganzfeld.models import model as generate

    strip = animation.check_ending(out) == ".png"
    if seconds is not None:
        border.real(seconds, "--seconds", 0, animation.MOST_SECONDS, above=True)
    per_leg = frames if frames is not None else 8 if strip else 24
    if not seeds:
        raise UsageError("between which samples? No seeds are given", fix="--seeds 1,2,3")
    need_place(out)
    numbers = parse_numbers(",".join(seeds), "--seeds")
    loaded = generate.load(model, task="generation", trust_code=trust_code)
    loaded.modality.need_images("an animation")
    check_frames(per_leg, len(numbers) - (not loop), loaded.shape, strip)
    chunks = interpolation.frames(
        loaded,
        numbers,
        per_leg=per_leg,
        loop=loop,
        label=label,
    )
    drawn = np.concatenate([draw.to_pixels(chunk) for chunk in chunks])
    from ganzfeld.models.marking import of_model

    says: dict[str, Any] = {"seeds": numbers, "indices": [[0, 0]], "label": label}
    says |= {"frames": per_leg, "loop": loop}
    own = of_model(loaded, **says) if mark else None
    if strip:  # each row from one seed to the next, both included
        starts = range(0, len(drawn) - (not loop), per_leg)
        rows = [(first + i) % len(drawn) for first in starts for i in range(per_leg + 1)]
        with marks.marking(out, own) as place:
            draw.save_image(draw.grid(drawn[rows], per_leg + 1), place)
    else:
        shown = [animation.enlarged(draw.to_image(pixels)) for pixels in drawn]
        with marks.marking(out, own) as place:
            animation.save_animation(shown, place, seconds=seconds or len(shown) / 12)
    tell(f"{len(drawn)} images in {out}")


MOVING_PIXELS = 200_000_000  # of all frames together: about 2 GB while they are written


def check_frames(per_leg: int, legs: int, shape: Sequence[int], strip: bool) -> None:
    """UsageError where so many frames would not fit memory; it says how many do."""
    from ganzfeld.cli.options import GRID_PIXELS
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
    mark: bool = False,
    trust_code: bool = False,
) -> None:
    """Write a labelled data set: class folders and a table of every file. Resumable.

    Args:
        model: The folder of a conditional run or model.
        out: A new folder, or one that the same command began.
        count: Number of samples in all.
        seed: Seed of the samples.
        like: balanced; data: class proportions of the run's data; or the path of other data.
        mark: Say in each file, for machines, that it was generated. The table says it of all.
        trust_code: Allow the model's own Python code to run.
    """
    from ganzfeld.core.console import Screen
    from ganzfeld.models.export_dataset import TABLE
    from ganzfeld.models.export_dataset import augment as write

    folder = write(
        model,
        out,
        count=count,
        seed=seed,
        like=like,
        mark=mark,
        trust_code=trust_code,
        progress=Screen().progress,
    )
    tell(f"{count:,} labelled images in {folder}, their table in {folder / TABLE}")
