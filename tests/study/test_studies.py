"""Both studies end to end on tiny data, and one killed on its way."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzfeld.core import files, marks
from ganzfeld.data.pack import open_pack
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.metrics.registry import BY_NAME
from ganzfeld.modalities import modality_of
from ganzfeld.studies.augmentation import commonest, displaced, study_augmentation
from ganzfeld.studies.cells import describe
from ganzfeld.studies.differences import accuracy, pairs, sentence, verdicts
from ganzfeld.studies.families import of_kind, study_families
from ganzfeld.studies.statistics import t_interval, t_test

pytestmark = pytest.mark.long

SETTINGS = ["networks.G.width=4", "networks.D.width=4"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes: the bright part is left, right, or in the middle."""
    draw = np.random.default_rng(0)
    y = np.arange(240) % 3
    x = draw.integers(0, 120, (240, 12, 12), np.uint8)
    for row, label in enumerate(y):
        x[row, :, 4 * label : 4 * label + 4] += 100
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(path, x=x, y=np.array(["left", "middle", "right"])[y])
    return path


def study(data: Path, out: Path, seeds: int = 2, **options: Any) -> Path:
    return study_augmentation(
        data,
        **{
            "real": [30],
            "synthetic": [0, 1],
            "seeds": seeds,
            "images": 320,
            "classifier_images": 640,
            "flips": False,
            "out": out,
            "settings": SETTINGS,
            **options,
        },
    )


def cells(out: Path) -> list[dict[str, Any]]:
    path = out / "cells.jsonl"
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        cell = json.loads(line)
        for name in ("seconds", "generator_seconds"):
            cell.pop(name)
        found.append(cell)
    return found


