"""What commands promise: plans without a trace, configurations from files, help that helps."""

from __future__ import annotations

import functools
import json
import shlex
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tyro
from PIL import Image

import ganzfeld
from ganzfeld.cli.drawing import check_sheet
from ganzfeld.cli.examples import EXAMPLES
from ganzfeld.cli.main import COMMANDS, GROUPS, main
from ganzfeld.cli.showing import documented
from ganzfeld.cli.values import GOING_ON, leaves, options
from ganzfeld.cli.words import prepared
from ganzfeld.errors import UsageError
from ganzfeld.modalities import MODALITIES

SMALL = ["networks.G.width=4", "networks.D.width=4", "networks.G.latent=16"]
PIXELS = np.random.default_rng(0).integers(0, 256, (48, 3, 16, 16), dtype=np.uint8)
FUNCTIONS = COMMANDS | {f"{g} {n}": f for g, (_, own) in GROUPS.items() for n, f in own.items()}


def call(*words: Any) -> None:
    main([str(word) for word in words])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small conditional run of three classes."""
    home = tmp_path_factory.mktemp("commands")
    labels = np.array(["cat", "dog", "a/b"])[np.arange(48) % 3]
    np.savez(home / "animals.npz", x=PIXELS, y=labels)
    out = home / "run"
    words = ["--out", out, "--batch", 16, "--images", 64, "--seed", 5, "--quiet", "--set", *SMALL]
    call("train", home / "animals.npz", *words)
    return out


# Plans and configurations


def test_a_dry_run_prints_the_plan_and_leaves_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "avatars:64", "--size", 16, "--images", 64, "--out", tmp_path / "run"]
    call(*words, "--dry-run", "--set", *SMALL)
    printed = capsys.readouterr().out
    assert "plan for" in printed
    assert "nothing was written" in printed
    assert not (tmp_path / "run").exists()


def test_a_dry_run_of_a_run_that_is_there_changes_nothing(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    data = run.parent / "animals.npz"
    words = ["--out", run, "--batch", 16, "--images", 64, "--seed", 5]
    call("train", data, *words, "--dry-run", "--set", *SMALL)
    assert "would go on" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before


def config_of(run: Path) -> Any:
    return json.loads((run / "config.json").read_text(encoding="utf-8"))


def test_the_configuration_of_a_run_makes_the_same_run(run: Path, tmp_path: Path) -> None:
    call("train", "--config", run / "config.json", "--out", tmp_path / "again", "--quiet")
    first, second = config_of(run), config_of(tmp_path / "again")
    assert second["data"].pop("home") != first["data"].pop("home")
    assert second == first
    for name in ("model.safetensors", "discriminator.safetensors"):
        one, other = ((p / "model" / name).read_bytes() for p in (run, tmp_path / "again"))
        assert one == other


@pytest.mark.long
def test_a_configuration_fits_other_data_and_the_command_wins(run: Path, tmp_path: Path) -> None:
    words = ["--config", run / "config.json", "--out", tmp_path / "other", "--quiet"]
    call("train", "avatars:64", *words, "--size", 32, "--seed", 0, "--set", "networks.D.width=8")
    found = config_of(tmp_path / "other")
    assert found["networks"]["G"]["options"]["width"] == 4
    assert found["networks"]["D"]["options"]["width"] == 8
    assert [found["run"][n] for n in ("seed", "images", "batch_size")] == [0, 64, 16]
    assert found["data"]["size"] == [32, 32]
    classes = found["data"]["classes"]  # of the avatars, not of the animals
    assert found["networks"]["G"]["options"]["classes"] == len(classes) != 3


def test_a_part_of_a_configuration_is_enough(tmp_path: Path) -> None:
    wanted: dict[str, Any] = {"recipe": "hinge", "run": {"images": 64, "batch_size": 16}}
    wanted["networks"] = {"G": {"options": {"width": 4, "latent": 16}}}
    (tmp_path / "wanted.json").write_text(json.dumps(wanted), encoding="utf-8")
    out = tmp_path / "run"
    ganzfeld.train("avatars:64", size=16, config=tmp_path / "wanted.json", out=out, quiet=True)
    found = config_of(out)
    assert (found["recipe"], found["run"]["images"]) == ("hinge", 64)
    assert found["networks"]["G"]["options"]["latent"] == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "no configuration"),
        ("{", "not JSON"),
        ('{"recipes": "hinge"}', "Did you mean 'recipe'"),
        ('{"networks": 3}', "should be an object"),
        ('{"run": {"imagse": 3}}', "imagse"),
        ('{"networks": {"G": {"name": "mine.py:Net"}}}', "--trust-code"),
        ('{"recipe": "mine.py:photos"}', "--trust-code"),
    ],
)
def test_a_wrong_configuration_is_one_clear_screen(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.json").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        call("train", "avatars:64", "--config", tmp_path / "wrong.json", "--out", tmp_path / "run")
    assert ended.value.code in (2, 4)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_shown_recipe_is_a_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ganzfeld.list_recipes():
        call("recipes", "--show", name)
        shown = capsys.readouterr().out
        assert json.loads(shown)["recipe"] == name
        if name == "dcgan":
            (tmp_path / "dcgan.json").write_text(shown, encoding="utf-8")
    words = ["--size", 16, "--images", 64, "--batch", 16, "--out", tmp_path / "run", "--dry-run"]
    call("train", "avatars:64", "--config", tmp_path / "dcgan.json", *words, "--set", *SMALL)
    assert "dcgan" in capsys.readouterr().out


# Samples


def test_classes_stand_in_names_and_rows(run: Path, tmp_path: Path) -> None:
    words = ["sample", run, "--count", 7, "--label", "dog", "cat", "a/b", "--seed", 3]
    call(*words, "--out", tmp_path / "drawn", "--grid", tmp_path / "rows.png")
    names = sorted(p.name for p in (tmp_path / "drawn").iterdir())
    in_turn = ["dog", "cat", "a_b", "dog", "cat", "a_b", "dog"]
    assert names == [f"3-{number:06d}-{name}.png" for number, name in enumerate(in_turn)]

    grid = np.asarray(Image.open(tmp_path / "rows.png"))
    cell, gap = 64, 2  # images of 16 pixels are shown four times as large
    assert grid.shape[:2] == (3 * (cell + gap) + gap, 3 * (cell + gap) + gap)
    for row, name in enumerate(["dog", "cat", "a_b"]):
        for column in range(3):
            number = row + 3 * column
            top, left = gap + row * (cell + gap), gap + column * (cell + gap)
            shown = grid[top : top + cell : 4, left : left + cell : 4]
            if number < 7:
                file = tmp_path / "drawn" / f"3-{number:06d}-{name}.png"
                assert np.array_equal(shown, np.asarray(Image.open(file)))
            else:
                assert (shown == 255).all()


def test_random_classes_are_named_as_they_are(run: Path, tmp_path: Path) -> None:
    call("sample", run, "--count", 12, "--out", tmp_path / "drawn", "--seed", 3)
    model = ganzfeld.load(run)
    for path in (tmp_path / "drawn").iterdir():
        _, number, name = path.stem.split("-")
        again = model.images(1, seed=3, start=int(number), labels=name.replace("_", "/"))[0]
        assert np.array_equal(np.asarray(again), np.asarray(Image.open(path)))


def test_columns(run: Path, tmp_path: Path) -> None:
    words = ["sample", run, "--count", 6, "--out", tmp_path / "drawn"]
    call(*words, "--grid", tmp_path / "grid.png", "--columns", 6)
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.size == (6 * 66 + 2, 66 + 2)


def test_a_grid_alone_needs_no_folder(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    call("sample", run, "--count", 6, "--grid", "grid.png")
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]
    assert "6 images in grid.png" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        call("sample", run, "--count", 6)
    told = capsys.readouterr()
    assert "where should" in told.out + told.err and "--grid" in told.out + told.err
    for words in (
        ("sample", run, "--count", 6, "--grid", "grid.xyz"),
        ("sample", run, "--sweep", "std=0:1", "--out", "grid.xyz"),
        ("mix", run, "0", "1", "--out", "grid.xyz"),
        ("sample", run, "--count", 6, "--grid", "grid"),
        ("translate", run, "in", "--out", "out", "--sheet", "grid.xyz"),
    ):
        with pytest.raises(SystemExit):
            call(*words)
        said = capsys.readouterr().err
        assert f"{words[-1]} should end in .png" in said and "grid.png" in said, words
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]
    table = types.SimpleNamespace(modality=MODALITIES["table"])
    with pytest.raises(UsageError, match=r"grid\.png would be no picture") as caught:
        check_sheet(Path("grid.png"), table, "--grid")
    assert caught.value.fix == "--grid grid.csv"
    check_sheet(Path("grid.csv"), table, "--grid")


# Help


@pytest.mark.parametrize("command", FUNCTIONS)
def test_help_names_values_and_shows_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    shown = capsys.readouterr().out
    assert "{None" not in shown
    assert "None)" not in shown
    assert len(EXAMPLES[command]) >= 2
    for example in EXAMPLES[command]:
        assert example in shown
    above = shown.partition("\nexamples:")[0]
    assert max(map(len, above.splitlines()[1:])) <= 80 and "\n\n\n" not in above


@pytest.mark.parametrize(
    ("command", "example"), [(c, e) for c, examples in EXAMPLES.items() for e in examples]
)
def test_examples_of_the_help_are_understood(command: str, example: str) -> None:
    words = shlex.split(example)[1:]
    if words[: len(command.split())] != command.split():  # another command, which goes with it
        command = words[0]
    words = words[len(command.split()) :]
    seen = []
    make, _ = documented(FUNCTIONS[command], command)

    @functools.wraps(make)
    def instead(*values: Any, **named: Any) -> None:
        seen.append((values, named))

    tyro.cli(instead, args=prepared(command, make, words))
    assert seen


# Values that cannot be


def of_values() -> list[tuple[str, str, Any]]:
    """Each option of each command that takes numbers or one of several words."""
    return [
        (command, name, kind)
        for command, make in FUNCTIONS.items()
        for name, kind in options(make).items()
        if kind is not bool and not {str, Path} & {*leaves(kind)}
    ]


def test_a_wrong_value_is_one_clear_sentence() -> None:
    """Of every option that takes numbers or choices, in every command."""
    assert {("serve", "--port"), ("export", "--to")} <= {case[:2] for case in of_values()}
    for command, name, _ in of_values():
        for words in ([name, "8x"], [f"{name}=8x"]):
            with pytest.raises(UsageError, match=rf"{name} takes .*, not '8x'"):
                prepared(f"ganzfeld {command}", FUNCTIONS[command], words)
        with pytest.raises(UsageError, match=f"{name} is given no value"):
            prepared(f"ganzfeld {command}", FUNCTIONS[command], [name])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("serve --port 80x", "--port takes a whole number, not '80x'"),
        ("sample avatars-model --std a", "--std takes a number, not 'a'"),
        ("export RUN --to foo", "--to takes one of onnx, page, not 'foo'"),
        ("sample RUN --cuont 3", "`ganzfeld sample` has no --cuont. Did you mean '--count'?"),
        ("sample RUN other more", "`ganzfeld sample` does not take 'other', 'more'"),
        ("study families avatars", "`ganzfeld study families` needs --minutes"),
        ("bench modes --dataset x", "`ganzfeld bench modes` has no --dataset. Did you mean"),
        ("translate --out x", "`ganzfeld translate` needs MODEL"),
        ("evaluate RUN", "`ganzfeld evaluate` needs DATA\n  fix:  ganzfeld evaluate RUN DATA"),
        ("train avatars --quiet=yes", "--quiet takes no value"),
        ("train avatars --out --quiet", "--out is given no value"),
        ("train avatars --no-images 5", "`ganzfeld train` has no --no-images. Did you mean"),
        ("train avatars -images 5", "`ganzfeld train` has no -images. Did you mean '--images'?"),
        ("train avatars --IMAGES 5", "`ganzfeld train` has no --IMAGES. Did you mean '--images'?"),
        ("doctor RUN -5", "`ganzfeld doctor` has no -5. Known: --json."),
        ("doctor RUN --=5", "`ganzfeld doctor` has no --. Known: --json."),
    ],
)
def test_words_that_cannot_be_meant(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words.split())
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error[2]: {said}") and "\n  fix:  " in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("study families avatars:9 --minutes nan", "--minutes is a number above 0, up to"),
        ("study families avatars:9 --minutes 1 --count -1", "--count is a whole number from 2 to"),
        ("study augmentation avatars:9 --minutes inf", "--minutes is a number above 0, up to"),
        ("study augmentation avatars:9 --images 0", "--images is a whole number from 1 to"),
        ("study augmentation avatars:9 --classifier-images -3", "--classifier-images is a whole"),
        ("bench modes --minutes nan", "--minutes is a number above 0, up to"),
    ],
)
def test_numbers_of_studies_are_checked_first(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words.split())
    assert stopped.value.code == 2 and capsys.readouterr().err.startswith(f"error[2]: {said}")


def test_a_file_that_is_replaced_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "grid.png"
    words = ["sample", "avatars-model", "--count", "2", "--grid", str(path), "--out", str(tmp_path)]
    main(words)
    assert "before" not in capsys.readouterr().out
    path.write_bytes(b"mine")
    main(words)
    said = "".join(capsys.readouterr().out.split())
    assert f"{path}wastherebefore:itwasreplaced" in said
    assert f"replaced3filesthat{tmp_path}heldbefore" in said  # the samples, and the grid
    assert {make.__name__ for make in FUNCTIONS.values()} >= GOING_ON
