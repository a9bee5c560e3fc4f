"""Arrays as files and as JSON."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.files import replace


def as_lists(value: Any) -> Any:
    """Nested lists that JSON can hold: it knows neither NaN nor infinity."""
    if isinstance(value, list):
        return [as_lists(one) for one in value]
    return value if not isinstance(value, float) or math.isfinite(value) else None


def write_array(array: NDArray[Any], path: Path) -> None:
    """Write a .npy file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, array_bytes(array))


def array_bytes(array: NDArray[Any]) -> bytes:
    """An array as the content of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
