"""Data that a Python program holds: arrays, tensors, torch and Hugging Face data sets.

They are written once into a file that every other command reads, so that a run can go on after
the program has ended.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.core import system
from ganzfeld.data import streams
from ganzfeld.data.streams import numbers
from ganzfeld.errors import DataError, UsageError

IMAGE_COLUMNS = ("image", "images", "img", "x", "pixel_values")
LABEL_COLUMNS = ("label", "labels", "class", "y", "fine_label")
WANTED = (
    "a path; an array or tensor (N, H, W), (N, C, H, W) or (N, H, W, C); (images, labels); "
    "a torch Dataset; a datasets.Dataset; or anything that gives such items one after another"
)


def is_path(source: Any) -> bool:
    return isinstance(source, str | os.PathLike)


def store(
    dataset: Any,
    folder: Path,
    *,
    image_column: str | None = None,
    label_column: str | None = None,
) -> Path:
    """Write the images of `dataset` into `folder`, and give the path of the file.

    dataset: an array or tensor of images (N, H, W), (N, C, H, W) or (N, H, W, C), uint8, or float
        in [0, 1] or [-1, 1]; a pair (images, labels); a mapping of columns; a torch `Dataset`
        whose items are an image, (image, label) or a mapping; or a `datasets.Dataset`. Single
        images may be PIL images, arrays or tensors (C, H, W). What has no length, such as a
        stream of `datasets` or a torch `IterableDataset`, is taken item by item.
    image_column, label_column: names of columns, where there are columns; by default the usual
        ones. A label column of "none" leaves labels aside.

    Images of one shape that are numbers become `dataset.npz`, PIL images `dataset.zip`, and a
    stream `dataset.tar`.
    Raises UsageError for other types, DataError for images that cannot be stored.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = class_names(dataset, label_column)
    if streams.is_stream(dataset):
        items = (parts_of(item, image_column, label_column) for item in dataset)
        return streams.write(folder / "dataset.tar", items_of(items, names))
    images, labels = columns_of(dataset, image_column, label_column)
    if isinstance(images, np.ndarray):
        return write_arrays(folder / "dataset.npz", images, labels, names)
    pairs = ((image, None) for image in images) if labels is None else zip(images, labels)  # noqa: B905
    return write_items(folder, items_of(pairs, names))


def columns_of(
    dataset: Any, image_column: str | None, label_column: str | None
) -> tuple[Any, Any | None]:
    """Images and labels: arrays where they are arrays, else iterables."""
    if isinstance(dataset, tuple) and len(dataset) == 2 and is_stack(dataset[0]):
        return numbers(dataset[0]), labels_of(dataset[1])
    if is_stack(dataset):
        return numbers(dataset), None
    if isinstance(dataset, Mapping):
        image, label = choose(list(dataset), image_column, label_column)
        images = dataset[image]
        labels = None if label is None else labels_of(dataset[label])
        return (numbers(images) if is_stack(images) else images), labels
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise UsageError(
            f"data of the type {type(dataset).__name__} cannot be read",
            safe="nothing was trained",
            fix="its data set: ganzfeld.train(loader.dataset)"
            if isinstance(getattr(dataset, "dataset", None), Sized)  # a DataLoader
            else f"give {WANTED}",
        )
    if len(dataset) == 0:
        raise DataError("the data set is empty")
    items = [parts_of(dataset[i], image_column, label_column) for i in range(len(dataset))]
    known = [label for _, label in items if label is not None]
    if known and len(known) < len(items):
        raise DataError(f"{len(items) - len(known):,} of {len(items):,} items have no label")
    return [image for image, _ in items], known or None


def parts_of(item: Any, image_column: str | None, label_column: str | None) -> tuple[Any, Any]:
    """Image and label (or None) of one item of a data set."""
    if isinstance(item, Mapping):
        image, label = choose(list(item), image_column, label_column)
        return item[image], None if label is None else item[label]
    if isinstance(item, list) and item and all(isinstance(row, list) for row in item):
        return numbers(item), None  # pixels as nested lists
    if isinstance(item, tuple | list) and item and not is_number(item[0]):
        return item[0], item[1] if len(item) > 1 and label_column != "none" else None
    return item, None


