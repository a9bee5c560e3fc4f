"""Several .npy files that are one data set: X and y, parts of it, or the images of each class."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import capped, natural, shown
from ganzfeld.data import arrays, layout
from ganzfeld.data.containers import read_numbers, stamp_of
from ganzfeld.data.npz import Loaded, chosen, key_of
from ganzfeld.data.source import Reading, Ready
from ganzfeld.errors import DataError

FLAT = {784: (28, 28), 3072: (3, 32, 32)}  # rows of numbers that are images: MNIST's, CIFAR's
PART = re.compile(r"(part|batch|chunk|shard|fold|data|images|x)?[-_ ]?(batch)?[-_ ]?\d+")
MOST = 400  # classes


def of_arrays(root: Path, names: list[str], reading: Reading) -> Ready | None:
    """The images of .npy files that belong together; None where each holds one, or all differ.

    `X.npy` with `y.npy`, also `X_train.npy` and so on, are read as in an .npz. Files with many
    images of one shape each, such as `cat.npy` and `dog.npy`, are classes, or parts if they are
    numbered.
    """
    if len(names) < 2 or len(names) > MOST:
        return None
    stems = {Path(name).stem: name for name in names}
    keys = [key_of(stem) for stem in stems]
    if len(stems) == len(names) and all(key.what for key in keys):
        whats = [(key.what, key.part) for key in keys]
        if len({*whats}) == len(whats) and any(what == "image" for what, _ in whats):
            return _named(root, stems, reading)
    shapes = {name: _header(root / name) for name in names}
    if None in shapes.values() or not _are_stacks([shape for shape in shapes.values() if shape]):
        return None
    return _stacked(root, sorted(names, key=natural), reading)


def _header(path: Path) -> tuple[tuple[int, ...], Any] | None:
    """Shape and type of an array, without reading it."""
    try:
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                read = np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
    except arrays.NUMPY_ERRORS:
        return None
    return shape, dtype


def _are_stacks(found: list[tuple[tuple[int, ...], Any]]) -> bool:
    """Whether all arrays hold several images of bytes, of one shape."""
    rests = {shape[1:] for shape, _ in found}
    if len(rests) != 1 or any(dtype != np.uint8 or len(shape) < 2 for shape, dtype in found):
        return False
    rest = rests.pop()
    if len(rest) == 1:
        return rest[0] in FLAT
    one = any(shape[0] <= 4 for shape, _ in found) or (len(rest) == 2 and rest[1] <= 4)
    return len(rest) in (2, 3) and not one  # neither (C, H, W) nor (H, W, C)


def _named(root: Path, stems: Mapping[str, str], reading: Reading) -> Ready:
    """Arrays that are called as those of an .npz."""

    def read() -> tuple[NDArray[Any], NDArray[Any] | None]:
        held = Loaded({stem: arrays.read_npy(root / name) for stem, name in stems.items()})
        found = chosen(held, [key_of(stem) for stem in stems], root.name, reading.splits)
        source.aside += found.aside
        source.taken["arrays"] = found.keys
        return found.images, found.labels

    source = read_numbers("npy", root, read, reading)
    source.stamps = [stamp_of(root / name) for name in stems.values()]
    return source


def _stacked(root: Path, names: list[str], reading: Reading) -> Ready:
    """Stacks of images, one below the other."""
    aside = layout.set_aside([f"{Path(name).with_suffix('')}/x" for name in names])
    if reading.splits == "all":
        aside = {}
    kept = [name for name in names if str(Path(name).with_suffix("")) not in aside] or names
    classes = [Path(name).stem for name in kept]
    numbered = all(PART.fullmatch(stem.casefold()) for stem in classes) or len(classes) == 1

    def read() -> tuple[NDArray[Any], NDArray[Any] | None]:
        stacks = [arrays.read_npy(root / name) for name in kept]
        if (width := stacks[0].shape[1:]) and len(width) == 1:
            shape = FLAT[width[0]]
            stacks = [stack.reshape(-1, *shape) for stack in stacks]
        labels = np.concatenate(
            [np.full(len(stack), name) for stack, name in zip(stacks, classes, strict=True)]
        )
        return np.concatenate(stacks), None if numbered else labels

    source = read_numbers("npy", root, read, reading)
    source.stamps = [stamp_of(root / name) for name in names]
    listed = ", ".join(capped([shown(name) for name in kept], 4))
    source.taken["arrays"] = f"{listed}, {'parts of one set' if numbered else 'a class each'}"
    if left := [name for name in names if name not in kept]:
        source.aside.append(f"test arrays {', '.join(capped([shown(n) for n in left], 4))}")
    return source


def several(root: Path, names: list[str]) -> DataError:
    """What to do with arrays that do not go together as they are."""
    listed = ", ".join(capped([shown(name) for name in names], 5))
    what = f"{shown(str(root))} holds several data sets: {listed}"
    if not all(name.endswith(".npz") for name in names):
        return DataError(what, fix='one file of all: np.savez("data.npz", x=images, y=labels)')
    one = shlex.quote(str(root / names[0]))
    code = (
        "import glob, numpy as np; fs = sorted(glob.glob('*.npz')); k = np.load(fs[0]).files[0]; "
        "np.save('data.npy', np.stack([np.load(f)[k] for f in fs]))"
    )
    return DataError(
        what,
        fix=f"ganzfeld data check {one}   for one of them; if each is one sample: "
        f'cd {shlex.quote(str(root))} && python -c "{code}"',
    )
