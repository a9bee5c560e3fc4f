"""What a translator of images says of itself, and what one of other kinds of sample does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ganzfeld.config import Data
from ganzfeld.modalities import Modality, Spec, modality_of
from ganzfeld.models.sample_translator import SampleTranslator
from ganzfeld.models.translator import Translator


class OfSamples:
    """Both domains lie alike: text, series, sounds."""

    def __init__(self, kind: Modality) -> None:
        self.kind = kind
        self.hub_task = kind.hub_task

    def other_side(self, a: Spec, data: Data) -> Spec:
        """How the samples of domain b lie."""
        return a

    def sides(self, data: Data) -> dict[str, Any]:
        """What a model's description holds beside its spec."""
        return {}

    def translator(
        self, about: dict[str, Any], networks: dict[str, nn.Module], spec: Spec
    ) -> Translator | SampleTranslator:
        return SampleTranslator(about, networks, spec)

    @property
    def words(self) -> str:
        """What stands behind `ganzfeld translate MODEL` for a first try."""
        suffix = self.kind.sheet_suffix if self.kind.one_file else ""
        return f"{self.kind.noun}{suffix} --out translated{suffix}"

    def python(self, load: str, to: str | None = None) -> str:
        """Lines of Python that translate. load: the expression that loads the model."""
        way = f', to="{to}"' if to else ""
        return (
            f"import ganzfeld\n\nmodel = {load}\n"
            f"translated = model.translate({self.kind.noun}{way})"
        )

    def trained_on(self, about: Mapping[str, Any]) -> str:
        """How samples lie, for a card's sentence that goes on with "with ganzfeld"."""
        return f"{self.kind.describe(Spec.from_json(about['spec']))};\ntrained"


class OfImages(OfSamples):
    """Domains of one size, each with channels of its own; a model takes any size."""

    def __init__(self, kind: Modality) -> None:
        super().__init__(kind)
        self.hub_task = "image-to-image"

    def other_side(self, a: Spec, data: Data) -> Spec:
        return Spec(a.modality, (data.channels_b or 1, *a.shape[1:]), a.dtype)

    def sides(self, data: Data) -> dict[str, Any]:
        return {"channels": {"a": data.channels, "b": data.channels_b}, "size": data.size}

    def translator(
        self, about: dict[str, Any], networks: dict[str, nn.Module], spec: Spec
    ) -> Translator | SampleTranslator:
        return Translator(about, networks)

    @property
    def words(self) -> str:
        return "IMAGES --out translated --sheet sheet.png"

    def python(self, load: str, to: str | None = None) -> str:
        way = f', to="{to}"' if to else ""
        return (
            f"import ganzfeld\nfrom PIL import Image\n\nmodel = {load}\n"
            f'model.translate(Image.open("picture.png"){way}).show()'
        )

    def trained_on(self, about: Mapping[str, Any]) -> str:
        height, width = about["size"]
        return (
            f"{about['channels']['a']} and {about['channels']['b']} channels,\n"
            f"any height and width; trained on {height}x{width} pixels"
        )


def form_of(spec: Spec) -> OfSamples:
    """Which of both a translator of such samples is.

    Example::

        from ganzfeld.modalities import Spec
        from ganzfeld.models.translation_forms import form_of

        assert form_of(Spec("text", (16,))).words == "lines.txt --out translated.txt"
    """
    kind = modality_of(spec)
    return OfImages(kind) if kind.rescaled else OfSamples(kind)
