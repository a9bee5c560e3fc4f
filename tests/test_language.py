"""Messages in Chinese: which language is chosen, what the catalogue has, and how it looks."""

from __future__ import annotations

import ast
import errno
import io
import json
import os
import re
import sys
import typing
from functools import cache
from pathlib import Path

import pytest
from rich.cells import cell_len

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.cli.showing import FILL, Boxes, documented, filled
from ganzfeld.core import language
from ganzfeld.core.language import FIELD, MESSAGES, speak_of, tr, with_names
from ganzfeld.core.wrapping import fold
from ganzfeld.errors import DataError, UsageError
from pages import Page

LOCALE = ("GANZFELD_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
SMALL = ["--size", "16", "--batch", "16", "--images", "64", "--set", "networks.*.width=4"]


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZFELD_LANG", "zh")


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "de_DE.UTF-8"}, "zh"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"GANZFELD_LANG": "en", "LC_ALL": "zh_CN.UTF-8"}, "en"),
        ({"GANZFELD_LANG": "zh", "LC_ALL": "en_US.UTF-8"}, "zh"),
    ],
)
def test_the_language_follows_the_settings(
    settings: dict[str, str], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in LOCALE:
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert language.language() == found
    assert tr("nothing was trained") == {"en": "nothing was trained", "zh": "没有开始训练"}[found]


def test_english_where_the_terminal_has_no_chinese(
    chinese: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "latin-1"))
    assert tr("nothing was trained") == "nothing was trained"


def test_numbers_are_kept_parts_are_translated_and_names_are_not(chinese: None) -> None:
    assert tr("about 3 min 05 s") == "约 3 分 05 秒"
    assert tr("plan for data") == "data 的训练计划"  # a folder of this name, and no word
    assert tr("2 images in images, grid in grid") == "images 中有 2 张图像，样本图在 grid"
    assert tr("no entry of this kind") == "no entry of this kind"
    assert tr("between all images; unbiased; lower is better") == "全部图像之间，无偏；越小越好"
    assert tr("about nothing that is known") == "about nothing that is known"
    assert tr("The recipe default saw 64 images of photos in 7 s of training; it is new.") == (
        "配方 default 用 7 秒训练了 photos 的 64 张图像；it is new."
    )
    assert tr("a/b cannot be used: Permission denied") == "无法使用 a/b：没有权限"
    assert tr("a cannot be used: Strange thing") == "无法使用 a：Strange thing"
    assert tr("Known: 0, 1, 2.") == "可用的有：0、1、2。"
    assert tr("Constant columns: a, b, and 3 more") == "数值恒定的列：a、b，另有 3 个"
    assert with_names("too small: 9 x 1 px", "a.png, b.png, and 1 more") == (
        "太小：9 x 1 像素：a.png、b.png，另有 1 个"
    )
    code = "python -c 'import pandas; pandas.read_excel(1)'"
    assert tr(f"another name   or {code}").endswith(f"   或 {code}")
    said = "Frechet 0.52 where real images have 0.04: far from real images; still improving."
    assert tr(said) == "Frechet 距离 0.52，真实图像为 0.04：与真实图像相差很远；仍在变好。"


@pytest.mark.parametrize(
    ("said", "noun"),
    [
        ("noise shake128-mt19937-1, 1 thread, not deterministic", "images"),
        ("Images of the data, held out where there are such, and what the averaged networks say of "
         "them after 64 images seen: one caption each, drawn by chance.", "images"),
        ("Captions of the data, in small letters and without punctuation, and 8 rows that the "
         "model draws for each: what the caption leaves open should differ.", "rows"),
        ("No labels: the folders high, low are the two sides of pairs, no classes; --labels "
         "folders takes them as classes.", "sounds"),
        ("Left aside: the column a, of which 42% is missing.", "series"),
        ("holds numbers too large for float32", "fields"),
        ("holds numbers below 1e-30: multiply them", "fields"),
        ("damaged (… channels at … Hz)", "sounds"),
        ("names.txt has no line of 1 to 64 characters", "lines"),
        ("tr -d '\\000' < a.txt > b.txt   without such characters", "images"),
        ("use (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 to 4 channels", "fields"),
        ("--out data/rows.csv would write over the data of runs/rows-default", "rows"),
    ],
)  # fmt: skip
def test_what_is_said_of_other_kinds_than_images_is_chinese(
    chinese: None, said: str, noun: str
) -> None:
    speak_of(noun, "sample")
    try:
        told = tr(said)
    finally:
        speak_of()
    assert not re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", told), told


