"""Series as a kind of sample: float32 in the units of the data, shown as line charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.files import replace
from ganzfeld.core.names import capped
from ganzfeld.core.schema import wrong
from ganzfeld.modalities.arrays import write_array
from ganzfeld.modalities.base import Spec
from ganzfeld.modalities.drawn import Drawn
from ganzfeld.modalities.odd import of_columns
from ganzfeld.modalities.series import scaling, table
from ganzfeld.text import several, shown

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

MEASURED = 128  # steps; of longer ones, at least as many series are needed
ENOUGH = 300_000  # series of 48 steps to see, until their memory is right to a few hundredths
USUAL = 48  # steps
SEEN = 256  # numbers of a series that `plain` gives


class Series(Drawn):
    """Series (C, T): C channels of numbers over T equal steps of time."""

    name, noun, one = "series", "series", "series"
    suffix, sheet_suffix = ".csv", ".png"
    hub_task, tags = "time-series-forecasting", ("time-series",)
    values, recipe, learns = "in deviations of each channel", "series-gan", True
    stacks, compares = True, False  # windows of one series overlap

    def check(self, spec: Spec) -> None:
        if len(spec.shape) != 2 or min(spec.shape) < 1:
            raise wrong("spec.shape", "[channels, steps]", [*spec.shape])
        scaling.check(spec.extra, spec.shape[0])

    def fitted(self, spec: Spec, stored: NDArray[Any], c: NDArray[Any] | None = None) -> Spec:
        return Spec(spec.modality, spec.shape, spec.dtype, spec.extra | scaling.fit(stored))

    def reading(self, spec: Spec) -> dict[str, Any]:
        return {"window": spec.shape[-1]}

    def in_time(self, spec: Spec) -> tuple[str, int] | None:
        at = spec.extra.get("at")
        return None if at is None else (str(at), int(spec.extra.get("lasts", spec.shape[-1])))

    def turned(self, spec: Spec, wanted: Spec) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
        """Channels (N, C, T) in the order of others of the same names."""
        super().turned(spec, wanted)
        names, others = ([*one.extra.get("names", ())] for one in (spec, wanted))
        if names == others or {*names} != {*others} or len({*names}) < len(names):
            return None
        order = [names.index(name) for name in others]
        return lambda stored: stored[:, order]

    def to_network(self, stored: Tensor, spec: Spec) -> Tensor:
        return scaling.to_network(stored, spec.extra)

    def stored(self, samples: NDArray[Any], spec: Spec) -> NDArray[Any]:
        return scaling.stored(samples, spec.extra)

    def save(self, sample: NDArray[Any], path: Path, spec: Spec) -> None:
        """CSV with a column a channel; where the path ends in .npy, the array (C, T)."""
        if path.suffix.lower() == ".npy":
            write_array(sample, path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, table.as_csv(sample[None], spec.extra, first=None).encode())

    def holds_all(self, path: Path) -> bool:
        return path.suffix.lower() in (".csv", ".npy")

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        """Line charts; where the path ends in .csv or .npy, the series themselves."""
        end = path.suffix.lower()
        if end == ".npy":
            write_array(samples, path)
        elif end == ".csv":
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, table.as_csv(samples, spec.extra).encode())
        else:
            super().sheet(samples, columns, path, spec)

    def drawn(self, samples: NDArray[Any], columns: int | None, spec: Spec) -> Image:
        """Series as line charts, on the scale of the training part where it is known."""
        from ganzfeld.modalities.series import chart

        extra = spec.extra
        return chart.sheet(
            samples,
            columns,
            names=extra.get("names", ()),
            mean=extra.get("mean"),
            deviation=extra.get("deviation"),
        )

    def measured(self, result: Mapping[str, Any]) -> str | None:
        from ganzfeld.modalities.series import measured

        return measured.measured(result)

    def describe(self, spec: Spec) -> str:
        channels, length = spec.shape
        known = [shown(name) for name in spec.extra.get("names", ())]
        words = f": {', '.join(capped(known, 4))}" if known else ""
        step = f" of {shown(spec.extra['step'])}" if spec.extra.get("step") else ""
        return f"{length:,} steps{step}, {several(channels, 'channel')}{words}"

    def examples(self, size: tuple[int, int] | None = None) -> list[tuple[Spec, int]]:
        """Short series of one channel and of three, and long ones."""
        return [(Spec("series", shape), 0) for shape in ((1, USUAL), (3, 24), (2, 256))]

    def enough(self, spec: Spec) -> int | None:
        return round(ENOUGH * max(min(spec.shape[-1], MEASURED) / USUAL, 0.5))

    def too_few(self, spec: Spec) -> str:
        return f"{self.describe(spec)}: expect correlations that are off by more than 0.1"

    def plain(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Means of neighbouring steps: up to 256 numbers a series, or one a channel."""
        x: NDArray[Any] = np.asarray(stored, np.float32)
        length = x.shape[2]
        block = -(-length // max(SEEN // x.shape[1], 1))
        if block > 1:
            starts = np.arange(0, length, block)
            counts = np.diff([*starts, length]).astype(np.float32)
            x = np.add.reduceat(x, starts, axis=2) / counts
        return np.ascontiguousarray(x, np.float32).reshape(len(x), -1)

    def facts(self, stored: NDArray[Any], spec: Spec) -> list[str]:
        x = np.asarray(stored, np.float64)
        names = spec.extra.get("names") or [f"channel {n}" for n in range(x.shape[1])]
        return of_columns(names, np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]), "channels")
