"""Turn a user's request into a complete configuration, and print the plan."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ganzfeld.config import WATCH, Config, Data
from ganzfeld.core import distributed
from ganzfeld.core.console import per_second
from ganzfeld.core.names import duration
from ganzfeld.core.plugins import call, find
from ganzfeld.data import clusters, held
from ganzfeld.data.adopting import learned
from ganzfeld.data.called import called
from ganzfeld.data.candidates import PREFIX
from ganzfeld.data.conditions import in_words, words_of
from ganzfeld.data.sampler import total_of
from ganzfeld.data.shards import is_pattern, whole
from ganzfeld.data.summary import rows_of
from ganzfeld.errors import GanzfeldError, UsageError
from ganzfeld.games import GAMES, Game
from ganzfeld.modalities import MODALITIES, Spec, modality_of, spec_of_data
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.build import build_network, without_memory
from ganzfeld.networks.layers import parameters
from ganzfeld.recipes.base import Facts, Recipe
from ganzfeld.recipes.find import find_recipe
from ganzfeld.training import parts, vetting
from ganzfeld.training.build import build_optimiser, build_schedule, complete, half_life
from ganzfeld.training.final import final_count, reference_count, seconds_by_inception
from ganzfeld.training.tasks import WORK, Dataset, work_of

if TYPE_CHECKING:
    from ganzfeld.data.pack import Pack
    from ganzfeld.training.pace import Pace

FEWEST = 64  # samples of an evaluation on the way
ROWS = 256  # of number conditions, that samples are drawn for
SLIGHT = 0.1  # of the time asked for: so much more is not worth a word
JUST_A_TRIAL = 100  # batches: whoever asks for so few images does not expect good ones


def default_folder(source: str | os.PathLike[str], recipe: str) -> Path:
    """runs/<data>-<recipe>, in letters that every shell and disk takes."""
    words = (Path(source).name.partition(".")[0], recipe.rpartition(":")[2])
    return Path("runs") / "-".join(re.sub(r"[^\w.]+", "-", w).strip("-.") or "data" for w in words)


def whole_path(source: str | os.PathLike[str] | None) -> str | None:
    """A path that holds from anywhere, so that a run can be continued; other names as they are."""
    if source is None:
        return None
    if is_pattern(source):
        return whole(str(source))
    return str(Path(source).resolve()) if Path(source).exists() else str(source)


def fit(
    recipe: str,
    pack: Dataset,
    *,
    source: str,
    labels: str,
    direction: str | None = None,
    afford: int | None = None,
    held_out: int | None = None,
) -> Config:
    """The recipe's configuration for this data. afford: see `Facts`.

    held_out: images to keep out of training; None: as many as usual (`ganzfeld.data.held`).
    """
    classes = list(pack.classes) if labels != "none" and pack.labels is not None else []
    recipe, found = recipe_for(recipe, spec_of_data(pack))
    if held_out is None:
        held_out = WORK[found.task].held_out(pack)
    spec, conditions = learned(pack, held_out), conditions_of(pack)
    words = words_of(conditions)
    facts = Facts(
        count=total_of(pack),
        spec=spec,
        classes=len(classes),
        labels=labels.removeprefix(PREFIX) if labels.startswith(PREFIX) else "",
        conditions=len(conditions["names"]) if conditions and not words else 0,
        words=words,
        longest=conditions["columns"][0]["length"] if conditions and words else 0,
        channels_b=getattr(pack, "channels_b", 0),
        direction=direction or "ab",
        afford=afford,
    )
    config: Config = call(f"recipe {recipe}", found, facts)
    if direction is not None and config.game.options.get("direction") != direction:
        raise UsageError(
            f"--direction {direction} is not for the recipe {recipe}",
            fix="leave it out, or --recipe pix2pix with ab or ba",
        )
    config.recipe, config.run.afford, config.run.looks = recipe, afford, WATCH
    if "G" in config.networks and config.networks["G"].options.get("classes") == 0:
        classes = []  # the recipe leaves them aside
    if not any(
        part.options.get("words" if words else "conditions") for part in config.networks.values()
    ):
        conditions = None  # likewise
    data = config.data
    data.source = whole_path(source) or source
    data.labels = labels
    data.halves = getattr(pack, "halves", False)
    if data.spec is None:
        data.spec = spec.to_json()
    else:  # the recipe has networks see them otherwise
        pack.see_as(Spec.from_json(data.spec))
    data.conditions = conditions
    if modality_of(spec).rescaled:
        data.size, data.channels = (pack.height, pack.width), pack.channels
    data.channels_b = facts.channels_b or None
    data.fingerprint, data.samples, data.classes = pack.fingerprint, total_of(pack), classes
    data.held_out, data.clusters = held_out, clusters.digest_of(pack) if classes else None
    limits = pack.report.get("limits")
    data.limits = (limits[0], limits[1]) if limits else None
    return config


def recipe_for(name: str, spec: Spec, option: str = "--recipe") -> tuple[str, Recipe]:
    """The recipe for samples of this kind, and its name: "default" is the kind's own.

    Raises UsageError for a recipe of another kind.
    """
    kind = modality_of(spec)
    name = kind.recipe if name == "default" else name
    found = find_recipe(name)
    if found.modality is not None and found.modality != spec.modality:
        raise UsageError(
            f"the recipe {name} is not for {kind.noun}",
            safe="nothing was trained",
            fix=f"{option} {kind.recipe}, or leave {option} out",
        )
    return name, found


def conditions_of(pack: Dataset) -> dict[str, Any] | None:
    """The numbers that come with the samples: their names, and some rows of them; None for none."""
    few = np.linspace(0, pack.count - 1, min(pack.count, ROWS)).round().astype(np.int64)
    slot = getattr(pack, "given", "c")
    if slot not in pack.rows(few[:1]):
        return None
    numbers = pack.rows(few)[slot]
    names = list(getattr(pack, "condition_names", ())) or [
        f"c{place}" for place in range(numbers.shape[1])
    ]
    columns = getattr(pack, "condition_columns", None)
    return {
        "names": names,
        "rows": [[float(v) for v in row] for row in numbers],
        **({"columns": columns} if columns else {}),
    }


def sized(make: Callable[[int | None], Config], afford: Callable[[Config], int | None]) -> Config:
    """The configuration for the time there is.

    make: takes what `Facts.afford` is. afford: images that a full configuration can see, asked
        only where what is made depends on it.
    """
    full, least = make(None), make(1)
    least.run.afford = None
    return full if full == least else make(afford(full))


def settle(config: Config, share: float = 1.0) -> None:
    """Choose the intervals that were left open, now that the number of images is known.

    share: of the usual number of grids, evaluations and checkpoints. A short run has only three of
        the last two: they would take a tenth of its time.
    """
    run = config.run
    total = run.images
    assert total is not None
    config.ema.half_life_images = half_life(config)
    spec = config.data.spec
    per = 40 if spec is None else modality_of(Spec.from_json(spec)).trained_per_measured
    # by images, not by time: a run must not depend on its machine
    rare = min(FEWEST * per / 2, total / 3)

    def interval(chosen: int | None, times: int, least: float = 0) -> int:
        usual = min(max(total / times, least) / share, total / 2)
        return chosen or max(int(usual), run.batch_size)

    run.doctor = run.doctor or "watch"
    run.log_every = run.log_every or max(total // 200, run.batch_size)
    run.sample_every = interval(run.sample_every, 8)
    run.evaluate_every = interval(run.evaluate_every, 8, rare)
    if run.evaluate_count is None:
        run.evaluate_count = min(max(int(share * run.evaluate_every) // per, FEWEST), 2000)
    run.save_every = interval(run.save_every, 10, rare)


def check(config: Config) -> None:
    """Refuse what cannot be meant, before anything is built."""
    run = config.run
    vetting.check_ranges(config)
    if run.batch_size % distributed.world():
        raise UsageError(
            f"{distributed.world()} processes cannot share a batch of {run.batch_size}",
            fix=f"--batch with a multiple of {distributed.world()}",
        )
    parts.check(run)
    if run.images is None and run.minutes is None:
        raise UsageError(f"the recipe {config.recipe} sets no length", fix="--images or --minutes")
    if run.deterministic and run.precision == "bfloat16":
        raise UsageError(
            "run.deterministic computes in float32, and run.precision asks for bfloat16",
            fix="leave one of them out",
        )


def check_settings(
    recipe: str,
    settings: Sequence[str],
    size: tuple[int, int] | None = None,
    direction: str | None = None,
) -> None:
    """Refuse settings that cannot be, before the data are read: see `vetting.check_early`."""

    def prepare(config: Config) -> None:
        vetting.check_ranges(config)
        makers = [
            ("game", config.game, find(config.game.name, GAMES, "game")),
            *(
                (f"networks.{name}", part, find(part.name, NETWORKS, "network"))
                for name, part in config.networks.items()
            ),
        ]
        vetting.check_options(config, makers)

    def build(config: Config) -> None:
        one = [torch.nn.Parameter(torch.zeros(1))]
        with without_memory():  # networks of any width
            networks = {name: build_network(part) for name, part in config.networks.items()}
        game = complete(config).game
        call(f"game {game.name}", find(game.name, GAMES, "game"), **networks, **game.options)
        for optimiser in config.optimisers.values():
            build_optimiser(optimiser, one)
            build_schedule(optimiser, config.run.images or 10_000, config.run.batch_size)

    names = [recipe]
    if recipe == "default":  # what it stands for depends on the data
        names = list(dict.fromkeys(kind.recipe for kind in MODALITIES.values()))
    first: GanzfeldError | None = None
    for found in map(find_recipe, names):
        kinds = [*MODALITIES] if found.modality is None else [found.modality]
        for kind in kinds:
            facts = vetting.guesses(MODALITIES[kind], size, direction)
            try:
                blamed = first is not None
                if vetting.check_early(found, settings, prepare, build, facts, blamed):
                    return
            except GanzfeldError as error:
                first = first or error
    if first is not None:
        raise first


def plan_rows(
    config: Config, game: Game, pace: Pace, pack: Dataset, started: str = ""
) -> list[tuple[str, str]]:
    """The plan, as names and values. started: of `--init`."""
    run, data = config.run, config.data
    assert run.images is not None
    what = getattr(pack, "summary", None)
    if what is None:
        spec = spec_of_data(pack)
        kind = modality_of(spec)
        noun = "clusters" if data.clusters else "classes"
        labels = f"{len(data.classes)} {noun}" if data.classes else "no labels"
        what = f"{len(pack):,} {kind.noun}, {kind.describe(spec)}, {labels}"
    work = work_of(game)
    manner = "conditional" if data.classes or data.conditions else "unconditional"
    networks = [
        f"{name} {parameters(game.get_submodule(name)):,} ({part.name})"
        for name, part in config.networks.items()
    ]
    threads = f" with {run.threads} thread{'s' * (run.threads != 1)}" if run.device == "cpu" else ""
    # the speed that was measured has fixed the images
    same = "yes" + (f"; the same run again: --images {run.images}" if run.minutes else "")
    return [
        ("data", f"{called(data.source)}: {what}"),
        *rows_of(pack.report),
        *([("given", in_words(data.conditions))] if data.conditions else []),
        *([("held out", held_out_words(data))] if data.held_out is not None else []),
        *measured_rows(game, pack, data, run.inception_count),
        ("recipe", f"{config.recipe}, {manner if work.from_noise else game.task}"),
        *([("note", advice)] if (advice := advice_on(config, pack)) else []),
        ("parameters", ", ".join(networks)),
        *([("starts from", f"{run.init}; {started}")] if run.init else []),
        *([("sized for", duration(60 * run.minutes))] if run.afford and run.minutes else []),
        ("batch", parts.words(config, game)),
        *([("computes in", run.precision)] if run.precision != "float32" else []),
        *([("deterministic", same)] if run.deterministic else []),
        ("images to see", f"{run.images:,}"),
        *[("at first", words) for words in [game.opening_words(run.images)] if words],
        (
            "speed",
            f"{per_second(pace.rate)} images/s, measured on this {run.device}{threads} just now",
        ),
        ("memory", f"{pace.memory / 2**30:.2f} GiB"),
        ("time", pace.told(run.images)),
        *exceeded_rows(config, pace, work.compared(game, pack)),
    ]


def advice_on(config: Config, pack: Dataset) -> str:
    """What whoever takes the recipe of a kind of sample should know; "" for nothing."""
    kind, data = modality_of(spec_of_data(pack)), config.data
    if config.recipe != kind.recipe:
        return ""
    plain = not data.classes and not data.conditions and data.labels == "auto"
    return clusters.ADVICE if plain and clusters.several_kinds(pack) else kind.advice


def exceeded_rows(config: Config, pace: Pace, compared: Pack | None) -> list[tuple[str, str]]:
    over = exceeded(config, pace, compared)
    return [("exceeded", over)] if over else []


def exceeded(config: Config, pace: Pace, compared: Pack | None) -> str:
    """By how much a run takes longer than `--minutes`, and why; "" where it does not.

    compared: the data that its samples are measured against.
    """
    run = config.run
    if run.minutes is None or run.images is None:
        return ""
    more = pace.seconds(run.images) - 60 * run.minutes
    if more < SLIGHT * 60 * run.minutes:
        return ""
    text = f"--minutes {run.minutes:g} by {duration(more)}: {pace.why(60 * run.minutes)}"
    if pace.least > 60 * run.minutes and pace.end > more / 2 and compared is not None:
        text += (
            f", and the end takes {duration(pace.end)} whatever the length of the run, since all "
            f"runs on these data are measured by {final_count(compared):,} samples"
        )
    return text


def measured_rows(
    game: Game, pack: Dataset, data: Data, inception: int | None
) -> list[tuple[str, str]]:
    """By what the run is measured at its end, where samples can be compared with data."""
    compared = work_of(game).compared(game, pack)
    if compared is None:
        return []
    count, reference = final_count(compared), reference_count(compared, data.held_out)
    text = f"at the end {count:,} samples against {reference:,} images"
    if inception:
        seconds = seconds_by_inception(inception)
        text += f"; {inception:,} by Inception, which take up to {duration(seconds)} more"
    return [("measured", text)]


def held_out_words(data: Data) -> str:
    """What is kept out of training, what for, and what it costs."""
    if data.held_out:
        return (
            f"{data.held_out:,} images are never trained on: they show copying and overfitting "
            "(--held-out 0 trains on all)"
        )
    if data.samples < held.LEAST:
        return (
            f"none: {data.samples:,} images are too few to spare any, so overfitting cannot be "
            "seen (--held-out N)"
        )
    return "none: it trains on all images, so overfitting cannot be seen (--held-out N)"


def outlook(config: Config, rate: float, pack: Dataset) -> str | None:
    """What to say where so few images cannot give good ones. rate: images per second.

    How many are needed is the kind's rule of thumb, see `Modality.enough`.
    """
    images, spec = config.run.images, spec_of_data(pack)
    assert images is not None
    kind = modality_of(spec)
    wanted = kind.enough(spec)
    if wanted is None:
        return None
    trial = config.run.minutes is None and images <= JUST_A_TRIAL * config.run.batch_size
    if images >= wanted / 2 or trial:
        return None
    text = (
        f"note: {images:,} {kind.noun} to see are few for {kind.too_few(spec)}. About "
        f"{wanted:,} are needed, {duration(wanted / rate)} here"
    )
    fits = kind.smaller(spec, images / wanted)
    return f"{text}; {fits} fits into this time" if fits else text
