"""Translate images of any size with a trained model."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor, nn

from ganzfeld.core import marks
from ganzfeld.core.device import torch_device
from ganzfeld.core.names import PICTURE_SUFFIXES, capped, quoted, shown, suffix
from ganzfeld.core.randomness import NARROW, key, seed_globally
from ganzfeld.core.reader import read_bytes
from ganzfeld.data.discover import find_source
from ganzfeld.data.options import IMAGES
from ganzfeld.data.source import Encoded, Reading
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.image import draw, tensors
from ganzfeld.modalities.image.bad import BadPicture
from ganzfeld.modalities.image.codec import BACKGROUNDS, Target, decode, probe
from ganzfeld.models.marking import of_translation
from ganzfeld.text import several

TILE, OVERLAP = 1024, 128  # px: larger images go in tiles that blend over the overlap
MEGAPIXELS = 178.0
GIVE = "give an image, or a folder or a ZIP of images; arrays are for Python: ganzfeld.load"
FILE_BYTES = 1 << 30  # of one image
PAIR_SLACK = 0.05  # of the shape that two training images side by side have
ROWS = 16  # images on a sheet


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


# Tiles


@torch.inference_mode()
def tiled(network: nn.Module, x: Tensor, tile: int) -> Tensor:
    """network(x) for one image (1, C, H, W), on the CPU; in tiles where it is larger.

    Where tiles overlap, each counts the less the nearer its edge is.
    """
    height, width = x.shape[2:]
    if max(height, width) <= tile:
        whole: Tensor = network(x).float().cpu()
        return whole
    total, weights = torch.zeros(0), torch.zeros(1, 1, height, width)
    for top in places(height, tile):
        for left in places(width, tile):
            piece = x[:, :, top : top + tile, left : left + tile]
            done = network(piece).float().cpu()
            if not total.numel():
                total = torch.zeros(1, done.shape[1], height, width)
            high, wide = done.shape[2:]
            ramp = slope_of(high)[:, None] * slope_of(wide)
            at = (..., slice(top, top + high), slice(left, left + wide))
            total[at] += done * ramp
            weights[at] += ramp
    return total / weights


def places(length: int, tile: int) -> list[int]:
    """Where tiles start, evenly spread, with an overlap of an eighth of a tile or more."""
    if length <= tile:
        return [0]
    step = tile - min(OVERLAP, tile // 8)
    count = -(-(length - tile) // step) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def slope_of(length: int) -> Tensor:
    """Weights (length,) that rise from both ends over the overlap."""
    ramp = max(min(OVERLAP, length // 8), 1)
    edge = torch.minimum(torch.arange(length), torch.arange(length).flip(0)) + 1
    return (edge / (ramp + 1)).clamp(max=1.0)


# Files


@dataclass(frozen=True)
class Found:
    """One image to translate: its name with sub-folders, and its bytes or why there are none."""

    name: str
    data: bytes = b""
    reason: str = ""


def find_pictures(source: Path) -> Iterator[Found]:
    """An image, or all images of a folder or a ZIP."""
    if source.is_file() and suffix(source.name) in PICTURE_SUFFIXES:
        yield Found(source.name, read_bytes(source, FILE_BYTES, DataError))
        return
    reading = Reading(labels="none", splits="all", follow_links=True, modality=IMAGES)
    try:
        found = find_source(source, reading)
    except DataError as error:  # its way out is for data to train on
        raise DataError(error.what, safe=error.safe, fix=GIVE) from None
    if not isinstance(found, Encoded):
        raise DataError(f"{shown(str(source))} holds arrays, not images", fix=GIVE)
    for name, title in zip(found.names, found.titles, strict=True):
        try:
            data = found.reader.read(name)
        except Exception as error:  # of the disk or the archive: the others may be fine
            yield Found(title, reason=str(error))
        else:
            yield Found(title, data)


def translate_files(
    model: Translator,
    source: Path,
    out: Path,
    *,
    to: str | None = None,
    side: int | None = None,
    sheet: Path | None = None,
    dropout: int | None = None,
    part: str = "auto",
    mark: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> int:
    """Write the translation of each image as a PNG under `out`, and a sheet of the first ones.

    part: "left" or "right" of images that hold a pair side by side, "whole", or "auto": the half
        of the domain to translate from, where the model learned from such pairs and the image has
        their shape. mark: the files say that a model made them.
    say: gets a sentence where halves were taken.

    Returns how many. Raises DataError that lists what could not be translated; the others are.
    """
    way = model.way(to)
    home = source if source.is_dir() else source.parent
    inside = source.is_dir() and out.resolve().is_relative_to(home.resolve())
    if inside or out.resolve() == home.resolve():
        raise UsageError(
            f"--out {shown(str(out))} is where the images are: they could be overwritten",
            safe="nothing was changed",
            fix="--out with another folder",
        )
    used: set[str] = set()
    bad: list[str] = []
    cells: list[tuple[Image.Image, Image.Image]] = []
    half = "left" if way[0] == "a" else "right"
    halved = 0
    own = of_translation(model, way[1], dropout) if mark else None
    for found in find_pictures(source):
        reason = found.reason
        if not reason:
            try:
                one = part if part != "auto" else half if is_pair(model, found.data) else "whole"
                with model.noise(way, seed_of(dropout, found.name)):
                    done = model.translate_bytes(found.data, way, side=side, part=one)
                halved += part == "auto" and one != "whole"
            except BadPicture as error:
                reason = str(error)
        if reason:
            bad.append(f"{shown(found.name)}: {reason}")
            continue
        name = found.name.rpartition(".")[0] or found.name
        name = found.name if name in used else name
        used.add(name)
        path = out / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        marks.write(path, draw.image_bytes(done), own)
        if sheet and len(cells) < ROWS:
            cells.append((Image.open(io.BytesIO(found.data)), done))
    if halved:
        say(
            f"{halved:,} of {len(used):,} images hold a pair side by side, as the model learned "
            f"from: their {half} halves were translated (--part whole takes all of them)"
        )
    if sheet and cells:
        with marks.marking(sheet, own) as place:
            draw.save_image(draw.pairs(cells), place)
    if bad:
        raise DataError(
            "\n  ".join([f"{several(len(bad), 'image')} could not be translated", *capped(bad)]),
            safe=f"{len(used):,} others are in {out}" if used else "nothing was written",
            fix=f"ganzfeld data check {quoted(source)}" if source.is_dir() else "",
        )
    return len(used)


def is_pair(model: Translator, data: bytes) -> bool:
    header = probe(data, MEGAPIXELS)
    return model.is_pair(header.width, header.height)


def seed_of(dropout: int | None, name: str) -> int | None:
    """Each image has noise of its own, whatever else is translated with it."""
    return None if dropout is None else key(dropout, "dropout", name)
