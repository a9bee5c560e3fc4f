"""Code shared by the extractors that learn from the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ganzfeld.core import runtime
from ganzfeld.core.randomness import key, numpy_generator
from ganzfeld.data import held
from ganzfeld.data.pack import Pack

MOST = 25_000  # images that an extractor learns from
HASTY = ContextVar("hasty", default=False)

Rows = NDArray[np.int64]
Progress = Callable[[str, int, int], None]


def learning_rows(pack: Pack) -> Rows:
    """Half of the rows, at most 25,000, sorted, none of those that runs hold out by default.

    A network looks at images that it has learned from otherwise than at fresh ones. What learns
    from the data therefore keeps to these rows, and a comparison keeps to the others.
    """
    order = numpy_generator("extractor", "learns from").permutation(len(pack))
    order = order[~np.isin(order, held.held_rows(pack, held.usual(len(pack))))]
    return np.sort(order[: min(len(pack) // 2, MOST)])


@contextmanager
def hastily(so: bool) -> Iterator[None]:
    """If so, a listener that is made within learns for one step and is not kept: for timing, where
    what it hears does not matter."""
    before = HASTY.set(so)
    try:
        yield
    finally:
        HASTY.reset(before)


@contextmanager
def same_everywhere(name: str) -> Iterator[None]:
    """One thread, since the order of sums depends on their number; a seed; no inference mode."""
    grad = torch.enable_grad()
    with runtime.threads(1), torch.random.fork_rng(devices=[]), torch.inference_mode(False), grad:
        torch.manual_seed(key(name, "initialise"))
        yield


def shifted(x: Tensor, part: float, draw: np.random.Generator, *, mirror: bool) -> Tensor:
    """About half of the images (N, C, H, W) moved by up to a part of their sides.

    The others stay as they are: where images are aligned, as icons are, the place of a pixel
    tells much. What comes in at an edge repeats the edge. mirror: half of the images are mirrored
    too. Channels last.
    """
    n, _, h, w = x.shape
    down, right = max(1, round(part * h)), max(1, round(part * w))
    wide = pad(x, (right, right, down, down), mode="replicate").permute(0, 2, 3, 1)
    moved = draw.random((n, 1)) < 0.5
    rows = np.where(moved, draw.integers(2 * down + 1, size=(n, 1)), down) + np.arange(h)
    columns = np.where(moved, draw.integers(2 * right + 1, size=(n, 1)), right) + np.arange(w)
    if mirror:
        columns = np.where(draw.random((n, 1)) < 0.5, columns, columns[:, ::-1])
    every = torch.arange(n)[:, None, None]
    found = wide[every, torch.from_numpy(rows)[:, :, None], torch.from_numpy(columns)[:, None, :]]
    return found.permute(0, 3, 1, 2)
