"""Marks: files say what they are and where they come from, and one of them is drawn again."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import marks
from ganzfeld.data.pack import open_pack
from ganzfeld.errors import DataError
from ganzfeld.modalities import MODALITIES, Spec
from ganzfeld.modalities.audio.wav import read_wav, wav_bytes
from ganzfeld.models.export_dataset import augment
from ganzfeld.models.model import Model

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MARK = marks.new(model="ab" * 32, seed=2**64 - 1, index=3, label='</x> "Größe" 中', std=0.5)


def picture(mode: str = "RGB", side: int = 17) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (side, side + 1, len(mode)), np.uint8)
    return Image.fromarray(values[:, :, 0] if len(mode) == 1 else values, mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "kind, mode, options",
    [
        ("PNG", "RGB", {}),
        ("PNG", "L", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGB", {"quality": 80}),
        ("WEBP", "RGB", {"save_all": True, "append_images": [picture("RGB", 17).rotate(180)]}),
        ("GIF", "L", {}),
        ("GIF", "L", {"save_all": True, "append_images": [picture("L").rotate(90, expand=False)]}),
        ("JPEG", "RGB", {}),
    ],
)
def test_a_mark_changes_no_pixel_and_is_read_again(
    kind: str, mode: str, options: dict[str, Any], tmp_path: Path
) -> None:
    plain = encoded(picture(mode), kind, **options)
    marked = marks.stamp(plain, MARK)
    assert marked is not None
    before, after = Image.open(io.BytesIO(plain)), Image.open(io.BytesIO(marked))
    assert getattr(before, "n_frames", 1) == getattr(after, "n_frames", 1)
    for frame in range(getattr(before, "n_frames", 1)):
        before.seek(frame)
        after.seek(frame)
        assert np.array_equal(np.asarray(before.convert("RGBA")), np.asarray(after.convert("RGBA")))
    path = tmp_path / "file.bin"
    path.write_bytes(marked)
    assert marks.read(path) == MARK
    packet = after.info.get("xmp") or after.info.get("XML:com.adobe.xmp")
    said = packet if isinstance(packet, bytes) else str(packet).encode()
    if kind == "GIF":  # Pillow does not look for it
        said = marked
    assert f'DigitalSourceType="{SOURCE}trainedAlgorithmicMedia"'.encode() in said
    path.write_bytes(plain)
    assert marks.read(path) is None


def test_the_xmp_of_a_png_is_well_formed_and_small() -> None:
    from xml.etree import ElementTree

    plain = encoded(picture(), "PNG")
    marked = marks.stamp(plain, MARK)
    assert marked is not None and len(marked) - len(plain) < 1_100
    with Image.open(io.BytesIO(marked)) as image:
        text = image.info["XML:com.adobe.xmp"]
        assert image.info["Software"].startswith("ganzfeld ")
        assert json.loads(image.info["ganzfeld"]) == MARK
    body = text[text.index("?>") + 2 : text.rindex("<?")]
    (description,) = ElementTree.fromstring(body).iter(
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
    )
    space = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
    assert description.attrib[f"{space}DigitalSourceType"] == marks.GENERATED


def test_a_wav_file_keeps_its_samples_and_says_it_in_list_info(tmp_path: Path) -> None:
    wave = (np.sin(np.arange(801) / 9) * 9000).astype(np.int16)
    plain = wav_bytes(wave, 8_000)
    marked = marks.stamp(plain, MARK)
    assert marked is not None
    assert struct.unpack("<I", marked[4:8])[0] == len(marked) - 8
    assert np.array_equal(read_wav(marked).samples, read_wav(plain).samples)
    place = marked.index(b"LIST")
    assert marked[place + 8 : place + 16] == b"INFOISFT" and b"trainedAlgorithmicMedia" in marked
    (tmp_path / "a.wav").write_bytes(marked)
    assert marks.read(tmp_path / "a.wav") == MARK
    import wave as standard

    with standard.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() == 801


@pytest.mark.parametrize("kind", list(MODALITIES))
def test_each_kind_of_sample_is_saved_with_a_mark(kind: str, tmp_path: Path) -> None:
    """`encoded` is what `save` writes, and the mark is inside or beside it."""
    modality = MODALITIES[kind]
    spec: Spec = modality.examples()[0][0]
    one = modality.blank(spec)
    if modality.learns and kind == "table":
        one = np.array([0.5, 1.0], np.float32)
    modality.save(one, tmp_path / f"plain{modality.suffix}", spec)
    plain = (tmp_path / f"plain{modality.suffix}").read_bytes()
    assert modality.encoded(one, spec) == plain
    path = tmp_path / f"marked{modality.suffix}"
    modality.save_marked(one, path, spec, MARK)
    assert marks.read(path) == MARK
    beside = (tmp_path / f"marked{modality.suffix}.json").exists()
    assert beside == (path.read_bytes() == plain)
    json.dumps(modality.to_json(one, spec), allow_nan=False)


def test_the_command_marks_images_and_grids_and_draws_one_again(
    run: ganzfeld.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["--count", "3", "--seed", "7", "--std", "0.5", "--label", "bob", "curly"]
    main(["sample", str(run.path), *words, "--out", str(out), "--grid", str(tmp_path / "g.png")])
    files = sorted(out.iterdir())
    assert len(files) == 3
    said = marks.read(files[1])
    sha256 = run.model.about["weights"]["sha256"]
    assert said is not None
    assert {k: said[k] for k in ("model", "seed", "index", "label", "std", "recipe")} == {
        "model": sha256, "seed": 7, "index": 1, "label": "curly", "std": 0.5, "recipe": "hinge",
    }  # fmt: skip
    grid = marks.read(tmp_path / "g.png")
    assert grid is not None and grid["indices"] == [[0, 2]] and grid["model"] == sha256
    capsys.readouterr()
    main(["sample", str(run.path), "--from", str(files[1])])
    assert "equal to the bit" in capsys.readouterr().out
    main(["sample", "--from", str(files[1]), str(run.path), "--out", str(tmp_path / "again")])
    (again,) = (tmp_path / "again").iterdir()
    assert again.read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("form", ["png16", "tiff16", "tiff32"])
def test_samples_in_the_units_of_the_data_are_drawn_again(
    run: ganzfeld.Run, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mark has the format and the range, so that the file is compared byte for byte."""
    words = ["--count", "2", "--format", form, "--range", "0:4095", "--out", str(tmp_path)]
    main(["sample", str(run.path), *words])
    (file,) = (path for path in tmp_path.iterdir() if path.stem.startswith("0-000001")
               and path.suffix != ".json")  # fmt: skip
    said = marks.read(file)
    assert said is not None and (said["format"], said["range"]) == (form, "0:4095")
    capsys.readouterr()
    main(["sample", str(run.path), "--from", str(file), "--out", str(tmp_path / "again")])
    assert "equal to the bit" in capsys.readouterr().out
    again = tmp_path / "again" / file.name
    assert again.read_bytes() == file.read_bytes() and marks.read(again) == said
    marks.write(file, file.read_bytes(), said | {"format": "exe"})
    with pytest.raises(SystemExit) as error:
        main(["sample", str(run.path), "--from", str(file)])
    assert error.value.code == 2 and "is damaged: format" in capsys.readouterr().err


