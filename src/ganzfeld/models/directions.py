"""Directions of a latent along which samples change most, in closed form from the weights.

SeFa (Shen and Zhou 2021, "Closed-form factorization of latent semantics in GANs", equation 7): of
the first layer's weights A, a step along n changes its output by A n. The unit vectors that change
it most are the eigenvectors of A^T A. Several layers that take the latent count together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from ganzfeld.core import border, files
from ganzfeld.errors import UsageError
from ganzfeld.models.draws import CHUNK, Labels
from ganzfeld.models.latent_layers import entries_of

Model = Any  # a `ganzfeld.Model`

MOST = 1e3  # of a step along a direction, in deviations of the latent


@dataclass(frozen=True)
class Directions:
    """Unit vectors (k, latent), float32, the strongest first; each is at right angles to others.

    strengths: (k,) by how much the layers' output changes for a step of 1. share: (k,) of the
    variance of that output, for normal latents. layers: the names of the layers.
    """

    vectors: Tensor
    strengths: Tensor
    share: Tensor
    layers: tuple[str, ...]

    def shift(self, steps: Mapping[int, float]) -> Tensor:
        """What to add to latents, (latent,), for steps along directions by number.

        UsageError for a number that there is not.

        Example::

            import ganzfeld
            from ganzfeld.models.directions import directions_of

            model = ganzfeld.load("runs/avatars-default")
            x = model.sample(4, shift=directions_of(model).shift({0: 2.5}))
        """
        found = torch.zeros(self.vectors.shape[1])
        for number, step in sorted(steps.items()):
            if not 0 <= number < len(self.vectors):
                raise UsageError(
                    f"there is no direction {number}: this model has {len(self.vectors)}, "
                    "numbered from 0",
                    fix="ganzfeld directions MODEL --out FOLDER, which shows them",
                )
            found += border.real(step, f"direction {number}", -MOST, MOST) * self.vectors[number]
        return found

    def save(self, path: str | Path, about: Mapping[str, Any] | None = None) -> None:
        """Write them as safetensors: vectors, strengths, share. about: for the file's header."""
        tensors = {"vectors": self.vectors, "strengths": self.strengths, "share": self.share}
        says = {"layers": json.dumps(self.layers), "method": "SeFa (Shen and Zhou 2021)"}
        says |= {name: json.dumps(value) for name, value in (about or {}).items()}
        files.replace(Path(path), safetensors.torch.save(tensors, says))


def directions_of(model: Model) -> Directions:
    """All directions of a model's latent, as many as entries enter its layers.

    The sign is that which makes the largest entry of a vector positive. They are computed in
    float64; from one machine to another they agree to rounding.

    Raises UsageError where no layer takes the latent as it is.

    Example::

        import ganzfeld
        from ganzfeld.models.directions import directions_of

        found = directions_of(ganzfeld.load("runs/avatars-default"))
        print(found.strengths[:4], found.layers)
    """
    known = vars(model).get("own_directions")
    if known is not None:
        return known  # type: ignore[no-any-return]
    taking = [entry for entry in entries_of(model) if entry.alone]
    if not taking:
        raise UsageError(
            "this model has no directions: no layer of its generator takes the latent as it is",
            safe="nothing was drawn",
            fix="ganzfeld interpolate MODEL --seeds 1,2,3 --out between.gif",
        )
    used = torch.unique(torch.cat([entry.entries for entry in taking]))
    gram = torch.zeros(len(used), len(used), dtype=torch.float64)
    for entry in taking:
        gains = entry.response()
        weights = torch.zeros(len(used), gains.shape[1], dtype=torch.float64)
        weights.index_add_(0, torch.searchsorted(used, entry.entries), gains)
        gram += weights @ weights.T
    values, columns = torch.linalg.eigh(gram)
    values, columns = values.flip(0).clamp(min=0), columns.flip(1)
    signs = columns.gather(0, columns.abs().argmax(0, keepdim=True)).sign()
    vectors = torch.zeros(len(used), model.latent)
    vectors[:, used] = (columns * signs).T.float()
    share = values / values.sum().clamp(min=1e-300)
    found = Directions(
        vectors, values.sqrt().float(), share.float(), tuple(entry.name for entry in taking)
    )
    model.own_directions = found
    return found


def parse(texts: Sequence[str]) -> dict[int, float]:
    """{0: 2.5} for ["0=2.5"], the words of --direction; UsageError for what is none.

    Example::

        from ganzfeld.models.directions import parse

        assert parse(["0=2.5", "3=-1"]) == {0: 2.5, 3: -1.0}
    """
    found: dict[int, float] = {}
    for text in texts:
        number, equals, step = text.partition("=")
        try:
            if not (equals and number.strip().isdecimal()) or int(number) in found:
                raise ValueError
            found[int(number)] = float(step)
        except ValueError:
            raise UsageError(
                f"--direction takes NUMBER=STEP, each number once, not {text[:40]!r}",
                fix="--direction 0=2.5",
            ) from None
    return found


@torch.inference_mode()
def along(
    model: Model,
    number: int,
    steps: Sequence[float],
    *,
    count: int = 3,
    seed: int = 0,
    labels: Labels = None,
    std: float = 1.0,
) -> Tensor:
    """Samples (count * steps, ...) along a direction: each of `count` samples at all steps.

    At step 0 they are those of `Model.sample`.
    """
    found = []
    way = directions_of(model)
    for step in steps:
        shift = way.shift({number: step})
        found.append(model.sample(count, seed=seed, labels=labels, std=std, shift=shift))
    return torch.stack(found, 1).flatten(0, 1)


@torch.inference_mode()
def effect(model: Model, number: int, step: float = 3.0, seed: int = 0) -> float:
    """How much samples change from -step to +step: the root mean square, in parts of that of the
    difference between two random samples. 1 is as much as another seed."""
    numbers = range(CHUNK)
    way = directions_of(model)
    z = model.latents_of(numbers, seed)
    given = model.labels_of(numbers, seed, []), model.numbers_of(numbers, seed, None)
    low, high = (model.draw(z + way.shift({number: s}), *given).float() for s in (-step, step))
    plain = model.draw(z, *given).float()
    usual = (plain - plain.roll(1, 0)).square().mean().sqrt()
    return float((high - low).square().mean().sqrt() / usual.clamp(min=1e-12))


def digest(latents: Tensor) -> str:
    """SHA-256 of latents, for marks of samples that come from a file of them."""
    return hashlib.sha256(latents.contiguous().numpy().tobytes()).hexdigest()
