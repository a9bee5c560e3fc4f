"""A small classifier of the data's own labels, trained once, as an extractor.

Inception knows photographs. For digits, textures or drawings, what a classifier of these very
classes looks at says more; it is trained here, in a minute, always to the same weights. It learns
on a part of the data that is never compared with anything (`learning_rows`): to a classifier, the
images that it has learned are unlike all others.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from ganzfeld.core.files import cache_folder
from ganzfeld.core.optimizers import AdamW
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import Arrays, digest, keep, kept
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DataError, ResourceError, UsageError
from ganzfeld.metrics.learning import Progress, learning_rows, same_everywhere, shifted
from ganzfeld.modalities.image import tensors

RECIPE = 2  # raise it when the same data would give another classifier
IMAGES = 50_000  # seen in training
BATCH = 64
LEAST = 100  # images
TESTED = 2_000  # images, at most, that the accuracy is of
SHIFT = 1 / 14  # of the side: images are moved by up to so much while it learns
ACCURACY = 0.8  # below it, do not trust its features
SIDE = 64  # px: larger images are averaged down
WIDTH = 128


class Stage(nn.Module):
    """A convolution and its normalisation, which `fold` merges into one convolution."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x))
        return y.relu_()

    def fold(self) -> None:
        assert isinstance(self.norm, nn.BatchNorm2d)
        self.conv = nn.utils.fuse_conv_bn_eval(self.conv, self.norm)
        self.norm = nn.Identity()


class Classifier(nn.Module):
    """Images (N, C, H, W) in [-1, 1] to features (N, 128); `head` makes logits of them."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.shrink = math.ceil(max(height, width) / SIDE)
        side = min(height, width) / self.shrink
        halvings = max(1, round(math.log2(max(side / 4, 2))))
        widths = [min(32 * 2**i, WIDTH) for i in range(halvings)] + [WIDTH]
        strides = [1 if side <= 32 else 2, *[2] * halvings]
        into = [channels, *widths]
        self.stages = nn.Sequential(
            *(Stage(i, o, s) for i, o, s in zip(into, widths, strides, strict=False))
        )
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = avg_pool2d(x, self.shrink, ceil_mode=True) if self.shrink > 1 else x
        features: Tensor = self.stages(x)
        return features.mean((2, 3))


def domain_classifier(pack: Pack, progress: Progress) -> tuple[Classifier, str, float]:
    """The data's classifier, folded, its weights' hash and its held-out accuracy.

    It is found in the cache folder by the data's fingerprint, or trained now and kept there.
    Raises UsageError for data without labels, DataError where they cannot be learned.
    """
    if pack.labels is None or len(pack.classes) < 2:
        raise UsageError(
            "the domain extractor is a classifier of the data's labels, and the data have none",
            fix="--extractor learned",
        )
    if len(pack) < LEAST:
        raise DataError(
            f"the domain extractor needs {LEAST} labelled images or more, not {len(pack)}",
            fix="--extractor learned",
        )
    place = cache_folder() / f"domain-{RECIPE}-{pack.fingerprint[:32]}.safetensors"
    if (found := kept(place)) is None:
        found = trained(pack, progress)
        with suppress(ResourceError):  # the next time it is trained again
            keep(place, *found)
    arrays, facts = found
    if facts["accuracy"] < ACCURACY:
        raise DataError(
            f"the domain extractor has {100 * facts['accuracy']:.1f} % held-out accuracy; "
            f"below {100 * ACCURACY:.0f} % do not trust its features",
            fix="--extractor learned, or inception",
        )
    return restored(arrays, pack), digest(arrays), facts["accuracy"]


def restored(arrays: Arrays, pack: Pack) -> Classifier:
    network = Classifier((pack.channels, pack.height, pack.width), len(pack.classes))
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    network.eval().requires_grad_(False)
    for stage in network.stages:
        assert isinstance(stage, Stage)
        stage.fold()
    return network


def trained(pack: Pack, progress: Progress) -> tuple[Arrays, dict[str, Any]]:
    """Train on `learning_rows`, and measure on others."""
    rows = learning_rows(pack)
    others = np.setdiff1d(np.arange(len(pack)), rows)
    held_out = numpy_generator("domain", "split").permutation(others)[:TESTED]
    with same_everywhere("domain"):
        network = Classifier((pack.channels, pack.height, pack.width), len(pack.classes))
        tensors.channels_last(network)
        fit(network, pack, rows, progress)
        accuracy = measured(network.eval(), pack, held_out)
    state = network.state_dict()
    arrays = {name: value.contiguous().numpy() for name, value in state.items()}
    return arrays, {"accuracy": accuracy, "held_out": len(held_out), "images": IMAGES}


def fit(network: Classifier, pack: Pack, rows: NDArray[np.int64], progress: Progress) -> None:
    """AdamW with a learning rate that falls to zero along a cosine.

    Images are moved a little, and mirrored where they have colours: grey ones may be digits or
    letters, which are others when mirrored.
    """
    steps = IMAGES // BATCH
    optimiser = AdamW(network.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    draw = numpy_generator("domain", "order")
    for step in range(steps):
        x, y = batch(pack, np.sort(draw.choice(rows, BATCH)))
        x = shifted(x, SHIFT, draw, mirror=pack.channels > 2)
        loss = cross_entropy(network.head(network(x)), y, label_smoothing=0.1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        progress("training the domain classifier", (step + 1) * BATCH, steps * BATCH)


def batch(pack: Pack, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    found = pack.rows(rows)
    x = tensors.to_network(torch.from_numpy(found["x"]))
    return tensors.arrange(x), torch.from_numpy(found["y"])


def measured(network: Classifier, pack: Pack, rows: NDArray[np.int64]) -> float:
    """Share of the images whose class it tells right."""
    right = 0
    with torch.no_grad():
        for part in np.array_split(np.sort(rows), -(-len(rows) // 256)):
            x, y = batch(pack, part)
            right += int((network.head(network(x)).argmax(1) == y).sum())
    return right / len(rows)
