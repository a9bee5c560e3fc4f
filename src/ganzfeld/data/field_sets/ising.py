"""Spins of the Ising model on a periodic square, and their exact mean energy.

Two phases and a symmetry that a collapsed generator breaks: below the critical temperature of
2.269 most spins agree, and both signs are equally likely.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator

TEMPERATURES = (1.5, 3.5)  # in units of the coupling, drawn uniformly
CRITICAL = 2 / math.log(1 + math.sqrt(2))
SWEEPS = 64  # more than ten correlation times of the chain at the critical temperature
TOGETHER = 256  # chains that are updated at once

Floats = NDArray[np.float64]


def make(
    indices: Sequence[int],
    *,
    seed: int = 0,
    size: int = 16,
    temperature: float | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Spins (n, 1, size, size) of -1 and 1, and temperatures (n, 1), both float32.

    Each sample is the end of a chain of its own from random spins, by the cluster updates of
    Swendsen and Wang (1987).

    temperature: of all; None: uniform in TEMPERATURES, another for each sample.
    """
    x = np.empty((len(indices), 1, size, size), np.float32)
    c = np.empty((len(indices), 1), np.float32)
    for start in range(0, len(indices), TOGETHER):
        rows = indices[start : start + TOGETHER]
        generators = [numpy_generator(seed, "ising", int(index)) for index in rows]
        drawn = np.array([generator.random() for generator in generators])
        low, high = TEMPERATURES
        t = low + (high - low) * drawn if temperature is None else np.full(len(rows), temperature)
        x[start : start + len(rows), 0] = chains(generators, t, size)
        c[start : start + len(rows), 0] = t
    return x, c


def chains(generators: Sequence[np.random.Generator], t: Floats, size: int) -> Floats:
    """The last spins (n, size, size) of a chain for each generator, at temperatures t, (n,)."""
    uniform = np.stack([g.random((size, size), np.float32) for g in generators])
    spins = np.where(uniform < 0.5, -1.0, 1.0)
    joined = (1 - np.exp(-2 / t))[:, None, None]
    for _ in range(SWEEPS):
        noise = np.stack([g.random((3, size, size), np.float32) for g in generators])
        right = (spins == np.roll(spins, -1, 2)) & (noise[:, 0] < joined)
        down = (spins == np.roll(spins, -1, 1)) & (noise[:, 1] < joined)
        roots = clusters(right, down)
        coins = noise[:, 2].reshape(len(spins), -1)
        spins = np.where(np.take_along_axis(coins, roots, 1) < 0.5, -1.0, 1.0)
        spins = spins.reshape(len(spins), size, size)
    return spins


def clusters(right: NDArray[np.bool_], down: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The least site of each site's cluster, (n, sites).

    right, down: (n, size, size), whether a site is joined to the next one in its row or column.
    """
    n, size, _ = right.shape
    site = np.arange(n * size * size).reshape(right.shape)
    here = np.concatenate([site[right], site[down]])
    there = np.concatenate([np.roll(site, -1, 2)[right], np.roll(site, -1, 1)[down]])
    root = site.reshape(-1).copy()
    while len(here):
        a, b = root[here], root[there]
        apart = a != b
        here, there, a, b = here[apart], there[apart], a[apart], b[apart]
        root[np.maximum(a, b)] = np.minimum(a, b)  # of several joints of a root, any will do
        while not np.array_equal(root, above := root[root]):
            root = above
    own: NDArray[np.int64] = root.reshape(n, -1) - size * size * np.arange(n)[:, None]
    return own


def energy(spins: NDArray[Any]) -> Floats:
    """Energy a spin (n,) of spins (n, ..., size, size): minus the mean of both products."""
    s = np.asarray(spins, np.float64)
    pairs = s * np.roll(s, -1, -1) + s * np.roll(s, -1, -2)
    found: Floats = -pairs.reshape(len(s), -1).mean(1)
    return found


def magnetisation(temperature: float) -> float:
    """Mean |magnetisation| of an infinite square (Onsager 1944, Yang 1952)."""
    if temperature >= CRITICAL:
        return 0.0
    return float((1 - math.sinh(2 / temperature) ** -4) ** 0.125)


def log_partition(coupling: float, size: int) -> float:
    """log Z of a periodic square at K = 1 / temperature (Kaufman 1949)."""
    k = coupling
    r = np.arange(2 * size)
    cosh = math.cosh(2 * k) / math.tanh(2 * k) - np.cos(math.pi * r / size)
    g = np.arccosh(np.maximum(cosh, 1.0))
    g[0] = 2 * k + math.log(math.tanh(k))  # with its sign
    half = size * g / 2
    signs, logs = [], []
    for part in (half[1::2], half[0::2]):
        logs.append(float((np.abs(part) + np.log1p(np.exp(-2 * np.abs(part)))).sum()))  # 2 cosh
        signs.append(1.0)
        with np.errstate(divide="ignore"):
            logs.append(float((np.abs(part) + np.log1p(-np.exp(-2 * np.abs(part)))).sum()))
        signs.append(float(np.prod(np.sign(part))))  # 2 sinh
    most = max(logs)
    total = sum(sign * math.exp(log - most) for sign, log in zip(signs, logs, strict=True))
    front = size * size / 2 * math.log(2 * math.sinh(2 * k)) - math.log(2)
    return front + most + math.log(total)


def exact_energy(temperature: float, size: int = 16) -> float:
    """Mean energy a spin of a periodic square: -d(log Z)/dK / size^2, by a central difference."""
    k, step = 1 / temperature, 1e-4
    difference = log_partition(k + step, size) - log_partition(k - step, size)
    return -difference / (2 * step * size * size)
