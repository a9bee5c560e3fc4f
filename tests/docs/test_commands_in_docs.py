"""Commands, options and Python names that README and docs give do exist."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ganzfeld.cli.main import COMMANDS, GROUPS

ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for pattern in ("README*.md", "docs/*.md", "examples/*.md")
    for page in sorted(ROOT.glob(pattern))
    if page.name != "api.md"
]
MOST_WORDS = 900
SYSTEMS = ("default", "unlabelled")  # `ganzfeld default` is a row of a table, not a command


def commands(text: str) -> Iterator[str]:
    """Lines of code blocks, and code in sentences, that call ganzfeld."""
    text = re.sub(r"\\\n\s*", "", text)
    blocks = re.findall(r"```.*?```", text, flags=re.DOTALL)
    indented = re.findall(r"^ {4,}(.*)$", text, flags=re.MULTILINE)
    inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in [*"\n".join(blocks).splitlines(), *indented, *inline]:
        found = re.search(r"(?:^|\s|&& |-m )ganzfeld ([a-z][^|&]*)", line.replace("\n", " "))
        if found and "import" not in line and not found[1].startswith(SYSTEMS):
            yield found[1]


def options(command: Callable[..., None]) -> set[str]:
    known = {"--help"}
    for name, parameter in inspect.signature(command).parameters.items():
        named = re.search(r"name=['\"]([\w-]+)", str(parameter.annotation))
        word = named[1] if named else name.replace("_", "-")
        known |= {f"--{word}", f"--no-{word}"}
    return known


def faults(line: str) -> list[str]:
    """What of a command does not exist."""
    words = shlex.split(line, comments=True)
    name, rest = words[0], words[1:]
    if name in GROUPS:
        if not rest:
            return []
        known, name, rest = GROUPS[name][1], rest[0], rest[1:]
    else:
        known = COMMANDS
    name = name.rstrip(".,:")
    if name not in known:
        return [f"ganzfeld {line}: there is no {name}"]
    flags = [word.partition("=")[0].rstrip(".,;:") for word in rest if re.match("--[a-z]", word)]
    return [f"ganzfeld {line}: no {flag}" for flag in flags if flag not in options(known[name])]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_and_their_options_exist(page: Path) -> None:
    found = [fault for line in commands(page.read_text("utf-8")) for fault in faults(line)]
    assert not found, "\n".join(found)


def names(text: str) -> Iterator[tuple[str, str]]:
    """(module, name) of what Python code on a page imports or calls out of ganzfeld."""
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ganzfeld"):
                yield from ((str(node.module), alias.name) for alias in node.names)
    for dotted in re.findall(r"`(ganzfeld(?:\.[a-z_]\w*)+)[`(]", text):
        module, _, name = dotted.rpartition(".")
        yield module, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_python_names_exist(page: Path) -> None:
    for module, name in names(page.read_text("utf-8")):
        assert there(module, name), f"{page.name}: {module} has no {name}"


def there(module: str, name: str) -> bool:
    """Whether a module, or a class or a package in it, has such a name or such a module."""
    try:
        return hasattr(importlib.import_module(module), name) or bool(
            importlib.util.find_spec(f"{module}.{name}")
        )
    except ModuleNotFoundError:
        outer, _, last = module.rpartition(".")
        return bool(outer) and hasattr(getattr(importlib.import_module(outer), last, None), name)


def test_faults_are_seen() -> None:
    assert faults("train photos/ --epochs 3") and faults("trian photos/")
    assert not faults("sample --from face.png --no-mark  # --epochs") and not faults("data check x")
    assert not there("ganzfeld.core", "nowhere") and not there("ganzfeld.nowhere", "load")
    assert there("ganzfeld", "load") and there("ganzfeld.core", "latents")
    assert list(names("```python\nfrom ganzfeld.a import b\n```")) == [("ganzfeld.a", "b")]
    assert list(commands("`ganzfeld x`\n```\ny && ganzfeld z \\\n   --a\n```")) == ["z --a", "x"]


def test_the_readme_stays_short() -> None:
    words = [word for word in (ROOT / "README.md").read_text("utf-8").split() if word != "|"]
    assert len(words) <= MOST_WORDS
