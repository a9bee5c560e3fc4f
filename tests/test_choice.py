"""The run measures itself, keeps the checkpoint that measured best, and ships the best average."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.core import checkpoint
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.games import Game
from ganzfeld.games.ema import Average
from ganzfeld.training.build import build_trainer
from ganzfeld.training.validation import Examiner
from test_run import tiny


def rows(run: ganzfeld.Run, kind: str) -> list[dict[str, Any]]:
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


@pytest.mark.long
def test_the_shipped_average_is_the_best_of_all_candidates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, looked_at = Examiner.measure, []

    def told(self: Examiner, game: Game, average: Average) -> dict[str, Any]:
        looked_at.append(tuple(float(p.double().sum()) for p in average.parameters()))
        return measure(self, game, average)

    monkeypatch.setattr(Examiner, "measure", told)
    run = tiny(tmp_path / "run", images=3200)
    assert len(set(looked_at)) == len(looked_at) > 4, "nothing is measured twice"
    chosen = run.model.about["chosen"]
    candidates = chosen["candidates"]
    assert {c["average"] for c in candidates} == {"short", "medium", "long"}
    lowest = min(candidates, key=lambda c: c["frechet"])
    assert (chosen["images"], chosen["average"]) == (lowest["images"], lowest["average"])
    assert chosen["by"] == "frechet" and chosen["count"] == 64
    assert chosen["protocol"] == rows(run, "evaluation")[0]["protocol"]
    # and the shipped weights are that average's
    found = checkpoint.load(run.path / "checkpoints" / checkpoint.name_of(chosen["images"]))
    for name, value in run.model.generator.state_dict().items():
        assert torch.equal(found.state["average"][f"{chosen['average']}.G.{name}"], value)
    judged = json.loads((run.path / "evaluation.json").read_text())
    assert judged["count"] == 64 and judged["frechet"] > 0
    assert judged["protocol"]["id"] != chosen["protocol"], "other samples than those chosen by"


@pytest.mark.long
def test_an_early_best_is_kept_shipped_and_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = Examiner.measure
    half_lives: list[float] = []

    def worse_and_worse(self: Examiner, game: Game, average: Average) -> dict[str, Any]:
        half_lives.append(average.half_life_images)
        # the short span is measured at the end alone: of the newest checkpoint, then of the first
        best = average.half_life_images == 250 and half_lives.count(250) == 2
        frechet = 0.5 if best else float(len(half_lives))
        return measure(self, game, average) | {"frechet": frechet}

    monkeypatch.setattr(Examiner, "measure", worse_and_worse)
    out = tmp_path / "run"
    run = tiny(out, settings=[*often(), "run.keep=2", "ema.half_life_images=1000"])
    first = rows(run, "evaluation")[0]["images"]
    assert first == 96, "three steps of 32"
    there = {p.name for p in (out / "checkpoints").iterdir()}
    assert checkpoint.name_of(first) in there and len(there) == 3
    about = run.model.about
    assert (about["images_seen"], about["run_images"]) == (first, 640)
    assert about["chosen"]["average"] == "short"
    last = ganzfeld.load(out, which="last")
    assert last.about["images_seen"] == 640
    assert not torch.equal(last.sample(1), run.model.sample(1))
    with pytest.raises(ganzfeld.GanzfeldError, match="best or last"):
        ganzfeld.load(out, which="worst")


def often() -> list[str]:
    return ["networks.G.width=4", "networks.D.width=4", "run.evaluate_every=96"]


@pytest.mark.long
def test_without_a_half_life_the_live_weights_are_shipped(tmp_path: Path) -> None:
    run = tiny(tmp_path / "run", settings=[*often(), "ema.half_life_images=0"])
    found = checkpoint.load(
        run.path / "checkpoints" / checkpoint.name_of(run.model.about["images_seen"])
    )
    for name, value in run.model.generator.state_dict().items():
        assert torch.equal(found.state["game"][f"G.{name}"], value)


@pytest.mark.long
def test_spans_differ_as_their_half_lives(tmp_path: Path) -> None:
    run = tiny(tmp_path / "run", images=3200)
    newest, _ = checkpoint.newest(run.path / "checkpoints")
    assert newest is not None
    average, game = newest.state["average"], newest.state["game"]
    name = next(k for k in game if k.startswith("G.") and k.endswith("weight"))
    away = {
        span: float((average[f"{span}.{name}"] - game[name]).norm())
        for span in ("short", "medium", "long")
    }
    assert 0 < away["short"] < away["medium"] < away["long"]


@pytest.mark.long
def test_too_little_data_to_measure_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    np.save(folder / "few.npy", np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1), np.uint8))
    run = tiny(tmp_path / "run", str(folder / "few.npy"))
    assert run.model.about["images_seen"] == 640 and not rows(run, "evaluation")


@pytest.mark.long
def test_measuring_is_a_function_of_the_weights(tmp_path: Path) -> None:
    run = tiny(tmp_path / "run")
    config = read_config(run.path)
    pack = open_pack("avatars:64", PackOptions(size=(16, 16)))
    numbers = []
    for _ in range(2):
        trainer = build_trainer(config, pack, torch.device("cpu"))
        assert trainer.average is not None
        torch.manual_seed(time.monotonic_ns())
        found = Examiner(pack, config, torch.device("cpu")).measure(
            trainer.game, trainer.average["medium"]
        )
        numbers.append({k: v for k, v in found.items() if k != "seconds"})
    assert numbers[0] == numbers[1] and numbers[0]["frechet"] > 0
