"""What differs between Linux, macOS and Windows: locks, renames, signals, memory.

Modules that one system lacks (`fcntl` and `resource`, `msvcrt`) are imported where they are used.

Windows renames no folder in which a file is open, and neither replaces nor deletes a file that is
open or mapped into memory. So no file of a checkpoint or a model stays open here: they are read
whole, and closed. Only packs are mapped, and they are never replaced while they are whole; see
`ganzfeld.data.pack`. What is left are virus scanners and indexers, which open a new file for a
moment: `replace` tries again until they have done.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time

TRIES, PAUSE = 20, 0.05  # seconds between them: a scanner is done in less than one
LOCKED_BYTE = 1 << 30  # Windows locks bytes: one far behind what a lock file holds


def try_lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; False where another process holds it.

    The lock is the kernel's, so that it is free as soon as its holder is gone, however it went.
    A file system without locks counts as free.
    """
    try:
        import fcntl  # noqa: F401
    except ImportError:
        return try_lock_windows(descriptor)
    return lock(descriptor) is not False


def lock(descriptor: int) -> bool | None:
    """The same for a file or a folder; None where the system or the file system has no such locks.

    Windows has none for folders, and deletes no file that another process writes.
    """
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
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


def replace(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """`os.replace`, of files and folders; on Windows again while another program looks at them."""
    for left in reversed(range(TRIES)):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if os.name != "nt" or not left:
                raise
            time.sleep(PAUSE)


def flags_of_files() -> int:
    """For `os.open`: bytes as they are (Windows changes the ends of lines), in no child process."""
    return getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0)


def ending_signals() -> list[int]:
    """The signals that ask a process to end, of those that this system has."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    return [int(getattr(signal, name)) for name in names if hasattr(signal, name)]


def user() -> int | None:
    """The number of this process's user; None where users have none."""
    return os.getuid() if hasattr(os, "getuid") else None


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


class Status(ctypes.Structure):
    """MEMORYSTATUSEX of Windows' sysinfoapi.h."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        *((f"other_{i}", ctypes.c_uint64) for i in range(6)),
    ]


def total_memory() -> int | None:
    """Bytes of memory of this machine; None where the system does not say."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    status = Status()
    status.length = ctypes.sizeof(status)
    with contextlib.suppress(AttributeError, OSError):
        kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
        if kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
            return int(status.total)
    return None


def memory_limit() -> int | None:
    """Bytes of addresses that the shell lets this process take; None where there is no limit."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        return None if soft == resource.RLIM_INFINITY else soft
    return None


def limit_memory(size: int) -> None:
    """Let this process take at most `size` bytes of addresses, where the system can limit it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def sync_folder(path: str | os.PathLike[str]) -> None:
    """Flush a folder's entries to the disk; Windows opens no folders and needs none of it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
