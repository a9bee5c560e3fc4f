"""Recognise out-of-memory errors, which libraries word differently."""

from __future__ import annotations

import errno

SAID = (
    "out of memory",
    "cannot allocate memory",
    "can't allocate memory",
    "failed to map segment",  # a shared library, while it is imported
    "bad_alloc",
    "unable to allocate",
    "not enough memory",
    "can't start new thread",
)


def of_memory(error: BaseException) -> bool:
    """Whether this error, or one that it came from, is for want of memory.

    oneDNN, which computes convolutions, only says that it "could not create a primitive".
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError):
            return True
        if isinstance(seen, OSError) and seen.errno == errno.ENOMEM:
            return True
        if isinstance(seen, RuntimeError | ImportError | OSError | SystemError):
            text = str(seen).lower()
            if text == "could not create a primitive" or any(words in text for words in SAID):
                return True
        seen = seen.__cause__
    return False


def amount(size: float) -> str:
    """Bytes for people, with two or three digits that count: 640 B, 12 kB, 1.5 GB, 3 TB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 999.5:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
