"""The bench of rivals: its rows, its equal budgets, what it says of those that do not install."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"

# A rival that looks at batches, and whose samples are off by its rate; without PyTorch, to be quick
RIVAL = """
import json, pathlib, sys, time
import numpy as np
job = json.loads(pathlib.Path(sys.argv[1]).read_text())
x, rate, batch = np.load(job["data"]), job.get("rate") or 0.1, job.get("batch") or 4
if {broken!r} and rate == 2e-3:
    raise ValueError("this rate is too high")
begun, steps = time.process_time(), 0
while time.process_time() - begun < job["seconds"]:
    np.square(x[:batch].astype(float)).sum()
    steps += 1
used = time.process_time() - begun
out = pathlib.Path(job["out"])
np.save(out / "samples.npy", (x[:job["count"]] * (1 - rate)).astype(np.uint8))
(out / "result.json").write_text(json.dumps(dict(
    package="fake 1", seconds=used, steps=steps, images=steps * batch, rate=rate, batch=batch,
    width=job.get("width"), parameters=3)))
"""


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("peers")


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH / "rivals"))
    return importlib.import_module("common")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "bars.npy"
    np.save(path, rng.integers(0, 256, (200, 1, 8, 8), dtype=np.uint8))
    return path


def script(folder: Path, broken: bool = False) -> Path:
    path = folder / f"rival{int(broken)}.py"
    path.write_text(RIVAL.format(broken=broken), "utf-8")
    return path


def raced(peers: ModuleType, data: Path, rivals: list[Any], *more: str) -> list[dict[str, Any]]:
    place = data.parent
    arguments = ["--data", f"bars={data}", "--seconds", "0.15", "--seeds", "7", "--ours"]
    arguments += ["--count", "48", "--extractor", "random", "--out", str(place / "out")]
    arguments += ["--envs", str(place / "envs"), "--rows", str(place / "rows.jsonl"), *more]
    peers.main(arguments, rivals)
    found: list[dict[str, Any]] = peers.read(place / "rows.jsonl")
    return found


@pytest.mark.long
def test_a_rival_has_trials_runs_and_its_seconds(
    peers: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published settings and three rates from one seed; the best and the published are reported."""
    monkeypatch.setattr(peers, "PROBE", 0.1)
    rival = peers.Rival("fake", script(tmp_path))
    rows = raced(peers, data, [rival])
    trials = [row for row in rows if row["kind"] == "trial"]
    assert [row["variant"] for row in trials] == list(importlib.import_module("rival_table").TRIED)
    assert {row["seed"] for row in trials} == {peers.SEED}
    rates = [row["rate"] for row in trials[1:]]
    assert rates == [1e-3, 2e-3, 5e-4], "those of the recipe of its kind"
    runs = [row for row in rows if row["kind"] == "run"]
    assert {row["seed"] for row in runs} == {7}
    best = min(trials, key=lambda row: row["frechet"])["variant"]
    assert best != "published", "it was made worse than the others"
    assert [(row["variant"], row["taken"]) for row in runs] == [(best, True), ("published", False)]
    for row in trials + runs:
        assert 0.15 <= row["seconds"] < 0.25, "the clock ends every run"
        assert row["process_seconds"] >= row["seconds"], "and no clock is believed blindly"
        assert row["images"] == row["steps"] * row["batch"] > 0
        assert row["package"] == "fake 1" and row["count"] == 48
    assert len({row["protocol"] for row in rows}) == 1
    assert not any(str(tmp_path) in json.dumps(row) for row in rows)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("it was run again")

    monkeypatch.setattr(peers.subprocess, "run", never)
    assert raced(peers, data, [rival]) == rows, "the same command again makes nothing again"


