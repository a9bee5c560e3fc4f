"""Build a network from its name and options, in the memory layout that it is fastest with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ganzfeld.config import Part
from ganzfeld.core.plugins import call, find
from ganzfeld.networks import NETWORKS


def build_network(part: Part) -> nn.Module:
    make = find(part.name, NETWORKS, "network")
    network: nn.Module = call(f"network {part.name}", make, **part.options)
    return network


SHAPES: dict[Callable[..., Any], Callable[..., tuple[int, ...]]] = {  # of what numbers make
    torch.arange: lambda *ends: (len(range(*ends)),),
    torch.eye: lambda n, m=None: (n, n if m is None else m),
    torch.fft.fftfreq: lambda n, d=1.0: (n,),
    torch.fft.rfftfreq: lambda n, d=1.0: (n // 2 + 1,),
    torch.randn: lambda *sizes: sizes,
}


class Undrawn(TorchFunctionMode):
    """Leaves tensors as they are that would be filled with normal draws or by power iterations.

    And those of SHAPES empty. Spectral normalisation starts with fifteen such iterations a layer,
    and ends with a division by its estimate. For tensors without memory these are operators in
    Python, which give no number, and whose first call loads PyTorch's compiler: 1.3 s of CPU at
    the start of a run.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in SHAPES and not kwargs and all(isinstance(n, int | float) for n in args):
            if func is not torch.arange:
                return torch.empty(SHAPES[func](*args))
            if all(isinstance(n, int) for n in args):
                return torch.empty(SHAPES[func](*args), dtype=torch.int64)
        if func in (torch.Tensor.normal_, nn.init.normal_):
            return args[0] if args else kwargs["tensor"]
        if func is torch.mv:
            return args[0].new_empty(args[0].shape[:1])
        if func is torch.vdot:
            return args[0].new_empty(())
        if func is nn.functional.normalize:
            return args[0] if kwargs.get("out") is None else kwargs["out"]
        if func is torch.Tensor.div and len(args) == 2 and by_a_number(*args):
            return args[0].new_empty(args[0].shape)
        return func(*args, **kwargs)


def by_a_number(x: Any, divisor: Any) -> bool:
    """Whether floats are divided by a number, or by a tensor of one."""
    if not (isinstance(x, torch.Tensor) and x.is_floating_point()):
        return False
    if isinstance(divisor, torch.Tensor):
        return divisor.dtype == x.dtype and not divisor.ndim
    return isinstance(divisor, int | float)


@contextmanager
def without_memory() -> Iterator[None]:
    """In it, networks are built with shapes alone.

    Without a draw, since PyTorch loads its compiler to draw for such tensors: two seconds.
    """
    with torch.device("meta"), Undrawn():
        yield
