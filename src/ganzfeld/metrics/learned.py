"""Features learned from the data in seconds, without labels: counts of typical shapes.

From small patches of the data, at several scales, 128 typical shapes a scale are found by
k-means on whitened patches of equal contrast (Coates, Ng and Lee 2011, "An analysis of
single-layer networks in unsupervised feature learning"; the soft threshold is that of Coates and
Ng 2011, "The importance of encoding versus training"). What an image shows of each shape, averaged
over the image, are its features. Fine scales see blur, noise, blocks and the dots of upsampling;
the coarsest, where a patch is nearly half of the image, sees how the parts lie. Since patches have
their brightness taken off and their contrast made equal, an image that is a little brighter is no
other image. Directions in which real images hardly differ then count for more, since artefacts lie
there, and those in which they differ much for less. bench/rank.py is what the design was chosen by.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad

from ganzfeld.core.files import cache_folder
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import Arrays, digest, keep, kept
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DataError, ResourceError
from ganzfeld.metrics.learning import Progress, learning_rows, same_everywhere
from ganzfeld.modalities.image.tensors import to_network

RECIPE = 3  # raise it when the same data would give other features
LEAST = 16  # images
IMAGES = 2_500  # that patches are taken from
PATCHES = 30_000  # a scale
SHAPES = 128  # a scale
SIDE = 6  # px, of a patch
SMALL = 48  # px, sides below which images are looked at twice as large
SCALES = 4  # at most, each half of the one before
ROUNDS = 12  # of k-means
FLAT = 0.006  # added to a patch's variance, so that nearly even patches stay so
EVEN = 0.1  # added to the patches' spectrum, in times of its mean
THRESHOLD = 1.0  # standard deviations that a shape must stand out by
POWER = 1 / 8  # of a direction's variance, by which it is divided; 1/2 would whiten
FLOOR = 0.01  # added to each variance, in times of their mean
CACHED = 1 << 18  # numbers that stay in a processor's cache between two operations

Matrix = NDArray[np.float64]


class Learned(nn.Module):
    """Images (N, C, H, W) in [-1, 1] to features (N, 128 x scales), of about unit deviation.

    tensors: of each scale the shapes (128, C, 6, 6); the mean and the deviation of each feature in
    the images that were learned from; and "evened" (D, D), which makes their directions less
    unequal.
    """

    def __init__(self, tensors: Arrays) -> None:
        super().__init__()
        names = sorted(name for name in tensors if name.startswith("shapes."))
        self.shapes = nn.ParameterList(fixed(tensors[name]) for name in names)
        width = SHAPES * len(names)
        self.mean = fixed(tensors.get("mean", np.zeros(width, np.float32)))
        self.deviation = fixed(tensors.get("deviation", np.ones(width, np.float32)))
        self.evened = fixed(tensors.get("evened", np.eye(width, dtype=np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        return ((self.seen(x) - self.mean) / self.deviation) @ self.evened

    def seen(self, x: Tensor) -> Tensor:
        """The features before they are brought to one scale."""
        x = large_enough(x)
        return torch.cat(
            [
                seen_at(coarse(x, scale), shapes, stride(x, scale))
                for scale, shapes in enumerate(self.shapes)
            ],
            1,
        )


def fixed(array: NDArray[np.float32]) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(array), requires_grad=False)


def large_enough(x: Tensor) -> Tensor:
    """Small images twice as large; edges repeated where one is smaller than a patch even so.

    A patch of 6 pixels holds so much of a small image that its finest parts drown in it: noise and
    JPEG of 32 pixels were hardly seen (bench/rank.py).
    """
    if min(x.shape[2:]) < SMALL:
        x = interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    down, right = (max(0, SIDE - side) for side in x.shape[2:])
    return pad(x, (0, right, 0, down), mode="replicate") if down or right else x


def coarse(x: Tensor, scale: int) -> Tensor:
    return avg_pool2d(x, 2**scale) if scale else x


def stride(x: Tensor, scale: int) -> int:
    """Pixels between patches: 2 where the map is large, which costs a quarter."""
    return 2 if min(x.shape[2:]) >> scale > 32 else 1


def scales_of(height: int, width: int) -> int:
    """How many scales leave an image of 7 pixels or more."""
    return next((n for n in range(1, SCALES) if min(height, width) >> n < SIDE + 1), SCALES)


def seen_at(x: Tensor, shapes: Tensor, step: int) -> Tensor:
    """Mean over the image of what stands out of each shape, (N, shapes).

    Convolution of patches whose mean is taken off and whose contrast is made equal.
    """
    mean = avg_pool2d(x.mean(1, keepdim=True), SIDE, step)
    square = avg_pool2d((x * x).mean(1, keepdim=True), SIDE, step)
    contrast = torch.sqrt((square - mean * mean).clamp_min(0) + FLAT)
    sums = shapes.sum((1, 2, 3))[None, :, None, None]
    found = conv2d(x, shapes, stride=step)
    few = max(CACHED // found[0].numel(), 1) if x.device.type == "cpu" else len(x)
    seen, room = [], torch.empty_like(found[:few])
    for some, m, c in zip(*(torch.split(t, few) for t in (found, mean, contrast)), strict=True):
        some.sub_(torch.mul(m, sums, out=room[: len(some)])).div_(c)
        seen.append(some.sub_(THRESHOLD).relu_().mean((2, 3)))
    return torch.cat(seen)


def learned_features(pack: Pack, progress: Progress) -> tuple[Learned, str]:
    """The data's network and its weights' hash, from the cache folder or learned now.

    Raises DataError for fewer than 16 images.
    """
    if len(pack) < LEAST:
        raise DataError(
            f"the learned extractor needs {LEAST} images or more, not {len(pack)}",
            fix="--extractor random",
        )
    place = cache_folder() / f"learned-{RECIPE}-{pack.fingerprint[:32]}.safetensors"
    if (found := kept(place)) is None:
        found = learn(pack, progress), {}
        with suppress(ResourceError):  # the next time they are learned again
            keep(place, *found)
    return Learned(found[0]).eval().requires_grad_(False), digest(found[0])


def learn(pack: Pack, progress: Progress) -> Arrays:
    """Shapes of each scale, then the mean and deviation of each feature, and their directions."""
    draw = numpy_generator("learned", "images")
    rows = np.sort(draw.permutation(learning_rows(pack))[:IMAGES])
    tensors: Arrays = {}
    with same_everywhere("learned"), torch.no_grad():
        given = to_network(torch.from_numpy(pack.rows(rows)["x"]))
        x = large_enough(given)
        number = scales_of(*x.shape[2:])
        for scale in range(number):
            images = coarse(x, scale).numpy()
            tensors[f"shapes.{scale}"] = shapes_of(images, numpy_generator("learned", scale))
            progress("learning features of the data", scale + 1, number + 1)
        network = Learned(tensors)
        found = torch.cat([network.seen(part) for part in torch.split(given, 64)]).double()
        spread = found.std(0, correction=0)
        floor = 1e-3 * float(found.std()) + 1e-6
        tensors["mean"] = found.mean(0).float().numpy()
        tensors["deviation"] = (spread + floor).float().numpy()
        tensors["evened"] = evened(((found - found.mean(0)) / (spread + floor)).numpy())
        progress("learning features of the data", number + 1, number + 1)
    # Rounded, so that fewer of another machine's last bits make another network.
    rounded = {name: np.round(array, 5) for name, array in tensors.items()}
    rounded["deviation"] = np.maximum(rounded["deviation"], np.float32(1e-5))  # of equal images
    return rounded


def evened(features: Matrix) -> NDArray[np.float32]:
    """What makes the directions of features (N, D) less unequal: a symmetric matrix (D, D).

    Along a direction of variance v it divides by v^(1/8).
    """
    values, vectors = np.linalg.eigh(features.T @ features / len(features))
    values = np.maximum(values, 0) + max(FLOOR * float(values.mean()), 1e-6)
    found: NDArray[np.float32] = ((vectors * values**-POWER) @ vectors.T).astype(np.float32)
    return found


def shapes_of(images: NDArray[np.float32], draw: np.random.Generator) -> NDArray[np.float32]:
    """Filters (128, C, 6, 6) whose answers to the patches of images have deviation 1."""
    patches = patches_of(images, draw)
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    ridge = EVEN * max(float(values.mean()), 1e-6)
    whiten = (vectors / np.sqrt(np.maximum(values, 0) + ridge)) @ vectors.T
    white = patches @ whiten
    filters = typical(white, draw) @ whiten
    filters /= max(float((patches @ filters.T).std()), 1e-6)
    found: NDArray[np.float32] = filters.astype(np.float32)
    return found.reshape(SHAPES, images.shape[1], SIDE, SIDE)


def patches_of(images: NDArray[np.float32], draw: np.random.Generator) -> Matrix:
    """Patches (30,000, C x 6 x 6) without their mean and of equal contrast."""
    n, _, h, w = images.shape
    number = draw.integers(n, size=PATCHES)
    top, left = (draw.integers(side - SIDE + 1, size=PATCHES) for side in (h, w))
    windows = np.lib.stride_tricks.sliding_window_view(images, (SIDE, SIDE), axis=(2, 3))
    found = windows[number, :, top, left].reshape(PATCHES, -1).astype(np.float64)
    found -= found.mean(1, keepdims=True)
    found /= np.sqrt((found * found).mean(1, keepdims=True) + FLAT)
    return found


def typical(white: Matrix, draw: np.random.Generator) -> Matrix:
    """Directions (128, D) of unit length, by spherical k-means."""
    length = np.linalg.norm(white, axis=1, keepdims=True)
    white = white / np.maximum(length, 1e-3)
    centres = white[draw.permutation(len(white))[:SHAPES]]
    for _ in range(ROUNDS):
        likeness = white @ centres.T
        nearest = likeness.argmax(1)
        weights = np.zeros_like(likeness)
        weights[np.arange(len(white)), nearest] = likeness.max(1)
        sums = weights.T @ white
        length = np.linalg.norm(sums, axis=1)
        lost = length < 1e-6  # nothing is near it: another patch in its place
        sums[lost] = white[draw.integers(len(white), size=int(lost.sum()))] + 1e-6
        centres = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return centres