@pytest.mark.long
def test_what_does_not_install_or_run_is_a_row_with_its_reason(
    peers: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PROBE", 0.1)
    asked: list[str] = []
    numbers = {"frechet": 1.0, "precision": 0.5, "recall": 0.5, "coverage": 0.5}
    measured = {**numbers, "real": numbers, "protocol": {"id": "random / none"}}
    monkeypatch.setattr(peers.ganzfeld, "evaluate", lambda *_, **__: measured)

    def pip(place: Path, *packages: str) -> str:
        asked.extend(packages)
        return peers.ran([sys.executable, "-c", "raise ImportError('torch==1.8.1 is not there')"])

    monkeypatch.setattr(peers, "pip", pip)
    monkeypatch.setattr(peers, "venv", lambda place: "")
    old = peers.Rival("old", script(tmp_path), ("old-gan",))
    half = peers.Rival("half", script(tmp_path, broken=True))
    rows = raced(peers, data, [old, half])
    (refused,) = [row for row in rows if row["name"] == "old"]
    assert refused["kind"] == "refused" and refused["data"] == "bars"
    assert refused["reason"] == "ImportError: torch==1.8.1 is not there"
    assert asked == ["old-gan", peers.TORCH], "no rival brings another PyTorch along"
    tried = {row["variant"] for row in rows if row["kind"] == "trial"}
    assert tried == {"published", "rule, rate x1", "rule, rate x0.5"}, "one rate failed, no more"
    text = peers.tables(rows)
    assert "- `old` did not run: ImportError: torch==1.8.1 is not there" in text
    raced(peers, data, [old])
    assert asked.count("old-gan") == 1, "what failed to install is remembered"


def test_an_installation_falls_back_to_what_it_needs(
    peers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, ...]] = []

    def pip(place: Path, *packages: str) -> str:
        calls.append(packages)
        return "ERROR: it pins numpy==1.19.5" if len(calls) == 1 else ""

    monkeypatch.setattr(peers, "pip", pip)
    monkeypatch.setattr(peers, "venv", lambda place: "")
    rival = peers.Rival("vegans", tmp_path / "none.py", ("vegans",), ("numpy",))
    python, how = peers.environment(rival, tmp_path / "envs")
    assert how == "without the versions that it pins"
    assert calls[1:] == [("numpy", peers.TORCH), ("--no-deps", "vegans")]
    assert python == str(tmp_path / "envs" / "vegans" / "bin" / "python")


