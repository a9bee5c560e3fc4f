"""Check settings before data are read, and again when a run continues."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import re
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ganzfeld.config import Config, to_json, with_settings
from ganzfeld.core import border, distributed, formats, latents, randomness
from ganzfeld.core.border import ArgumentError
from ganzfeld.core.loggers import check_names
from ganzfeld.core.plugins import options_of
from ganzfeld.core.reader import Unreadable
from ganzfeld.errors import CheckpointError, GanzfeldError, UsageError
from ganzfeld.modalities import Modality
from ganzfeld.recipes.base import Facts

DEEPEST = 32  # levels of lists in a setting's value
LEAST_SAMPLES = 6  # of an evaluation
COUNTS = {  # settings of `run` that are whole numbers of this or more
    "images": 1,
    "afford": 1,
    "batch_size": 1,
    "accumulate": 1,
    "save_every": 1,
    "sample_every": 1,
    "evaluate_every": 1,
    "evaluate_count": LEAST_SAMPLES,
    "inception_count": 0,
    "log_every": 1,
    "keep": 1,
    "threads": 1,
    "patience": 1,
}
MOST = {
    "batch_size": border.MOST_BATCH,
    "accumulate": border.MOST_BATCH,
    "threads": 4096,
    "keep": 10**6,
    "evaluate_count": 10**6,
    "inception_count": 10**6,
}
LEAST = {  # options of networks and games that count
    **dict.fromkeys(("width", "most", "latent", "hidden", "penalty_every"), 1),
    **dict.fromkeys(("discriminator_moves", "generator_moves"), 1),
    **dict.fromkeys(("discriminator_every", "generator_every"), 1),
    **dict.fromkeys(("refine", "blur", "classes", "conditions", "noise", "words"), 0),
}
DOCTOR = ("watch", "treat", "off")
PRECISIONS = ("auto", "float32", "bfloat16")


def check_ranges(config: Config) -> None:
    """Refuse numbers of a configuration that cannot be meant."""
    run, ema, data = config.run, config.ema, config.data
    for name, least in COUNTS.items():
        value = getattr(run, name)
        if value is not None:
            most = MOST.get(name, border.MOST_IMAGES)
            if value < least:
                raise ArgumentError(f"run.{name} must be {least} or more, not {border.told(value)}")
            border.whole(value, f"run.{name}", least, most)
    border.whole(run.seed, "run.seed", 0, border.MOST_SEED)
    if run.minutes is not None:
        border.real(run.minutes, "run.minutes", 0, border.MOST_MINUTES, above=True)
    border.real(run.save_minutes, "run.save_minutes", 0, border.MOST_MINUTES, above=True)
    if run.precision not in PRECISIONS:
        raise UsageError(f"run.precision is auto, float32 or bfloat16, not {run.precision!r}")
    check_names(run.log_to)
    if run.doctor not in (None, *DOCTOR):
        raise UsageError(f"run.doctor is {', '.join(DOCTOR)}, not {border.told(run.doctor)}")
    if run.doctor == "treat" and distributed.world() > 1:
        raise UsageError(
            "the doctor treats runs of one process only",
            safe="nothing was trained",
            fix="--doctor watch   which looks and changes nothing",
        )
    if ema.half_life_images is not None:
        border.real(ema.half_life_images, "ema.half_life_images", 0, 1e15)
    if ema.ramp is not None:
        border.real(ema.ramp, "ema.ramp", 0, 1e6, above=True)
    check_spans(ema.spans)
    for name, known in (("noise", randomness.NOISES), ("latents", latents.NAMES)):
        value = getattr(run, name)
        if value is not None and value not in known:
            raise UsageError(f"run.{name} is one of {', '.join(known)}, not {border.told(value)}")
    if run.inception_count is not None and 0 < run.inception_count < LEAST_SAMPLES:
        raise ArgumentError(
            f"run.inception_count is 0 or {LEAST_SAMPLES} and more, not {run.inception_count}"
        )
    if data.held_out is not None:
        border.whole(data.held_out, "data.held_out", 0, border.MOST_IMAGES)
    border.real(data.jitter, "data.jitter", 0, 1)
    border.real(data.vicinity, "data.vicinity", 0, 1e6)
    border.real(data.max_megapixels, "data.max_megapixels", 0, 1e9, above=True)
    for player, optimiser in config.optimisers.items():
        border.part_name(optimiser.name, "optimiser")
        border.real(optimiser.lr, f"optimisers.{player}.lr", 0, 1e30)
    for part in (config.game, *config.networks.values()):
        border.part_name(part.name, "game" if part is config.game else "network")
    for path, number in floats(vars(config)):
        if not math.isfinite(number):
            raise ArgumentError(f"{path} must be finite, not {number}")
    check_readable(config)


def check_readable(config: Config) -> None:
    """Refuse what config.json could not be read back with: the run would count as damaged."""
    try:
        formats.RUN(json.loads(to_json(config)), "")
    except Unreadable as error:
        raise ArgumentError(str(error).removeprefix("is damaged: ")) from None


def check_spans(spans: dict[str, float]) -> None:
    if not spans:
        raise UsageError("ema.spans needs one average at least")
    for name, factor in spans.items():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or name in ("update", "spans"):
            raise ArgumentError(
                f"ema.spans: {border.told(name)} is no name for an average: letters and digits",
                fix='--set \'ema.spans={"medium": 1, "long": 4}\'',
            )
        border.real(factor, f"ema.spans.{name}", 0, 1e6, above=True)


def floats(tree: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """All numbers with a point of a configuration, by path."""
    if isinstance(tree, float):
        yield path, tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from floats(value, f"{path}.{name}".lstrip("."))
    elif isinstance(tree, list | tuple):
        for number, value in enumerate(tree):
            yield from floats(value, f"{path}[{number}]")
    elif hasattr(tree, "__dataclass_fields__"):
        yield from floats(vars(tree), path)


def check_texts(settings: Sequence[str]) -> None:
    """Refuse values of lists in lists in lists, before they are parsed."""
    for setting in border.texts(settings, "settings", "run.keep=5"):
        depth = deepest = 0
        for letter in setting:
            depth += (letter in "[{") - (letter in "]}")
            deepest = max(deepest, depth)
        if deepest > DEEPEST:
            raise ArgumentError(f"--set {setting[:40]}...: lists in lists, {deepest:,} deep")


WORDS, LONGEST = 200, 16  # of captions, that are guessed


def guesses(kind: Modality, size: tuple[int, int] | None, direction: str | None) -> list[Facts]:
    """Facts of data of one kind that there could be."""
    return [
        Facts(
            count=1000,
            spec=spec,
            classes=classes,
            words=WORDS,
            longest=LONGEST,
            channels_b=spec.shape[0],
            direction=direction or "ab",
        )
        for spec, classes in kind.examples(size)
    ]


def check_early(
    recipe: Callable[[Facts], Config],
    settings: Sequence[str],
    prepare: Callable[[Config], None],
    build: Callable[[Config], object],
    facts: Sequence[Facts],
    blamed: bool = False,
) -> bool:
    """Refuse settings that no data could make right, before there are any data.

    Gives False where the recipe is for none of these guesses, so that nothing was looked at.

    The recipe is asked for data of several guessed kinds. What fails for all of them, and would
    not without the settings, is the fault of the settings.

    prepare: checks a configuration's numbers. build: builds its game, without memory for it.
    facts: of guessed data, see `guesses`. blamed: whether the settings were at fault for other
        data already; then what fails is not tried again without them.
    """
    check_texts(settings)
    first: GanzfeldError | None = None
    for guess in facts:
        try:
            plain = recipe(guess)
        except Exception:  # a recipe for other data than these
            continue
        try:
            config = with_settings(plain, settings)
            prepare(config)
            build(config)
            return True
        except Exception as error:
            known = isinstance(error, GanzfeldError) and (blamed or first is not None)
            if not known and not builds(plain, build):
                continue
            if not isinstance(error, GanzfeldError):
                return True  # not said in words: it will be met again with the data
            first = first or error
    if first is not None:
        raise first
    return False


def builds(config: Config, build: Callable[[Config], object]) -> bool:
    """Whether a recipe builds for guessed data without any settings."""
    try:
        build(copy.deepcopy(config))
    except Exception:  # a recipe for other data than these
        return False
    return True


def check_options(config: Config, makers: Sequence[tuple[str, Any, Any]]) -> None:
    """Options of plain types are of that type. makers: (path, part, what makes it)."""
    for path, part, make in makers:
        try:
            hints = {
                name: told.annotation for name, told in options_of(make, eval_str=True).items()
            }
        except Exception:  # names that only a type checker knows
            continue
        for name, value in part.options.items():
            if name in hints:
                check_value(value, hints[name], f"{path}.{name}", LEAST.get(name, -(10**9)))


def check_value(value: Any, kind: Any, path: str, least: int = -(10**9)) -> None:
    """ArgumentError where a value is not of a type that is plain: others are not looked at.

    least: of whole numbers.
    """
    origin, members = typing.get_origin(kind), typing.get_args(kind)
    if kind is int:
        border.whole(value, path, least, 10**9)
    elif kind is float:
        border.real(value, path, -1e18, 1e18)
    elif kind in (bool, str) and not isinstance(value, kind):
        raise ArgumentError(f"{path} should be {kind.__name__}, not {border.told(value)}")
    elif kind is types.NoneType and value is not None:
        raise ArgumentError(f"{path} should be null, not {border.told(value)}")
    elif origin is typing.Literal and value not in members:
        border.one_of(value, path, map(str, members))
    elif origin is tuple and members and ... not in members:
        if not isinstance(value, list | tuple) or len(value) != len(members):
            raise ArgumentError(f"{path} has {len(members)} values, not {border.told(value)}")
        for place, (one, its) in enumerate(zip(value, members, strict=True)):
            check_value(one, its, f"{path}[{place}]", least)
    elif origin in (list, Sequence):
        if not isinstance(value, list | tuple):
            raise ArgumentError(f"{path} is a list, not {border.told(value)}")
        for place, one in enumerate(value):
            check_value(one, members[0], f"{path}[{place}]", least)
    elif origin in (typing.Union, types.UnionType):
        check_any(value, members, path, least)


def check_any(value: Any, members: Sequence[Any], path: str, least: int) -> None:
    """ArgumentError of the first of these types where a value is of none of them."""
    first: ArgumentError | None = None
    for member in members:
        try:
            return check_value(value, member, path, least)
        except ArgumentError as error:
            first = first or error
    if first is not None:
        raise first


@contextlib.contextmanager
def as_stored(run: Path) -> Iterator[None]:
    """Around checks of the configuration in a run's folder: there, a wrong value is damage."""
    try:
        yield
    except UsageError as error:
        raise CheckpointError(
            f"{run / 'config.json'} is damaged: {error.what}",
            safe="nothing was changed",
            fix="restore the file from a backup, or correct that setting",
        ) from error
