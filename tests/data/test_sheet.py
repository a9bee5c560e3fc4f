"""Contact sheets."""

from pathlib import Path

import corpus
import numpy as np
import pytest
from PIL import Image

from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.data.sheet import data_sheet
from ganzfeld.errors import ResourceError


@pytest.fixture
def pack(tmp_path):
    for name in ("cat", "猫"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for k in range(12):
            (tmp_path / "set" / name / f"{k}.png").write_bytes(corpus.png(seed=k))
    return lambda **options: open_pack(
        tmp_path / "set", PackOptions(**options), cache=tmp_path / "cache"
    )


@pytest.mark.parametrize(
    "options", [{}, {"labels": "none"}, {"size": (28, 28), "channels": 1}, {"size": (40, 100)}]
)
def test_a_sheet_is_a_whole_png(pack, tmp_path, options):
    out = tmp_path / "deep" / "sheet.png"
    assert data_sheet(pack(**options), out, count=16) == out
    with Image.open(out) as sheet:
        sheet.load()
        assert sheet.format == "PNG" and min(sheet.size) > 100
    assert [path.name for path in out.parent.iterdir()] == ["sheet.png"]


def test_the_pictures_are_on_it(pack, tmp_path):
    found = pack(labels="none", size=(64, 64))
    data_sheet(found, tmp_path / "sheet.png", count=1)
    pixels = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert np.array_equal(pixels[18:82, 2:66], found.images[0].transpose(1, 2, 0))


def test_transparency_shows_a_ground(tmp_path):
    (tmp_path / "set").mkdir()
    for name in "ab":
        corpus.with_alpha("RGBA").save(tmp_path / "set" / f"{name}.png")
    found = open_pack(tmp_path / "set", PackOptions(alpha="keep"), cache=tmp_path / "cache")
    data_sheet(found, tmp_path / "sheet.png")
    pixels = np.asarray(Image.open(tmp_path / "sheet.png"))[18:66, 2:26]
    assert {153, 204} == set(np.unique(pixels))


def test_a_place_that_cannot_be_written(pack, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cannot be written"):
        data_sheet(pack(), tmp_path / "file" / "sheet.png")


def test_a_sheet_of_a_table_is_its_rows(tmp_path: Path) -> None:
    pack = open_pack("table-known:300", PackOptions(), workers=0)
    sheet = data_sheet(pack, tmp_path / "sheet.png")
    lines = sheet.read_text("utf-8").splitlines()
    assert sheet.suffix == ".csv" and lines[0].split(",") == ["k", "x", "w", "y"]
    assert len(lines) == 65
