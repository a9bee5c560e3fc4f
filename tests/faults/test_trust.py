"""Nothing that comes from a folder runs, whatever is done with the folder, unless it is trusted.

The walk follows the table of commands and the public names, so that new ones are in it.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import py_compile
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.core import checkpoint, files, foreign, plugins
from ganzfeld.errors import ForeignCodeError, GanzfeldError, UsageError
from ganzfeld.models import folder as shipping

COMMANDS = {(name,): command for name, command in main.COMMANDS.items()} | {
    (group, name): command
    for group, (_, own) in main.GROUPS.items()
    for name, command in own.items()
}
SECONDS = 6
TINY = ["networks.*.width=4", "run.threads=1"]
CODE = """
from pathlib import Path
Path({mark!r}).write_text("it ran")
from ganzfeld.networks.dcgan import DCGANDiscriminator as D, DCGANGenerator as G
from ganzfeld.games import Adversarial as Game
"""


class Enough(BaseException):
    """Names are followed in a command's first seconds; long work after them is not the matter."""


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: Any) -> None:
        raise Enough

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def train(out: Path, *settings: str, images: int = 64) -> None:
    ganzfeld.train(
        "avatars:64", recipe="dcgan", size=16, images=images, batch=16, out=out,
        settings=[*TINY, *settings], quiet=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("clean") / "run"
    train(out)
    return out


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


@pytest.fixture
def hostile(clean: Path, tmp_path: Path, mark: Path) -> Path:
    """A run every name of which leads to code that leaves a mark."""
    run = tmp_path / "hostile"
    shutil.copytree(clean, run)
    (run / "own.py").write_text(CODE.format(mark=str(mark)))
    names = {"name": f"{run}/own.py:G", "recipe": f"{run}/own.py:D", "decay": f"{run}/own.py:G"}
    names |= {"extractor": f"{run}/own.py:G", "augment": f"{run}/own.py:G"}

    def poisoned(tree: Any) -> Any:
        if isinstance(tree, list):
            return [poisoned(value) for value in tree]
        if not isinstance(tree, dict):
            return tree
        return {key: names.get(key, poisoned(value)) for key, value in tree.items()}

    for path in [run / "config.json", run / "model" / "config.json", run / "evaluation.json"]:
        path.write_text(json.dumps(poisoned(json.loads(path.read_text()))))
    for folder in (run / "checkpoints").glob("images-*"):
        state = folder / "state.json"
        state.write_text(json.dumps(poisoned(json.loads(state.read_text()))))
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest.pop("sha256")
        data = state.read_bytes()
        state.unlink()
        manifest["files"]["state.json"] = files.write(state, data)
        (folder / "manifest.json").write_bytes(checkpoint.sealed(manifest))
    return run


def words_of(command: Callable[..., None], folder: Path, out: Path) -> list[str]:
    """What to call a command with: the folder wherever something may be given, and little work."""
    given = {
        "out": str(out), "count": "2", "seeds": "1,2", "minutes": "0.001", "images": "64",
        "size": "16", "recipe": "dcgan", "which": "last", "init": str(folder), "seed": "0",
        "batch": "16",
    }  # fmt: skip
    words = []
    for name, parameter in inspect.signature(command).parameters.items():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            words.append(str(folder))
            if "tuple" in str(parameter.annotation):
                words.append(str(folder))
        elif parameter.default is parameter.empty or name in ("init", "which"):
            words += [f"--{name.replace('_', '-')}", given.get(name, str(folder))]
    return words


@pytest.mark.long
@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("inner", ["", "model"])
def test_no_command_runs_what_a_folder_names(
    name: tuple[str, ...], inner: str, hostile: Path, tmp_path: Path, mark: Path
) -> None:
    out = tmp_path / "out.png" if name[0] in ("progress", "interpolate") else tmp_path / "out"
    code: Any = 0
    with contextlib.suppress(Enough), at_most(SECONDS):
        try:
            main.main([*name, *words_of(COMMANDS[name], hostile / inner, out)])
        except SystemExit as end:
            code = end.code
    assert not mark.exists()
    assert code != 70


@pytest.mark.parametrize(
    "name", [n for n in ganzfeld.__all__ if inspect.isfunction(getattr(ganzfeld, n))]
)
def test_no_public_function_runs_what_a_folder_names(
    name: str, hostile: Path, tmp_path: Path, mark: Path
) -> None:
    function = getattr(ganzfeld, name)
    first = next(iter(inspect.signature(function).parameters), None)
    if first is None:
        assert function() and not mark.exists()
        return
    given: list[Any] = [[hostile, hostile]] if first == "paths" else [hostile]
    more = {"data": "avatars:64", "images": 64, "out": tmp_path / "out", "init": hostile}
    known = inspect.signature(function).parameters
    options = {key: value for key, value in more.items() if key in known}
    if name == "train":
        given, options["size"] = ["avatars:64"], 16
        options["recipe"], options["settings"], options["quiet"] = "dcgan", TINY, True
    with contextlib.suppress(GanzfeldError):
        function(*given, **options)
    assert not mark.exists()


def test_the_same_folder_runs_it_where_it_is_trusted(hostile: Path, mark: Path) -> None:
    with pytest.raises(ForeignCodeError):
        ganzfeld.load(hostile)
    assert not mark.exists()
    with contextlib.suppress(GanzfeldError):  # its discriminator is none
        ganzfeld.load(hostile / "model", trust_code=True)
    assert mark.exists()


@pytest.mark.parametrize("name", ["os:system", "antigravity:x", "own.py:G"])
def test_a_name_from_a_file_is_refused_wherever_it_comes_by(name: str) -> None:
    with pytest.raises(ForeignCodeError):
        plugins.find(foreign.foreign(name), {}, "network")


@pytest.mark.parametrize("name", [":", "os:", ":system", "a b:c", "os:system()", "x/y:z", "::"])
def test_only_names_of_the_form_of_code_are_looked_up(name: str) -> None:
    with pytest.raises(UsageError, match="no recipe is called"):
        plugins.find(name, {"dcgan": None}, "recipe")


def test_a_compiled_file_beside_a_users_file_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from pathlib import Path\nPath(__file__).with_name('mark').touch()\n")
    py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    file.write_text("mine = 1\n")
    assert plugins.load_module(str(file)).mine == 1
    assert not (tmp_path / "mark").exists()


def test_a_users_file_stands_for_no_other_module(tmp_path: Path) -> None:
    import queue

    (tmp_path / "queue.py").write_text("mine = 1\n")
    module = plugins.load_module(str(tmp_path / "queue.py"))
    assert module.mine == 1 and module.__name__.startswith("ganzfeld_user.queue_")
    assert sys.modules["queue"] is queue
    assert plugins.load_module(str(tmp_path / "queue.py")) is module
    (tmp_path / "queue.py").write_text("mine = 2\n")
    assert plugins.load_module(str(tmp_path / "queue.py")).mine == 2


def own_run(tmp_path: Path, mark: Path) -> tuple[Path, Path]:
    code = tmp_path / "mine.py"
    code.write_text(CODE.format(mark=str(mark)))
    train(tmp_path / "run", f"networks.G.name={code}:G")
    return tmp_path / "run", code


@pytest.mark.long
def test_a_run_of_ones_own_goes_on_without_the_flag(tmp_path: Path, mark: Path) -> None:
    run, code = own_run(tmp_path, mark)
    ganzfeld.resume(run, images=128, quiet=True)
    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    with pytest.raises(ForeignCodeError):  # the note is of another place
        ganzfeld.resume(moved, images=192, quiet=True)
    ganzfeld.resume(moved, images=192, quiet=True, trust_code=True)
    code.write_text(code.read_text() + "# changed\n")
    with pytest.raises(ForeignCodeError):  # and of other code
        ganzfeld.resume(run, images=192, quiet=True)


def test_a_model_ships_with_its_users_code(tmp_path: Path, mark: Path) -> None:
    run, code = own_run(tmp_path, mark)
    model = tmp_path / "given"
    shutil.copytree(run / "model", model)
    shutil.rmtree(run)
    code.unlink()
    mark.unlink()
    text = (model / "config.json").read_text() + (model / "README.md").read_text()
    assert str(tmp_path) not in text
    about = shipping.read_about(model)
    assert about["generator"]["name"] == "mine.py:G" and "mine.py" in about["code"]
    with pytest.raises(ForeignCodeError):
        ganzfeld.load(model)
    assert not mark.exists()
    assert ganzfeld.load(model, trust_code=True).sample(2).shape == (2, 3, 16, 16)
    (model / "mine.py").write_text("raise SystemExit")
    with pytest.raises(GanzfeldError, match=r"mine\.py"):
        ganzfeld.load(model, trust_code=True)