def test_ours_is_a_study_with_the_same_budget_and_trials(
    peers: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def study(source: str, *, out: Path, **options: Any) -> None:
        asked.update(options)
        cell = {"recipe": "peers.py:unlabelled", "seed": 7, "steps": 9, "images": 90, "batch": 10}
        cell |= {"rate": 2.0, "width": 1.0, "widths": {"G": 24, "D": 24}, "parameters": 5}
        cell |= {"rates": {"discriminator": [2e-3, 1e-4], "generator": [6e-3, 1e-4]}}
        cell |= {"seconds": 0.2, "frechet": 0.5, "precision": 1.0, "recall": 1.0, "coverage": 1.0}
        cell |= {"protocol": "random / x", "real": {"frechet": 0.1}}
        out.mkdir(parents=True)
        report = {"trials": [{**cell, "seed": peers.SEED}], "runs": [cell]}
        (out / "report.json").write_text(json.dumps(report), "utf-8")

    monkeypatch.setattr(peers, "study_families", study)
    trial, run = raced(peers, data, [], "--ours", f"{BENCH / 'peers.py'}:unlabelled")
    assert asked["minutes"] * 60 == pytest.approx(0.15) and asked["tune"] == 3
    assert asked["seeds"] == [7] and asked["count"] == 48 and asked["extractor"] == "random"
    assert (trial["kind"], trial["seed"], run["kind"], run["seed"]) == ("trial", 100, "run", 7)
    assert run["name"] == "ganzfeld unlabelled" and run["variant"] == "rule, rate x2"
    assert (run["rate"], run["width"], run["taken"]) == ([2e-3, 6e-3], 24, True)
    for name, mark in (("page.md", "Frechet distance"), ("page.zh-CN.md", "Frechet 距离")):
        (tmp_path / name).write_text("<!-- peers -->\n<!-- /peers -->\n", "utf-8")
        table = ["--table", "--rows", str(tmp_path / "rows.jsonl"), "--into", str(tmp_path / name)]
        peers.main(table, [])
        assert mark in (tmp_path / name).read_text("utf-8")
        peers.main([*table, "--brief", "bars"], [])
        page = (tmp_path / name).read_text("utf-8")
        assert "| `ganzfeld unlabelled` | 0.5 |" in page and "| 0.1 |" in page and "###" not in page


def test_our_recipe_without_labels_is_the_default_without_them(peers: ModuleType) -> None:
    from ganzfeld.recipes.gan import RECIPES, Facts

    facts = Facts(count=100, channels=1, height=28, width=28, classes=10)
    config = peers.unlabelled(facts)
    assert config.networks["G"].options["classes"] == config.networks["D"].options["classes"] == 0
    assert config.optimisers == RECIPES["default"](facts).optimisers


def test_the_table_names_who_is_ahead(peers: ModuleType) -> None:
    def row(name: str, seed: int, frechet: float, **more: Any) -> dict[str, Any]:
        about = {"data": "d", "budget": 60.0, "size": [28, 28], "count": 1500, "machine": "M"}
        about |= {"date": "2026-11-28", "kind": "run", "variant": "published", "taken": True}
        about |= {"name": name, "seed": seed, "frechet": frechet, "package": "p 1"}
        figures = dict.fromkeys(("precision", "recall", "coverage"), 0.5)
        about |= {**figures, "images": 10, "steps": 5, "seconds": 60.2, "width": 8, "batch": 2}
        return {**about, "protocol": "domain / x", **more}

    rows = [row("ganzfeld default", s, f) for s, f in enumerate((1.0, 1.2))]
    rows += [row("worse", s, f) for s, f in enumerate((2.0, 3.0))]
    rows += [row("equal", s, f) for s, f in enumerate((1.1, 3.0))]
    rows += [row("better", s, f) for s, f in enumerate((0.5, 0.9))]
    text = peers.tables(rows)
    assert "Every seed of `ganzfeld default` is ahead of every seed of `worse`." in text
    assert "`ganzfeld default` is not told apart from `equal`." in text
    assert "Every seed of `better` is ahead of every seed of `ganzfeld default`." in text
    order = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert order == ["better", "ganzfeld default", "equal", "worse"]
    assert "每个种子" in peers.tables(rows, chinese=True)
    real = {"frechet": 0.25}
    rows += [row("left out", 0, 0.1, taken=False), row("other data", 0, 0.1, data="e")]
    lines = peers.brief([rows[0] | {"real": real}, *rows[1:]], "d").splitlines()
    assert [line.split("`")[1] for line in lines[2:6]] == order
    assert lines[3] == "| `ganzfeld default` | 1, 1.2 |" and lines[6:] == ["| real images | 0.25 |"]


def test_the_paper_s_networks_at_any_of_its_sizes(common: ModuleType) -> None:
    """64 pixels: 512 to 64 channels in four steps; 28 and 32 leave the last layer out."""
    import torch

    g, d = common.dcgan(3, 64, 64)
    assert common.weights(g) == 3_576_704 and common.weights(d) == 2_765_568
    for pixels, first, last in ((28, 7, 128), (32, 4, 256), (64, 4, 512), (48, 6, 256)):
        g, d = common.dcgan(1, pixels, 64)
        assert g[1].kernel_size == (first, first) and g[1].out_channels == last
        x = g(torch.zeros(2, 100))
        assert x.shape == (2, 1, pixels, pixels) and d(x).shape == (2, 1)


def test_a_clock_ends_batches_and_counts_what_was_seen(common: ModuleType) -> None:
    """A look at a batch before the start is free; after it a DataLoader ends with the clock."""
    import torch

    clock = common.Clock(0.05)
    loader = common.Loader(torch.arange(10.0).view(10, 1), 4, clock, lambda rows: (rows,))
    iter(loader).next()
    assert (clock.steps, clock.images) == (0, 0)
    clock.start()
    seen = [rows for (rows,) in loader]
    clock.stop()
    assert len(seen) == clock.steps and clock.images == 4 * clock.steps
    assert 0.05 <= clock.used < 0.1
    assert len(set(torch.cat(seen[:2]).flatten().tolist())) == 8, "none twice in a round"


def test_scripts_need_nothing_of_ours() -> None:
    """A rival's environment has no ganzfeld."""
    for path in (BENCH / "rivals").glob("*.py"):
        assert "import ganzfeld" not in path.read_text("utf-8")
        assert "from ganzfeld" not in path.read_text("utf-8")


ENVS = os.environ.get("GANZFELD_PEERS", "")


@pytest.mark.slow
@pytest.mark.skipif(not ENVS, reason="GANZFELD_PEERS=FOLDER: environments that peers.py has made")
def test_every_rival_that_is_installed_trains_and_draws(peers: ModuleType, tmp_path: Path) -> None:
    """Each at 28 pixels, with a rate, width and batch that the job has, where it takes them."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.integers(0, 256, (600, 1, 28, 28), dtype=np.uint8))
    failed = []
    for rival in (rival for rival in peers.RIVALS if rival.fitted):
        job = {"data": str(tmp_path / "x.npy"), "seconds": 0.5, "seed": 0, "count": 30}
        folder = tmp_path / rival.name
        try:
            python, _ = peers.environment(rival, Path(ENVS))
            found = peers.run(
                rival, python, folder, {**job, "rate": 1e-3, "width": 16, "batch": 16}
            )
        except peers.Refused as error:
            failed.append(f"{rival.name}: {error}")
            continue
        samples = np.load(folder / "samples.npy")
        assert samples.shape == (30, 1, 28, 28) and samples.std() > 0, rival.name
        assert found["steps"] >= 1 and found["seconds"] >= 0.5, rival.name
        assert (found["rate"], found["batch"]) == (1e-3, 16), rival.name
    assert not failed
