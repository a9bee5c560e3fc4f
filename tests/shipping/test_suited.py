"""Models that a page, ONNX or a server cannot take are refused before any work is done."""

from __future__ import annotations

from pathlib import Path

import pytest

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import marks
from ganzfeld.errors import UsageError
from ganzfeld.shipping.page import page_of
from ganzfeld.shipping.suited import need_exported, need_served, need_shown


def test_a_translation_of_lines_is_refused(tmp_path: Path) -> None:
    run = ganzfeld.train(
        "cipher:64", recipe="text-cyclegan", images=64, out=tmp_path / "run", quiet=True
    )
    model = ganzfeld.load(run.path)
    for refused in (need_served, need_exported):
        with pytest.raises(UsageError, match="this one translates lines"):
            refused(model, "a server")
    with pytest.raises(UsageError, match="translates lines"):
        page_of(model)
    pytest.importorskip("onnx")
    with pytest.raises(UsageError, match="translates lines"):
        ganzfeld.export(run.path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


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


@pytest.mark.long
def test_a_model_of_captions_is_served_and_exported_but_no_page(tmp_path: Path) -> None:
    run = ganzfeld.train(
        "avatars-captions:64",
        recipe="text-to-image",
        images=64,
        size=16,
        settings=["networks.*.width=4", "run.evaluate_every=null"],
        out=tmp_path / "run",
        quiet=True,
    )
    model = ganzfeld.load(run.path)
    need_served(model, "a server")
    need_exported(model, "ONNX")
    with pytest.raises(UsageError, match="asked for by text"):
        need_shown(model, "a page")
