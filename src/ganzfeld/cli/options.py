"""Helpers shared by several commands."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ganzfeld.errors import UsageError

if TYPE_CHECKING:
    from ganzfeld.data.request import DataRequest

Kind = Literal["auto", "image", "field", "audio", "text", "table", "series"]
MOST_SEEDS = 10_000  # of a study


def parse_size(text: str | None) -> tuple[int, int] | None:
    """`64` or `128x192` (height x width) as (height, width)."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(p.isdecimal() and len(p) < 8 and int(p) > 0 for p in parts):
        raise UsageError(f"--size is N or HEIGHTxWIDTH in pixels, not {text[:40]!r}")
    return int(parts[0]), int(parts[-1])


def data_request(flags: dict[str, Any]) -> DataRequest:
    """The data that a command names: its parameters by name, others left aside."""
    from ganzfeld.data.request import DataRequest

    named = {"source": flags["data"], "size": parse_size(flags["size"])}
    return DataRequest.of_flags(flags | named)


def watched(flags: dict[str, Any]) -> list[str]:
    """Taken out of the flags: what looks after a run, as settings of `--set`."""
    found = []
    for name in ("patience", "doctor"):
        if (value := flags.pop(name)) is not None:
            found.append(f"run.{name}={json.dumps(value)}")
    if (text := flags.pop("log_to")) is not None:
        found.append(f"run.log_to={json.dumps(parse_names([text]))}")
    return found


def as_json(progress: str) -> None:
    """Let screens of this process print JSON lines, for "json"."""
    if progress == "json":
        os.environ["GANZFELD_PROGRESS"] = progress


def parse_given(words: Sequence[str]) -> dict[str, str]:
    """`age=30` and the like as names and values; `tags=` for none of several classes."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--given takes NAME=VALUE, not {word[:40]!r}", fix="--given age=30")
        found[name.strip()] = value.strip()
    return found


@contextlib.contextmanager
def stopped_by_ctrl_c() -> Iterator[None]:
    """Ctrl-C ends the process at once: torch, half imported, makes other errors of it, or none."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def parse_numbers(text: str, option: str, *, least: int = 0) -> list[int]:
    """`1,2,3` as numbers of `least` or more."""
    parts = [part.strip() for part in text.split(",")]
    if not all(p.isdecimal() and len(p) < 20 and int(p) >= least for p in parts):
        raise UsageError(
            f"{option} takes whole numbers from {least} on, like 1,2,3, not {text[:40]!r}"
        )
    return [int(part) for part in parts]


def parse_names(words: Sequence[str]) -> list[str]:
    """Names with spaces between them, with commas, or both."""
    return [name for word in words for part in word.split(",") if (name := part.strip())]


def parse_seeds(words: Sequence[str], option: str = "--seeds", *, default: int) -> list[int]:
    """`3` as the seeds 0, 1 and 2; `0,3,7` or `0 3 7` as those; `7,` as seed 7 alone.

    default: how many, where there are no words.
    """
    if not words:
        return list(range(default))
    text = ",".join(words)
    numbers = parse_numbers(text.strip().rstrip(","), option)
    if len(numbers) == 1 and not text.strip().endswith(","):
        if not numbers[0]:
            raise UsageError(f"{option} 0 asks for no seed", fix=f"{option} 1, or more")
        if numbers[0] > MOST_SEEDS:
            raise UsageError(
                f"{option} {numbers[0]} asks for more than {MOST_SEEDS:,} seeds",
                fix=f"{option} {numbers[0]},   for that seed alone",
            )
        return list(range(numbers[0]))
    return list(dict.fromkeys(numbers))


GRID_PIXELS = 100_000_000  # of a sheet with all samples: 300 MB while it is made
