"""What makes one sample odd among the others of its set: dark, blurred, constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import capped
from ganzfeld.text import shown

Floats = NDArray[np.floating[Any]]
TAIL = 1.2816  # deviations from a normal distribution's median to its tenth


@dataclass(frozen=True)
class Odd:
    """When one number of a sample is odd. Both conditions must hold.

    trait: a name in what `Modality.traits` gives. called: what such samples are, "Dark".
    high: numbers far above the others are odd; else those far below.
    away: so many deviations from the median of the set, those of that side.
    beyond: no number on this side of it is odd; in the trait's units, or in medians of the set
        where `relative`.
    """

    trait: str
    called: str
    beyond: float
    high: bool = False
    away: float = 4.0
    relative: bool = False


def oddness(values: Floats, odd: Odd) -> NDArray[np.float64]:
    """How many deviations each value (N,) lies on the odd side; 0 for those that are not odd.

    The deviation is that of the side's tenth from the median, so a tenth of odd values or fewer
    hardly moves it.

    Example::

        import numpy as np
        from ganzfeld.modalities.odd import Odd, oddness

        levels = np.append(np.linspace(0.4, 0.6, 99), 0.01)
        assert np.flatnonzero(oddness(levels, Odd("level", "Dark", beyond=0.2))).tolist() == [99]
    """
    own = np.nan_to_num(np.asarray(values, np.float64))
    sign = 1.0 if odd.high else -1.0
    middle = float(np.median(own))
    spread = sign * (float(np.quantile(own, 0.5 + sign * 0.4)) - middle) / TAIL
    far = sign * (own - middle) / max(spread, 1e-12)
    bound = odd.beyond * (middle if odd.relative else 1.0)
    found = (far > odd.away) & (sign * (own - bound) > 0)
    return np.where(found, np.minimum(far, 1e6), 0.0)


def of_columns(names: Sequence[str], values: Floats, what: str) -> list[str]:
    """Which columns of numbers (N, C) hold one value throughout, and what share each one lacks.

    names: of the columns. what: they are, "columns" or "channels".

    Example::

        import numpy as np
        from ganzfeld.modalities.odd import of_columns

        values = np.array([[1.0, 2.0], [np.nan, 2.0]])
        assert of_columns(["a", "b"], values, "columns") == [
            "Constant columns: b",
            "Missing: a 50 %",
        ]
    """
    known = ~np.isnan(values)
    low = np.where(known, values, np.inf).min(0)
    high = np.where(known, values, -np.inf).max(0)
    still = [shown(name) for name, a, b in zip(names, low, high, strict=True) if a >= b]
    gone = 1 - known.mean(0)
    order = [int(i) for i in np.argsort(-gone, kind="stable") if gone[i] > 0]
    missing = [f"{shown(names[i])} {100 * gone[i]:.2g} %" for i in order]
    told = [f"Constant {what}: {', '.join(capped(still, 8))}"] if still else []
    return told + ([f"Missing: {', '.join(capped(missing, 8))}"] if missing else [])
