"""Errors that a user can cause or fix. Each prints as one screen and has an exit code.

=====  ==========================================  =====================
code   meaning                                     class
=====  ==========================================  =====================
0      done
2      usage or configuration                      `UsageError`
3      data                                        `DataError`
4      checkpoint or model missing or damaged      `CheckpointError`
5      disk or memory                              `ResourceError`
6      training diverged, last good state kept     `DivergedError`
7      the run is in use by another process        `InUseError`
70     our bug                                     any other exception
129    hung up (SIGHUP), checkpoint saved          `Interrupted`
130    interrupted by Ctrl-C, checkpoint saved     `Interrupted`
143    terminated (SIGTERM), checkpoint saved      `Interrupted`
=====  ==========================================  =====================
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ganzfeld.text import lines, shown

# What a disk, its rights and its names may answer; other system errors are ours to explain.
OF_DISK = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.EEXIST,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EMFILE,
    }
)

KNOWN = 60  # names that a message lists
NAMED = 100  # characters of an unknown name that are compared


class GanzfeldError(Exception):
    """What went wrong and where; what is safe; the command that fixes it.

    Names of files and classes in it are made safe to print.

    Example::

        import ganzfeld

        try:
            ganzfeld.train("no such folder")
        except ganzfeld.GanzfeldError as error:
            print(error.code, error.what, error.fix)
    """

    code = 70

    def __init__(self, what: str, *, safe: str = "", fix: str = "") -> None:
        super().__init__(lines(what))
        self.what, self.safe, self.fix = lines(what), lines(safe), lines(fix)

    def __str__(self) -> str:
        return self.screen(str)

    def screen(self, tr: Callable[[str], str]) -> str:
        """What the command prints. tr: puts each part into the user's language."""
        lines = [tr(f"error[{self.code}]: {self.what}")]
        if self.safe:
            lines.append(tr(f"  safe: {self.safe}"))
        if self.fix:
            lines.append(tr(f"  fix:  {self.fix}"))
        return "\n".join(lines)


class UsageError(GanzfeldError):
    code = 2


class DataError(GanzfeldError):
    code = 3


class CheckpointError(GanzfeldError):
    code = 4


class ForeignCodeError(CheckpointError):
    """A model's network is Python code of its author, which was not run."""


class ResourceError(GanzfeldError):
    code = 5


class DivergedError(GanzfeldError):
    code = 6


class InUseError(GanzfeldError):
    code = 7


class Interrupted(GanzfeldError):
    """A signal stopped the run after its state was saved; `code` is 128 + the signal's number."""

    def __init__(self, signal_number: int, what: str, *, safe: str = "", fix: str = "") -> None:
        super().__init__(what, safe=safe, fix=fix)
        self.code = 128 + signal_number

    def screen(self, tr: Callable[[str], str]) -> str:
        """No error: the user wanted it."""
        lines = [tr(self.what), tr(f"  {self.safe}") if self.safe else ""]
        lines.append(tr(f"  continue with: {self.fix}") if self.fix else "")
        return "\n".join(line for line in lines if line)


def say_instead(error: GanzfeldError, words: Mapping[str, str]) -> None:
    """Change words of a message, such as a name that nobody gave to one that is known."""
    for old, new in words.items():
        for part in ("what", "safe", "fix"):
            setattr(error, part, getattr(error, part).replace(old, new))


def of_disk(error: OSError, path: Path | None = None) -> ResourceError:
    """What to say where a file could not be used. path: by default the one that error names."""
    name = path or error.filename or "a file"
    there = error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)
    return ResourceError(
        f"{name} cannot be {'written' if path else 'used'}: {error.strerror or error}",
        safe="files that were there before are untouched",
        fix="another name, or move away what lies there"
        if there
        else "another place that you may write to and that has room (df -h)",
    )


@contextmanager
def naming(path: Path, *hidden: Path) -> Iterator[None]:
    """Put a file's name into errors that have none, or only that of what is `hidden` beside it.

    A disk that is full while a file is written names no file of its own accord.

    Example::

        from pathlib import Path
        from ganzfeld.errors import naming

        with naming(Path("log")), open("log", "ab", 0) as file:
            file.write(b"line")
    """
    try:
        yield
    except OSError as error:
        own = str(error.filename)
        if error.filename is None or any(own.startswith(str(place)) for place in hidden):
            error.filename = str(path)
        raise


def disk_behind(error: BaseException) -> OSError | None:
    """The disk's error behind one of a library that keeps files of its own; None where none is.

    A full disk, or no folder for temporary files, is no fault of what was asked for.
    """
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, OSError) and (
            chain.errno in full or "temporary directory" in str(chain)
        ):
            return chain
        chain = chain.__cause__ or chain.__context__
    return None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence to put behind an unknown name: the nearest known one, or all of them.

    A number is near to none: who asks for class 11 of ten means no other, and wants the list.
    """
    known = sorted(known)
    number = word.lstrip("-").isdecimal()
    near = difflib.get_close_matches(word[:NAMED], known, n=1, cutoff=0.6)
    if near and not number:
        return f"Did you mean {shown(repr(near[0]))}?"
    more = f" and {len(known) - KNOWN:,} more" if len(known) > KNOWN else ""
    return f"Known: {', '.join(map(shown, known[:KNOWN]))}{more}."
