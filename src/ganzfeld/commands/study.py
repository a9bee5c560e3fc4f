"""Commands that answer a question by many small runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.commands.common import parse_numbers, parse_size, stopped_by_ctrl_c


def study_augmentation(
    data: Positional[str],
    /,
    *,
    recipe: str = "default",
    real: str = "200,1000,5000",
    synthetic: str = "0,1,3",
    seeds: int = 5,
    minutes: float | None = None,
    images: int | None = None,
    classifier_images: int | None = None,
    flips: bool = True,
    out: Path = Path("runs/study-augmentation"),
    held_out: str | None = None,
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="PATH=VALUE")] = (),
    quiet: bool = False,
) -> None:
    """Do synthetic pictures make a better classifier? The same command again goes on.

    Args:
        data: Labelled data, as `train` takes it.
        recipe: Of the generators.
        real: Numbers of real pictures to have.
        synthetic: Synthetic pictures for each real one.
        seeds: How often all of it is done, with other pictures and weights. 5 or more.
        minutes: That each generator trains. Default: by --images.
        images: That each generator sees. Default: 100 for each real picture, 20,000 to 60,000.
        classifier_images: That each classifier sees. Default: 20 for each real picture, 12,800
            to 51,200.
        flips: Mirror pictures, too. Use --no-flips for digits and writing.
        out: The study's folder.
        held_out: Labelled data to test on. Default: a quarter of the data, at most 5,000.
        set: A setting of the generators, such as networks.G.width=16.
        quiet: Print nothing but errors.
    """
    with stopped_by_ctrl_c():
        from ganzfeld.screen import Screen
        from ganzfeld.study.augmentation import study_augmentation as study

    screen = Screen(quiet=quiet)
    page = study(
        data,
        recipe=recipe,
        real=parse_numbers(real, "--real", least=1),
        synthetic=parse_numbers(synthetic, "--synthetic"),
        seeds=seeds,
        images=images,
        minutes=minutes,
        classifier_images=classifier_images,
        flips=flips,
        out=out,
        held_out=held_out,
        settings=set,
        screen=screen,
    )
    screen.say(page.with_suffix(".md").read_text())
    screen.say(f"report in {page}")


def study_families(
    data: Positional[str],
    /,
    *,
    minutes: float,
    recipes: str = "",
    seeds: int = 1,
    size: str | None = None,
    count: int | None = None,
    extractor: str | None = None,
    out: Path = Path("runs/study-families"),
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="PATH=VALUE")] = (),
    quiet: bool = False,
) -> None:
    """Train families of generators on an equal budget and compare them. The same again goes on.

    Args:
        data: As `train` takes it.
        minutes: Of CPU time for each run.
        recipes: Names, such as dcgan,wgan-gp. Default: one of each family.
        seeds: How often each is trained.
        size: Pixels: N for a square, or HEIGHTxWIDTH. Default: what suits the data.
        count: Samples to measure by. Default: as many as the data, at most 2,000.
        extractor: inception, domain, learned, random, or file.py:name. Default: as for evaluate.
        out: The study's folder.
        set: A setting of all recipes, such as networks.G.width=16.
        quiet: Print nothing but errors.
    """
    with stopped_by_ctrl_c():
        from ganzfeld.screen import Screen
        from ganzfeld.study.families import study_families as study

    screen = Screen(quiet=quiet)
    page = study(
        data,
        minutes=minutes,
        recipes=[name.strip() for name in recipes.split(",") if name.strip()],
        seeds=seeds,
        size=parse_size(size),
        count=count,
        extractor=extractor,
        out=out,
        settings=set,
        screen=screen,
    )
    screen.say(page.with_suffix(".md").read_text())
    screen.say(f"report in {page}")
