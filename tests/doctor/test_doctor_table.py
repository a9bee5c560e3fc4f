"""The table of how often the doctor is right is made of the recorded rows alone, all of them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
PAGE = "before\n<!-- confusion: bench/doctor.py -->\nold\n<!-- end of confusion -->\nafter\n"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("doctor")


def row(fault: str, seed: int, said: str, right: bool) -> dict[str, Any]:
    delay = 0.1 if said else None
    return {
        "kind": "points", "fault": fault, "seed": seed, "images": 64, "said": said,
        "all": [said] if said else [], "delay": delay, "since": delay, "right": right,
        "seconds": 1.0, "machine": "x86_64",
    }  # fmt: skip


def test_new_rows_are_added_and_none_is_lost(bench: Any, tmp_path: Path) -> None:
    kept = [row("blank", 8, "blank", True), row("frozen", 13, "", False)]
    results, rates, pages = tmp_path / "r.jsonl", tmp_path / "rates.json", []
    results.write_text("".join(json.dumps(one) + "\n" for one in kept), "utf-8")
    for name in ("page.md", "page.zh-CN.md"):
        pages.append(tmp_path / name)
        pages[-1].write_text(PAGE, "utf-8")

    bench.publish([], pages, results, rates)
    assert [json.loads(line) for line in results.read_text("utf-8").splitlines()] == kept
    text = pages[0].read_text("utf-8")
    assert "| blank output | 1 of 1 " in text and "| generator frozen | 0 of 1 " in text
    assert "| **the nine** | **1 of 2 " in text
    assert "old" not in text and text.startswith("before") and text.endswith("after\n")
    assert "2 次中 1 次" in pages[1].read_text("utf-8")

    new = [row("frozen", 13, "generator-still", True), row("blank", 14, "mode-collapse", False)]
    bench.publish([bench.one_of(one) for one in new], pages, results, rates)
    assert [json.loads(line) for line in results.read_text("utf-8").splitlines()] == [
        kept[0], *new
    ]  # fmt: skip
    assert json.loads(rates.read_text("utf-8")) == {
        "blank": [1, 1], "generator-still": [1, 1], "mode-collapse": [0, 1]
    }  # fmt: skip


def test_the_published_table_is_that_of_the_recorded_rows(bench: Any, tmp_path: Path) -> None:
    docs, rates = BENCH.parent / "docs", tmp_path / "rates.json"
    results = tmp_path / "r.jsonl"
    results.write_bytes(bench.RESULTS.read_bytes())
    pages = []
    for name in ("doctor.md", "doctor.zh-CN.md"):
        pages.append(tmp_path / name)
        pages[-1].write_bytes((docs / name).read_bytes())
    bench.publish([], pages, results, rates)
    assert results.read_bytes() == bench.RESULTS.read_bytes()
    assert rates.read_bytes() == bench.RATES.read_bytes()
    for page in pages:
        assert page.read_bytes() == (docs / page.name).read_bytes()
