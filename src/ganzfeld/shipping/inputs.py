"""What the generator of a model takes for given samples: latents, classes, numbers. Without torch.

They are functions of a sample's seed and number, as `Model.sample` has them, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import latents
from ganzfeld.core.names import place_of
from ganzfeld.data.conditions import is_captioned, row_of, slot_of
from ganzfeld.data.label_names import class_of
from ganzfeld.errors import UsageError, did_you_mean
from ganzfeld.modalities import captions, modality_of, spec_of
from ganzfeld.text import shown

Pairs = Sequence[tuple[int, int]]  # (seed, number) of each sample
Labels = Sequence[int | str | None] | None  # a class of each; None: the sample's own
Number = Mapping[str, Any] | Sequence[float] | str | None  # conditions of a sample, or its caption
Numbers = Sequence[Number] | None
Floats = float | Sequence[float]  # one for all, or one for each


class Inputs:
    """The inputs of one model's samples.

    about: the content of its config.json.

    Example::

        import ganzfeld
        from ganzfeld.shipping.inputs import Inputs

        inputs = Inputs(ganzfeld.load("runs/avatars-default").about)
        given = inputs.of([(0, 5), (7, 0)])  # {"z": (2, latent) float32, ...}
    """

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.spec = spec_of(about.get("spec"), about.get("shape"))
        self.kind = modality_of(self.spec)
        self.latent: int = about["latent"]
        self.classes: list[str] = list(about["classes"])
        self.conditions: dict[str, Any] = about.get("conditions") or {}
        self.latents = latents.check(about.get("latents", latents.OF_TORCH), "this model")

    def of(
        self,
        pairs: Pairs,
        labels: Labels = None,
        numbers: Numbers = None,
        std: Floats = 1.0,
        mean: Floats = 0.0,
    ) -> dict[str, NDArray[Any]]:
        """By the names of an exported model's inputs: "z" float32 (n, latent); "y" int64 (n,) where
        the model has classes; "c" float32 (n, k) where it has conditions, or "caption" int64
        (n, T), numbers of words, where it is asked by text.

        labels: a class of each sample by name or number; None, for all or for one: its own.
        numbers: conditions of each sample: {"age": 30} in the data's own units, where the class may
            be among them ({"kind": "a"}), a caption, a row (k,) as the network takes it, or None
            for its own.
        std, mean: of the latents.
        UsageError for what the model does not have, and for seeds that are no uint64.
        """
        seeds, indices = [seed for seed, _ in pairs], [index for _, index in pairs]
        z = latents.draw(self.latents, self.latent, seeds, indices)
        z = latents.scaled(z, each(mean, len(z), "mean"), each(std, len(z), "std"))
        found: dict[str, NDArray[Any]] = {"z": z}
        labels, numbers = self.parted(labels, numbers)
        if self.classes:
            found["y"] = self.labels_of(seeds, indices, aligned(labels, len(pairs), "labels"))
        elif any(one is not None for one in labels or ()):
            raise UsageError("this model was trained without labels: leave --label out")
        if self.conditions:
            rows = self.numbers_of(seeds, indices, aligned(numbers, len(pairs), "numbers"))
            found[slot_of(self.conditions)] = rows
        elif any(one is not None for one in numbers or ()):
            raise UsageError("this model takes no numbers")
        return found

    def parted(self, labels: Labels, numbers: Numbers) -> tuple[Labels, Numbers]:
        """Classes that are among values by name as labels, and the other values."""
        if not self.classes or not any(isinstance(one, Mapping) for one in numbers or ()):
            return labels, numbers
        found, left = list(aligned(labels, len(numbers or ()), "labels")), list(numbers or ())
        for place, one in enumerate(left):
            if isinstance(one, Mapping):
                name, others = class_of(self.about, one)
                if name is not None and found[place] is not None:
                    raise UsageError("labels and numbers both name the class", fix="one of them")
                found[place] = found[place] if name is None else name
                left[place] = others or None
        return found, left

    def labels_of(
        self, seeds: Sequence[int], indices: Sequence[int], labels: Sequence[int | str | None]
    ) -> NDArray[np.int64]:
        if labels and all(label is not None for label in labels):
            given = [self.label_number(label) for label in labels if label is not None]
            return np.array(given, np.int64)
        own = latents.labels(self.latents, len(self.classes), seeds, indices)
        chosen = [
            one if label is None else self.label_number(label)
            for one, label in zip(own, labels, strict=True)
        ]
        return np.array(chosen, np.int64)

    def label_number(self, label: int | str) -> int:
        """The number of a class by its name, or by its number; UsageError where there is none."""
        if (place := place_of(label, self.classes)) is not None:
            return place
        raise UsageError(f"no class {shown(repr(label))}. {did_you_mean(str(label), self.classes)}")

    def numbers_of(
        self, seeds: Sequence[int], indices: Sequence[int], numbers: Sequence[Number]
    ) -> NDArray[Any]:
        captioned = is_captioned(self.conditions)
        of_data = np.array(self.conditions["rows"], np.int64 if captioned else np.float32)
        found = of_data[latents.labels(self.latents, len(of_data), seeds, indices)]
        for row, one in zip(found, numbers, strict=True):
            if isinstance(one, Mapping):
                told = {name: str(value) for name, value in one.items()}
                for place, value in row_of(self.conditions, told).items():
                    row[place] = value
            elif isinstance(one, str):
                if not captioned:
                    raise UsageError("this model takes no text")
                row[:] = captions.asked(one, self.conditions["columns"][0])
            elif one is not None:
                given = np.asarray(one, row.dtype)
                if given.shape != row.shape:
                    names = ", ".join(self.conditions["names"])
                    raise UsageError(f"this model takes {names}, not an array {given.shape}")
                row[:] = given
        return found


def aligned(values: Sequence[Any] | None, count: int, name: str) -> Sequence[Any]:
    """A value for each sample; Nones for none."""
    if values is None:
        return [None] * count
    if len(values) != count:
        raise UsageError(f"{len(values)} {name} for {count} samples: give one for each")
    return values


def each(value: Floats, count: int, name: str) -> float | NDArray[np.float32]:
    """One number, or one for each sample, beside latents (n, latent)."""
    if isinstance(value, float | int):
        return float(value)
    return np.array(aligned(value, count, name), np.float32).reshape(-1, 1)
