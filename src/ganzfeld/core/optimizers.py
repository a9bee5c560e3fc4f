"""What PyTorch's optimizers do, without `torch._dynamo`, which takes over a second to import.

`Optimizer` imports the compiler's front end to keep it out of its own methods: in `step`, in
`zero_grad` and when it is made. As long as nobody has imported it, nothing is being compiled, and
there is nothing to be kept out of. From then on everything here is as PyTorch has it. Exact slopes
(`ganzfeld.games.penalties.slope`) still import it, by `torch.func`.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer, optimizer

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)

COMPILER = "torch._dynamo"
KEPT = "__dynamo_disable"  # where PyTorch keeps a method that the compiler leaves alone
METHODS = ("add_param_group", "zero_grad")


@functools.cache
def spare_compiler() -> None:
    """From here on, making an optimizer and `zero_grad` import no compiler.

    Where another PyTorch has these methods otherwise, they stay as they are.
    """
    for name in METHODS:
        plain = getattr(getattr(Optimizer, name, None), "__wrapped__", None)
        if plain is not None and getattr(plain, KEPT, None) is None:
            setattr(plain, KEPT, until_imported(plain))


def until_imported(plain: Callable[..., Any]) -> Callable[..., Any]:
    """The method itself; once the compiler is there, as PyTorch wraps it."""

    def call(*given: Any, **named: Any) -> Any:
        if COMPILER not in sys.modules:
            return plain(*given, **named)
        import torch._dynamo

        wrapped = torch._dynamo.disable(plain, True, wrapping=False)
        setattr(plain, KEPT, wrapped)
        return wrapped(*given, **named)

    return call


def step(optimiser: Optimizer) -> None:
    """`optimiser.step()`, with the same bits."""
    bare = bare_step(type(optimiser))
    if bare is None or COMPILER in sys.modules or hooked(optimiser):
        optimiser.step()
        return
    with torch.no_grad():
        bare(optimiser)


def bare_step(kind: type[Optimizer]) -> Callable[[Optimizer], Any] | None:
    """The method below its wrappers, of PyTorch's own optimizers."""
    if not kind.__module__.startswith("torch.optim."):
        return None
    bare: Callable[[Optimizer], Any] = inspect.unwrap(kind.step)
    return bare


def hooked(optimiser: Optimizer) -> bool:
    """Whether somebody else takes part in its steps, or differentiates through them."""
    return bool(
        optimiser._optimizer_step_pre_hooks
        or optimiser._optimizer_step_post_hooks
        or optimizer._global_optimizer_pre_hooks
        or optimizer._global_optimizer_post_hooks
        or optimiser.defaults.get("differentiable")
        or "step" in vars(optimiser)
    )
