"""The sentences that the code says to its users, read from the source: what a catalogue must have.

A sentence is a template: fixed text, "{n}" for a number, and for anything else a field that is
called as in the source, such as "{path}". Errors have three parts, each of them one template;
screens have lines. What is no prose, such as a command to type, is left out.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import ganzfeld
from ganzfeld.core import language

PACKAGE = Path(ganzfeld.__file__).parent
SAYS = {"tell", "say", "note", "warn"}  # functions and methods of screens
FIELD = re.compile(r"\{(\w+)\}")
NAMES = ("Qu7x", "Zu8k", "Vo9w", "Ko6j", "Wy5h", "Gu4m", "Du3f", "Bo2t", "Lu6d")
PROSE = re.compile(r"[A-Za-z][a-z']+(?: [a-z']+){2,}")  # three words in a row
COMMAND = re.compile(
    r"`[^`]*`|(?:^|(?<=[ (,:：，（]))(?:ganzfeld|pip|python|torchrun) [^,;:]*|--\S+"
)
MOST = 6  # variants of one text that has choices in it


def texts(node: ast.expr | None) -> list[str]:
    """The templates that an expression may become."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        parts = [texts(part) for part in node.values]
    elif isinstance(node, ast.FormattedValue):
        if node.format_spec is not None:
            spec = "".join(texts(node.format_spec))
            return ["{n}" if re.search(r"[,.dgef%]", spec) else called(node.value)]
        if isinstance(node.value, ast.IfExp | ast.JoinedStr | ast.Constant):
            return texts(node.value)
        count = isinstance(node.value, ast.Call) and of_count(node.value)
        return ["{n}" if count else called(node.value)]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [texts(node.left), texts(node.right)]
    elif isinstance(node, ast.IfExp):
        return (texts(node.body) + texts(node.orelse))[:MOST]
    else:
        return [called(node)] if node is not None else []
    return ["".join(some) for some in itertools.islice(itertools.product(*parts), MOST)]


def called(node: ast.expr) -> str:
    """A field for the value of an expression, by the name that it has there."""
    while isinstance(node, ast.Call | ast.Subscript):
        if isinstance(node, ast.Subscript) or not node.args:
            node = node.value if isinstance(node, ast.Subscript) else node.func
        else:
            node = node.args[-1]
    name = getattr(node, "id", getattr(node, "attr", "")).strip("_").lower()
    return "{" + (name if len(name) > 1 else "name") + "}"


def of_count(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in ("len", "sum", "min", "max")


def calls(nodes: list[ast.AST]) -> Iterator[tuple[str, ast.Call]]:
    for node in nodes:
        if isinstance(node, ast.Call):
            func = node.func
            yield func.id if isinstance(func, ast.Name) else getattr(func, "attr", ""), node


def errors_of(classes: list[ast.ClassDef]) -> set[str]:
    """Names of the classes of errors that become a screen."""
    found = {"GanzfeldError", "Problem"}
    for _ in range(3):
        for node in classes:
            bases = {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
            found |= {node.name} if bases & found else set()
    return found


def calls_and_classes(path: Path) -> list[ast.AST]:
    """Those of a file, in one walk over it."""
    tree = ast.parse(path.read_text("utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call | ast.ClassDef)]


def of_data(call: ast.Call) -> bool:
    """Whether a sentence is added to what a data set's report says."""
    into = call.func.value if isinstance(call.func, ast.Attribute) else None
    return getattr(into, "attr", getattr(into, "id", "")) in ("notes", "warnings", "aside")


def prose(text: str) -> bool:
    """Whether a template holds words of its own, beside commands, options and fields."""
    return bool(PROSE.search(COMMAND.sub("|", FIELD.sub("|", text))))


def sentences() -> dict[str, str]:
    """Every template, and where it stands: "data/pack.py:200"."""
    paths = sorted(PACKAGE.rglob("*.py"))
    trees = [calls_and_classes(path) for path in paths]
    errors = errors_of([n for nodes in trees for n in nodes if isinstance(n, ast.ClassDef)])
    found: dict[str, str] = {}
    for path, nodes_of in zip(paths, trees, strict=True):
        for name, call in calls(nodes_of):
            if name in errors or name.startswith("Bad"):  # why a sample is bad
                first = 1 if name in ("Interrupted", "Problem") else 0  # after a number
                nodes = [*call.args[first : first + 1]]
                nodes += [k.value for k in call.keywords if k.arg in ("what", "safe", "fix")]
            elif name in SAYS or (name == "append" and of_data(call)):
                nodes = list(call.args[:1])
            else:
                continue
            for text in itertools.chain.from_iterable(map(texts, nodes)):
                if prose(text):
                    place = f"{path.relative_to(PACKAGE).as_posix()}:{call.lineno}"
                    found.setdefault(text, place)
    return found


def filled(template: str) -> str:
    """A sentence of the template, with a number or a name that occurs nowhere for each field."""
    names, numbers = itertools.cycle(NAMES), itertools.count(11, 7)

    def value(field: re.Match[str]) -> str:
        return str(next(numbers)) if field[1] == "n" else next(names)

    return FIELD.sub(value, template)


def parts_of(match: re.Match[str]) -> dict[str, str]:
    """What stands in the fields of an entry, translated where it can be."""
    return {k: language.in_chinese(v) if k.isupper() else v for k, v in match.groupdict().items()}


def untold(template: str) -> str:
    """What stays English of a sentence where messages are Chinese; "" for nothing.

    Parts of it that are looked up in turn, {KNOWN}, stand for themselves here.
    """
    said = filled(template)
    language.in_chinese.cache_clear()
    with mock.patch.object(language, "values_of", parts_of):
        told = language.in_chinese(said)
    language.in_chinese.cache_clear()
    left = COMMAND.sub("|", told)
    found = PROSE.search(left)
    return found[0] if found else ""
