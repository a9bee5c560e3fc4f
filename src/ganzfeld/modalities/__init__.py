"""Kinds of samples, by name: how they are converted, shown, saved and described."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from ganzfeld.core.language import speak_of
from ganzfeld.core.reader import Unreadable
from ganzfeld.errors import CheckpointError
from ganzfeld.modalities.base import Modality, Spec
from ganzfeld.text import shown

__all__ = [
    "MODALITIES",
    "Modality",
    "Spec",
    "image_spec",
    "modality_of",
    "speak_of_kind",
    "spec_of",
    "spec_of_data",
]

PLACES = {  # a kind's name, and where its class lies: one line a kind
    "image": "ganzfeld.modalities.image.modality:Images",
    "text": "ganzfeld.modalities.text:Texts",
    "field": "ganzfeld.modalities.field.kind:Fields",
    "table": "ganzfeld.modalities.table.modality:Tables",
    "audio": "ganzfeld.modalities.audio.modality:Sounds",
    "series": "ganzfeld.modalities.series.kind:Series",
}


class Known(Mapping[str, Modality]):
    """Each kind of sample by its name, loaded when it is first asked for."""

    def __init__(self, places: dict[str, str]) -> None:
        self.places = places
        self.made: dict[str, Modality] = {}

    def __getitem__(self, name: str) -> Modality:
        if name not in self.made:
            module, _, attribute = self.places[name].partition(":")
            self.made[name] = getattr(importlib.import_module(module), attribute)()
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


MODALITIES: Mapping[str, Modality] = Known(PLACES)


def modality_of(spec: Spec) -> Modality:
    """The kind that samples are of; CheckpointError for one that this release does not know."""
    if spec.modality not in MODALITIES:
        raise CheckpointError(
            f"samples of the kind {shown(repr(spec.modality))} are not known here; this release "
            f"knows {', '.join(MODALITIES)}",
            fix="install a newer ganzfeld: pip install --upgrade ganzfeld",
        )
    return MODALITIES[spec.modality]


def image_spec(channels: int, height: int, width: int) -> Spec:
    """Of images as a pack holds them."""
    return Spec("image", (channels, height, width), "uint8")


def spec_of_data(data: Any) -> Spec:
    """Of an opened data set, which says it itself or holds images."""
    found: Spec | None = getattr(data, "spec", None)
    return found or image_spec(data.channels, data.height, data.width)


def speak_of_kind(kind: Modality) -> None:
    """From here on, messages use the words of this kind: lines, rows, sounds."""
    speak_of(kind.noun, kind.one)


def spec_of(stored: Mapping[str, Any] | None, shape: Any = None) -> Spec:
    """The spec that a configuration or a model's description has written down.

    Those of before specs hold images: shape is then theirs, (channels, height, width).
    Raises CheckpointError where it cannot be right.
    """
    if stored is not None:
        spec = Spec.from_json(stored)
        kind = modality_of(spec)
        try:
            kind.check(spec)
        except Unreadable as error:
            raise CheckpointError(f"the description of the {kind.noun} {error}") from error
        return spec
    return image_spec(*(int(side) for side in shape))
