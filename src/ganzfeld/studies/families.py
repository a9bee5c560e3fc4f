"""Compare recipes: same data, same budget, same tuning, one protocol."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ganzfeld.core import border
from ganzfeld.core.console import Screen
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import UsageError
from ganzfeld.modalities import modality_of
from ganzfeld.recipes.base import as_recipe
from ganzfeld.recipes.find import find_generation
from ganzfeld.recipes.gan import RECIPES
from ganzfeld.studies import tuning
from ganzfeld.studies.cells import Study, size_of
from ganzfeld.studies.ledger import holds, opened
from ganzfeld.training.plan import recipe_for

# what is compared by default, of those that this release has
FAMILIES = ("mlp", "dcgan", "wgan-gp", "hinge", "r3gan", "default", "vae", "gmmn")
COUNT = 2_000  # samples
SEEDS, TUNE = 3, 3
ARITHMETIC = "run.precision=float32"  # `default` alone would take bfloat16 where that is faster


def study_families(
    data: str | os.PathLike[str],
    *,
    minutes: float,
    recipes: Sequence[str] = (),
    seeds: int | Sequence[int] = SEEDS,
    tune: int = TUNE,
    size: tuple[int, int] | None = None,
    count: int | None = None,
    extractor: str | None = None,
    out: str | os.PathLike[str] = "runs/study-families",
    settings: Sequence[str] = (),
    measure_again: bool = False,
    screen: Screen | None = None,
) -> Path:
    """Tune each recipe alike, train it for as many CPU minutes, evaluate all alike, and report.

    minutes: of CPU time for each run and each trial, all threads together (of the clock on a
        GPU), with its previews, checkpoints and evaluations on the way. Networks, batches and
        rates are those that `ganzfeld train --minutes` takes, times what the best trial has.
    recipes: names; by default the families that there are of images, or all recipes of another
        kind of sample.
    seeds: how many, from 0 on, or which.
    tune: trials of rates and widths for each recipe, all from one seed that is not reported; 0:
        none (`ganzfeld.study.tuning`).
    count: samples to evaluate by; by default as many as the data, at most 2,000.
    settings: of all runs, as `train` takes them. All compute in float32 unless they say otherwise.
    extractor: see `evaluate`; the same for all.
    measure_again: evaluate what is trained once more, after a new release or with other metrics.

    The folder gets cells.jsonl, so that the same call goes on where it was stopped and more
    recipes or seeds may be added, the runs, report.json, report.md and report.html. Returns the
    path of the last.
    """
    from ganzfeld.studies.side_by_side import report

    chosen, numbers = asked(recipes, seeds, minutes)
    wanted = tuning.trials(tune)
    if count is not None:
        count = border.whole(count, "--count", 2, border.MOST_IMAGES)
    screen, folder = screen or Screen(quiet=True), Path(out)
    pack = open_pack(data, PackOptions(size=size), progress=screen.progress)
    chosen = chosen or of_kind(pack)
    for name in chosen:
        recipe_for(name, pack.spec, "--recipes")
    about = {
        "study": "families",
        "data": pack.fingerprint,
        "source": Path(data).name,
        "size": size_of(pack),
        "minutes": minutes,
        "count": count or min(COUNT, len(pack)),
        "extractor": extractor,
        "settings": [ARITHMETIC, *settings],
    }
    if holds(folder, before := {**about, "settings": list(settings)}):
        about = before  # each recipe with the arithmetic of its own, as it began
    with opened(folder, about) as ledger:
        if measure_again:
            ledger.drop(kind="result")
        study = Study(ledger, folder, pack, str(data), about, screen=screen)
        best = {name: study.tuned(name, wanted) for name in chosen}
        for seed in numbers:
            for name in chosen:
                study.measured(name, seed, best[name])
        return report(study, chosen, numbers, wanted, best)


def asked(
    recipes: Sequence[str], seeds: int | Sequence[int], minutes: float
) -> tuple[list[str], list[int]]:
    """The recipes and seeds to do; UsageError before anything is opened or trained.

    No recipe stands for those of the kind that the data are of.
    """
    numbers = list(range(seeds)) if isinstance(seeds, int) else list(dict.fromkeys(seeds))
    border.real(minutes, "--minutes", 0, border.MOST_MINUTES, above=True)
    if not numbers or min(numbers) < 0:
        raise UsageError("there must be a seed, from 0 on", fix="--seeds 3")
    if tuning.SEED in numbers:
        raise UsageError(f"seed {tuning.SEED} is for trials: report others")
    chosen = list(dict.fromkeys(recipes))
    for name in chosen:
        find_generation(name)
    return chosen, numbers


def of_kind(pack: Pack) -> list[str]:
    """What is compared where no recipe is named: a recipe of each family that suits the data.

    Those that need captions are for runs of their own.
    """
    kind = modality_of(pack.spec)
    if size_of(pack):
        return [name for name in FAMILIES if name in RECIPES]
    found = {name: as_recipe(recipe) for name, recipe in RECIPES.items()}
    return [
        name
        for name, one in found.items()
        if one.modality == kind.name and one.task == "generation" and name != kind.captioned
    ]
