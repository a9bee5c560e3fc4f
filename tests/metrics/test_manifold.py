"""Which is precision and which is recall; loops written out; copies and collapse."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzfeld.metrics import density_coverage, distances, diversity, manifolds, precision_recall
from ganzfeld.metrics.distances import nearest, nearest_others, squared_distances
from ganzfeld.metrics.precision_recall import without_each

Array = NDArray[np.float64]


def between(a: Array, b: Array) -> Array:
    return np.array([[np.linalg.norm(x - y) for y in b] for x in a])


def radii_by_hand(a: Array, k: int) -> list[float]:
    lengths = between(a, a)
    return [sorted(np.delete(lengths[i], i))[k - 1] for i in range(len(a))]


@pytest.mark.parametrize("rows", [7, 1024])
def test_all_four_by_hand(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "ROWS", rows)
    draw = np.random.default_rng(0)
    fake, real = draw.standard_normal((40, 3)) * 0.8 + 0.3, draw.standard_normal((50, 3))
    for k in (1, 3, 5):
        around_real, around_fake = radii_by_hand(real, k), radii_by_hand(fake, k)
        d = between(fake, real)
        precision = np.mean([any(d[i, j] <= around_real[j] for j in range(50)) for i in range(40)])
        recall = np.mean([any(d[i, j] <= around_fake[i] for i in range(40)) for j in range(50)])
        inside = sum(d[i, j] <= around_real[j] for i in range(40) for j in range(50))
        coverage = np.mean([any(d[i, j] <= around_real[j] for i in range(40)) for j in range(50)])
        assert precision_recall(fake, real, k=k) == pytest.approx((precision, recall))
        assert density_coverage(fake, real, k=k) == pytest.approx((inside / (k * 40), coverage))
    found = manifolds(fake, real)
    assert found.precision.value == precision_recall(fake, real).precision
    assert found.recall.value == precision_recall(fake, real).recall
    assert found.density.value == pytest.approx(density_coverage(fake, real).density)
    assert found.coverage.value == density_coverage(fake, real).coverage
    for measured in found[:4]:
        low, high = measured.interval
        assert 0 <= low < measured.value < high


def test_ties_are_as_published() -> None:
    """On the edge of a ball: inside for precision and recall, outside for density and coverage."""
    draw = np.random.default_rng(0)
    real = draw.standard_normal((400, 8))
    assert density_coverage(real, real) == (1, 1), "each ball holds its centre and 4 others"
    assert precision_recall(real, real) == (1, 1)
    repeated = real[:50].repeat(8, 0)
    density, coverage = density_coverage(real, repeated)
    assert (density, coverage) == (0, 0), "balls of no size hold nothing"
    found = manifolds(draw.standard_normal((400, 8)), repeated)
    assert found.repeated == 1 and found.precision.value == 0
    line = np.arange(20.0)[:, None]
    assert precision_recall(line + 0.0, line, k=1) == (1, 1)
    assert precision_recall(line[:4] + 20, line, k=1).precision == 0.25, "19 + 1 is on the edge"
    assert manifolds(line[:6] + 21, line).precision.value == 2 / 6
    assert density_coverage(line[:4] + 20, line, k=1).density == 0


def test_intervals_hold_the_mean() -> None:
    """Over 80 draws of the same two distributions, of unequal counts."""
    draw = np.random.default_rng(0)
    found = [
        manifolds(draw.standard_normal((80, 5)) * 0.8, draw.standard_normal((120, 5)))
        for _ in range(80)
    ]
    for name in ("precision", "recall", "density", "coverage"):
        values = np.array([getattr(f, name).value for f in found])
        ends = np.array([getattr(f, name).interval for f in found])
        held = ((ends[:, 0] <= values.mean()) & (values.mean() <= ends[:, 1])).mean()
        assert held >= 0.87, name
        assert (ends[:, 1] - ends[:, 0]).mean() < 8 * values.std(), f"{name}: not idle"


def test_density_without_each_of_the_data() -> None:
    """What the jackknife says each of the data changes, against leaving it out."""
    draw = np.random.default_rng(3)
    fake, real, k = draw.standard_normal((60, 2)), draw.standard_normal((40, 2)) ** 3, 5
    neighbours, lengths = nearest_others(real, k + 1)
    d = between(fake, real)
    held, more = (d < lengths[:, k - 1]).sum(0), (d < lengths[:, k]).sum(0)
    lost = without_each(neighbours[:, :k], held.astype(float), more.astype(float))
    for j in range(40):
        density = density_coverage(fake, np.delete(real, j, 0)).density
        assert (held.sum() - lost[j]) / (k * 60) == pytest.approx(density)


def test_density_interval_holds_where_some_data_are_near_to_many() -> None:
    """In many dimensions few of the data are neighbours of many: 0.86 held before."""
    draw = np.random.default_rng(1)

    def some(n: int) -> Array:
        size = draw.integers(1, 4, (n, 1))
        found: Array = draw.standard_normal((n, 24)) * size
        return found

    found = [manifolds(some(100), some(100)).density for _ in range(250)]
    values = np.array([f.value for f in found])
    ends = np.array([f.interval for f in found])
    held = ((ends[:, 0] <= values.mean()) & (values.mean() <= ends[:, 1])).mean()
    assert 0.93 <= held <= 0.99
    assert (ends[:, 1] - ends[:, 0]).mean() < 6 * values.std(), "not idle"


def test_as_few_data_as_there_may_be_have_an_interval() -> None:
    draw = np.random.default_rng(0)
    found = manifolds(draw.standard_normal((6, 2)), draw.standard_normal((6, 2)))
    assert all(low <= value <= high for value, (low, high) in found[:4])


def test_collapse_keeps_precision_and_loses_recall() -> None:
    """The convention (torch-fidelity had them swapped): few good modes are precise."""
    draw = np.random.default_rng(0)
    real = draw.standard_normal((1000, 8))
    collapsed = real[draw.integers(0, 5, 1000)] + 0.05 * draw.standard_normal((1000, 8))
    precision, recall = precision_recall(collapsed, real)
    assert precision > 0.8 and recall < 0.3
    density, coverage = density_coverage(collapsed, real)
    assert density > 0.8 and coverage < 0.3
    scattered = draw.standard_normal((1000, 8)) * 4
    precision, recall = precision_recall(scattered, real)
    assert precision < 0.3 and recall > 0.8
    assert density_coverage(scattered, real).density < 0.1


def test_equal_distributions() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((1500, 6)), draw.standard_normal((1500, 6))
    assert precision_recall(a, a) == (1, 1)
    density, coverage = density_coverage(a, b)
    assert density == pytest.approx(1, abs=0.1)
    assert coverage == pytest.approx(1 - 2**-5, abs=0.02)  # Naeem et al. 2020, eq. 9


def test_order_does_not_matter() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((300, 6)), draw.standard_normal((200, 6)) + 0.4
    again = draw.permutation(a), draw.permutation(b)
    assert precision_recall(a, b) == precision_recall(*again)
    assert density_coverage(a, b) == density_coverage(*again)
    assert precision_recall(a, b) == precision_recall(b, a)[::-1]


def test_copies_have_distance_zero_far_from_the_origin() -> None:
    a = np.random.default_rng(0).standard_normal((300, 700)) + 1000
    squares = np.concatenate([block for _, block in squared_distances(a, a)])
    assert not squares.diagonal().any()
    indices, found = nearest(a[::-1], a)
    assert not found.any() and (indices[:, 0] == np.arange(300)[::-1]).all()


def test_neighbours_by_hand() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((30, 4)), draw.standard_normal((25, 4))
    d = between(a, b)
    indices, found = nearest(a, b, 3)
    assert (indices == np.argsort(d, 1)[:, :3]).all()
    assert np.allclose(found, np.sort(d, 1)[:, :3], atol=1e-12)
    own = between(a, a) + np.diag(np.full(30, np.inf))
    assert (nearest_others(a, 2)[0] == np.argsort(own, 1)[:, :2]).all()
    with pytest.raises(ValueError, match="neighbours"):
        nearest_others(a[:3], 3)


def test_diversity_by_hand() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((20, 4)), draw.standard_normal((30, 4))

    def mean(x: Array) -> float:
        return float(between(x, x).sum() / (len(x) * (len(x) - 1)))

    assert diversity(a, b) == pytest.approx(mean(a) / mean(b))
    assert diversity(a[:1].repeat(5, 0), b) == 0


def test_no_sample_among_the_data_is_no_certainty() -> None:
    """Zero of 60: a density of up to the share that may lie in one ball, and not 0 exactly."""
    draw = np.random.default_rng(7)
    found = manifolds(draw.standard_normal((60, 3)) + 99, draw.standard_normal((60, 3)))
    assert found.precision.value == found.density.value == 0
    low, high = found.density.interval
    assert low == 0 and high == pytest.approx(found.precision.interval[1] / 5)
