"""Samples that are no images: columns of a pack, what a source is taken for, and bad samples."""

from __future__ import annotations

import json
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzfeld.cli.main import main
from ganzfeld.data import embedded, fields, typed
from ganzfeld.data.check import check_data, describe
from ganzfeld.data.held import Part
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.data.pack_format import DamagedPack, read_pack
from ganzfeld.data.sheet import data_sheet
from ganzfeld.data.source import RULES
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities import MODALITIES
from ganzfeld.modalities.text import lines_of

RANDOM = np.random.default_rng(7)


@pytest.fixture
def pack(tmp_path):
    def make(source: Any, **options: Any) -> Pack:
        return open_pack(source, PackOptions(**options), cache=tmp_path / "cache", workers=0)

    return make


def all_of(found: Pack) -> dict[str, np.ndarray]:
    return found.rows(np.arange(len(found)))


def write_wav(path: Path, samples: np.ndarray, rate: int = 8000, width: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = np.atleast_2d(samples).T
    with wave.open(str(path), "wb") as file:
        file.setnchannels(flat.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(flat.astype({1: "u1", 2: "<i2", 4: "<i4"}[width])))


# Fields


@pytest.mark.parametrize(
    ("shape", "dtype", "stored", "kept"),
    [
        ((40, 2, 8, 9), np.float32, (2, 8, 9), "float32"),
        ((40, 8, 9), np.float64, (1, 8, 9), "float32"),
        ((40, 3, 64), np.float32, (3, 64), "float32"),
        ((40, 1, 4, 5, 6), np.float16, (1, 4, 5, 6), "float32"),
        ((40, 8, 9), np.int16, (1, 8, 9), "int16"),
        ((40, 8, 9), np.int32, (1, 8, 9), "int32"),
        ((40, 16, 9, 3), np.float32, (3, 16, 9), "float32"),
    ],
)
def test_fields_keep_their_numbers(tmp_path, pack, shape, dtype, stored, kept):
    x = (RANDOM.standard_normal(shape) * 5000).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    found = pack(tmp_path / "x.npy")
    assert (found.spec.modality, found.spec.shape, found.spec.dtype) == ("field", stored, kept)
    want = x.transpose(0, 3, 1, 2) if shape[-1] == 3 else x.reshape(40, *stored)
    rows = all_of(found)["x"]
    assert rows.dtype == kept and np.array_equal(rows, want.astype(kept))
    assert "fields" in found.report["taken"]["modality"] and len(found) == 40
    again = pack(tmp_path / "x.npy")
    assert again.reused and again.fingerprint == found.fingerprint
    with pytest.raises(DataError, match="images only"):
        _ = found.images


@pytest.mark.parametrize(
    "x",
    [
        RANDOM.random((9, 8, 8)).astype(np.float32),  # 0 to 1
        RANDOM.integers(0, 256, (9, 8, 8), dtype=np.uint8),
        RANDOM.integers(0, 65536, (9, 8, 8), dtype=np.uint16),
        RANDOM.integers(0, 256, (9, 8, 8)).astype(np.float64),
        RANDOM.random((9, 3, 8, 8)) * 2 - 1,
    ],
    ids=["unit", "uint8", "uint16", "bytes as float", "signed"],
)
def test_what_looks_like_pixels_stays_images(tmp_path, pack, x):
    np.save(tmp_path / "x.npy", x)
    assert fields.why_field(x) == "" and pack(tmp_path / "x.npy").spec.modality == "image"
    forced = pack(tmp_path / "x.npy", modality="field")
    assert np.array_equal(all_of(forced)["x"].reshape(x.shape), x.astype(np.float32))


def test_a_range_makes_images_and_so_does_as_image(tmp_path, pack):
    x = RANDOM.standard_normal((9, 8, 8)) * 40
    np.save(tmp_path / "x.npy", x)
    assert pack(tmp_path / "x.npy", range="-40:40").spec.modality == "image"
    with pytest.raises(DataError, match="not clear"):
        pack(tmp_path / "x.npy", modality="image")


def test_named_arrays_are_columns_and_test_parts_are_left_out(tmp_path, pack):
    x = RANDOM.standard_normal((30, 4, 4)).astype(np.float32) * 9
    np.savez(
        tmp_path / "a.npz",
        x_train=x,
        energy_train=np.arange(30) / 2,
        y_train=np.arange(30) % 3,
        bits=np.stack([np.arange(30) % 2, np.ones(30, int)], 1),
        other=np.zeros(7),
        x_test=x[:5],
    )
    found = pack(tmp_path / "a.npz")
    energy = found.columns["energy"]
    assert np.array_equal(energy.rows(np.arange(30)), np.arange(30, dtype=np.float32) / 2)
    assert energy.spec.extra["low"] == 0 and energy.spec.extra["high"] == 14.5
    assert np.array_equal(found.labels, np.arange(30) % 3) and found.classes == ("0", "1", "2")
    assert found.columns["bits"].spec.modality == "several"
    told = "; ".join(found.report["aside"])
    assert "x_test" in told and "other" in told and len(found) == 30


def test_images_of_an_npz_have_columns_too_and_keep_their_fingerprint(tmp_path, pack):
    x = RANDOM.integers(0, 256, (20, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "plain.npz", x=x)
    np.savez(tmp_path / "more.npz", x=x, mass=np.arange(20.0))
    plain, more = pack(tmp_path / "plain.npz"), pack(tmp_path / "more.npz")
    assert plain.fingerprint == more.fingerprint and not plain.columns
    assert np.array_equal(more.columns["mass"].rows(np.array([3, 1])), [3.0, 1.0])
    assert np.array_equal(more.images[:, 0], x)


def test_bad_fields_are_named_and_counted(tmp_path, pack):
    x = RANDOM.standard_normal((200, 4, 4)) * 9
    x[7, 0, 0], x[9, 1, 1] = np.nan, 1e300
    np.savez(tmp_path / "x.npz", x=x, mass=np.arange(200.0))
    found = pack(tmp_path / "x.npz")
    reasons = dict(found.report["skipped"])
    assert "NaN" in reasons["index 7"] and "too large" in reasons["index 9"]
    assert len(found) == 198 and found.columns["mass"].rows(np.array([7]))[0] == 8
    with pytest.raises(DataError, match=r"2 of 200 fields are bad"):
        pack(tmp_path / "x.npz", on_bad_image="fail")


# Sounds


def test_sounds_are_read_with_rates_labels_and_parts_of_names(tmp_path, pack):
    waves = {f"{d}_{who}_{k}.wav": np.arange(10 + k) * 700 + 9 * d
             for d in range(3) for who in ("ann", "bob") for k in range(4)}  # fmt: skip
    for name, samples in waves.items():
        write_wav(tmp_path / "set" / name, samples)
    found = pack(tmp_path / "set")
    assert found.spec.modality == "audio" and found.spec.extra["rate"] == 8000
    assert found.spec.shape == (1, 1024) and found.spec.dtype == "int16"
    x = all_of(found)["x"]
    assert np.allclose(np.abs(x).max((1, 2)), 0.9 * 32767, atol=1) and not x[:, 0, 13:].any()
    assert found.columns["name_1"].spec.extra["names"] == ["0", "1", "2"]
    assert found.columns["name_2"].spec.extra["names"] == ["ann", "bob"]
    labelled = pack(tmp_path / "set", labels="column:name_2")
    assert labelled.classes == ("ann", "bob") and labelled.labels.sum() == 12


def test_folders_and_zips_of_sounds_have_classes(tmp_path, pack):
    import zipfile

    for kind in ("cat", "dog"):
        for k in range(3):
            write_wav(tmp_path / "set" / kind / f"{k}.wav", np.arange(20) + k)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in sorted((tmp_path / "set").rglob("*.wav")):
            archive.write(path, path.relative_to(tmp_path))
    folder, packed = pack(tmp_path / "set"), pack(tmp_path / "set.zip")
    assert folder.classes == packed.classes == ("cat", "dog")
    assert folder.fingerprint == packed.fingerprint


def test_bad_sounds_are_named_with_their_reasons(tmp_path, pack):
    for k in range(200):
        write_wav(tmp_path / "set" / f"a{k}.wav", (np.arange(50) + k) * 100)
    whole = (tmp_path / "set" / "a0.wav").read_bytes()
    (tmp_path / "set" / "cut.wav").write_bytes(whole[:-20])
    (tmp_path / "set" / "words.wav").write_bytes(b"no sound at all")
    report = check_data(tmp_path / "set")
    reasons = dict(report["skipped"])
    assert "cut short" in reasons["cut.wav"] and "not a sound (text)" in reasons["words.wav"]
    assert report["count"] == 200 and "200 sounds" in describe(report)
    assert len(pack(tmp_path / "set")) == 200
    write_wav(tmp_path / "set" / "stereo.wav", np.stack([np.arange(50), np.arange(50)]) * 99)
    mixed = pack(tmp_path / "set")
    assert mixed.report["converted"] == {"mixed to one channel": 1}


def test_other_sounds_say_what_to_install(tmp_path, monkeypatch, pack):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    for k in range(3):
        (tmp_path / f"{k}.flac").write_bytes(b"fLaC" + bytes(40))
    with pytest.raises(UsageError, match="soundfile") as caught:
        pack(tmp_path)
    assert "ganzfeld[audio]" in caught.value.fix


# Text


def test_lines_are_kept_but_for_spaces_around(tmp_path, pack):
    lines = ["Go", "Zwölf Boxkämpfer", "春眠不覺曉", "𝄞 x", "tab\there"]
    text = "\r\n".join([*lines[:-1], f" {lines[-1]} ", "", " "])
    (tmp_path / "t.txt").write_text(text, encoding="utf-8", newline="")
    found = pack(tmp_path / "t.txt")
    rows = all_of(found)
    assert found.spec.modality == "text" and found.spec.dtype == "int16"
    assert lines_of(rows["x"], found.spec) == lines
    assert rows["x_length"].tolist() == [len(line) for line in lines]
    assert found.columns["x"].sample(2).shape == (5,)
    assert found.report["converted"] == {"empty lines passed over": 2}
    some = Part(found, np.array([3, 0]))
    assert lines_of(some.rows(np.array([0]))["x"], some.spec) == [lines[3]] and len(some) == 2


def test_json_lines_have_labels_and_columns(tmp_path, pack):
    rows = [{"text": f"line {k}", "label": "ab"[k % 2], "score": k / 4, "tags": ["x", "y"][: k % 3]}
            for k in range(200)]  # fmt: skip
    text = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "t.jsonl").write_text(f'{text}\nnot json\n{{"text": 5}}\n')
    found = pack(tmp_path / "t.jsonl")
    assert len(found) == 200 and found.classes == ("a", "b")
    assert dict(found.report["skipped"]) == {
        "line 201": "not readable as JSON",
        "line 202": "has no text in text",
    }
    assert found.columns["score"].rows(np.array([6]))[0] == 1.5
    assert np.array_equal(found.columns["tags"].rows(np.array([0, 1, 2])), [[0, 0], [1, 0], [1, 1]])


# Tables


def test_a_table_has_typed_columns_and_missing_values(tmp_path, pack):
    head = "age,kind,when,ok,weight,zip"
    rows = [f"{k},{'ab'[k % 2]},2020-01-{k % 28 + 1:02},{'true' if k % 3 else 'false'},"
            f"{k / 8 if k != 5 else ''},0410{k % 3}" for k in range(200)]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join([head, *rows, "1,2,3"]))
    found = pack(tmp_path / "t.csv")
    about = {c["name"]: c for c in found.spec.extra["columns"]}
    assert found.spec.shape == (6,) and found.spec.dtype == "float32"
    assert (
        about["age"]["whole"] and about["age"]["dtype"] == "int32" and about["age"]["high"] == 199
    )
    assert about["kind"]["names"] == ["a", "b"] and about["zip"]["names"] == [
        "04100", "04101", "04102"]  # fmt: skip
    assert about["when"]["unit"] == "day" and about["when"]["low"] == 18262
    assert about["ok"]["boolean"] and about["weight"]["missing"] == 1
    x = all_of(found)["x"]
    assert np.isnan(x[5, 4]) and np.array_equal(x[:, 0], np.arange(200)) and x[6, 4] == 0.75
    assert dict(found.report["skipped"]) == {"line 202": "has 3 cells, where 6 were expected"}


