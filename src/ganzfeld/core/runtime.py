"""Process-wide settings that make training faster."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import math
import os
import time
from collections.abc import Iterator

import torch
from torch.nn.functional import conv2d

from ganzfeld.core import distributed
from ganzfeld.errors import UsageError

VECTOR_MATHS = (  # functions that PyTorch may take from MKL's vector library, and their like
    *("acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "erfinv", "exp", "exp2"),
    *("expm1", "floor", "lgamma", "log", "log10", "log1p", "log2", "reciprocal", "round"),
    *("rsqrt", "sigmoid", "sin", "sinh", "sqrt", "tan", "tanh", "trunc"),
)
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT = 1 << 30  # bytes


@functools.cache
def warm_up() -> None:
    """Call each function of MKL's vector library once, on one number and so in one thread.

    MKL chooses a function's kernel at its first call. Where that comes from several threads at
    once, one of them may be given the kernel of low accuracy: values that are up to 5e-5 off, in
    one of 40 processes on a busy machine (github.com/pytorch/pytorch/issues/188792). This module
    does it when it is imported, which everything in ganzfeld that imports PyTorch sees to; it
    takes under a millisecond.
    """
    for dtype in (torch.float32, torch.float64):
        number = torch.full((1,), 0.5, dtype=dtype)
        for name in VECTOR_MATHS:
            getattr(torch, name)(number)
        torch.pow(number, number)


@contextlib.contextmanager
def threads(count: int | None = None) -> Iterator[None]:
    """Around work on so many threads, or on what it sets itself; afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def use_threads(count: int | None, *, exactly: bool = False) -> None:
    """From here on so many threads, at most one a core; several processes keep `torchrun`'s.

    exactly: as many whatever the cores and processes are, since sums depend on it.
    """
    if count and exactly:
        torch.set_num_threads(count)
    elif count and distributed.world() == 1:
        torch.set_num_threads(min(count, os.cpu_count() or 1))


@contextlib.contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Within, where wanted, PyTorch takes no algorithm whose result differs from call to call.

    Raises UsageError where a GPU has no other for an operation. Afterwards as before.
    """
    if not wanted:
        yield
        return
    backends = torch.backends
    before = torch.are_deterministic_algorithms_enabled(), backends.cudnn.benchmark
    narrow = backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    torch.use_deterministic_algorithms(True)
    backends.cudnn.benchmark = False
    backends.cudnn.allow_tf32 = backends.cuda.matmul.allow_tf32 = False
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise UsageError(
            f"run.deterministic: {str(error).splitlines()[0]}",
            safe="checkpoints already saved are untouched",
            fix="--device cpu, or leave run.deterministic out",
        ) from error
    finally:
        torch.use_deterministic_algorithms(before[0])
        backends.cudnn.benchmark = before[1]
        backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32 = narrow
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]


@functools.cache
def bfloat16_cost() -> float:
    """Time of a convolution and its derivatives in bfloat16, in times of that in float32.

    Having the instructions does not mean to gain by them: with AVX-512 BF16, steps of `default`
    take 0.75 of the time on an AMD EPYC, and 1.25 of it on an Intel Xeon whose AMX is hidden.
    Infinite without instructions.
    """
    has = torch.cpu.get_capabilities()
    if not (has.get("avx512_bf16") or has.get("amx_bf16")):
        return math.inf
    x = torch.ones(32, 32, 16, 16).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.ones(64, 32, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    times: dict[bool, list[float]] = {False: [], True: []}
    with threads(1):  # others may hold the other cores
        for half, taken in [*times.items()] * 6:
            start = time.thread_time()
            with torch.enable_grad():
                with torch.autocast("cpu", torch.bfloat16, enabled=half):
                    y = conv2d(x, weight, stride=2, padding=1)
                total = (y * torch.ones_like(y)).sum()  # a gradient of its own for each place
            torch.autograd.grad(total, (x, weight))
            taken.append(time.thread_time() - start)
    return min(times[True]) / min(times[False])


def tune() -> None:
    """Flush denormal numbers to zero, and keep freed memory for the next step."""
    torch.set_flush_denormal(True)  # denormal weights make a convolution 65 times slower
    # Every step frees as much as the next one takes. By default glibc hands it back to the
    # kernel each time: at 64 pixels ten thousand page faults a step, 6 to 9 % of the time.
    with another_library():
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(TRIM_THRESHOLD, KEPT)
        libc.mallopt(MMAP_THRESHOLD, KEPT)


def give_back() -> None:
    """Hand back what `tune` keeps: after work unlike a step, which would not fit into its gaps."""
    with another_library():
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def another_library() -> contextlib.suppress:
    """Ignore errors where glibc is missing."""
    return contextlib.suppress(OSError, AttributeError, TypeError)


warm_up()
