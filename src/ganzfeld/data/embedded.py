"""Embedded data sets of kinds other than images: drawn from a seed, with known statistics."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.progress import Progress
from ganzfeld.data.columns import Values
from ganzfeld.data.fields import Titles, columns_beside
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.modalities.base import Spec


@dataclass(frozen=True)
class Embedded:
    """One set. modality: of its samples. count: how many by default. version: raise it when its
    samples change. make: "module:function", which takes a count and gives a `Raw`, or arrays by
    name, "x" the samples among them."""

    modality: str
    count: int
    make: str
    version: int = 1
    condition: tuple[str, ...] = ()  # columns that samples are asked for by, where none are named


SETS: dict[str, Embedded] = {  # a set's name, and where it is drawn: one line a set
    "grammar": Embedded("text", 20_000, "ganzfeld.data.text_rows:grammar"),
    "fields": Embedded("field", 10_000, "ganzfeld.data.field_sets:fields", condition=("slope",)),
    "showers": Embedded(
        "field", 20_000, "ganzfeld.data.field_sets:deposits", condition=("energy",)
    ),
    "ising": Embedded("field", 6_000, "ganzfeld.data.field_sets:spins", condition=("temperature",)),
    "vowels": Embedded("audio", 4_000, "ganzfeld.data.sounds:vowels"),
    "table": Embedded("table", 20_000, "ganzfeld.data.table_rows:census"),
    "table-known": Embedded("table", 20_000, "ganzfeld.data.table_rows:known"),
    "ar": Embedded("series", 10_000, "ganzfeld.data.series_sets:ar_rows"),
    "var": Embedded("series", 10_000, "ganzfeld.data.series_sets:var_rows"),
    "garch": Embedded("series", 10_000, "ganzfeld.data.series_sets:garch_rows"),
    "sines": Embedded("series", 10_000, "ganzfeld.data.series_sets:sines_rows"),
}


def embedded(name: str, count: int | None) -> Gathered:
    """A source of so many samples of an embedded set; None: as many as usual."""
    one = SETS[name]
    number = count or one.count

    def gather(progress: Progress) -> Raw:
        module, _, attribute = one.make.partition(":")
        progress("drawing", 0, number)
        made = getattr(importlib.import_module(module), attribute)(number)
        progress("drawing", number, number)
        return made if isinstance(made, Raw) else raw_of(made, one.modality, source)

    source = Gathered(
        kind="embedded",
        name=name,
        place=name,
        stamps=[(name, number, one.version)],
        modality=one.modality,
        gather=gather,
    )
    return source


def raw_of(
    arrays: Mapping[str, NDArray[Any]],
    modality: str,
    source: Gathered,
    classes: Sequence[str] = (),
) -> Raw:
    """Columns of arrays by name: "x" the samples, "y" whole numbers their classes, numbers.

    classes: their names, in order; those of the numbers where left out.
    """
    beside = dict(arrays)
    x, y = beside.pop("x"), beside.pop("y", None)
    x = x if x.dtype in (np.uint8, np.int16, np.int32, np.float32) else x.astype(np.float32)
    spec = Spec(modality, tuple(x.shape[1:]), str(x.dtype))
    raw = Raw(columns={"x": Values(spec=spec, rows=x)}, titles=Titles(len(x)))
    raw.columns |= columns_beside(beside, len(x), source)
    if y is not None:
        raw.labels = np.asarray(y, dtype=np.int64)
        raw.classes = tuple(classes) or tuple(str(n) for n in range(int(raw.labels.max()) + 1))
    return raw
