"""Kinds of sample that are no images, and are shown as one: charts, maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ganzfeld.errors import DataError
from ganzfeld.modalities.base import Modality, Spec

if TYPE_CHECKING:
    from PIL.Image import Image


class Drawn(Modality):
    """A kind that draws its samples. A subclass has `drawn`; pages and sheets follow from it."""

    def drawn(self, samples: NDArray[Any], columns: int | None, spec: Spec) -> Image:
        """Stored samples (N, ...) as one image, so many side by side; None chooses."""
        raise NotImplementedError

    def turned(self, spec: Spec, wanted: Spec) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
        if spec.shape != wanted.shape:
            raise DataError(
                f"the {self.noun} hold {self.describe(spec)}, where those that they are compared "
                f"with hold {self.describe(wanted)}"
            )
        return None

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        from ganzfeld.modalities.image import draw

        draw.save_image(self.drawn(samples, columns, spec), path)

    def html(
        self, file: Path, alt: str, *, side: int = 640, most: int = 100_000, lazy: bool = False
    ) -> str | None:
        from ganzfeld.modalities.image import embed

        if (image := embed.open_picture(file)) is None:
            return super().html(file, alt, side=side, most=most, lazy=lazy)
        return embed.element(image, alt, side=side, most=most, lazy=lazy)

    def show(
        self,
        samples: NDArray[Any],
        alt: str,
        spec: Spec,
        *,
        side: int = 640,
        most: int = 100_000,
        lazy: bool = False,
    ) -> str | None:
        from ganzfeld.modalities.image import embed

        image = self.drawn(samples, len(samples), spec)
        return embed.element(image, alt, side=side, most=most, lazy=lazy)

    def most_in_sheet(self, spec: Spec, pixels: int) -> int | None:
        image = self.drawn(self.blank(spec)[None], 1, spec)
        return max(pixels // (image.width * image.height), 1)
