"""Runs of before read the columns beside their samples as before, whatever reader reads them."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganzfeld.data.pack import PackOptions, open_pack

COUNT = 24
SLASHED = [f"{13 + i % 12}/11/2026" for i in range(COUNT)]
TOLD = [("Yes", "No")[i % 2] for i in range(COUNT)]
BESIDE = {"slashed": SLASHED, "told": TOLD}
NOISE = np.random.default_rng(0).normal(size=(COUNT, 16, 16)) ** 3
PIXELS = (NOISE > 0).astype(np.uint8) * 255


def csv(path: Path, columns: dict[str, Sequence[Any]]) -> Path:
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]))
    return path


def npz(path: Path, x: Any, **more: Any) -> Path:
    np.savez(path, x=x, slashed=np.array(SLASHED), told=np.array(TOLD), **more)
    return path


def rows_of_json(path: Path, **more: Sequence[Any]) -> Path:
    columns = {**more, **BESIDE}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def parquet(path: Path, **more: Any) -> Path:
    arrow = pytest.importorskip("pyarrow")
    file = pytest.importorskip("pyarrow.parquet")
    file.write_table(arrow.table({**more, **BESIDE}), path)
    return path


def sounds(root: Path, names: Sequence[str]) -> Path:
    root.mkdir()
    for place, name in enumerate(names):
        with wave.open(str(root / name), "wb") as file:
            file.setparams((1, 2, 4_000, 0, "NONE", ""))
            file.writeframes((NOISE[place].ravel() * 1_000).clip(-30_000, 30_000).astype("<i2"))
    return root


def images(root: Path) -> list[str]:
    root.mkdir()
    names = [f"{place:02}.png" for place in range(COUNT)]
    for name, pixels in zip(names, PIXELS, strict=True):
        Image.fromarray(pixels).save(root / name)
    return names


def images_with_table(root: Path) -> Path:
    csv(root / "metadata.csv", {"file_name": images(root), **BESIDE})
    return root


def images_with_json(root: Path) -> Path:
    for place, name in enumerate(images(root)):
        cells = {column: words[place] for column, words in BESIDE.items()}
        (root / name).with_suffix(".json").write_text(json.dumps(cells))
    return root


def png(place: int, root: Path) -> bytes:
    Image.fromarray(PIXELS[place]).save(root / "one.png")
    return (root / "one.png").read_bytes()


def sounds_with_table(root: Path) -> Path:
    names = [f"{place}.wav" for place in range(COUNT)]
    return csv(sounds(root, names) / "metadata.csv", {"file_name": names, **BESIDE}).parent


def images_in_parquet(root: Path) -> Path:
    root.mkdir()
    return parquet(root / "a.parquet", image=[{"bytes": png(i, root)} for i in range(COUNT)])


def series_in_rows(path: Path) -> Path:
    """A recording for each of eight ids; what is said of an id is the same in all its rows."""
    steps = 40
    ids = [i for i in range(8) for _ in range(steps)]
    times = [f"2026-01-01 00:{t:02}" for _ in range(8) for t in range(steps)]
    wave_of = [round(float(np.sin(t / 3 + i)), 3) for i in range(8) for t in range(steps)]
    said = {name: [words[i] for i in ids] for name, words in BESIDE.items()}
    return csv(path, {"id": ids, "time": times, "value": wave_of, **said})


LINES = [f"a line of words, number {i}" for i in range(COUNT)]
READERS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "table.csv": (lambda p: csv(p, {"n": range(COUNT), **BESIDE}), "table"),
    "table.parquet": (lambda p: parquet(p, n=[i * 7 % 5 for i in range(COUNT)]), "table"),
    "table.jsonl": (lambda p: rows_of_json(p, n=range(COUNT)), "table"),
    "fields.npz": (lambda p: npz(p, NOISE), "auto"),
    "pixels.npz": (lambda p: npz(p, PIXELS), "auto"),
    "series.npz": (lambda p: npz(p, NOISE, modality=np.array("series")), "auto"),
    "series.csv": (series_in_rows, "series"),
    "text.jsonl": (lambda p: rows_of_json(p, text=LINES), "auto"),
    "text.parquet": (lambda p: parquet(p, text=LINES), "auto"),
    "sounds with a table": (sounds_with_table, "auto"),
    "images with a table": (images_with_table, "auto"),
    "images with JSON": (images_with_json, "auto"),
    "images in parquet": (images_in_parquet, "auto"),
}


@pytest.mark.parametrize("name", READERS)
def test_runs_of_before_find_the_columns_that_they_found(name: str, tmp_path: Path) -> None:
    make, kind = READERS[name]
    path = make(tmp_path / name)
    found = {}
    for rules in (4, 5):
        options = PackOptions(rules=rules, modality=kind)
        pack = open_pack(path, options, cache=tmp_path / "cache", workers=0)
        found[rules] = {n: pack.columns[n].spec for n in BESIDE if n in pack.columns}
    slashed, told = (found[4][n] for n in BESIDE)
    assert slashed.modality in ("class", "text") and "form" not in {**slashed.extra, **told.extra}
    assert found[5]["told"].extra["form"] == "No|Yes"
    if name == "series.csv":  # in which dates are no columns
        assert "slashed" not in found[5]
    else:
        assert found[5]["slashed"].extra["unit"] == "day"


def test_parts_of_the_names_of_sounds_too(tmp_path: Path) -> None:
    names = [f"{('Yes', 'No')[i % 2]}_{i}.wav" for i in range(COUNT)]
    root = sounds(tmp_path / "sounds", names)
    for rules in (4, 5):
        pack = open_pack(root, PackOptions(rules=rules), cache=tmp_path / "cache", workers=0)
        assert ("form" in pack.columns["name_1"].spec.extra) == (rules == 5)
