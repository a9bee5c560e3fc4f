"""Read files that others may have written, always with the same checks.

A folder that came from somewhere may hold a pipe, a device or a link to one where a file is
expected, a file of a terabyte, or JSON that nests a million deep. Every reader of runs, models,
studies and caches comes through here, and gets one error that names the file and what is wrong.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganzfeld.core.foreign import foreign
from ganzfeld.core.system import flags_of_files
from ganzfeld.errors import CheckpointError, GanzfeldError
from ganzfeld.text import shown

JSON_BYTES = 16 << 20  # of a file of JSON
LOG_BYTES = 64 << 20  # of a log with a JSON object a line
LINE_BYTES = 1 << 20  # of a line of it
IMAGE_BYTES = 256 << 20
IMAGE_PIXELS = 89_000_000
DEPTH = 40  # of JSON
GREATEST = 2**64  # of a whole number in JSON
CHUNK = 1 << 20
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Unreadable(ValueError):
    """What is wrong with a foreign file, in words that follow its name."""


class TooLarge(Unreadable):
    """A number of a JSON file is out of all proportion."""


class TooDeep(Unreadable):
    """Lists and objects of a JSON file lie in more of them than are allowed."""


@contextlib.contextmanager
def refused(path: Path, kind: type[GanzfeldError] = CheckpointError) -> Iterator[None]:
    """Errors of reading and understanding a file as one that names it."""
    try:
        yield
    except GanzfeldError:
        raise
    except FileNotFoundError as error:
        raise kind(f"{path} is missing") from error
    except OSError as error:
        raise kind(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        reason = str(error) if isinstance(error, Unreadable) else f"is damaged: {error}"
        raise kind(f"{path} {shown(reason, 1_000)}") from error


def open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    """A regular file, open for reading. Raises Unreadable for anything else, and OSError.

    Opening a pipe would wait for a writer, and reading some devices never ends.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | flags_of_files()
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NOCTTY", 0))
    except ValueError as error:  # a path with a null character
        raise Unreadable(f"is no path: {error}") from error
    try:
        if what := not_regular(os.fstat(descriptor).st_mode):
            raise Unreadable(f"is {what}, not a file")
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def not_regular(mode: int) -> str:
    """What a file's mode says that it is; "" for a regular file."""
    return "" if stat.S_ISREG(mode) else next((w for is_, w in KINDS if is_(mode)), "special")


def read_whole(path: str | os.PathLike[str], most: int) -> bytes:
    """A regular file's bytes. Raises Unreadable where there are more than `most`, and OSError."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(most + 1) if size <= most else b""
        if size > most or len(data) > most:
            raise Unreadable(f"has {max(size, len(data)):,} bytes, more than the {most:,} allowed")
        return data


def read_bytes(
    path: Path, most: int = JSON_BYTES, kind: type[GanzfeldError] = CheckpointError
) -> bytes:
    """A regular file of at most `most` bytes; an error of this kind names it otherwise."""
    with refused(path, kind):
        return read_whole(path, most)


def read_json(path: Path, kind: type[GanzfeldError] = CheckpointError) -> Any:
    """What a file of JSON says; an error of this kind names the file otherwise."""
    with refused(path, kind):
        return parse(read_whole(path, JSON_BYTES))


def read_lines(path: Path, kind: type[GanzfeldError] = CheckpointError) -> list[bytes]:
    """The lines of a log, without their ends; none where there is no file."""
    with refused(path, kind):
        try:
            return read_whole(path, LOG_BYTES).splitlines()
        except FileNotFoundError:
            return []


def parse(data: bytes | str, depth: int = DEPTH) -> Any:
    """JSON of bounded depth and numbers, each name once in an object. Raises Unreadable.

    Text that may name code is marked as foreign (see `ganzfeld.core.trust`).
    """
    try:
        tree = json.loads(data, object_pairs_hook=unique, parse_constant=no_constant)
    except RecursionError:
        raise Unreadable(f"nests deeper than {depth}") from None
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable(f"is not JSON: {shown(error)}") from error
    return sound(tree, depth)


def sound(tree: Any, depth: int = DEPTH) -> Any:
    """A tree of plain values of bounded depth and numbers, its text marked. Raises Unreadable."""
    try:
        return checked(tree, depth)
    except TooDeep:
        raise Unreadable(f"nests deeper than {depth}") from None
    except TooLarge:
        place = shown(next(too_large(tree, depth), ""))
        raise Unreadable(f"is damaged: {place or 'it'} is a number that is too large") from None


def too_large(tree: Any, depth: int, place: str = "") -> Iterator[str]:
    """Where in a tree there are numbers out of all proportion."""
    if isinstance(tree, dict | list) and depth > 0:
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for name, value in pairs:
            yield from too_large(value, depth - 1, f"{place}.{name}".lstrip("."))
    elif is_too_large(tree):
        yield place


def is_too_large(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) > GREATEST if isinstance(value, int) else not abs(value) < 1e300


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:  # one pass: a file can hold a million names
        if name in found:
            raise Unreadable(f"has {shown(repr(name))} twice in one object")
        found[name] = value
    return found


def no_constant(name: str) -> Any:
    raise Unreadable(f"has the number {name}, which JSON does not know")


def checked(tree: Any, depth: int) -> Any:
    """The same, with foreign text marked. Raises TooDeep and TooLarge."""
    if isinstance(tree, str):
        return foreign(tree)
    if isinstance(tree, bool) or tree is None:
        return tree
    if isinstance(tree, int | float):
        if is_too_large(tree):
            raise TooLarge
        return tree
    if depth <= 0:
        raise TooDeep
    if isinstance(tree, list):
        return [checked(value, depth - 1) for value in tree]
    return {name: checked(value, depth - 1) for name, value in tree.items()}


def open_image(path: Path) -> Any:
    """The image in a file of a run or a study, decoded. Raises Unreadable, and OSError.

    Only formats that this package writes are tried, and none of more than IMAGE_PIXELS.
    """
    from PIL import Image

    data = read_whole(path, IMAGE_BYTES)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
            if image.width * image.height > IMAGE_PIXELS:
                raise Unreadable(f"has {image.width}x{image.height} pixels, too many to show")
            image.load()
            return image.copy()
    except Unreadable:
        raise
    except Exception as error:  # each decoder has errors of its own
        raise Unreadable(f"is no image: {shown(error)}") from error


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a file of the run's own, made if it is not there.

    CheckpointError for a link, which would write elsewhere, and for what is no file.
    """
    flags |= os.O_WRONLY | os.O_CREAT | flags_of_files()
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise CheckpointError(f"{path} is a link or no file: it is not written to") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CheckpointError(f"{path} is no file: it is not written to")
    return descriptor
