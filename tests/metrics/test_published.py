"""Published means and covariances of Inception's features, as pytorch-fid writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.errors import DataError, UsageError
from ganzfeld.metrics import evaluate as evaluation
from ganzfeld.metrics.features import Extractor, extract, native
from ganzfeld.metrics.frechet import frechet_against, frechet_distance, frechet_estimate


class Stand(nn.Module):
    """In place of Inception: 2,048 features of the pixels, quickly."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3 * 16 * 16, 2048)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1)).relu()


def stand(protocol: str, source: Path | None = None) -> Extractor:
    return Extractor("inception", Stand(), native, "0" * 64, protocol=protocol)


@pytest.fixture
def images() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (80, 3, 16, 16), dtype=np.uint8)


@pytest.fixture
def statistics(tmp_path: Path, images: np.ndarray[Any, Any]) -> Path:
    """Of the last 40 images, as pytorch-fid computes them."""
    features = extract(stand(""), [images[40:]], 40).astype(np.float64)
    path = tmp_path / "stats.npz"
    np.savez(path, mu=features.mean(0), sigma=np.cov(features, rowvar=False))
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "inception", stand)


@pytest.mark.long
def test_the_distance_is_that_to_the_images_themselves(
    tmp_path: Path, images: np.ndarray[Any, Any], statistics: Path
) -> None:
    np.save(tmp_path / "mine.npy", images[:40])
    main.main(
        [
            "evaluate",
            str(tmp_path / "mine.npy"),
            str(statistics),
            "--json",
            str(tmp_path / "r.json"),
        ]
    )
    found = json.loads((tmp_path / "r.json").read_text())
    net = stand("")
    wanted = frechet_distance(*(extract(net, [part], 40) for part in (images[:40], images[40:])))
    assert found["frechet"] == pytest.approx(wanted, rel=1e-6)
    low, high = found["frechet_interval"]
    assert low < found["frechet"] < high and found["frechet_biased"]
    assert found["protocol"]["protocol"] == "pytorch-fid"
    assert "mu and sigma" in found["protocol"]["id"]
    assert not {"kernel", "precision", "real"} & found.keys()
    ganzfeld.evaluate(images[:40], statistics)  # from Python, too


def test_the_interval_is_the_part_of_one_side() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(300, 8)), draw.normal(0.3, size=(100_000, 8))
    one = frechet_against(a, b.mean(0), np.cov(b, rowvar=False))
    two = frechet_estimate(a, b)
    assert one.value == pytest.approx(two.value, rel=1e-9)
    assert np.subtract(*one.interval) == pytest.approx(np.subtract(*two.interval), rel=0.02)


@pytest.mark.parametrize("extractor", ["domain", "learned", "random", "mine.py:net"])
def test_other_extractors_are_refused(statistics: Path, extractor: str) -> None:
    with pytest.raises(UsageError, match="are of Inception's features"):
        ganzfeld.evaluate("avatars:40", statistics, extractor=extractor)


def test_what_needs_images_is_refused(statistics: Path) -> None:
    for options in ({"metrics": ["kernel"]}, {"reference": 10}, {"held_out": "avatars:40"}):
        with pytest.raises(UsageError, match="needs images of the data"):
            ganzfeld.evaluate("avatars:40", statistics, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", ["narrow", "nan", "askew", "negative", "whole"])
def test_other_arrays_are_no_statistics(tmp_path: Path, fault: str) -> None:
    size = 64 if fault == "narrow" else 2048
    mu, sigma = np.zeros(size), np.eye(size)
    if fault == "nan":
        mu[3] = np.nan
    elif fault == "askew":
        sigma[0, 1] = 0.5
    elif fault == "negative":
        sigma[5, 5] = -1
    elif fault == "whole":
        mu = mu.astype(int)
    np.savez(tmp_path / "stats.npz", mu=mu, sigma=sigma)
    with pytest.raises(DataError):
        ganzfeld.evaluate("avatars:40", tmp_path / "stats.npz")
