"""What a run says of itself: the trend, the line on the screen, the sentence at the end."""

import io
import itertools
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ganzfeld.core import console as screen
from ganzfeld.core.console import Screen, State, panel, plain
from ganzfeld.core.wrapping import fold
from ganzfeld.errors import Interrupted
from ganzfeld.report import quality

DRAWS = {"discriminator/adversarial": 1.386, "generator/adversarial": 0.693}
LOSSES = {
    "discriminator/adversarial": 1.381,
    "discriminator/r1": 0.022,
    "discriminator/r2": None,
    "generator/adversarial": 0.719,
}
QUALITY = "Frechet 0.42 at image 9,000 (real 0.09) of 535 samples"


def state(**changes: Any) -> State:
    known: dict[str, Any] = {
        "run": Path("runs/photos-default"),
        "images": 1_234_567,
        "total": 21_408_000,
        "rate": 102.4,
        "losses": LOSSES,
        "draws": DRAWS,
        "quality": f"{QUALITY}, hardly better since image 8,000",
        "picture": Path("runs/photos-default/samples/000001234567.png"),
    }
    return State(**known | changes)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([9.0], ""),
        ([9.0, 5.0], ""),
        ([9.0, 5.0, 4.0], "still improving"),
        ([9.0, 5.0, 4.0, 4.1], "still improving"),
        ([9.0, 4.0, 4.1, 3.95], "hardly better since image 200"),
        ([9.0, 4.0, 4.1, 3.95, 3.9], "hardly better since image 200"),
        ([9.0, 4.0, 4.1, 3.5], "still improving"),
        ([9.0, 4.0, 4.1, 6.0], "worse than 4.00 at image 200"),
    ],
)
def test_the_trend(values: list[float], expected: str) -> None:
    scores = [(100 * (i + 1), value) for i, value in enumerate(values)]
    assert quality.trend(scores) == expected


def test_the_trend_does_not_deny_the_model_that_ships() -> None:
    """The lowest distance may come later than the first that is as good but for a twentieth."""
    scores = [(656, 318.0), (2608, 224.6), (3264, 220.5), (3904, 215.5), (5200, 245.2)]
    assert quality.trend(scores) == "hardly better since image 2,608"


def test_the_line_of_a_run() -> None:
    assert quality.line({}, 0.09) == ""
    assert quality.line({200: 0.5, 100: 0.9}, 0.09) == "Frechet 0.50 at image 200 (real 0.090)"
    assert (
        quality.line({100: 0.9, 200: 0.5, 300: 0.42}, None)
        == "Frechet 0.42 at image 300, still improving"
    )
    said = quality.line({200: 0.5, 100: 0.9}, 0.09, 1234)
    assert said == "Frechet 0.50 at image 200 (real 0.090) of 1,234 samples"


@pytest.mark.parametrize(("count", "few"), [(64, True), (499, True), (500, False)])
def test_few_samples_do_not_pass_for_real_ones(count: int, few: bool) -> None:
    """Names had 0.49 (real 0.48) of 64 samples, and 0.055 (real 0.018) of 2,000."""
    assert ("too few to tell them apart" in quality.line({9: 0.49}, 0.48, count)) is few
    assert "too few" not in quality.line({9: 0.68}, 0.48, count)


def test_what_is_left_goes_by_the_mean_speed() -> None:
    """An evaluation between two lines does not make the rest ten times as long."""
    slow = state(images=3_280, total=5_204, rate=17.0, mean=96.2)
    assert plain(slow)[0] == " 63.0 %  3,280 of 5,204 images  17/s  20 s of steps left"
    assert state(images=50, total=100, rate=10.0).left == "5 s of steps left"


def test_what_is_left_has_the_evaluation_at_the_end_in_it() -> None:
    """ "0 s left" stood minutes before the end of a run."""
    last = state(images=100, total=100, rate=10.0, end=95.0)
    assert last.left == "1 min 35 s left"
    assert plain(last)[0].endswith("10/s  1 min 35 s left")
    assert state(images=50, total=100, rate=10.0, end=95.0).left == "1 min 40 s left"


def result(**changes: Any) -> dict[str, Any]:
    known = {"protocol": {"extractor": "inception"}, "frechet": 0.36, "precision": 0.83}
    return known | {"real": {"frechet": 0.09, "precision": 0.84}} | changes


def test_the_verdict() -> None:
    said = quality.verdict(result(), [(1, 3.0), (2, 2.0), (3, 1.0)])
    assert said == (
        "Frechet 0.36 where real images have 0.090: clearly worse than real images; "
        "precision 0.83 (real 0.84); still improving when it ended."
    )
    said = quality.verdict(result(), [(100, 9.0), (200, 4.0), (300, 6.0)])
    assert said.endswith("; best at image 200 in training (4.00), worse when it ended (6.00).")
    assert "by the random extractor" in quality.verdict(result(protocol={"extractor": "random"}))
    assert quality.verdict(result(real={})) == "Frechet 0.36; precision 0.83."
    assert quality.verdict({}) == quality.verdict(result(frechet=None)) == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.1, "cannot be told"), (0.17, "close to"), (0.8, "clearly worse"), (5.0, "far from")],
)
def test_the_levels_are_multiples_of_what_real_images_have(value: float, words: str) -> None:
    assert words in quality.verdict(result(frechet=value))
    assert words in quality.verdict(result(frechet=100 * value, real={"frechet": 9.0}))


