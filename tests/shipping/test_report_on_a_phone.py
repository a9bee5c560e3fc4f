"""What a report shows is no wider than a phone, whatever its samples are."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import browser, needs_chromium

import ganzfeld.report
from ganzfeld.modalities.table.show import html_table

pytestmark = [pytest.mark.browser, needs_chromium]


def test_wide_tables_and_players_fit_a_phone(tmp_path: Path) -> None:
    css = (Path(ganzfeld.report.__file__).parent / "page.css").read_text("utf-8")
    table = html_table([f"a long column {n}" for n in range(20)], [["cell"] * 20])
    player = "<div><audio controls></audio></div>"
    text = (
        f"<!doctype html><style>{css}</style><main><div class=hero><div>words</div>"
        f"<figure>{table}{player}</figure></div>"
        f"<div class=pairs><figure><div class=pair>{player}{player}</div></figure></div></main>"
    )
    (tmp_path / "page.html").write_text(text, "utf-8")
    with browser(tmp_path) as chrome:
        chrome.size(400, 800)
        chrome.open((tmp_path / "page.html").as_uri())
        chrome.wait('document.readyState === "complete"')
        assert chrome.run("document.documentElement.scrollWidth") == 400
