"""A class that is asked for by the name of its column, as `--given kind=a`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzfeld.core.names import of_column, shown, typed
from ganzfeld.data.candidates import PREFIX
from ganzfeld.data.conditions import LABELS
from ganzfeld.data.tables import LABEL_COLUMNS
from ganzfeld.errors import UsageError


def label_names(about: Mapping[str, Any]) -> tuple[str, ...]:
    """What the labels of a model are called, the column's own name first; () without classes.

    about: the content of a model's config.json.

    >>> label_names({"classes": ["a", "b"], "training": {"data": {"labels": "column:kind"}}})[:2]
    ('kind', 'label')
    """
    if not about.get("classes"):
        return ()
    told = str(about.get("training", {}).get("data", {}).get("labels", "auto"))
    own = told.removeprefix(PREFIX) if told.startswith(PREFIX) else told.rpartition(":")[2]
    return tuple(dict.fromkeys([own, *LABELS, *LABEL_COLUMNS]))


def class_of(
    about: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[str | None, dict[str, Any]]:
    """Values by name as the class among them, None for none, and the others.

    A name that the labels have is theirs unless a condition has it too. UsageError for two such.
    """
    taken = {column["name"] for column in (about.get("conditions") or {}).get("columns", [])}
    said = {of_column(name, label_names(about)): name for name in given}
    names = [said[name] for name in label_names(about) if name in said and name not in taken]
    if len(names) > 1:
        raise UsageError(
            f"{shown(names[0])} and {shown(names[1])} both name the class",
            fix=f"--given {typed(f'{shown(names[0])}={shown(str(given[names[0]]))}')} alone",
        )
    left = {name: value for name, value in given.items() if name not in names}
    return (str(given[names[0]]) if names else None), left
