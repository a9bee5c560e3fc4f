"""Where the columns of a table lie in an encoded row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Layout:
    """Heads of an encoded row, one a column of the table.

    heads: (numbers, choices) of each column. `numbers` is 1 where a value within a mode is
        stored, else 0. `choices` is the width of the one-hot vector behind it: modes, atoms or
        levels; 0 where there is nothing to choose.

    Example::

        from ganzfeld.modalities.table.layout import Layout

        layout = Layout.of([[1, 3], [0, 2]])
        assert layout.width == 6 and layout.numbers == [0]
        assert layout.choices == [(1, 4), (4, 6)]
    """

    heads: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, heads: Sequence[Sequence[int]]) -> Layout:
        """A layout from lists, as JSON has them; ValueError for what is none."""
        made = tuple((int(numbers), int(choices)) for numbers, choices in heads)
        if not all(numbers in (0, 1) and choices >= 0 for numbers, choices in made):
            raise ValueError("a head is [0 or 1 number, choices]")
        return cls(made)

    @cached_property
    def starts(self) -> list[int]:
        """The first entry of each head."""
        starts = [0]
        for numbers, choices in self.heads:
            starts.append(starts[-1] + numbers + choices)
        return starts[:-1]

    @cached_property
    def width(self) -> int:
        """Entries of a row."""
        return sum(numbers + choices for numbers, choices in self.heads)

    @cached_property
    def numbers(self) -> list[int]:
        """Entries that are values within a mode."""
        pairs = zip(self.starts, self.heads, strict=True)
        return [start for start, (numbers, _) in pairs if numbers]

    @cached_property
    def choices(self) -> list[tuple[int, int]]:
        """(start, stop) of each one-hot vector, in the order of the columns that have one."""
        pairs = zip(self.starts, self.heads, strict=True)
        return [(start + n, start + n + c) for start, (n, c) in pairs if c]

    @cached_property
    def places(self) -> list[int]:
        """Entries of all one-hot vectors, in order."""
        return [place for start, stop in self.choices for place in range(start, stop)]

    def choice_of(self, column: int) -> int:
        """Which one-hot vector belongs to a column; ValueError where it has none."""
        if not self.heads[column][1]:
            raise ValueError("this column has nothing to choose: all its values are alike")
        return sum(1 for _, choices in self.heads[:column] if choices)