def test_a_folder_of_images_is_one_whatever_the_samples_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = (
        "nothing at x (looked for a folder of images or sounds)",
        "fields, whose numbers are kept: it has five axes; --range LOW:HIGH makes images of them",
    )
    speak_of("rows", "row")
    try:
        for sentence in kept:
            monkeypatch.setenv("GANZFELD_LANG", "en")
            assert tr(sentence) == sentence
        monkeypatch.setenv("GANZFELD_LANG", "zh")
        assert "可当作图像" in tr(kept[1]) and tr("MMD of pixels") == "MMD（数值）"
    finally:
        speak_of()


def pairs() -> list[tuple[str, str]]:
    return json.loads(MESSAGES.read_text("utf-8"), object_pairs_hook=list)


@cache
def written() -> list[str]:
    """Every piece of text in the source."""
    package = Path(ganzfeld.__file__).parent
    trees = (ast.parse(path.read_text("utf-8")) for path in package.rglob("*.py"))
    return list(
        {
            " ".join(node.value.split())
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    )


def pieces(key: str) -> list[str]:
    """The fixed text of a key, cut where the source may put it together."""
    parts = re.split(r"\{\w+\}|[.,;:()%/]+(?:\s|$)", key)
    return [part.strip(" ().,;:%/?") for part in parts if re.search(r"[A-Za-z]{2}", part)]


def said(piece: str, everything: str, runs: int = 2) -> bool:
    """Whether the source has these words: in one piece of text, or put together from two."""
    words = piece.split()
    if " ".join(words) in everything:
        return True
    cuts = range(1, len(words)) if runs > 1 else ()
    return any(
        " ".join(words[:cut]) in everything and said(" ".join(words[cut:]), everything, runs - 1)
        for cut in cuts
    )


@pytest.mark.long
def test_every_entry_is_of_a_sentence_that_the_code_says() -> None:
    system = [os.strerror(number) for number in errno.errorcode]  # says these itself
    everything = "\n".join([*written(), *system])
    everything += everything.lower().replace("_", " ")
    lost = {
        key: piece for key, _ in pairs() for piece in pieces(key) if not said(piece, everything, 3)
    }
    assert not lost, f"the code does not say these any more: {lost}"
    assert not said("nothing of this kind was ever said", everything)


def test_entries_are_there_once_with_the_same_fields_in_both_languages() -> None:
    keys = [key for key, _ in pairs()]
    assert len(keys) == len(set(keys)) > 300
    for key, chinese in pairs():
        assert sorted(FIELD.findall(key)) == sorted(FIELD.findall(chinese)), key
        assert re.search(r"[\u4e00-\u9fff：]", chinese), key
        assert not re.search(r"[\u4e00-\u9fff] ?[,;:?!]", chinese), (
            chinese
        )  # marks are Chinese, too


@pytest.mark.parametrize("width", [20, 41, 80])
def test_wide_characters_count_for_two_columns(width: int) -> None:
    text = "训练会拒绝这些数据：目录 photos/holiday 里只有 12 张图像（3 张损坏），请用 --size 64。"
    lines = fold(text, width)
    assert all(cell_len(line) <= width for line in lines) and len(lines) > 1
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    assert "photos/holiday" in " ".join(lines)  # words of letters stay whole
    assert not any(line.strip()[:1] in "，。：）" for line in lines)


def test_errors_have_a_chinese_frame_on_the_screen_and_stay_english_in_python(
    chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main.main(["trian"])
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert said.startswith("错误[2]：没有 `ganzfeld trian` 这个命令。你是不是想用 'train'？")
    assert "解决：ganzfeld --help" in said
    assert str(UsageError("no", safe="nothing was trained")) == (
        "error[2]: no\n  safe: nothing was trained"
    )


def test_each_line_of_an_error_and_each_way_out_is_translated(chinese: None) -> None:
    what = "\n  ".join(["3 images could not be translated", "x.png: not an image (text)"])
    error = DataError(
        what, fix="ganzfeld data check d --quarantine   or give the folder of more images"
    )
    assert error.screen(tr) == (
        "错误[3]：3 张图像无法翻译\n  x.png：不是图像（文本）\n"
        "  解决：ganzfeld data check d --quarantine   或 请给出图像更多的文件夹"
    )


def test_general_entries_do_not_break_into_sentences(chinese: None) -> None:
    trend = (
        "Whether more time would help is not known: by the trend of the last 6 evaluations, twice "
        "the images would make the Frechet distance 0.81 times what it is (0.50 to 1.32; lower is "
        "better)."
    )
    assert tr(trend).endswith(
        "图像数加倍会使 Frechet 距离变为现在的 0.81 倍（0.50 至 1.32；越小越好）。"
    )
    chart = (
        "kernel distance against images seen: ada goes from 0.7 to 0.8; a line across: a draw: 2"
    )
    assert tr(chart) == "核距离，横轴为已见图像数：ada从 0.7 变为 0.8；横线：平局：2"
    assert (
        tr("x goes to y") == "x goes to y" and tr("float64 to float32") == "由 float64 转为 float32"
    )
    assert tr("weights 7f05... against 043c...") == "权重 7f05... 对 043c..."


def test_the_frame_of_the_help_is_chinese(
    chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    main.main(["--help"])
    said = capsys.readouterr().out
    assert (
        said.startswith("用法：ganzfeld COMMAND ...")
        and "训练之前检查数据（check、sheet）。" in said
    )
    assert said.rstrip().endswith("`ganzfeld COMMAND --help` 列出命令的选项。")
    with pytest.raises(SystemExit):
        main.main(["data", "check", "--help"])
    assert "（默认：auto）" in capsys.readouterr().out


ENGLISH_STAYS = {"r1", "r2", "adversarial"}  # names of terms and settings


@pytest.mark.long
def test_a_run_speaks_chinese(
    chinese: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "images"
    main.main(["train", "avatars:64", "--out", str(out), *SMALL])
    said = capsys.readouterr().out
    plan = said.partition(" 的训练计划\n")[2].partition("%")[0].splitlines()
    named = [line for line in plan if re.match(r"  \S", line)]
    assert len(named) > 10
    starts = {cell_len(re.match(r"  \S+ +", line)[0]) for line in named}  # type: ignore[index]
    assert len(starts) == 1  # the columns are in line
    assert all(CHINESE.match(line.strip()) for line in named)
    assert "完成：64 张图像\n" in said and "质量" in said and str(out) in said
    for english in ("images/s", "real images", "extractor", "held out", "left", "done:"):
        assert english not in said.replace(str(out), ""), english

    page = Page(out / "report.html")
    assert page.all("html")[0]["lang"] == "zh-CN"
    for kind in ("h2", "h3", "summary", "caption", "dt"):
        for text in re.findall(rf"<{kind}(?: [^>]*)?>([^<]+)", page.raw):
            classes = json.loads((out / "config.json").read_text())["data"]["classes"]
            assert CHINESE.search(text) or text in classes, text
    assert json.loads((out / "evaluation.json").read_text("utf-8"))["protocol"]
    for path in (out / "metrics.jsonl", out / "config.json", out / "model" / "README.md"):
        assert not CHINESE.search(path.read_text("utf-8")), path  # programs read these


def test_a_terminal_of_80_columns_holds_the_live_panel(chinese: None) -> None:
    from rich.console import Console

    from ganzfeld.core.console import State, panel

    state = State(
        run=Path("runs/avatars-default"),
        images=12_800,
        total=19_126,
        rate=71.0,
        losses={"discriminator/adversarial": 1.38, "generator/adversarial": None},
        draws={"discriminator/adversarial": 1.386},
        quality="Frechet 0.52 at image 900 (real 0.04) of 535 samples, still improving",
    )
    console = Console(width=80, file=io.StringIO())
    console.print(panel(state, 76))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert all(cell_len(line) <= 76 for line in lines)
    said = "\n".join(lines)
    for words in ("剩余", "张/秒", "平局为 1.386", "非有限数", "仍在变好", "Ctrl-C：保存并停止"):
        assert words in said


def test_help_lists_the_commands_in_chinese(
    chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    main.main(["--help"])
    assert "训练一个生成器" in capsys.readouterr().out


def test_boxes_of_chinese_help_fit_the_terminal(
    chinese: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr("sys.stdout", screen)
    with pytest.raises(SystemExit):
        main.main(["train", "--help"])
    screen.seek(0)
    boxed = [line for line in screen.read().splitlines() if line and line[0] in "╭│╰"]
    assert len(boxed) > 40 and {cell_len(line) for line in boxed} == {80}
    assert not any(FILL in line for line in boxed)
    parted = f"╭───────╮\n│ {filled('图像')[:-1]}  │\n│ {FILL}像    │\n"  # as tyro cuts a line
    out = io.StringIO()
    Boxes(out).write(parted)
    assert out.getvalue().splitlines()[1:] == ["│ 图像  │", "│ 像    │"]


def test_messages_speak_of_the_kind_of_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "stopped at image 10 of 2,000; 688 images/s; ganzfeld resume runs/images --images 4000"
    speak_of("lines", "line")
    assert tr(said) == (
        "stopped at line 10 of 2,000; 688 lines/s; ganzfeld resume runs/images --images 4000"
    )
    assert tr("Images seen") == "Lines seen"
    assert tr("share of the data that has images near") == "share of the data that has lines near"
    assert tr("takes them as images") == "takes them as images", "a kind of data, not samples"
    assert tr("MMD of pixels") == "MMD of numbers"
    monkeypatch.setattr(language, "language", lambda: "zh")
    assert tr("stopped at image 10 of 2,000") == "已停在第 10 个样本，共 2,000 个"
    speak_of()
    assert tr("stopped at image 10 of 2,000") == "已停在第 10 张图像，共 2,000 张"
    monkeypatch.setattr(language, "language", lambda: "en")
    assert tr(said) == said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("1 images in drawn", "1 image in drawn"),
        ("1 generated images are too few to tell", "1 generated image is too few to tell"),
        ("2 on 1 ways from seed to seed", "2 on 1 way from seed to seed"),
        ("captions of 1 images in a.csv", "captions of 1 image in a.csv"),
        ("1 others are captioned.", "1 other is captioned."),
        ("40 rows, 1 columns, kind (1 classes: a)", "40 rows, 1 column, kind (1 class: a)"),
        ("21 images; 0.1 images a second; 10,001 images", None),
        ("1 of 1 files is bad: runs/1 images/1.png", None),
        ("--images 1 images.csv", None),
    ],
)
def test_one_is_spoken_of_as_one(said: str, told: str | None) -> None:
    assert tr(said) == (told or said)


@pytest.mark.parametrize("command", ["train", "resume", "sample", "evaluate"])
def test_help_of_the_commands_that_all_use_is_chinese(
    command: str, chinese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every option's sentence, and the sentence above them; names stay as they are typed."""
    make, about = documented(main.COMMANDS[command], command)
    told = [
        next(extra.help for extra in typing.get_args(kind)[1:] if hasattr(extra, "help"))
        for name, kind in make.__annotations__.items()
        if name != "return"
    ]
    assert CHINESE.match(about.strip()) or CHINESE.search(about.splitlines()[0])
    missing = [text for text in told if text and not CHINESE.search(text)]
    assert len(told) > 2 and not missing


def test_help_is_english_without_the_setting() -> None:
    _, about = documented(main.COMMANDS["train"], "train")
    assert about.startswith("Train a generator.") and "\n\nexamples:\n" in about


def test_a_line_that_begins_with_default_belongs_to_its_option() -> None:
    make, _ = documented(main.COMMANDS["train"], "train")
    extras = typing.get_args(make.__annotations__["held_out"])[1:]
    assert any("Default: 5 %, at most 256" in (extra.help or "") for extra in extras)
