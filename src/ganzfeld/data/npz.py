"""Several arrays in one .npz: which are the images and their labels, and which are test data."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.memory import amount
from ganzfeld.core.names import capped, shown
from ganzfeld.data.arrays import NUMPY_ERRORS, numpy_reason, unpickled
from ganzfeld.errors import DataError

IMAGE_WORDS = ("x", "images", "image", "imgs", "img", "data", "samples", "arr_0", "pictures")
LABEL_WORDS = ("y", "labels", "label", "targets", "target", "classes", "class", "arr_1", "lbls")
TRAIN = ("train", "training", "trn", "tr")
HELD = ("test", "testing", "tst", "te", "val", "valid", "validation", "dev", "eval")
LARGE, RATIO = 256 << 20, 200  # bytes of a member, and how many times what is packed
PLAIN = 'save it as np.savez("data.npz", x=images, y=labels)'


@dataclass(kw_only=True)
class Arrays:
    """What an .npz holds for training."""

    images: NDArray[Any]
    labels: NDArray[Any] | None
    keys: str  # of both, for people
    aside: list[str] = field(default_factory=list)
    beside: dict[str, NDArray[Any]] = field(default_factory=dict)  # of as many rows


@dataclass(frozen=True, kw_only=True)
class Key:
    """A name taken apart: `x_test` is an image key of the part "held"."""

    name: str
    what: str  # "image", "label" or ""
    part: str  # "train", "held" or ""


def key_of(name: str) -> Key:
    text = name.casefold()
    part = ""
    if text not in ("arr_0", "arr_1"):
        parts = [
            word
            for word in re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower())
        ]
        found = [word for word in parts if word in TRAIN or word in HELD]
        if found:
            part = "train" if found[0] in TRAIN else "held"
            text = "_".join(word for word in parts if word not in found)
    what = "image" if text in IMAGE_WORDS else "label" if text in LABEL_WORDS else ""
    return Key(name=name, what=what, part=part)


def read_npz(path: Path, splits: str = "train") -> Arrays:
    """Images and labels of an .npz, by their usual names; test data are left out. Never unpickles.

    splits: "all" takes train, validation and test data together.
    """
    need_tame(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = [key_of(name) for name in file.keys()]  # noqa: SIM118
            return chosen(Members(file), keys, path.name, splits)
    except NUMPY_ERRORS as error:
        reason = numpy_reason(error)
        raise DataError(f"{shown(path.name)}: {reason}", fix=unpickled(reason)) from error


def need_tame(path: Path) -> None:
    """DataError where a member unpacks to far more than it is: arrays are read as a whole.

    Or where its head promises more numbers than it holds, for which NumPy would make room.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for info in members:
                with archive.open(info) as file:
                    need_whole(file, info.file_size)
    except (*NUMPY_ERRORS, MemoryError) as error:
        raise DataError(f"{shown(path.name)}: {numpy_reason(error)}") from error
    for info in members:
        if info.file_size > max(LARGE, RATIO * info.compress_size):
            raise DataError(
                f"{shown(path.name)}: its member {shown(info.filename)} of "
                f"{amount(info.compress_size)} would unpack to {amount(info.file_size)}",
                safe="it was not unpacked",
                fix="unzip it yourself if you trust it, and give the .npy file",
            )


def need_whole(file: IO[bytes], size: int) -> None:
    """ValueError where an array in a file of so many bytes is not all there."""
    if file.read(6) != b"\x93NUMPY":
        return  # no array
    version = tuple(file.read(2))
    header = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        header = np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if dtype.hasobject:
        return  # refused where it is read
    promised = math.prod(map(int, shape)) * dtype.itemsize
    if promised > size:
        raise ValueError(f"its head promises {amount(promised)}, and {amount(size)} are there")


class Members:
    """The arrays of an open .npz by their names; ValueError for a member that is none."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __getitem__(self, name: str) -> NDArray[Any]:
        found = self.file[name]
        if not isinstance(found, np.ndarray):  # NumPy gives the bytes of what is no .npy
            raise ValueError(f"its member {shown(name)} is not an array")
        return found


class Loaded(Members):
    """Arrays that are read already, by their names."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__(arrays)


def chosen(file: Members, keys: list[Key], name: str, splits: str) -> Arrays:
    """Images and labels among named arrays, those of the training part. splits: as `read_npz`."""
    parts = {key.part for key in keys if key.what == "image"}
    wanted = "train" if "train" in parts else ""
    images = next((k for k in keys if k.what == "image" and k.part == wanted), None)
    if images is None and not any(key.what == "image" for key in keys):
        images = _only_stack(file, keys)
    if images is None:
        listed = ", ".join(capped([shown(key.name) for key in keys], 8)) or "nothing"
        raise DataError(
            f"{shown(name)} holds {listed}, and no array named x, images or x_train", fix=PLAIN
        )
    labels = next((k for k in keys if k.what == "label" and k.part == images.part), None)
    x = [file[images.name]]
    y = [file[labels.name]] if labels else []
    used = [images, *([labels] if labels else [])]
    if splits == "all" and images.part == "train":
        for other in (k for k in keys if k.what == "image" and k.part == "held"):
            partner = _partner(other, keys)
            if bool(labels) == bool(partner):
                x.append(file[other.name])
                y += [file[partner.name]] if partner else []
                used += [other, *([partner] if partner else [])]
    left = [key for key in keys if key not in used]
    aside = []
    held = [key.name for key in left if key.part == "held"]
    others = [key.name for key in left if key.part != "held"]
    if held:
        aside.append(f"test and validation arrays {', '.join(map(shown, held))}")
    pixels = _joined(x, name)
    beside = {key: file[key] for key in others if _rows(file, key) == len(pixels)}
    others = [key for key in others if key not in beside]
    if others:
        aside.append(f"arrays {', '.join(capped([shown(key) for key in others], 6))}")
    return Arrays(
        beside=beside,
        images=pixels,
        labels=_joined([_flat(labels) for labels in y], name) if y else None,
        keys=", ".join(shown(key.name) for key in used),
        aside=aside,
    )


def _rows(file: Members, key: str) -> int:
    try:
        shape = file[key].shape
    except ValueError:
        return -1
    return int(shape[0]) if shape else -1


def _joined(parts: list[NDArray[Any]], name: str) -> NDArray[Any]:
    if len({part.shape[1:] for part in parts}) > 1:
        shapes = " and ".join(str(part.shape) for part in parts)
        raise DataError(
            f"{shown(name)}: train and test arrays of the shapes {shapes} do not fit together",
            fix="--splits train",
        )
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _flat(labels: NDArray[Any]) -> NDArray[Any]:
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


def _partner(image: Key, keys: list[Key]) -> Key | None:
    """The labels of some test images: `y_val` of `x_val`."""
    words = {w for w in re.split(r"[^a-z]+", image.name.lower()) if w in HELD}
    for key in keys:
        if key.what == "label" and words & set(re.split(r"[^a-z]+", key.name.lower())):
            return key
    return None


def _only_stack(file: Members, keys: list[Key]) -> Key | None:
    """The only array whose shape is that of images, whatever it is called."""
    found = []
    for key in keys:
        try:
            array = file[key.name]
        except ValueError:
            continue
        stack = array.ndim in (3, 4) and array.dtype.kind in "biuf" and len(array) > 1
        if stack and min(array.shape[1:3]) > 4:
            found.append(key)
    return found[0] if len(found) == 1 else None
