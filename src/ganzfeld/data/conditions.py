"""What a generation is conditioned on: columns of a pack as classes and as scaled numbers.

A column of captions becomes rows of word numbers, "caption" (`data.captions`). One column of
classes becomes the labels "y". Numbers, several classes at once, and columns of classes where there
is more than one become "c", float32 (N, k): numbers with mean 0 and spread 1 over the training
part, and -1 or 1 for each class that does not or does apply.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import dates
from ganzfeld.core.names import COLUMN, capped, of_column, shown, typed
from ganzfeld.data import captions, held, sidecars
from ganzfeld.data.beside import Beside
from ganzfeld.data.candidates import AS_TEXT, PREFIX, holds_words, need_column, whole_classes
from ganzfeld.data.columns import Column, Values
from ganzfeld.data.decode import load_source
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack
from ganzfeld.data.source import Encoded, Gathered, Ready
from ganzfeld.errors import CheckpointError, DataError, UsageError

LABELS = ("label", "labels", "class", "classes", "y")  # how the set's own labels are called
MOST = 1024  # numbers beside a sample
DECADES = 1.5  # from the least to the greatest number, from which logarithms may say more


class Conditioned(Beside):
    """A pack whose rows have "c" too. columns: what each condition is, see `describe`.

    `condition_names`: of the numbers in "c", in order. `condition_columns`: `columns`.
    """

    given = "c"

    def __init__(self, whole: Pack, columns: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(whole, columns, [name for one in columns for name in names_of(one)])
        self.c = np.concatenate([scaled(whole.columns[c["name"]], c) for c in columns], axis=1)

    def rows(self, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        return {**self.whole.rows(indices), "c": self.c[indices]}


def names_of(column: Mapping[str, Any]) -> list[str]:
    """Of the numbers that one condition becomes: "age"; "tags=red" for each of several classes."""
    name = str(column["name"])
    if column["kind"] == captions.KIND:
        return [f"{name}[{place}]" for place in range(column["length"])]
    return [name] if column["kind"] == "number" else [f"{name}={n}" for n in column["classes"]]


def scaled(column: Column, about: Mapping[str, Any]) -> NDArray[np.float32]:
    """A column as networks take it, float32 (N, k)."""
    values = column.rows(np.arange(len(column)))
    if about["kind"] == "number":
        values = values.astype(np.float64)
        values = np.log(values) if about.get("log") else values
        values = (values - about["mean"]) / about["spread"]
        return np.asarray(values[:, None], dtype=np.float32)
    if about["kind"] == "class":
        values = np.eye(len(about["classes"]), dtype=np.float32)[values]
    return np.asarray(2 * values.astype(np.float32) - 1, dtype=np.float32)


def conditioned(pack: Pack, names: Sequence[str], held_out: int | None) -> Pack:
    """The pack with numbers beside its samples, by the names of their columns; () for none.

    held_out: samples kept out of training, by which the scale is not set; None: as usual.
    Raises DataError where a column is not there, is text, has gaps, or is all the same.
    """
    if not names:
        return pack
    count = held.usual(len(pack)) if held_out is None else held_out
    training = held.training_rows(pack, count)
    if captions.are(pack, names):
        return captions.captioned(pack, names, training)
    columns = [describe(pack, name, training) for name in names]
    total = sum(len(names_of(column)) for column in columns)
    if total > MOST:
        raise DataError(
            f"{total:,} numbers beside each sample are too many: {MOST:,} at most",
            fix="--condition with fewer columns, or with fewer classes in them",
        )
    return Conditioned(pack, columns)


def describe(pack: Pack, name: str, training: NDArray[np.int64]) -> dict[str, Any]:
    """What a condition is, as JSON: name, kind, digest; mean and spread, or its classes.

    training: rows that set the scale.
    """
    column: Column = need_column(pack.columns, name, pack.report["source"])
    kind, extra = column.spec.modality, column.spec.extra
    about: dict[str, Any] = {"name": name, "kind": kind, "digest": column.digest}
    if kind in ("class", "several"):
        if kind == "class":
            whole_classes(Values(spec=column.spec, rows=column.rows(np.arange(len(column)))), name)
        return about | {"classes": list(extra["names"])}
    if kind != "number":
        raise not_beside(name)
    every = column.rows(np.arange(len(column))).astype(np.float64)
    if missing := int(np.isnan(every).sum()):  # extra["missing"] counts those left out, too
        raise DataError(
            f"{missing:,} of {len(column):,} samples have no {shown(name)}",
            safe="nothing was trained",
            fix=f"fill in the column {shown(name)}, or take those samples out of the data",
        )
    values = every[training]
    mean, spread = float(values.mean()), float(values.std())
    if spread <= 1e-12 * max(1.0, abs(mean)):
        raise DataError(
            f"the column {shown(name)} is {mean:g} for all samples: nothing can be learned of it",
            safe="nothing was trained",
            fix="leave it out of --condition",
        )
    about |= {key: extra[key] for key in ("unit", "form", "order") if extra.get(key)}  # of dates
    about |= {"whole": extra["whole"], "low": float(values.min()), "high": float(values.max())}
    if by_decades(values):
        logs = np.log(values)
        spread = float(logs.std())
        about |= {"log": True, "mean": float(logs.mean()), "spread": spread}
        return about | {"gap": gap(logs) / spread}
    return about | {"mean": mean, "spread": spread, "gap": gap(values) / spread}


def not_beside(name: str) -> DataError:
    return DataError(
        f"the column {shown(name)} holds text, which cannot be a condition beside others",
        safe="nothing was trained",
        fix=f"--condition {typed(name)} alone, or other columns without it",
    )


def gap(values: NDArray[np.float64]) -> float:
    """The largest one between two neighbours among numbers (n,)."""
    return float(np.diff(np.unique(values)).max())


def by_decades(values: NDArray[np.float64]) -> bool:
    """Whether numbers (n,) are better told by their logarithms: positive, spread over more than
    DECADES, and less lopsided so."""
    low, high = float(values.min()), float(values.max())
    if low <= 0 or np.log10(high / low) < DECADES:
        return False
    return abs(lopsided(np.log(values))) < abs(lopsided(values))


def lopsided(values: NDArray[np.float64]) -> float:
    """The third standardised moment of numbers (n,)."""
    apart = values - values.mean()
    return float((apart**3).mean() / max(float(values.std()) ** 3, 1e-300))


def again(pack: Pack, stored: Mapping[str, Any] | None) -> Pack:
    """The pack of a run that goes on, with the conditions and scales that it began with.

    stored: `config.data.conditions`. Raises CheckpointError where their columns changed.
    """
    columns = (stored or {}).get("columns")
    if not columns:
        return pack
    for about in columns:
        there = pack.columns.get(about["name"])
        if there is None or there.digest != about["digest"]:
            what = "is gone" if there is None else "holds other values"
            raise CheckpointError(
                f"the column {shown(about['name'])} of the data, on which the run is "
                f"conditioned, {what}",
                safe="nothing was changed",
                fix="restore the table as it was, or train anew with another --out",
            )
    if columns[0]["kind"] == captions.KIND:
        return captions.Captioned(pack, columns[0])
    return Conditioned(pack, columns)


def resolve(
    source: str | os.PathLike[str],
    options: PackOptions,
    names: Sequence[str],
    *,
    captions: bool = False,
) -> tuple[str, list[str]]:
    """The option `labels`, and the columns of numbers or captions, for conditions by name.

    captions: whether a column of texts is read as captions however few of them differ.
    Reads what is known of the samples, and decodes no image.
    """
    if options.labels != "auto":
        raise UsageError(
            "--labels and --condition both choose the labels", fix="--condition NAME alone"
        )
    found, _ = load_source(source, options)
    columns: Mapping[str, Values] = found.columns
    labelled = isinstance(found, Encoded | Ready) and found.labels is not None
    if isinstance(found, Encoded):
        sidecars.add(found)
    if isinstance(found, Ready):
        found.load()
        columns, labelled = found.columns, found.labels is not None
    elif isinstance(found, Gathered):
        raw = found.gather(lambda stage, done, total: None)
        columns, labelled = raw.columns, raw.labels is not None
    names = [of_column(name, columns) for name in names]
    own = [n for n in names if n in LABELS and n not in columns and labelled]
    kinds = {n: need_column(columns, n, found.place).spec.modality for n in names if n not in own}
    worded = [n for n in names if n not in own and holds_words(columns[n].spec)]
    if captions and worded and len(names) > 1:
        raise not_beside(worded[0])
    if captions and worded and kinds[worded[0]] != "text":
        return f"{AS_TEXT}{worded[0]}", worded
    classes = [name for name in names if name in own or kinds[name] == "class"]
    if len(classes) > 1 and own:
        raise DataError(
            f"{shown(own[0])} and {shown(classes[1] if classes[0] == own[0] else classes[0])} are "
            "both classes; of several, all must be columns of one table",
            fix=f"write the labels into the table too, or --condition {own[0]} alone",
        )
    if len(classes) == 1:
        labels = "auto" if own else f"{PREFIX}{classes[0]}"
        return labels, [name for name in names if name != classes[0]]
    return "none", list(names)


def is_captioned(conditions: Mapping[str, Any] | None) -> bool:
    """Whether the conditions of a run or a model are captions."""
    columns = (conditions or {}).get("columns") or [{}]
    return bool(columns[0].get("kind") == captions.KIND)


def in_words(conditions: Mapping[str, Any]) -> str:
    """What samples are conditioned on, with ranges where these are known, for a plan."""
    told = []
    for column in conditions.get("columns", []):
        name = shown(column["name"])
        if column["kind"] == "number":
            what = "dates" if column.get("unit") else "numbers"
            low, high = (written(column, column[end]) for end in ("low", "high"))
            told.append(f"{name} ({what} {low} to {high})")
        elif column["kind"] == captions.KIND:
            told.append(f"{name}, of {len(column['symbols']) - 2:,} words")
        else:
            some = ", ".join(capped([shown(n) for n in column["classes"]], 4))
            any_of = "any of " if column["kind"] == "several" else ""
            told.append(f"{name} ({any_of}{len(column['classes']):,} classes: {some})")
    return "; ".join(told) or ", ".join(shown(name) for name in conditions["names"])


def words_of(conditions: Mapping[str, Any] | None) -> int:
    """Of the vocabulary of captions; 0 for other conditions."""
    if conditions is None or not is_captioned(conditions):
        return 0
    return len(conditions["columns"][0]["symbols"])


def symbols_of(conditions: Mapping[str, Any] | None) -> list[str]:
    """The vocabulary of captions, by number; [] for other conditions."""
    if conditions is None or not is_captioned(conditions):
        return []
    return list(conditions["columns"][0]["symbols"])


def slot_of(conditions: Mapping[str, Any] | None) -> str:
    """The name by which networks take the conditions: "c", or "caption"."""
    return captions.KIND if is_captioned(conditions) else "c"


def row_of(conditions: Mapping[str, Any], given: Mapping[str, str]) -> dict[int, float]:
    """Scaled numbers by their place in "c", for values in the data's own units.

    conditions: of a model. given: {"age": "30"}, {"tags": "red|small"}: of several classes those
    that apply. UsageError for a name or a value that cannot be.

    Example::

        model = ganzfeld.load("runs/faces")
        places = row_of(model.conditions, {"age": "30"})
    """
    if given and is_captioned(conditions):
        raise UsageError("the model is conditioned on captions", fix="--text CAPTION")
    found: dict[int, float] = {}
    start = 0
    there = {column["name"] for column in conditions.get("columns", [])}
    left = {of_column(name, there): text for name, text in given.items()}
    for column in conditions.get("columns", []):
        size = len(names_of(column))
        if column["name"] in left:
            text = left.pop(column["name"])
            found |= {start + i: v for i, v in enumerate(_scaled_one(column, text))}
        start += size
    if left:
        names = [shown(column["name"]) for column in conditions.get("columns", [])]
        name = shown(next(iter(left)))
        raise UsageError(
            f"the model is not conditioned on {name}; it is on {', '.join(names)}"
            if names
            else f"the model takes no conditions, so not {name}",
            fix=f"leave it out, or train with --condition {typed(name)}, a column of the data"
            if not names
            else f"--given {typed(f'{names[0]}=VALUE')}",
        )
    return found


def _scaled_one(column: Mapping[str, Any], text: str) -> list[float]:
    name = column["name"]
    if column["kind"] == "number":
        value, given = value_of(column, text), f"--given {shown(name)}={shown(text)}"
        if not np.isfinite(value) or (column.get("log") and value <= 0):
            low, high = (written(column, column[end]) for end in ("low", "high"))
            said = f"{given}: a number was expected"
            if column.get("unit"):
                said = f"{given}: a date was expected"
                if dates.of_day(column.get("form", "")):
                    said = f"{given}: a time of the day was expected"
            elif np.isfinite(value):
                said = f"{given}: a number above zero was expected"
            raise UsageError(said, fix=f"--given {typed(f'{shown(name)}={low}')}, or up to {high}")
        value = float(np.log(value)) if column.get("log") else value
        return [(value - column["mean"]) / column["spread"]]
    wanted = [part.strip() for part in text.split("|") if part.strip()]
    unknown = [part for part in wanted if part not in column["classes"]]
    if unknown or (column["kind"] == "class" and len(wanted) != 1):
        listed = ", ".join(capped([shown(n) for n in column["classes"]], 8))
        raise UsageError(
            f"--given {shown(name)}={shown(text)}: not one of {listed}",
            fix=f"--given {typed(f'{shown(name)}={_example(column)}')}",
        )
    return [1.0 if part in wanted else -1.0 for part in column["classes"]]


def value_of(column: Mapping[str, Any], text: str) -> float:
    """What a text says for a condition that is a number, or a date; NaN for what is neither.

    Dates may be written as in the data, or as 2026-11-29.
    """
    if not (unit := column.get("unit")):
        try:
            return float(text)
        except ValueError:
            return float("nan")
    orders = ("ymd", column.get("order", "dmy" if "." in text else "ymd"))
    read = [dates.seconds(text.strip(), order) for order in orders]
    return next((one for one in read if np.isfinite(one)), float("nan")) / dates.UNITS[unit]


def written(column: Mapping[str, Any], value: float) -> str:
    """A value of a condition that is a number, or a date, for people."""
    unit = column.get("unit")
    return dates.written(value, unit, column.get("form", "")) if unit else f"{value:g}"


def _example(column: Mapping[str, Any]) -> str:
    """A value that can be asked for: a class, or two where several may apply at once."""
    names = [shown(name) for name in column["classes"]]
    return f"{names[0]}|{names[1]}" if column["kind"] == "several" and names[1:] else names[0]


def beyond(conditions: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Sentences on values that lie outside of what the training part held."""
    told = []
    for column in conditions.get("columns", []):
        text = given.get(column["name"], given.get(column["name"].removesuffix(COLUMN)))
        if text is None or column["kind"] != "number":
            continue
        low, high = column["low"], column["high"]
        if not low <= (value := value_of(column, text)) <= high:
            name, said = shown(column["name"]), [written(column, one) for one in (value, low, high)]
            told.append(f"{name} {said[0]} lies outside of the data's {said[1]} to {said[2]}")
    return told
