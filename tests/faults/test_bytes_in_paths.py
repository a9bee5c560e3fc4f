"""Folders whose names are not UTF-8: a run in one, of data in one, is as any other."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ganzfeld.cli import main

TINY = ["--set", "networks.*.width=4", "run.threads=1", "run.inception_count=0"]
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "darwin", reason="its file names are all UTF-8"),
]


def ends(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    try:
        main.main(words)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    text = capsys.readouterr()
    return code, text.out + text.err


def test_every_command_takes_a_path_of_any_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / os.fsdecode(b"h\xff\xe9me")
    home.mkdir()
    data, run, out = (
        home / os.fsdecode(b"d\xfc.npy"),
        home / os.fsdecode(b"r\xfe"),
        home / os.fsdecode(b"o\xfd"),
    )
    noise = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 3), dtype=np.uint8)
    np.save(data, noise)
    train = ["train", f"{data}", "--recipe", "dcgan", "--batch", "16", "--quiet"]
    commands = [
        [*train, "--images", "320", "--out", f"{run}", *TINY],
        ["resume", f"{run}", "--images", "336", "--quiet"],
        ["checkpoint", "verify", f"{run}"],
        ["sample", f"{run}", "--count", "2", "--out", f"{out}"],
        ["report", f"{run}"],
        ["evaluate", f"{run}", f"{data}", "--count", "16", "--json", f"{out}.json"],
        ["compare", f"{run}", f"{out}.json", "--out", f"{out}.html"],
        ["progress", f"{run}", "--out", f"{out}.png"],
        ["interpolate", f"{run}", "--seeds", "1,2", "--frames", "2", "--out", f"{out}.gif"],
        ["data", "check", f"{data}"],
        ["data", "sheet", f"{data}", "--out", f"{out}-sheet.png"],
        [*train, "--images", "16", "--init", f"{run}", "--out", f"{out}-next", *TINY],
    ]
    ended = {" ".join(words[:2]): ends(words, capsys) for words in commands}
    assert not {name: end for name, end in ended.items() if end[0] != 0}
    assert (run / "model" / "README.md").read_text("utf-8")
