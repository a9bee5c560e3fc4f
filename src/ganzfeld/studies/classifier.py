"""The classifier of an augmentation study, trained the same way in every cell."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, pad

from ganzfeld.core import runtime
from ganzfeld.core.optimizers import AdamW
from ganzfeld.core.randomness import NARROW, key, torch_generator
from ganzfeld.data.sampler import indices
from ganzfeld.metrics.label_classifier import Classifier
from ganzfeld.modalities.image import tensors

BATCH = 64
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def accuracy_of(
    pixels: Pixels,
    labels: Labels,
    test_pixels: Pixels,
    test_labels: Labels,
    *,
    classes: int,
    images: int,
    seed: int,
    shifts: bool = False,
    flips: bool = False,
) -> float:
    """Test accuracy after training on `pixels` for `images` images.

    pixels: uint8 (N, C, H, W). labels: (N,) below `classes`. images: seen in training, the same
        whatever N, so that more images do not mean more training.
    seed: of the initial weights, the order and the augmentation. One seed, one result.
    shifts, flips: move by up to a twelfth of each side with the edge prolonged; mirror.
    """
    with runtime.threads(1):  # the order of sums depends on it
        network = trained(
            pixels, labels, classes=classes, images=images, seed=seed, shifts=shifts, flips=flips
        )
        return float(right(network, test_pixels, test_labels).mean())


def trained(
    pixels: Pixels,
    labels: Labels,
    *,
    classes: int,
    images: int,
    seed: int,
    shifts: bool = False,
    flips: bool = False,
) -> Classifier:
    """The classifier after its training, as `accuracy_of` has it; on one thread, please."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key("study", "initialise", seed))
        network = Classifier(pixels.shape[1:], classes)
    tensors.channels_last(network)
    fit(network, pixels, labels, images, seed, shifts=shifts, flips=flips)
    return network.eval()


def fit(
    network: Classifier,
    pixels: Pixels,
    labels: Labels,
    images: int,
    seed: int,
    *,
    shifts: bool,
    flips: bool,
) -> None:
    """AdamW with a learning rate that falls to zero along a cosine."""
    steps = max(images // BATCH, 1)
    optimiser = AdamW(network.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    # once for a whole training, so 32 bits do; a study that was begun before goes on as it was
    draws = torch_generator("study", "augment", seed, noise=NARROW)
    for step in range(steps):
        rows = indices(len(pixels), seed, "study", step * BATCH, BATCH)
        x = moved(scaled(pixels[rows]), draws, shifts=shifts, flips=flips)
        y = torch.from_numpy(labels[rows])
        loss = cross_entropy(network.head(network(x)), y, label_smoothing=0.1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


def scaled(pixels: Pixels) -> Tensor:
    x = tensors.to_network(torch.from_numpy(np.ascontiguousarray(pixels)))
    return tensors.arrange(x)


def moved(x: Tensor, draws: torch.Generator, *, shifts: bool, flips: bool) -> Tensor:
    """Images (N, C, H, W), each moved and mirrored by chance; the size stays."""
    n, _, height, width = x.shape
    if flips:
        mirrored = torch.rand(n, generator=draws) < 0.5
        x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
    if shifts:
        most = max(round(max(height, width) / 12), 1)
        wide = pad(x, (most, most, most, most), mode="replicate")
        down, right = torch.randint(0, 2 * most + 1, (2, n), generator=draws)
        rows = (torch.arange(height) + down[:, None])[:, :, None]
        columns = (torch.arange(width) + right[:, None])[:, None, :]
        every = torch.arange(n)[:, None, None]
        x = wide.permute(0, 2, 3, 1)[every, rows, columns].permute(0, 3, 1, 2)
    return tensors.arrange(x)


@torch.no_grad()
def right(network: Classifier, pixels: Pixels, labels: Labels) -> NDArray[np.bool_]:
    """For each image, whether it was classified correctly."""
    found = []
    for low in range(0, len(pixels), 256):
        logits = network.head(network(scaled(pixels[low : low + 256])))
        found.append(logits.argmax(1).numpy() == labels[low : low + 256])
    return np.concatenate(found)