def test_csv_and_parquet_of_the_same_rows_are_one_table(tmp_path, pack):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    cells = {"n": list(range(50)), "w": [k / 4 for k in range(50)], "s": ["u", "v"] * 25}
    pq.write_table(pa.table(cells), tmp_path / "t.parquet")
    rows = [",".join(map(str, row)) for row in zip(*cells.values(), strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["n,w,s", *rows]))
    one, two = pack(tmp_path / "t.csv"), pack(tmp_path / "t.parquet")
    assert one.fingerprint == two.fingerprint and one.spec.modality == "table"


def test_a_table_without_a_head_is_known(tmp_path, pack):
    (tmp_path / "t.csv").write_text("\n".join(f"{k}, x{k % 2}, {k % 2}" for k in range(20)))
    found = pack(tmp_path / "t.csv")
    assert len(found) == 20 and set(found.columns) == {"column_1", "column_2", "column_3", "x"}


@pytest.mark.parametrize(
    ("cells", "names", "before"),
    [
        (["yes", "no", "maybe"], ["maybe", "no", "yes"], ["false", "maybe", "true"]),
        (["Yes", "yes", "Yes", "?", "x"], ["Yes", "x"], ["true", "x"]),
        (["+49", "+1", "unknown"], ["+1", "+49", "unknown"], ["1", "49", "unknown"]),
        (["1.50", "2.0", "n.d."], ["1.50", "2.0", "n.d."], ["1.5", "2", "n.d."]),
        (["yes", "1", "2"], ["1", "2", "yes"], ["1", "2", "true"]),
        ([1.0, 2.0, "x"], ["1", "2", "x"], ["1", "2", "x"]),
    ],
)
def test_classes_are_called_as_they_are_written(cells, names, before):
    for rules, wanted in ((RULES, names), (9, before)):  # runs of before have the others
        found = typed.typed(cells * 9, rules=rules)
        assert found is not None and found.spec.extra["names"] == wanted
    numbers = typed.typed(["1.0", "2.0"] * 9, rules=RULES, classes=True)
    assert numbers is not None and numbers.spec.extra["names"] == ["1", "2"]


