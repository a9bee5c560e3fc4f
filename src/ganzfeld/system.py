"""What differs between Linux, macOS and Windows: locks, memory, page size.

Modules that one system lacks (`fcntl` and `resource`, `msvcrt`) are imported where they are used.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

LOCKED_BYTE = 1 << 30  # Windows locks bytes: one far behind what a lock file holds


def try_lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; False where another process holds it.

    The lock is the kernel's, so that it is free as soon as its holder is gone, however it went.
    A file system without locks counts as free.
    """
    try:
        import fcntl
    except ImportError:
        return try_lock_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def try_lock_windows(descriptor: int) -> bool:
    import msvcrt  # of Windows alone

    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    finally:
        os.lseek(descriptor, place, os.SEEK_SET)
    return True


def page_size() -> int:
    """Bytes in a page of memory."""
    import mmap

    return mmap.PAGESIZE


def peak_memory() -> int:
    """The most that this process has held, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return peak_memory_windows()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # bytes there, kilobytes elsewhere


class Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of Windows' psapi.h."""

    _fields_ = [
        ("cb", ctypes.c_uint32),
        ("page_faults", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in ("peak_working_set", "working_set")),
        *((f"quota_{i}", ctypes.c_size_t) for i in range(4)),
        *((name, ctypes.c_size_t) for name in ("pagefile", "peak_pagefile")),
    ]


def peak_memory_windows() -> int:
    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    with contextlib.suppress(AttributeError, OSError):
        kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
        kernel.GetCurrentProcess.restype = ctypes.c_void_p
        here = ctypes.c_void_p(kernel.GetCurrentProcess())
        if kernel.K32GetProcessMemoryInfo(here, ctypes.byref(counters), counters.cb):
            return int(counters.peak_working_set)
    return 0


def limit_memory(size: int) -> None:
    """Let this process take at most `size` bytes of addresses, where the system can limit it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def sync_folder(path: str | os.PathLike[str]) -> None:
    """Flush a folder's entries to the disk; Windows opens no folders and needs none of it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        if os.name == "nt":
            return
        raise
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
