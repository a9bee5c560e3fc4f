"""core.types"""

from __future__ import annotations

from torch import Tensor

Batch = dict[str, Tensor]  # "x" (N, ...), "y" (N,) labels; "a", "b" for two domains


Losses = dict[str, Tensor]  # scalars, already weighted; their sum is differentiated
