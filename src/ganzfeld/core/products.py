"""Products of matrices of numbers, on as many threads as the run has."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)


def product(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """a @ b of one type, by PyTorch, which keeps to the run's threads.

    NumPy's takes all cores there are, which costs four times as much where other work is going
    on. The two differ by rounding.
    """
    found: NDArray[Any] = (tensor(a) @ tensor(b)).numpy()
    return found


def tensor(a: NDArray[Any]) -> torch.Tensor:
    """The same memory, or a copy of rows that PyTorch does not take: read-only, or backwards."""
    fits = a.flags.writeable and all(stride >= 0 for stride in a.strides)
    return torch.from_numpy(a if fits else a.copy())
