"""Open the data of a run, for its task."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganzfeld.config import Config, Part
from ganzfeld.core import distributed
from ganzfeld.core import names as names_
from ganzfeld.core.console import Screen
from ganzfeld.core.plugins import options_of
from ganzfeld.data.candidates import BY_COLUMN
from ganzfeld.data.captions import KIND, lines_of
from ganzfeld.data.conditions import resolve
from ganzfeld.data.discover import CAPTIONED, embedded_count
from ganzfeld.data.embedded import SETS
from ganzfeld.data.options import PackOptions
from ganzfeld.data.request import READ, DataRequest
from ganzfeld.data.source import WORDS
from ganzfeld.data.tags import tags_of
from ganzfeld.errors import UsageError
from ganzfeld.modalities import modality_of, speak_of_kind, spec_of_data
from ganzfeld.networks import NETWORKS
from ganzfeld.training.tasks import WORK, Dataset, need_plain


def condition_names(condition: str | Sequence[str]) -> tuple[str, ...] | None:
    """Names of columns, each once, of "age,breed" or a list of them; () of "none", None of ()."""
    if not condition:
        return None
    if condition == "none":
        return ()
    given = condition.split(",") if isinstance(condition, str) else condition
    if not isinstance(given, Iterable) or not all(isinstance(name, str) for name in given):
        raise UsageError("condition takes names of columns", fix='condition=["age"]')
    return tuple(dict.fromkeys(name.strip() for name in given if name.strip()))


def resolved(asked: DataRequest, task: str, captions: bool = False) -> DataRequest:
    """With the option `labels`, and columns of numbers, for the conditions that were named.

    captions: whether the recipe needs such. UsageError where nothing is generated, or where a
        stream has none of this.
    """
    if asked.stream:
        need_plain(asked, task)
    if not asked.conditions:
        return asked
    if not WORK[task].takes_conditions:
        raise UsageError("--condition is for generation; a translation has the image it is given")
    bare = PackOptions(**{name: getattr(asked, name) for name in READ})
    labels, names = resolve(asked.source, bare, list(asked.conditions), captions=captions)
    return replace(asked, labels=labels, conditions=tuple(names))


def usual(asked: DataRequest, task: str) -> list[str]:
    """Columns to condition on where none were named: those that an embedded set comes with."""
    if asked.conditions is not None or not WORK[task].takes_conditions:
        return []
    name = asked.source.partition(":")[0]
    if name in CAPTIONED and embedded_count(asked.source) is not None:
        return ["caption"]
    one = SETS.get(name)
    return list(one.condition) if one and embedded_count(asked.source) is not None else []


def need_taken(config: Config, conditions: Sequence[str] | None, pack: Dataset) -> None:
    """UsageError where numbers or captions were asked for that the recipe does not take."""
    if conditions and (config.data.conditions is None or any(map(deaf, config.networks.values()))):
        captioned = getattr(pack, "given", "c") == KIND
        noun = "captions" if captioned else "numbers"
        kind = modality_of(pack.spec)
        better = kind.captioned if captioned else kind.recipe
        tags = as_classes(pack, conditions[0]) if captioned else ""
        raise UsageError(
            f"the recipe {config.recipe} takes no {noun} as conditions "
            f"({', '.join(names_.shown(name) for name in conditions)})",
            safe="nothing was trained",
            fix=f"{f'--recipe {better}, or ' if better else ''}leave --condition out{tags}",
        )


def as_classes(pack: Any, name: str) -> str:
    """How the tags of a column of text become classes, which more recipes take; "" of sentences."""
    if "tags" in pack.columns and name != "tags":
        return "   or --condition tags takes single tags as classes"
    if tags_of(lines_of(pack.columns[name])) is None:
        return ""
    return f"   or with | between the tags of {names_.shown(name)} they are read as classes"


def deaf(part: Part) -> bool:
    """Whether a recipe gives numbers to a network of ours that takes none."""
    network = NETWORKS.get(part.name)
    return "conditions" in part.options and not (
        network is None or "conditions" in options_of(network)
    )


def whole_labels(labels: str) -> str:
    """A table's path that holds from anywhere; other words as they are."""
    if labels in WORDS or labels.startswith(BY_COLUMN):
        return labels
    path, colon, column = labels.rpartition(":")
    if not os.path.isfile(labels) and colon and os.path.isfile(path):
        return f"{Path(path).resolve()}:{column}"
    return str(Path(labels).resolve()) if os.path.isfile(labels) else labels


def check_labels(labels: str, source: str | os.PathLike[str]) -> None:
    """Refuse a word or a path that cannot be meant, before the data are read."""
    suffixes = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt")
    path = labels.rpartition(":")[0] or labels
    if labels in WORDS or labels.startswith(BY_COLUMN):
        return
    if path.lower().endswith(suffixes):
        return
    if any(os.path.isfile(p) for p in (labels, path, os.path.join(source, labels))):
        return
    raise UsageError(
        f"--labels is auto, none, clusters, folders, names, or the path of a table, not {labels!r}",
        safe="nothing was read",
        fix="--labels labels.csv",
    )


def open_data(
    asked: DataRequest, screen: Screen, task: str, layout: str, modality: str | None = None
) -> Dataset:
    """The packed data, made by one process where there are several.

    task, layout, modality: those of the recipe.
    """
    check_labels(asked.labels, asked.source)
    if not WORK[task].from_noise and modality is not None and asked.modality == "auto":
        asked = replace(asked, modality=modality)

    def make() -> Dataset:
        return WORK[task].open(asked, layout, screen.progress)

    pack = distributed.first(make, "pack")
    speak_of_kind(modality_of(spec_of_data(pack)))
    for warning in pack.report.get("warnings", []):
        screen.say(f"note: {warning}")
    return pack