def choose(
    names: Sequence[str], image_column: str | None, label_column: str | None
) -> tuple[str, str | None]:
    """Names of the image and the label column. Raises UsageError where they are not there."""
    for asked in (image_column, label_column):
        if asked not in (None, "none") and asked not in names:
            raise UsageError(f"there is no column {asked!r}. The columns: {', '.join(names)}.")
    image = image_column or next((name for name in IMAGE_COLUMNS if name in names), None)
    if image is None:
        raise UsageError(
            f"no column is called {', '.join(IMAGE_COLUMNS)}. The columns: {', '.join(names)}.",
            fix='name it: ganzfeld.train(dataset, image_column="...")',
        )
    label = label_column or next((name for name in LABEL_COLUMNS if name in names), None)
    return image, None if label == "none" else label


def class_names(dataset: Any, label_column: str | None) -> list[str] | None:
    """Names of the classes where the data set tells them: Hugging Face's, or torchvision's."""
    features = getattr(dataset, "features", None)
    if isinstance(features, Mapping):
        column = label_column or next((n for n in LABEL_COLUMNS if n in features), None)
        names = getattr(features.get(column), "names", None)
        return list(names) if names else None
    names = getattr(dataset, "classes", None)
    return [str(name) for name in names] if isinstance(names, list | tuple) and names else None


def is_stack(value: Any) -> bool:
    """An array or a tensor of several images."""
    return isinstance(value, np.ndarray) or hasattr(value, "detach")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number)


def labels_of(value: Any) -> NDArray[Any]:
    return numbers(value) if is_stack(value) else np.asarray(list(value))


def write_arrays(
    path: Path, images: NDArray[Any], labels: NDArray[Any] | None, names: list[str] | None
) -> Path:
    found = {"x": images}
    if labels is not None:
        if len(labels) != len(images):
            raise DataError(f"{len(images):,} images and {len(labels):,} labels")
        named = names and labels.dtype.kind in "iu" and labels.ndim == 1
        found["y"] = np.array(names)[labels] if named else labels
    partial = path.with_name(f".tmp-{path.name}")
    with open(partial, "wb") as file:
        np.savez(file, **found)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    system.replace(partial, path)
    return path


def items_of(pairs: Any, names: list[str] | None) -> Iterator[tuple[Any, str | None]]:
    """Images with the names of their classes."""
    for image, label in pairs:
        if label is None:
            yield image, None
            continue
        label = label.item() if hasattr(label, "item") else label
        named = names is not None and isinstance(label, int) and 0 <= label < len(names)
        yield image, names[label] if named and names else str(label)


def write_items(folder: Path, items: Iterator[tuple[Any, str | None]]) -> Path:
    """PIL images into a ZIP of PNGs, class by class; numbers of one shape into an .npz."""
    pairs = list(items)
    if all(not isinstance(image, Image.Image) for image, _ in pairs):
        arrays = [numbers(image) for image, _ in pairs]
        if len({(array.shape, array.dtype) for array in arrays}) == 1:
            labels = None if pairs[0][1] is None else np.array([label for _, label in pairs])
            return write_arrays(folder / "dataset.npz", np.stack(arrays), labels, None)
        raise DataError(
            "the images are numbers of different shapes or types",
            fix="resize them to one shape, or give PIL images",
        )
    path = folder / "dataset.zip"
    partial = path.with_name(f".tmp-{path.name}")
    with zipfile.ZipFile(partial, "w") as file:
        for index, (image, label) in enumerate(pairs):
            if not isinstance(image, Image.Image):
                raise DataError(f"image {index} is no PIL image, others are")
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            home = "" if label is None else re.sub(r"[/\\\0]", "_", label).strip(". ") + "/"
            entry = zipfile.ZipInfo(f"{home}{index:08d}.png")  # of no time: equal data, equal files
            file.writestr(entry, buffer.getvalue())
    system.replace(partial, path)
    return path
