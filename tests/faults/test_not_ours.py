"""What a user or a stranger put into a run's folders: kept, or refused in our words."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.core import checkpoint, lock, marks
from ganzfeld.errors import CheckpointError, ResourceError

TINY = ["networks.*.width=4", "run.threads=1", "run.evaluate_final=false"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("not-ours") / "run"
    ganzfeld.train(
        "avatars:64", recipe="dcgan", size=16, images=64, batch=32, out=out, settings=TINY,
        quiet=True,
    )  # fmt: skip
    return out


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "run")


def code_of(*words: str) -> Any:
    try:
        main.main(list(words))
    except SystemExit as end:
        return end.code
    return 0


def test_what_a_user_put_into_the_model_is_kept_when_the_run_goes_on(run: Path) -> None:
    (run / "model" / "onnx").mkdir()
    (run / "model" / "onnx" / "model.onnx").write_text("mine")
    (run / "model" / "notes.txt").write_text("mine")
    (run / "model" / "__pycache__").mkdir()  # which Python once wrote beside code
    done = ganzfeld.resume(run, images=128, quiet=True)
    assert sorted(p.name for p in (run / "model").iterdir()) == [
        "README.md", "config.json", "discriminator.safetensors", "model.safetensors",
    ]  # fmt: skip
    assert (run / "model-kept" / "notes.txt").read_text() == "mine"
    assert (run / "model-kept" / "onnx" / "model.onnx").read_text() == "mine"
    (run / "model" / "notes.txt").write_text("another")
    ganzfeld.resume(run, images=192, quiet=True)
    assert {p.read_text() for p in (run / "model-kept").glob("notes*")} == {"mine", "another"}
    assert ganzfeld.load(done.path).sample(1).shape[0] == 1


@pytest.mark.parametrize("name", ["report.html", "evaluation.json"])
def test_a_folder_in_place_of_a_file_stays_and_is_named(
    name: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / name).unlink(missing_ok=True)
    (run / name / "own").mkdir(parents=True)
    before = (run / "model" / "config.json").read_bytes()
    assert code_of("resume", str(run), "--images", "128", "--quiet") == 5
    assert name in capsys.readouterr().err
    assert (run / name / "own").is_dir()
    assert (run / "model" / "config.json").read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda mark: mark.update(label="9" * 5000),
        lambda mark: mark.update(numbers=["a"]),
        lambda mark: mark.update(numbers=[[1], [1, 2]]),
        lambda mark: mark.update(numbers=[{}]),
        lambda mark: mark.update(seed="9" * 5000),
        lambda mark: mark.update(index=10**18),
        lambda mark: mark.update(directions={"9" * 5000: 1}),
        lambda mark: mark.update(directions={"0": "x"}),
        lambda mark: mark.update(directions={"99": 1}),
        lambda mark: mark.update(mean=[1], std={}),
    ],
)
def test_a_strangers_mark_is_refused_or_drawn(
    change: Callable[[dict[str, Any]], None],
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert code_of("sample", str(run), "--count", "1", "--out", str(tmp_path / "o")) == 0
    (file,) = (tmp_path / "o").glob("*.png")
    mark = marks.read(file)
    assert mark is not None
    change(mark)
    forged = tmp_path / "forged.png"
    ganzfeld.load(run).modality.save_marked(
        ganzfeld.load(run).store(ganzfeld.load(run).sample(1))[0],
        forged, ganzfeld.load(run).spec, mark,
    )  # fmt: skip
    assert code_of("sample", str(run), "--from", str(forged)) in (0, 2, 4)
    assert "bug" not in capsys.readouterr().err


def test_a_class_of_5000_digits_is_no_class(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(run / "x.png")
    assert code_of("sample", str(run), "--label", "9" * 5000, "--out", out) == 2
    assert code_of("mix", str(run), "9" * 5000, "1", "--out", out) == 2
    assert len(capsys.readouterr().err) < 2000


def as_nobody(work: Callable[[], Any]) -> bytes:
    """What it returns in a process without the rights of root, which may read everything."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(writer, str(work()).encode()[:4000])
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


def test_checkpoints_that_may_not_be_read_are_not_said_to_be_gone(tmp_path: Path) -> None:
    home = Path(tempfile.mkdtemp())  # which others may enter, unlike those of pytest
    home.chmod(0o755)
    (home / "checkpoints" / "images-000000000064").mkdir(parents=True)
    (home / "checkpoints").chmod(0)

    def listed() -> Any:
        try:
            return checkpoint.listing(home / "checkpoints")
        except CheckpointError as error:
            return error.what

    try:
        assert b"cannot be read: Permission denied" in as_nobody(listed)
    finally:
        (home / "checkpoints").chmod(0o755)
        shutil.rmtree(home)
    assert checkpoint.listing(tmp_path / "none") == []
    (tmp_path / "file").write_text("x")
    assert checkpoint.listing(tmp_path / "file") == []


def test_a_probe_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ganzfeld.core.system.replace", full)
    with pytest.raises(ResourceError, match=r"written: No space left on device\n"):
        lock.check_writable(tmp_path / "run", 0)
    assert list((tmp_path / "run").iterdir()) == []


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose report shows the closest training images."""
    out = tmp_path_factory.mktemp("measured") / "run"
    ganzfeld.train(
        "avatars:64", recipe="dcgan", size=16, images=64, batch=32, out=out, settings=TINY[:2],
        quiet=True,
    )  # fmt: skip
    return out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("generated", 10**9), ("generated", 10**12), ("generated", 0), ("seed", 0.5),
        ("seed", -3), ("seed", 2**64), ("reference", 10**12), ("reference", 0),
    ],
)  # fmt: skip
def test_a_report_is_written_whatever_its_evaluation_says(
    name: str, value: Any, measured: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(measured, tmp_path / "run")
    found = json.loads((run / "evaluation.json").read_bytes())
    assert found["memorisation_pairs"]
    found["protocol"][name] = value
    (run / "evaluation.json").write_text(json.dumps(found))
    (run / "report.html").unlink()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert code_of("report", str(run)) == 0
    assert "left out" in (run / "report.html").read_text().lower()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10


@pytest.mark.parametrize("name", ["evaluate_count", "inception_count", "patience", "log_every"])
def test_counts_of_a_strangers_run_take_no_memory(
    name: str, measured: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(measured, tmp_path / "run")
    found = json.loads((run / "config.json").read_bytes())
    found["run"] |= {name: 10**6 if name == "inception_count" else 10**14, "evaluate_every": 32}
    (run / "config.json").write_text(json.dumps(found))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert code_of("resume", str(run), "--images", "128", "--quiet") in (0, 2, 4)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10
