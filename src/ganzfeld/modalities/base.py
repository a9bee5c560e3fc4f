"""What a kind of sample is: `Spec` says how one data set's samples lie."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Spec:
    """How the samples of one column lie; JSON in `config.data.spec` and in a model's config.json.

    modality: a name in `ganzfeld.modalities.MODALITIES`. shape: of one sample as a network sees
    it: (3, 64, 64), (1, 16000), (128,) tokens. dtype: as stored: uint8, int16, int32 or float32.
    extra: what else the modality needs, all JSON: sample rate, vocabulary, axes, mean, deviation.
    """

    modality: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Numbers in a sample."""
        return math.prod(self.shape)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"shape": list(self.shape)}

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> Spec:
        """From what `to_json` gave and a reader has checked."""
        return Spec(
            str(stored["modality"]),
            tuple(int(side) for side in stored["shape"]),
            str(stored.get("dtype", "float32")),
            dict(stored.get("extra", {})),
        )
