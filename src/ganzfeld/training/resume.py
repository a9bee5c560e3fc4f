"""What a continued run shares with its beginning: settings and machine."""

from __future__ import annotations

import inspect
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ganzfeld.config import Config, Data, Part, differences
from ganzfeld.core import distributed
from ganzfeld.core.names import capped, quoted
from ganzfeld.core.plugins import options_of
from ganzfeld.core.trust import trusted
from ganzfeld.data import held
from ganzfeld.errors import CheckpointError
from ganzfeld.games import GAMES
from ganzfeld.networks import NETWORKS
from ganzfeld.training.noting import need_shards

# Settings that may differ when a command continues a run, and are then as the command has them:
# they change no number of it, or (threads, device) only the order of sums.
FREE = frozenset(
    {
        "run.device",
        "run.threads",
        "run.keep",
        "run.save_minutes",
        "run.doctor",
        "run.log_to",
        "data.source",
        "data.other",
        "data.home",
        "data.limits",
    }
)
ROWS = 12  # of a table of settings that differ
SHOWN = 24  # characters at each end of a long value in a table
FIXED = frozenset({"run.device", "run.threads"})  # of these, what a deterministic run keeps


def adopt(wanted: Config, stored: Config, folder: Path, pack: Any = None) -> Config:
    """The stored configuration, with FREE settings as wanted. pack: the data as they are now.

    Raises CheckpointError where they differ in anything else than FREE and what the wanted one
    leaves open.
    """
    if wanted.run.minutes == stored.run.minutes is not None:
        wanted.run.images = stored.run.images
    if wanted.run.images == stored.run.planned:  # patience ended it before
        wanted.run.images = stored.run.images
    for part, fixed in ((wanted.run, stored.run), (wanted.ema, stored.ema)):
        for name, value in vars(part).items():
            if value in (None, "auto"):  # left open, then and now
                setattr(part, name, getattr(fixed, name))
    before = Data().modality  # a run from before other kinds were read
    if stored.data.modality == before and wanted.data.modality == "auto":
        wanted.data.modality = before
    know_defaults(stored, wanted)
    if wanted.data.fingerprint == stored.data.fingerprint:
        wanted.data.rules = stored.data.rules  # of before, and they found the same
    wanted.data.grown = stored.data.grown
    wanted.run.looks = stored.run.looks
    usual = held.usual(stored.data.samples)
    if stored.data.held_out is None and wanted.data.held_out in (usual, 0):
        wanted.data.held_out = None  # a run from before there were any
    if stored.data.spec is None:
        wanted.data.spec = None  # a run from before; its size and channels say the same
    free = FREE - FIXED if stored.run.deterministic else FREE
    if "treat" in (wanted.run.doctor, stored.run.doctor):
        free -= {"run.doctor"}  # it changes the run's numbers
    if os.path.isabs(stored.data.labels) and os.path.isabs(wanted.data.labels):
        free |= {"data.labels"}  # tables: the fingerprint tells whether they say the same
    rows = differences(stored, wanted, free)
    if not rows:
        for name in free:
            where, setting = name.split(".")
            setattr(getattr(stored, where), setting, getattr(getattr(wanted, where), setting))
        return trusted(stored)  # the same names of code as this user has just given
    names = [row[0] for row in rows]
    if stored.data.stream and wanted.data.stream and "data.fingerprint" in names:
        need_shards(folder, pack, wanted.data.source)
    go_on = f"ganzfeld resume {quoted(folder)}"
    if is_of_others(stored.data, wanted.data):
        raise CheckpointError(
            f"{folder} holds a run of other data: {stored.data.source}",
            safe="nothing was changed",
            fix=f"--out {quoted(folder.with_name(f'{folder.name}-2'))}   for a run of these data, "
            f"or {go_on} to continue that one",
        )
    if names == ["run.images"] and (wanted.run.images or 0) > (stored.run.images or 0):
        fix = f"{go_on} --images {wanted.run.images}   to go on to there"
    elif "data.fingerprint" in names and "data.size" not in names:  # of another size all differ
        more = go_on_grown(stored, wanted.data.samples, folder)
        fix = f"{more}bring the data back as it was for {go_on}, or {anew(wanted, folder)}"
    else:
        fix = f"{go_on}   to continue it as it is, or choose another folder with --out"
    raise CheckpointError(
        f"{folder} holds a run with other settings:\n{table(rows)}",
        safe="nothing was changed",
        fix=fix,
    )


