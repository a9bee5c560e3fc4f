"""Read the bytes of one image from wherever it is stored.

A reader is made from strings only (its kind and its place), so that a worker process can make
its own.
"""

from __future__ import annotations

import errno
import os
import stat
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any, Protocol

from ganzfeld.data.unzip import member_bytes
from ganzfeld.errors import UsageError

MAX_FILE_BYTES = 512 << 20  # one encoded image
ZIP_RATIO = 200  # unpacked to packed, above 1 MiB: small flat images may pack better
PASSING_ERRORS = {errno.EIO, errno.EAGAIN, errno.ETIMEDOUT, getattr(errno, "ESTALE", errno.EIO)}
RETRY_SECONDS = (0.1, 0.4, 1.6)


class Unreadable(Exception):
    """An image whose bytes could not be had; the message is the reason.

    Unlike damage, this may pass: a pack with such gaps is not used again.
    """


class Reader(Protocol):
    kind: str
    where: str

    def read(self, name: str) -> bytes: ...


class FolderReader:
    """Files below a folder. Names are relative, with "/"."""

    kind = "folder"

    def __init__(self, where: str) -> None:
        self.where = where
        self.root = Path(where)

    def read(self, name: str) -> bytes:
        try:
            return _patiently(self.root / name)
        except FileNotFoundError:
            raise Unreadable("vanished while it was read") from None
        except PermissionError:
            raise Unreadable("permission denied") from None
        except OSError as error:
            raise Unreadable(f"cannot be read ({error.strerror or error})") from error


def _patiently(path: Path) -> bytes:
    """The file's bytes. A network disk that fails gets three more chances."""
    for seconds in RETRY_SECONDS:
        try:
            return _whole_file(path)
        except OSError as error:
            if error.errno not in PASSING_ERRORS:
                raise
            time.sleep(seconds)
    return _whole_file(path)


def _whole_file(path: Path) -> bytes:
    with open(path, "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise Unreadable("not a regular file")
        if info.st_size > MAX_FILE_BYTES:
            raise Unreadable(f"over {MAX_FILE_BYTES >> 20} MB")
        return file.read(info.st_size)  # and no more, though it may grow


class ZipReader:
    """Members of a ZIP archive, read in place. Names are member names."""

    kind = "zip"

    def __init__(self, where: str) -> None:
        self.where = where
        self.archive: zipfile.ZipFile | None = None

    def read(self, name: str) -> bytes:
        try:
            if self.archive is None:
                self.archive = zipfile.ZipFile(self.where)
            info = self.archive.getinfo(name)
            _check_member(info)
            assert self.archive.fp is not None
            return member_bytes(self.archive.fp, info)
        except KeyError:
            raise Unreadable("vanished while it was read") from None
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise Unreadable(f"damaged in the archive ({error})") from error
        except (NotImplementedError, RuntimeError) as error:
            raise Unreadable(f"packed in a way that is not read here ({error})") from error
        except OSError as error:
            raise Unreadable(f"cannot be read ({error.strerror or error})") from error


def _check_member(info: zipfile.ZipInfo) -> None:
    """Refuse a member by what the archive says of it, before anything is unpacked."""
    if info.flag_bits & 1:
        raise Unreadable("encrypted in the archive")
    if info.file_size > MAX_FILE_BYTES:
        raise Unreadable(f"over {MAX_FILE_BYTES >> 20} MB")
    if info.file_size > max(1 << 20, ZIP_RATIO * info.compress_size):
        raise Unreadable(f"unpacks to over {ZIP_RATIO} times its size")


class TarReader:
    """Members of uncompressed tar files, read in place. `where` is the paths, one a line; a name
    is "file/first byte/bytes"."""

    kind = "tar"

    def __init__(self, where: str) -> None:
        self.where = where
        self.paths = where.split("\n")

    def read(self, name: str) -> bytes:
        number, start, size = name.split("/")
        if int(size) > MAX_FILE_BYTES:
            raise Unreadable(f"over {MAX_FILE_BYTES >> 20} MB")
        try:
            with open(self.paths[int(number)], "rb", buffering=0) as file:
                file.seek(int(start))
                data = file.read(int(size))
        except OSError as error:
            raise Unreadable(f"cannot be read ({error.strerror or error})") from error
        if len(data) < int(size):
            raise Unreadable("cut short in the archive")
        return data


class ParquetReader:
    """Rows of Parquet files. `where` is the paths and the column, one a line; a name is
    "file/row group/row"."""

    kind = "parquet"

    def __init__(self, where: str) -> None:
        self.where = where
        *self.paths, self.column = where.split("\n")
        self.group: tuple[str, str] | None = None
        self.rows: Any = None

    def read(self, name: str) -> bytes:
        file, group, row = name.split("/")
        if self.group != (file, group):
            self.rows = self._load(int(file), int(group))
            self.group = (file, group)
        picture = self.rows[int(row)].as_py()
        data = picture.get("bytes") if isinstance(picture, dict) else picture
        if not isinstance(data, bytes):
            raise Unreadable("the row holds no bytes")
        return data

    def _load(self, file: int, group: int) -> Any:
        try:
            with import_parquet().ParquetFile(self.paths[file]) as table:
                return table.read_row_group(group, columns=[self.column]).column(0)
        except (OSError, ValueError) as error:  # pyarrow's own errors are both
            raise Unreadable("its row group is damaged") from error


def import_parquet() -> Any:
    """`pyarrow.parquet`. Raises `UsageError` when it is not installed."""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise UsageError(
            "reading Parquet files needs pyarrow, which is not installed",
            fix="pip install 'ganzfeld[parquet]'",
        ) from None
    return parquet


READERS: dict[str, Any] = {
    reader.kind: reader for reader in (FolderReader, ZipReader, TarReader, ParquetReader)
}


def reader_of(kind: str, where: str) -> Reader:
    """The reader that a worker was told to make."""
    reader: Reader = READERS[kind](where)
    return reader