@pytest.mark.parametrize(
    ("cells", "modality", "extra"),
    [
        (["1", "2", "3"], "number", {"whole": True}),
        (["1", "", "3.5", "NA"], "number", {"missing": 2, "whole": False}),
        (["a", "b", "a", "b"], "class", {"names": ["a", "b"]}),
        (["yes", "no", "no"], "class", {"boolean": True}),
        (["2020-01-02 10:00:00", "2020-01-03 11:00:00"], "number", {"unit": "second"}),
        (["a|b", "b", "a", "b|a"], "several", {"names": ["a", "b"]}),
        ([["p"], ["q", "p"], []], "several", {"names": ["p", "q"]}),
        ([[1, 0], [1, 1]], "several", {"names": ["0", "1"]}),
        (["one cat", "two dogs", "a bird"], "text", {"ragged": True}),
        (["1e999", "3"], "class", {}),
        (["1999-13-45", "1999-01-01"], "class", {}),
    ],
)
def test_cells_have_types(cells, modality, extra):
    found = typed.typed(cells, rules=RULES)
    assert found is not None and found.spec.modality == modality
    assert extra.items() <= found.spec.extra.items()


def test_a_column_of_nothing_has_no_type():
    assert typed.typed(["", None, "NA"], rules=RULES) is None
    assert typed.typed([{"a": 1}], rules=RULES) is None