@pytest.mark.parametrize("name", quality.SHARES)
def test_a_share_of_hardly_any_is_far_from_real(name: str) -> None:
    """Melted faces had a Frechet distance of four times the real one, and a recall of 0.004."""
    good, bad = ({name: share, "real": {"frechet": 0.09, name: 0.72}} for share in (0.3, 0.004))
    assert "clearly worse than" in quality.verdict(result(**good))
    assert "far from real" in quality.verdict(result(**bad))


def test_a_kind_says_what_it_is_judged_by() -> None:
    """Beside what real samples have: the Frechet distance of n-grams says little of spelling."""
    table = result(told_apart=0.086, real={"frechet": 0.09, "told_apart": 0.015})
    assert "told from the data by trees (0 never, 0.5 always) 0.086 (real 0.015)" in (
        quality.verdict(table)
    )
    text = result(js_2=0.02, js_3=0.147, js_4=0.38, real={"js_3": 0.115})
    assert "; divergence of triples of symbols 0.15 (real 0.12)." in quality.verdict(text)
    assert "share heard as the class asked for 0.32." in quality.verdict(result(heard=0.321))


def test_alarms_are_words_and_are_not_said_twice() -> None:
    assert quality.alarms(result()) == []
    copied = quality.alarms(result(memorisation=0.2))
    assert len(copied) == 1 and "memorised some" in copied[0]
    known = "20.0% of the images are copies of training images"
    assert quality.alarms(result(memorisation=0.2, warnings=[known])) == [f"{known}."]
    over = {"overfitted": True, "held_out_count": 99, "frechet_held_out": 2.0}
    assert "99 held-out images" in quality.alarms(result(**over, frechet_training=1.0))[0]
    told = quality.alarms(result(protocol={"extractor": "random"}))
    assert "hardly shapes" in told[0]


# On the screen


def test_plain_lines_fit_80_columns_and_say_what_a_loss_means() -> None:
    lines = plain(state())
    assert all(len(line) <= 80 for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "adversarial 1.381 (draw 1.386)" in text and "r2 not finite" in text
    assert f"{QUALITY}, hardly better since image 8,000" in text
    assert "Frechet" not in "\n".join(plain(state(quality="")))


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_panel_leaves_room_for_the_echo_of_ctrl_c(columns: int) -> None:
    """A terminal writes ^C behind the panel: on a full line, it would begin another one."""
    console = Console(file=io.StringIO(), width=columns, force_terminal=True, color_system=None)
    with console.capture() as got:
        console.print(panel(state(), min(columns - screen.ECHO, screen.WIDEST)))
    lines = got.get().splitlines()
    assert max(map(len, lines)) <= columns - 2 and lines[0].startswith("╭")
    text = " ".join(line.strip("│ ") for line in lines)
    if columns >= 80:
        assert "1,234,567 of 21,408,000 images, 102 images/s" in text
        assert "a draw is 1.386" in text and "Frechet 0.42 at image 9,000 (real 0.09)" in text
        assert "latest grid: samples/000001234567.png" in text


def test_no_word_is_broken_at_80_columns() -> None:
    row = "  data    faces: 3,000 images, 96x96 pixels, 3 channels, no labels, and so on and on"
    lines = fold(row, 80, " " * 10)
    assert len(lines) == 2 and all(len(line) <= 80 for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(row.split())
    assert lines[1].startswith(" " * 10)
    assert fold(row, None) == [row], "a file or a pipe takes long lines"


@pytest.mark.parametrize(
    "text",
    [
        "  more      ganzfeld sample runs/photographs-of-faces-default --count 64 --out images",
        "runs/photos is complete at 640 images. More: ganzfeld resume runs/photos --images 12",
    ],
)
def test_a_command_that_is_too_long_still_runs_when_copied(text: str) -> None:
    lines = fold(text, 80, " " * 12)
    assert all(len(line) <= 80 for line in lines) and len(lines) > 1
    joined = "\n".join(lines).replace("\\\n", "")
    command = joined[joined.index("ganzfeld ") :]
    assert "\n" not in command and command.split() == text[text.index("ganzfeld ") :].split()


def test_a_terminal_gets_folded_lines_and_a_file_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = " ".join(["word"] * 40)
    for terminal, count in ((True, 3), (False, 1)):
        shown = Screen()
        shown.console = Console(
            file=io.StringIO(), width=80, force_terminal=terminal, soft_wrap=True
        )
        shown.say(words)
        file = shown.console.file
        assert isinstance(file, io.StringIO) and file.getvalue().count("\n") == count


def test_progress_without_a_terminal_is_ever_more_seldom(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count(0.0, 10.5)
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(clock))
    shown = Screen()
    for done in range(34):
        shown.progress("generated images", done, 34)
    said = capsys.readouterr().out.splitlines()
    assert 3 <= len(said) <= 12 and said[0].startswith("generated images: ")


def test_a_wanted_stop_is_no_error() -> None:
    stopped = Interrupted(
        2, "stopped at image 8 of 9", safe="saved in runs/x", fix="ganzfeld resume runs/x"
    )
    assert str(stopped).splitlines() == [
        "stopped at image 8 of 9",
        "  saved in runs/x",
        "  continue with: ganzfeld resume runs/x",
    ]
    assert stopped.code == 130 and "error" not in str(stopped)
    assert str(Interrupted(15, "stopped")) == "stopped"


def test_a_warning_ends_in_one_full_stop() -> None:
    found = quality.alarms({"warnings": ["few images.", "coarse numbers"]})
    assert found[:2] == ["Few images.", "Coarse numbers."]
