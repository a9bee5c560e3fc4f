"""Compare with published statistics: the mu and sigma of pytorch-fid's .npz files.

Such a file holds the mean and the covariance of Inception's features of somebody's data, without
the images. It allows the Frechet distance alone, by the network and the preparation of its maker.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core import npy
from ganzfeld.core.randomness import key
from ganzfeld.core.reader import Unreadable, read_whole
from ganzfeld.errors import DataError, UsageError
from ganzfeld.metrics.distances import Array
from ganzfeld.metrics.features import Extractor, extract
from ganzfeld.metrics.frechet import frechet_against
from ganzfeld.metrics.learning import Progress
from ganzfeld.metrics.registry import BIASED
from ganzfeld.metrics.summary import warnings
from ganzfeld.text import shown
from ganzfeld.version import __version__

DIMENSIONS = 2048  # of Inception's last features
PROTOCOL = "pytorch-fid"
MOST_BYTES = 256 << 20
KEYS = ("mu", "sigma")
NEAR = 1e-6  # relative: how symmetric a covariance is


@dataclass(frozen=True)
class Statistics:
    """mean (D,) and covariance (D, D), float64. stamp: sha256 hex of the file."""

    path: Path
    mean: Array
    covariance: Array
    stamp: str


def statistics_of(data: Any) -> Statistics | None:
    """The statistics in a file; None for anything else than an .npz with mu and sigma.

    Raises DataError where it has both and they are not those of Inception's features.
    """
    if not isinstance(data, str | os.PathLike) or not str(data).lower().endswith(".npz"):
        return None
    path = Path(data)
    if not path.is_file() or not set(KEYS) <= names_in(path):
        return None
    try:
        content = read_whole(path, MOST_BYTES)
        found = npy.arrays(content, MOST_BYTES, KEYS)
        mean, covariance = (found[key] for key in KEYS)
    except Unreadable as error:
        raise DataError(f"{shown(path.name)} {error}") from error
    except (KeyError, OSError) as error:
        raise DataError(f"{shown(path.name)} cannot be read: {error}") from error
    wrong = problem(mean, covariance)
    if wrong:
        raise DataError(
            f"{shown(path.name)}: {wrong}",
            fix=f"use statistics of pytorch-fid with its usual {DIMENSIONS:,} features",
        )
    stamp = hashlib.sha256(content).hexdigest()
    return Statistics(path, mean.astype(np.float64), covariance.astype(np.float64), stamp)


def names_in(path: Path) -> set[str]:
    """The names of the arrays in an .npz; none where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return set()


def problem(mean: NDArray[Any], covariance: NDArray[Any]) -> str:
    """Why this is no mean and covariance of Inception's features; "" where it is."""
    if mean.dtype.kind != "f" or covariance.dtype.kind != "f":
        return f"mu and sigma are {mean.dtype} and {covariance.dtype}, not floats"
    if mean.shape != (DIMENSIONS,) or covariance.shape != (DIMENSIONS, DIMENSIONS):
        return (
            f"mu {mean.shape} and sigma {covariance.shape} are not of {DIMENSIONS:,} features, as "
            "Inception's last layer has"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        return "mu or sigma holds NaN or infinity"
    scale = float(abs(covariance).max())
    if float(abs(covariance - covariance.T).max()) > NEAR * scale:
        return "sigma is not symmetric"
    if float(np.diagonal(covariance).min()) < -NEAR * scale:
        return "sigma has variances below 0"
    return ""


def check(
    extractor: str | None,
    metrics: Sequence[str] | None,
    others: dict[str, Any],
) -> None:
    """UsageError where something is asked for that statistics cannot give.

    others: options that need images of the data, by how they are given; None where they are not.
    """
    base = "" if extractor is None else extractor.partition("=")[0]
    if base not in ("", "inception"):
        raise UsageError(
            f"the statistics are of Inception's features: --extractor {extractor} has others",
            safe="nothing was measured",
            fix="leave --extractor out, or give the images of the data in place of the .npz",
        )
    asked = [name for name in metrics or () if name not in ("frechet", "fid")]
    given = [name for name, value in others.items() if value is not None]
    if asked or given:
        what = f"--metrics {' '.join(asked)}" if asked else given[0]
        raise UsageError(
            f"{what} needs images of the data, and mu and sigma allow the Frechet distance alone",
            safe="nothing was measured",
            fix="--metrics frechet   or give the images of the data in place of the .npz",
        )


def measure(
    net: Extractor,
    statistics: Statistics,
    chunks: Iterable[NDArray[np.uint8]],
    count: int,
    shape: Sequence[int],
    seed: int,
    device: torch.device,
    progress: Progress,
) -> dict[str, Any]:
    """The Frechet distance of images to the statistics, and its protocol, as `evaluate` gives it.

    chunks: the images, `count` of them, of a shape (C, H, W).
    """
    features = extract(
        net, chunks, count, device=device, progress=progress, stage="generated images"
    )
    about = {
        "extractor": net.name,
        "weights": net.weights,
        "resize": net.resize,
        "values": net.values,
        "channels": net.channels,
        "shape": list(shape),
        "generated": count,
        "reference": 0,  # the file does not say of how many images it is
        "data": statistics.stamp,
        "seed": seed,
        "library": f"ganzfeld {__version__}",
    }
    words = [net.name, net.weights[:8], net.protocol, f"n{count}"]
    words += [f"mu and sigma {statistics.stamp[:8]}", f"seed {seed}", str(about["library"])]
    digest = f"{key(json.dumps(about, sort_keys=True)):016x}"
    name = f"{' / '.join(words)} / {digest[:8]}"
    found = frechet_against(features, statistics.mean, statistics.covariance)
    result: dict[str, Any] = {
        "count": count,
        "frechet": found.value,
        "frechet_interval": list(found.interval),
        "frechet_biased": len(features) < BIASED,
        "protocol": {"id": name, "protocol": net.protocol, **about},
    }
    return result | {"warnings": warnings(result)}
