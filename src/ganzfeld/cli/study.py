"""Commands that run studies of many small runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

from ganzfeld.cli.options import (
    parse_names,
    parse_numbers,
    parse_seeds,
    parse_size,
    stopped_by_ctrl_c,
)
from ganzfeld.errors import UsageError


def study_augmentation(
    data: Positional[str],
    /,
    *,
    recipe: str = "default",
    real: str = "200,1000,5000",
    synthetic: str = "0,1,3",
    seeds: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="N")] = (),
    minutes: float | None = None,
    images: int | None = None,
    classifier_images: int | None = None,
    flips: Annotated[bool, FlagCreatePairsOff] = False,
    no_flips: Annotated[bool, FlagCreatePairsOff] = False,
    out: Path = Path("runs/study-augmentation"),
    held_out: str | None = None,
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="PATH=VALUE")] = (),
    quiet: bool = False,
) -> None:
    """Do synthetic images make a better classifier? Resumable.

    Args:
        data: Labelled data, as `train` takes it.
        recipe: Recipe of the generators.
        real: Numbers of real images to test.
        synthetic: Numbers of synthetic images per real image.
        seeds: Number of repetitions, with seeds from 0; or the seeds, such as 0,3,7. Default: 5.
        minutes: Minutes each generator trains. Default: set by --images.
        images: Images each generator is trained on. Default: 100 per real image, between 20,000
            and 60,000.
        classifier_images: Images each classifier is trained on. Default: 20 per real image, between
            12,800 and 51,200.
        flips: Also mirror images. Default: decided by a test on the data.
        no_flips: Do not mirror them.
        out: The study's folder.
        held_out: Labelled data to test on. Default: a quarter of the data, at most 5,000.
        set: Change a setting of the generators, such as networks.G.width=16.
        quiet: Print errors only.
    """
    with stopped_by_ctrl_c():
        from ganzfeld.core.console import Screen
        from ganzfeld.studies.augmentation import study_augmentation as study

    if flips and no_flips:
        raise UsageError("--flips and --no-flips exclude each other", fix="give one of them")
    screen = Screen(quiet=quiet)
    page = study(
        data,
        recipe=recipe,
        real=parse_numbers(real, "--real", least=1),
        synthetic=parse_numbers(synthetic, "--synthetic"),
        seeds=parse_seeds(seeds, default=5),
        images=images,
        minutes=minutes,
        classifier_images=classifier_images,
        flips=True if flips else False if no_flips else None,
        out=out,
        held_out=held_out,
        settings=set,
        screen=screen,
    )
    screen.say(page.with_suffix(".md").read_text(encoding="utf-8"))
    screen.say(f"report in {page}")


def study_families(
    data: Positional[str],
    /,
    *,
    minutes: float,
    recipes: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    seeds: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="N")] = (),
    tune: int = 3,
    size: str | None = None,
    count: int | None = None,
    extractor: str | None = None,
    out: Path = Path("runs/study-families"),
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="PATH=VALUE")] = (),
    measure_again: bool = False,
    quiet: bool = False,
) -> None:
    """Tune families of generators alike, train them on an equal budget and compare them.

    Resumable: run the same command again.

    Args:
        data: As `train` takes it.
        minutes: CPU minutes for each run and each trial.
        recipes: Names, such as dcgan wgan-gp. Default: one of each family, of the data's kind.
        seeds: Number of runs of each recipe, with seeds from 0; or the seeds, such as 0,3,7.
            Default: 3.
        tune: Trials of learning rates and widths per recipe, on a seed that is not reported.
        size: Size in pixels: N for a square, or HEIGHTxWIDTH. Default: chosen from the data.
        count: Samples for the metrics. Default: as many as the data, at most 2,000.
        extractor: inception, domain, learned, random, or file.py:name. Default: as for evaluate.
        out: The study's folder.
        set: Change a setting of all recipes, such as networks.G.width=16.
        measure_again: Evaluate finished runs again.
        quiet: Print errors only.
    """
    with stopped_by_ctrl_c():
        from ganzfeld.core.console import Screen
        from ganzfeld.studies.families import study_families as study

    screen = Screen(quiet=quiet)
    page = study(
        data,
        minutes=minutes,
        recipes=parse_names(recipes),
        seeds=parse_seeds(seeds, default=3),
        tune=tune,
        size=parse_size(size),
        count=count,
        extractor=extractor,
        out=out,
        settings=set,
        measure_again=measure_again,
        screen=screen,
    )
    screen.say(page.with_suffix(".md").read_text(encoding="utf-8"))
    screen.say(f"report in {page}")
