"""From physical units to the numbers that a network sees, and back.

How is found on the training part of the data and kept in `Spec.extra`, all JSON, so that a model
gives samples in the unit of its data:

scaling: "standard": (x - offset) / scale; "log": log(1 + x / unit) / scale, for values that are
    not negative and span decades; "none": as they are.
offset, scale, unit: one number a channel. least: of "log": what lies below half of the smallest
    value seen is zero. whole: whether all values are whole numbers of units.
expected: of "log": [a, b, ...]: log(sum / mean unit) is a + b c + ... in the mean, c conditions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.schema import Check, fields, flag, listing, number, one_of, words

if TYPE_CHECKING:
    from torch import Tensor

SPREAD = 2.0  # deviations that become one: networks see data of deviation 1/2
SPARSE, DECADES = 0.3, 2.0  # zeros, or decades from the median to the greatest, that call for "log"
LOW = 0.05  # of the values above zero: its quantile is the unit of a logarithm
WHOLE = 1e-3  # of a unit: how far a whole number of them may be from one
FLOAT = 3e-7  # of a number: what float32 rounds off
MOST = 60.0  # of what a network makes times scale: beyond, float32 overflows after expm1

Floats = NDArray[np.float64]


def check(extra: Mapping[str, Any], channels: int) -> None:
    """Raises Unreadable where `Spec.extra` holds no scaling of so many channels."""
    each = listing(number(), channels, channels)
    positive = listing(number(1e-300), channels, channels)
    known: dict[str, Check] = {
        "scaling": one_of("auto", "standard", "log", "none"),
        "offset": each,
        "scale": positive,
        "unit": positive,
        "least": each,
        "whole": flag,
        "expected": listing(number(), 1, 4_097),
        "unit_name": words,
        "periodic": flag,
        "axes": listing(words, most=4),
    }
    learned: dict[str, tuple[str, ...]] = {
        "standard": ("offset", "scale"),
        "log": ("scale", "unit", "least"),
    }
    names = learned.get(str(extra.get("scaling")), ())
    if not any(name in extra for name in ("offset", "scale", "unit", "least")):
        names = ()  # nothing was learned yet
    fields({name: known[name] for name in names}, known)(extra, "spec.extra")


def choose(x: NDArray[Any]) -> str:
    """ "log" for values that are never negative and sparse or spread over decades."""
    if not x.size or x.min() < 0 or x.max() <= 0:
        return "standard"
    above = x[x > 0]
    decades = math.log10(float(above.max()) / max(float(np.median(above)), 1e-300))
    return "log" if len(above) < (1 - SPARSE) * x.size or decades > DECADES else "standard"


def fit(x: NDArray[Any], c: NDArray[Any] | None = None, scaling: str = "auto") -> dict[str, Any]:
    """What `Spec.extra` holds of the scaling of samples (N, C, ...), the training part.

    c: conditions (N, k), as networks see them. scaling: a name from above, or "auto".

    Example::

        import numpy as np

        from ganzfeld.modalities.field.scaling import fit

        x = np.random.default_rng(0).normal(5.0, 2.0, (100, 1, 8, 8))
        assert abs(fit(x)["offset"][0] - 5.0) < 0.1
    """
    name = choose(x) if scaling == "auto" else scaling
    flat = np.asarray(x, np.float64).swapaxes(0, 1).reshape(x.shape[1], -1)
    if name == "none":
        return {"scaling": "none"}
    if name == "standard":
        spread = flat.std(1)
        scale = SPREAD * np.where(spread > 0, spread, 1.0)
        return {"scaling": name, "offset": flat.mean(1).tolist(), "scale": scale.tolist()}
    if name != "log":
        raise ValueError(f"no scaling is called {name!r}: auto, standard, log, none")
    if flat.min() < 0:
        raise ValueError(f"values down to {flat.min():g} have no logarithm: use standard")
    above = [row[row > 0] for row in flat]
    every = np.concatenate(above)
    one = float(np.quantile(every, LOW)) if len(every) else 1.0
    unit = np.array([np.quantile(row, LOW) if len(row) else one for row in above])
    unit = np.array([rounded(float(u)) for u in unit])
    parts = [row / u if len(row) else np.ones(1) for row, u in zip(above, unit, strict=True)]
    scale = SPREAD * np.array([math.sqrt(float((np.log1p(p) ** 2).mean())) for p in parts])
    least = np.array([row.min() if len(row) else one for row in above])
    whole = all(bool((np.abs(p - np.rint(p)) < WHOLE + FLOAT * p).all()) for p in parts)
    sums = np.asarray(x, np.float64).reshape(len(x), -1).sum(1)
    full = sums > 0  # what holds nothing at all has no logarithm
    return {
        "scaling": name,
        "unit": unit.tolist(),
        "scale": scale.tolist(),
        "least": least.tolist(),
        "whole": whole and len(every) > 0,
        "expected": line(np.log(sums[full] / unit.mean()), None if c is None else c[full]),
    }


def rounded(unit: float) -> float:
    """0.05 for what float32 made of it, so that whole numbers of units come back to the bit."""
    near = float(f"{unit:.6g}")
    return near if abs(near - unit) < 1e-6 * unit else unit


def line(values: Floats, c: NDArray[Any] | None) -> list[float]:
    """[a, b, ...] of the least squares fit a + b c + ... to values (N,)."""
    columns = [np.ones(len(values))]
    if c is not None:
        columns += list(np.asarray(c, np.float64).T)
    found, *_ = np.linalg.lstsq(np.stack(columns, 1), values, rcond=None)
    return [float(value) for value in found]


def to_network(x: Tensor, extra: Mapping[str, Any]) -> Tensor:
    """Samples (N, C, ...) in physical units as a network sees them, float32."""
    x = x.float()
    if extra.get("scaling", "none") == "none":
        return x
    scale = rows(extra["scale"], x)
    if extra["scaling"] == "log":
        return (x / rows(extra["unit"], x)).clamp(min=0).log1p() / scale
    return (x - rows(extra["offset"], x)) / scale


def to_store(x: Tensor, extra: Mapping[str, Any]) -> NDArray[np.float32]:
    """A network's samples (N, C, ...) in physical units, float32 on the CPU: the inverse."""
    x = x.detach().float().cpu()
    if extra.get("scaling", "none") == "none":
        return numbers(x)
    scale = rows(extra["scale"], x)
    if extra["scaling"] == "standard":
        return numbers(x * scale + rows(extra["offset"], x))
    unit, least = rows(extra["unit"], x.double()), rows(extra["least"], x)
    units = (x * scale).clamp(max=MOST).expm1().double()
    found = (units.round() if extra.get("whole") else units) * unit
    return numbers((found * (found >= least / 2)).float())


def stored(x: NDArray[Any], extra: Mapping[str, Any]) -> NDArray[np.float32]:
    """`to_store` of samples that are an array, without torch: the same to about 1e-6."""
    x = np.asarray(x, np.float32)
    if extra.get("scaling", "none") == "none":
        return x

    def each(values: Any, kind: Any = np.float32) -> NDArray[Any]:
        return np.asarray(values, kind).reshape(1, -1, *[1] * (x.ndim - 2))

    if extra["scaling"] == "standard":
        return np.asarray(x * each(extra["scale"]) + each(extra["offset"]), np.float32)
    units = np.expm1(np.minimum(x * each(extra["scale"]), np.float32(MOST))).astype(np.float64)
    found = (np.rint(units) if extra.get("whole") else units) * each(extra["unit"], np.float64)
    return np.asarray(found * (found >= each(extra["least"]) / 2), np.float32)


def numbers(x: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = x.numpy()
    return found


def rows(values: Any, like: Tensor) -> Tensor:
    """One number a channel, (1, C, 1, ...), beside samples (N, C, ...)."""
    return like.new_tensor([float(value) for value in values]).view(1, -1, *[1] * (like.dim() - 2))
