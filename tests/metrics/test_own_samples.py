"""Anybody's samples against data: those that cannot be compared are refused in a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzfeld.data.pack import open_pack
from ganzfeld.errors import DataError
from ganzfeld.modalities import modality_of
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


def test_levels_are_compared_as_they_are_written(tmp_path: Path) -> None:
    """Of a column of "yes", "no" and "maybe" samples may hold two, which alone are booleans, and
    the other way round; of "1.50" and "n.d." those that are numbers alone."""
    said = {"full": ["Yes", "No", "maybe"], "two": ["Yes", "No", "Yes"]}
    sizes = {"full": ["1.50", "2.00", "n.d."], "two": ["1.50", "2.00", "1.50"]}
    packs = {}
    for name in said:
        rows = [f"{said[name][i % 3]},{sizes[name][i % 3]},{i % 7}" for i in range(60)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["said,size,n", *rows]))
        packs[name] = open_pack(tmp_path / f"{name}.csv", cache=tmp_path / "cache", workers=0)
    names = [column.get("names") for column in packs["full"].spec.extra["columns"]]
    assert names == [["No", "Yes", "maybe"], ["1.50", "2.00", "n.d."], None]
    assert "names" not in packs["two"].spec.extra["columns"][1]
    places = np.arange(60)
    first = open_like(str(tmp_path / "two.csv"), packs["full"], lambda *_: None).rows(places)["x"]
    assert first[:3].tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 2]]
    other = packs["full"].rows(places)["x"]
    kind = modality_of(packs["full"].spec)
    turn = kind.turned(
        spec := packs["full"].spec,
        replace(spec, extra={"columns": packs["two"].spec.extra["columns"][:1]}),
    )
    assert turn is not None
    assert np.array_equal(turn(other)[:3, 0], [1, 0, np.nan], equal_nan=True)


def test_a_table_that_lacks_a_column_hears_which_there_should_be(tmp_path: Path) -> None:
    for name, head in (("full", "age,city,n"), ("less", "age,town,n")):
        rows = [f"{i % 60},{'ab'[i % 2]},{i % 7}" for i in range(60)]
        (tmp_path / f"{name}.csv").write_text("\n".join([head, *rows]))
    data = open_pack(tmp_path / "full.csv", cache=tmp_path / "cache", workers=0)
    with pytest.raises(DataError, match="no column city") as told:
        open_like(str(tmp_path / "less.csv"), data, lambda *_: None).rows(np.arange(2))
    assert told.value.fix.endswith("age, city, n")


def test_cells_that_no_known_sign_parts_are_told_how(tmp_path: Path) -> None:
    rows = [f"{i}^word {i}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["n^name", *rows]))
    with pytest.raises(DataError, match="no column of numbers") as told:
        open_pack(tmp_path / "t.csv", cache=tmp_path / "cache", workers=0)
    assert "commas, semicolons, tabs" in told.value.fix
