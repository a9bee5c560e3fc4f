"""Say what images show with a trained writer of captions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from ganzfeld.core import border, latents
from ganzfeld.core.device import torch_device
from ganzfeld.core.randomness import key
from ganzfeld.data.conditions import symbols_of
from ganzfeld.errors import UsageError
from ganzfeld.modalities import modality_of
from ganzfeld.modalities.captions import decode as in_words
from ganzfeld.modalities.image.codec import Target, decode
from ganzfeld.models.draws import CHUNK
from ganzfeld.models.task import spec_in
from ganzfeld.models.translator import MEGAPIXELS, as_bytes

MOST = 100_000  # captions of an image
HOTTEST = 100.0  # temperature

Pixels = NDArray[np.uint8]


class Captioner:
    """A trained writer of captions, ready to use.

    about: the content of the model folder's config.json.
    writer: maps (z, images, temperature) to word numbers (N, T).

    Example::

        import ganzfeld
        from PIL import Image

        ganzfeld.train("avatars-paraphrases:64", recipe="image-to-text", size=16, images=64,
                       batch=16, settings=["networks.*.width=4", "networks.*.hidden=16"],
                       out="runs/captions", quiet=True)
        model = ganzfeld.load("runs/captions", task="captioning")
        print(model.caption(Image.new("RGB", (16, 16)), count=2))
    """

    def __init__(self, about: dict[str, Any], writer: nn.Module) -> None:
        self.about = about
        self.generator = writer.eval().requires_grad_(False)
        self.spec = spec_in(about)
        self.kind = modality_of(self.spec)
        self.shape: tuple[int, ...] = tuple(self.spec.shape)
        self.latent: int = about["latent"]
        self.symbols = symbols_of(about["conditions"])
        self.latents = latents.check(about.get("latents", latents.PORTABLE), "this model")
        data = about.get("training", {}).get("data", {})
        self.alpha: str = data.get("alpha", "white")

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.generator.parameters()).device

    def to(self, device: str | torch.device) -> Captioner:
        """The model itself, its network moved to a device: "auto", "cpu", "cuda" or "mps"."""
        self.generator.to(torch_device(device))
        return self

    def caption(
        self,
        images: Any,
        *,
        count: int = 1,
        seed: int = 0,
        start: int = 0,
        temperature: float = 1.0,
    ) -> Any:
        """Captions of images: `count` of each, a list of lists; of a single one, a list.

        Caption i of an image depends on (seed, start + i) and the image's pixels alone, whatever
        else is captioned with it, in letter and number. They are in small letters and without
        punctuation, as the model learned them.

        images: a PIL image or several, in any size; or stored or network images (N, C, H, W) in
            the model's size, uint8 or float in [-1, 1], as an array or a tensor.
        start: number of the first caption, to go on where an earlier call ended.
        temperature: of the words' probabilities. 1 is what was learned; below, likely words become
            likelier, and wordings more alike; of a writer with `blind`, the surest things, worded
            as they were learned.

        Raises UsageError for images that do not fit, and BadPicture for one that cannot be read.
        """
        border.whole(count, "count", 1, MOST)
        border.whole(seed, "seed", 0, border.MOST_SEED)
        border.whole(start, "start", 0, border.MOST_IMAGES)
        border.real(temperature, "temperature", 0, HOTTEST, above=True)
        alone = isinstance(images, Image.Image)
        pixels = self.pixels([images] if alone else images)
        asked = [(row, start + i) for row in range(len(pixels)) for i in range(count)]
        found = [line for part in self.written(pixels, asked, seed, temperature) for line in part]
        each = [found[row * count : (row + 1) * count] for row in range(len(pixels))]
        return each[0] if alone else each

    def pixels(self, images: Any) -> Pixels:
        """Images as stored ones of the model, uint8 (N, C, H, W)."""
        if isinstance(images, Sequence) and all(isinstance(one, Image.Image) for one in images):
            if not images:
                raise UsageError("there are no images to caption")
            return np.stack([self.read(as_bytes(one)) for one in images])
        x = images if isinstance(images, Tensor) else torch.from_numpy(np.array(images))
        if x.dim() != 4 or tuple(x.shape[1:]) != self.shape or not len(x):
            raise UsageError(
                f"images (N, {', '.join(map(str, self.shape))}) were expected, not "
                f"{tuple(x.shape)}; PIL images may have any size"
            )
        if x.dtype == torch.uint8:
            return np.ascontiguousarray(x.cpu().numpy())
        return np.asarray(self.kind.to_store(x, self.spec), np.uint8)

    def read(self, data: bytes) -> Pixels:
        """An encoded image in the model's size, uint8 (C, H, W). Raises BadPicture."""
        channels, height, width = self.shape
        alpha = "keep" if channels in (2, 4) else self.alpha
        target = Target(
            height=height,
            width=width,
            channels=channels,
            alpha=alpha,
            max_megapixels=MEGAPIXELS,
        )
        return decode(data, target).pixels

    @torch.inference_mode()
    def written(
        self, pixels: Pixels, asked: Sequence[tuple[int, int]], seed: int, temperature: float
    ) -> Iterator[list[str]]:
        """Captions of (row of the images, number), some at a time.

        They are computed CHUNK at a time whatever their number is, for their bits depend on it.
        """
        own = [seed_of(one, seed) for one in pixels]
        for low in range(0, len(asked), CHUNK):
            some = list(asked[low : low + CHUNK])
            full = [*some, *some[:1] * (CHUNK - len(some))]
            rows = [row for row, _ in full]
            z = latents.draw(
                self.latents, self.latent, [own[row] for row in rows], [i for _, i in full]
            )
            stored = torch.from_numpy(pixels[rows]).to(self.device)
            x = self.kind.arrange(self.kind.to_network(stored, self.spec))
            tokens: Tensor = self.generator(torch.from_numpy(z).to(self.device), x, temperature)
            yield [in_words(row, self.symbols) for row in tokens[: len(some)].tolist()]


def seed_of(pixels: Pixels, seed: int) -> int:
    """Each image has latents of its own, whatever is captioned beside it."""
    digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
    return key(seed, "caption", digest)
