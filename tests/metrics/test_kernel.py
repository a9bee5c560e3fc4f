"""Kernel distances against sums written out, and the interval against what it promises."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzfeld.metrics import distances, kernel, kernel_distance, mmd, scaled_mmd
from ganzfeld.metrics.kernel import Estimate, dealt, median_distance, two_sample

Array = NDArray[np.float64]
Measure = Callable[[Array, Array], Estimate]


def by_hand(a: Array, b: Array, k: object) -> float:
    assert callable(k)
    n, m = len(a), len(b)
    within_a = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_b = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return float(within_a + within_b - 2 * sum(k(x, y) for x in a for y in b) / (n * m))


def cubic(x: Array, y: Array) -> float:
    return float((x @ y / len(x) + 1) ** 3)


def pair(n: int, m: int, d: int, seed: int = 0) -> tuple[Array, Array]:
    draw = np.random.default_rng(seed)
    return draw.standard_normal((n, d)), draw.standard_normal((m, d)) * 1.3 + 0.2


def test_cubic_kernel_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = pair(23, 31, 7)
    truth = by_hand(a, b, cubic)
    assert kernel_distance(a, b).value == pytest.approx(truth, abs=1e-12)
    monkeypatch.setattr("ganzfeld.metrics.kernel.ROWS", 5)
    assert kernel_distance(a, b).value == pytest.approx(truth, abs=1e-12)
    parts = zip(dealt(a, 2, "a"), dealt(b, 2, "b"), strict=True)
    halves = [by_hand(x, y, cubic) for x, y in parts]
    assert kernel_distance(a, b, block=16).value == pytest.approx(np.mean(halves), abs=1e-12)


def test_gaussian_kernel_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = pair(20, 14, 5)
    pooled = np.concatenate([a, b])
    lengths = [
        float(np.linalg.norm(pooled[i] - pooled[j])) for i in range(34) for j in range(i + 1, 34)
    ]
    width = float(np.median(lengths))
    assert median_distance(a, b) == pytest.approx(width, abs=1e-12)
    truth = by_hand(a, b, lambda x, y: np.exp(-((x - y) ** 2).sum() / (2 * width**2)))
    assert mmd(a, b).value == pytest.approx(truth, abs=1e-12)
    truth = by_hand(a, b, lambda x, y: np.exp(-((x - y) ** 2).sum() / 8))
    monkeypatch.setattr(distances, "ROWS", 6)
    assert mmd(a, b, bandwidth=2.0).value == pytest.approx(truth, abs=1e-12)


def test_order_does_not_matter() -> None:
    a, b = pair(200, 150, 9)
    draw = np.random.default_rng(1)
    found, again = kernel_distance(a, b), kernel_distance(draw.permutation(a), draw.permutation(b))
    assert again.value == pytest.approx(found.value, abs=1e-12)
    assert again.interval == pytest.approx(found.interval, rel=0.2), "other permutations"
    assert kernel_distance(b, a).value == pytest.approx(found.value, abs=1e-12)


def test_jackknife_is_that_of_leaving_each_sample_out() -> None:
    a, b = pair(12, 15, 4)
    without_a = [by_hand(np.delete(a, i, 0), b, cubic) for i in range(12)]
    without_b = [by_hand(a, np.delete(b, i, 0), cubic) for i in range(15)]
    variance = 11 * np.var(without_a) + 14 * np.var(without_b)
    found = two_sample(a, b, kernel.cubic, 0)
    assert found.variance == pytest.approx(variance, abs=1e-12)


def test_permutations_are_the_same_estimate_of_samples_dealt_anew() -> None:
    a, b = pair(12, 15, 4)
    found, sides = two_sample(a, b, kernel.cubic, 5), kernel.dealings(12, 15, 5, 0)
    pooled = np.concatenate([a, b])
    assert len({side.tobytes() for side in sides.T}) == 6
    for column, value in enumerate([found.value, *found.null]):
        first = sides[:, column] == 1
        assert first.sum() == 12
        assert value == pytest.approx(by_hand(pooled[first], pooled[~first], cubic), abs=1e-12)


def skewed(draw: np.random.Generator, count: int) -> Array:
    """Features as real ones are: most of the variance in a few directions, heavy tails."""
    x: Array = draw.standard_normal((count, 30)) * np.geomspace(1, 0.01, 30)
    x[:, :3] = np.exp(x[:, :3])
    return x


@pytest.mark.parametrize("measure", [kernel_distance, mmd, scaled_mmd])
def test_an_interval_holds_0_for_equal_distributions(measure: Measure) -> None:
    """93 to 99 of 100, as 200 trials tell; a normal interval holds 80 to 86, all misses below 0."""
    draw = np.random.default_rng(0)
    found = [measure(skewed(draw, 60), skewed(draw, 60)) for _ in range(200)]
    assert 0.92 <= np.mean([f.interval[0] <= 0 <= f.interval[1] for f in found]) <= 0.995
    assert min(f.interval[1] for f in found) >= 0, "no squared distance is below 0"
    assert all(f.interval[0] <= f.value <= f.interval[1] for f in found)
    assert np.mean([f.p <= 0.05 for f in found]) < 0.1
    far = measure(skewed(draw, 60) + 1, skewed(draw, 60))
    assert far.p == 1 / 250 and far.interval[0] > 0


def test_scaled_features_show_what_few_large_ones_hide() -> None:
    draw = np.random.default_rng(0)
    scales = np.r_[100.0, np.full(20, 0.01)]
    a, b = (draw.standard_normal((200, 21)) * scales for _ in range(2))
    a[:, 1:] *= 2
    assert scaled_mmd(a, b).p < 0.01 < min(kernel_distance(a, b).p, mmd(a, b).p)
    still = np.concatenate([b, np.ones((200, 1))], 1)
    assert np.isfinite(scaled_mmd(still, still[::-1]).value), "a feature that never changes"


@pytest.mark.long
def test_it_is_unbiased_and_its_interval_holds_the_truth() -> None:
    """For x.y kernels of independent N(m, 1): the distance is known by its expansion."""
    d, shift = 4, 0.4
    truth = exact_cubic(d, shift)
    draw = np.random.default_rng(0)
    found = [
        kernel_distance(draw.standard_normal((120, d)), draw.standard_normal((120, d)) + shift)
        for _ in range(300)
    ]
    values = np.array([f.value for f in found])
    assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(300)
    hits = np.mean([f.interval[0] <= truth <= f.interval[1] for f in found])
    assert 0.9 <= hits <= 0.99


def exact_cubic(d: int, shift: float) -> float:
    """Exact MMD^2 of N(0, I) and N(shift, I): E s^p for s = x.y, from the moments of x."""
    zero, moved = np.zeros(d), np.full(d, shift)

    def expected(m: Array, q: Array) -> float:
        first = float(m @ q)
        second = first**2 + float(m @ m) + float(q @ q) + d
        # E (x.y)^3 with x.y = m.q + m.v + q.u + u.v for independent standard u and v
        third = first**3 + 3 * first * (float(m @ m) + float(q @ q) + d) + 6 * first
        return third / d**3 + 3 * second / d**2 + 3 * first / d + 1

    return expected(zero, zero) + expected(moved, moved) - 2 * expected(zero, moved)


def test_equal_distributions_may_be_below_zero_and_hold_zero() -> None:
    draw = np.random.default_rng(0)
    found = [
        kernel_distance(draw.standard_normal((100, 8)), draw.standard_normal((100, 8)))
        for _ in range(100)
    ]
    assert min(f.value for f in found) < 0 < max(f.value for f in found)
    assert np.mean([f.interval[0] <= 0 <= f.interval[1] for f in found]) > 0.9


def test_blocks_are_disjoint_and_sorted_sets_do_no_harm() -> None:
    draw = np.random.default_rng(0)
    a, b = (np.sort(draw.standard_normal((1200, 1)), 0) * np.ones(6) for _ in range(2))
    parts = dealt(a, 5, "a")
    assert sorted(np.concatenate(parts)[:, 0]) == sorted(a[:, 0])
    whole, blocks = kernel_distance(a, b), kernel_distance(a, b, block=200)
    assert blocks.interval[0] < whole.value < blocks.interval[1]
    assert abs(whole.value - blocks.value) < 0.1
