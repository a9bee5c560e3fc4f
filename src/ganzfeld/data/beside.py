"""A pack with something beside its samples: what captions and numbers as conditions share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.pack import Pack
from ganzfeld.modalities import Spec


class Beside(Pack):
    """The rows of a pack with one entry more, `given`.

    about: what each condition is, as JSON; names: of the numbers that they become.
    `condition_columns` and `condition_names` hold both.
    """

    given: str  # the entry of `rows` that holds the conditions

    def __init__(
        self, whole: Pack, about: Sequence[Mapping[str, Any]], names: Sequence[str]
    ) -> None:
        self.whole = whole
        self.path, self.report, self.reused = whole.path, whole.report, whole.reused
        self.columns = whole.columns
        self.labels, self.classes = whole.labels, whole.classes
        self.fingerprint = whole.fingerprint
        self.condition_columns = [dict(one) for one in about]
        self.condition_names = list(names)

    @property
    def spec(self) -> Spec:
        return self.whole.spec

    @property
    def stored(self) -> NDArray[np.uint8]:
        return self.whole.stored

    @property
    def count(self) -> int:
        return self.whole.count
