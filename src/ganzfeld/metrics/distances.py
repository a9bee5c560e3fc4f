"""Distances between all rows of two arrays, block by block to save memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.products import product

Array = NDArray[np.float64]

ROWS = 1024  # of one block: 10,000 columns of float64 are 80 MB
ROUNDING = 1e-13  # of squared lengths: what a distance of zero comes out as


def as_features(features: NDArray[Any], name: str = "features", least: int = 2) -> Array:
    """Features as float64 (N, D). Raises ValueError for other shapes, few rows, or NaN."""
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2 or len(array) < least or not array.shape[1]:
        raise ValueError(f"{name} must be (N, D) with N >= {least}, not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} hold values that are not finite")
    return array


def as_pair(a: NDArray[Any], b: NDArray[Any], least: int = 2) -> tuple[Array, Array]:
    """Two sets of features of one width, as float64."""
    a, b = as_features(a, "a", least), as_features(b, "b", least)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"a has {a.shape[1]} features and b has {b.shape[1]}")
    return a, b


def squared_distances(a: NDArray[Any], b: NDArray[Any]) -> Iterator[tuple[slice, Array]]:
    """Squared Euclidean distances of some rows of `a` to all of `b`: (rows, (n, len(b))).

    Those that rounding cannot tell from zero are zero, so that copies are found as copies.
    """
    centre = np.asarray(b, np.float64).mean(0)  # small numbers lose less in the difference below
    a, b = a - centre, b - centre
    lengths = np.einsum("ij,ij->i", b, b)
    for low in range(0, len(a), ROWS):
        rows = slice(low, min(low + ROWS, len(a)))
        own = np.einsum("ij,ij->i", a[rows], a[rows])
        scale = own[:, None] + lengths
        block = product(a[rows], b.T)
        block *= -2
        block += scale
        scale *= ROUNDING
        block[block < scale] = 0.0
        yield rows, block


def squares(a: NDArray[Any], b: NDArray[Any]) -> Array:
    """The same of all rows of `a` at once, (len(a), len(b))."""
    blocks = [block for _, block in squared_distances(a, b)]
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def nearest(a: Array, b: Array, k: int = 1) -> tuple[NDArray[np.int64], Array]:
    """Index and distance, (len(a), k), of the k rows of `b` nearest to each row of `a`."""
    indices = np.empty((len(a), k), dtype=np.int64)
    found = np.empty((len(a), k))
    for rows, block in squared_distances(a, b):
        near = np.argpartition(block, min(k, block.shape[1] - 1), axis=1)[:, :k]
        values = np.take_along_axis(block, near, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(near, order, axis=1)
        found[rows] = np.sqrt(np.take_along_axis(values, order, axis=1))
    return indices, found


def nearest_others(a: Array, k: int = 1) -> tuple[NDArray[np.int64], Array]:
    """Index and distance, (N, k), of the k rows nearest to each row, itself left out."""
    if k >= len(a):
        raise ValueError(f"{len(a)} samples have no {k} neighbours each")
    indices = np.empty((len(a), k), dtype=np.int64)
    found = np.empty((len(a), k))
    for rows, block in squared_distances(a, a):
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = np.inf
        near = np.argpartition(block, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(block, near, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(near, order, axis=1)
        found[rows] = np.sqrt(np.take_along_axis(values, order, axis=1))
    return indices, found