def is_of_others(stored: Data, wanted: Data) -> bool:
    """Whether data are others than a run's: neither these after a change, nor after a move."""
    if stored.fingerprint == wanted.fingerprint:
        return False
    kinds = [spec.get("modality") for spec in (stored.spec, wanted.spec) if spec is not None]
    if len({*kinds}) > 1:
        return True
    return stored.source != wanted.source and os.path.exists(stored.source)


def know_defaults(stored: Config, wanted: Config) -> None:
    """Write into the stored configuration the defaults of options that came after the run.

    Only of the package's own games and networks; missing options mean their defaults.
    """
    pairs = [(stored.game, wanted.game, GAMES)] + [
        (part, wanted.networks[name], NETWORKS)
        for name, part in stored.networks.items()
        if name in wanted.networks
    ]
    for part, asked, known in pairs:
        if part.name == asked.name and part.name in known:
            add_defaults(part, known[part.name], asked.options)


def add_defaults(part: Part, make: Callable[..., Any], asked: Mapping[str, Any]) -> None:
    parameters = options_of(make)
    for name in asked.keys() & parameters.keys() - part.options.keys():
        if parameters[name].default is not inspect.Parameter.empty:
            part.options[name] = parameters[name].default


def go_on_grown(config: Config, now: int, folder: Path) -> str:
    """A command that goes on with more images than before; "" where there are no more of them."""
    if now <= config.data.samples:
        return ""
    return f"ganzfeld resume {quoted(folder)} --data-grown   to go on with all {now:,}   or "


def left_aside(config: Config, now: int, report: Mapping[str, Any]) -> str:
    """What the data hold that is left aside today, where there are fewer images than before.

    Folders of runs and of systems were once taken for data.
    """
    found = [text for text in report.get("aside", []) if text.startswith("folders of runs")]
    if names := report.get("ignored", []):
        found.append(f"system files: {', '.join(capped(names, 3))}")
    if now >= config.data.samples or not found:
        return ""
    return (
        f"; left aside now are {'; '.join(found)}: images that were taken from there must be moved "
        "into another folder of the data"
    )


def anew(config: Config, folder: Path) -> str:
    """A command for data that were changed: a run of their own, from this one's weights."""
    data = config.data
    words = [data.source, *(["--with", data.other] if data.other else [])]
    words += ["--recipe", config.recipe]
    words += ["--size", "x".join(map(str, data.size))] if data.size else []
    words += ["--init", str(folder), "--out", "NEW"]
    return f"begin anew from its weights:\n        ganzfeld train {shlex.join(words)}"


def table(rows: list[tuple[str, str, str]]) -> str:
    """Differences in three columns, the first `ROWS` of them."""
    more = f"\n    and {len(rows) - ROWS:,} more" if len(rows) > ROWS else ""
    rows = [("setting", "old", "new"), *((name, ends(a), ends(b)) for name, a, b in rows[:ROWS])]
    wide = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(r, wide, strict=True)).rstrip() for r in rows)
    return "\n".join(f"    {line}" for line in lines) + more


def ends(cell: str) -> str:
    """A value; of a hash, and of other long ones, the two ends."""
    return cell if len(cell) <= 2 * SHOWN else f"{cell[:SHOWN]}...{cell[-SHOWN:]}"


def now(device: torch.device) -> dict[str, Any]:
    """What decides, beside the settings, whether two runs are equal bit for bit."""
    return {
        "torch": torch.__version__,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "processes": distributed.world(),
    }


def notes(then: Mapping[str, Any], device: torch.device) -> list[str]:
    """Why the rest of the run may not be bit for bit what it would have been."""
    return [
        f"{name} was {then[name]} and is {value}: the rest will not be bit-identical"
        for name, value in now(device).items()
        if then.get(name, value) != value
    ]
