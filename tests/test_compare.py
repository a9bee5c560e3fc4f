"""Comparing runs: numbers of different protocols never come together."""

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import forks
import ganzfeld
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import UsageError
from ganzfeld.report import compare
from pages import HOSTILE, Page, assert_alone

pytestmark = pytest.mark.long

TINY = [
    "networks.*.width=4",
    "run.evaluate_every=null",
    "run.sample_every=320",
    "run.evaluate_final=false",
]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two measured runs that differ in seed and batch, and results of one with other counts."""
    folder = tmp_path_factory.mktemp("runs")
    pack = open_pack("avatars:64", PackOptions(size=(16, 16)))
    for name, seed, batch in (("one", 0, 32), ("two", 1, 16)):
        run = ganzfeld.train(
            "avatars:64",
            out=folder / name,
            size=16,
            images=320,
            batch=batch,
            seed=seed,
            settings=TINY,
            quiet=True,
        )
        result = ganzfeld.evaluate(run, pack, extractor="random", count=48)
        (folder / name / "evaluation.json").write_text(json.dumps(result))
    few = ganzfeld.evaluate(folder / "one", pack, extractor="random", count=32)
    (folder / "few.json").write_text(json.dumps(few))
    return folder


@pytest.fixture
def runs(originals: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(originals, tmp_path / "runs"))


def result_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "evaluation.json").read_text())
    return found


def test_one_protocol_makes_one_table(runs: Path) -> None:
    found = ganzfeld.compare([runs / "one", runs / "two"], strict=True)
    (group,) = found.groups
    assert [member.name for member in group.members] == ["one", "two"]
    rows = dict(group.rows())
    values = [result_of(runs / name)["frechet"] for name in ("one", "two")]
    real, *cells = rows["Frechet distance"]
    assert [float(cell.split()[0]) for cell in cells] == pytest.approx(values, rel=1e-3)
    assert float(real) == pytest.approx(result_of(runs / "one")["real"]["frechet"], rel=0.05)
    ends = [result_of(runs / name)["frechet_interval"] for name in ("one", "two")]
    apart = ends[0][1] < ends[1][0] or ends[1][1] < ends[0][0]
    assert cells[values.index(min(values))].endswith("*") is apart
    assert " to " in rows["kernel distance"][1], "with its interval"
    assert found.apart(group) == []
    assert dict(found.settings())["run.seed"] == ["0", "1"]
    assert dict(found.settings())["run.batch_size"] == ["32", "16"]
    assert "data.source" not in dict(found.settings())
    # What the extractor is worth is under the table, as `ganzfeld evaluate` says it.
    assert group.notes() == [result_of(runs / "one")["extractor_warning"]]
    *_, star, note = str(found).splitlines()
    assert star.startswith("* the best of its row") and note == f"warning: {group.notes()[0]}"
    head, *lines = str(found).splitlines()[1:]  # as print shows it
    assert head.split() == ["metric", "real", "data", "one", "two"] and len(str(found)) < 4000
    assert any(line.startswith("Frechet distance") and cells[0] in line for line in lines)


def test_other_counts_are_another_table_with_the_command_that_mends_it(runs: Path) -> None:
    found = ganzfeld.compare([runs / "few.json", runs / "one", runs / "two"])
    assert [[m.name for m in g.members] for g in found.groups] == [["one", "two"], ["few.json"]]
    why, command = found.apart(found.groups[1])
    assert "generated images 32 against 48" in why
    assert "weights" not in why and "seed" not in why, "only what differs"
    assert "--extractor random --count 48 --reference 48 --seed 0" in command
    assert command.startswith("ganzfeld evaluate MODEL avatars:64 ")
    with pytest.raises(UsageError, match="do not share a protocol") as caught:
        ganzfeld.compare([runs / "one", runs / "few.json"], strict=True)
    assert caught.value.code == 2
    with pytest.raises(UsageError):
        ganzfeld.compare([runs / "one", runs / "few.json"], metrics=["kernel"])


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("extractor", "domain"),
        ("weights", "0" * 64),
        ("resize", "other"),
        ("values", "other"),
        ("generated", 47),
        ("reference", 47),
        ("data", "f" * 64),
        ("seed", 1),
        ("library", "ganzfeld 0.0.9"),
        ("shape", [3, 32, 32]),
        ("fitted", "cropped and resized from 16 x 32 to 16 x 16 px"),
        ("kernel", "other"),
    ],
)
def test_any_fact_of_the_protocol_sets_runs_apart(runs: Path, fact: str, value: object) -> None:
    """Even where somebody has given both the same id."""
    result = result_of(runs / "two")
    assert fact in result["protocol"]
    result["protocol"][fact] = value
    (runs / "two" / "evaluation.json").write_text(json.dumps(result))
    found = ganzfeld.compare([runs / "one", runs / "two"])
    assert len(found.groups) == 2
    why = found.apart(found.groups[1])
    assert "not comparable" in why[0]
    if fact not in ("shape", "fitted"):
        assert why[1].startswith(f"ganzfeld evaluate {runs / 'two'} avatars:64 --extractor random")
    else:
        assert len(why) == 1 and "ganzfeld sample" in why[0]


def test_an_equal_protocol_is_equal_whatever_its_id_says(runs: Path) -> None:
    result = result_of(runs / "two")
    result["protocol"]["id"] = "another text"
    (runs / "two" / "evaluation.json").write_text(json.dumps(result))
    assert len(ganzfeld.compare([runs / "one", runs / "two"]).groups) == 1


def test_runs_that_were_never_measured(runs: Path) -> None:
    (runs / "two" / "evaluation.json").unlink()
    found = ganzfeld.compare([runs / "two", runs / "one"])
    why, command = found.apart(found.groups[1])
    assert why.startswith("two: not measured yet")
    assert f"ganzfeld evaluate {runs / 'two'} avatars:64 --extractor random --count 48" in command
    with pytest.raises(UsageError):
        ganzfeld.compare([runs / "two", runs / "one"], strict=True)
    (runs / "one" / "evaluation.json").unlink()
    neither = ganzfeld.compare([runs / "two", runs / "one"])
    page = assert_alone(neither.save(runs / "page.html"))
    assert "None of them has been measured" in page.text
    with pytest.raises(UsageError, match="none of these has been measured"):
        ganzfeld.compare([runs / "two", runs / "one"], strict=True)


@pytest.mark.long
def test_the_command_that_mends_it_does(runs: Path) -> None:
    """What it prints is run as it is; then there is one table."""
    path = runs / "two" / "evaluation.json"
    pack = open_pack("avatars:64", PackOptions(size=(16, 16)))
    other = ganzfeld.evaluate(runs / "two", pack, extractor="random", count=40, seed=3)
    path.write_text(json.dumps(other))
    found = ganzfeld.compare([runs / "one", runs / "two"])
    command = found.apart(found.groups[1])[1].split()
    assert command.pop(0) == "ganzfeld"
    assert forks.run(*command).returncode == 0
    assert len(ganzfeld.compare([runs / "one", runs / "two"], strict=True).groups) == 1


def test_the_page_keeps_protocols_apart(runs: Path) -> None:
    found = ganzfeld.compare([runs / "one", runs / "few.json", runs / "two"])
    page = assert_alone(found.save(runs / "page.html"))
    tables = [t.partition("</table>")[0] for t in page.raw.split("<table")[1:]]
    measured = [t for t in tables if "Frechet distance" in t]
    assert len(measured) == 2
    assert ">one</th>" in measured[0] and ">two</th>" in measured[0]
    assert ">few.json</th>" not in measured[0] and ">one</th>" not in measured[1]
    assert "not comparable with the first table" in page.text
    assert "Settings that differ" in page.text and "run.batch_size" in page.text
    alts = [image["alt"] for image in page.all("img")]
    assert alts == ["Grid of one after 320 images", "Grid of two after 320 images"]


def test_curves_of_other_protocols_or_data_do_not_share_a_chart(runs: Path) -> None:
    for name, protocol, value in (("one", "A", 3.0), ("two", "A", 2.0), ("two", "B", 1.0)):
        with open(runs / name / "metrics.jsonl", "a") as file:
            for images in (160, 320):
                row = {"kind": "evaluation", "images": images, "kernel": value + images / 1000}
                file.write(json.dumps(row | {"protocol": protocol}) + "\n")
    page = assert_alone(ganzfeld.compare([runs / "one", runs / "two"]).save(runs / "page.html"))
    labels = [svg["aria-label"] or "" for svg in page.all("svg") if "aria-label" in svg]
    shared = [text for text in labels if "one goes from 3.16 to 3.32" in text]
    assert len(shared) == 2, "against images and against seconds"
    assert all("two goes from 2.16 to 2.32" in text for text in shared)
    assert any("against seconds" in text for text in shared)
    alone = [text for text in labels if "two goes from 1.16 to 1.32" in text]
    assert len(alone) == 2 and not any("one goes" in text for text in alone)


def test_seconds_come_from_the_logged_speeds(runs: Path) -> None:
    rows = [
        {"kind": "train", "images": 100, "images_per_second": 50.0},
        {"kind": "train", "images": 300, "images_per_second": 100.0},
        {"kind": "evaluation", "images": 200, "kernel": 1.0, "protocol": "A"},
    ]
    path = runs / "one" / "metrics.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    from ganzfeld.report import compare_page, record

    read = record.read(runs / "one")
    assert read.clock() == [(0, 0), (100, 2), (300, 4)]
    assert compare_page.against_seconds(read, [(50, 7.0), (200, 8.0)]) == [(1, 7.0), (3, 8.0)]


def test_a_lead_within_the_intervals_is_no_lead() -> None:
    one = {"kernel": 0.10, "kernel_interval": [0.05, 0.15], "frechet": 2.0, "precision": 0.5}
    two = {"kernel": 0.20, "kernel_interval": [0.12, 0.28], "frechet": 3.0, "precision": 0.5}
    assert compare.winner("kernel", [one, two]) is None
    apart = copy.deepcopy(two) | {"kernel_interval": [0.16, 0.28]}
    assert compare.winner("kernel", [one, apart]) is one
    assert compare.winner("frechet", [one, two]) is one
    assert compare.winner("precision", [one, two]) is None, "a tie"
    assert compare.winner("kernel", [one, {"kernel": None}]) is None


def test_curves_name_no_best_run_and_say_what_chance_does(tmp_path: Path, runs: Path) -> None:
    """Of 64 samples, and of runs that are equal: the first was called the best."""
    for name in ("a", "b"):
        shutil.copytree(runs / "one", tmp_path / name)
        rows = [
            {"kind": "evaluation", "images": n, "precision": p, "count": 64, "protocol": "p"}
            | {"real": {"precision": 0.75}}
            for n, p in ((320, 0.5), (640, 0.625))
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name / "metrics.jsonl").write_text(text)
    found = ganzfeld.compare([tmp_path / "a", tmp_path / "b"])
    page = Page(found.save(tmp_path / "c.html"))
    assert "Best:" not in page.text and "real data: 0.75" in page.text
    assert "64 samples a point: bars are 95 % intervals." in page.text
    assert "other seeds of the same runs may lie further apart" in page.text


def test_hostile_names_are_text(runs: Path) -> None:
    named = (runs / "one").rename(runs / HOSTILE.replace("/", "!"))
    page = assert_alone(ganzfeld.compare([named, runs / "two"]).save(runs / "page.html"))
    assert len(page.all("script")) == 1 and named.name in page.text


def test_what_is_wrong_is_said(runs: Path) -> None:
    (runs / "other.json").write_text('{"a": 1}')
    (runs / "broken.json").write_text("{")
    for name, words in (
        ("other.json", "it has no protocol"),
        ("broken.json", "neither a run nor a file"),
        ("nowhere", "neither a run nor a file"),
    ):
        with pytest.raises(UsageError, match=words):
            ganzfeld.compare([runs / "one", runs / name])
    with pytest.raises(UsageError, match="two or more") as caught:
        ganzfeld.compare([runs / "one"])
    assert str(caught.value.fix).endswith("one OTHER")
    with pytest.raises(UsageError, match="'recall'"):
        ganzfeld.compare([runs / "one", runs / "two"], metrics=["recal"])


@pytest.mark.long
def test_settings_are_shown_without_the_last_digits_of_arithmetic() -> None:
    assert [compare.rounded(v) for v in (105.85000000000001, 3e-4, 7, "a", None)] == [
        105.85, 3e-4, 7, "a", None,
    ]  # fmt: skip


def test_the_command(runs: Path) -> None:
    def call(*more: str) -> subprocess.CompletedProcess[str]:
        return forks.run("compare", "one", "two", *more, cwd=runs)

    done = call("--metrics", "kid", "recall", "--out", "page.html")
    assert done.returncode == 0, done.stderr
    assert "kernel distance" in done.stdout and "recall" in done.stdout
    assert "Frechet" not in done.stdout and "run.batch_size" in done.stdout
    words = " ".join(done.stdout.split())
    assert "warning: random features are a coarse measure" in words and "* the best of" in words
    page = Page(runs / "page.html").text
    assert "recall" in page and "Random features are a coarse measure" in page
    assert "by an extractor that does not see all" in page and "can be compared" not in page
    done = call("few.json")
    assert done.returncode == 0 and "not comparable" in done.stdout
    done = call("few.json", "--strict", "--out", "none.html")
    assert done.returncode == 2 and "ganzfeld evaluate MODEL" in done.stderr
    assert not (runs / "none.html").exists()
