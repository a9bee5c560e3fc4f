"""Models that a page, ONNX or a server cannot take are refused before any work is done."""

from __future__ import annotations

from pathlib import Path

import pytest

import ganzfeld
from ganzfeld.errors import UsageError
from ganzfeld.shipping.page import page_of
from ganzfeld.shipping.suited import need_exported, need_served


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


@pytest.mark.long
def test_a_model_of_captions_is_served_but_not_exported(tmp_path: Path) -> None:
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
    with pytest.raises(UsageError, match="asked for by text"):
        need_exported(model, "a page")
