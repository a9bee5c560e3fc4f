"""Checkpoints: directories that are either complete or absent.

A checkpoint is written into a hidden directory, every file of it flushed to the disk, the
manifest (sizes and SHA-256 of all files, and a SHA-256 of itself) last, and then appears by one
rename. Nothing points at the newest: the newest directory whose files all match its manifest
wins. Only safetensors and JSON are read or written.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ganzfeld.core import runtime, system
from ganzfeld.core.files import as_json, difference, hide, mismatch, remove, sync, write
from ganzfeld.core.names import quoted
from ganzfeld.core.reader import JSON_BYTES, Unreadable, open_regular, parse, read_whole
from ganzfeld.core.schema import fields, maybe, table, text, whole, wrong
from ganzfeld.core.tensors import load_tensors, not_finite, read_layouts
from ganzfeld.core.trees import encode, join
from ganzfeld.errors import CheckpointError, ResourceError
from ganzfeld.text import shown

FORMAT = 1
MANIFEST = "manifest.json"
NAME = re.compile(r"images-[0-9]{12,15}")
FILE = re.compile(r"state\.json|[A-Za-z0-9_][A-Za-z0-9_-]*\.safetensors")  # none leads elsewhere


def file_name(value: Any, where: str) -> None:
    if not isinstance(value, str) or len(value) > 200 or not FILE.fullmatch(value):
        raise wrong(where, "state.json or NAME.safetensors", value)


COUNT = whole(0, 10**15)
MANIFEST_FIELDS = fields(
    {
        "format": whole(FORMAT, FORMAT),
        "images": COUNT,
        "files": table(fields({"size": whole(0, 2**60), "sha256": text}), file_name, 1_000),
    },
    {
        "ganzfeld": text,
        "data": text,
        "parent": maybe(COUNT),
        "torch": text,
        "device": text,
        "threads": COUNT,
        "processes": COUNT,
    },
)
STATE = table(table(lambda value, where: None))  # of parts, each of which is an object


@dataclass(frozen=True)
class Checkpoint:
    path: Path
    state: dict[str, Any]  # as `Trainer.state_dict` made it, tensors on the CPU
    manifest: dict[str, Any]


def save(folder: Path, images: int, state: dict[str, Any], facts: dict[str, Any]) -> Path:
    """Write one checkpoint and verify it; only then does it exist.

    state: nested dictionaries with text keys; tensors and JSON values at the leaves.
    facts: goes into the manifest (versions, fingerprints, parent).
    Raises ResourceError where the disk does not take it; nothing is left behind then.
    """
    final = folder / name_of(images)
    temporary = folder / f".tmp-{images}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        files = {}
        for name, data in encode(state):
            files[name] = write(temporary / name, data)
            del data  # before the next one is there, too
        manifest = {"format": FORMAT, "images": images, "files": files, **facts}
        write(temporary / MANIFEST, sealed(manifest))
        sync(temporary)
        old = hide(final) if final.exists() else None
        system.replace(temporary, final)
        sync(folder)
        if old:
            with contextlib.suppress(OSError):
                remove(old)
    except OSError as error:
        clean(folder)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ResourceError(
                f"no room to save {final}: {error.strerror}",
                safe="earlier checkpoints are untouched",
                fix="free some space, then run the same command again",
            ) from error
        raise ResourceError(
            f"{final} cannot be written: {error.strerror or error}",
            safe="earlier checkpoints are untouched",
        ) from error
    if problems := verify(final):
        raise ResourceError(f"{final} was written, but reads back differently: {problems[0]}")
    runtime.give_back()
    return final


def room(game: Mapping[str, Tensor], keep: int) -> int:
    """Bytes of disk that a run may need: a checkpoint has up to six times its networks."""
    size = sum(t.numel() * t.element_size() for t in game.values())
    return int(1.1 * 6 * (keep + 2) * size)


def name_of(images: int) -> str:
    return f"images-{images:012d}"


def load(path: Path) -> Checkpoint:
    """Read a checkpoint; every byte used is one that was verified.

    Raises CheckpointError that names the file at fault.
    """
    state: dict[str, Any] = {}
    tensors: dict[str, dict[str, Tensor]] = {}
    with told_as_damage(path):
        manifest = read_manifest(path)
        for name, expected in manifest["files"].items():
            with told_of(name):
                data = read_expected(path, name, expected)
                if name == "state.json":
                    state = parse(data)
                    STATE(state, "")
                else:
                    part = name.removesuffix(".safetensors")
                    tensors[part] = load_tensors(data)
                    if unsound := not_finite(tensors[part]):
                        raise Unreadable(f"has numbers that are not finite, in {shown(unsound)}")
        for part, found in tensors.items():
            with told_of(f"{part}.safetensors"):
                state[part] = join(state.get(part) or {}, found)
    return Checkpoint(path, state, manifest)


def read_expected(path: Path, name: str, expected: dict[str, Any]) -> bytes:
    """A file of a checkpoint, as large and with the hash that the manifest says."""
    with open_regular(path / name) as file:
        size = os.fstat(file.fileno()).st_size
        if size == expected["size"]:
            data = file.read(size)
            if not (problem := mismatch(name, data, expected)):
                return data
        else:
            problem = difference(name, size, hashlib.sha256(), expected)
    raise CheckpointError(f"{path} is damaged: {problem}")


def read_manifest(path: Path) -> dict[str, Any]:
    with told_of(MANIFEST):
        manifest = unsealed(read_whole(path / MANIFEST, JSON_BYTES), path)
        if "format" in manifest and manifest["format"] != FORMAT:
            raise CheckpointError(f"{path} has format {shown(manifest['format'])}, not {FORMAT}")
        MANIFEST_FIELDS(manifest, "")
    if (true_name := name_of(manifest["images"])) not in path.name:
        raise CheckpointError(f"{path} is damaged: its {MANIFEST} is of {true_name}")
    if "state.json" not in manifest["files"]:
        raise CheckpointError(f"{path} is damaged: it has no state.json")
    return manifest


@contextlib.contextmanager
def told_as_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        OverflowError,
    ) as error:
        raise CheckpointError(f"{path} is damaged: {describe(error, path)}") from error
    except RuntimeError as error:
        if "memory" in str(error).lower():  # no fault of the file
            raise
        raise CheckpointError(f"{path} is damaged: {describe(error, path)}") from error


@contextlib.contextmanager
def told_of(name: str) -> Iterator[None]:
    """Name the file of a checkpoint that cannot be understood."""
    try:
        yield
    except Unreadable as error:
        raise Unreadable(f"{name} {error}") from error


def sealed(manifest: dict[str, Any]) -> bytes:
    """A manifest as JSON that ends in the SHA-256 of all that is before it."""
    return as_json(manifest | {"sha256": hashlib.sha256(as_json(manifest)).hexdigest()})


def unsealed(data: bytes, path: Path) -> dict[str, Any]:
    """The inverse of `sealed`; CheckpointError where a byte is not as it was written."""
    try:
        manifest: dict[str, Any] = parse(data)
        del manifest["sha256"]
        if sealed(manifest) == data:
            return manifest
        problem = "does not match its SHA-256"
    except (ValueError, KeyError, TypeError):
        problem = "is not the JSON that was written"
    raise CheckpointError(f"{path} is damaged: {MANIFEST} {problem}")


def describe(error: Exception, path: Path) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"{Path(error.filename).name} is missing"
    if isinstance(error, Unreadable):
        return str(error)
    return f"{type(error).__name__} {error}"


def verify(path: Path) -> list[str]:
    """What is wrong with a checkpoint; nothing when it is whole."""
    try:
        with told_as_damage(path):
            for name, expected in read_manifest(path)["files"].items():
                with told_of(name), open_regular(path / name) as file:  # never whole in memory
                    size = os.fstat(file.fileno()).st_size
                    whole = size == expected["size"]
                    digest = hashlib.file_digest(file, "sha256") if whole else hashlib.sha256()
                    if whole:
                        check_content(path, name, size)
                if problem := difference(name, size, digest, expected):
                    raise CheckpointError(f"{path} is damaged: {problem}")
    except CheckpointError as error:
        return [error.what]
    return []


def check_content(path: Path, name: str, size: int) -> None:
    """Raises Unreadable where a file whose hash is right is nothing that can be used."""
    if name == "state.json":
        STATE(parse(read_whole(path / name, JSON_BYTES)), "")
    else:
        read_layouts(path / name)


def listing(folder: Path) -> list[Path]:
    """Checkpoints by name, newest first, whole or not; none where there is no such folder.

    Raises CheckpointError for a folder that may not be read: what is in it is not gone.
    """
    try:
        with os.scandir(folder) as entries:
            found = [folder / e.name for e in entries if NAME.fullmatch(e.name) and is_folder(e)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be read: {error.strerror}",
            safe="nothing was changed",
            fix=f"chmod -R u+rwX {quoted(folder)}, or ask whoever owns it",
        ) from error
    return sorted(found, key=images_of, reverse=True)


def is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # of a link whose end cannot be seen
        return False


def images_of(path: Path) -> int:
    """Images seen at a checkpoint, by its name."""
    return int(path.name.removeprefix("images-"))


Newest = tuple[Checkpoint | None, list[str]]


def newest(folder: Path) -> Newest:
    """The newest checkpoint that verifies, and what was wrong with newer ones.

    Raises CheckpointError where there are checkpoints and none of them is whole.
    """
    problems: list[str] = []
    for path in listing(folder):
        try:
            return load(path), problems
        except CheckpointError as error:
            problems.append(error.what)
    if problems:
        raise CheckpointError(
            f"no checkpoint in {folder} is whole. " + "; ".join(problems),
            safe="nothing was changed",
            fix="restore the folder from a backup, or train again with another --out",
        )
    return None, []


def best(folder: Path, scores: Mapping[int, float]) -> int | None:
    """The images seen of the checkpoint with the lowest score, of those that are there."""
    there = {path.name for path in listing(folder)}
    known = [images for images in scores if name_of(images) in there]
    return min(known, key=scores.__getitem__, default=None)


def prune(
    folder: Path, keep: int, also: frozenset[str] = frozenset(), sure: Path | None = None
) -> None:
    """Delete all but the newest `keep` checkpoints and those named in `also`.

    Nothing goes before two verify, and damaged ones that are newer take no place of the `keep`.
    One that cannot be deleted stays. sure: one that has just been verified: large ones take long.
    """
    paths = listing(folder)
    sound = (n for n, path in enumerate(paths) if path == sure or not verify(path))
    whole = [*itertools.islice(sound, 2)]
    if len(whole) < 2:
        return
    for path in paths[max(keep, 2) + whole[1] - 1 :]:
        if path.name not in also:
            with contextlib.suppress(OSError):
                remove(path)


def clean(folder: Path) -> None:
    """Remove what a killed process left half-written or half-deleted, as far as that can be.

    A whole checkpoint that had been put aside for another, which then did not come, is put back.
    """
    for path in [*folder.glob(".tmp-*"), *folder.glob(".del-*")]:
        with contextlib.suppress(OSError):
            place = folder / path.name.removeprefix(".del-").rpartition("-")[0]
            aside = NAME.fullmatch(place.name) and not place.exists() and not path.is_symlink()
            if aside and not verify(path):
                system.replace(path, place)
            else:
                remove(path)
