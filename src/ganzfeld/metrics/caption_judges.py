"""Two networks that judge images of avatars by captions: one names attributes, one retrieves.

Both learn from avatars that no run is trained on, all combinations of attributes among them, once,
and are kept in the cache folder. The retrieving one is a pair of encoders as a run has, from
another seed: by the run's own encoder a generator would be judged by what it was trained to please.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganzfeld.core.files import cache_folder
from ganzfeld.core.optimizers import AdamW
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import keep, kept
from ganzfeld.data.avatars import sentences
from ganzfeld.data.avatars.scene import VERSION, draw, scene
from ganzfeld.data.avatars.sentences import LANGUAGES, VALUES, Wording
from ganzfeld.errors import ResourceError
from ganzfeld.games.caption_terms import contrast
from ganzfeld.metrics.label_classifier import Classifier
from ganzfeld.metrics.learning import Progress, same_everywhere
from ganzfeld.modalities import captions
from ganzfeld.modalities.image import tensors
from ganzfeld.networks.caption_readers import CaptionEncoder
from ganzfeld.networks.captions import ImageEncoder

RECIPE = 1  # raise it when the same sizes would give other networks
SEED = 101  # of the avatars that both learn from
COUNT = 12_000  # of these
BATCH = 64
EPOCHS = {"attributes": 5, "retrieval": 4}

Images = NDArray[np.uint8]
Loss = Callable[[Tensor, Tensor], Tensor]  # of rows (n,) and their images


class Attributes(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] to logits of each attribute in VALUES, by its name."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.counts = {name: len(values) for name, values in VALUES.items()}
        self.trunk = Classifier((3, height, width), sum(self.counts.values()))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        logits = self.trunk.head(self.trunk(x))
        return dict(zip(self.counts, logits.split([*self.counts.values()], 1), strict=True))


class Retrieval(nn.Module):
    """A pair of encoders with the vocabulary of the grammar."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.symbols, self.length = grammar_words()
        self.text = CaptionEncoder(len(self.symbols))
        self.image = ImageEncoder((3, height, width), width=48)

    def encode(self, lines: list[str]) -> Tensor:
        """Word numbers (N, T) of captions."""
        return torch.from_numpy(captions.encode(lines, self.symbols, self.length).astype(np.int64))


def grammar_words() -> tuple[list[str], int]:
    """The vocabulary of many captions of the grammar."""
    lines = []
    for index in range(2_000):
        one = sentences.facts(scene(SEED, index))
        how = sentences.wording(LANGUAGES[index % 2], numpy_generator(SEED, "words", index))
        lines += [sentences.sentence(one, how), sentences.sentence(one, Wording(how.language))]
    return captions.vocabulary(lines)


def truth(facts: list[dict[str, str]]) -> dict[str, Tensor]:
    """Places of the values (N,), by attribute."""
    return {
        name: torch.tensor([values.index(one[name]) for one in facts])
        for name, values in VALUES.items()
    }


def judges(height: int, width: int, progress: Progress) -> tuple[Attributes, Retrieval]:
    """Both networks for images of a size, from the cache folder or trained now (three minutes)."""
    with same_everywhere("captions"):
        attributes, retrieval = Attributes(height, width), Retrieval(height, width)
        learned("attributes", attributes, attributes_loss, (height, width), progress)
        learned("retrieval", retrieval, retrieval_loss, (height, width), progress)
    return attributes, retrieval


def learned(
    name: str, network: nn.Module, loss_of: Any, size: tuple[int, int], progress: Progress
) -> None:
    """Give a network the weights that it has learned, here or in an earlier process."""
    place = cache_folder() / f"{name}-{RECIPE}-{VERSION}-{size[0]}x{size[1]}.safetensors"
    tensors.channels_last(network)
    if (found := kept(place)) is None:
        some = [scene(SEED, index) for index in range(COUNT)]
        parts = [draw(some[i : i + 256], *size) for i in range(0, COUNT, 256)]
        facts = [sentences.facts(one) for one in some]
        fit(name, network, loss_of(network, facts), np.concatenate(parts), progress)
        arrays = {n: v.contiguous().numpy() for n, v in network.state_dict().items()}
        with suppress(ResourceError):  # the next time it is trained again
            keep(place, arrays, {"images": COUNT})
    else:
        network.load_state_dict({n: torch.from_numpy(v) for n, v in found[0].items()})
    network.eval().requires_grad_(False)


def attributes_loss(network: Attributes, facts: list[dict[str, str]]) -> Loss:
    known = truth(facts)

    def loss(rows: Tensor, x: Tensor) -> Tensor:
        logits = network(x)
        return torch.stack([cross_entropy(logits[n], known[n][rows]) for n in known]).sum()

    return loss


def retrieval_loss(network: Retrieval, facts: list[dict[str, str]]) -> Loss:
    """Of captions that say everything, with one that is wrong beside each."""
    right, wrong = [], []
    for index, one in enumerate(facts):
        whole = Wording(LANGUAGES[index % 2])
        right.append(sentences.sentence(one, whole))
        wrong.append(sentences.changed(one, whole, numpy_generator(SEED, "judges", index))[0])
    said, false = network.encode(right), network.encode(wrong)

    def loss(rows: Tensor, x: Tensor) -> Tensor:
        vectors = network.text(said[rows]), network.text(false[rows])
        images = network.image(x)
        return torch.stack(contrast(images, vectors[0], said[rows], vectors[1], 0.07)).sum()

    return loss


def fit(name: str, network: nn.Module, loss: Loss, pixels: Images, progress: Progress) -> None:
    steps = EPOCHS[name] * COUNT // BATCH
    optimiser = AdamW(network.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order = numpy_generator(SEED, name)
    network.train()
    for step in range(steps):
        rows = torch.from_numpy(order.choice(COUNT, BATCH, replace=False))
        value = loss(rows, ready(pixels[rows.numpy()]))
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        progress(f"training the judge of {name}", (step + 1) * BATCH, steps * BATCH)


def ready(pixels: Images) -> Tensor:
    """Images (N, 3, H, W), uint8, as networks take them."""
    return tensors.arrange(tensors.to_network(torch.from_numpy(np.ascontiguousarray(pixels))))
