"""From the units of a series to the numbers that a network sees, and back.

Each channel has the mean and the deviation of the training part, kept in `Spec.extra`: a network
sees (x - mean) / deviation. What else `extra` may hold, all JSON:

names: of the channels. step: in words, "1 hour". time: the column of the source that told it.
at: the column that says in which step a window begins, where windows come from long series; and
lasts: from how many steps on another shares none with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.schema import Check, fields, listing, maybe, number, whole, words

if TYPE_CHECKING:
    from torch import Tensor

LEARNED = ("mean", "deviation")


def check(extra: Mapping[str, Any], channels: int) -> None:
    """Raises Unreadable where `Spec.extra` is not that of series of so many channels."""
    known: dict[str, Check] = {
        "mean": listing(number(), channels, channels),
        "deviation": listing(number(1e-300), channels, channels),
        "names": listing(words, channels, channels),
        "decimals": listing(maybe(whole(0, 30)), channels, channels),
        "step": words,
        "time": words,
        "at": words,
        "lasts": whole(1, 1 << 62),
    }
    learned = any(name in extra for name in LEARNED)
    needed = {name: known[name] for name in LEARNED} if learned else {}
    fields(needed, known)(extra, "spec.extra")


def fit(x: NDArray[Any]) -> dict[str, Any]:
    """Mean and deviation of each channel of series (N, C, T), the training part.

    Example::

        import numpy as np

        from ganzfeld.modalities.series.scaling import fit

        x = np.random.default_rng(0).normal(5.0, 2.0, (200, 1, 48))
        assert abs(fit(x)["mean"][0] - 5.0) < 0.1
    """
    flat = np.asarray(x, np.float64).swapaxes(0, 1).reshape(x.shape[1], -1)
    spread = flat.std(1)
    level = np.abs(flat).max(1, initial=0.0)
    constant = spread <= 1e-9 * level  # what rounding leaves of a channel that never changes
    deviation = np.where(constant | (spread <= 0), 1.0, spread)
    return {"mean": flat.mean(1).tolist(), "deviation": deviation.tolist()}


def to_network(x: Tensor, extra: Mapping[str, Any]) -> Tensor:
    """Series (N, C, T) in their units as a network sees them, float32."""
    x = x.float()
    if "mean" not in extra:
        return x
    return (x - rows(extra["mean"], x)) / rows(extra["deviation"], x)


def stored(x: NDArray[Any], extra: Mapping[str, Any]) -> NDArray[np.float32]:
    """A network's series (N, C, T) in their units, float32: the inverse, with as many decimals."""
    found = np.asarray(x, np.float32)
    if "mean" not in extra:
        return found
    scale, offset = (np.asarray(extra[k], np.float64)[:, None] for k in ("deviation", "mean"))
    with np.errstate(over="ignore"):
        found = np.asarray(found * scale + offset, np.float32)
    for channel, digits in enumerate(extra.get("decimals", ())):
        if digits is not None:
            known = np.round(found[:, channel].astype(np.float64), digits)
            found[:, channel] = known + 0.0  # without -0
    return found


def rows(values: Any, like: Tensor) -> Tensor:
    """One number a channel, (1, C, 1), beside series (N, C, T)."""
    return like.new_tensor([float(value) for value in values]).view(1, -1, 1)
