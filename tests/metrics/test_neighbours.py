"""Nearest rows by short rows are those by all distances."""

from __future__ import annotations

import numpy as np
import pytest

from ganzfeld.metrics import neighbours
from ganzfeld.metrics.distances import Array, nearest
from ganzfeld.metrics.neighbours import Neighbours


def rows(count: int, seed: int, decay: float = 1.0) -> Array:
    """(count, 300), the later numbers of each row smaller; decay 0: none is."""
    scales = np.arange(1, 301) ** -decay
    return np.random.default_rng(seed).standard_normal((count, 300)) * scales


@pytest.mark.parametrize("decay", [1.0, 0.0], ids=["short-rows-prove-it", "they-prove-nothing"])
@pytest.mark.parametrize("k", [1, 9])
def test_the_same_rows_as_by_all_distances(decay: float, k: int) -> None:
    data, samples = rows(5_000, 0, decay), rows(40, 1, decay)
    expected, exact = nearest(samples, data, k)
    found, distances = Neighbours(data).find(samples, k)
    assert (found == expected).all()
    np.testing.assert_allclose(distances, exact, rtol=1e-9)


def test_most_rows_are_proven_without_all_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    data, samples = rows(5_000, 0), rows(200, 1)
    asked: list[int] = []

    def counted(a: Array, b: Array, k: int) -> object:
        asked.append(len(a))
        return nearest(a, b, k)

    monkeypatch.setattr(neighbours, "nearest", counted)
    Neighbours(data).find(samples)
    assert sum(asked) < 100


def test_a_copy_is_at_no_distance_and_the_first_of_equal_ones_is_found() -> None:
    data = rows(5_000, 0)
    data[[7, 70, 700]] = data[7]
    found, distances = Neighbours(data).find(data[[700]], 4)
    assert found[0, :3].tolist() == [7, 70, 700]
    assert distances[0, :3].tolist() == [0, 0, 0] and distances[0, 3] > 0


def test_rows_that_are_all_alike() -> None:
    found, distances = Neighbours(np.ones((5_000, 300))).find(np.ones((2, 300)), 2)
    assert found.shape == (2, 2) and (distances == 0).all()