# Packs


def test_damage_of_a_column_is_noticed(tmp_path, pack):
    (tmp_path / "t.txt").write_text("\n".join(f"line {k}" for k in range(300)))
    path = pack(tmp_path / "t.txt").path
    whole = path.read_bytes()
    for place in (20, 4200, len(whole) // 2, len(whole) - 400, len(whole) - 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedPack):
            read_pack(path)
    assert not pack(tmp_path / "t.txt").reused


def test_options_of_kinds_are_checked_and_sheets_say_what_they_do_not_show(tmp_path, pack):
    with pytest.raises(UsageError, match="modality 'sound' is not known"):
        PackOptions(modality="sound")
    (tmp_path / "t.csv").write_text("a,b\n" + "\n".join(f"{k},{k % 3}" for k in range(30)))
    found = pack(tmp_path / "t.csv")
    if "table" not in MODALITIES:
        with pytest.raises(UsageError, match="no sheet"):
            data_sheet(found, tmp_path / "s.png")


def test_check_says_what_was_taken_and_which_columns_there_are(tmp_path, capsys):
    x = RANDOM.standard_normal((30, 4, 4)) * 9
    np.savez(tmp_path / "x.npz", x=x, energy=np.arange(30.0))
    main(["data", "check", str(tmp_path / "x.npz")])
    told = capsys.readouterr().out
    assert "30 fields, 4 x 4 cells, 1 channel" in told and "Taken as: fields" in told
    assert "energy (numbers 0 to 29)" in told and "--condition" in told


# Embedded sets


def drawn(count: int) -> dict[str, np.ndarray]:
    numbers = np.arange(count)
    x = numbers[:, None, None] * np.ones((1, 4, 4))
    return {"x": x, "energy": numbers / 2, "y": numbers % 2}


def test_an_embedded_set_is_one_line(monkeypatch, pack):
    one = embedded.Embedded("field", 30, "test_columns:drawn")
    monkeypatch.setitem(embedded.SETS, "ramps", one)
    monkeypatch.setitem(sys.modules, "test_columns", sys.modules[__name__])
    usual, some = pack("ramps"), pack("ramps:12")
    assert len(usual) == 30 and len(some) == 12 and pack("ramps").reused
    assert np.array_equal(all_of(some)["x"][:, 0, 0], np.arange(12))
    assert some.columns["energy"].rows(np.array([3]))[0] == 1.5 and some.classes == ("0", "1")
