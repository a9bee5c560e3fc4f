"""What the program says to its users has a Chinese form: errors, screens and help."""

from __future__ import annotations

import re
import typing

import pytest

from ganzfeld.cli import main
from ganzfeld.cli.showing import documented
from ganzfeld.core.console import Screen
from ganzfeld.core.language import tr
from ganzfeld.modalities import MODALITIES
from ganzfeld.modalities.audio import bad as of_sounds
from ganzfeld.modalities.image import bad as of_images
from sentences import COMMAND, PACKAGE, PROSE, sentences, untold

CHINESE = re.compile(r"[\u4e00-\u9fff]")
LEAST = 0.97  # share of sentences; those of the data that nobody meets may stay English


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZFELD_LANG", "zh")


def test_nearly_all_sentences_have_a_chinese_form(chinese: None) -> None:
    every = sentences()
    missing = {text: place for text, place in every.items() if untold(text)}
    assert len(every) > 600, "the source was not read"
    listed = "\n".join(f"{place}: {text}" for text, place in missing.items())
    assert len(missing) <= (1 - LEAST) * len(every), f"not in messages.zh.json:\n{listed}"


def test_a_sentence_without_an_entry_is_noticed(chinese: None) -> None:
    assert untold("{path} holds a thing that nobody ever translated")
    assert not untold("{n} of {n} samples have no {name}")
    assert not untold("nothing was trained")


def test_help_has_a_chinese_form(chinese: None) -> None:
    every = dict(main.COMMANDS)
    for group, (says, commands) in main.GROUPS.items():
        assert tr(says) != says, says
        every |= {f"{group} {name}": make for name, make in commands.items()}
    told: dict[str, str] = {}
    for command, make in every.items():
        shown, about = documented(make, command)
        told |= {
            text: command for text in about.partition(f"\n\n{tr('examples:')}")[0].split("\n\n")
        }
        for kind in shown.__annotations__.values():
            helps = [getattr(extra, "help", None) for extra in typing.get_args(kind)[1:]]
            told |= {text: command for text in helps if text}
    english = {text: command for text, command in told.items() if not CHINESE.search(text)}
    assert len(told) > 200 and not english


