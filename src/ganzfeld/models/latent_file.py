"""Files of latents: what a projection found, to be drawn again and edited.

A safetensors file with z (n, latent) float32; y (n,) int64 of a model with classes; c (n, k) of one
with conditions. Its header names the model by the SHA-256 of its weights. A NumPy file (.npy) of z
alone is read, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from ganzfeld.core import files, npy, reader
from ganzfeld.core.names import shown
from ganzfeld.core.tensors import load_tensors
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.models.draws import CHUNK, Labels
from ganzfeld.models.marking import weights_of

MOST_BYTES = 256 << 20
Model = Any  # a `ganzfeld.Model`


@dataclass(frozen=True)
class Latents:
    """z (n, latent) float32; y (n,) int64 or None; c (n, k) float32 or None."""

    z: Tensor
    y: Tensor | None = None
    c: Tensor | None = None


def save(
    path: str | Path, latents: Latents, model: Model, about: Mapping[str, Any] | None = None
) -> None:
    """Write latents for `read`, whole or not at all. about: more for the file's header, as JSON."""
    tensors = {"z": latents.z, "y": latents.y, "c": latents.c}
    says = {"weights": weights_of(model)} | dict(about or {})
    data = safetensors.torch.save(
        {name: value.contiguous() for name, value in tensors.items() if value is not None},
        {"ganzfeld": json.dumps(says)},
    )
    files.replace(Path(path), data)


def read(path: str | Path, model: Model, labels: Labels = None) -> Latents:
    """The latents of a file, with a class and conditions for each where the model needs them.

    labels: classes in place of the file's, repeated over its latents. A file that names none, and
    no labels: classes and conditions are those of the samples 0, 1, ... of seed 0.
    Raises UsageError for latents of another model or another size, CheckpointError for a file that
    is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(
            f"there is no file of latents at {shown(str(path))}",
            safe="nothing was drawn",
            fix="ganzfeld project MODEL IMAGE --out FOLDER, which writes such a file",
        )
    with reader.refused(path):
        data = reader.read_bytes(path, MOST_BYTES)
    tensors, weights = from_npy(data, path) if data[:6] == b"\x93NUMPY" else from_safe(data, path)
    z = tensors.get("z")
    if z is None or z.dtype != torch.float32 or z.ndim != 2 or not len(z):
        raise CheckpointError(
            f"{shown(str(path))} holds no latents: z, (n, {model.latent}) float32",
            fix="ganzfeld project MODEL IMAGE --out FOLDER, which writes such a file",
        )
    if weights not in (None, weights_of(model)):
        raise UsageError(
            f"{shown(str(path))} holds latents of another model, whose weights have the SHA-256 "
            f"{shown(str(weights))[:16]}...",
            safe="nothing was drawn",
            fix="ganzfeld project with this model first",
        )
    if z.shape[1] != model.latent:
        raise UsageError(
            f"{shown(str(path))} holds latents of {z.shape[1]} numbers, and this model takes "
            f"{model.latent}",
            fix="latents of this model",
        )
    if not torch.isfinite(z).all():
        raise CheckpointError(f"{shown(str(path))} is damaged: a latent is not finite")
    return Latents(z, classes_in(tensors, model, labels, path), numbers_in(tensors, model, path))


def from_npy(data: bytes, path: Path) -> tuple[dict[str, Tensor], None]:
    with reader.refused(path):
        found = np.atleast_2d(npy.array(data, MOST_BYTES)).astype(np.float32)
        return {"z": torch.from_numpy(found)}, None


def from_safe(data: bytes, path: Path) -> tuple[dict[str, Tensor], str | None]:
    with reader.refused(path):
        tensors = load_tensors(data)
        head = reader.parse(data[8 : 8 + int.from_bytes(data[:8], "little")])
        says = reader.parse(head.get("__metadata__", {}).get("ganzfeld", "{}"))
    return tensors, says.get("weights") if isinstance(says, dict) else None


def classes_in(
    tensors: Mapping[str, Tensor], model: Model, labels: Labels, path: Path
) -> Tensor | None:
    """(n,) classes of the file, or those that were asked for; None without classes."""
    count = len(tensors["z"])
    wanted = model.label_numbers(labels)
    if not model.classes:
        return None
    y = tensors.get("y")
    if wanted or y is None:
        return torch.tensor(model.labels_of(range(count), 0, wanted))
    if (
        y.shape != (count,)
        or y.is_floating_point()
        or not ((y >= 0) & (y < len(model.classes))).all()
    ):
        raise CheckpointError(f"{shown(str(path))} is damaged: y does not name its classes")
    return y.long()


def numbers_in(tensors: Mapping[str, Tensor], model: Model, path: Path) -> Tensor | None:
    """(n, k) conditions of the file, or those of samples; None without conditions."""
    usual: Tensor | None = model.numbers_of(range(len(tensors["z"])), 0, None)
    c = tensors.get("c")
    if usual is None or c is None:
        return usual
    if c.shape != usual.shape or c.dtype != torch.float32 or not torch.isfinite(c).all():
        raise CheckpointError(f"{shown(str(path))} is damaged: c does not hold its conditions")
    return c


@torch.inference_mode()
def chunks(model: Model, latents: Latents, shift: Tensor | None = None) -> Iterator[Tensor]:
    """Samples of latents, at most 32 at a time and always computed as 32, as `sample` does.

    shift: what to add to each latent, (latent,).

    Example::

        import ganzfeld
        from ganzfeld.models import latent_file

        model = ganzfeld.load("runs/faces-default")
        latents = latent_file.read("projected/latents.safetensors", model)
        x = latent_file.draw(model, latents)
    """
    z = latents.z if shift is None else latents.z + shift
    for low in range(0, len(z), CHUNK):
        rows = list(range(low, min(low + CHUNK, len(z))))
        full = [*rows, *rows[:1] * (CHUNK - len(rows))]
        classes = None if latents.y is None else latents.y[full].tolist()
        given = None if latents.c is None else latents.c[full]
        yield model.draw(z[full], classes, given)[: len(rows)]


def draw(model: Model, latents: Latents, shift: Tensor | None = None) -> Tensor:
    """The same as one tensor."""
    return torch.cat(list(chunks(model, latents, shift)))


def names(model: Model, latents: Latents) -> Sequence[str | None]:
    """The names of the classes."""
    if latents.y is None:
        return [None] * len(latents.z)
    return [model.classes[label] for label in latents.y.tolist()]
