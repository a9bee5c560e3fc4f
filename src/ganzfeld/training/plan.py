"""Turn a user's request into a complete configuration, and print the plan."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ganzfeld.config import Config, Data
from ganzfeld.core import distributed, latents
from ganzfeld.core.names import duration
from ganzfeld.core.plugins import call, find
from ganzfeld.data import held
from ganzfeld.data.pack import Pack
from ganzfeld.data.summary import rows_of
from ganzfeld.errors import UsageError
from ganzfeld.games import GAMES, Game
from ganzfeld.metrics.default import inception_seconds
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.build import build_network
from ganzfeld.networks.layers import parameters
from ganzfeld.recipes.find import find_recipe
from ganzfeld.recipes.gan import Facts
from ganzfeld.training import vetting
from ganzfeld.training.build import build_optimiser, build_schedule, complete
from ganzfeld.training.final import final_count, reference_count
from ganzfeld.training.validation import can_examine

if TYPE_CHECKING:
    from ganzfeld.data.pairs import TwoDomains
    from ganzfeld.training.pace import Pace

IMAGES_A_PIXEL = 1_000  # of the side, until images look right
JUST_A_TRIAL = 100  # batches: whoever asks for fewer does not expect images


def default_folder(source: str | os.PathLike[str], recipe: str) -> Path:
    """runs/<data>-<recipe>, in letters that every shell and disk takes."""
    words = (Path(source).name.partition(".")[0], recipe.rpartition(":")[2])
    return Path("runs") / "-".join(re.sub(r"[^\w.]+", "-", w).strip("-.") or "data" for w in words)


def whole_path(source: str | os.PathLike[str] | None) -> str | None:
    """A path that holds from anywhere, so that a run can be continued; other names as they are."""
    if source is None:
        return None
    return str(Path(source).resolve()) if Path(source).exists() else str(source)


def fit(
    recipe: str,
    pack: Pack | TwoDomains,
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
    facts = Facts(
        count=pack.count,
        channels=pack.channels,
        height=pack.height,
        width=pack.width,
        classes=len(classes),
        channels_b=getattr(pack, "channels_b", 0),
        direction=direction or "ab",
        afford=afford,
    )
    config: Config = call(f"recipe {recipe}", find_recipe(recipe), facts)
    if direction is not None and config.game.options.get("direction") != direction:
        raise UsageError(
            f"--direction {direction} is not for the recipe {recipe}",
            fix="leave it out, or --recipe pix2pix with ab or ba",
        )
    config.recipe, config.run.afford = recipe, afford
    if "G" in config.networks and config.networks["G"].options.get("classes") == 0:
        classes = []  # the recipe leaves them aside
    data = config.data
    data.source = whole_path(source) or source
    data.labels = labels
    data.halves = getattr(pack, "halves", False)
    data.size, data.channels = (pack.height, pack.width), pack.channels
    data.channels_b = facts.channels_b or None
    data.fingerprint, data.samples, data.classes = pack.fingerprint, pack.count, classes
    data.held_out = held_out
    if isinstance(pack, Pack) and held_out is None:
        data.held_out = held.usual(pack.count)
    return config


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

    share: of the usual number of grids, evaluations and checkpoints.
    """
    run = config.run
    total = run.images
    assert total is not None
    if config.ema.half_life_images is None:
        config.ema.half_life_images = 0.05 * total

    def interval(chosen: int | None, times: float) -> int:
        return chosen or max(int(total / times), run.batch_size)

    run.log_every = interval(run.log_every, 200)
    run.sample_every = interval(run.sample_every, 8 * share)
    run.evaluate_every = interval(run.evaluate_every, 8 * share)
    if run.evaluate_count is None:  # by images, not by time: a run must not depend on its machine
        run.evaluate_count = min(max(int(share * run.evaluate_every) // 40, 64), 2000)
    run.save_every = interval(run.save_every, 10 * share)


def check(config: Config) -> None:
    """Refuse what cannot be meant, before anything is built."""
    run = config.run
    vetting.check_ranges(config)
    if run.batch_size % distributed.world():
        raise UsageError(
            f"{distributed.world()} processes cannot share a batch of {run.batch_size}",
            fix=f"--batch with a multiple of {distributed.world()}",
        )
    if run.images is None and run.minutes is None:
        raise UsageError(f"the recipe {config.recipe} sets no length", fix="--images or --minutes")
    if run.deterministic and run.precision == "bfloat16":
        raise UsageError(
            "run.deterministic computes in float32, and run.precision asks for bfloat16",
            fix="leave one of them out",
        )
    if not 0 <= run.seed < latents.LIMIT:
        raise UsageError(f"a seed is from 0 to {latents.LIMIT - 1} (2^64 - 1), not {run.seed}")


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
        with torch.device("meta"):  # networks of any width take no memory
            networks = {name: build_network(part) for name, part in config.networks.items()}
        game = complete(config).game
        call(f"game {game.name}", find(game.name, GAMES, "game"), **networks, **game.options)
        for optimiser in config.optimisers.values():
            build_optimiser(optimiser, one)
            build_schedule(optimiser, config.run.images or 10_000, config.run.batch_size)

    vetting.check_early(find_recipe(recipe), settings, prepare, build, size, direction)


def plan_rows(
    config: Config, game: Game, pace: Pace, pack: Pack | TwoDomains
) -> list[tuple[str, str]]:
    """The plan, as names and values."""
    run, data = config.run, config.data
    assert run.images is not None
    what = getattr(pack, "summary", None)
    if what is None:
        size = f"{pack.width}x{pack.height} pixels, {pack.channels} channel(s)"
        labels = f"{len(data.classes)} classes" if data.classes else "no labels"
        what = f"{len(pack):,} images, {size}, {labels}"
    manner = "conditional" if data.classes else "unconditional"
    networks = [
        f"{name} {parameters(game.get_submodule(name)):,} ({part.name})"
        for name, part in config.networks.items()
    ]
    threads = f" with {run.threads} thread{'s' * (run.threads != 1)}" if run.device == "cpu" else ""
    # the speed that was measured has fixed the images
    same = "yes" + (f"; the same run again: --images {run.images}" if run.minutes else "")
    return [
        ("data", f"{data.source}: {what}"),
        *rows_of(pack.report),
        *([("held out", held_out_words(data))] if isinstance(pack, Pack) else []),
        *measured_rows(game, pack, data, run.inception_count),
        ("recipe", f"{config.recipe}, {manner if game.task == 'generation' else game.task}"),
        ("parameters", ", ".join(networks)),
        *([("starts from", run.init)] if run.init else []),
        *([("sized for", duration(60 * run.minutes))] if run.afford and run.minutes else []),
        ("batch", f"{run.batch_size}"),
        *([("computes in", run.precision)] if run.precision != "float32" else []),
        *([("deterministic", same)] if run.deterministic else []),
        ("images to see", f"{run.images:,}"),
        ("speed", f"{pace.rate:,.0f} images/s, measured on this {run.device}{threads} just now"),
        ("memory", f"{pace.memory / 2**30:.2f} GiB"),
        ("time", f"about {duration(pace.seconds(run.images))}{doubt(pace)}"),
    ]


def measured_rows(
    game: Game, pack: Pack | TwoDomains, data: Data, inception: int | None
) -> list[tuple[str, str]]:
    """By what the run is measured at its end, where samples can be compared with data."""
    if not isinstance(pack, Pack) or not can_examine(game, pack):
        return []
    count, reference = final_count(pack), reference_count(pack, data.held_out)
    text = f"at the end {count:,} samples against {reference:,} images"
    if inception:
        seconds = 2 * inception * inception_seconds()
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


def doubt(pace: Pace) -> str:
    """What to say of the time where the speed was measured beside other programs."""
    if not pace.busy:
        return ""
    return (
        f" if the machine stays as busy as it is: other programs took "
        f"{100 * (1 - pace.got):.0f} % of the processor while the speed was measured"
    )


def outlook(config: Config, rate: float, pack: Pack) -> str | None:
    """What to say where so few images cannot give good images. rate: images per second.

    A rule of thumb from runs of the default recipe at 28 to 96 pixels: images begin to look
    right after about 1,000 images for each pixel of the side.
    """
    images = config.run.images
    assert images is not None
    side = math.sqrt(pack.height * pack.width)
    wanted = round(IMAGES_A_PIXEL * side)
    if images >= wanted / 2 or images <= JUST_A_TRIAL * config.run.batch_size:
        return None
    text = (
        f"note: {images:,} images are few for {pack.width}x{pack.height} pixels: expect "
        f"blotches. About {wanted:,} are needed, {duration(wanted / rate)} here"
    )
    # time for an image grows with its area, and the images wanted with its side
    smaller = side * (images / wanted) ** (1 / 3)
    fits = [size for size in (64, 48, 32, 28) if size <= smaller]
    return f"{text}; --size {fits[0]} fits into this time" if fits else text