def test_stages_of_the_work_have_a_chinese_form(
    chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call = re.compile(r"(?:progress\(\s*|\bstage = )\"([a-z ]+)\"")
    stages = {stage for path in PACKAGE.rglob("*.py") for stage in call.findall(path.read_text())}
    assert {"drawing", "cutting"} <= stages
    for stage in sorted(stages):
        screen = Screen()
        screen.stage, screen.printed = stage, -1e6  # of a line long ago
        screen.progress(stage, 3, 10_000)
        said = capsys.readouterr().out.strip()
        assert said.endswith("：3 / 10,000") and stage not in said, said


def test_where_samples_are_is_told_in_chinese_for_every_kind(chinese: None) -> None:
    for noun in sorted({kind.noun for kind in MODALITIES.values()}):
        for text in (
            f"5 {noun} in a b/x",
            f"5 {noun} in x, grid in y.png",
            f"sheet of 5 {noun} in x",
            f"8 {noun} in x, a row each, with slope 1 to 3: 1, 2, 3",
            f"8 {noun} in x, a row each, with slope 1, 2, 3",
        ):
            said = tr(text)
            assert not re.search(rf"{noun}| in | to | row ", said), said


ENDED = """\
1.276 (1.255 to 1.285)\u00a0*
out of memory (ulimit -v allows 4.0 GB)
bring config.json from a backup, or train again with another --out; its model still draws: x
runs/a b is in use by process 536 on vm since 2026-11-30T08:27:33+00:00
copy the model folder again from its source, or delete d.safetensors to draw without ranking
--set run.accumulate=4   for the same batch in smaller parts   or --batch 2, a smaller --size, or \
--set networks.G.width=... for less
the weights of G in /tmp/r n do not fit this recipe's G:|    l: (9, 2) there, (2, 2) here
there is nothing at a*.png (looked for a folder). Patterns are not read: give the folder, '.'.
there is nothing at a.png (looked for a folder). b/c does not exist either.
runs/x; G 16 % of its weights, labels added, linear, ups.0 afresh; D whole
ganzfeld resume r --data-grown   to go on with all 300   or restore the original data, or name it \
with --data PATH   or begin anew from its weights:|    ganzfeld train x --init r --out NEW
too large: 81 megapixels, the limit is 64 (--max-megapixels)
the sounds have several rates: 26 of 44,100 Hz, 19 of 8,000 Hz, and 1 more.
day (dates 05.01.2015 to 28.12.2025); town (3 classes: Bonn, Köln, Ulm); tags (any of 2 classes: \
a, b); age (numbers 1 to 9)
day 31.12.2030 lies outside of the data's 05.01.2015 to 28.12.2025: expect less of it"""


@pytest.mark.parametrize("said", ENDED.splitlines())
def test_a_sentence_is_chinese_with_what_a_case_adds_to_it(said: str, chinese: None) -> None:
    told = tr(said.replace("|", "\n"))
    assert CHINESE.search(told) and not PROSE.search(left_of(told)), told
    assert not re.search(r"。 \d", told), told


def test_what_a_file_is_that_is_no_sample_is_told_in_chinese(chinese: None) -> None:
    known = [what for _, what in (*of_images._CONTENT, *of_sounds.CONTENT)]
    brands = (b"heic", b"avif", b"mp42")
    heads = [b"", b"\0", b"<svg", b"<html", b"<?xml", b"{", b"abc", b"\1\2", *brands]
    for head in heads:
        data = b"\0\0\0\x18ftyp" + head if head in brands else head
        known += [of_images._what_it_is(data), of_sounds.what_it_is(data)]
    assert not [what for what in known if not CHINESE.search(tr(what))]


def left_of(text: str) -> str:
    return COMMAND.sub("|", text)


@pytest.mark.parametrize(
    "words",
    [
        ["train", "no-such-folder"],
        ["train", "avatars:1"],
        ["train", "avatars:40", "--size", "9999"],
        ["train", "avatars:40", "--recipe", "defualt"],
        ["train", "avatars:40", "--recipe", "series-gan"],
        ["train", "avatars:40", "--set", "run.sede=1"],
        ["train", "avatars:40", "--set", "game.r3=1"],
        ["train", "avatars:40", "--condition", "age"],
        ["train", "avatars:120", "--held-out", "120"],
        ["train", "avatars:40", "--images", "64", "--minutes", "1"],
        ["train", "avatars:40", "--config", "here.yaml"],
        ["train", "avatars:40", "--minutes", "0"],
        ["train", "nothing"],
        ["train", "nothing/0.png"],
        ["train", "nothing/0.zip"],
        ["train", "nothing/0.gz"],
        ["train", "nothing/0.xyz"],
        ["train", "empty"],
        ["resume", "model"],
        ["sample", "no-such-run", "--count", "2"],
        ["evaluate", "no-such-run", "avatars:40"],
        ["compare", "no-such-run"],
        ["interpolate", "no-such-run", "--seeds", "1", "--out", "x.gif"],
        ["export", "no-such-run", "--out", "x"],
        ["serve", "no-such-run", "--port", "0"],
        ["publish", "no-such-run", "--to", "x", "--license", "apache"],
        ["data", "check", "no-such-folder"],
        ["doctor", "no-such-run"],
    ],
    ids=" ".join,
)
def test_what_goes_wrong_is_told_in_chinese(
    words: list[str],
    chinese: None,
    tmp_path: typing.Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty/", "nothing/", "model/"):
        (tmp_path / name).mkdir()
    for name in ("0.png", "0.zip", "0.gz", "0.xyz"):
        held = b"" if name == "0.xyz" else b"\x1f\x8bnothing\x00\xff"
        (tmp_path / "nothing" / name).write_bytes(held)
    for name in ("model.safetensors", "config.json"):
        (tmp_path / "model" / name).write_text("{}")
    with pytest.raises(SystemExit):
        main.main(words)
    said = capsys.readouterr().err
    lines = [line for line in said.splitlines() if line.strip()]
    assert lines and lines[0].startswith("错误[")
    assert not PROSE.search(left_of(" ".join(lines))), said
