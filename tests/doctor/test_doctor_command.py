"""`ganzfeld doctor`: findings with commands, exit codes for scripts, a log alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from test_diagnose import HEALTHY, ILL

from ganzfeld import doctor, report
from ganzfeld.cli import main
from ganzfeld.config import Config, to_json, with_settings
from ganzfeld.core import runfolder
from ganzfeld.core.language import tr
from ganzfeld.doctor.cures import CURES, OTHERWISE, cure
from ganzfeld.doctor.rules import NAMES
from ganzfeld.doctor.words import SHOWN, summary, verdict
from ganzfeld.games import GAMES, Adversarial
from ganzfeld.modalities.symbols import build_vocabulary
from ganzfeld.modalities.text import text_spec
from ganzfeld.recipes.base import Facts
from ganzfeld.recipes.find import data_kind
from ganzfeld.recipes.gan import RECIPES
from ganzfeld.training import vetting
from ganzfeld.training.build import complete


def config_of(recipe: str) -> Config:
    return complete(RECIPES[recipe](Facts(count=500, channels=3, height=32, width=32, classes=10)))


def folder(path: Path, name: str | None) -> Path:
    """A run's folder as the doctor reads it: a configuration and a log."""
    config = config_of("default")
    config.run.images = 4_000
    path.mkdir()
    (path / "config.json").write_text(to_json(config))
    ill = ILL[name] if name else {}
    rows = [
        {"kind": "health", "images": 100 * n, "signals": {**HEALTHY, **(ill if n > 10 else {})}}
        for n in range(1, 41)
    ]
    (path / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def say(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code: Any = 0
    try:
        main.main([str(word) for word in words])
    except SystemExit as end:
        code = end.code
    found = capsys.readouterr()
    return code or 0, found.out + found.err


def test_findings_have_evidence_and_a_command_and_end_in_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder(tmp_path / "ill run", "discriminator-overfits")
    code, text = say(capsys, "doctor", run)
    assert code == 1 and "r_v 0.80" in text and "since image 1,200" in text
    assert "--set game.augment=adaptive" in text and f"--init '{run}'" in text


def test_a_healthy_run_ends_in_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = say(capsys, "doctor", folder(tmp_path / "well", None))
    assert code == 0 and "Nothing wrong was found in 40 looks" in text


def test_rows_of_treatments_that_nobody_wrote_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder(tmp_path / "odd", None)
    dose = {"rates": {}, "penalties": 1, "augment": False, "back": False}
    odd = [{"dose": 5}, {"dose": {}}, {"dose": {**dose, "rates": [1]}}, {"back": "x"}, {"name": 1}]
    with (run / "metrics.jsonl").open("a") as log:
        for row in [*odd, {"dose": dose, "back": 3_000}]:
            own = {"kind": "treatment", "images": 4_000, "name": "divergence", **row}
            log.write(f"{json.dumps(own)}\n")
    code, text = say(capsys, "doctor", run)
    assert code == 0 and text.count("Treated at image 4,000") == 1 and "image 3,000" in text


def test_a_run_does_not_go_on_from_an_average_that_lags(tmp_path: Path) -> None:
    (text,) = cure("average-behind", config_of("default"), tmp_path / "run")
    assert "ema.half_life_images=" in text and "--init" not in text
    tables = config_of("default")  # of symbols, whose cycle keeps them apart in a longer run
    tables.game.name, tables.run.images = "text-cyclegan", 20_000
    (text,) = cure("mode-collapse", tables, tmp_path / "run")
    assert "run.images=60000" in text and "--init" not in text


def test_cures_follow_what_a_game_says_and_not_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(Adversarial):
        longer_cures = True

    config = config_of("default")
    config.game.name, config.run.images = "late", 20_000
    for own, longer in ((Late, True), (Adversarial, False)):
        monkeypatch.setitem(GAMES, "late", own)
        (text,) = cure("mode-collapse", config, tmp_path / "run")
        assert ("run.images=60000" in text) == ("--init" not in text) == longer
    config.game.name = "mine.py:Mine"  # is not run for the sake of a cure
    (text,) = cure("mode-collapse", config, tmp_path / "run")
    assert "run.images=" not in text and "--init" in text
    assert GAMES["text-cyclegan"].longer_cures and not GAMES["cyclegan"].longer_cures


def test_what_to_look_at_is_no_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = say(capsys, "doctor", folder(tmp_path / "still", "generator-still"))
    assert code == 1 and "look at   Is its learning rate 0" in text and "  cure" not in text
    assert "was 0 of its weights" in text


def test_read_gives_the_verdict_on_a_run_that_is_well(tmp_path: Path) -> None:
    """By its folder, and by its log there: which then has the run's settings, for cures."""
    run = folder(tmp_path / "well", None)
    for path in (run, str(run), run / "metrics.jsonl"):
        found = doctor.read(path)
        assert found.healthy and found.findings == [] and found.standing == []
        assert (found.story.seen, found.story.total, found.run) == (4_000, 4_000, run)
        told = found.to_json()
        assert (told["healthy"], told["told"], told["looks"]) == (True, True, 40)


def test_a_run_that_patience_has_ended_is_as_young_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 4,000 images: what is ill at 600 has seen too little for anything to be said."""
    run = folder(tmp_path / "ended", None)
    config = config_of("default")
    config.run.images, config.run.planned = 600, 4_000
    (run / "config.json").write_text(to_json(config))
    ill = {**HEALTHY, **ILL["mode-collapse"]}
    rows = [{"kind": "health", "images": 100 * n, "signals": ill} for n in range(1, 7)]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    code, text = say(capsys, "doctor", run)
    assert code == 0 and "Too early to say: 6 looks up to image 600" in text
    assert "Too early to say" in report.write(run).read_text("utf-8")


def test_a_healthy_run_is_told_in_chinese(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    code, text = say(capsys, "doctor", folder(tmp_path / "well", None))
    assert code == 0 and "未发现问题" in text and "高于 0.6" in text
    assert not {"above", "of", "samples", "deviations"} & set(text.split())


def test_json_of_a_healthy_run_ends_in_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = say(capsys, "doctor", folder(tmp_path / "well", None), "--json")
    assert code == 0 and json.loads(text)["healthy"] is True


@pytest.mark.parametrize(
    ("images", "signals", "said", "zh"),
    [
        ((1_000,), {}, "Nothing wrong was found in 1 look up to image 1,000.", "1 次，未发现"),
        ((500, 1_000), {}, "found in 2 looks up to image 1,000.", "2 次，未发现"),
        ((100,), {}, "Too early to say: 1 look up to image 100, less than 20%", "检查了 1 次"),
        ((1_000,), None, "Found in 1 look up to image 1,000: divergence", "检查了 1 次，发现："),
        (
            (700, 800, 900, 1_000), {**ILL["memorisation"], "blank": 1.0},
            "Found in 4 looks up to image 1,000: blank samples; memorisation.",
            "4 次，发现：样本是空白的；记忆",
        ),
    ],
)  # fmt: skip
def test_a_verdict_counts_its_looks(
    images: tuple[int, ...],
    signals: dict[str, float] | None,
    said: str,
    zh: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """signals: None for a run that went back twice, of which one look is enough."""
    back = 2 if signals is None else 0
    rows: list[dict[str, Any]] = [{"kind": "train", "images": 1, "losses": {}, "rollbacks": back}]
    own = {**HEALTHY, **(signals or {})}
    rows += [{"kind": "health", "images": n, "signals": own} for n in images]
    text = summary(verdict(rows, 1_000))
    assert said in text
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    assert zh in tr(text)


def test_a_log_alone_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "somewhere.jsonl"
    shutil.copy(folder(tmp_path / "r", "memorisation") / "metrics.jsonl", log)
    code, text = say(capsys, "doctor", log, "--json")
    found = json.loads(text)
    assert code == 1 and [f["name"] for f in found["findings"]] == ["memorisation"]
    assert found["findings"][0]["since"] == 1_300 and found["signals"]["gap"] == HEALTHY["gap"]


def test_lines_are_not_called_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder(tmp_path / "names", None)
    config = runfolder.read_config(run)
    config.data.spec = text_spec(build_vocabulary(["emma", "zoe"])).to_json()
    (run / "config.json").write_text(to_json(config))
    _, said = say(capsys, "doctor", run)
    assert "looks up to line 4,000" in said and "image 4,000" not in said


def test_what_is_no_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = say(capsys, "doctor", tmp_path / "none")
    assert code == 4 and "there is nothing at" in text and "fix:" in text
    (tmp_path / "note.txt").write_text("hello")
    code, text = say(capsys, "doctor", tmp_path / "note.txt")
    assert code == 4 and "no run and no log of one" in text and "fix:" in text


def test_a_run_without_signals_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder(tmp_path / "old", None)
    (run / "metrics.jsonl").write_text('{"kind": "train", "images": 10, "losses": {}}\n')
    code, text = say(capsys, "doctor", run)
    assert code == 0 and "Nothing is known yet: the first look is at a tenth" in text
    assert "The run has seen 10 of 4,000 images." in text


def test_the_report_has_the_findings(tmp_path: Path) -> None:
    page = report.write(folder(tmp_path / "r", "mode-collapse")).read_text("utf-8")
    assert (
        "<h2>Health</h2>" in page and "Mode collapse" in page and "ganzfeld train --config" in page
    )


def test_every_illness_has_a_cure_or_words() -> None:
    assert set(CURES) | set(OTHERWISE) == set(NAMES)


@pytest.mark.parametrize(
    "recipe", [r for r, made in RECIPES.items() if data_kind(made) == "pictures"
               and made.modality in (None, "image")
               and not r.startswith("text-to-image") and made.task == "generation"]
)  # fmt: skip
def test_cures_are_settings_that_each_recipe_takes(recipe: str) -> None:
    config = config_of(recipe)
    for name, make in CURES.items():
        changed = with_settings(config, make(config))
        vetting.check_ranges(changed)
        assert make(config) == [] or to_json(changed) != to_json(config), name
        options = changed.game.options
        assert set(options) == set(config.game.options), name  # no setting that it does not have


def test_without_the_run_a_cure_says_where_commands_come_from() -> None:
    assert "ganzfeld doctor RUN" in cure("oscillation", None, None)[0]


def test_what_a_number_outside_means_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Noise after a short run is no illness, and nothing that somebody should take for a model."""
    run = folder(tmp_path / "young", None)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]

    def told(**signals: float) -> str:
        changed = [{**row, "signals": {**row["signals"], **signals}} for row in rows]
        (run / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in changed))
        code, text = say(capsys, "doctor", run)
        assert code == 0 and "Nothing wrong" in text
        return text

    usual = told(energy=0.05)
    assert "A number outside" not in usual and "look like the data" not in usual
    assert "The samples do not look like the data yet" in told(energy=0.6)
    assert "A number outside is no illness by itself" in told(energy=0.05, swing=0.6, lead=0.0)


def test_the_table_of_signals_fits_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for language in ("en", "zh"):
        monkeypatch.setenv("GANZFELD_LANG", language)
        _, text = say(capsys, "doctor", folder(tmp_path / language, None))
        lines = [line for line in text.splitlines() if line.strip()]
        rule = next(n for n, line in enumerate(lines) if "───" in line)
        assert len(lines) - rule - 1 == len(SHOWN)  # a line a signal
