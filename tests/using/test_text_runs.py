"""Text goes all the way: trained, resumed after a kill, measured, reported on and written."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import ganzfeld
from forks import Fork
from ganzfeld.cli.main import main
from ganzfeld.core.runfolder import read_config
from ganzfeld.modalities.text import lines_of

SMALL = (
    "networks.*.hidden=12",
    "run.threads=1",
    "run.log_every=160",
    "run.save_every=160",
    "run.sample_every=320",
    "run.evaluate_every=320",
    "run.evaluate_count=32",
)


def words(source: str, out: Path, *more: str) -> list[str]:
    fixed = ["--batch", "16", "--images", "640", "--quiet", "--out", str(out)]
    return ["train", source, *fixed, *more, "--set", *SMALL]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text") / "run"
    main(words("grammar:400", folder))
    return folder


def test_a_source_of_text_alone_picks_a_recipe_for_text(run: Path) -> None:
    config = read_config(run)
    assert config.recipe == "text-gan" and config.game.name == "text-gan"
    assert config.data.spec is not None and config.data.spec["modality"] == "text"


def test_a_report_shows_lines_and_numbers_with_real_data_and_a_chain_beside(run: Path) -> None:
    page = (run / "report.html").read_text("utf-8")
    assert '<ol class="lines"' in page and "<bdi>" in page
    assert "Markov chain" in page and "acceptance" in page
    found = json.loads((run / "evaluation.json").read_text("utf-8"))
    assert {"js_4", "reverse", "distinct", "novel", "markov_js_4", "grammar_kl"} <= found.keys()
    assert found["real"]["acceptance"] == 1


def test_lines_are_printed_and_written(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["sample", str(run), "--count", "20", "--seed", "3"])
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 20
    file = tmp_path / "lines.txt"
    main(["sample", str(run), "--count", "20", "--seed", "3", "--out", str(file)])
    assert file.read_text("utf-8").splitlines() == printed
    model = ganzfeld.load(run)
    one = model.store(model.sample(1, seed=3, start=7))
    assert lines_of(one, model.spec) == [printed[7]]


def test_other_lines_are_measured_against_data(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    main(["sample", str(run), "--count", "60", "--out", str(file)])
    data = "grammar:400"
    found = ganzfeld.evaluate(run, data, count=60)
    assert found["js_2"] > found["real"]["js_2"]


@pytest.mark.long
def test_a_run_that_was_killed_ends_as_one_that_was_not(run: Path, tmp_path: Path) -> None:
    broken = tmp_path / "run"
    for _ in range(1):
        process = Fork(*words("grammar:400", broken))
        known = len(list(broken.glob("checkpoints/*/manifest.json")))
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if len(list(broken.glob("checkpoints/*/manifest.json"))) > known:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    main(words("grammar:400", broken))
    for name in ("model/model.safetensors", "model/config.json"):
        ours, theirs = (run / name).read_bytes(), (broken / name).read_bytes()
        assert ours == theirs or name.endswith("json"), name
    sheets = sorted(path.name for path in (run / "samples").iterdir())
    assert sheets == sorted(path.name for path in (broken / "samples").iterdir())
    for name in sheets:
        assert (run / "samples" / name).read_bytes() == (broken / "samples" / name).read_bytes()


@pytest.mark.parametrize(
    "recipe", ["text-mle", pytest.param("text-gumbel", marks=pytest.mark.long)]
)
def test_the_other_recipes_train_on_a_file(recipe: str, tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    rng = np.random.default_rng(0)
    names = [
        "".join("abcde"[i] for i in rng.integers(0, 5, rng.integers(2, 7))) for _ in range(200)
    ]
    file.write_text("\n".join(names), "utf-8")
    settings = [one for one in SMALL if "hidden" not in one]
    settings.append("networks.G.hidden=12")
    command = [
        "train",
        str(file),
        "--recipe",
        recipe,
        "--batch",
        "16",
        "--images",
        "160",
        "--quiet",
    ]
    main([*command, "--out", str(tmp_path / "run"), "--set", *settings])
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()


@pytest.mark.long
def test_a_game_starts_from_a_generator_by_maximum_likelihood(tmp_path: Path) -> None:
    first, second = tmp_path / "mle", tmp_path / "gan"
    main(words("grammar:300", first, "--recipe", "text-mle"))
    main([*words("grammar:300", second, "--init", str(first)), "optimisers.*.lr=0"])
    ours, theirs = ganzfeld.load(second), ganzfeld.load(first)
    # all averages of the first run come along, and either may ship another of them
    alike = (ours.sample(50, seed=1) == theirs.sample(50, seed=1)).float().mean()
    assert float(alike) > 0.7


@pytest.mark.long
def test_classes_of_a_table_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "names.jsonl"
    rows = [{"text": "ab"[i % 2] * (2 + i % 3), "label": "xy"[i % 2]} for i in range(200)]
    file.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    main(words(str(file), tmp_path / "run"))
    model = ganzfeld.load(tmp_path / "run")
    assert model.classes == ["x", "y"]
    assert model.sample(4, labels="x").shape == (4, 5)


def test_a_recipe_for_images_says_what_is_for_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "grammar:200", "--recipe", "dcgan", "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 2
    assert "text-gan" in capsys.readouterr().err
