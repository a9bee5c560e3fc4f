"""Images: pixels, uint8 (C, H, W), as floats in [-1, 1] for a network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities.base import Modality, Spec
from ganzfeld.modalities.image import draw, embed
from ganzfeld.modalities.odd import Odd
from ganzfeld.text import several

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ganzfeld.modalities.base import Vary
    from ganzfeld.modalities.fitting import Fitting

IMAGES_A_PIXEL = 1_000  # of the side, until images look right
EXAMPLES = (  # of (side, channels, classes), until the data are known
    (32, 3, 0),
    (32, 3, 10),
    (28, 1, 10),
    (64, 3, 0),
    (64, 3, 10),
    (16, 3, 0),
    (128, 3, 0),
    (96, 3, 0),
)
PORTABLE = """import struct, zlib
p = np.clip(np.rint((x + np.float32(1)) * np.float32(127.5)), 0, 255).astype(np.uint8)
head = struct.pack(">IIBBBBB", p.shape[2], p.shape[1], 8, (0, 4, 2, 6)[len(p) - 1], 0, 0, 0)
rows = b"".join(b"\\0" + row.tobytes() for row in p.transpose(1, 2, 0))
parts = b"IHDR" + head, b"IDAT" + zlib.compress(rows), b"IEND"
parts = [struct.pack(">I", len(d) - 4) + d + struct.pack(">I", zlib.crc32(d)) for d in parts]
with open(name + ".png", "wb") as file:
    file.write(b"\\x89PNG\\r\\n\\x1a\\n" + b"".join(parts))"""
PORTABLE_IN = "x = [np.load(path).astype(np.float32) / np.float32(127.5) - np.float32(1)]"
SIZES = (64, 48, 32, 28)  # px, that are proposed where the time is too short


class Images(Modality):
    """Images of one size with 1 to 4 channels, and any number for those who bring arrays."""

    name, noun, one = "image", "images", "image"
    suffix, sheet_suffix = ".png", ".png"
    hub_task, tags = "unconditional-image-generation", ("image-generation",)
    values, draws = "in [-1, 1]", True
    recipe, captioned = "default", "text-to-image"
    odd = (
        Odd("bright", "Dark", beyond=0.3, away=3.0),
        Odd("dim", "Overexposed", beyond=0.85, high=True, away=3.0),
        Odd("detail", "Blurred", beyond=0.1),
        Odd("contrast", "Empty", beyond=0.01),
    )
    rescaled = True
    by_thumbnails = "as small grey images, shifted, scaled and mirrored to fit"

    def to_network(self, stored: Tensor, spec: Spec) -> Tensor:
        from ganzfeld.modalities.image import tensors

        return tensors.to_network(stored)

    def to_store(self, samples: Tensor, spec: Spec) -> NDArray[Any]:
        return draw.to_pixels(samples)

    def stored(self, samples: NDArray[Any], spec: Spec) -> NDArray[Any]:
        return draw.as_pixels(samples)

    def layout(self, network: nn.Module) -> None:
        from ganzfeld.modalities.image import tensors

        tensors.channels_last(network)

    def arrange(self, x: Tensor) -> Tensor:
        from ganzfeld.modalities.image import tensors

        return tensors.arrange(x)

    def variation(
        self, *, mirror: bool = False, jitter: float = 0.0, together: bool = False, noise: str
    ) -> Vary | None:
        from ganzfeld.modalities.image.transforms import variation

        return variation(mirror=mirror, jitter=jitter, together=together, noise=noise)

    def to_image(self, sample: NDArray[Any], spec: Spec) -> Any:
        return draw.to_image(sample)

    def save(self, sample: NDArray[Any], path: Path, spec: Spec) -> None:
        draw.save_image(draw.to_image(sample), path)

    def encoded(self, sample: NDArray[Any], spec: Spec) -> bytes:
        return draw.image_bytes(draw.to_image(sample))

    def portable(self) -> str:
        return PORTABLE

    def portable_in(self) -> str:
        return PORTABLE_IN

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        draw.save_image(draw.grid(samples, columns), path)

    def blank(self, spec: Spec) -> NDArray[Any]:
        return np.full(spec.shape, 255, np.uint8)

    def most_in_sheet(self, spec: Spec, pixels: int) -> int | None:
        height, width = spec.shape[-2:]
        scale = max(1, 64 // max(height, width))
        return max(pixels // ((scale * height + draw.GAP) * (scale * width + draw.GAP)), 1)

    def html(
        self, file: Path, alt: str, *, side: int = 640, most: int = 100_000, lazy: bool = False
    ) -> str | None:
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
        if len(spec.shape) != 3 or spec.shape[0] not in draw.MODES:
            return None
        row = np.ascontiguousarray(np.concatenate(list(samples), axis=2))
        return embed.element(draw.to_image(row), alt, side=side, most=most, lazy=lazy)

    def describe(self, spec: Spec) -> str:
        channels, height, width = spec.shape
        return f"{width}x{height} pixels, {several(channels, 'channel')}"

    def examples(self, size: tuple[int, int] | None = None) -> list[tuple[Spec, int]]:
        return [
            (Spec("image", (channels, *(size or (side, side))), "uint8"), classes)
            for side, channels, classes in EXAMPLES
        ]

    def enough(self, spec: Spec) -> int | None:
        """From runs of the default recipe at 28 to 96 pixels: about 1,000 images for each pixel of
        the side."""
        return round(IMAGES_A_PIXEL * side_of(spec))

    def too_few(self, spec: Spec) -> str:
        return f"{spec.shape[-1]}x{spec.shape[-2]} pixels: expect blotches"

    def smaller(self, spec: Spec, share: float) -> str | None:
        # time for an image grows with its area, and the images wanted with its side
        fits = [size for size in SIZES if size <= side_of(spec) * share ** (1 / 3)]
        return f"--size {fits[0]}" if fits else None

    def plain(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        from ganzfeld.modalities.image.plain import small

        return small(stored)

    def vitals(self, stored: NDArray[Any]) -> dict[str, float]:
        from ganzfeld.modalities.spectrum import fine_power

        return fine_power(stored)

    def fitting(self) -> Fitting:
        from ganzfeld.modalities.image import fitting

        return fitting

    def prints(self, stored: NDArray[Any]) -> NDArray[Any]:
        from ganzfeld.modalities.image import prints

        return prints.prints(stored)

    def views(
        self, prints: NDArray[Any], *, all_of_them: bool = True
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        from ganzfeld.modalities.image.prints import views

        return views(prints, all_of_them=all_of_them)

    def traits(self, stored: NDArray[Any]) -> dict[str, NDArray[Any]]:
        from ganzfeld.modalities.image.prints import traits

        return traits(stored)


def side_of(spec: Spec) -> float:
    """The side in pixels of a square with as many of them."""
    return math.sqrt(spec.shape[-2] * spec.shape[-1])
