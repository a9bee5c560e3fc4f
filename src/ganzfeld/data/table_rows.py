"""The embedded tables as samples of a pack."""

from __future__ import annotations

from ganzfeld.data.fields import Titles
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.data.table_sets import TABLES
from ganzfeld.data.tabular import gather_table


def census(count: int) -> Raw:
    """So many rows of the invented census.

    Example::

        from ganzfeld.data.table_rows import census

        assert census(100).columns["x"].rows.shape == (100, 15)
    """
    return raw("census", count)


def known(count: int) -> Raw:
    """So many rows of the table whose answers are known."""
    return raw("known", count)


def raw(name: str, count: int) -> Raw:
    make, _ = TABLES[name]
    table = make(0, range(count))
    cells = [values.tolist() for values in table.values()]
    source = Gathered(
        kind="embedded",
        name=name,
        place=name,
        modality="table",
        gather=lambda progress: raw(name, count),
    )
    return gather_table(list(table), cells, Titles(count, "row", 0), {}, source)
