"""Rows of a table and fields from captions, from beginning to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.cli.main import main

LINES = ("a small blue one", "a large red one", "小的蓝色", "大的红色")


def drawn(run: Path, text: str, out: Path) -> None:
    main(["sample", str(run), "--text", text, "--count", "3", "--out", str(out)])


@pytest.mark.long
def test_rows_from_captions(tmp_path: Path) -> None:
    rows = [f"{i % 7},{'red' if i % 2 else 'blue'},number {i} {LINES[i % 4]}" for i in range(120)]
    (tmp_path / "things.csv").write_text("\n".join(["size,color,told", *rows]), encoding="utf-8")
    given = {"condition": "told", "images": 512, "quiet": True, "out": tmp_path / "run"}
    with pytest.raises(ganzfeld.GanzfeldError, match="--recipe text-to-table"):
        ganzfeld.train(tmp_path / "things.csv", **given)  # type: ignore[arg-type]
    run = ganzfeld.train(tmp_path / "things.csv", recipe="text-to-table", **given)  # type: ignore[arg-type]
    one = run.model.sample(3, text="a small blue one")
    assert torch.equal(one[:2], run.model.sample(2, text="a small blue one"))
    assert not torch.equal(one, run.model.sample(3, text="大的红色"))
    drawn(run.path, "a large red one", tmp_path / "out.csv")
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()) == 4
    with pytest.raises(ganzfeld.GanzfeldError, match="purple"):
        run.model.sample(1, text="a purple one")


@pytest.mark.long
def test_fields_from_captions(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(80, 1, 16, 16)).astype(np.float32)
    lines = np.array([LINES[i % 2 :: 2] for i in range(80)])
    np.savez(tmp_path / "maps.npz", x=3 * x, caption=lines)
    given = {"condition": "caption", "images": 96, "quiet": True, "out": tmp_path / "run"}
    with pytest.raises(ganzfeld.GanzfeldError, match="--recipe text-to-field"):
        ganzfeld.train(tmp_path / "maps.npz", **given)  # type: ignore[arg-type]
    settings = ["networks.*.width=4", "game.encoder_share=0.3"]
    run = ganzfeld.train(tmp_path / "maps.npz", recipe="text-to-field", settings=settings, **given)  # type: ignore[arg-type]
    one = run.model.sample(3, text="a small blue one")
    assert one.shape == (3, 1, 16, 16) and one.abs().max() > 1, "no bound"
    assert torch.equal(one[:2], run.model.sample(2, text="a small blue one"))
    drawn(run.path, "大的红色", tmp_path / "out.npy")
    assert np.load(tmp_path / "out.npy").shape == (3, 1, 16, 16)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Captions and samples" in page
