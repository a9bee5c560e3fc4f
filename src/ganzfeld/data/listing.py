"""List the files below a folder, without loops and without leaving it unasked.

Links to files and folders inside the folder are followed. Links that lead out of it are followed
when they are asked for, or when nothing but such links is there: a folder that was made of links
is meant as it is.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ganzfeld.core.names import is_system, natural_text
from ganzfeld.data import vast

Stamp = tuple[str, int, int]  # relative name, bytes, mtime in ns

RUN = frozenset({"config.json", "metrics.jsonl"})  # files of a run's folder
OUTWARD = "a link out of the folder"
DIGITS = str.maketrans("123456789", "0" * 9)


@dataclass
class Listing:
    files: list[Stamp] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)  # folders of runs, of which nothing is listed
    outward: list[str] = field(default_factory=list)  # links that lead out, not followed
    followed: list[str] = field(default_factory=list)  # links that lead out, followed
    again: list[str] = field(default_factory=list)  # links to folders that are read anyway
    linked: set[str] = field(default_factory=set)  # files that are links or lie behind one


class Walk:
    """One pass over a folder. `follow`: links out of it too."""

    def __init__(self, root: Path, follow: bool) -> None:
        self.root, self.follow = root, follow
        self.base = os.path.realpath(root)
        self.found = Listing()
        self.own: set[str] = set()  # real paths of the folders on the way down
        self.taken: set[str] = set()  # real paths of folders reached through links
        self.looked, self.most = 0, vast.LOOK if vast.is_vast(self.base) else None

    def run(self) -> Listing:
        """All that is there. Raises DataError for a disk or a home, see `vast`."""
        stack = [("", False)]
        while stack:
            folder, linked = stack.pop()
            path = f"{self.base}/{folder}" if folder else self.base
            try:
                with os.scandir(path) as entries:
                    held = list(entries)
                    if folder and {entry.name for entry in held} >= RUN:
                        self.found.ignored.append(folder)  # what was made is no data
                        self.found.runs.append(folder)
                        continue
                    for entry in held:
                        name = f"{folder}/{entry.name}" if folder else entry.name
                        self.look_at(entry, name, stack, linked)
            except OSError as error:
                if not folder:
                    raise
                reason = f"folder cannot be read ({error.strerror})"
                self.found.broken.append((folder, reason))
        if vast.is_disk(self.base):
            self.refuse()
        return self.found

    def refuse(self) -> None:
        vast.refuse(self.base, [name for name, _, _ in self.found.files], self.looked)

    def look_at(
        self, entry: os.DirEntry[str], name: str, stack: list[tuple[str, bool]], linked: bool
    ) -> None:
        """Sort one folder entry into the listing, or onto the stack of folders to visit."""
        found = self.found
        self.looked += 1
        if self.looked == self.most:
            self.refuse()
        if is_system(entry.name):
            found.ignored.append(name)
            return
        if entry.is_symlink():
            if not self.may_follow(entry, name):
                return
            linked = True
        if entry.is_dir():
            stack.append((name, linked))
            return
        try:
            info = entry.stat()
        except OSError as error:
            found.broken.append((name, f"cannot be read ({error.strerror})"))
            return
        if stat.S_ISREG(info.st_mode):
            found.files.append((name, info.st_size, info.st_mtime_ns))
            if linked:
                found.linked.add(name)
        else:  # opening a pipe would wait for ever
            found.broken.append((name, "not a regular file"))

    def may_follow(self, entry: os.DirEntry[str], name: str) -> bool:
        """Whether a link is followed; it is listed where it is not, or leads out."""
        try:
            goal = os.path.realpath(entry.path, strict=True)
        except FileNotFoundError:
            self.found.broken.append((name, "a link that leads nowhere"))
            return False
        except (OSError, RuntimeError):  # ELOOP
            self.found.broken.append((name, "a link in a loop"))
            return False
        inside = goal == self.base or goal.startswith(self.base.rstrip("/") + "/")
        if os.path.isdir(goal):
            here = os.path.realpath(os.path.dirname(entry.path))
            if here == goal or here.startswith(goal.rstrip("/") + "/") or goal in self.taken:
                self.found.again.append(name)  # it leads back up, or its files are there already
                return False
        if not inside:
            (self.found.followed if self.follow else self.found.outward).append(name)
            if not self.follow:
                return False
        if os.path.isdir(goal):
            if inside and not any(
                part.startswith(".") for part in goal[len(self.base) :].split("/")
            ):
                self.found.again.append(name)  # the walk reaches that folder itself
                return False
            self.taken.add(goal)
        return True


def alike(files: list[Stamp]) -> bool:
    """Whether names differ in digits at the same places only, as img000001.png and the like do.

    Then they sort naturally as they are, ten times as fast.
    """
    first = files[0][0].translate(DIGITS) if files else ""
    return all(name.isascii() and name.translate(DIGITS) == first for name, _, _ in files)


def list_folder(root: Path, *, follow: bool = False) -> Listing:
    """All files below a folder, naturally sorted."""
    found = Walk(root, follow).run()
    if not follow and found.outward and not found.files:
        found = Walk(root, True).run()
    if alike(found.files):
        found.files.sort()
    else:
        found.files.sort(key=lambda stamp: natural_text(stamp[0]))
    found.broken.sort(key=lambda item: natural_text(item[0]))
    found.ignored.sort(key=natural_text)
    return found
