"""What measuring costs: Inception features against the usual loop, and the Frechet distance.

    python bench/evaluate_speed.py --images 200 --rounds 3
    python bench/evaluate_speed.py --only frechet

The usual loop is a plain PyTorch implementation as in the common FID tools: the same network
with its batch normalisations, images resized, no_grad, batches of 50. Both sides get the same
decoded images, and take turns. Times are CPU seconds of this process. The Frechet distance
with scipy's sqrtm needs scipy, which ganzfeld does not.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, relu

from ganzfeld.core.store import Arrays
from ganzfeld.metrics.features import BATCH, extract, inception
from ganzfeld.metrics.frechet import frechet_distance
from ganzfeld.metrics.inception import EPSILON, inception_tensors


class Plain(nn.Module):
    """A convolution, its batch normalisation and ReLU, as in torchvision."""

    def __init__(self, tensors: Arrays, name: str, stride: int, padding: tuple[int, int]) -> None:
        super().__init__()
        weight = torch.from_numpy(tensors[f"{name}.conv.weight"])
        out, into, height, width = weight.shape
        self.conv = nn.Conv2d(into, out, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=EPSILON)
        self.conv.weight.data.copy_(weight)
        for part in ("weight", "bias", "running_mean", "running_var"):
            getattr(self.bn, part).data.copy_(torch.from_numpy(tensors[f"{name}.bn.{part}"]))

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.bn(self.conv(x)), inplace=True)


class PlainInception(nn.Module):
    """The network of FID, layer by layer."""

    def __init__(self, tensors: Arrays) -> None:
        super().__init__()
        names = [n.removesuffix(".conv.weight") for n in tensors if n.endswith(".conv.weight")]
        reduced = {"Conv2d_1a_3x3": 2, "Mixed_6a.branch3x3": 2, "Mixed_6a.branch3x3dbl_3": 2}
        reduced |= {"Mixed_7a.branch3x3_2": 2, "Mixed_7a.branch7x7x3_4": 2}
        unpadded = {"Conv2d_2a_3x3", "Conv2d_4a_3x3", *reduced}
        self.layers = nn.ModuleDict()
        for name in names:
            height, width = tensors[f"{name}.conv.weight"].shape[2:]
            padding = (0, 0) if name in unpadded else (height // 2, width // 2)
            self.layers[name.replace(".", "/")] = Plain(
                tensors, name, reduced.get(name, 1), padding
            )

    def run(self, x: Tensor, *names: str) -> Tensor:
        for name in names:
            x = self.layers[name](x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        x = self.run(x, "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3")
        x = self.run(max_pool2d(x, 3, 2), "Conv2d_3b_1x1", "Conv2d_4a_3x3")
        x = max_pool2d(x, 3, 2)
        for b in ("Mixed_5b/branch", "Mixed_5c/branch", "Mixed_5d/branch"):
            pool = self.run(average(x), f"{b}_pool")
            five = self.run(x, f"{b}5x5_1", f"{b}5x5_2")
            three = self.run(x, *(f"{b}3x3dbl_{i}" for i in (1, 2, 3)))
            x = torch.cat([self.run(x, f"{b}1x1"), five, three, pool], 1)
        b = "Mixed_6a/branch"
        three = self.run(x, *(f"{b}3x3dbl_{i}" for i in (1, 2, 3)))
        x = torch.cat([self.run(x, f"{b}3x3"), three, max_pool2d(x, 3, 2)], 1)
        for b in (f"Mixed_6{i}/branch" for i in "bcde"):
            pool = self.run(average(x), f"{b}_pool")
            seven = self.run(x, *(f"{b}7x7_{i}" for i in (1, 2, 3)))
            double = self.run(x, *(f"{b}7x7dbl_{i}" for i in (1, 2, 3, 4, 5)))
            x = torch.cat([self.run(x, f"{b}1x1"), seven, double, pool], 1)
        b = "Mixed_7a/branch"
        seven = self.run(x, *(f"{b}7x7x3_{i}" for i in (1, 2, 3, 4)))
        x = torch.cat([self.run(x, f"{b}3x3_1", f"{b}3x3_2"), seven, max_pool2d(x, 3, 2)], 1)
        for b in ("Mixed_7b/branch", "Mixed_7c/branch"):
            three = self.run(x, f"{b}3x3_1")
            double = self.run(x, f"{b}3x3dbl_1", f"{b}3x3dbl_2")
            parts = [self.run(three, f"{b}3x3_2{i}") for i in "ab"]
            parts += [self.run(double, f"{b}3x3dbl_3{i}") for i in "ab"]
            pooled = average(x) if b.startswith("Mixed_7b") else max_pool2d(x, 3, 1, 1)
            x = torch.cat([self.run(x, f"{b}1x1"), *parts, self.run(pooled, f"{b}_pool")], 1)
        return x.mean((2, 3))


def average(x: Tensor) -> Tensor:
    return avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def usual_loop(network: nn.Module, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    found = []
    with torch.no_grad():
        for low in range(0, len(pixels), 50):
            x = torch.from_numpy(pixels[low : low + 50]).float() / 255
            x = 2 * interpolate(x, (299, 299), mode="bilinear", align_corners=False) - 1
            found.append(network(x).cpu().numpy())
    return np.concatenate(found)


def chunks(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for low in range(0, len(pixels), BATCH):
        yield pixels[low : low + BATCH]


def cpu_seconds(work: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def compare_features(count: int, rounds: int) -> None:
    tensors, _ = inception_tensors()
    plain, ours = PlainInception(tensors).eval(), inception("pytorch-fid")
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (count, 3, 64, 64)).astype(np.uint8)
    usual_loop(plain, pixels[:50])
    extract(ours, chunks(pixels[:BATCH]), BATCH)
    ratios = []
    for number in range(rounds):
        one, a = cpu_seconds(lambda: usual_loop(plain, pixels))
        other, b = cpu_seconds(lambda: extract(ours, chunks(pixels), count))
        assert isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        ratios.append(other / one)
        print(
            f"round {number + 1}: {count} images, usual loop {one:.1f} s, ours {other:.1f} s, "
            f"ratio {other / one:.3f}, largest difference {np.abs(a - b).max():.1e}"
        )
    print(f"median ratio {np.median(ratios):.3f}")


def compare_frechet(count: int, dim: int) -> None:
    from scipy.linalg import sqrtm

    draw = np.random.default_rng(0)
    mix = draw.standard_normal((dim, dim)) / np.sqrt(dim)
    for n in (count, dim // 2):
        a = np.maximum(draw.standard_normal((n, dim)) @ mix, 0)
        b = np.maximum(draw.standard_normal((n, dim)) @ mix + 0.1, 0)

        def usual(a: NDArray[np.float64] = a, b: NDArray[np.float64] = b) -> float:
            s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
            root = sqrtm(s1 @ s2)
            shift = ((a.mean(0) - b.mean(0)) ** 2).sum()
            return float(shift + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real)

        one, theirs = cpu_seconds(usual)
        other, ours = cpu_seconds(lambda a=a, b=b: frechet_distance(a, b))  # type: ignore[misc]
        print(
            f"Frechet, N = {n:,}, D = {dim:,}: sqrtm {one:.1f} s ({theirs:.8f}), "
            f"ganzfeld {other:.1f} s ({ours:.8f}), ratio {other / one:.3f}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What measuring costs, in CPU seconds.")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=2048)
    parser.add_argument("--only", choices=("features", "frechet"))
    options = parser.parse_args()
    if options.only != "frechet":
        compare_features(options.pictures, options.rounds)
    if options.only != "features":
        compare_frechet(options.samples, options.dim)
