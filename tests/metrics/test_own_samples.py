"""Anybody's samples against data: those that cannot be compared are refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzfeld.data.pack import open_pack
from ganzfeld.errors import DataError
from ganzfeld.models.open import open_like


def series(path: Path, names: str, channels: Any) -> Path:
    rows = (f"{t},{','.join(f'{v:.4f}' for v in row)}" for t, row in enumerate(channels.T))
    path.write_text("\n".join([f"time,{names}", *rows]))
    return path


def test_fields_of_other_cells_are_not_compared(tmp_path: Path) -> None:
    for side in (8, 6):
        draws = np.random.default_rng(side)
        np.save(tmp_path / f"{side}.npy", draws.normal(size=(40, side, side)) * 9)
    data = open_pack(tmp_path / "8.npy", cache=tmp_path / "cache", workers=0)
    said = "the fields hold 6 x 6 cells, 1 channel, where those that they are compared with hold 8"
    with pytest.raises(DataError, match=said):
        open_like(str(tmp_path / "6.npy"), data, lambda *_: None)


def test_channels_of_series_are_compared_by_their_names(tmp_path: Path) -> None:
    walks = np.random.default_rng(0).normal(size=(3, 200)).cumsum(1)
    one = series(tmp_path / "one.csv", "a,b,c", walks)
    data = open_pack(one, cache=tmp_path / "cache", workers=0)
    turned = series(tmp_path / "turned.csv", "c,a,b", walks[[2, 0, 1]])
    there = open_like(str(turned), data, lambda *_: None)
    places = np.arange(len(data))
    assert np.array_equal(there.rows(places)["x"], data.rows(places)["x"])
    fewer = series(tmp_path / "fewer.csv", "a,b", walks[:2])
    with pytest.raises(DataError, match="2 channels: a, b, where those that they are compared"):
        open_like(str(fewer), data, lambda *_: None)
