"""Many files that are bad for one reason are one line of a check, whatever numbers are in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzfeld.cli.main import main
from ganzfeld.core.names import merged


@pytest.mark.parametrize(
    ("reasons", "shown"),
    [
        (["at -1.5 to 2", "at 0.25 to 2"], ["at … to 2"] * 2),
        (["1,024 px", "7 px", "7 px"], ["… px"] * 3),
        (["7 px", "7 px"], ["7 px"] * 2),
        (["1 px", "1 byte"], ["1 px", "1 byte"]),
        (["1e-5 x", "no x"], ["1e-5 x", "no x"]),
        ([], []),
    ],
)
def test_numbers_that_differ_are_dots(reasons: list[str], shown: list[str]) -> None:
    assert merged(reasons) == shown


def test_images_of_many_bad_ranges_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(9):
        values = np.random.default_rng(number).normal(size=(20, 20)).astype(np.float32)
        Image.fromarray(values).save(tmp_path / f"{number}.tif")
    with pytest.raises(SystemExit):
        main(["data", "check", str(tmp_path)])
    said = capsys.readouterr().out
    assert "9  floating-point values outside 0 to 1 (… to …): 0.tif, 1.tif" in said
    assert "more reasons" not in said
