"""SIGKILL at any instant: the same command again, until it is done, ends in the same files.

Half of the kills fall into the finishing: after the last step, while a model is chosen, shipped,
judged and reported on. They are aimed by what the run does to its files, not by time. All files of
the folder are compared, but for times.

GANZFELD_KILLS sets how many kills each recipe gets, here and in the files of other kinds.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import command
import pytest

from ganzfeld import report
from ganzfeld.training.verify import verify_run

pytestmark = pytest.mark.long

KILLS = int(os.environ.get("GANZFELD_KILLS", "50"))  # of each recipe and number of threads
FEWER = int(os.environ.get("GANZFELD_KILLS", "2"))  # of each other kind of samples
IMAGES = 1_184  # neither this nor the intervals divide evenly
USUAL = (
    "run.precision=float32",
    "run.products=false",
    "run.log_every=112",
    "run.save_every=272",
    "run.sample_every=400",
    "run.evaluate_every=432",
    "run.evaluate_count=32",
)
ALONE = ("run.threads=1", *USUAL)
RECIPES = {
    "default": ("networks.*.width=4", "networks.G.latent=16"),
    "vae": ("networks.*.width=4",),
    "pix2pix": ("networks.*.width=4",),
    "cyclegan": ("networks.*.width=4", "networks.G_ab.blocks=1", "networks.G_ba.blocks=1"),
}
GROUP = 8  # kills of one run, before it may end: the first half while it trains
LATER = 0.03  # CPU seconds at most between an act and a kill
HOME = re.compile(rb'"home": "[^"]*"')
TIMES = re.compile(rb'"(images_per_second|seconds|since|pid)": [^,}\n]+')


def words_of(recipe: str, out: Path, threads: int) -> list[str]:
    settings = (*RECIPES[recipe], *USUAL, f"run.threads={threads}")
    words = ["train", "avatars:64", "--recipe", recipe, "--size", "16", "--batch", "16"]
    return [*words, "--images", str(IMAGES), "--out", str(out), "--quiet", "--set", *settings]


def cases(kills: int) -> list[tuple[str, int, int]]:
    return [(recipe, threads, kills) for recipe in RECIPES for threads in (1, 2)]


@pytest.mark.parametrize(
    ("recipe", "threads", "kills"),
    [
        ("default", 1, 4),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in cases(KILLS)),
    ],
)
def test_a_run_killed_at_any_instant_ends_in_the_same_files(
    recipe: str,
    threads: int,
    kills: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, again, broken = (tmp_path / n / "run" for n in ("whole", "again", "broken"))
    acts = command.counted(words_of(recipe, whole, threads), whole, last_of(whole))
    if threads > 1:
        check(words_of(recipe, again, threads))
        if differing(whole, again):
            pytest.skip(f"undisturbed runs on {threads} threads differ here: nothing to compare")
    words, rng = words_of(recipe, broken, threads), random.Random(kills)
    late = 0

    def compare(number: int) -> None:
        assert differing(whole, broken) == [], f"after kill {number + 1}"
        assert [row for row in verify_run(broken) if row[1]] == []
        shutil.rmtree(broken)

    for number in range(kills):
        phase = int(number % GROUP >= GROUP // 2 or number == kills - 1)
        while not aim_once(words, broken, phase, acts[phase], rng):
            compare(number)  # it came to its end before the act it was to be killed at
        late += last_of(broken).exists()
        if number % GROUP == GROUP - 1 or number == kills - 1:
            check(words)
            compare(number)
    with capsys.disabled():
        print(f"\n{recipe}, {threads} thread(s): {kills}/{kills} kills, {late} while finishing")
    assert late >= kills // 4, "it was hardly ever killed while it finished"


def check(words: list[str]) -> None:
    """Do it, undisturbed, to its end."""
    code, printed = command.run(words, 900, OMP_NUM_THREADS="2")
    assert code == 0, printed


def last_of(out: Path) -> Path:
    """The last checkpoint of a run: what comes after it is finishing."""
    return out / "checkpoints" / f"images-{IMAGES:012d}"


def aim_once(words: list[str], out: Path, phase: int, acts: int, rng: random.Random) -> bool:
    """Begin or go on, to be killed at one of these acts; False where it came to its end."""
    later = rng.choice([0.0, rng.uniform(0.001, LATER)])
    return command.killed(words, out, last_of(out), phase, rng.randint(1, acts), later)


def differing(one: Path, other: Path) -> list[str]:
    """Files that are not the same in both runs, but for times."""
    left, right = (files_of(run) for run in (one, other))
    return sorted(n for n in left.keys() | right.keys() if left.get(n) != right.get(n))


def files_of(run: Path) -> dict[str, bytes]:
    """Every file, with times left out, and the report as it is drawn with equal ones."""
    found = {
        str(path.relative_to(run)): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.name != "report.html"
    }
    for name in ("metrics.jsonl", "lock"):
        found[name] = TIMES.sub(b"", found[name])
    found["config.json"] = HOME.sub(b"", found["config.json"])  # where the run lies
    assert (run / "report.html").stat().st_size > 10_000
    found["report.html"] = report_of(run)
    return found


def report_of(run: Path) -> bytes:
    """The report, written again from the same folder in which no time was measured."""
    copy = run.parent.parent / "copy"  # the page names its place
    shutil.copytree(run, copy)
    rows = [json.loads(line) for line in (copy / "metrics.jsonl").read_text().splitlines()]
    timeless = [
        {k: 1 if k in ("images_per_second", "seconds") else v for k, v in row.items()}
        for row in rows
    ]
    (copy / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in timeless))
    page = report.write(copy).read_bytes()
    shutil.rmtree(copy)
    return page


def killed_while_it_trains(words: Callable[[Path], list[str]], folder: Path) -> None:
    """A run that is killed FEWER times ends in the files of an undisturbed one.

    words: the command that makes a run in a folder.
    """
    whole, broken = folder / "whole" / "run", folder / "broken" / "run"
    rng, killed = random.Random(0), 0
    acts = sum(command.counted(words(whole), whole, whole / "none"))
    for _ in range(FEWER):
        act, later = rng.randint(acts // 4, acts), rng.uniform(0.001, LATER)
        killed += command.killed(words(broken), broken, broken / "none", 0, act, later)
    check(words(broken))
    assert killed, "it was always done before it was killed"
    assert differing(whole, broken) == []
    assert [row for row in verify_run(broken) if row[1]] == []