@pytest.mark.slow
def test_a_killed_study_goes_on_and_ends_as_if_it_had_not_been(data: Path, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole", tmp_path / "part"
    page = study(data, whole)
    command = [sys.executable, "-m", "ganzfeld", "study", "augmentation", str(data), "--real"]
    command += ["30", "--synthetic", "0,1", "--seeds", "2", "--images", "320", "--no-flips"]
    command += ["--classifier-images", "640", "--out", str(part), "--set", *SETTINGS]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 120
    while len(cells(part)) < 3 and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    said = child.communicate()[0].decode()
    assert child.returncode == -signal.SIGKILL, said
    done = (part / "cells.jsonl").read_bytes()
    assert 3 <= len(cells(part)) < 8, said
    study(data, part)
    assert (part / "cells.jsonl").read_bytes().startswith(done), "nothing is done twice"
    assert cells(part) == cells(whole)
    texts = [(folder / "report.md").read_text() for folder in (part, whole)]
    same, cost = zip(*(text.split("## What it cost") for text in texts), strict=True)
    assert same[0] == same[1] and "| 30 | real + 1x synthetic |" in cost[0]
    report = page.with_suffix(".md").read_text()
    for words in ("real + moves + 1x synthetic", "against real", "60 held-out", "2 seeds"):
        assert words in report
    assert "data:image/png" in page.read_text(), "the generator's grid"
    assert [c["trained_on"] for c in cells(whole)[:4]] == [30, 30, 60, 60]
    study(data, part, seeds=3)
    assert len(cells(part)) == 12 and cells(part)[:8] == cells(whole), "seeds may be added"
    with pytest.raises(CheckpointError, match="other settings"):
        study(data, part, images=640)


def test_the_generator_sees_the_real_pictures_of_its_cell_only(data: Path, tmp_path: Path) -> None:
    study(data, tmp_path, seeds=1, images=64, classifier_images=64)
    place = tmp_path / "generators" / "real-30-seed-0"
    with np.load(place / "real.npz") as file:
        assert len(file["x"]) == 30
        assert sorted(set(file["y"])) == ["left", "middle", "right"]
    config = json.loads((place / "run" / "config.json").read_text())
    assert config["data"]["samples"] == 30
    assert config["data"]["held_out"] == 0 and not config["run"]["evaluate_final"]
    text = (tmp_path / "report.md").read_text()
    assert "one seed cannot tell" in text and "Intervals are" not in text
    assert "Each classifier saw 64 images, which are 2.13 epochs of the real ones alone" in text
    assert "Always the commonest class would be 33.3 % right" in text


def test_no_gain_is_said_plainly() -> None:
    names = ["real", "real + moves", "real + 1x synthetic", "real + moves + 1x synthetic"]
    base = [0.70, 0.72, 0.71, 0.705, 0.715]
    near = (0, 0.001, -0.001, 0.001, -0.001)
    scores = {
        names[0]: base,
        names[1]: [v + 0.05 for v in base],
        names[2]: [0.71, 0.71, 0.71, 0.71, 0.71],
        names[3]: [v + 0.09 + e for v, e in zip(base, near, strict=True)],
    }
    assert pairs(scores[names[1]], base) == pytest.approx([5] * 5)
    first, second, third = verdicts({100: scores}, names)[100]
    assert "no gain" in first and names[0] in first
    assert "a loss" in second and "no gain" not in second
    assert "a gain" in third and "+4.00" in third
    two = {arm: values[:2] for arm, values in scores.items()}
    assert all("two seeds cannot tell" in text for text in verdicts({100: two}, names)[100])


def test_accuracies_stay_below_a_hundred_and_stand_beside_chance() -> None:
    assert accuracy([0.9, 0.8]) == "85.00"
    assert accuracy([0.5, 0.5, 0.5]) == "50.00 (each)", "no interval of no width"
    values = [0.97, 0.95, 0.9]
    text = accuracy(values)
    assert t_interval(values).high > 1, "Student's own interval ends above 100 %"
    low, high = map(float, text.partition("(")[2].rstrip(")").split(" to "))
    assert text.startswith("94.00 (") and 75 < low < 90 and 97 < high < 100
    assert commonest(np.array([0, 1, 1, 2])) == 0.5


def test_the_page_says_how_much_each_classifier_saw() -> None:
    """2,000 images are ten epochs of 200: shifts had no time to help."""
    said = displaced(2_000, 200)
    assert said.startswith("Each classifier saw 2,000 images, which are 10 epochs")
    assert "take the place of real ones" in said


def test_equal_differences_are_no_proof() -> None:
    """Of 60 test images, one more is right in each of three seeds: 1.67 points and no spread."""
    ours, base = [0.71, 0.76, 0.81], [0.71 - 1 / 60, 0.76 - 1 / 60, 0.81 - 1 / 60]
    gains = pairs(ours, base)
    assert t_test(gains) == 0.25, "three of three, by the sign test"
    said = sentence("a", "b", t_interval(gains), t_test(gains))
    assert said.endswith("no gain: the difference may be chance (+1.67 (each) points, P 0.25).")


def test_a_line_of_a_study_has_real_data_beside_its_numbers() -> None:
    cell = {"recipe": "hinge", "seed": 3, "rate": 1.0, "width": 1.0, "images": 1000}
    cell |= {"frechet": 2.0, "recall": 0.0, "real": {"frechet": 0.5, "recall": 0.71}}
    text = describe(cell)
    assert text.startswith("hinge, seed 3: 1,000 images  kernel -  ")
    assert "frechet 2 (real 0.5)" in text and "recall 0 (real 0.71)" in text


def test_many_comparisons_need_more_than_one_in_twenty() -> None:
    """A difference with P 0.02 alone is a gain alone, and none among ten."""
    names = ["real", "real + moves", "real + 1x synthetic", "real + moves + 1x synthetic"]
    base = [0.5, 0.5, 0.5, 0.5]
    gains = [0.01, 0.02, 0.03, 0.015]
    assert 0.01 < t_test(gains) < 0.03
    quiet = dict.fromkeys(names, base)
    one = quiet | {names[3]: [a + b for a, b in zip(base, gains, strict=True)]}
    assert "no gain" in verdicts({100: one, 200: quiet}, names)[100][2]
    assert "a gain" in sentence("a", "b", t_interval(gains), t_test(gains))


def test_what_cannot_be_studied(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not held out"):
        study(data, tmp_path, real=[30, 9_999])
    assert not (tmp_path / "generators").exists(), "it is said before anything is trained"
    np.save(tmp_path / "x.npy", np.arange(20 * 64, dtype=np.uint8).reshape(20, 8, 8))
    with pytest.raises(UsageError, match="labelled"):
        study(tmp_path / "x.npy", tmp_path / "out")
    with pytest.raises(UsageError, match="'default'"):
        study(data, tmp_path / "out", recipe="defualt")


def check_tables(folder: Path) -> None:
    """The bench of baselines makes its rows of a study, and its tables of the rows alone."""
    place = Path(__file__).parents[2] / "bench" / "baselines.py"
    spec = importlib.util.spec_from_file_location("baselines", place)
    assert spec and spec.loader
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    path = folder / "rows.jsonl"
    for _ in range(2):  # the same rows again replace themselves
        bench.keep(path, bench.rows_of("bars", folder, 1.2))
    rows = bench.read(path)
    assert sorted(row["kind"] for row in rows) == ["run"] * 4 + ["trial"] * 4
    assert not any(str(folder) in json.dumps(row) for row in rows)
    text = bench.tables(rows)
    assert text.startswith("## bars, 12x12, 1.2 CPU seconds") and "lowest Frechet" in text
    assert text.count("\n| mlp |") == text.count("\n| default |") == 4


def test_families_side_by_side(data: Path, tmp_path: Path) -> None:
    def run(**options: Any) -> Path:
        arguments = {"minutes": 0.01, "count": 48, "extractor": "random", "out": tmp_path}
        arguments |= {"recipes": ["mlp", "default"], "seeds": [3, 5], "tune": 2}
        return study_families(data, **{**arguments, **options})

    def of_kind(kind: str) -> list[dict[str, Any]]:
        lines = (tmp_path / "cells.jsonl").read_text().splitlines()
        return [row for row in map(json.loads, lines) if row["kind"] == kind]

    page = run()
    keys = [(row["recipe"], row["seed"]) for row in of_kind("run")]
    for name in ("mlp", "default"):
        assert [seed for recipe, seed in keys if recipe == name] == [100, 100, 3, 5]
        tried = {r["rate"]: r for r in of_kind("run") if r["recipe"] == name and r["seed"] == 100}
        player = "discriminator"
        assert tried[2.0]["rates"][player][0] == 2 * tried[1.0]["rates"][player][0]
        assert tried[2.0]["widths"] == tried[1.0]["widths"]
    results, runs = of_kind("result"), of_kind("run")
    assert len({row["protocol"] for row in results}) == 1
    for row in runs:
        assert row["images"] > 0 and row["seconds"] > 0 and row["steps"] > 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["trials"]) == len(report["runs"]) == 4
    for name in ("mlp", "default"):
        trials = [row for row in report["trials"] if row["recipe"] == name]
        least = min(trials, key=lambda row: row["frechet"])
        taken = {row["rate"] for row in report["runs"] if row["recipe"] == name}
        assert taken == {least["rate"]} == {report["best"][name]["rate"]}
    text = page.with_suffix(".md").read_text()
    for words in ("bars.npz", "seeds: 2 (3, 5)", "## What each was given", "CPU s", "copies"):
        assert words in text
    assert page.read_text().count("data:image/") == 2
    for name in ("mlp", "default"):
        said = marks.read(tmp_path / "grids" / f"{name}.png")
        assert said is not None and said["recipe"] == name and len(said["model"]) == 64
    real = report["real"]["frechet"]
    assert f"where real images have {real:.4g}" in text
    assert "Random features are a coarse measure" in text, "not worth comparing recipes by"
    check_tables(tmp_path)
    before, about = (tmp_path / "cells.jsonl").read_bytes(), tmp_path / "study.json"
    assert '"run.precision=float32"' in about.read_text(), "one arithmetic for all"
    about.write_bytes(files.as_json({**json.loads(about.read_text()), "settings": []}))
    run()  # a study that began before goes on as it began
    assert (tmp_path / "cells.jsonl").read_bytes() == before
    run(measure_again=True)
    assert of_kind("run") == runs and of_kind("result") == results, "measured anew, and the same"
    with pytest.raises(UsageError, match="'r3gan'"):
        run(recipes=["r3gna"])
    with pytest.raises(UsageError, match="trials"):
        run(tune=99)
    with pytest.raises(UsageError, match="seed 100"):
        run(seeds=[100])


OTHER_KINDS = {  # data: recipes by default, one of them that is tried here, a number of its own
    "grammar:200": (["text-gan", "text-gumbel", "text-mle"], "text-mle", "reverse"),
    "table-known:400": (["table-gan", "table-vae"], "table-vae", "marginals"),
    "vowels:64": (["audio", "wavegan"], "wavegan", "silent"),
    "ar:120": (["series-gan"], "series-gan", "series_spectrum"),
    "fields:96": (["fields", "showers"], "fields", "field_power"),
}


@pytest.mark.parametrize(
    "data",
    [
        "table-known:400",
        *(
            pytest.param(n, marks=pytest.mark.slow)
            for n in ("grammar:200", "vowels:64", "ar:120", "fields:96")
        ),
    ],
)
def test_families_of_other_kinds(data: str, tmp_path: Path) -> None:
    usual, recipe, own = OTHER_KINDS[data]
    pack = open_pack(data)
    assert of_kind(pack) == usual
    with pytest.raises(UsageError, match="is not for"):
        study_families(data, minutes=1, recipes=["dcgan"], out=tmp_path / "no")
    page = study_families(
        data, minutes=0.02, recipes=[recipe], seeds=1, tune=0, count=120, out=tmp_path / "study"
    )
    (run,) = json.loads((tmp_path / "study" / "report.json").read_text())["runs"]
    assert run["frechet"] is not None and run["own"][own] >= 0
    text = page.with_suffix(".md").read_text()
    assert BY_NAME[own].words in text and " images" not in text
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {BY_NAME[own].words} |")]
    real = json.loads((tmp_path / "study" / "report.json").read_text())["real"]
    assert row.split(" | ")[2] == (f"{real[own]:.4g}" if own in real else "-")
    noun = modality_of(pack.spec).noun
    assert f"{noun}: {len(pack)}" in text
    sheet = tmp_path / "study" / "grids" / f"{recipe}{modality_of(pack.spec).sheet_suffix}"
    assert sheet.stat().st_size > 100
    assert recipe in page.read_text()
