"""The notebook of examples/ runs from top to bottom, cell by cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import forks

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"


def cells(kind: str) -> list[str]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


@pytest.mark.long
def test_the_notebook_runs(tmp_path: Path) -> None:
    """Its code as one script: names of one cell are there in the next. Training is shorter."""
    script = "\n\n".join(cells("code"))
    assert "images=1600" in script
    done = forks.run(code=script.replace("images=1600", "images=160"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "quickstart" / "report.html").exists()
    assert "real images" in done.stdout and "images seen" in done.stdout


def test_it_is_kept_without_results_and_with_links_that_lead_somewhere() -> None:
    whole = json.loads(NOTEBOOK.read_text("utf-8"))
    assert not any(cell.get("outputs") for cell in whole["cells"])
    assert NOTEBOOK.stat().st_size < 10_000
    for part in " ".join(cells("markdown")).split("](")[1:]:
        assert (NOTEBOOK.parent / part.partition(")")[0]).exists(), part
