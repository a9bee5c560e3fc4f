"""Commands that run benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import UseAppendAction, arg

from ganzfeld.cli.options import parse_seeds


def bench_modes(
    *,
    data: str | None = None,
    recipe: str = "default",
    seeds: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="N")] = (),
    only: Literal["ring", "grid", "stacked"] | None = None,
    minutes: float = 5.0,
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="PATH=VALUE")] = (),
    json: Path | None = None,
) -> None:
    """Count the modes that a recipe finds: 8 Gaussians, 25 Gaussians, 1,000 stacked digits.

    Args:
        data: A folder of MNIST's IDX files, for the stacked digits. Without it they are skipped.
        recipe: A name from `ganzfeld recipes`, or your own function as file.py:name.
        seeds: Number of runs of each, with seeds from 0; or the seeds, such as 0,3,7. Default: 1.
        only: Run only this one.
        minutes: CPU time for training on the stacked digits, for each seed.
        set: A setting of the recipe's configuration, such as game.loss=relativistic.
        json: A file for all results.
    """
    import torch

    from ganzfeld.core import border
    from ganzfeld.core.console import Screen
    from ganzfeld.core.files import as_json, replace
    from ganzfeld.errors import UsageError
    from ganzfeld.recipes.find import find_recipe
    from ganzfeld.studies import mode_coverage

    numbers = parse_seeds(seeds, default=1)
    border.real(minutes, "--minutes", 0, border.MOST_MINUTES, above=True)
    if only == "stacked" and data is None:
        raise UsageError(
            "the stacked digits need a folder of MNIST", fix="--data with a folder of its IDX files"
        )
    find_recipe(recipe)  # a wrong name should not wait for the data
    torch.set_num_threads(1)  # the same numbers on every machine, and honest CPU seconds
    screen = Screen()
    results = []
    for name in ("ring", "grid", "stacked"):
        if only not in (None, name) or (name == "stacked" and data is None):
            continue
        for seed in numbers:
            if name == "stacked":
                assert data is not None
                found = mode_coverage.bench_stacked(
                    mode_coverage.open_digits(data, screen.progress),
                    recipe,
                    seed,
                    settings=set,
                    minutes=minutes,
                    progress=screen.progress,
                )
            else:
                mixture = mode_coverage.MIXTURES[name]()
                found = mode_coverage.bench_mixture(
                    mixture, recipe, seed, settings=set, progress=screen.progress
                )
            results.append(found)
            screen.say(mode_coverage.describe(found))
            if json:
                replace(json, as_json(results))
    if only is None and data is None:
        screen.say("stacked: skipped; --data with a folder of MNIST's IDX files runs it")
