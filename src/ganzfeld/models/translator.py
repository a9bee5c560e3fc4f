"""Translate images of any size with a trained model."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor, nn

from ganzfeld.core.device import torch_device
from ganzfeld.core.randomness import NARROW, seed_globally
from ganzfeld.errors import UsageError
from ganzfeld.modalities.image import draw, tensors
from ganzfeld.modalities.image.bad import BadPicture
from ganzfeld.modalities.image.codec import BACKGROUNDS, Target, decode, probe
from ganzfeld.models.tiles import TILE, tiled

MEGAPIXELS = 178.0
PAIR_SLACK = 0.05  # of the shape that two training images side by side have


class Translator:
    """Trained translators, ready to use.

    about: the content of the model folder's config.json.
    networks: by direction, such as {"ab": ..., "ba": ...}; each maps images to images.

    Example::

        import ganzfeld
        from PIL import Image

        ganzfeld.train("avatars-lines:20", recipe="pix2pix", size=16, images=2, batch=2,
                       settings=["networks.*.width=4"], out="runs/lines", quiet=True)
        model = ganzfeld.load("runs/lines", task="translation")
        model.translate(Image.new("RGB", (24, 16))).save("translated.png")
    """

    def __init__(self, about: dict[str, Any], networks: Mapping[str, nn.Module]) -> None:
        self.about = about
        self.networks = {way: n.eval().requires_grad_(False) for way, n in networks.items()}
        self.channels: dict[str, int] = about["channels"]  # of each domain
        self.size: tuple[int, int] = tuple(about["size"])  # (height, width) it was trained on
        data = about["training"]["data"]
        self.alpha: str = data["alpha"]
        # trained on pairs side by side; None: paired, and not known how, by a run of before
        self.halves: bool | None = data.get("halves") if data.get("kind") == "paired" else False
        self.keyed: str = about["training"].get("run", {}).get("noise") or NARROW  # of dropout

    def to(self, device: str | torch.device) -> Translator:
        """The model itself, its networks moved to a device: "auto", "cpu", "cuda" or "mps"."""
        where = torch_device(device)
        for network in self.networks.values():
            network.to(where)
        return self

    @overload
    def translate(
        self, x: Tensor, *, to: str | None = ..., tile: int = ..., dropout: int | None = ...
    ) -> Tensor: ...
    @overload
    def translate(
        self, x: Image.Image, *, to: str | None = ..., tile: int = ..., dropout: int | None = ...
    ) -> Image.Image: ...
    @overload
    def translate(
        self,
        x: Sequence[Image.Image],
        *,
        to: str | None = ...,
        tile: int = ...,
        dropout: int | None = ...,
    ) -> list[Image.Image]: ...

    def translate(
        self, x: Any, *, to: str | None = None, tile: int = TILE, dropout: int | None = None
    ) -> Any:
        """Images in the other domain, each in the height and width it came with.

        x: a tensor (C, H, W) or (N, C, H, W), uint8 or float in [-1, 1], which becomes float32
            in [-1, 1] of the same dimensions on the CPU; or one PIL image, or several, which
            become PIL images. Transparency is laid on the ground of the training data, and the
            translation is as transparent as the image was.
        to: "b" or "a"; by default b, or the only one that was learned.
        tile: px; where a side is longer, the image goes in tiles of this side that overlap.
        dropout: a seed keeps dropout on, the only noise of pix2pix (Isola et al. 2017, section
            2.1): other seeds, slightly other images. None leaves it off.

        Raises UsageError where that direction was not learned, channels do not fit, or there is
        no dropout to keep on.
        """
        way = self.way(to)
        with self.noise(way, dropout):
            if isinstance(x, Tensor):
                return self.translate_tensor(x, way, tile)
            if isinstance(x, Image.Image):
                return self.translate_bytes(as_bytes(x), way, tile=tile)
            return [self.translate_bytes(as_bytes(one), way, tile=tile) for one in x]

    @contextmanager
    def noise(self, way: str, seed: int | None) -> Iterator[None]:
        """Dropout is on within, with draws that depend on the seed alone; off for None."""
        if seed is None:
            yield
            return
        layers = [m for m in self.networks[way].modules() if isinstance(m, nn.Dropout)]
        if not layers:
            raise UsageError(
                f"the translator from {way[0]} to {way[1]} has no dropout to keep on",
                fix="leave it out; pix2pix has dropout where its U-Net has 5 levels or more",
            )
        with torch.random.fork_rng():
            if self.keyed == NARROW:
                torch.manual_seed(seed)
            else:
                seed_globally(seed, "dropout", noise=self.keyed)
            for layer in layers:
                layer.train()
            try:
                yield
            finally:
                for layer in layers:
                    layer.eval()

    def way(self, to: str | None) -> str:
        """The direction that leads to a domain: "ab" for "b"."""
        return way_to(self.networks, to)

    def translate_tensor(self, x: Tensor, way: str, tile: int = TILE) -> Tensor:
        x = tensors.to_network(x)
        channels = self.channels[way[0]]
        if x.dim() not in (3, 4) or x.shape[-3] != channels or not x.numel():
            raise UsageError(
                f"images (N, {channels}, H, W) were expected, not a tensor {tuple(x.shape)}"
            )
        batch = x if x.dim() == 4 else x[None]
        network = self.networks[way]
        device = next(network.parameters()).device
        done = torch.cat([tiled(network, one.to(device), tile) for one in batch.float()[:, None]])
        return done if x.dim() == 4 else done[0]

    def is_pair(self, width: int, height: int) -> bool:
        """Whether an image of this shape is two of those trained on, side by side."""
        if self.halves is False:
            return False
        high, wide = self.size
        return abs(width / height / (2 * wide / high) - 1) < PAIR_SLACK

    def translate_bytes(
        self,
        data: bytes,
        way: str,
        *,
        tile: int = TILE,
        side: int | None = None,
        part: str = "whole",
    ) -> Image.Image:
        """An encoded image's translation. side: px of its shorter side to scale it to first.

        part: "left" or "right" for one of two images side by side. Raises BadPicture where the
        bytes are no image.
        """
        pixels, alpha = self.read(data, self.channels[way[0]], side, part)
        x = self.translate_tensor(torch.tensor(pixels), way, tile)
        done = draw.to_pixels(x[None])[0]
        if alpha is not None and len(done) in (1, 3):
            done = np.concatenate([done, alpha[None]])
        return draw.to_image(done)

    def read(
        self, data: bytes, channels: int, side: int | None = None, part: str = "whole"
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """Pixels (channels, H, W), and alpha (H, W) where the network does not take it."""
        header = probe(data, MEGAPIXELS)
        if part != "whole":
            header = replace(header, width=max(header.width // 2, 1))
        scale = side / min(header.height, header.width) if side else 1.0
        height = max(round(header.height * scale), 1)
        width = max(round(header.width * scale), 1)
        if height * width > MEGAPIXELS * 1e6:
            raise BadPicture(
                f"{width}x{height} pixels at --side {side}, above {MEGAPIXELS:g} million"
            )
        apart = header.alpha and channels in (1, 3)
        keep = apart or channels in (2, 4)
        target = Target(
            height=height,
            width=width,
            channels=channels + apart,
            alpha="keep" if keep else "white",
            max_megapixels=MEGAPIXELS,
            part=part,
        )
        pixels = decode(data, target).pixels
        if not apart:
            return pixels, None
        colour, alpha = pixels[:-1].astype(np.float32), pixels[-1]
        ground = BACKGROUNDS.get(self.alpha, 255)
        laid = ground + (colour - ground) * (alpha[None].astype(np.float32) / 255)
        return laid.round().astype(np.uint8), alpha


def way_to(networks: Mapping[str, nn.Module], to: str | None) -> str:
    """The direction that leads to a domain; by default to b, or the only one that was learned."""
    if to is None:
        return "ab" if "ab" in networks else next(iter(networks))
    for way in networks:
        if way[1] == to:
            return way
    learned = ", ".join(f"from {way[0]} to {way[1]}" for way in networks)
    raise UsageError(f"this model does not translate to {to!r}: it learned {learned}")


def as_bytes(image: Image.Image) -> bytes:
    """A PIL image as a lossless file, so that every mode goes one way."""
    buffer = io.BytesIO()
    ImageOps.exif_transpose(image).save(buffer, "TIFF" if image.mode in ("F", "CMYK") else "PNG")
    return buffer.getvalue()
