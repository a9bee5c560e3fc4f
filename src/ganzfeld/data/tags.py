"""Lines that are lists of tags, as sites of drawings have them, and no sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST = 0.8  # of all lines that list several tags, from which they are lists
JOINED = re.compile(r"\w_\w")  # words of one tag, where blanks stand between tags


def tags_of(lines: Sequence[str]) -> list[list[str]] | None:
    """The tags of each line; None where they are no tags.

    Commas stand between them, or blanks where words of one tag are joined by underscores, as half
    of the lines must show: sentences have none.

    Example::

        from ganzfeld.data.tags import tags_of

        assert tags_of(["1girl, red hair", "1boy, hat"]) == [["1girl", "red hair"], ["1boy", "hat"]]
        assert tags_of(["1girl red_hair", "1boy hat"]) == [["1girl", "red_hair"], ["1boy", "hat"]]
        assert tags_of(["a girl with red hair", "a boy with a hat"]) is None
    """
    joined = sum(bool(JOINED.search(line)) for line in lines)
    blanks = 2 * joined >= len(lines) > 0 and not any("," in line for line in lines)
    rows = [
        [tag.strip() for tag in line.split(None if blanks else ",") if tag.strip()]
        for line in lines
    ]
    return rows if sum(len(row) > 1 for row in rows) > MOST * len(rows) else None