def test_the_best_of_many_are_drawn_again(run: ganzfeld.Run, tmp_path: Path) -> None:
    main(["sample", str(run.path), "--count", "2", "--of", "40", "--out", str(tmp_path)])
    for file in sorted(tmp_path.iterdir()):
        main(["sample", str(run.path), "--from", str(file)])


def test_the_model_is_found_among_the_runs_here(
    run: ganzfeld.Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run.model.save(1, tmp_path / "out", seed=3)
    (file,) = (tmp_path / "out").iterdir()
    monkeypatch.chdir(run.path.parent)
    main(["sample", "--from", str(file)])
    assert f"of seed 3 from {run.path.name}, equal to the bit" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as error:
        main(["sample", "--from", str(file)])
    assert error.value.code == 2 and "no run in runs" in capsys.readouterr().err


def test_what_cannot_be_drawn_again_is_told(
    run: ganzfeld.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["sample", str(run.path), "--count", "1", "--no-mark", "--out", str(tmp_path / "bare")])
    (bare,) = (tmp_path / "bare").iterdir()
    with Image.open(bare) as image:
        assert image.info == {}
    (tmp_path / "edited.png").write_bytes(
        marks.stamp(  # another image with the mark of ours
            encoded(picture("RGB", 16), "PNG"),
            marks.new(model=run.model.about["weights"]["sha256"], seed=1, index=0),
        )
        or b""
    )
    foreign = marks.stamp(encoded(picture(), "PNG"), marks.new(model="0" * 64, seed=1, index=0))
    wild = marks.stamp(encoded(picture(), "PNG"), marks.new(model="0" * 64, seed=-1, index=0))
    (tmp_path / "foreign.png").write_bytes(foreign or b"")
    (tmp_path / "wild.png").write_bytes(wild or b"")
    expected = [
        (bare, 2, "has no mark"),
        (tmp_path / "edited.png", 4, "differs from what this model draws"),
        (tmp_path / "foreign.png", 2, "is not the model that drew it"),
        (tmp_path / "wild.png", 2, "the mark's seed is a whole number"),
        (tmp_path / "gone.png", 3, "is missing"),
    ]
    for file, code, words in expected:
        capsys.readouterr()
        with pytest.raises(SystemExit) as error:
            main(["sample", str(run.path), "--from", str(file)])
        assert error.value.code == code and words in capsys.readouterr().err, file


def test_training_ignores_marks(run: ganzfeld.Run, tmp_path: Path) -> None:
    for name, mark in (("plain", False), ("marked", True)):
        augment(run.path, tmp_path / name, count=12, mark=mark)
    plain, marked = (open_pack(tmp_path / name, workers=0) for name in ("plain", "marked"))
    assert np.array_equal(plain.rows(np.arange(12))["x"], marked.rows(np.arange(12))["x"])
    files = sorted((tmp_path / "marked").glob("*/*.png"))
    assert len(files) == 12 and all(marks.read(file) for file in files)
    plains = sorted((tmp_path / "plain").glob("*/*.png"))
    assert len(plains) == 12 and not any(marks.read(file) for file in plains)


def test_sidecars_are_no_data(tmp_path: Path) -> None:
    """A folder of arrays, and a table, with their marks beside them are read as without."""
    fields = MODALITIES["field"]
    for n in range(12):
        one = np.random.default_rng(n).random((8, 8), np.float32)
        fields.save_marked(one, tmp_path / f"fields/{n}.npy", Spec("field", (1, 8, 8)), MARK)
    assert len(list((tmp_path / "fields").glob("*.json"))) == 12
    assert len(open_pack(tmp_path / "fields", workers=0)) == 12
    rows = "".join(f"{n},{n % 3}\n" for n in range(40))
    with marks.marking(tmp_path / "table/rows.csv", MARK) as place:
        place.write_text(f"a,b\n{rows}")
    assert (tmp_path / "table/rows.csv.json").exists()
    assert len(open_pack(tmp_path / "table/rows.csv", workers=0)) == 40


def test_a_killed_command_leaves_no_unmarked_sheet(tmp_path: Path) -> None:
    """Between writing and marking, a sheet lies out of sight."""
    with pytest.raises(KeyboardInterrupt), marks.marking(tmp_path / "g.png", MARK) as place:
        place.write_bytes(encoded(picture(), "PNG"))
        assert not (tmp_path / "g.png").exists()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with marks.marking(tmp_path / "t.csv", MARK) as place:
        place.write_text("a,b\n1,2\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.csv.json"]
    assert marks.read(tmp_path / "t.csv") == MARK
    (tmp_path / "t.csv.json").write_text("[1]")
    with pytest.raises(DataError, match="damaged"):
        marks.read(tmp_path / "t.csv")


def test_sheets_of_training_and_animations_are_marked(run: ganzfeld.Run, tmp_path: Path) -> None:
    sheets = sorted((run.path / "samples").glob("*.png"))
    said = marks.read(sheets[-1])
    assert said is not None and said["images_seen"] == 640 and said["recipe"] == "hinge"
    gif = tmp_path / "a.gif"
    main(["interpolate", str(run.path), "--seeds", "1,2", "--frames", "3", "--out", str(gif)])
    own = marks.read(gif)
    assert (
        own is not None
        and own["seeds"] == [1, 2]
        and own["digital_source_type"] == (marks.GENERATED)
    )
    with Image.open(gif) as image:
        assert getattr(image, "n_frames", 1) == 4
    main(["progress", str(run.path), "--out", str(tmp_path / "p.png")])
    assert marks.read(tmp_path / "p.png")
    main(["progress", str(run.path), "--out", str(tmp_path / "q.png"), "--no-mark"])
    assert marks.read(tmp_path / "q.png") is None


def test_a_model_without_a_folder_has_a_hash(make_model: Callable[..., Model]) -> None:
    from ganzfeld.models.marking import mark_of, weights_of

    model = make_model(("a", "b"))
    assert mark_of(model, seed=1, index=2, label="a")["model"] == weights_of(model)
    assert len(weights_of(model)) == 64


def test_reading_marks_needs_no_torch() -> None:
    code = "import sys, ganzfeld.core.marks; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_holds_no_sound_mark_is_refused_and_named(tmp_path: Path) -> None:
    """A broken mark is no broken file, and a pipe keeps nobody waiting."""
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png", pnginfo=chunk("{"))
    (tmp_path / "b.csv").write_text("x\n1\n")
    (tmp_path / "b.csv.json").write_text("[1,")
    for name in ("a.png", "b.csv"):
        with pytest.raises(DataError, match=rf"the mark of \S+{name} is damaged"):
            marks.read(tmp_path / name)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "c.png")
        with pytest.raises(DataError, match="is a pipe, not a file"):
            marks.read(tmp_path / "c.png")


def chunk(text: str) -> PngInfo:
    found = PngInfo()
    found.add_itxt("ganzfeld", text)
    return found
