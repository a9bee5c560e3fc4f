"""How samples of a kind are fitted to each other, to find copies; images have it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Fitting(Protocol):
    """Sketches of `Modality.prints` (N, ...) and their distances; a module with these functions."""

    def sketches(self, prints: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Numbers (N, d) by which originals are looked up: `sketch`, then as a copy may hide it."""
        ...

    def sketch(self, prints: NDArray[Any]) -> NDArray[np.float32]:
        """The first of `sketches`, alone."""
        ...

    def apart(
        self,
        ours: NDArray[Any],
        theirs: NDArray[Any],
        looks: NDArray[np.int64],
        left: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """Distances (N, K), 0 to 1, of prints (N, ...) to K others each, (N, K, ...), once the
        former are fitted to these: of the nearest ones, the others may be infinite.

        looks: (N, K), the one of `sketches` by which they were found. left: which to leave out.
        """
        ...
