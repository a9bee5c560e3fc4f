"""What the start of a run looks at: each file of the data once, and nothing twice."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganzfeld
from ganzfeld.data import listing
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import CheckpointError, GanzfeldError
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training import speed
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.resume import ROWS, table

HEARD: list[list[tuple[str, str]]] = []  # who listens now: an audit hook cannot be taken off again


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if HEARD and event in ("open", "os.scandir", "os.listdir"):
        HEARD[-1].append((event, str(arguments[0])))


sys.addaudithook(hook)


@contextmanager
def heard(below: Path) -> Iterator[Counter[tuple[str, str]]]:
    """How often each path in a folder was opened or listed, filled in at the end."""
    found: Counter[tuple[str, str]] = Counter()
    HEARD.append([])
    try:
        yield found
    finally:
        inside = [item for item in HEARD.pop() if item[1].startswith(str(below.resolve()))]
        found.update(inside)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for number in range(120):
        place = tmp_path / "data" / "abc"[number % 3] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(place)
    return tmp_path / "data"


def test_a_second_start_lists_each_folder_once_and_opens_no_image(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"images": 64, "batch": 8, "settings": ["networks.*.width=4"]}
    options |= {"out": folder.parent / "run", "dry_run": True, "quiet": True}
    ganzfeld.train(folder, **options)
    seen: Counter[str] = Counter()
    look_at = listing.Walk.look_at

    def counted(self: Any, entry: Any, name: str, stack: Any, linked: bool) -> None:
        seen[name] += 1
        look_at(self, entry, name, stack, linked)

    monkeypatch.setattr(listing.Walk, "look_at", counted)
    with heard(folder) as found:
        ganzfeld.train(folder, **options)
    folders = [folder.resolve(), *(folder.resolve() / name for name in "abc")]
    looks = {("os.scandir", str(place)): 1 for place in folders}
    looks["os.scandir", str(folders[0])] = 2  # one for shards, up to the first that is none
    assert found == looks
    assert len(seen) == 123 and set(seen.values()) == {1}


@pytest.mark.parametrize("setting", ["networks.G.widht=3", "run.nothing=1", "ema.spans={}"])
def test_a_wrong_setting_is_said_before_the_data_are_listed(folder: Path, setting: str) -> None:
    with heard(folder) as found, pytest.raises(GanzfeldError):
        ganzfeld.train(folder, settings=[setting], out=folder.parent / "run", quiet=True)
    assert not found


@pytest.mark.parametrize(("whole", "seconds"), [(None, 0.5), (600.0, 3.0)])
def test_fixed_images_need_a_shorter_trial_than_minutes(
    monkeypatch: pytest.MonkeyPatch, whole: float | None, seconds: float
) -> None:
    taken = 0.0

    def play(trainer: Any, steps: int, clock: Any = None) -> float:
        nonlocal taken
        trainer.images += steps
        taken += steps / 16
        return steps / 16

    monkeypatch.setattr(speed, "play", play)
    trainer: Any = SimpleNamespace(
        total=1_000_000, images=0, game=SimpleNamespace(period=1, stages=(0.0,))
    )
    assert speed.speed(trainer, whole) == 16
    assert taken == seconds + 1 / 16  # the first step warms up
    trainer.game.period, trainer.total, trainer.images, taken = 16, 64, 0, 0.0
    speed.speed(trainer, whole)
    assert taken == (9 / 16 if whole is None else 49 / 16)  # an eighth of a run so short


@pytest.mark.parametrize(("minutes", "count"), [(None, speed.FEW), (60.0, 2000)])
def test_fixed_images_need_few_samples_to_time_an_evaluation(
    monkeypatch: pytest.MonkeyPatch, minutes: float | None, count: int
) -> None:
    pack = open_pack("avatars:90", PackOptions(size=(16, 16)), workers=0)
    facts = Facts(count=90, channels=3, height=16, width=16, classes=0, afford=1_000)
    config = complete(RECIPES["default"](facts))
    config.run.images, config.run.minutes, config.run.device = 4_000_000, minutes, "cpu"
    asked = []

    class Asked(Exception):
        pass

    def examiner(pack: Any, config: Any, device: Any, progress: Any) -> None:
        asked.append(config.run.evaluate_count)
        raise Asked

    monkeypatch.setattr(speed, "Examiner", examiner)
    trainer = build_trainer(config, pack, torch.device("cpu"))
    with pytest.raises(Asked):
        speed.time_chores(trainer, config, pack, 4_000_000)
    assert asked == [count] and config.run.evaluate_count is None


def test_data_of_the_same_name_are_no_older_state_of_the_run_s(tmp_path: Path) -> None:
    """`train a/t.csv` and `train b/t.csv` share a folder of runs by default."""
    told = {}
    for place, rows in (("a", 40), ("b", 50)):
        (tmp_path / place).mkdir()
        lines = "".join(f"{i % 7},{i % 5}.5\n" for i in range(rows))
        (tmp_path / place / "t.csv").write_text(f"n,v\n{lines}", encoding="utf-8")
        words: dict[str, Any] = {"images": 32, "batch": 16, "out": tmp_path / "run"}
        try:
            ganzfeld.train(tmp_path / place / "t.csv", quiet=True, **words)
        except CheckpointError as error:
            told[place] = error
    assert list(told) == ["b"]
    assert "holds a run of other data" in told["b"].what and "a/t.csv" in told["b"].what
    assert "run-2" in told["b"].fix and "data-grown" not in told["b"].fix


def test_a_table_of_settings_that_differ_fits_a_screen() -> None:
    rows = [(f"game.options.number_{i}", "1", "2") for i in range(60)]
    lines = table(rows).splitlines()
    assert len(lines) == ROWS + 2 and lines[-1] == f"    and {60 - ROWS} more"
    assert len(table(rows[:3]).splitlines()) == 4
