"""Damaged and hostile data of the kinds that are no images: a seed gives a variant, always the
same one."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Maker = Callable[[Path, random.Random], Path]
WORDS = ["the", "cat", "dog", "sat", "on", "a", "mat", "and", "ran", "far", "away", "from", "here"]


def line(draw: random.Random) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randrange(2, 7)))


def lines(draw: random.Random, count: int = 60) -> str:
    return "".join(line(draw) + "\n" for _ in range(count))


# Text


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def text_empty(home: Path, draw: random.Random) -> Path:
    return put(home / "a.txt", draw.choice([b"", b"\n", b"\n" * 50, b"   \n\t\n", b"\xef\xbb\xbf"]))


def text_of_one_line(home: Path, draw: random.Random) -> Path:
    return put(home / "a.txt", draw.choice([line(draw), "x", "x\n", "\u202eabc\n"]).encode())


def text_of_bad_bytes(home: Path, draw: random.Random) -> Path:
    """NUL, control characters or what is no UTF-8: at the start, in one line, or in most."""
    raw = bytearray(lines(draw).encode())
    odd = draw.choice([b"\0", b"\xff\xfe\xfa", b"\x1b[31m", b"\xc3(", b"\xed\xa0\x80"])
    for _ in range(draw.choice([1, 5, 100])):
        place = draw.choice([0, draw.randrange(len(raw)), len(raw)])
        raw[place:place] = odd
    return put(home / "a.txt", bytes(raw))


def text_of_one_huge_line(home: Path, draw: random.Random) -> Path:
    one = draw.choice([b"a", b"ab ", "\u0301".encode(), "\u200d".encode(), b"word "])
    rest = draw.choice([b"", lines(draw).encode()])
    return put(home / "a.txt", one * (10_000_000 // len(one)) + b"\n" + rest)


def text_of_another_encoding(home: Path, draw: random.Random) -> Path:
    text = "".join(draw.choices("你好世界今天天气很\n", k=600)) + "\n"
    encoding = draw.choice(["gbk", "gb18030", "utf-16", "utf-32", "big5", "utf-16-be"])
    return put(home / "a.txt", text.encode(encoding, "replace"))


def text_of_many_symbols(home: Path, draw: random.Random) -> Path:
    """More different characters than a vocabulary holds."""
    every = [chr(code) for code in range(0x4E00, 0x9FFF)]
    rows = ["".join(draw.choices(every, k=draw.choice([5, 70]))) for _ in range(400)]
    return put(home / "a.txt", "\n".join(rows).encode())


def json_lines(home: Path, draw: random.Random) -> Path:
    rows: list[Any] = [{"text": line(draw), "n": i, "label": i % 2} for i in range(40)]
    odd: list[Any] = [
        {}, {"text": None}, {"text": ["a"]}, {"text": {"a": 1}}, [1], {"text": "x", "n": [1]},
        {"n": 10**400}, {"text": "\ud800"}, {"text": "a\nb"}, {"label": {"a": 1}},
        {"n": float("nan")},
    ]  # fmt: skip
    for _ in range(draw.choice([1, 4, 30])):
        rows[draw.randrange(len(rows))] = draw.choice(odd)
    text = "\n".join(json.dumps(row) for row in rows)
    deep = draw.choice(["", "", "\n" + "[" * 100_000, '\n{"text": ' + '{"a":' * 90_000])
    return put(home / "a.jsonl", (text + deep).encode())


# Tables


def cells(draw: random.Random, rows: int = 40) -> list[list[str]]:
    head = ["age", "town", "height"]
    return [head] + [
        [str(draw.randrange(90)), draw.choice(["Bonn", "Ulm"]), f"{draw.gauss(170, 9):.1f}"]
        for _ in range(rows)
    ]


def as_csv(rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode("utf-8", "surrogatepass")


def table_ragged(home: Path, draw: random.Random) -> Path:
    rows = cells(draw)
    for _ in range(draw.choice([1, 10, 40])):
        row = rows[draw.randrange(len(rows))]
        row[:] = draw.choice([[*row, "1"], row[:-1], []])
    return put(home / "a.csv", as_csv(rows))


def table_of_odd_names(home: Path, draw: random.Random) -> Path:
    rows = cells(draw)
    name = draw.choice(["", "age", "\x1b[31mred", "a" * 100_000, "\u202eabc", "=1+1", "c_age", "x"])
    for _ in range(draw.choice([1, 2])):
        rows[0][draw.randrange(3)] = name
    return put(home / "a.csv", as_csv(rows))


def table_of_few(home: Path, draw: random.Random) -> Path:
    rows = cells(draw, draw.choice([0, 1, 2]))
    return put(home / "a.csv", as_csv(rows[draw.choice([0, 0, 1]) :]))


def table_of_nothing(home: Path, draw: random.Random) -> Path:
    """Cells that are missing: all of them, one column, or all but one."""
    gone = draw.choice(["", "NA", "nan", "?", "NULL"])
    way, keep = draw.choice(["all", "column", "all but one"]), draw.randrange(3)
    rows = cells(draw)
    for row in rows[1:]:
        for place in range(3):
            if way == "all" or (way == "column") == (place == keep):
                row[place] = gone
    if way == "all but one":
        rows[5][keep] = "3"
    return put(home / "a.csv", as_csv(rows))


def table_of_many_columns(home: Path, draw: random.Random) -> Path:
    many = draw.choice([1_500, 10_000])
    rows = [[f"c{i}" for i in range(many)]]
    rows += [[str(draw.randrange(99)) for _ in range(many)] for _ in range(12)]
    return put(home / "a.csv", as_csv(rows))


def table_of_odd_quotes(home: Path, draw: random.Random) -> Path:
    raw = as_csv(cells(draw)).decode()
    places = [draw.randrange(len(raw)) for _ in range(draw.choice([1, 3]))]
    for place in places:
        raw = (
            raw[:place] + draw.choice(['"', '""', ',"', '"\n', "\r", "\0", ";", "\t"]) + raw[place:]
        )
    return put(home / "a.csv", raw.encode())


def table_of_odd_cells(home: Path, draw: random.Random) -> Path:
    odd = [
        "=cmd|' /C calc'!A0", "@SUM(1)", "1e400", "-inf", "inf", "1e38", "1e-320", "9" * 400,
        "0x10", "١٢", "\x1b[31m", "\u202eabc", "9999-99-99", "0000-00-00", "1e5000000", "True",
        "a" * 200_000, "\ud800",
    ]  # fmt: skip
    rows = cells(draw)
    for _ in range(draw.choice([1, 5, 60])):
        rows[draw.randrange(1, len(rows))][draw.randrange(3)] = draw.choice(odd)
    return put(home / "a.csv", as_csv(rows))


def table_encoded(home: Path, draw: random.Random) -> Path:
    """A byte order mark, an encoding of old, or ends of lines of another system."""
    text = as_csv(cells(draw)).decode().replace("Bonn", "Köln").replace("Ulm", "北京")
    way = draw.choice(["utf-8-sig", "utf-16", "gbk", "latin-1", "cr", "crlf"])
    if way in ("cr", "crlf"):
        raw = text.replace("\n", "\r" if way == "cr" else "\r\n").encode()
    else:
        raw = text.encode(way, "replace")
    return put(home / "a.csv", raw)


def names_outside(home: Path, draw: random.Random) -> Path:
    """A metadata.csv whose files lie outside of its folder, or are no files."""
    (home / "set").mkdir()
    wave(home / "set" / "in.wav", draw)
    wave(home / "out.wav", draw)
    away = ["../out.wav", "/etc/passwd", "/dev/zero", str(home / "out.wav"), "in.wav/../../out.wav",
            "", ".", "..", "\0", "a" * 5_000, "in.wav", "C:\\x.wav"]  # fmt: skip
    rows = [["file_name", "label"], *([draw.choice(away), "1"] for _ in range(12))]
    put(home / "set" / "metadata.csv", as_csv(rows))
    return home / "set" / draw.choice(["metadata.csv", ""])


# Series


def times(draw: random.Random, rows: int = 90) -> list[list[str]]:
    """A table with an hour a row, two channels and a class."""
    head = ["time", "load", "heat", "phase"]
    return [head] + [
        [f"2024-{1 + t // 672:02}-{1 + t // 24 % 28:02} {t % 24:02}:00", f"{draw.gauss(0, 1):.3f}",
         f"{draw.gauss(5, 1):.2f}", draw.choice(["day", "night"])]
        for t in range(rows)
    ]  # fmt: skip


def series_of_odd_times(home: Path, draw: random.Random) -> Path:
    """Times that are gone, come twice, go back, leave gaps, lie between steps, or are none."""
    rows = times(draw)
    odd = ["", "nan", rows[3][0], "2024-01-02 03:30", "2031-01-01", "1e400", "-1", "soon",
           "2024-02-31", "0000-00-00", "9" * 300, "2024-01-01 25:00"]  # fmt: skip
    for _ in range(draw.choice([1, 4, 60])):
        rows[draw.randrange(1, len(rows))][0] = draw.choice(odd)
    if draw.random() < 0.3:
        rows[1:] = draw.choice([rows[:0:-1], draw.sample(rows[1:], len(rows) - 1)])
    return put(home / "a.csv", as_csv(rows))


def series_of_odd_values(home: Path, draw: random.Random) -> Path:
    """Values that are gone or no numbers in some rows, a column or nearly all; or never change."""
    rows = times(draw)
    odd = draw.choice(["", "nan", "inf", "-1e400", "1e38", "1e300", "x", "\x1b[31m"])
    for _ in range(draw.choice([1, 5, 200])):
        rows[draw.randrange(1, len(rows))][draw.choice([1, 2, 2, 3])] = odd
    if draw.random() < 0.3:
        for row in rows[1:]:
            row[1] = draw.choice(["3", "1e-320"])
    return put(home / "a.csv", as_csv(rows))


def series_of_odd_lengths(home: Path, draw: random.Random) -> Path:
    """Several series by an id: of one step, of none, of many; rows of too few cells; no rows."""
    lengths = draw.choice([[1] * 70, [24] * 6 + [3], [90], [2] * 50, [30] * 3, [60, 1, 1]])
    rows = [["id", "step", "load"]]
    for number, length in enumerate(lengths):
        rows += [[f"s{number}", str(t), f"{draw.gauss(0, 1):.3f}"] for t in range(length)]
    for _ in range(draw.choice([0, 1, 20])):
        row = rows[draw.randrange(1, len(rows))]
        row[:] = draw.choice([row[:-1], [*row, "1"], ["", *row[1:]], [*row[:1], "", *row[2:]]])
    return put(home / "a.csv", as_csv(rows))


def series_of_arrays(home: Path, draw: random.Random) -> Path:
    """An .npz that calls itself series, of a shape or of numbers that are none."""
    rng = np.random.default_rng(draw.randrange(1 << 30))
    usual = rng.normal(size=(24, 2, 30)).astype(np.float32)
    x = draw.choice([
        usual, usual[:, :, :1], usual[:0], usual * np.nan, usual[:, :0], usual[..., None, None],
        usual.astype(complex), np.where(rng.random(usual.shape) < 0.01, np.inf, usual),
        np.ones_like(usual), usual[:1], usual.transpose(0, 2, 1), usual[:, 0],
    ])  # fmt: skip
    names = draw.choice([["a", "b"], ["a"], ["a", "a"], ["\x1b[31m", "\u202e"], ["a" * 9_000, ""]])
    np.savez(home / "a.npz", x=x, modality=draw.choice(["series", "fields"]), names=names)
    return home / "a.npz"


# Arrays


def array(home: Path, draw: random.Random) -> Path:
    rng = np.random.default_rng(draw.randrange(1 << 30))
    usual = rng.normal(size=(24, 1, 8, 8))
    odd = {
        "object": np.array([{"a": 1}] * 24, dtype=object),
        "nan": np.full((24, 8, 8), np.nan),
        "some nan": np.where(rng.random((24, 8, 8)) < 0.01, np.nan, usual[:, 0]),
        "inf": np.where(rng.random((24, 8, 8)) < 0.01, np.inf, usual[:, 0]),
        "none": np.zeros((0, 8, 8)),
        "no sides": np.zeros((24, 0, 8)),
        "0-d": np.float32(3),
        "1-D": usual.ravel(),
        "2-D": usual[:, 0, 0],
        "float16": usual.astype(np.float16),
        "float64": usual * 1e200,
        "tiny": usual * 1e-40,
        "complex": usual + 1j,
        "constant": np.full((24, 8, 8), 3.0),
        "int64": (usual * 1e18).astype(np.int64),
        "bool": usual[:, 0] > 0,
        "text": np.array([["a", "b"]] * 24),
        "records": np.zeros(24, dtype=[("a", "f4"), ("b", "i4")]),
        "dates": np.zeros((24, 8, 8), dtype="datetime64[s]"),
        "6-D": usual.reshape(24, 1, 2, 4, 2, 4, 1),
        "big-endian": usual.astype(">f8"),
        "one": usual[:1],
        "thin": rng.normal(size=(24, 1, 1, 1)),
        "long": rng.normal(size=(3, 1, 4_000)),
        "fortran": np.asfortranarray(usual),
    }
    name = draw.choice(sorted(odd))
    if draw.random() < 0.25:
        path = home / f"{name}.npz"
        np.savez(path, x=odd[name])
        return path
    np.save(home / f"{name}.npy", odd[name], allow_pickle=True)
    return home / f"{name}.npy"


def array_that_lies(home: Path, draw: random.Random) -> Path:
    """The header promises more, or other things, than there are."""
    shape = draw.choice(["(99999999, 1, 8, 8)", "(2, 8, 8)", "(-1, 8, 8)", "(2**70,)", "(24,) * 9",
                         "(1000000000000,)", "(24, 8, 8)"])  # fmt: skip
    kind = draw.choice(["'<f4'", "'|O'", "'<f9'", "[('a', '|O')]", "'|V8'", "'<U9'", "1"])
    order = draw.choice(["False", "True", "None"])
    text = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}}}"
    text = draw.choice([text] * 4 + ["(" * 50_000, "", "{'a': __import__('os')}"])
    head = text.encode()[:65_000] + b"\n"
    data = draw.randbytes(draw.choice([0, 100, 24 * 64 * 4]))
    raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data
    return put(home / "a.npy", raw[: draw.choice([len(raw), 5, 9])])


def bomb(home: Path, draw: random.Random) -> Path:
    """A .npz whose arrays take gigabytes, or are none."""
    path = home / "a.npz"
    many = draw.choice([1 << 22, 1 << 31, 1 << 36])
    head = io.BytesIO()
    about = {"descr": "<f4", "fortran_order": False, "shape": (many // 256, 1, 8, 8)}
    np.lib.format.write_array_header_1_0(head, about)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        warnings.simplefilter("ignore")  # of names that come twice
        names = draw.choice([["x.npy"], ["x.npy", "x.npy"], ["../x.npy"], ["x"], ["/dev/zero.npy"]])
        for name in names:
            with file.open(name, "w", force_zip64=True) as entry:
                entry.write(draw.choice([head.getvalue(), b"", b"\x93NUMPY"]))
                for _ in range(draw.choice([0, 4, 400])):
                    entry.write(bytes(1 << 20))
    return path


# Sounds


def wave(path: Path, draw: random.Random, **changed: Any) -> Path:
    """A sound of 0.3 s, with what is said in its header changed."""
    about = {"code": 1, "channels": 1, "rate": 8_000, "bits": 16, "frames": 2_400} | changed
    align = max(about["channels"] * about["bits"] // 8, 1)
    data = draw.randbytes(align * about["frames"])
    head = struct.pack(
        "<HHIIHH",
        about["code"],
        about["channels"],
        about["rate"],
        (about["rate"] * align) & 0xFFFFFFFF,
        align & 0xFFFF,
        about["bits"],
    )
    length = about.get("length", len(data))
    raw = b"WAVEfmt " + struct.pack("<I", about.get("head", 16)) + head
    raw += b"data" + struct.pack("<I", length) + data
    whole = about.get("whole", len(raw))
    return put(path, b"RIFF" + struct.pack("<I", whole) + raw[: about.get("cut", len(raw))])


def sounds(home: Path, draw: random.Random) -> Path:
    """A folder of sounds, of which one or all are odd."""
    odd: list[dict[str, Any]] = [
        {"length": 0xFFFFFFFF}, {"length": 7}, {"length": 0}, {"whole": 3}, {"whole": 0xFFFFFFFF},
        {"frames": 0}, {"frames": 1}, {"frames": 96_000, "rate": 96_000}, {"bits": 24}, {"bits": 8},
        {"bits": 32}, {"bits": 64, "code": 3}, {"bits": 32, "code": 3}, {"bits": 3}, {"bits": 0},
        {"bits": 65_535, "frames": 1}, {"channels": 8}, {"channels": 0}, {"channels": 65_535,
        "frames": 2}, {"rate": 0}, {"rate": 1}, {"rate": 0xFFFFFFFF}, {"rate": 11_025},
        {"code": 2},
        {"code": 0x55}, {"code": 0xFFFE}, {"head": 0}, {"head": 0x7FFFFFFF}, {"cut": 20},
        {"cut": 9},
        {"frames": 60_000},
    ]  # fmt: skip
    for place in range(12):
        wave(home / f"{place}.wav", draw)
    for place in draw.choice([[3], [0], list(range(12)), list(range(6))]):
        wave(home / f"{place}.wav", draw, **draw.choice(odd))
    return home


def sounds_that_are_none(home: Path, draw: random.Random) -> Path:
    for place in range(8):
        wave(home / f"{place}.wav", draw)
    for place in draw.choice([[2], list(range(8))]):
        raw = draw.choice([b"", lines(draw).encode(), b"RIFF", b"fLaC" + bytes(90),
                           b"ID3" + bytes(90),
                           b"OggS" + bytes(90), bytes(5_000), draw.randbytes(5_000)])  # fmt: skip
        name = draw.choice([f"{place}.wav", f"{place}.flac", f"{place}.mp3", f"{place}.ogg"])
        (home / f"{place}.wav").unlink()
        put(home / name, raw)
    return home


MAKERS: tuple[Maker, ...] = (
    text_empty, text_of_one_line, text_of_bad_bytes, text_of_one_huge_line,
    text_of_another_encoding, text_of_many_symbols, json_lines, table_ragged, table_of_odd_names,
    table_of_few, table_of_nothing, table_of_many_columns, table_of_odd_quotes, table_of_odd_cells,
    table_encoded, names_outside, array, array_that_lies, bomb, sounds, sounds_that_are_none,
    series_of_odd_times, series_of_odd_values, series_of_odd_lengths, series_of_arrays,
)  # fmt: skip


def odd_data(home: Path, seed: int) -> tuple[Path, str]:
    """Data of a seed in an empty folder: their path, and what they are."""
    draw = random.Random(seed)
    maker = MAKERS[seed % len(MAKERS)]
    path = maker(home, draw)
    return path, f"seed {seed}: {maker.__name__} ({path.name})"


# What a model says of its samples

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 10**15, 0.5, 1e38, -1e299, "", "x", "\x1b[31m", "\ud800",
    "a" * 50_000, [], [0], [1e38] * 3, ["a", "a"], [[1, 2]], [1] * 40_000, {}, {"a": 1},
    {"name": 1},
)  # fmt: skip


def spec_places(tree: Any) -> list[tuple[Any, Any]]:
    """Containers of a spec with each of their keys; of a list its ends only."""
    if isinstance(tree, dict):
        keys: list[Any] = list(tree)
    else:
        keys = sorted({0, len(tree) - 1}) if tree else []
    found = []
    for key in keys:
        found.append((tree, key))
        if isinstance(tree[key], dict | list):
            found += spec_places(tree[key])
    return found


def odd_spec(stored: dict[str, Any], seed: int) -> str:
    """Change one place of a spec, a dictionary of JSON: what was done."""
    draw = random.Random(seed)
    place, key = draw.choice(spec_places(stored))
    way = draw.choice(["gone", "other", "other", "other", "longer"])
    old = place[key]
    if way == "gone":
        del place[key]
    elif way == "longer" and isinstance(old, list):
        place[key] = old * draw.choice([2, 1_000]) or [1]
    else:
        place[key] = draw.choice(VALUES)
    told = repr(place.get(key) if isinstance(place, dict) else way)[:40]
    return f"seed {seed}: {key!r} {way}: {told}"
