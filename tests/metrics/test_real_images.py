"""What metrics say of real images, fresh and copied, on data sets that are not part of the package.

GANZFELD_REAL_DATA=/data pytest -m slow -s tests/metrics/test_real_images.py

/data holds fashion_mnist/, eurosat64/eurosat64_3500.zip and anime_faces96/anime96_6k.zip; what is
not there is skipped.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzfeld import metrics
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.metrics.features import extract, make_extractor, of_pack
from ganzfeld.metrics.learning import learning_rows

pytestmark = pytest.mark.slow
Pixels = NDArray[np.uint8]
PLACES = {
    "fashion": ("fashion_mnist", None),
    "mnist": ("mnist", None),
    "eurosat": ("eurosat64/eurosat64_3500.zip", None),
    "anime": ("anime_faces96/anime96_6k.zip", (64, 64)),
    "photos": ("faces_photo96/faces96_6k.zip", (64, 64)),
}


def opened(name: str) -> Pack:
    where, size = PLACES[name]
    place = Path(os.environ.get("GANZFELD_REAL_DATA", "nowhere")) / where
    if not place.exists():
        pytest.skip(f"GANZFELD_REAL_DATA has no {where}")
    return open_pack(place, PackOptions(size=size), workers=0)


def blurred(x: Pixels) -> Pixels:
    """Means of 3 x 3 pixels."""
    wide = np.pad(x.astype(float), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (3, 3), (2, 3))
    found: Pixels = np.rint(windows.mean((4, 5))).astype(np.uint8)
    return found


def test_fresh_images_are_as_dense_as_the_data() -> None:
    """For `domain`, which learns on others: over ten splits, and blurred ones beside."""
    pack = opened("eurosat")
    net = make_extractor("domain", pack, progress=lambda *_: None)
    rest = np.setdiff1d(np.arange(len(pack)), learning_rows(pack))
    rows = numpy_generator("real images").permutation(rest)[:2_000]
    plain = extract(net, of_pack(pack, rows), len(rows))
    soft = extract(net, map(blurred, of_pack(pack, rows)), len(rows))
    half = len(rows) // 2
    found = []
    for split in range(10):
        order = numpy_generator("real images", split).permutation(len(rows))
        one, other = order[:half], order[half : 2 * half]
        fresh = metrics.manifolds(plain[one], plain[other])
        bad = metrics.manifolds(soft[one], plain[other])
        found.append(
            [fresh.density.value, fresh.coverage.value, bad.density.value, bad.coverage.value]
        )
    density, coverage, dull, few = np.mean(found, 0)
    print(
        f"{half:,} against {half:,}, accuracy {net.facts['accuracy']:.3f}: "
        f"density {density:.3f}, coverage {coverage:.3f}; blurred {dull:.3f}, {few:.3f}"
    )
    assert 0.95 <= density <= 1.05
    assert 0.95 <= coverage <= 0.98
    assert few < coverage - 0.02


# By the benches, whose rows these are


def bench(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A file of bench/ as a module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    return importlib.import_module(name)


@pytest.mark.parametrize("name", ["fashion", "mnist", "anime", "photos", "eurosat"])
def test_a_fifth_of_near_copies_is_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of fresh images at most one in a hundred is flagged; in data with doubles, too."""
    pack = opened(name)
    out = tmp_path / "copies.jsonl"
    bench("copies", monkeypatch).measured(name, pack, argparse.Namespace(most=2_500, out=out))
    for row in map(json.loads, out.read_text().splitlines()):
        print(row)
        assert row["flagged"] <= (0.01 if row["set"] == "fresh" else 0.015)  # of 1,000, 400
        assert row["warning"] == (row["set"] != "fresh")
        # 3 px are a ninth of the side of a fashion image; JPEG leaves little of smooth fields
        least = {"fashion": 0.8, "mnist": 0.9, "eurosat": 0.8}.get(name, 0.95)
        assert row["found"] is None or row["found"] >= least
