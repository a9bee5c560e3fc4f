"""Batches: the next one beside the rows that it is made of, the first samples, finite ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

SEVERAL = 8  # rows that differ, from which on a batch is known by them


def several(rows: NDArray[Any]) -> bool:
    """Whether at least SEVERAL of the rows differ."""
    known: set[bytes] = set()
    for row in rows:
        known.add(row.tobytes())  # many times as fast as bytes(row)
        if len(known) >= SEVERAL:
            return True
    return False


def differ(stored: Any, given: Tensor) -> float | None:
    """The share of a batch's conditions that are not the stored ones; None where they cannot be
    compared."""
    own, there = torch.as_tensor(stored).double().cpu(), given.double().cpu()
    if own.shape != there.shape:
        return None
    other = ~torch.isclose(own, there, 1e-3, 1e-6)
    return float(other.reshape(len(own), -1).any(1).float().mean())


def first_of(given: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """The conditions of the first samples."""
    return {name: value[:count] for name, value in given.items()}


def finite(x: Tensor) -> bool:
    """Whether all numbers of all samples are finite, as float32, which the doctor compares in."""
    return bool(x.float().isfinite().all())
