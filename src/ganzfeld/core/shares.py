"""Random draws for a part of a batch, as they would be for the whole of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)


class DrawnWhole(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within, what is drawn for the rows of a part is what they would get in the whole batch.

    Each draw with `rows` rows is made for `parts * rows` of them, and those of this part are
    taken. All parts must begin with the same state of the generator; then draws of other shapes,
    such as one number for all samples, are alike in all of them too. Dropout, noise of a
    network, augmentation: whatever asks PyTorch for random numbers by any name.

    rows: samples in each part. part: its number, from 0. parts: how many there are.

    Example::

        import torch
        from ganzfeld.core.shares import DrawnWhole

        torch.manual_seed(0)
        whole = torch.randn(8, 3)
        torch.manual_seed(0)
        with DrawnWhole(rows=2, part=1, parts=4):
            assert torch.equal(torch.randn(2, 3), whole[2:4])
    """

    def __init__(self, rows: int, part: int, parts: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows, self.part, self.parts = rows, part, parts

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        names = [argument.name for argument in func._schema.arguments]
        whole = [self.whole(value, name) for name, value in zip(names, args, strict=False)]
        found = func(*whole, **{name: self.whole(value, name) for name, value in kwargs.items()})
        if func._schema.name.endswith("_") and args:
            args[0].copy_(self.own(found)) if found is not args[0] else None
            return args[0]
        return tuple(map(self.own, found)) if isinstance(found, tuple) else self.own(found)

    def whole(self, value: Any, name: str) -> Any:
        """An argument of a draw, for all parts: a size, or a tensor that lends its shape."""
        if name == "size" and len(value) and value[0] == self.rows:
            return [self.parts * self.rows, *value[1:]]
        if isinstance(value, Tensor) and value.dim() and len(value) == self.rows:
            return torch.cat([value] * self.parts)
        return value

    def own(self, found: Any) -> Any:
        """Of what was drawn for all parts, the rows of this one."""
        if isinstance(found, Tensor) and found.dim() and len(found) == self.parts * self.rows:
            return found.narrow(0, self.part * self.rows, self.rows)
        return found
