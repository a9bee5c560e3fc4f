"""Data that come one after another, without a length: a stream of `datasets`, a generator.

They go into a tar file as they come, a PNG each, so that memory does not grow with their number.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.core import system
from ganzfeld.errors import DataError


def numbers(value: Any) -> NDArray[Any]:
    """A NumPy array of an array, nested lists or a tensor; NumPy has no bfloat16: float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    array: NDArray[Any] = np.asarray(value)
    return array


def is_stream(dataset: Any) -> bool:
    """Whether it can be gone through, and has no length.

    Example::

        from ganzfeld.data.streams import is_stream

        assert is_stream(iter([1])) and not is_stream([1])
    """
    return hasattr(dataset, "__iter__") and not hasattr(dataset, "__len__")


def write(path: Path, items: Iterator[tuple[Any, str | None]]) -> Path:
    """Images with the names of their classes, or None, as a tar file of folders of PNGs.

    Equal streams make equal files. Raises DataError for an item that is no image, by its number,
    where some items have labels and others none, and where there are none at all.
    """
    partial = path.with_name(f".tmp-{path.name}")
    count = labelled = 0
    with open(partial, "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for count, (image, label) in enumerate(items, 1):
                labelled += label is not None
                data = encoded(image, count - 1)
                home = "" if label is None else re.sub(r"[/\\\0]", "_", label).strip(". ") + "/"
                info = tarfile.TarInfo(f"{home}{count - 1:08d}.png")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
                archive.members = []  # type: ignore[attr-defined]  # or it keeps all of them
        file.flush()
        os.fsync(file.fileno())
    if not count:
        raise DataError("the data set is empty")
    if labelled not in (0, count):
        raise DataError(f"{count - labelled:,} of {count:,} items have no label")
    system.replace(partial, path)
    return path


def encoded(image: Any, number: int) -> bytes:
    """One image as PNG: PIL's, or uint8 (H, W), (H, W, C) or (C, H, W)."""
    if not isinstance(image, Image.Image):
        array = numbers(image)
        if array.dtype != np.uint8 or array.ndim not in (2, 3):
            raise DataError(
                f"item {number:,} of the stream is no image: a PIL image or uint8 pixels are, and "
                f"this is {array.dtype} of shape {array.shape}",
                fix="(255 * x).astype('uint8') of floats in [0, 1]",
            )
        if array.ndim == 3 and array.shape[0] <= 4 < min(array.shape[1:]):
            array = array.transpose(1, 2, 0)
        image = Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
