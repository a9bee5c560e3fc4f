"""YAML of a file that others may have written: plain values alone, with the checks of JSON.

Tags, anchors and aliases are refused: a tag can ask for an object, and a few aliases of aliases
are gigabytes. Words are those of YAML 1.2: `no` is a word and `1e-3` is a number, which YAML 1.1,
and so PyYAML by itself, sees the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Any

from ganzfeld.core.reader import DEPTH, Unreadable, read_whole, refused, sound
from ganzfeld.errors import CheckpointError, GanzfeldError
from ganzfeld.text import shown

BYTES = 256 << 10  # of a file; PyYAML takes a second for so many
VALUES = {  # of plain words, by the tag of what they are
    "bool": (r"true|True|false|False", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9_]*)", "-+0123456789"),
    "float": (
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
}


def read_yaml(path: Path, kind: type[GanzfeldError] = CheckpointError) -> Any:
    """What a file of YAML says, as `reader.read_json` does; an error of this kind names the file.

    Raises ImportError where PyYAML is not installed.
    """
    with refused(path, kind):
        return parse(read_whole(path, BYTES))


def parse(data: bytes) -> Any:
    """YAML of bounded depth and numbers, each name once in a mapping. Raises Unreadable."""
    import yaml

    try:
        tree = plain()(data).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise Unreadable(f"is not YAML: {place}{shown(error.problem or error)}") from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise Unreadable(f"is not YAML: {shown(error)}") from error
    return sound(tree)


@cache
def plain() -> Any:
    """The class of PyYAML's readers that know plain values alone."""
    import yaml

    class Plain(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                line = self.peek_event().start_mark.line + 1
                raise Unreadable(f"has an alias in line {line}: write the value out")
            if self.depth > DEPTH:
                raise Unreadable(f"nests deeper than {DEPTH}")
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            names = [self.construct_object(name, deep=True) for name, _ in node.value]
            for name in names:
                if not isinstance(name, str):
                    line = node.start_mark.line + 1
                    raise Unreadable(f"has a name that is no text in line {line}: {name!r:.40}")
                if names.count(name) > 1:
                    raise Unreadable(f"has {shown(repr(name))} twice in one object")
            found: dict[Hashable, Any] = super().construct_mapping(node, deep)
            return found

        def flatten_mapping(self, node: Any) -> None:
            """Without the key <<, which is an alias by another name."""

    kinds = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", *VALUES)}
    constructors = yaml.SafeLoader.yaml_constructors
    Plain.yaml_constructors = {k: v for k, v in constructors.items() if k in kinds or k is None}
    Plain.yaml_implicit_resolvers = {}
    for name, (words, first) in VALUES.items():
        exact = re.compile(f"(?:{words})$")
        Plain.add_implicit_resolver(f"tag:yaml.org,2002:{name}", exact, list(first))
    return Plain
