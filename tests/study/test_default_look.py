"""What the bench of the default's look says of spectra it is known for, and its table of rows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(scope="module")
def bench() -> Any:
    sys.path.insert(0, str(BENCH))
    try:
        import default_look  # type: ignore[import-not-found, unused-ignore]
    finally:
        sys.path.remove(str(BENCH))
    return default_look


def test_power_is_in_times_of_the_datas(bench: Any) -> None:
    draws = np.random.default_rng(0)
    noise = draws.normal(0, 20, (400, 3, 16, 16))
    other = draws.normal(0, 20, (400, 3, 16, 16))
    board = (-1.0) ** np.add.outer(np.arange(16), np.arange(16))
    level = lambda x: (x + 128).round().astype(np.uint8)  # noqa: E731
    same = bench.spectral(level(noise), level(other))
    assert same["rings"] == pytest.approx([1.0] * 8, abs=0.1) and same["octave"] == pytest.approx(
        1, abs=0.05
    )
    twice = bench.spectral(level(1.5 * noise), level(other))
    assert twice["octave"] == pytest.approx(2.25, rel=0.05)
    dots = bench.spectral(level(noise + 20 * board), level(other))
    assert dots["board"] == pytest.approx(1 + 256, rel=0.05)  # its power against a bin's of noise
    assert dots["octave"] == pytest.approx(1, abs=0.05), "a checkerboard lies beyond the octave"
    assert "board" not in bench.spectral(level(noise)[..., 1:, 1:], level(other)[..., 1:, 1:])


def test_fine_is_the_share_of_short_waves(bench: Any) -> None:
    at = np.arange(16)
    slow, fast = (np.cos(np.pi * at * rate)[:, None] + 0 * at for rate in (0.25, 0.75))
    images = np.stack([128 + 40 * slow + 20 * fast] * 2)[:, None].round().astype(np.uint8)
    assert bench.fine(images) == pytest.approx(20**2 / (20**2 + 40**2), abs=0.01)
    noise = np.random.default_rng(0).integers(0, 256, (4, 3, 16, 16), dtype=np.uint8)
    assert bench.spectral(noise, noise + 1)["fine"] == round(bench.fine(noise + 1), 4)


def test_the_table_has_medians_and_the_columns_there_are(bench: Any) -> None:
    row = {"data": "d", "size": 8, "variant": "v", "seconds": 2.0, "cpu_seconds": 2.0, "images": 20}
    rows = [row | {"seed": seed, "learned_frechet": float(seed), "board": 1.0} for seed in range(3)]
    head, _, line = bench.table(rows).splitlines()
    assert "Inception" not in head and "learned" in head
    assert line == "| d, 8 px | 2 | `v` | 3 | 10 | 1 (0 to 2) | 1 (1 to 1) |"


def test_the_table_tells_rates_and_keeps_rows_of_other_rates_apart(bench: Any) -> None:
    row = {"data": "d", "size": 8, "variant": "v", "seconds": 2.0, "cpu_seconds": 2.0, "images": 20}
    slow, fast = ({"discriminator": lr, "generator": 3 * lr} for lr in (0.001, 0.002))
    rows = [row | {"seed": 0, "rates": slow}, row | {"seed": 1, "rates": fast}, row | {"seed": 2}]
    head, _, *lines = bench.table(rows).splitlines()
    assert head == "| data | CPU s | variant | rates (D, G) | seeds | images a second |"
    start = "| d, 8 px | 2 | `v` |"
    assert sorted(lines) == [
        f"{start} - | 1 | 10 |",
        f"{start} 0.001, 0.003 | 1 | 10 |",
        f"{start} 0.002, 0.006 | 1 | 10 |",
    ]
    assert "rates" not in bench.table(rows[2:]), "no column where no row has any"
