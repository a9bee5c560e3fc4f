"""Linear layers that use all of a processor's vectors.

PyTorch multiplies float32 matrices by Intel's MKL, which on AMD processors keeps to AVX2 where they
have AVX-512, too: half of the speed. oneDNN, which is in PyTorch for its convolutions, does not.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn

SMALL = 1 << 16  # weights; below it, calls cost more than products


@functools.cache
def mkl_is_slow() -> bool:
    """Whether this is an AMD processor with AVX-512, and there is oneDNN to go around MKL."""
    has = torch.cpu.get_capabilities()
    amd = str(has.get("cpu_name", "")).startswith("AMD") and bool(has.get("avx512_f"))
    return amd and torch._C.has_mkl and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class Linear(nn.Linear):
    """As `torch.nn.Linear`; products in float32 on the CPU go by oneDNN where MKL is slow.

    Rounded otherwise than by MKL, to the same accuracy; differentiable as often as wanted.
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():  # first: what follows asks for the number of rows
            return super().forward(x)
        weight = self.weight
        suits = x.dim() == 2 and x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
        if not suits or weight.numel() < SMALL or not len(x) or not mkl_is_slow():
            return super().forward(x)
        if torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        y = product(x, weight)
        return y if self.bias is None else y + self.bias


def product(a: Tensor, b: Tensor) -> Tensor:
    """(N, K) and (M, K) to (N, M): the products of all rows, by oneDNN."""
    result: Tensor = Product.apply(a, b)  # type: ignore[no-untyped-call]
    return result


class Product(torch.autograd.Function):
    """`product`, whose derivatives are products again."""

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        result: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
        return result

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        of_a, of_b = ctx.needs_input_grad
        return (
            product(gradient, b.t()) if of_a else None,
            product(gradient.t(), a.t()) if of_b else None,
        )
