"""Every file that a command draws says of which model, seed and number it is; one row a command.

The marks are read by Pillow, `struct` and `json` here, not by the code that wrote them.
`pytest -m long -s tests/shipping/test_marks_of_commands.py` prints the table.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from shipping_runs import sounds, tiny

import ganzfeld
from ganzfeld.cli.main import main

pytestmark = pytest.mark.long

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
INSIDE = "{urn:ganzfeld:mark:1}mark"
TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
NO_SAMPLES = {
    *("latents.safetensors", "directions.safetensors"),
    *("directions.json", "projected.json", "labels.csv"),
}
SEEDS, NUMBERS = {"seed", "seeds", "run_seed"}, {"index", "indices", "count", "images_seen"}


def packet(data: bytes) -> tuple[str, str | None]:
    """The source type of an XMP packet, and the mark in it."""
    text = data.decode("utf-8")
    body = text[text.index("?>") + 2 : text.rindex("<?")]
    found = {k: v for one in ElementTree.fromstring(body).iter() for k, v in one.attrib.items()}
    return found[IPTC], found.get(INSIDE)


def chunks(data: bytes, start: int) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of RIFF chunks."""
    while start + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, start)
        yield name, data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2


def mark_of(path: Path) -> dict[str, Any] | None:
    """What a file says of itself; None where it says nothing."""
    data, text, kind = path.read_bytes(), None, None
    if path.suffix == ".png":
        with Image.open(path) as image:
            image.load()
            text, xmp = image.info.get("ganzfeld"), image.info.get("XML:com.adobe.xmp")
        kind = packet(str(xmp).encode())[0] if xmp else None
    elif path.suffix == ".webp":
        parts = dict(chunks(data, 12))
        if b"XMP " in parts:
            kind, text = packet(parts[b"XMP "])
    elif path.suffix == ".gif":
        if (at := data.find(b"!\xff\x0bXMP DataXMP")) >= 0:
            kind, text = packet(data[at + 14 : data.index(b"\x01\xff\xfe\xfd", at)])
    elif path.suffix == ".wav":
        parts = dict(chunks(data, 12))
        if b"LIST" in parts:
            text = dict(chunks(parts[b"LIST"], 4))[b"ICMT"].rstrip(b"\0").decode()
            kind = packet(parts[b"_PMX"])[0]
    elif (beside := path.with_name(f"{path.name}.json")).exists():
        text = beside.read_text("utf-8")
        kind = json.loads(text)["digital_source_type"]
    if text is None:
        assert kind is None and b"digitalsourcetype" not in data
        return None
    found: dict[str, Any] = json.loads(text)
    assert found["digital_source_type"] == kind
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each kind, and what commands take beside it."""
    place = tmp_path_factory.mktemp("marks")
    sheets = ["networks.*.width=4", "run.sample_every=32"]
    tiny("hinge", place / "images", settings=sheets)
    for recipe in ("wavegan", "text-mle", "table-vae", "fields", "series-gan", "cyclegan"):
        tiny(recipe, place / recipe)
    voices = sounds(place / "high", 0.9), sounds(place / "low", 0.2)
    more: dict[str, Any] = {"images": 4, "batch": 2, "settings": ["networks.*.width=4"]}
    tiny("audio-cyclegan", place / "voices", source=voices[0], other=voices[1], size=None, **more)
    tiny("text-cyclegan", place / "cipher", source="cipher:64", images=64, size=None, settings=[])
    captioner = ["networks.*.width=4", "networks.*.hidden=16", "networks.*.embedding=8"]
    source = "avatars-paraphrases:64"  # as in test_server.py, which has it from here or trains it
    tiny("image-to-text", place / "captions", source=source, settings=captioner)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    (place / "pictures").mkdir()
    for number, one in enumerate(pictures):
        Image.fromarray(one).save(place / "pictures" / f"{number}.png")
    cipher: Any = ganzfeld.load(place / "cipher")
    letters = "".join(cipher.spec.extra["symbols"][2:6])
    (place / "lines.txt").write_text(f"{letters}\n", "utf-8")
    return place


QUICK = "--steps 2 --candidates 8 --compare 0"
# Name, run, command, what its files are at least
COMMANDS: list[tuple[str, str, str, int]] = [
    ("sample", "images", "sample RUN --count 3 --seed 7 --out OUT --grid OUT/g.png", 4),
    ("sample --of", "images", "sample RUN --count 2 --of 8 --seed 7 --out OUT", 2),
    ("sample --direction", "images", "sample RUN --count 2 --direction 0=2 --out OUT", 2),
    ("sample, 16 bits", "images", "sample RUN --count 1 --format png16 --range 0:999 --out OUT", 1),
    ("sample, TIFF", "images", "sample RUN --count 1 --format tiff32 --range 0:9 --out OUT", 1),
    ("sample, sounds", "wavegan", "sample RUN --count 2 --seed 7 --out OUT --grid OUT/g.png", 3),
    ("sample, lines", "text-mle", "sample RUN --count 9 --seed 7 --out OUT/lines.txt", 1),
    ("sample, rows", "table-vae", "sample RUN --count 9 --seed 7 --out OUT/rows.csv", 1),
    ("sample, fields", "fields", "sample RUN --count 2 --out OUT --grid OUT/g.png", 3),
    ("sample, one array", "fields", "sample RUN --count 2 --out OUT/all.npy", 1),
    ("sample, series", "series-gan", "sample RUN --count 2 --out OUT --grid OUT/g.png", 3),
    ("sample, one table", "series-gan", "sample RUN --count 2 --out OUT/all.csv", 1),
    ("sweep", "fields", "sample RUN --sweep slope=1:3 --count 2 --grid OUT/s.png", 1),
    ("interpolate, GIF", "images", "interpolate RUN --seeds 1,2 --frames 3 --out OUT/a.gif", 1),
    ("interpolate, WebP", "images", "interpolate RUN --seeds 1,2 --frames 3 --out OUT/a.webp", 1),
    ("interpolate, strip", "images", "interpolate RUN --seeds 1,2 --frames 3 --out OUT/a.png", 1),
    ("augment", "images", "augment RUN --count 20 --out OUT MARK", 20),
    ("directions", "images", "directions RUN --count 2 --samples 2 --out OUT", 3),
    ("mix", "images", "mix RUN 1 2:5 --out OUT/m.png", 1),
    ("project", "images", f"project RUN HOME/pictures --out OUT {QUICK}", 4),
    ("progress, strip", "images", "progress RUN --out OUT/p.png", 1),
    ("progress, GIF", "images", "progress RUN --out OUT/p.gif", 1),
    ("progress, WebP", "images", "progress RUN --out OUT/p.webp", 1),
    ("translate", "cyclegan", "translate RUN HOME/pictures --out OUT --sheet OUT/s.png", 4),
    ("translate, sounds", "voices", "translate RUN HOME/high --out OUT", 12),
    ("translate, lines", "cipher", "translate RUN HOME/lines.txt --out OUT/t.txt", 1),
    ("caption", "captions", "caption RUN HOME/pictures --seed 7 --out OUT/c.csv", 1),
]  # fmt: skip


def files(out: Path) -> list[Path]:
    """What holds samples: not tables of commands, and not what lies beside as a mark."""
    every = {path for path in out.rglob("*") if path.is_file() and ".ganzfeld" not in path.parts}
    beside = {path for path in every if path.suffix == ".json" and path.with_suffix("") in every}
    return sorted(path for path in every - beside if path.name not in NO_SAMPLES)


def asked(home: Path, run: str, words: str, out: Path, mark: bool) -> None:
    out.mkdir()
    if "MARK" in words:  # sets for training have none unless asked
        words = words.replace("MARK", "--mark" if mark else "")
    elif not mark:
        words += " --no-mark"
    places = {"RUN": home / run, "HOME": home, "OUT": out}
    main([re.sub("RUN|HOME|OUT", lambda at: str(places[at[0]]), word) for word in words.split()])


@pytest.mark.parametrize(("name", "run", "words", "least"), COMMANDS, ids=[c[0] for c in COMMANDS])
def test_what_a_command_draws_says_so(
    home: Path, tmp_path: Path, name: str, run: str, words: str, least: int
) -> None:
    asked(home, run, words, tmp_path / "out", True)
    made = files(tmp_path / "out")
    assert len(made) >= least
    weights = (home / run / "model" / "model.safetensors").read_bytes()
    translated = words.startswith("translate")
    if name == "translate, sounds":  # they keep their names
        assert {path.name for path in made} == {path.name for path in (home / "high").iterdir()}
    for path in made:
        said = mark_of(path)
        assert said is not None, path.name
        assert said["model"] == hashlib.sha256(weights).hexdigest(), path.name
        assert said["software"].startswith("ganzfeld ") and said["recipe"]
        kind = "compositeWithTrainedAlgorithmicMedia" if translated else "trainedAlgorithmicMedia"
        assert said["digital_source_type"] == TYPES + kind
        if not translated:  # those come from a file and no seed
            assert SEEDS & said.keys(), (path.name, said)
            assert NUMBERS & said.keys() or "latent" in said, (path.name, said)
    says = ", ".join(
        k for k in mark_of(made[-1]) or {} if k not in ("software", "digital_source_type")
    )
    print(f"{name:<20}{len(made):>3} of {len(made)} marked: {says}")
    asked(home, run, words, tmp_path / "bare", False)
    bare = files(tmp_path / "bare")
    assert [path.name for path in bare] == [path.name for path in made]
    assert not [path.name for path in bare if mark_of(path) is not None]
    left = [path for path in (tmp_path / "bare").rglob("*.json") if path.name not in NO_SAMPLES]
    assert not [path for path in left if ".ganzfeld" not in path.parts]


def test_numbers_are_those_of_the_samples(home: Path, tmp_path: Path) -> None:
    """Sample 2 of seed 7 says 7 and 2, and a sheet of three says 0 to 2."""
    asked(home, "images", COMMANDS[0][2], tmp_path / "out", True)
    for number in range(3):
        (path,) = (tmp_path / "out").glob(f"7-{number:06d}-*.png")
        said = mark_of(path)
        assert said is not None and (said["seed"], said["index"]) == (7, number)
    sheet = mark_of(tmp_path / "out" / "g.png")
    assert sheet is not None and (sheet["seed"], sheet["indices"]) == (7, [[0, 2]])


def test_a_caption_that_the_data_chose_is_in_the_mark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As metadata.csv has it, and `--from` draws the same sample of it again."""
    words, source = ["networks.*.width=4"], "avatars-captions:64"
    run = tiny("text-to-image", tmp_path / "run", source=source, batch=16, settings=words)
    out = tmp_path / "out"
    main(["sample", str(run), "--count", "3", "--seed", "7", "--out", str(out)])
    with (out / "metadata.csv").open(encoding="utf-8") as file:
        beside = {row["file_name"]: row["caption"] for row in csv.DictReader(file)}
    assert len(beside) == 3
    for name, caption in beside.items():
        said = mark_of(out / name)
        assert said is not None and caption and said["caption"] == caption
        main(["sample", str(run), "--from", str(out / name)])
    assert capsys.readouterr().out.count("equal to the bit") == 3
