"""Links in a run's folder, where files of the run should be: what they lead to stays as it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.core import checkpoint
from ganzfeld.training.verify import verify_run

pytestmark = pytest.mark.long

TINY = ["networks.*.width=4", "run.threads=1", "run.evaluate_every=640", "run.save_every=320"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ganzfeld.train(
        "avatars:64", recipe="dcgan", size=16, images=640, batch=16, settings=TINY, quiet=True,
        out=tmp_path_factory.mktemp("finished") / "run",
    ).path  # fmt: skip


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def precious(finished: Path, tmp_path: Path) -> Path:
    """A folder of somebody's, with what a run also has, and a folder in it."""
    home = tmp_path / "precious"
    shutil.copytree(finished / "model", home)
    shutil.copytree(newest(finished), home / "images-000000000640")
    (home / "diary").write_text("mine")
    return home


def newest(run: Path) -> Path:
    return checkpoint.listing(run / "checkpoints")[0]


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def ends(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    try:
        main.main(words)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    text = capsys.readouterr()
    return code, text.out + text.err


NAMES = (".tmp-1", ".del-x", ".del-images-000000000999-0a", ".tmp-model-1")
FEW = {("", ".tmp-model-1"), *(("checkpoints", name) for name in NAMES[1:3])}


@pytest.mark.parametrize(
    ("place", "name"),
    [
        pytest.param(place, name, marks=[] if (place, name) in FEW else [pytest.mark.slow])
        for place in ("", "checkpoints", "samples")
        for name in NAMES
    ],
)
def test_a_link_under_a_name_that_is_cleared_away_takes_nothing_with_it(
    place: str, name: str, run: Path, precious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(precious)
    links = [run / place / name, run / place / f"{name}-file", run / place / f"{name}-nowhere"]
    targets = [precious, precious / "diary", precious / "none"]
    if name.startswith(".del-images"):  # a whole checkpoint that lies elsewhere
        targets[0] = precious / "images-000000000640"
    for link, target in zip(links, targets, strict=True):
        link.symlink_to(target)
    code, text = ends(["resume", str(run), "--images", "672", "--quiet"], capsys)
    assert code == 0, text
    assert contents(precious) == before and not (precious / "none").exists()
    assert not any(os.path.lexists(link) for link in links)
    assert not (run / "checkpoints" / "images-000000000999").exists()


def test_a_link_in_place_of_the_model_is_replaced_and_not_followed(
    run: Path, precious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(precious)
    shutil.rmtree(run / "model")
    (run / "model").symlink_to(precious)
    code, text = ends(["resume", str(run), "--images", "672", "--quiet"], capsys)
    assert code == 0, text
    assert contents(precious) == before
    assert (run / "model").is_dir() and not (run / "model").is_symlink()
    assert [row for row in verify_run(run) if row[1]] == []


def test_a_link_in_place_of_a_checkpoint_is_pruned_alone(
    run: Path, precious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(precious)
    (run / "checkpoints" / "images-000000000001").symlink_to(precious / "images-000000000640")
    for number in range(2, 6):
        (run / "checkpoints" / f"images-{number:012d}").symlink_to(precious)
    code, text = ends(["resume", str(run), "--images", "1600", "--quiet"], capsys)
    assert code == 0, text
    assert contents(precious) == before
    assert not [p for p in (run / "checkpoints").iterdir() if p.is_symlink()]


@pytest.mark.parametrize("name", ["lock", "metrics.jsonl"])
@pytest.mark.parametrize("target", ["diary", "none", "pipe", "."])
def test_what_is_written_in_place_goes_through_no_link(
    name: str, target: str, run: Path, precious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(precious / "pipe")
    before = contents(precious)
    (run / name).unlink()
    (run / name).symlink_to(precious / target)
    code, text = ends(["resume", str(run), "--images", "672", "--quiet"], capsys)
    assert contents(precious) == before and not (precious / "none").exists()
    if name == "lock":
        assert code == 4 and str(run / name) in text, text
    else:  # the log is written anew, in place of the link
        assert (code == 0 and not (run / name).is_symlink()) or (code == 4 and name in text), text


@pytest.mark.parametrize("name", ["lock", "metrics.jsonl"])
def test_nor_does_a_run_that_begins_in_such_a_folder(
    name: str, tmp_path: Path, precious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new"
    out.mkdir()
    (out / name).symlink_to(precious / "none")
    words = [
        "train",
        "avatars:64",
        "--recipe",
        "dcgan",
        "--size",
        "16",
        "--images",
        "64",
        "--batch",
    ]
    words += ["16", "--out", str(out), "--quiet", "--set", "networks.*.width=4", "run.threads=1"]
    code, text = ends(words, capsys)
    assert code == 4 and str(out / name) in text, text
    assert not (precious / "none").exists() and not (out / "model").exists()


@pytest.mark.parametrize("kind", ["pipe", "folder"])
@pytest.mark.parametrize("name", ["lock", "metrics.jsonl"])
def test_a_pipe_or_a_folder_in_their_place_is_named(
    name: str, kind: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / name).unlink()
    os.mkfifo(run / name) if kind == "pipe" else (run / name).mkdir()
    code, text = ends(["resume", str(run), "--images", "672", "--quiet"], capsys)
    assert code == 4 and str(run / name) in text, text


@pytest.mark.parametrize("place", ["outside", "inside"])
@pytest.mark.parametrize("name", ["checkpoints", "samples", "model"])
def test_folders_of_a_run_that_are_links_are_not_written_through(
    name: str, place: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after moving `checkpoints` to a larger disk: nothing there is written or deleted."""
    home = tmp_path / "large" if place == "outside" else run / "kept"
    shutil.copytree(run / name, home)
    shutil.rmtree(run / name)
    (run / name).symlink_to(home)
    before = contents(home)
    code, text = ends(["resume", str(run), "--images", "672", "--quiet"], capsys)
    assert contents(home) == before
    if name == "model":  # replaced as a whole, as ever
        assert code == 0 and not (run / "model").is_symlink(), text
    else:
        assert code == 4 and f"{run / name} is a link" in text, text
        for command in (["report", str(run)], ["checkpoint", "verify", str(run)]):
            assert ends(command, capsys)[0] == 0  # what only reads goes on
    assert contents(home) == before


@pytest.mark.parametrize("name", ["checkpoints", "samples", "data"])
def test_nor_by_a_run_that_begins(
    name: str, tmp_path: Path, precious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(precious)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / name).symlink_to(precious)
    words = ["train", "avatars:64", "--recipe", "dcgan", "--size", "16", "--images", "64"]
    words += ["--batch", "16", "--out", str(tmp_path / "new"), "--quiet"]
    code, text = ends([*words, "--set", "networks.*.width=4", "run.threads=1"], capsys)
    assert code == 4 and "is a link" in text, text
    assert contents(precious) == before


@pytest.mark.parametrize("kind", ["folder", "link", "copy"])
def test_a_name_of_a_checkpoint_is_not_believed(
    run: Path, precious: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """An empty folder, a link or a copy named after more images than the run has seen."""
    last, fake = newest(run), run / "checkpoints" / "images-000000999999"
    shipped = (run / "model" / "model.safetensors").read_bytes()
    if kind == "folder":
        fake.mkdir()
    elif kind == "link":
        fake.symlink_to(precious)
    else:
        shutil.copytree(last, fake)
    found, _ = checkpoint.newest(run / "checkpoints")
    assert found is not None and found.manifest["images"] == 640
    assert ganzfeld.load(run).about["images_seen"] == 640
    code, told = ends(["resume", str(run), "--images", "640"], capsys)
    assert code == 0 and "999,999" not in told.replace("images-000000999999", "")
    assert (run / "model" / "model.safetensors").read_bytes() == shipped
    code, told = ends(["resume", str(run), "--images", "320"], capsys)
    assert code == 2 and "has seen 640 images" in told
    for path in checkpoint.listing(run / "checkpoints"):
        if path != fake:
            shutil.rmtree(path)
    assert ganzfeld.load(run).about["images_seen"] == 640, "its model is whole"
