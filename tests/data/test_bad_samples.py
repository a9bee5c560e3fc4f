"""Bad samples of every kind but images: each is named with its reason and counted, and `data check`
says of the set what training does. (Of images: `corpus.py` and `test_check.py`.)"""

from __future__ import annotations

import datetime
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ganzfeld.data.check import check_data, describe
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import DataError
from ganzfeld.modalities.audio.wav import wav_bytes

Bad = dict[str, str]  # the reason of each bad sample, by its title


def tone(turn: float, length: int = 800) -> np.ndarray:
    return (8000 * np.sin(np.arange(length) * turn)).astype(np.int16)


def sounds(home: Path) -> tuple[Path, Bad, int]:
    whole = wav_bytes(tone(0.3), 8000)
    floats = np.full(800, np.nan, "<f4").tobytes()
    head = struct.pack("<HHIIHH", 3, 1, 8000, 32000, 4, 32)
    chunks = [b"WAVEfmt ", struct.pack("<I", 16), head, b"data", struct.pack("<I", len(floats))]
    cases = {
        "header.wav": (whole[:30], "damaged (a WAV file without a format chunk)"),
        "cut.wav": (whole[:900], "cut short"),
        "empty.wav": (b"", "empty (0 bytes)"),
        "no samples.wav": (wav_bytes(tone(0.3, 0), 8000), "no samples"),
        "no rate.wav": (whole[:24] + bytes(4) + whole[28:], "damaged (1 channels at 0 Hz)"),
        "nan.wav": (
            b"RIFF" + struct.pack("<I", 36 + len(floats)) + b"".join(chunks) + floats,
            "samples that are NaN or infinite",
        ),
        "silent.wav": (wav_bytes(np.zeros(800, np.int16), 8000), "silence"),
        "text.wav": (b"this is a text\n" * 9, "not a sound (text)"),
        "page.wav": (b"<html>not found</html>", "not a sound (an HTML page)"),
        "picture.wav": (b"\x89PNG\r\n", "not a sound (a PNG image)"),
        "notes.wav": (b"MThd" + bytes(20), "not a sound (MIDI: notes without a sound)"),
    }
    place = home / "sounds"
    place.mkdir()
    for k in range(40):
        (place / f"good {k}.wav").write_bytes(wav_bytes(tone(0.1 + k / 100), 8000))
    (place / "other rate.wav").write_bytes(wav_bytes(tone(0.05, 4410), 44100))
    for name, (data, _) in cases.items():
        (place / name).write_bytes(data)
    return place, {name: why for name, (_, why) in cases.items()}, 41


def lines(home: Path) -> tuple[Path, Bad, int]:
    rows = [b"word %d" % k for k in range(300)]
    rows[2], rows[40], rows[77] = b"bro\xffken", b"nul\0here", b"\x07bell"
    rows[100:100] = [b"", b"x" * 10_000_000, b"   "]
    (home / "lines.txt").write_bytes(b"\n".join(rows))
    utf8, control = "holds bytes that are not UTF-8", "holds the control character U+0007"
    bad = {"line 3": utf8, "line 41": "holds the character NUL", "line 78": control}
    return home / "lines.txt", bad | {"line 102": "over 1,000,000 characters"}, 297


def objects(home: Path) -> tuple[Path, Bad, int]:
    good = [json.dumps({"text": f"line {k}", "mood": "ab"[k % 2]}) for k in range(200)]
    odd = ["{torn", '{"text": 5}', '{"mood": "a"}', '{"text": ""}', "[1]", '{"text": null}']
    (home / "lines.jsonl").write_text("\n".join(good + odd), "utf-8")
    none = "has no text in text"
    reasons = ["not readable as JSON", none, none, none, "no JSON object", none]
    return home / "lines.jsonl", {f"line {201 + k}": why for k, why in enumerate(reasons)}, 200


def cells(k: int) -> str:
    return f"{k},{k * 1.5:.2f},{'ab'[k % 2]},2024-{1 + k % 12:02}-{1 + k % 28:02}"


def rows(home: Path) -> tuple[Path, Bad, int]:
    odd = {
        "1,2": "has 2 cells, where 4 were expected",
        "1,2,a,2024-01-01,5": "has 5 cells, where 4 were expected",
        "oops,3,a,2024-01-01": "n is no number: oops",
        "4,many,b,2024-01-01": "x is no number: many",
        "5,inf,a,2024-01-01": "x is no number: inf",
        "6,1e400,a,2024-01-01": "x is no number: 1e400",
        "7,1,b,01/02/2024": "day is no date: 01/02/2024",
        "8,1,b,soon": "day is no date: soon",
        ",,,": "is empty",
        "9,1,\udcff,2024-01-01": "holds bytes that are not UTF-8",
    }
    text = "\n".join(["n,x,kind,day", *map(cells, range(500)), *odd])
    (home / "rows.csv").write_bytes(("\ufeff" + text).encode("utf-8", "surrogateescape"))
    bad = {f"line {502 + k}": why for k, why in enumerate(odd.values())}
    del bad["line 510"]  # without a cell it is no row
    return home / "rows.csv", bad, 500


