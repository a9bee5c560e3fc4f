"""The files below a folder, without going round in circles or leaving it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ganzfeld.data.names import is_system, natural

Stamp = tuple[str, int, int]  # relative name, bytes, mtime in ns


@dataclass
class Listing:
    files: list[Stamp] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)  # folder links, not followed
    empty: list[str] = field(default_factory=list)


def list_folder(root: Path) -> Listing:
    """All files below a folder, naturally sorted. Folder links and links that lead out of it are
    not followed, so there is no loop."""
    found, stack = Listing(), [""]
    while stack:
        folder = stack.pop()
        try:
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    _look_at(
                        entry,
                        f"{folder}/{entry.name}" if folder else entry.name,
                        root,
                        found,
                        stack,
                    )
        except OSError as error:
            if not folder:
                raise
            found.broken.append((folder, f"folder cannot be read ({error.strerror})"))
    found.files.sort(key=lambda stamp: natural(stamp[0]))
    found.broken.sort(key=lambda item: natural(item[0]))
    found.ignored.sort(key=natural)
    return found


def _look_at(
    entry: os.DirEntry[str], name: str, root: Path, found: Listing, stack: list[str]
) -> None:
    """Sort one folder entry into the listing, or onto the stack of folders to visit."""
    if is_system(entry.name):
        found.ignored.append(name)
        return
    if entry.is_symlink() and (reason := _link_reason(entry, root)):
        if reason == "a link to a folder, not followed":
            found.links.append(name)
        else:
            found.broken.append((name, reason))
        return
    if entry.is_dir():
        stack.append(name)
        return
    try:
        info = entry.stat()
    except OSError as error:
        found.broken.append((name, f"cannot be read ({error.strerror})"))
        return
    if stat.S_ISREG(info.st_mode):
        found.files.append((name, info.st_size, info.st_mtime_ns))
    else:  # opening a pipe would wait for ever
        found.broken.append((name, "not a regular file"))


def _link_reason(entry: os.DirEntry[str], root: Path) -> str:
    """Why a symbolic link is not followed; "" for a link to a file inside the folder."""
    try:
        goal = Path(entry.path).resolve(strict=True)
    except FileNotFoundError:
        return "a link that leads nowhere"
    except (OSError, RuntimeError):  # ELOOP
        return "a link in a loop"
    if goal.is_dir():
        return "a link to a folder, not followed"
    if not goal.is_relative_to(root):
        return "a link out of the folder, not followed"
    return ""
