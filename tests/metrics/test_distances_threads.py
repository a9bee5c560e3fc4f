"""What metrics multiply keeps to the threads of the run."""

import os
import subprocess
import sys

import numpy as np
import pytest

from ganzfeld.core.products import product
from ganzfeld.metrics.distances import squared_distances, squares

ALONE = """
import time
import numpy as np, torch
from ganzfeld.metrics import frechet_distance, kernel_distance, manifolds
torch.set_num_threads(1)
draw = np.random.default_rng(0)
a, b = draw.standard_normal((2, 1_500, 300))
frechet_distance(a[:20, :9], b[:20, :9])  # LAPACK, whose threads are NumPy's, is not looked at
own, all_ = time.thread_time(), time.process_time()
manifolds(a, b), kernel_distance(a, b)
print((time.process_time() - all_) / (time.thread_time() - own))
"""


@pytest.mark.long
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")
def test_metrics_keep_to_the_threads_of_the_run() -> None:
    """NumPy's products take all cores: twice the CPU time of the thread on two."""
    few = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", ALONE], env=few, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1.1


def test_products_are_numpy_s_but_for_rounding() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((2, 130, 33))
    assert product(a, b.T) == pytest.approx(a @ b.T, rel=1e-12, abs=1e-12)
    small = a.astype(np.float32)
    assert product(small.T, small).dtype == np.float32


def test_all_distances_at_once_are_those_of_blocks() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((1_100, 5)), draw.standard_normal((70, 5))
    a[3] = b[7]
    apart = squares(a, b)
    assert apart[3, 7] == 0 and apart.shape == (1_100, 70)
    assert apart == pytest.approx(((a[:, None] - b) ** 2).sum(2), abs=1e-10)
    assert all((apart[rows] == block).all() for rows, block in squared_distances(a, b))
    assert squares(a.astype(np.float32), b.astype(np.float32)).dtype == np.float64


def test_arrays_that_are_read_only_or_run_backwards_are_multiplied() -> None:
    a = np.random.default_rng(0).normal(size=(5, 3))
    frozen = a.copy()
    frozen.flags.writeable = False
    assert np.allclose(product(frozen, frozen.T), a @ a.T)
    assert np.allclose(product(a[::-1], a.T[::-1][::-1]), a[::-1] @ a.T)
