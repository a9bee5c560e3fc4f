"""Series out of arrays: (N, C, T), (N, T, C) or (N, T), in .npy and .npz."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.core.progress import Progress
from ganzfeld.data import arrays
from ganzfeld.data.clock import NAMES
from ganzfeld.data.fields import gather_fields, npz_headers, read_arrays, samples_key
from ganzfeld.data.listing import Stamp
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.errors import DataError

KIND = "modality"  # an array of an .npz that says, as text, what its samples are
CHANNELS = ("channels", "names", "columns", "features")  # arrays that name channels
ASKED = "as asked (--as series)"


def npy_series(path: Path, stamps: Sequence[Stamp]) -> Gathered:
    """The series of a .npy file."""
    array = arrays.read_npy(path)
    return _source("npy", path, ASKED, stamps, lambda: (array, {}))


def npz_series(path: Path, asked: bool, stamps: Sequence[Stamp]) -> Gathered | None:
    """The series of an .npz; None where nobody asked for series, and it does not say so itself.

    It says so by an array "modality" that is the text "series", or by a row of times as long as an
    axis of its samples, called time, date or the like.
    """
    headers = npz_headers(path)
    key = samples_key(headers)
    if not key:
        return None
    why = ASKED if asked else why_series(path, headers, key)
    if not why:
        return None

    def read() -> tuple[NDArray[Any], Mapping[str, NDArray[Any]]]:
        found = read_arrays(path, list(headers))
        return found.pop(key), found

    source = _source("npz", path, why, stamps, read)
    source.taken["arrays"] = shown(key)
    return source


def why_series(
    path: Path, headers: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], key: str
) -> str:
    """What in an .npz says that its samples are series; "" for nothing."""
    if KIND in headers and headers[KIND][1].kind in "US":
        said = read_arrays(path, [KIND])[KIND]
        if said.size == 1 and str(said.reshape(-1)[0]) == "series":
            return "as the array modality says"
    shape = headers[key][0]
    if len(shape) != 3:
        return ""
    for name, (other, _) in headers.items():
        if name.casefold() in NAMES and len(other) == 1 and other[0] in shape[1:]:
            return f"by the array {shown(name)} of times"
    return ""


def _source(
    kind: str,
    path: Path,
    why: str,
    stamps: Sequence[Stamp],
    read: Callable[[], tuple[NDArray[Any], Mapping[str, NDArray[Any]]]],
) -> Gathered:
    """read: gives the samples, and the arrays beside them by name."""

    def gather(progress: Progress) -> Raw:
        return gather_arrays(*read(), source, progress)

    source = Gathered(
        kind=kind,
        name=path.name.split(".")[0] or "data",
        place=str(path),
        stamps=list(stamps),
        modality="series",
        gather=gather,
    )
    source.taken["modality"] = f"series, {why}"
    return source


def gather_arrays(
    array: NDArray[Any], beside: Mapping[str, NDArray[Any]], source: Gathered, progress: Progress
) -> Raw:
    """Series as (N, C, T) float32, and the columns beside them, by name."""
    others = {name: other for name, other in beside.items() if is_beside(name, other, array)}
    raw = gather_fields(array, others, source, progress, axes=series_axes, stored={})
    spec = raw.columns["x"].spec
    for name in CHANNELS:
        found = beside.get(name)
        if found is not None and found.shape == (spec.shape[0],) and found.dtype.kind in "US":
            spec.extra["names"] = [str(one) for one in found]
            break
    source.taken["modality"] += f"; {source.taken.get('axes', '')}"
    return raw


def is_beside(name: str, other: NDArray[Any], array: NDArray[Any]) -> bool:
    """Whether an array says something of each series: not of the steps, nor of the channels."""
    if name in (KIND, *CHANNELS):
        return False
    times = name.casefold() in NAMES and other.ndim == 1 and len(other) in array.shape[1:]
    return not times or len(other) == len(array)


def series_axes(array: NDArray[Any], place: str) -> tuple[NDArray[Any], str]:
    """The array as (N, C, T), and what its axes were taken for: channels are the shorter axis."""
    if array.dtype.kind not in "iufb":
        raise DataError(f"{shown(place)} holds {array.dtype}, which are no numbers")
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise DataError(
            f"{shown(place)} has the shape {array.shape}, which is not that of series",
            fix="use (N, C, T), (N, T, C) or (N, T)",
        )
    if array.ndim == 2:
        return array[:, None], "(N, T): one channel"
    if array.shape[1] > array.shape[2]:
        return array.transpose(0, 2, 1), "(N, T, C): steps, then channels"
    return array, "(N, C, T): channels, then steps"
