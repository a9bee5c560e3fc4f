"""The Frechet distance against closed forms, and where other tools return NaN."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzfeld.metrics import frechet_distance, frechet_estimate, frechet_infinite
from ganzfeld.metrics.frechet import frechet_of_gaussians, root

Array = NDArray[np.float64]


def rotation(size: int, seed: int) -> Array:
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))
    return q


def samples_with(mean: Array, covariance: Array, count: int, seed: int) -> Array:
    """Samples whose own mean and covariance are these, to rounding."""
    x = np.random.default_rng(seed).standard_normal((count, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return x @ np.linalg.cholesky(covariance).T + mean


def test_gaussians_with_common_axes() -> None:
    q = rotation(24, 0)
    draw = np.random.default_rng(1)
    d1, d2 = draw.uniform(0.01, 9, 24), draw.uniform(0.01, 9, 24)
    m1, m2 = draw.standard_normal(24), draw.standard_normal(24)
    s1, s2 = q @ np.diag(d1) @ q.T, q @ np.diag(d2) @ q.T
    truth = ((m1 - m2) ** 2).sum() + ((np.sqrt(d1) - np.sqrt(d2)) ** 2).sum()
    assert abs(frechet_of_gaussians(m1, s1, m2, s2) - truth) < 1e-8
    a, b = samples_with(m1, s1, 300, 2), samples_with(m2, s2, 200, 3)
    assert abs(frechet_distance(a, b) - truth) < 1e-8


def test_gaussians_with_different_axes() -> None:
    """In two dimensions tr (S1 S2)^1/2 = (tr S1 S2 + 2 (det S1 S2)^1/2)^1/2."""
    s1, s2 = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[0.5, -0.2], [-0.2, 3.0]])
    m1, m2 = np.array([1.0, 2.0]), np.array([-1.0, 0.5])
    overlap = np.sqrt(np.trace(s1 @ s2) + 2 * np.sqrt(np.linalg.det(s1) * np.linalg.det(s2)))
    truth = 4 + 2.25 + np.trace(s1) + np.trace(s2) - 2 * overlap
    assert abs(frechet_of_gaussians(m1, s1, m2, s2) - truth) < 1e-8
    a, b = samples_with(m1, s1, 50, 0), samples_with(m2, s2, 60, 1)
    assert abs(frechet_distance(a, b) - truth) < 1e-8
    # the same plane, turned into 40 dimensions, of which 38 are empty
    turn = rotation(40, 2)[:2]
    assert abs(frechet_distance(a @ turn, b @ turn) - truth) < 1e-8
    assert abs(frechet_distance(a[:1].repeat(3, 0), b) - one_point(a[0], b)) < 1e-8


def one_point(point: Array, b: Array) -> float:
    return float(((point - b.mean(0)) ** 2).sum() + np.trace(np.cov(b.T)))


@pytest.mark.parametrize(("count", "size"), [(4000, 64), (300, 64), (40, 64), (2, 64), (3000, 200)])
def test_equal_sets_are_at_no_distance(count: int, size: int) -> None:
    a = np.maximum(np.random.default_rng(0).standard_normal((count, size)) * 5, 0)
    a[:, ::7] = 0  # features that are never active
    assert frechet_distance(a, a) < 1e-6
    assert frechet_distance(a, a[::-1]) < 1e-6


def test_few_samples_are_right_and_not_only_finite() -> None:
    """N < D takes another way than N > D; columns of zeros force the one or the other."""
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((60, 40)), draw.standard_normal((50, 40)) * 1.5 + 0.1
    wide = [np.pad(x, ((0, 0), (0, 40))) for x in (a, b)]
    assert abs(frechet_distance(a, b) - frechet_distance(*wide)) < 1e-9
    few, many = a[:20], b
    assert abs(frechet_distance(few, many) - frechet_distance(wide[0][:20], wide[1])) < 1e-9
    through_covariances = frechet_of_gaussians(
        few.mean(0), np.cov(few.T), many.mean(0), np.cov(many.T)
    )
    assert abs(frechet_distance(few, many) - through_covariances) < 1e-6


def test_disjoint_supports_are_the_sum_of_traces() -> None:
    draw = np.random.default_rng(0)
    a, b = np.zeros((100, 20)), np.zeros((100, 20))
    a[:, :10], b[:, 10:] = draw.standard_normal((100, 10)), draw.standard_normal((100, 10))
    shift = ((a.mean(0) - b.mean(0)) ** 2).sum()
    truth = shift + np.trace(np.cov(a.T)) + np.trace(np.cov(b.T))
    assert abs(frechet_distance(a, b) - truth) < 1e-9


def test_order_symmetry_translation_and_rotation() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((500, 30)), draw.standard_normal((400, 30)) * 1.2
    value = frechet_distance(a, b)
    assert abs(frechet_distance(draw.permutation(a), draw.permutation(b)) - value) < 1e-10
    assert abs(frechet_distance(b, a) - value) < 1e-10
    q = rotation(30, 1)
    assert abs(frechet_distance(a @ q + 3, b @ q + 3) - value) < 1e-9
    assert abs(frechet_distance(2 * a, 2 * b) - 4 * value) < 1e-9


def test_duplicating_every_sample_changes_only_the_divisor() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((500, 30)), draw.standard_normal((500, 30)) * 1.2 + 0.1
    shift = ((a.mean(0) - b.mean(0)) ** 2).sum()
    twice = frechet_distance(np.tile(a, (2, 1)), np.repeat(b, 2, 0))
    expected = shift + (frechet_distance(a, b) - shift) * (2 * 499) / 999
    assert abs(twice - expected) < 1e-9


def test_scales_far_apart_stay_finite() -> None:
    draw = np.random.default_rng(0)
    for scale in (1e-12, 1e-6, 1e6, 1e12):
        a, b = draw.standard_normal((30, 50)) * scale, draw.standard_normal((40, 50)) * scale
        assert np.isfinite(frechet_distance(a, b)) and frechet_distance(a, b) >= 0


def test_root_of_a_singular_covariance_has_its_rank() -> None:
    x = np.random.default_rng(0).standard_normal((5, 12))
    r = root(x.T @ x)
    assert r.shape == (5, 12)
    assert np.abs(r.T @ r - x.T @ x).max() < 1e-12


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((1, 5)), np.full((4, 5), np.nan)])
def test_bad_features_are_refused(bad: Array) -> None:
    with pytest.raises(ValueError, match=r"\(N, D\)|not finite"):
        frechet_distance(bad, np.zeros((4, 5)))


@pytest.mark.parametrize(("n", "m", "d"), [(40, 60, 8), (12, 90, 30), (15, 20, 30), (64, 64, 64)])
def test_the_influence_of_a_sample_is_that_of_its_weight(n: int, m: int, d: int) -> None:
    """Against weights that are moved a little, whatever the rank of the covariances."""
    draw = np.random.default_rng(d)
    a, b = draw.standard_normal((n, d)), draw.standard_normal((m, d)) * 1.5 + 0.3
    found = frechet_estimate(a, b)
    assert found.value == pytest.approx(frechet_distance(a, b), rel=1e-9)

    def weighted(side: Array, i: int, step: float) -> tuple[Array, Array]:
        w = np.full(len(side), 1 / len(side))
        w = (1 - step) * w
        w[i] += step
        mean = w @ side
        scale = len(side) / (len(side) - 1)
        return mean, scale * ((side - mean).T * w) @ (side - mean)

    variance, step = 0.0, 1e-5
    for one, other, first in ((a, b, True), (b, a, False)):
        fixed = weighted(other, 0, 0.0)
        slopes = []
        for i in range(len(one)):
            ends = []
            for sign in (1, -1):
                moved = weighted(one, i, sign * step)
                pair = (*moved, *fixed) if first else (*fixed, *moved)
                ends.append(frechet_of_gaussians(*pair))
            slopes.append((ends[0] - ends[1]) / (2 * step))
        variance += float(np.var(slopes)) / len(one)
    half = (found.interval[1] - found.value) / 1.96
    assert half == pytest.approx(np.sqrt(variance), rel=2e-2)


def test_its_interval_holds_the_mean_of_other_samples() -> None:
    draw = np.random.default_rng(0)
    found = [
        frechet_estimate(draw.standard_normal((100, 6)), draw.standard_normal((120, 6)) * 1.2 + 0.3)
        for _ in range(120)
    ]
    mean = np.mean([f.value for f in found])
    held = np.mean([f.interval[0] <= mean <= f.interval[1] for f in found])
    assert held >= 0.88
    assert min(f.interval[0] for f in found) >= 0


def test_infinitely_many_samples_of_one_distribution_are_at_no_distance() -> None:
    """On average, where the plain distance of few is well above 0 each time."""
    draw = np.random.default_rng(0)
    pairs = [(draw.standard_normal((300, 8)), draw.standard_normal((300, 8))) for _ in range(12)]
    carried = np.array([frechet_infinite(a, b) for a, b in pairs])
    plain = np.array([frechet_distance(a, b) for a, b in pairs])
    assert abs(carried.mean()) < plain.mean() / 3
    assert plain.min() > 0.05
    moved = [frechet_infinite(a, b + 1) for a, b in pairs]
    assert np.mean(moved) == pytest.approx(8, rel=0.1), "and others keep theirs"
