"""The house: imports go down from layer to layer, never in a circle; few files at the root."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import ganzfeld

PACKAGE = Path(ganzfeld.__file__).parent
LAYERS = [
    {"version", "text", "errors", "config"},
    {"core"},
    {"modalities"},
    {"data", "networks", "games", "recipes"},
    {"models"},
    {"metrics"},
    {"doctor"},
    {"report"},
    {"shipping"},
    {"training"},
    {"studies"},
    {"cli"},
]
RANK = {name: level for level, names in enumerate(LAYERS) for name in names}
GROUND = {"version", "text", "errors"}  # what all may import
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Modules of the package that a file imports: in functions and for types, too."""
    return tuple(found_in(path))


def found_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ganzfeld":
            base = (node.module or "").removeprefix("ganzfeld").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield inner if inner in MODULES else base


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_down(path: Path) -> None:
    home = path.relative_to(PACKAGE).parts[0]
    for other in imported(path):
        room = other.split(".")[0]
        if room not in {home, *GROUND}:
            assert RANK.get(room, 99) < RANK[home], f"{module_of(path)} imports {other}"


def test_nothing_imports_itself_in_a_circle() -> None:
    edges = {
        name: {other for other in imported(path) if other and other != name}
        for name, path in MODULES.items()
        if name and name != "__main__"
    }
    left = dict(edges)
    while left:  # take away what imports nothing that is left
        free = [name for name, others in left.items() if not others & left.keys()]
        assert free, f"these import each other in a circle: {sorted(left)}"
        for name in free:
            del left[name]


def test_a_model_is_used_without_the_trainer() -> None:
    for package in ("models", "metrics", "report"):
        for path in (PACKAGE / package).rglob("*.py"):
            assert not any(other.startswith("training") for other in imported(path)), path


def test_few_files_lie_at_the_root_and_each_package_says_what_it_is() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 8
    packages = {path.parent for path in PACKAGE.glob("*/__init__.py")}
    assert {package.name for package in packages} == set(RANK) - GROUND - {"config"}
    for package in packages:
        assert len((package / "README.md").read_text("utf-8").splitlines()) >= 3, package.name


def test_no_two_test_files_share_a_name() -> None:
    """pytest imports test files by their base name: two of one name stop the whole collection."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


# What may name a kind of sample or a task outside of their rooms, and why. `data` finds out of
# which kind files are, so the word stands there.
ROOMS = {"modalities", "models/generation.py", "models/translation.py", "training/tasks.py"}
NAMED = {
    "cli/options.py": "the values of an option",
    "data/given.py": "whether a user's object is data that are open already",
    "games/translation.py": "a pool keeps its fakes in 8 bits, in the type that they came in",
    "metrics/features.py": "a protocol says in words what an extractor is given",
    "metrics/kinds.py": "the table of what measures each kind",
    "models/open.py": "whether data are open already, in the one place that opens them",
    "recipes/gan.py": "the table of recipes says what each is for",
    "shipping/page.py": "the table of the kinds that a page's script draws",
    "shipping/page_facts.py": "the script is told what a translator makes",
    "shipping/page_html.py": "the table of the files that each kind's page has",
    "training/run.py": "the usual name of a column, in a docstring",
}
ASKS = re.compile(r'[!=]= "translation"|isinstance\(.*\b(Pack|TwoDomains)\b|127\.5')
KIND = re.compile(rf'"image"|{ASKS.pattern}')


def test_no_code_asks_which_kind_of_sample_or_task_it_is() -> None:
    """A new kind or task must not need changes everywhere: ask the modality or the task."""
    for path in FILES:
        name = path.relative_to(PACKAGE).as_posix()
        if name in ROOMS or name.split("/")[0] in ROOMS or name in NAMED:
            continue
        asks = ASKS if name.startswith("data/") else KIND
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            assert not asks.search(line), f"{name}:{number} {line.strip()}"
    for name in NAMED:
        assert KIND.search((PACKAGE / name).read_text("utf-8")), f"{name} asks no more: take it out"
