"""Measure a translation: example images, and their distance from the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganzfeld.games import Batch, Game
from ganzfeld.games.translation import columns, compare
from ganzfeld.modalities import modality_of

if TYPE_CHECKING:
    from ganzfeld.data.pairs import Rows, TwoDomains

SHOWN, MEASURED, CHUNK = 8, 64, 8  # images: in a grid, for a number, at a time


@torch.inference_mode()
def preview(game: Game, data: TwoDomains, device: torch.device) -> tuple[Tensor, int]:
    """A row for each of some held-out images, and the number of columns.

    Returns (N * columns, C, H, W) in [-1, 1] on the CPU; both domains have the same C.
    """
    rows, both = data.examples(SHOWN)
    found = [x.float().cpu() for x in columns(game, ready(data, rows, device), paired=both.paired)]
    if len({x.shape[1] for x in found}) > 1 and found[0].dim() == 4:
        found = [as_colour(x) for x in found]
    return torch.stack(found, 1).flatten(0, 1), len(found)


def as_colour(x: Tensor) -> Tensor:
    """Images of 1 to 4 channels as RGB, laid on white."""
    if x.shape[1] in (2, 4):
        alpha = (x[:, -1:] + 1) / 2
        x = alpha * x[:, :-1] + (1 - alpha)
    return x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x


def ready(data: TwoDomains, rows: Rows, device: torch.device) -> Batch:
    """Stored samples as a trainer's batch has them."""
    kind = modality_of(data.spec)
    specs = {"a": data.spec, "b": data.spec_b}
    return {k: kind.to_network(torch.from_numpy(v).to(device), specs[k]) for k, v in rows.items()}


def measure(
    game: Any, data: TwoDomains, device: torch.device, most: int = MEASURED
) -> dict[str, Any]:
    """Errors of translation, as parts of the range from black to white, beside two baselines.

    game: it, or what has its `directions` and their networks. most: samples, spread evenly.

    `error_ab`, `error_ba`: mean absolute difference from the true counterpart, where it is known.
    `baseline_mean_b`, `baseline_mean_a`: of the mean training image of that domain from the
        same truth: what an answer that ignores its input is worth.
    `baseline_identity`: of the input itself, where both domains have the same channels.
    `cycle_error_a`, `cycle_error_b`: of there and back again, where both ways are learned.
    """
    rows, both = data.examples(most)
    count = len(rows["a"])
    sums: dict[str, float] = {}
    for part in chunks(rows):
        share = len(part["a"]) / count
        for name, value in compare(game, ready(data, part, device), paired=both.paired).items():
            sums[name] = sums.get(name, 0.0) + share * value
    if both.paired:
        if data.channels == data.channels_b:
            there = ready(data, rows, torch.device("cpu"))
            sums["baseline_identity"] = game.error(there["a"], there["b"])
        for way in game.directions if modality_of(data.spec).rescaled else ():
            truth, mean = rows[way[1]], data.means[way[1]]
            sums[f"baseline_mean_{way[1]}"] = float(np.abs(truth - mean).mean()) / 255
    return {
        **{name: round(value, 5) for name, value in sums.items()},
        "held_out": both is data.held,
        "protocol": f"{game.measure}, of averaged networks, n={count}",
    }


def chunks(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows["a"]), CHUNK):
        yield {name: x[start : start + CHUNK] for name, x in rows.items()}
