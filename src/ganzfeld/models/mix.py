"""Two samples mixed: the way between them, and coarse layers of one with fine layers of the other.

The second ("style mixing", Karras et al. 2019, section 3.1) needs a generator in which several
layers take the latent: those that run later take that of the other sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganzfeld.core import border
from ganzfeld.errors import UsageError
from ganzfeld.models.draws import CHUNK, Labels
from ganzfeld.models.interpolate import slerp
from ganzfeld.models.latent_layers import entries_of, swapping

Model = Any  # a `ganzfeld.Model`


@dataclass(frozen=True)
class Mixed:
    """between: (columns, ...) from a to b. crossed: (layers + 1, ...): of each, the layers before
    the k-th take a, the others b; None where fewer than two layers take the latent."""

    between: Tensor
    crossed: Tensor | None
    layers: tuple[str, ...]


def parse(text: str) -> tuple[int, int]:
    """(seed, number) for "7" or "7:12"; UsageError for what is none.

    Example::

        from ganzfeld.models.mix import parse

        assert parse("7") == (7, 0) and parse("7:12") == (7, 12)
    """
    seed, _, number = text.partition(":")
    whole = all(part.isdecimal() and len(part) < 21 for part in (seed, number or "0"))
    if not whole or text.endswith(":"):
        raise UsageError(
            f"a sample is SEED or SEED:NUMBER, not {text[:40]!r}", fix="ganzfeld mix MODEL 1 2:5"
        )
    most = border.MOST_SEED
    return (
        border.whole(int(seed), "a seed", 0, most),
        border.whole(int(number or 0), "a sample's number", 0, most),
    )


@torch.inference_mode()
def mix(
    model: Model,
    a: tuple[int, int],
    b: tuple[int, int],
    *,
    columns: int = 7,
    label: Labels = None,
) -> Mixed:
    """Mix two samples by (seed, number).

    columns: samples from a to b, both included. label: a class for all; None: that of a. Conditions
    are those of a.

    Example::

        import ganzfeld
        from ganzfeld.models.mix import mix

        model = ganzfeld.load("runs/avatars-default")
        print(mix(model, (1, 0), (2, 0)).between.shape)
    """
    border.whole(columns, "--columns", 2, 64)
    chosen = model.label_numbers(label)
    if len(chosen) > 1:
        raise UsageError("a mixture has one class: give one label")
    own = model.labels_of([a[1]], a[0], chosen)
    given = model.numbers_of([a[1]], a[0], None)
    ends = model.latents_of([a[1], b[1]], [a[0], b[0]])
    way = [slerp(ends[0], ends[1], i / (columns - 1)) for i in range(columns)]
    between = drawn(model, torch.stack(way), own, given)
    entries = entries_of(model)
    if len(entries) < 2:
        return Mixed(between, None, tuple(entry.name for entry in entries))
    crossed = []
    for place in range(len(entries) + 1):
        with swapping(entries[place:], ends[1:].expand(CHUNK, -1)):
            crossed.append(drawn(model, ends[:1], own, given))
    return Mixed(between, torch.cat(crossed), tuple(entry.name for entry in entries))


def drawn(model: Model, z: Tensor, own: list[int] | None, given: Tensor | None) -> Tensor:
    """Samples of latents (n, latent), computed 32 at a time, of one class and conditions."""
    found = []
    for some in torch.split(z, CHUNK):
        full = torch.cat([some, some[:1].expand(CHUNK - len(some), -1)])
        classes = None if own is None else own * CHUNK
        numbers = None if given is None else given.expand(CHUNK, -1)
        found.append(model.draw(full, classes, numbers)[: len(some)])
    return torch.cat(found)


def class_of(model: Model, sample: tuple[int, int]) -> int | None:
    """The number of a sample's own class."""
    own = model.labels_of([sample[1]], sample[0], [])
    return None if own is None else int(own[0])


def rows(crossed: Tensor, back: Tensor | None) -> Tensor:
    """Mixtures of a with b, and of b with a, as two rows of a sheet."""
    return crossed if back is None else torch.cat([crossed, back])
