"""The way from `ganzfeld train` to the first step of an optimizer stays short."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

TRACE = Path(__file__).parents[2] / "dev" / "trace_way_in.py"


@pytest.mark.long
def test_eight_files_and_900_lines_lead_to_the_first_step() -> None:
    tool = runpy.run_path(str(TRACE))
    found = tool["trace"]("default")
    assert found.trainers == 1 and found.tried > 0
    assert len(tool["by_file"](found.way)) <= 8
    assert tool["total_lines"](found.way) <= 900
    on_stack = [code.co_name for code in found.stack]
    assert on_stack[-5:] == ["launch", "play", "__iter__", "take_step", "update"]