def fields(home: Path) -> tuple[Path, Bad, int]:
    x = np.random.default_rng(0).standard_normal((60, 1, 8, 8)) * 30
    x[7, 0, 0, 0], x[9], x[11] = np.nan, np.inf, 1e300
    np.save(home / "fields.npy", np.asfortranarray(x))
    why = "holds numbers that are NaN or infinite"
    bad = {"index 7": why, "index 9": why, "index 11": "holds numbers too large for float32"}
    return home / "fields.npy", bad, 57


def series(home: Path) -> tuple[Path, Bad, int]:
    start, hour = datetime.datetime(2024, 1, 1), datetime.timedelta(hours=1)
    table = [[f"{start + k * hour:%Y-%m-%d %H:%M}", f"{math.sin(k / 7):.3f}", f"{k % 5}"]
             for k in range(400)]  # fmt: skip
    table[50][1] = "oops"
    table[120][0] = table[119][0]
    table[200][0] = f"{start + 199.5 * hour:%Y-%m-%d %H:%M}"
    table[300][2] = ""
    table[350][0] = ""
    lines = [",".join(row) for row in table]
    lines[10:20], lines[20:30] = lines[20:30], lines[10:20]  # unsorted: put in order
    (home / "series.csv").write_text("\n".join(["time,a,b", *lines]), "utf-8")
    bad = {"line 52": "a is no number: oops", "line 122": "has the time of another row",
           "line 202": "lies between two steps", "line 302": "has no value of b",
           "line 352": "has no time"}  # fmt: skip
    return home / "series.csv", bad, -1


MAKERS = [sounds, lines, objects, rows, fields, series]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_every_bad_sample_is_named_and_check_says_what_training_does(
    make: Callable[[Path], tuple[Path, Bad, int]], tmp_path: Path
) -> None:
    source, bad, good = make(tmp_path)
    skipping = PackOptions(on_bad_image="skip")
    report = check_data(source, skipping)
    assert dict(map(tuple, report["skipped"])) == bad
    assert report["verdict"] == ""
    pack = open_pack(source, skipping, cache=tmp_path / "cache", workers=0)
    assert pack.report["skipped"] == report["skipped"] and len(pack) == report["count"]
    if good >= 0:
        assert len(pack) == good and report["found"] == good + len(bad)
    told = describe(report)
    for reason in set(bad.values()):
        assert reason.partition(":")[0] in told or "more reasons" in told, told
    strict = check_data(source)
    try:
        open_pack(source, cache=tmp_path / "cache", workers=0)
        assert strict["verdict"] == ""
    except DataError as error:
        assert error.what.splitlines()[0] == strict["verdict"] != ""


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("n,n,n\n" + "1,2,a\n3,4,b\n" * 40, ["n", "n (2)", "n (3)"], ""),
        ("\ufeffn;x;kind\n" + "1;2,5;a\n3;4,25;b\n" * 40, ["n", "x", "kind"], "decimal commas"),
        ("n,day\n" + "1,2024-01-02\n2,03/02/2024\n" * 40, ["n", "day"], "dates in several forms"),
    ],
)
def test_tables_in_odd_dress_are_read_and_said(
    text: str, columns: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(text, "utf-8")
    pack = open_pack(tmp_path / "a.csv", cache=tmp_path / "cache", workers=0)
    assert [c["name"] for c in pack.spec.extra["columns"]] == columns
    assert said in str(pack.report["converted"]) + str(pack.report["warnings"])
    assert len(pack) == 80 and not pack.report["skipped"]


def test_one_bad_byte_does_not_make_another_encoding_of_a_table(tmp_path: Path) -> None:
    rows = "".join(f"{k},{'Köln' if k % 2 else 'Zürich'}\n" for k in range(20_000)).encode()
    place = rows.index(b"15000,") + 6
    (tmp_path / "a.csv").write_bytes(b"n,town\n" + rows[:place] + b"\xff" + rows[place + 1 :])
    pack = open_pack(tmp_path / "a.csv", cache=tmp_path / "cache", workers=0)
    assert pack.spec.extra["columns"][1]["names"] == ["Köln", "Zürich"]
    assert pack.report["skipped"] == [["line 15002", "holds bytes that are not UTF-8"]]


def test_pickles_are_refused_unopened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "opened",))

    trap, x = np.array([Trap()] * 4, dtype=object), np.zeros((4, 1, 8, 8), np.float32)
    np.save(tmp_path / "a.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=x, y=trap)
    for name in ("a.npy", "b.npz"):
        for look in (check_data, open_pack):
            with pytest.raises(DataError, match="Python objects"):
                look(tmp_path / name)
    assert not (tmp_path / "opened").exists()
