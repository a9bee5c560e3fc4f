"""Tables as a kind of sample: a sample is a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import capped
from ganzfeld.core.reader import Unreadable
from ganzfeld.core.schema import anything, fields, listing, words, wrong
from ganzfeld.errors import CheckpointError, DataError
from ganzfeld.modalities.base import Modality, Spec
from ganzfeld.modalities.endings import need_ending
from ganzfeld.modalities.odd import Odd, of_columns
from ganzfeld.modalities.table import cells, rows, schema, show
from ganzfeld.modalities.table.schema import Schema
from ganzfeld.text import shown

if TYPE_CHECKING:
    from torch import Tensor

MOST_BYTES = 64 << 20  # of a sheet that is read again
MOST_WIDTH = 16_384  # entries of a row: the discriminator then takes half a gigabyte
GONE = -20.0  # a missing cell, where numbers are compared without a schema
ROWS_ENOUGH = 1_000_000  # samples to see until results look right

COLUMNS = fields(
    {
        "columns": listing(
            fields(
                {"name": words},
                {"names": listing(words), "boolean": anything, "whole": anything},
            ),
            1,
        )
    }
)


class Tables(Modality):
    """Rows of a table. Stored are numbers (N, columns), NaN where a cell is missing, and levels
    by their places in their names; networks see vectors (`ganzfeld.modalities.table.rows`)."""

    name = "table"
    noun = "rows"
    one = "row"
    suffix = ".csv"
    sheet_suffix = ".csv"
    hub_task = "tabular-classification"
    tags = ("tabular", "gan")
    values = "one-hot choices, and values within a mode"
    recipe, captioned = "table-vae", "text-to-table"
    compares, odd = False, (Odd("missing", "Mostly empty", beyond=0.5, high=True),)
    learns = one_file = True

    def __init__(self) -> None:
        self.read: tuple[Any, Schema] | None = None  # what was parsed last: many batches ask

    def check(self, spec: Spec) -> None:
        COLUMNS(spec.extra, "spec.extra")
        if "schema" not in spec.extra:
            return
        known = self.schema(spec)
        if spec.shape != (known.layout.width,):
            raise wrong("spec.shape", f"[{known.layout.width}], as its columns say", [*spec.shape])
        names = [column["name"] for column in spec.extra["columns"]]
        if names != [column.name for column in known.columns]:
            raise wrong("spec.extra.schema.columns", "the columns of the data", names)

    def schema(self, spec: Spec) -> Schema:
        """The schema that `fitted` put into a spec; CheckpointError where there is none."""
        found = spec.extra.get("schema")
        if self.read is None or self.read[0] is not found:
            if found is None:
                raise CheckpointError("this table has no schema: nothing was learned from it")
            try:
                self.read = found, Schema.from_json(found)
            except Unreadable:
                raise
            except (KeyError, TypeError, ValueError) as error:
                raise CheckpointError(f"the table's schema is damaged: {error}") from error
        return self.read[1]

    def fitted(self, spec: Spec, stored: NDArray[Any], c: NDArray[Any] | None = None) -> Spec:
        known = schema.fit(stored, spec.extra["columns"])
        if (width := known.layout.width) > MOST_WIDTH:
            raise DataError(
                f"the {len(known.columns):,} columns of the table make rows of {width:,} numbers "
                f"for the networks, which take up to {MOST_WIDTH:,}",
                safe="nothing was trained",
                fix=f"keep about {len(known.columns) * MOST_WIDTH // width:,} columns, those that "
                "matter most",
            )
        extra = spec.extra | {"schema": known.to_json()}
        return Spec(spec.modality, (known.layout.width,), spec.dtype, extra)

    def turned(self, spec: Spec, wanted: Spec) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
        if spec.extra["columns"] == wanted.extra["columns"]:
            return None

        def turn(stored: NDArray[Any]) -> NDArray[Any]:
            there = {column["name"]: i for i, column in enumerate(spec.extra["columns"])}
            listed = ", ".join(capped([shown(c["name"]) for c in wanted.extra["columns"]], 12))
            found = np.empty((len(stored), len(wanted.extra["columns"])), np.float32)
            for place, column in enumerate(wanted.extra["columns"]):
                name = column["name"]
                if name not in there:
                    raise DataError(
                        f"the table has no column {shown(name)}, which is needed here",
                        safe="nothing was measured",
                        fix=f"give a table with all columns of the other: {listed}",
                    )
                own = spec.extra["columns"][there[name]]
                values = stored[:, there[name]]
                if ("names" in own) != ("names" in column):
                    values = other_type(values, own, column)
                elif "names" in own:
                    codes = codes_of(own, column)
                    gone = np.isnan(values)
                    lookup = np.array([*codes, np.nan], np.float32)
                    values = lookup[np.where(gone, len(codes), values).astype(np.int64)]
                found[:, place] = values
            return found

        return turn

    def to_network(self, stored: Tensor, spec: Spec) -> Tensor:
        import torch

        vectors = rows.encode(stored.detach().cpu().numpy(), self.schema(spec))
        return torch.from_numpy(vectors).to(stored.device)

    def stored(self, samples: NDArray[Any], spec: Spec) -> NDArray[Any]:
        return rows.decode(samples, self.schema(spec)).astype(np.float32)

    def save(self, sample: NDArray[Any], path: Path, spec: Spec) -> None:
        cells.write_csv(sample[None], self.schema(spec), path)

    def encoded(self, sample: NDArray[Any], spec: Spec) -> bytes:
        return cells.as_csv(sample[None], self.schema(spec)).encode()

    def to_json(self, sample: NDArray[Any], spec: Spec) -> dict[str, Any]:
        """A row by the names of its columns; null where a cell is missing."""
        known = self.schema(spec)
        return dict(zip((c.name for c in known.columns), cells.values(sample, known), strict=True))

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        self.write([samples], path, spec)

    def write(self, blocks: Iterable[NDArray[Any]], path: Path, spec: Spec) -> None:
        """CSV; where the path ends in .parquet, that. UsageError for other kinds of table."""
        need_ending(path, self.noun, ".csv", ".parquet")
        if path.suffix.lower() == ".parquet":
            cells.write_parquet(np.concatenate([*blocks]), self.schema(spec), path)
        else:
            super().write(blocks, path, spec)

    def pieces(self, blocks: Iterable[NDArray[Any]], spec: Spec) -> Iterator[str]:
        for place, samples in enumerate(blocks):
            yield cells.as_csv(samples, self.schema(spec), head=not place)

    def words(self, samples: NDArray[Any], spec: Spec) -> str:
        return cells.as_csv(samples, self.schema(spec)).rstrip("\n")

    def html(
        self, file: Path, alt: str, *, side: int = 640, most: int = 100_000, lazy: bool = False
    ) -> str | None:
        try:
            if file.stat().st_size > MOST_BYTES:
                return None
            return show.html_of_csv(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            return None

    def show(
        self,
        samples: NDArray[Any],
        alt: str,
        spec: Spec,
        *,
        side: int = 640,
        most: int = 100_000,
        lazy: bool = False,
    ) -> str | None:
        return show.html_of_rows(samples, self.schema(spec))

    def measured(self, result: Mapping[str, Any]) -> str | None:
        shares, distances = result.get("shares"), result.get("marginals_by_column")
        if not isinstance(shares, dict) or not isinstance(distances, dict):
            return None
        real = (result.get("real") or {}).get("marginals")
        return show.html_marginals(shares, distances, real)

    def describe(self, spec: Spec) -> str:
        if "schema" not in spec.extra:
            return f"{len(spec.extra['columns'])} columns"
        return show.describe(self.schema(spec))

    def examples(self, size: tuple[int, int] | None = None) -> list[tuple[Spec, int]]:
        """A table of a number and a level."""
        columns = [{"name": "size"}, {"name": "kind", "names": ["a", "b"]}]
        stored = np.stack([np.linspace(0, 1, 64), np.arange(64) % 2], axis=1)
        return [(self.fitted(Spec(self.name, (2,), extra={"columns": columns}), stored), 0)]

    def too_few(self, spec: Spec) -> str:
        columns = len(spec.extra["columns"])
        return f"a table of {columns:,} column{'s' * (columns != 1)}: expect rough samples"

    def enough(self, spec: Spec) -> int | None:
        return ROWS_ENOUGH

    def plain(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Numbers (N, columns), by asinh; missing ones lie below all others."""
        known = np.arcsinh(np.asarray(stored, dtype=np.float64))
        return np.where(np.isnan(known), GONE, known).astype(np.float32)

    def traits(self, stored: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The share of a row's cells that are missing."""
        return {"missing": np.isnan(np.asarray(stored, dtype=np.float64)).mean(1)}

    def facts(self, stored: NDArray[Any], spec: Spec) -> list[str]:
        names = [column["name"] for column in spec.extra["columns"]]
        return of_columns(names, np.asarray(stored, dtype=np.float64), "columns")


def number_of(level: str) -> float | str:
    """A level that is written as a number, as float32 has it; others as they are."""
    try:
        return float(np.float32(level))
    except ValueError:
        return level


def codes_of(own: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[float]:
    """The places of one table's levels among another's, NaN for those that it lacks.

    A column of "yes" and "no" alone is one of booleans; where another holds "maybe", too, it is one
    of classes.
    """
    places = {level: float(i) for i, level in enumerate(wanted["names"])}
    names = list(own["names"])
    written = str(own.get("form", "")).split("|") if own.get("boolean") else names
    if wanted.get("boolean"):
        truth = {"false": 0.0, "no": 0.0, "true": 1.0, "yes": 1.0}
        return [places.get(name, truth.get(name.casefold(), np.nan)) for name in names]
    written = written if len(written) == len(names) else names
    return [
        places.get(word, places.get(name, np.nan))
        for word, name in zip(written, names, strict=True)
    ]


def other_type(
    values: NDArray[Any], own: Mapping[str, Any], wanted: Mapping[str, Any]
) -> NDArray[Any]:
    """A column that one table holds as levels and the other as numbers: by what is written.

    A few rows may look like numbers where more of them do not, and the other way round.
    """
    name = shown(str(wanted["name"]))
    gone = np.isnan(values)
    if "names" in wanted:
        places = {number_of(level): i for i, level in enumerate(wanted["names"])}
        return np.array(
            [places.get(np.float32(value).item(), np.nan) for value in values.tolist()], np.float32
        )
    try:
        numbers = np.array([*(float(level) for level in own["names"]), np.nan], np.float32)
    except ValueError as error:
        raise DataError(f"the column {name} holds names here, and numbers there") from error
    return numbers[np.where(gone, len(numbers) - 1, values).astype(np.int64)]
