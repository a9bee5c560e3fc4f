"""Tables as a kind of sample: a sample is a row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.modalities.base import Modality, Spec
from ganzfeld.modalities.table import cells, rows, schema, show
from ganzfeld.modalities.table.schema import Schema

if TYPE_CHECKING:
    from torch import Tensor

MOST_BYTES = 64 << 20  # of a sheet that is read again
ROWS_ENOUGH = 1_000_000  # samples to see until results look right


class Tables(Modality):
    """Rows of a table. Stored are numbers (N, columns), NaN where a cell is missing, and levels
    by their places in their names; networks see vectors (`ganzfeld.modalities.table.rows`)."""

    name = "table"
    noun = "rows"
    suffix = ".csv"
    sheet_suffix = ".csv"
    hub_task = "tabular-classification"
    tags = ("tabular", "gan")
    values = "one-hot choices, and values within a mode"
    recipe = "table-gan"

    def __init__(self) -> None:
        self.read: tuple[Any, Schema] | None = None  # what was parsed last: many batches ask

    def schema(self, spec: Spec) -> Schema:
        """The schema that `fitted` put into a spec; CheckpointError where there is none."""
        found = spec.extra.get("schema")
        if self.read is None or self.read[0] is not found:
            if found is None:
                raise UsageError("this table has no schema yet: nothing was learned from it")
            try:
                self.read = found, Schema.from_json(found)
            except (KeyError, TypeError, ValueError) as error:
                raise CheckpointError(f"the table's schema is damaged: {error}") from error
        return self.read[1]

    def fitted(self, spec: Spec, stored: NDArray[Any]) -> Spec:
        """The spec with a schema from the training part: (N, columns)."""
        known = schema.fit(stored, spec.extra["columns"])
        return Spec(spec.modality, spec.shape, spec.dtype, spec.extra | {"schema": known.to_json()})

    def to_network(self, stored: Tensor, spec: Spec) -> Tensor:
        import torch

        vectors = rows.encode(stored.detach().cpu().numpy(), self.schema(spec))
        return torch.from_numpy(vectors).to(stored.device)

    def to_store(self, samples: Tensor, spec: Spec) -> NDArray[Any]:
        found = rows.decode(samples.detach().float().cpu().numpy(), self.schema(spec))
        return found.astype(np.float32)

    def save(self, sample: NDArray[Any], path: Path, spec: Spec) -> None:
        cells.write_csv(sample[None], self.schema(spec), path)

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        cells.write_csv(samples, self.schema(spec), path)

    def html(
        self, file: Path, alt: str, *, side: int = 640, most: int = 100_000, lazy: bool = False
    ) -> str | None:
        try:
            if file.stat().st_size > MOST_BYTES:
                return None
            return show.html_of_csv(file.read_text("utf-8"))
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

    def describe(self, spec: Spec) -> str:
        if "schema" not in spec.extra:
            return f"{len(spec.extra['columns'])} columns"
        return show.describe(self.schema(spec))

    def enough(self, spec: Spec) -> int | None:
        return ROWS_ENOUGH

    def plain(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Numbers (N, columns) without missing ones, each column by its own spread."""
        known = np.asarray(stored, dtype=np.float64)
        with np.errstate(all="ignore"):
            middle = np.nan_to_num(np.nanmedian(known, axis=0))
        known = np.where(np.isnan(known), middle, known)
        spread = known.std(0)
        return ((known - middle) / np.where(spread > 0, spread, 1.0)).astype(np.float32)
