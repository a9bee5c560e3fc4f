"""Numbers that would all become one grey are refused, and few greys are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.data.check import check_data
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import open_pack
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.image.ranges import parse

DRAWN: NDArray[Any] = np.random.default_rng(0).random((40, 16, 16))


def saved(folder: Path, array: NDArray[Any]) -> Path:
    np.save(folder / "x.npy", array)
    return folder / "x.npy"


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((40, 16, 16), 0.5, np.float32), "that are all 0.5"),
        (np.zeros((40, 16, 16)), "that are all 0"),
        (np.zeros((40, 16, 16), bool), "that are all 0"),
        (np.zeros((40, 16, 16), np.int64), "that are all 0"),
    ],
)
def test_an_array_of_one_number_is_refused(array: NDArray[Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        check_data(saved(tmp_path, array))


@pytest.mark.parametrize("top", [1e-40, 1e-5, 3e-3])
def test_floats_that_would_be_black_are_no_images(top: float, tmp_path: Path) -> None:
    path = saved(tmp_path, DRAWN * top)
    try:
        report = check_data(path)
    except DataError as error:
        assert "multiply them" in str(error)
        return
    if report["count"]:
        assert "fields, whose numbers are kept" in report["taken"]["modality"]
        assert "--range" in report["taken"]["modality"]
    else:  # too small for float32
        assert "multiply them" in report["skipped"][0][1]


def test_a_range_that_was_asked_for_makes_images_of_small_numbers(tmp_path: Path) -> None:
    path = saved(tmp_path, (DRAWN * 1e-20).astype(np.float32))
    pack = open_pack(path, PackOptions(range="0:1e-20"), cache=tmp_path / "cache")
    assert pack.images.min() < 5 and pack.images.max() > 250
    for text in ("0:1e-40", "0:1e-320"):  # PyTorch takes such numbers for zero
        with pytest.raises(UsageError, match="--range takes"):
            parse(text)


def test_an_array_of_few_greys_says_so(tmp_path: Path) -> None:
    report = check_data(saved(tmp_path, DRAWN * 0.03))
    assert "0 black, 1 white" in report["values"]
    assert "8 of 256 grey values" in report["values"]


@pytest.mark.parametrize(("top", "fix"), [(1e-40, ""), (1e-6, "--range ")])
def test_files_of_floats_that_would_be_black_are_refused(
    top: float, fix: str, tmp_path: Path
) -> None:
    for number, image in enumerate(DRAWN[:12]):
        Image.fromarray((image * top).astype(np.float32)).save(tmp_path / f"{number}.tif")
    with pytest.raises(DataError, match="all images are the same grey") as told:
        check_data(tmp_path)
    assert fix in told.value.fix


def test_files_of_few_greys_say_so(tmp_path: Path) -> None:
    for number, image in enumerate(DRAWN[:12]):
        Image.fromarray((image * 0.03).astype(np.float32)).save(tmp_path / f"{number}.tif")
    assert "8 of 256 grey values" in check_data(tmp_path)["values"]
