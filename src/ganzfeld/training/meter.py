"""Mean losses between two lines of the log, kept on the device until they are read."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ganzfeld.training.trainer import Report


class Meter:
    """Means of losses since the last reading; nothing is read from the device before then."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor | float] = {}
        self.counts: dict[str, int] = defaultdict(int)

    def state_dict(self) -> dict[str, list[Any]]:
        """What was added since the last reading: the sum, in hexadecimal, and count of each loss.

        It is JSON, exact, and holds sums that are not finite too.
        """
        return {name: [float(s).hex(), self.counts[name]] for name, s in self.sums.items()}

    def load_state_dict(self, state: Mapping[str, Sequence[Any]]) -> None:
        self.sums = {name: float.fromhex(total) for name, (total, _) in state.items()}
        self.counts = defaultdict(int, {name: int(count) for name, (_, count) in state.items()})

    def add(self, report: Report) -> None:
        for name, value in report.losses.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()
            self.counts[name] += 1

    def read(self) -> dict[str, float | None]:
        """The mean of each loss; None for one that was not finite, which JSON cannot say."""
        means = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.sums.clear()
        self.counts.clear()
        return {name: mean if math.isfinite(mean) else None for name, mean in means.items()}
