"""PyTorch's optimizers, without the compiler that each would import when it is made.

`Optimizer.add_param_group`, `zero_grad` and `step` are marked so that `torch.compile` passes over
them, and the first call of each imports `torch._dynamo`, whose 1.4 s no run needs that does not
compile. The classes here are PyTorch's own, with the same options, names, states and numbers. They
call the functions behind the marks, which `functools.wraps` keeps in `__wrapped__`. Where a version
of PyTorch keeps none, they call the marked ones, and only the time is lost.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from ganzfeld.core import runtime as _process  # noqa: F401


class Light(Optimizer):
    """Before one of PyTorch's optimizers as a base: the same, without importing the compiler."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        inspect.unwrap(Optimizer.add_param_group)(self, param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        inspect.unwrap(Optimizer.zero_grad)(self, set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step, under the gradient mode that PyTorch's mark would set."""
        with torch.set_grad_enabled(bool(self.defaults.get("differentiable"))):
            return inspect.unwrap(super(Light, type(self)).step)(self, closure)


class Adam(Light, torch.optim.Adam):
    """`torch.optim.Adam`."""


class AdamW(Light, torch.optim.AdamW):
    """`torch.optim.AdamW`."""


class SGD(Light, torch.optim.SGD):
    """`torch.optim.SGD`."""


class RMSprop(Light, torch.optim.RMSprop):
    """`torch.optim.RMSprop`."""
