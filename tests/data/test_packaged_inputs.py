"""Sounds of other formats, Parquet and tables beside files, as the packages that read them do."""

from __future__ import annotations

import datetime
import decimal
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzfeld.data.conditions import conditioned
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.modalities.audio.bad import BadSound
from ganzfeld.modalities.audio.read import read_sound

COUNT = 24


def opened(path: Path, tmp_path: Path, **options: Any) -> Pack:
    return open_pack(path, PackOptions(**options), cache=tmp_path / "cache", workers=0)


def tone(k: int, length: int = 4000) -> np.ndarray:
    return 0.3 * np.sin(np.arange(length) * (0.1 + k / 50))


def encoded(k: int, kind: str, length: int = 4000, **more: Any) -> bytes:
    soundfile = pytest.importorskip("soundfile")
    file = io.BytesIO()
    soundfile.write(file, tone(k, length), 16_000, format=kind, **more)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3", "AIFF", "AU", "CAF"])
def test_sounds_of_other_formats_are_read(kind: str, tmp_path: Path) -> None:
    end = kind.lower()
    rows = ["file_name,pitch,mood"]
    for k in range(COUNT):
        (tmp_path / f"{k}.{end}").write_bytes(encoded(k, kind))
        rows.append(f"{k}.{end},{k / 2},{'ab'[k % 2]}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    (tmp_path / f"junk.{end}").write_bytes(encoded(0, kind)[:4] + bytes(range(256)))
    pack = opened(tmp_path, tmp_path, on_bad_image="skip", labels="column:mood")
    assert len(pack) == COUNT and pack.spec.modality == "audio" and pack.classes == ("a", "b")
    ((name, why),) = pack.report["skipped"]
    assert name == f"junk.{end}" and "0x" not in why, why
    assert pack.report["converted"][{"OGG": "Ogg"}.get(kind, kind)] == COUNT
    assert conditioned(pack, ["pitch"], 0).rows(np.arange(COUNT))["c"].shape == (COUNT, 1)
    found = read_sound(encoded(3, kind)).samples
    assert np.abs(found[0][500:3500] - tone(3)[500:3500]).max() < 0.05 or kind in ("OGG", "MP3")


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "AIFF", "AU"])
def test_sounds_that_are_cut_short_are_bad(kind: str) -> None:
    data = encoded(0, kind, 16_000)
    with pytest.raises(BadSound, match=r"cut short|damaged") as told:
        read_sound(data[: len(data) // 2])
    assert "0x" not in str(told.value)


def test_an_mp3_that_says_how_long_it_is_is_told_when_it_is_not() -> None:
    data = bytearray(encoded(0, "MP3", 16_000))
    place = max(data.find(b"Xing"), data.find(b"Info"))
    if place < 0:  # written without: put one into a frame of silence that decoders pass over
        pytest.skip("this encoder writes no length")
    read_sound(bytes(data))
    with pytest.raises(BadSound, match="cut short"):
        read_sound(bytes(data[: len(data) // 2]))


def test_metadata_of_sounds_is_found_as_json_lines_too(tmp_path: Path) -> None:
    rows = []
    for k in range(COUNT):
        (tmp_path / f"{k}.flac").write_bytes(encoded(k, "FLAC"))
        rows.append({"file_name": f"{k}.flac", "label": "ab"[k % 2], "pitch": k / 2})
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for source in (tmp_path, tmp_path / "metadata.jsonl"):
        pack = opened(source, tmp_path)
        assert pack.spec.modality == "audio" and len(pack) == COUNT and pack.classes == ("a", "b")
        assert pack.columns["pitch"].rows(np.arange(COUNT)).sum() == sum(range(COUNT)) / 2


def test_tables_of_every_type_that_parquet_has(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    day, draw = datetime.date(2024, 1, 1), np.random.default_rng(0)
    n = 200
    table = pa.table(
        {
            "n": pa.array(draw.integers(0, 9, n)),
            "x": draw.normal(size=n),
            "kind": pa.array(["ab"[k % 2] for k in range(n)]).dictionary_encode(),
            "day": [day + datetime.timedelta(days=int(k)) for k in draw.integers(0, 999, n)],
            "ok": [bool(k % 3) for k in range(n)],
            "lost": pa.array([None if k % 5 == 0 else k / 3 for k in range(n)]),
            "price": [decimal.Decimal(k) / 4 for k in range(n)],
            "tags": [["r", "s"][: k % 3] for k in range(n)],
            "deep": [{"a": k} for k in range(n)],
        }
    )
    (tmp_path / "parts").mkdir()
    parquet.write_table(table, tmp_path / "t.parquet")
    parquet.write_table(table.slice(0, 90), tmp_path / "parts" / "a-0.parquet")
    parquet.write_table(table.slice(90), tmp_path / "parts" / "a-1.parquet")
    one, other = (opened(tmp_path / name, tmp_path) for name in ("t.parquet", "parts"))
    about = {c["name"]: c for c in one.spec.extra["columns"]}
    assert list(about) == ["n", "x", "kind", "day", "ok", "lost", "price"]
    assert (
        about["day"]["unit"] == "day" and about["ok"]["boolean"] and about["lost"]["missing"] == 40
    )
    assert about["kind"]["names"] == ["a", "b"] and about["price"]["high"] == 199 / 4
    rows = np.arange(n)
    assert np.array_equal(one.rows(rows)["x"], other.rows(rows)["x"], equal_nan=True)
    assert set(one.columns) >= {"tags"} and "deep" in str(one.report["aside"])


def test_parquet_of_texts_is_text_and_its_rows_a_table_where_asked(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = {"text": [f"hello {k}" for k in range(60)], "label": [k % 2 for k in range(60)],
            "score": [k / 2 for k in range(60)]}  # fmt: skip
    rows["text"][7] = None  # type: ignore[call-overload]
    parquet.write_table(pa.table(rows), tmp_path / "t.parquet")
    pack = opened(tmp_path / "t.parquet", tmp_path, on_bad_image="skip")
    assert pack.spec.modality == "text" and len(pack) == 59 and pack.classes == ("0", "1")
    assert pack.report["skipped"] == [["row 8", "has no text in text"]]
    assert pack.columns["score"].rows(np.array([7]))[0] == 4.0
    table = opened(tmp_path / "t.parquet", tmp_path, modality="table")
    assert table.spec.modality == "table" and len(table) == 60


def test_objects_of_json_lines_may_lack_what_others_have(tmp_path: Path) -> None:
    rows = [{"text": "w " * (1 + k % 9) + str(k)} for k in range(60)]
    for k, row in enumerate(rows):
        row |= {"mood": "ab"[k % 2]} if k % 7 else {}
        row |= {"score": k / 2} if k % 3 else {}
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pack = opened(tmp_path / "r.jsonl", tmp_path)
    assert len(pack) == 60 and pack.columns["score"].spec.extra["missing"] == 20
    assert pack.columns["mood"].spec.extra["missing"] == 9 and not pack.classes
