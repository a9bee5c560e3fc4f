"""From what a user asked for to a complete configuration, and the plan that says what it means."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from ganzfeld import distributed
from ganzfeld.build import call, find
from ganzfeld.config import Config
from ganzfeld.data.summary import rows_of
from ganzfeld.errors import UsageError
from ganzfeld.examiner import LEAST
from ganzfeld.games import Game
from ganzfeld.recipes import RECIPES, Facts
from ganzfeld.screen import duration

if TYPE_CHECKING:
    from ganzfeld.data.pack import Pack
    from ganzfeld.data.pairs import TwoDomains
    from ganzfeld.pace import Pace

IMAGES_A_PIXEL = 1_000  # of the side, until pictures look right
JUST_A_TRIAL = 100  # batches: whoever asks for fewer does not expect pictures


def default_folder(source: str | os.PathLike[str], recipe: str) -> Path:
    """runs/<data>-<recipe>, in letters that every shell and disk takes."""
    words = (Path(source).name.partition(".")[0], recipe.rpartition(":")[2])
    return Path("runs") / "-".join(re.sub(r"[^\w.]+", "-", w).strip("-.") or "data" for w in words)


def find_recipe(name: str) -> Callable[[Facts], Config]:
    recipe: Callable[[Facts], Config] = find(name, RECIPES, "recipe")
    return recipe


def find_generation(name: str) -> Callable[[Facts], Config]:
    """A recipe that makes pictures from noise; UsageError for one that translates."""
    recipe = find_recipe(name)
    if data_kind(recipe) != "pictures":
        raise UsageError(
            f"the recipe {name} translates pictures, and this needs one that makes them from noise",
            safe="nothing was trained",
            fix="another recipe: see `ganzfeld recipes`",
        )
    return recipe


def data_kind(recipe: Callable[[Facts], Config]) -> str:
    """ "pictures", or the "paired" or "unpaired" pictures of two domains that it learns from."""
    return str(getattr(recipe, "data", "pictures"))


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
) -> Config:
    """The recipe's configuration for this data. afford: see `Facts`."""
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
    for name in (
        "batch_size",
        "save_every",
        "sample_every",
        "evaluate_every",
        "evaluate_count",
        "log_every",
        "keep",
        "threads",
    ):
        value = getattr(run, name)
        least = LEAST if name == "evaluate_count" else 1
        if value is not None and value < least:
            raise UsageError(f"run.{name} must be {least} or more, not {value}")
    if not config.ema.spans:
        raise UsageError("ema.spans needs one average at least")
    if run.batch_size % distributed.world():
        raise UsageError(
            f"{distributed.world()} processes cannot share a batch of {run.batch_size}",
            fix=f"--batch with a multiple of {distributed.world()}",
        )
    if run.images is None and run.minutes is None:
        raise UsageError(f"the recipe {config.recipe} sets no length", fix="--images or --minutes")
    if run.precision not in ("auto", "float32", "bfloat16"):
        raise UsageError(f"run.precision is auto, float32 or bfloat16, not {run.precision!r}")


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
        what = f"{len(pack):,} pictures, {size}, {labels}"
    manner = "conditional" if data.classes else "unconditional"
    networks = [
        f"{name} {parameters(game.get_submodule(name)):,} ({part.name})"
        for name, part in config.networks.items()
    ]
    threads = f" with {run.threads} thread{'s' * (run.threads != 1)}" if run.device == "cpu" else ""
    return [
        ("data", f"{data.source}: {what}"),
        *rows_of(pack.report),
        ("recipe", f"{config.recipe}, {manner if game.task == 'generation' else game.task}"),
        ("parameters", ", ".join(networks)),
        *([("starts from", run.init)] if run.init else []),
        *([("sized for", duration(60 * run.minutes))] if run.afford and run.minutes else []),
        ("batch", f"{run.batch_size}"),
        *([("precision", run.precision)] if run.precision != "float32" else []),
        ("images to see", f"{run.images:,}"),
        ("speed", f"{pace.rate:,.0f} images/s, measured on this {run.device}{threads} just now"),
        ("memory", f"{pace.memory / 2**30:.2f} GiB"),
        ("time", f"about {duration(pace.seconds(run.images))}"),
    ]


def outlook(config: Config, rate: float, pack: Pack) -> str | None:
    """What to say where so few images cannot give good pictures. rate: images per second.

    A rule of thumb from runs of the default recipe at 28 to 96 pixels: pictures begin to look
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
        f"blotches. About {wanted:,} are wanted, {duration(wanted / rate)} here"
    )
    # time for a picture grows with its area, and the images wanted with its side
    smaller = side * (images / wanted) ** (1 / 3)
    fits = [size for size in (64, 48, 32, 28) if size <= smaller]
    return f"{text}; --size {fits[0]} fits into this time" if fits else text


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
