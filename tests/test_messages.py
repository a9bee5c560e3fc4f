"""What a user sees where something is wrong: a clear screen, never a report of a bug."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganzfeld.cli import main
from ganzfeld.core.lock import check_writable
from ganzfeld.errors import ResourceError
from ganzfeld.training import run

Say = Callable[..., tuple[int, str]]
SMALL = {"size": (8, 8), "quiet": True, "settings": ["networks.*.width=4"]}


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command: its exit code, and all that it printed."""

    def say(*words: object) -> tuple[int, str]:
        code: Any = 0
        try:
            main.main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        found = capsys.readouterr()
        return code or 0, found.out + found.err

    return say


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plain") / "a run"
    run.train("avatars:40", out=out, images=64, batch=32, **SMALL)
    return out


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("styles") / "run"
    run.train("avatars-lines:20", out=out, recipe="pix2pix", images=2, batch=2, **SMALL)
    return out


@pytest.mark.parametrize("command", ["sample", "interpolate", "augment"])
def test_translations_are_refused_where_noise_is_needed(
    command: str, translator: Path, tmp_path: Path, say: Say
) -> None:
    words: dict[str, list[object]] = {
        "sample": ["--out", tmp_path / "s"],
        "interpolate": ["--seeds", "1,2", "--out", tmp_path / "i.gif"],
        "augment": ["--count", "4", "--out", tmp_path / "a"],
    }
    code, text = say(command, translator, *words[command])
    assert code == 2 and "is a model for translation" in text and "ganzfeld translate" in text


def test_translations_of_images_are_measured(translator: Path, tmp_path: Path, say: Say) -> None:
    code, text = say("evaluate", translator, "avatars:20", "--json", tmp_path / "found.json")
    assert code == 0 and "64 images" in text and "error of the mean of b" in text
    rows = (translator / "metrics.jsonl").read_text("utf-8").splitlines()
    last = [row for row in map(json.loads, rows) if row["kind"] == "evaluation"][-1]
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert found["held_out"] and abs(found["error_ab"] - last["error_ab"]) < 1e-5
    code, text = say("evaluate", translator, "avatars:12")
    assert code == 0 and "64 images" in text, "those of which the truth is known"


@pytest.mark.parametrize("command", ["sample", "interpolate", "translate"])
def test_a_file_where_a_folder_is_meant(
    command: str, model: Path, translator: Path, tmp_path: Path, say: Say
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    Image.new("RGB", (9, 5)).save(tmp_path / "a.png")
    words: dict[str, list[object]] = {
        "sample": [model, "--count", "1", "--out", file],
        "interpolate": [model, "--seeds", "1,2", "--frames", "1", "--out", file / "i.gif"],
        "translate": [translator, tmp_path / "a.png", "--out", file],
    }
    code, text = say(command, *words[command])
    assert code == 5 and str(file) in text and "fix:" in text and "bug" not in text
    assert file.read_text() == "mine"


def test_a_bug_is_still_called_one(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("no errno: not of a disk")

    monkeypatch.setitem(main.COMMANDS, "recipes", broken)
    code, text = say("recipes")
    assert code == 70 and "bug" in text


def test_widths_below_one_are_refused(tmp_path: Path, say: Say) -> None:
    code, text = say("train", "avatars:40", "--out", tmp_path / "r", "--set", "networks.G.width=-1")
    assert code == 2 and "networks.G.width is a whole number from 1" in text


def test_a_side_beyond_memory_is_refused(translator: Path, tmp_path: Path, say: Say) -> None:
    Image.new("RGB", (300, 3)).save(tmp_path / "a.png")
    code, text = say(
        "translate", translator, tmp_path / "a.png", "--out", tmp_path / "o", "--side", 10_000
    )
    assert code == 3 and "1000000x10000 pixels at --side 10000" in text


def test_translating_warns_of_nothing(translator: Path, tmp_path: Path, say: Say) -> None:
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        code, text = say("translate", translator, tmp_path / "a.png", "--out", tmp_path / "o")
    assert code == 0, text
    with Image.open(tmp_path / "o" / "a.png") as done:
        assert done.size == (1, 1)


def test_results_are_shown_even_if_their_file_cannot_be_written(
    model: Path, tmp_path: Path, say: Say
) -> None:
    words = ["--count", "20", "--extractor", "random", "--metrics", "kernel"]
    code, text = say(
        "evaluate", model, "avatars:40", *words, "--json", tmp_path / "none" / "x.json"
    )
    assert code == 5 and "kernel distance" in text and "fix:" in text


def test_comparing_recipes_fits_a_screen(model: Path, translator: Path, say: Say) -> None:
    code, text = say("compare", model, translator)
    assert code == 0 and "settings that not all of them have" in text
    assert len(text.splitlines()) < 60


@pytest.mark.long
def test_commands_to_go_on_are_quoted_and_progress_ends_at_100(tmp_path: Path, say: Say) -> None:
    out = tmp_path / "with space"
    words = ["--size", "8", "--batch", "32", "--images", "50", "--set", "networks.*.width=4"]
    code, text = say("train", "avatars:40", "--out", out, *words)
    assert code == 0 and f"ganzfeld sample '{out}'" in text
    assert "100.0 %" in text and "64 images" in text


def test_init_from_a_translation_is_refused(translator: Path, tmp_path: Path, say: Say) -> None:
    for source in (translator / "model", translator):
        code, text = say("train", "avatars:40", "--out", tmp_path / "r", "--init", source)
        assert code == 2 and "fix:" in text
        assert "none of this recipe's networks" in text or "do not fit" in text


def test_a_disk_that_is_almost_full_is_measured_in_units_for_people(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="of room") as caught:
        check_writable(tmp_path, 10**15)
    assert "need 1,000.0 TB" in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ("bench", "modes", "--only", "ring", "--recipe", "cyclegan"),
        ("bench", "modes", "--only", "ring", "--recipe", "vae"),
        ("study", "families", "avatars:40", "--minutes", "1", "--recipes", "default,pix2pix"),
        ("study", "augmentation", "avatars:40", "--recipe", "cyclegan"),
    ],
)
def test_recipes_that_do_not_fit_are_refused_before_any_work(
    words: tuple[str, ...], tmp_path: Path, say: Say
) -> None:
    place = ["--out", tmp_path / "study"] if words[0] == "study" else []
    code, text = say(*words, *place)
    assert code == 2 and "safe: nothing was trained" in text and "fix:" in text
    assert not (tmp_path / "study").exists()
