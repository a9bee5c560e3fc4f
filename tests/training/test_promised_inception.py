"""A run that promised numbers by Inception, on a machine that does not have it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import ganzfeld
from ganzfeld.metrics import features
from ganzfeld.training import final, session

TINY = ["networks.*.width=4", "run.threads=1", "run.inception_count=8"]


class Stand(nn.Module):
    """In place of Inception."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).mean(2) + torch.arange(3)


def stand(protocol: str, source: Path | None = None) -> features.Extractor:
    return features.Extractor("inception", Stand(), features.native, "0" * 64, protocol=protocol)


@pytest.mark.long
def test_a_run_ends_without_inception_says_so_and_adds_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = True
    for module in (final, session):
        monkeypatch.setattr(module, "installed", lambda: there)
    monkeypatch.setattr(features, "inception", stand)
    monkeypatch.setattr(final, "inception_seconds", lambda: 0.1)
    run = ganzfeld.train(
        "avatars:64", recipe="dcgan", size=16, images=64, batch=16, settings=TINY, quiet=True,
        out=tmp_path / "run",
    ).path  # fmt: skip
    whole = json.loads((run / "evaluation.json").read_text())
    assert whole["inception"]["count"] == 8

    there = False
    capsys.readouterr()
    ganzfeld.resume(run, images=96)
    told = " ".join(capsys.readouterr().out.split())
    assert "promised numbers of 8 samples by Inception" in told
    assert "ganzfeld metrics install" in told and "done: 96 images" in told
    found = json.loads((run / "evaluation.json").read_text())
    assert "inception" not in found and any("by Inception" in w for w in found["warnings"])
    before = (run / "evaluation.json").read_bytes()
    ganzfeld.resume(run)  # complete, as far as it can be here
    assert (run / "evaluation.json").read_bytes() == before

    there = True
    ganzfeld.resume(run, quiet=True)
    found = json.loads((run / "evaluation.json").read_text())
    assert found["inception"]["count"] == 8
    assert not any("by Inception" in w for w in found["warnings"])
