"""The embedded tables as sources of a pack."""

from __future__ import annotations

from ganzfeld.core.progress import Progress
from ganzfeld.data.fields import Titles
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.data.table_sets import TABLES
from ganzfeld.data.tabular import gather_table

VERSION = 1  # of the rows of a seed
COUNT = 20_000  # rows by default
NAMES = {"table": "census", "table-known": "known"}


def embedded(name: str, count: int | None) -> Gathered:
    """A source of rows whose distribution is known. count: of them; None: 20,000.

    Example::

        from ganzfeld.data.table_rows import embedded

        assert embedded("table", 100).modality == "table"
    """
    rows = count or COUNT
    make, _ = TABLES[NAMES[name]]

    def gather(progress: Progress) -> Raw:
        table = make(0, range(rows))
        cells = [values.tolist() for values in table.values()]
        return gather_table(list(table), cells, Titles(rows, "row", 0), {}, source)

    source = Gathered(
        kind="embedded",
        name=name,
        place=name,
        stamps=[(name, rows, VERSION)],
        modality="table",
        gather=gather,
    )
    source.taken["modality"] = "a table: a sample a row"
    return source
