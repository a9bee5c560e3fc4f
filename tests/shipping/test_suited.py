"""Models that a page, ONNX or a server cannot take are refused before any work is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from shipping_runs import ALL, ELSEWHERE, EXPORTED_ELSEWHERE, REFUSED

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import marks
from ganzfeld.errors import UsageError
from ganzfeld.recipes import RECIPES
from ganzfeld.shipping.page import page_of
from ganzfeld.shipping.suited import need_exported


def test_a_page_of_a_translation_of_lines_is_refused(tmp_path: Path) -> None:
    run = ganzfeld.train(
        "cipher:64", recipe="text-cyclegan", images=64, out=tmp_path / "run", quiet=True
    )
    model = ganzfeld.load(run.path)
    need_exported(model, "ONNX")
    with pytest.raises(UsageError, match="translates lines") as refused:
        page_of(model)
    assert "--to onnx" in str(refused.value.fix)


def test_each_recipe_is_exported_by_a_test_or_refused_in_the_docs() -> None:
    """test_onnx_export.py exports ALL, and files of their own those that come in other ways."""
    text = (Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")
    refused = text.partition("## What cannot be exported")[2].partition("The generators of")[0]
    told = {name for name in RECIPES if f"`{name}`" in text}
    assert told == set(RECIPES), "docs/export.md has the error of each, or why it is refused"
    assert {name for name in RECIPES if f"`{name}`" in refused} == set(REFUSED)
    assert set(ELSEWHERE) == {*REFUSED, *EXPORTED_ELSEWHERE} and len(ALL) > 25


@pytest.mark.parametrize("recipe", ["text-cyclegan", "text-pix2pix"])
@pytest.mark.long
def test_translated_lines_have_their_mark_beside_them(recipe: str, tmp_path: Path) -> None:
    """Which model made them, and from what somebody else wrote; --no-mark leaves it out."""
    run = ganzfeld.train("cipher:64", recipe=recipe, images=64, out=tmp_path / "run", quiet=True)
    (tmp_path / "a.txt").write_text("hello\nthe_sea\n", "utf-8")
    words = ["translate", str(run.path), str(tmp_path / "a.txt"), "--to", "b", "--out"]
    main([*words, str(tmp_path / "b.txt")])
    said = marks.read(tmp_path / "b.txt")
    assert said is not None and said["digital_source_type"] == marks.TRANSLATED
    assert (said["to"], said["recipe"]) == ("b", recipe)
    assert said["model"] == ganzfeld.load(run.path).about["weights"]["sha256"]
    main([*words, str(tmp_path / "c.txt"), "--no-mark"])
    assert (tmp_path / "c.txt").read_bytes() == (tmp_path / "b.txt").read_bytes()
    assert marks.read(tmp_path / "c.txt") is None
