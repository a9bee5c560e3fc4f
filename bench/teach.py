"""Make src/ganzfeld/metrics/taught.safetensors again, by which `learned` foretells Inception.

    ganzfeld metrics install
    python bench/teach.py

No data are used but what `drawn.py` and `spoiled.py` draw: 280 sets of 10 images, each as it is and
with three damages. Inception looks at 149 pixels, up to `Mixed_6e` (40 ms an image; about ten CPU
minutes, kept in the cache folder). Its first five convolutions at 64 pixels foretell that by a
ridge regression. Prints how well they do on sets that were left out. With another file, raise
`RECIPE` in metrics/learned.py: what is cached of data rests on both.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from spoiled import world
from torch.nn.functional import interpolate

from ganzfeld.core.files import cache_folder
from ganzfeld.core.store import Arrays, keep, kept
from ganzfeld.metrics.inception import Inception, inception_tensors
from ganzfeld.metrics.inception_resize import tf1
from ganzfeld.metrics.taught import FILE, Taught
from ganzfeld.modalities.image.tensors import to_network

FIRST, SETS, IMAGES = 1_000, 280, 10  # seed of the first set; sets; images of one
LEFT_OUT = 23  # sets, for the report
TEACHER = 149  # px
DIRECTIONS = 96
POWER = 1 / 8  # of a direction's variance, by which it is divided, as in learned.py
RIDGE = 300.0

Matrix = NDArray[np.float64]


def seen_by_teacher(net: Inception, seed: int, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means of the 768 maps of Mixed_6e, (N, 768)."""
    place = cache_folder() / f"teach-{TEACHER}-{seed}.safetensors"
    if (found := kept(place)) is not None:
        return found[0]["features"]
    with torch.inference_mode():
        x = tf1(torch.from_numpy(pixels))
        x = interpolate(x, (TEACHER, TEACHER), mode="bilinear", antialias=True)
        x = net.mixed_768(
            net.stem_192(net.stem_64(x.contiguous(memory_format=torch.channels_last)))
        )
        made: NDArray[np.float32] = x.mean((2, 3)).numpy()
    keep(place, {"features": made}, {})
    return made


def eye_of(net: Inception) -> Arrays:
    """The first five convolutions in 16 bits, and a map that is still empty."""
    layers = [*list(net.stem_64)[:3], *list(net.stem_192)[:2]]
    found: Arrays = {}
    for number, layer in enumerate(layers):
        found[f"weight.{number}"] = layer.weight.numpy().astype(np.float16)
        found[f"bias.{number}"] = layer.bias.numpy().astype(np.float16)
    return found | {"map": np.zeros((1, 1), np.float16), "offset": np.zeros(1, np.float32)}


def directions(seen: Matrix) -> Matrix:
    """Mixed_6e (N, 768) along its widest directions, (N, D), the widest of deviation 1."""
    values, vectors = np.linalg.eigh(np.cov(seen.T))
    values, vectors = values[::-1][:DIRECTIONS], vectors[:, ::-1][:, :DIRECTIONS]
    found: Matrix = (seen - seen.mean(0)) @ vectors * values**-POWER * values[0] ** (POWER - 0.5)
    return found


def fitted(found: Matrix, wanted: Matrix) -> tuple[Matrix, Matrix]:
    """Map and offset, by ridge regression of features that were brought to one scale."""
    mean, deviation = found.mean(0), found.std(0) + 1e-6
    x = (found - mean) / deviation
    linear = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (wanted - wanted.mean(0)))
    linear /= deviation[:, None]
    return linear, wanted.mean(0) - mean @ linear


def report(found: Matrix, wanted: Matrix) -> str:
    """What is foretold of sets that were not fitted to, and of what their damages move."""
    few = LEFT_OUT * 4 * IMAGES
    linear, offset = fitted(found[:-few], wanted[:-few])
    told, true = found[-few:] @ linear + offset, wanted[-few:]
    share = 1 - ((told - true) ** 2).sum() / ((true - true.mean(0)) ** 2).sum()
    means = [v.reshape(LEFT_OUT, 4, IMAGES, -1).mean(2) for v in (told, true)]
    moved, truly = ((m[:, 1:] - m[:, :1]).reshape(-1, DIRECTIONS) for m in means)
    along = np.corrcoef(*(np.log((m**2).sum(1)) for m in (moved, truly)))[0, 1]
    return f"R2 of images {share:.2f}; correlation of the logarithms of set distances {along:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    torch.set_num_threads(1)
    net = Inception(inception_tensors()[0]).eval().to(memory_format=torch.channels_last)
    tensors = eye_of(net)
    eye = Taught(tensors).eval().to(memory_format=torch.channels_last)
    seen, found = [], []
    for seed in range(FIRST, FIRST + SETS):
        pixels = world(seed, n=IMAGES).reshape(-1, 3, 64, 64)
        seen.append(seen_by_teacher(net, seed, pixels))
        with torch.inference_mode():
            x = to_network(torch.from_numpy(pixels)).contiguous(memory_format=torch.channels_last)
            found.append(eye.found(x).numpy())
        print(f"\r{seed - FIRST + 1} of {SETS} sets", end="", flush=True)
    features = np.concatenate(found).astype(np.float64)
    wanted = directions(np.concatenate(seen).astype(np.float64))
    print(f"\n{report(features, wanted)}")
    linear, offset = fitted(features, wanted)
    tensors |= {"map": linear.astype(np.float16), "offset": offset.astype(np.float32)}
    facts = {"made by": "bench/teach.py", "from": "Inception-v3, 2015-12-05, Apache-2.0"}
    keep(options.out, tensors, facts)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {json.dumps(facts)}")


if __name__ == "__main__":
    main()
