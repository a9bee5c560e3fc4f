"""Strips and animation of a run, cut from the grids that it drew."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.errors import CheckpointError, DataError, UsageError
from ganzfeld.modalities.image import draw as pictures
from ganzfeld.report.progress import brief, cut, progress_of, some, spread

pytestmark = pytest.mark.long


@pytest.mark.parametrize(("height", "width", "columns"), [(16, 16, 8), (28, 20, 3), (70, 90, 2)])
@pytest.mark.parametrize("channels", [1, 3])
def test_cutting_undoes_the_grid(
    tmp_path: Path, height: int, width: int, columns: int, channels: int
) -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (2 * columns, channels, height, width), np.uint8)
    pictures.save_image(pictures.grid(pixels, columns), tmp_path / "1.png")
    scale = max(1, 64 // max(height, width))
    found = cut(tmp_path / "1.png", height, width)
    expected = pixels.repeat(scale, 2).repeat(scale, 3)
    assert np.array_equal(found, np.broadcast_to(expected, found.shape))
    with pytest.raises(DataError, match="not a grid"):
        cut(tmp_path / "1.png", height + 5, width)


def test_a_strip_has_the_first_and_the_last_moment(run: ganzfeld.Run, tmp_path: Path) -> None:
    grids = sorted((run.path / "samples").glob("*.png"))
    count = progress_of(run.path, tmp_path / "x.png", count=3, columns=4)
    assert count == 4
    with Image.open(tmp_path / "x.png") as image:
        sheet = np.asarray(image)
    assert sheet.shape == (3 * 66 + 2 + 18, 4 * 66 + 2, 3)
    for column, path in ((0, grids[0]), (3, grids[-1])):
        tiles = some(cut(path, 16, 16), 3)
        for row in range(3):
            top, left = 18 + 2 + 66 * row, 2 + 66 * column
            part = sheet[top : top + 64, left : left + 64].transpose(2, 0, 1)
            assert np.array_equal(part, tiles[row])
    assert (sheet[:18] < 128).any(), "the images seen are written above"


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_a_moving_picture_has_a_frame_for_each_grid(
    run: ganzfeld.Run, tmp_path: Path, ending: str
) -> None:
    grids = len(list((run.path / "samples").glob("*.png")))
    out = tmp_path / f"x.{ending}"
    main(["progress", str(run.path), "--out", str(out), "--count", "12", "--seconds", "4"])
    with Image.open(out) as image:
        assert getattr(image, "n_frames", 1) == grids
        lasts = []
        for frame in range(grids):
            image.seek(frame)
            image.load()
            lasts.append(image.info["duration"])
    assert abs(sum(lasts) - 6000) <= 5 * grids, "four seconds, and two more for the last"
    assert lasts[-1] >= lasts[0] + 1990


def test_evenly_spread_with_both_ends() -> None:
    assert spread(14, 4) == [0, 4, 9, 13]
    assert spread(3, 8) == [0, 1, 2] and spread(5, 1) == [0]
    assert [brief(n) for n in (937, 12_800, 1_500_000)] == ["937", "12.8k", "1.5M"]


def test_what_is_wrong_is_said(run: ganzfeld.Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.gif"):
        progress_of(run.path, tmp_path / "x.jpeg")
    with pytest.raises(UsageError, match="--count"):
        progress_of(run.path, tmp_path / "x.png", count=0)
    with pytest.raises(CheckpointError, match="there is no run at"):
        progress_of(tmp_path / "nowhere", tmp_path / "x.png")
    shutil.copytree(run.path, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "samples")
    with pytest.raises(DataError, match="no grids"):
        progress_of(tmp_path / "run", tmp_path / "x.png")


def test_more_columns_than_there_are_samples_take_no_room(
    run: ganzfeld.Run, tmp_path: Path
) -> None:
    progress_of(run.path, tmp_path / "x.gif", count=10, columns=10**9)
    with Image.open(tmp_path / "x.gif") as image:
        assert image.width < 10 * 70
