"""Arrays of numbers that are no images: fields of one, two or three dimensions, with channels."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.core.progress import Progress
from ganzfeld.data.arrays import NOT_FINITE, NUMPY_ERRORS, numpy_reason
from ganzfeld.data.candidates import captions_of
from ganzfeld.data.columns import CHUNK_BYTES, EXACT, Values
from ganzfeld.data.npz import TRAIN, key_of, need_tame
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.data.typed import number, typed
from ganzfeld.errors import DataError
from ganzfeld.modalities.base import Spec
from ganzfeld.modalities.image.ranges import FLAT, SMALL, greys, look, usual

FAR = 1_000.0  # widths of the range that holds 98 % of the numbers
SAMPLED = 256  # samples by which it is decided whether numbers are pixels
NARROW = 16  # channels at most, and a fourth of the length: (N, C, L) rather than (N, H, W)
Axes = Callable[[NDArray[Any], str], tuple[NDArray[Any], str]]
STORED = {"uint8": "uint8", "int16": "int16", "int32": "int32", "bool": "uint8"}


def why_field(array: NDArray[Any]) -> str:
    """Why an array is no stack of images; "" where it may be one.

    Images have 3 or 4 axes with 1 to 4 channels, and numbers as files of images have them: uint8,
    uint16 or bool, or others in a range that is usual for pixels (0 to 1, -1 to 1, 0 to 255,
    whole ones from 0 to a power of two) of which they fill a part that can be seen. By up to 256
    samples, evenly spread.
    """
    if array.dtype.kind not in "iuf" or array.ndim < 2 or not len(array):
        return ""
    if array.dtype in (np.uint8, np.uint16):
        return ""
    if array.ndim not in (3, 4, 5) or 0 in array.shape:
        return ""
    places = np.unique(np.linspace(0, len(array) - 1, SAMPLED).round().astype(np.int64))
    some = np.asarray(array[places])
    some = some[np.isfinite(some).all(axis=tuple(range(1, some.ndim)))] if some.size else some
    if not some.size or some.min() == some.max():
        return ""
    if array.ndim == 5:
        return "it has five axes"
    if array.ndim == 4 and not (array.shape[1] <= 4 or array.shape[3] <= 4):
        return f"it has {array.shape[1]} channels"
    seen = look(some)
    if (found := usual(seen)) is not None and greys(seen, found.low, found.high) >= FLAT:
        return ""
    return f"its numbers lie in {some.min():g} to {some.max():g}, which pixels do not"


def npz_headers(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of every array of an .npz, without reading any."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as file:
                    version = np.lib.format.read_magic(file)
                    read = np.lib.format.read_array_header_1_0
                    if version != (1, 0):
                        read = np.lib.format.read_array_header_2_0
                    shape, _, dtype = read(file)
                found[member.removesuffix(".npy")] = (shape, dtype)
    except (*NUMPY_ERRORS, MemoryError):
        return {}
    return found


def samples_key(headers: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]) -> str:
    """The array that holds the samples: by its name, else the largest of two axes or more."""
    keys = [key_of(name) for name in headers]
    named = [key for key in keys if key.what == "image" and len(headers[key.name][0]) > 1]
    for part in ("train", "", "held"):
        if found := next((key.name for key in named if key.part == part), ""):
            return found
    sizes = {
        name: math.prod(shape)
        for name, (shape, dtype) in headers.items()
        if len(shape) > 1 and dtype.kind in "iufb"
    }
    return max(sizes, key=lambda name: sizes[name], default="")


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz by name. Never unpickles."""
    need_tame(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except NUMPY_ERRORS as error:
        raise DataError(f"{shown(path.name)}: {numpy_reason(error)}") from error


def npz_fields(path: Path, modality: str, **more: Any) -> Gathered | None:
    """The fields of an .npz; None where its samples look like images, and nobody asked for fields.

    modality: "auto" or "field".
    """
    headers = npz_headers(path)
    key = samples_key(headers)
    if not key:
        return None
    _, dtype = headers[key]
    why = f"as asked (--as {modality})"
    if modality == "auto":
        if dtype in (np.uint8, np.uint16, np.bool_) or dtype.kind not in "iuf":
            return None
        why = why_field(read_arrays(path, [key])[key])
        if not why:
            return None

    def read() -> tuple[NDArray[Any], Mapping[str, NDArray[Any]]]:
        part = key_of(key).part
        held = [n for n in headers if key_of(n).part == "held" and part != "held"]
        others = [n for n in headers if n != key and n not in held]
        found = read_arrays(path, [key, *others])
        if held:
            source.aside.append(f"test and validation arrays {', '.join(map(shown, held))}")
        source.taken["arrays"] = shown(key)
        return found.pop(key), {_plain(name): array for name, array in found.items()}

    source = fields_of("npz", path.name.split(".")[0] or "data", str(path), read, why, **more)
    return source


def _plain(name: str) -> str:
    """`energy` for `energy_train`: the name of a column without its part."""
    words = [word for word in name.split("_") if word.casefold() not in TRAIN]
    return "_".join(words) or name


def fields_of(
    kind: str,
    name: str,
    place: str,
    read: Callable[[], tuple[NDArray[Any], Mapping[str, NDArray[Any]]]],
    why: str,
    **more: Any,
) -> Gathered:
    """A source of fields. read: gives the samples and the arrays beside them, by name."""

    def gather(progress: Progress) -> Raw:
        array, beside = read()
        return gather_fields(array, beside, source, progress)

    source = Gathered(kind=kind, name=name, place=place, modality="field", gather=gather, **more)
    source.taken["modality"] = (
        f"fields, whose numbers are kept: {why}; --range LOW:HIGH makes images of them"
        if "asked" not in why
        else f"fields, {why}"
    )
    return source


def gather_fields(
    array: NDArray[Any],
    beside: Mapping[str, NDArray[Any]],
    source: Gathered,
    progress: Progress,
    axes: Axes | None = None,
    stored: Mapping[str, str] = STORED,
) -> Raw:
    """Fields as (N, C, ...), with their numbers as they are. beside: other arrays, by name.

    axes: puts the axes in order, `with_channels` by default. stored: types that are kept, and as
    what; others become float32.
    """
    array, words = (axes or with_channels)(array, source.place)
    dtype = stored.get(array.dtype.name, "float32")  # of either order of bytes
    bad, low, high = _looked_at(array, dtype, progress)
    spec = Spec(source.modality, tuple(array.shape[1:]), dtype)
    raw = Raw(
        columns={"x": Values(spec=spec, rows=array)},
        titles=Titles(len(array)),
        bad=bad,
        values=f"{array.dtype.name} {low:g} to {high:g}, kept as {dtype}" if low <= high else "",
    )
    if alone := far_off(array, low, high):
        source.warnings.append(alone)
    if array.dtype.kind in "iu" and dtype == "float32" and max(-low, high) > EXACT:
        source.warnings.append(
            f"{shown(source.place)} has whole numbers above {EXACT:,}: they are rounded to 7 digits"
        )
    source.taken["axes"] = words
    if array.dtype.name != dtype and len(bad) < len(array):
        raw.facts[f"{array.dtype.name} to {dtype}"] = len(array) - len(bad)
    for name, values in columns_beside(beside, len(array), source).items():
        raw.columns[name] = values
    label = next((n for n in ("y", "label", "labels", "class") if n in raw.columns), "")
    if label and raw.columns[label].spec.modality == "class":
        values = raw.columns.pop(label)
        raw.labels = np.asarray(values.rows, dtype=np.int64)
        raw.classes = tuple(values.spec.extra["names"])
        source.taken["labels"] = f"the array {shown(label)}"
    return raw


def far_off(array: NDArray[Any], low: float, high: float) -> str:
    """A sentence on a few values so far from all others that networks would see little else; "" for
    none. low, high: of all values. Sparse values that are never negative are seen by logarithms."""
    some = np.asarray(array[:: max(1, len(array) // SAMPLED)], np.float64)
    some = some[np.isfinite(some)]
    if not some.size or not math.isfinite(high - low):
        return ""
    first, last = (float(one) for one in np.quantile(some, (0.01, 0.99)))
    reach = max(high - last, first - low)
    if first >= last or reach <= FAR * (last - first) or low >= 0:
        return ""
    worst = high if high - last > first - low else low
    return (
        f"98 % of the numbers lie in {first:g} to {last:g}, but one is {worst:g}: if it is an "
        "error, leave that sample out, for it sets the scale by which networks see all others"
    )


def with_channels(array: NDArray[Any], place: str) -> tuple[NDArray[Any], str]:
    """The array with an axis of channels behind the samples, and what its axes were taken for."""
    if array.dtype.kind not in "iufb":
        raise DataError(f"{shown(place)} holds {array.dtype}, which are no numbers")
    if array.ndim < 2 or array.ndim > 5 or 0 in array.shape:
        raise DataError(
            f"{shown(place)} has the shape {array.shape}, which is not that of fields",
            fix="use (N, C, H, W), (N, H, W), (N, C, L) or (N, C, D, H, W)",
        )
    if array.ndim == 2:
        return array[:, None], "(N, L): one channel of lines"
    if array.ndim == 3:
        rows, length = array.shape[1:]
        if rows <= NARROW and length >= 4 * rows:
            return array, f"(N, C, L): {rows} channels of length {length}; (N, 1, H, W) for maps"
        return array[:, None], "(N, H, W): one channel"
    if array.ndim == 4 and array.shape[3] <= 4 < array.shape[1]:
        return array.transpose(0, 3, 1, 2), "(N, H, W, C): channels last, put first"
    return array, "(N, C, H, W)" if array.ndim == 4 else "(N, C, D, H, W)"


def _looked_at(
    array: NDArray[Any], dtype: str, progress: Progress
) -> tuple[dict[int, str], float, float]:
    """Bad samples with their reasons, and the range of the others."""
    bad: dict[int, str] = {}
    low, high = math.inf, -math.inf
    each = max(1, CHUNK_BYTES // max(1, array[0].nbytes))
    top = float(np.finfo(np.float32).max)
    for start in range(0, len(array), each):
        rows = np.asarray(array[start : start + each])
        if rows.dtype.kind in "fu" or rows.dtype.itemsize > 4:
            axes = tuple(range(1, rows.ndim))
            finite = np.isfinite(rows).all(axis=axes)
            small = finite
            if rows.dtype.itemsize > 4:
                known = np.where(np.isfinite(rows), rows, 0)
                small = finite & (np.abs(known) <= top).all(axis=axes)
            bad |= {start + int(row): NOT_FINITE for row in np.flatnonzero(~finite)}
            large = np.flatnonzero(finite & ~small)
            bad |= {start + int(row): "holds numbers too large for float32" for row in large}
            rows = rows[finite & small]
        if rows.size:
            low, high = min(low, float(rows.min())), max(high, float(rows.max()))
        progress("reading", min(start + each, len(array)), len(array))
    if 0 < max(-low, high) < SMALL:
        bad = dict.fromkeys(range(len(array)), f"holds numbers below {SMALL:g}: multiply them")
    return bad, (low if low <= high else math.nan), (high if low <= high else math.nan)


def columns_beside(
    beside: Mapping[str, NDArray[Any]], count: int, source: Any
) -> dict[str, Values]:
    """Arrays of as many rows as columns: numbers, classes, several classes at once, or texts."""
    found: dict[str, Values] = {}
    for name, array in beside.items():
        for part, values in _column(name, np.asarray(array), count, source.rules).items():
            found[part] = values
        if name not in found and f"{name}_0" not in found:
            source.aside.append(f"the array {shown(name)} of the shape {array.shape}")
    return found


def _column(name: str, array: NDArray[Any], count: int, rules: int) -> dict[str, Values]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 0 or len(array) != count or array.dtype.kind not in "biufUS":
        return {}
    if array.ndim == 1 and array.dtype.kind in "US":
        values = typed([_text(cell) for cell in array], rules=rules)
    elif array.ndim == 2 and array.dtype.kind in "US":  # several captions of each sample
        lines = {row: [_text(cell) for cell in some] for row, some in enumerate(array)}
        values = captions_of(name, lines, [], rules)
    elif array.ndim == 1 and name in ("y", "label", "labels", "class") and array.dtype.kind != "f":
        values = typed([_scalar(cell) for cell in array], rules=rules, classes=True)
    elif array.ndim == 1 and array.dtype.kind == "b":
        values = typed([bool(cell) for cell in array], rules=rules)
    elif array.ndim == 1:
        if not np.isfinite(array).any():
            return {}
        values = number(array, whole=array.dtype.kind in "iu")
    elif array.ndim == 2 and array.shape[1] <= 1024 and np.isin(array, (0, 1)).all():
        values = typed(array.astype(int).tolist(), rules=rules)
    elif array.ndim == 2 and array.shape[1] <= 64:
        rows = {f"{name}_{i}": number(part, whole=False) for i, part in enumerate(array.T)}
        return rows if np.isfinite(array).any(axis=0).all() else {}
    else:
        return {}
    return {} if values is None else {name: values}


def _text(cell: Any) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _scalar(cell: Any) -> Any:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell.item()


class Titles(Sequence[str]):
    """Names of samples that have none: "index 7". As a sequence that takes no memory."""

    def __init__(self, total: int, word: str = "index", first: int = 0) -> None:
        self.total, self.word, self.first = total, word, first

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, place: Any) -> Any:
        if place >= self.total:
            raise IndexError(place)
        return f"{self.word} {place + self.first}"
