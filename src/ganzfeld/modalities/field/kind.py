"""Fields as a kind of sample: float32 in physical units, shown as colour maps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities.arrays import array_bytes, write_array
from ganzfeld.modalities.base import Spec
from ganzfeld.modalities.drawn import Drawn
from ganzfeld.modalities.field import scaling
from ganzfeld.modalities.odd import of_columns
from ganzfeld.text import several

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn

SAMPLES_A_CELL = 1_500  # of the side, until spectra are right to a tenth
MOST_SIDE = {3: 256, 4: 16, 5: 8}  # of what `plain` gives, by the axes of samples
NAMES = {2: "a line of {} values", 3: "{} x {} cells", 4: "{} x {} x {} cells"}


class Fields(Drawn):
    """Arrays of floats (C, L), (C, H, W) or (C, D, H, W)."""

    name, noun, one = "field", "fields", "field"
    suffix, sheet_suffix = ".npy", ".png"
    hub_task, tags = "other", ("field", "simulation")
    values, recipe, learns = "in the unit of the data, scaled", "fields", True
    captioned = "text-to-field"
    stacks = True

    def check(self, spec: Spec) -> None:
        scaling.check(spec.extra, spec.shape[0])

    def fitted(self, spec: Spec, stored: NDArray[Any], c: NDArray[Any] | None = None) -> Spec:
        return Spec(
            spec.modality,
            spec.shape,
            spec.dtype,
            spec.extra | scaling.fit(stored, c, spec.extra.get("scaling", "auto")),
        )

    def to_network(self, stored: Tensor, spec: Spec) -> Tensor:
        return scaling.to_network(stored, spec.extra)

    def to_store(self, samples: Tensor, spec: Spec) -> NDArray[Any]:
        return as_typed(scaling.to_store(samples, spec.extra), spec)

    def stored(self, samples: NDArray[Any], spec: Spec) -> NDArray[Any]:
        return as_typed(scaling.stored(samples, spec.extra), spec)

    def layout(self, network: nn.Module) -> None:
        import torch
        from torch import nn

        for module in network.modules():  # of maps of two dimensions only
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def arrange(self, x: Tensor) -> Tensor:
        import torch

        return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x

    def encoded(self, sample: NDArray[Any], spec: Spec) -> bytes:
        return array_bytes(sample)

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        """Colour maps; where the path ends in .npy, the samples themselves as one array."""
        if path.suffix.lower() == self.suffix:
            write_array(samples, path)
            return
        super().sheet(samples, columns, path, spec)

    def drawn(self, samples: NDArray[Any], columns: int | None, spec: Spec) -> Image:
        """Samples as colour maps; in logarithms where a network sees them so."""
        from ganzfeld.modalities.field import colour

        log = spec.extra.get("scaling") == "log" and "unit" in spec.extra
        return colour.sheet(
            samples,
            columns,
            unit=str(spec.extra.get("unit_name", "")),
            log_unit=float(np.mean(spec.extra["unit"])) if log else None,
        )

    def measured(self, result: Mapping[str, Any]) -> str | None:
        from ganzfeld.modalities.field import measured

        return measured.measured(result)

    def describe(self, spec: Spec) -> str:
        channels, *sides = spec.shape
        words = NAMES.get(len(spec.shape), "{} values").format(*reversed(sides))
        unit = f", in {spec.extra['unit_name']}" if spec.extra.get("unit_name") else ""
        around = ", periodic" if spec.extra.get("periodic") else ""
        return f"{words}, {several(channels, 'channel')}{unit}{around}"

    def examples(self, size: tuple[int, int] | None = None) -> list[tuple[Spec, int]]:
        """Maps, lines and volumes, before anything was learned of their scale."""
        return [(Spec("field", shape), 0) for shape in ((1, 32, 32), (1, 64), (1, 16, 16, 16))]

    def enough(self, spec: Spec) -> int | None:
        return round(SAMPLES_A_CELL * max(spec.shape[1:])) if len(spec.shape) > 1 else None

    def plain(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Means of blocks: for each channel up to 256 numbers, of volumes up to 512."""
        x: NDArray[Any] = np.asarray(stored, np.float32)
        most = MOST_SIDE.get(x.ndim, 16)
        for axis in range(2, x.ndim):
            size = x.shape[axis]
            block = -(-size // most)
            if block > 1:
                starts = np.arange(0, size, block)
                sums = np.add.reduceat(x, starts, axis=axis)
                counts = np.diff([*starts, size]).astype(np.float32)
                x = sums / counts.reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        return np.ascontiguousarray(x, np.float32).reshape(len(x), -1)

    def facts(self, stored: NDArray[Any], spec: Spec) -> list[str]:
        x = np.asarray(stored, np.float64)
        names = [f"channel {n}" for n in range(x.shape[1])]
        return of_columns(names, np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]), "channels")

    def vitals(self, stored: NDArray[Any]) -> dict[str, float]:
        from ganzfeld.modalities.spectrum import fine_power

        x = np.asarray(stored, np.float64)
        return {"level": float(np.median(x.reshape(len(x), -1).std(1))), **fine_power(x)}

    def too_few(self, spec: Spec) -> str:
        return f"{self.describe(spec)}: expect spectra that are off by more than a tenth"


def as_typed(found: NDArray[np.float32], spec: Spec) -> NDArray[Any]:
    """Values in the type that the data have: whole numbers are rounded, within its limits."""
    if not np.issubdtype(np.dtype(spec.dtype), np.integer):
        return found
    limits = np.iinfo(spec.dtype)
    whole: NDArray[Any] = found.round().clip(limits.min, limits.max).astype(spec.dtype)
    return whole
