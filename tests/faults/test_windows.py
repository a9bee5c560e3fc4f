"""Other systems: what POSIX alone has is hidden, and runs train, go on, draw and are measured.

Windows itself was not at hand. What it lacks is taken away here, in every process, and its
`msvcrt.locking` is there instead, made of the record locks of POSIX.
"""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ganzfeld
from faults.command import SETTINGS
from ganzfeld.core import system
from ganzfeld.data import pack

pytestmark = pytest.mark.long

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
OF_OS = (
    *("O_NONBLOCK", "O_DIRECTORY", "O_NOFOLLOW", "O_NOCTTY", "O_CLOEXEC", "O_SYNC"),
    *("fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "getgroups", "setsid"),
    *("pwrite", "pread", "mkfifo", "mknod", "sysconf", "sched_getaffinity", "getloadavg"),
    *("fstatvfs", "chown", "fchmod", "killpg", "getpgid", "wait3", "wait4", "nice"),
)
OF_SIGNAL = ("SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGQUIT", "SIGPIPE", "SIGCHLD")
OF_SIGNAL_TOO = ("alarm", "setitimer", "pthread_sigmask", "sigwait", "pause")

HIDE = f"""
import fcntl as real, importlib.abc, os, signal, struct, subprocess, sys, types

class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {MODULES!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in {MODULES!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hidden())
for module, names in ((os, {OF_OS!r}), (signal, {OF_SIGNAL + OF_SIGNAL_TOO!r})):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

def locking(descriptor, mode, size):
    assert mode in (msvcrt.LK_NBLCK, msvcrt.LK_UNLCK), mode
    kind = real.LOCK_UN if mode == msvcrt.LK_UNLCK else real.LOCK_EX | real.LOCK_NB
    start = os.lseek(descriptor, 0, os.SEEK_CUR)
    real.lockf(descriptor, kind, size, start, os.SEEK_SET)

msvcrt = types.ModuleType("msvcrt")
msvcrt.LK_UNLCK, msvcrt.LK_LOCK, msvcrt.LK_NBLCK = 0, 1, 2
msvcrt.locking = locking
sys.modules["msvcrt"] = msvcrt
os.open_was = os.open

def open_no_folder(path, flags, *more, **named):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", path)
    return os.open_was(path, flags, *more, **named)

os.open = open_no_folder  # Windows opens no folders
os.system_name = "nt"
"""


@pytest.fixture
def hidden(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Python process lacks what POSIX alone has."""
    place = tmp_path / "other-system"
    place.mkdir()
    (place / "sitecustomize.py").write_text(HIDE)
    source = str(Path(ganzfeld.__file__).parents[1])
    path = os.pathsep.join([str(place), source])
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def test_hidden_is_hidden(hidden: dict[str, str], tmp_path: Path) -> None:
    code = "import os, signal\nassert not hasattr(os, 'getuid') and not hasattr(signal, 'SIGHUP')\n"
    code += "try: import fcntl\nexcept ImportError: print('gone')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=hidden, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.strip() == "gone", done.stderr


COMMANDS = """
import json, sys
from ganzfeld.cli.main import main

for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as end:
        assert not end.code, (words, end.code)
"""


def test_a_run_from_its_data_to_its_report(hidden: dict[str, str], tmp_path: Path) -> None:
    small = ["--size", "16", "--batch", "16", "--images", "64", "--out", "run", "--set", *SETTINGS]
    measured = ["--count", "8", "--reference", "8", "--json", "e.json", "--extractor", "random"]
    commands = [
        ["train", "avatars:64", *small],
        ["resume", "run", "--images", "128"],
        ["checkpoint", "verify", "run"],
        ["sample", "run", "--count", "8", "--out", "drawn"],
        ["evaluate", "run", "drawn", *measured],
        ["report", "run"],
    ]
    words = [sys.executable, "-c", COMMANDS, json.dumps(commands)]
    done = subprocess.run(
        words, env=hidden, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "whole" in done.stdout
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 8
    assert json.loads((tmp_path / "e.json").read_text())
    assert (tmp_path / "run" / "report.html").exists()


def test_two_processes_do_not_take_one_run(hidden: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom ganzfeld.core.lock import locked\n"
        "with locked(Path('.')):\n print('held', flush=True)\n sys.stdin.read()"
    )
    words = [sys.executable, "-c", code]
    first = subprocess.Popen(
        words, env=hidden, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdout.readline().strip() == "held"
    second = subprocess.run(
        words, env=hidden, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert "InUseError" in second.stderr
    assert str(first.pid) in second.stderr  # the lock leaves what the file says readable
    first.communicate("")
    third = subprocess.run(
        words, env=hidden, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert third.returncode == 0, third.stderr


@functools.cache
def nodes() -> list[tuple[Path, list[ast.AST]]]:
    """All that each module of the package is made of."""
    paths = sorted(Path(ganzfeld.__file__).parent.rglob("*.py"))
    return [(path, list(ast.walk(ast.parse(path.read_text("utf-8"))))) for path in paths]


def test_only_one_module_knows_what_posix_alone_has() -> None:
    for path, within in nodes():
        if path == Path(system.__file__):
            continue
        for node in within:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not set(names) & {*MODULES, "msvcrt"}, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                banned = {"os": OF_OS, "signal": (*OF_SIGNAL, *OF_SIGNAL_TOO)}
                guarded = path.name == "workers.py" and node.attr == "sched_getaffinity"
                assert node.attr not in banned.get(node.value.id, ()) or guarded, (
                    f"{path}: {node.attr}"
                )


def test_text_is_read_as_utf_8_on_every_system() -> None:
    for path, within in nodes():
        for node in within:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                named = {word.arg for word in node.keywords}
                text = node.func.attr in ("read_text", "write_text")
                plain = path.name == "speed.py"  # digits, of Linux alone
                assert not text or plain or "encoding" in named, f"{path}:{node.lineno}"


def test_a_file_that_is_looked_at_is_replaced_as_soon_as_that_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tries = []
    real = os.replace

    def busy(source: Any, target: Any) -> None:
        tries.append(source)
        if len(tries) < 4:
            raise PermissionError(13, "in use")
        real(source, target)

    (tmp_path / "new").write_bytes(b"new")
    monkeypatch.setattr(system, "PAUSE", 0)
    monkeypatch.setattr(system.os, "replace", busy)
    with pytest.raises(PermissionError):  # elsewhere it says what it means
        system.replace(tmp_path / "new", tmp_path / "old")
    monkeypatch.setattr(system.os, "name", "nt")
    system.replace(str(tmp_path / "new"), str(tmp_path / "old"))
    monkeypatch.setattr(system.os, "name", "posix")
    assert (tmp_path / "old").read_bytes() == b"new"


def test_a_damaged_pack_that_somebody_maps_does_not_stop_a_new_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = pack.open_pack("avatars:8", pack.PackOptions(size=(8, 8)), cache=tmp_path)
    first.path.write_bytes(first.path.read_bytes()[:-1] + b"?")
    real = os.replace

    def mapped(source: Any, target: Any) -> None:
        if Path(target) == first.path:
            raise PermissionError(13, "a user-mapped section is open")
        real(source, target)

    monkeypatch.setattr(system.os, "replace", mapped)
    again = pack.open_pack("avatars:8", pack.PackOptions(size=(8, 8)), cache=tmp_path)
    assert again.path != first.path
    assert again.fingerprint == first.fingerprint
    third = pack.open_pack("avatars:8", pack.PackOptions(size=(8, 8)), cache=tmp_path)
    assert third.reused


def test_memory_is_counted_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    monkeypatch.setattr(system.sys, "platform", "darwin")
    assert here <= system.peak_memory() < 2 * here
    monkeypatch.setattr(system.sys, "platform", "linux")
    assert 1024 * here <= system.peak_memory() < 2048 * here
