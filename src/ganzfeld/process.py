"""Settings of the whole process that training is faster with."""

from __future__ import annotations

import contextlib
import ctypes

import torch

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT = 1 << 30  # bytes


def multiplies_bfloat16() -> bool:
    """Whether the CPU has instructions for products of bfloat16 numbers."""
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


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
    """Around calls of glibc, which is not everywhere."""
    return contextlib.suppress(OSError, AttributeError, TypeError)
