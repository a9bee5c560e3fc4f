"""DICOM files, as scanners write them: by pydicom, an extra."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.errors import UsageError
from ganzfeld.modalities.image.bad import BadPicture

WINDOWED = "DICOM, by its own window"


def import_pydicom() -> Any:
    """`pydicom`. Raises `UsageError` when it is not installed."""
    try:
        import pydicom
    except ImportError:
        raise UsageError(
            "reading DICOM files needs pydicom, which is not installed",
            fix="pip install 'ganzfeld[dicom]'",
        ) from None
    return pydicom


def header(data: bytes) -> Any:
    """All of a file but its pixels."""
    return _read(data, stop_before_pixels=True)


def _read(data: bytes, *, stop_before_pixels: bool = False) -> Any:
    try:
        return import_pydicom().dcmread(io.BytesIO(data), stop_before_pixels=stop_before_pixels)
    except UsageError:
        raise
    except Exception as error:  # it raises many kinds for damaged files
        raise BadPicture(f"damaged (DICOM: {error})") from error


def count_frames(data: bytes) -> int:
    return int(getattr(header(data), "NumberOfFrames", 1) or 1)


def size_of(data: bytes) -> tuple[int, int, bool]:
    """Height, width and whether it is grey."""
    found = header(data)
    try:
        grey = int(getattr(found, "SamplesPerPixel", 1)) == 1
        return int(found.Rows), int(found.Columns), grey
    except (AttributeError, TypeError, ValueError):
        raise BadPicture("a DICOM file without an image") from None


def pixels(data: bytes, frame: int, *, by_window: bool) -> tuple[NDArray[Any], str]:
    """One frame: values (H, W) in the file's units (Hounsfield for CT) or uint8 (H, W, 3).

    by_window: scale grey by the file's own window to 0 to 1, where it has one. The text is a fact
    to count. MONOCHROME1 is inverted, so that high is bright always.
    """
    found = _read(data)
    try:
        values = np.asarray(found.pixel_array)
    except Exception as error:  # no pixels, or a compression that needs another package
        raise BadPicture(f"a DICOM file whose pixels are not read here ({error})") from error
    if int(getattr(found, "NumberOfFrames", 1) or 1) > 1:
        if frame >= len(values):
            raise BadPicture(f"there is no frame {frame}")
        values = values[frame]
    kind = str(getattr(found, "PhotometricInterpretation", ""))
    if values.ndim == 3:
        if kind.startswith("YBR"):
            values = import_pydicom().pixels.convert_color_space(values, kind, "RGB")
        return values, "DICOM, in colour"
    slope = float(getattr(found, "RescaleSlope", 1) or 1)
    base = float(getattr(found, "RescaleIntercept", 0) or 0)
    if slope != 1 or base != 0:
        values = values.astype(np.float64) * slope + base
        if not (values % 1).any():
            values = values.astype(np.int32)
    dark = kind == "MONOCHROME1"
    window = _window(found)
    if by_window and window:
        low, high = window
        values = np.clip((values.astype(np.float64) - low) / (high - low), 0, 1)
        return (1 - values if dark else values), WINDOWED
    if dark:
        values = values.max() + values.min() - values
    return values, "DICOM"


def _window(found: Any) -> tuple[float, float] | None:
    """The first window of a file as (low, high)."""
    try:
        centre, width = found.WindowCenter, found.WindowWidth
        if not isinstance(centre, float | int | str):
            centre, width = centre[0], width[0]
        centre, width = float(centre), float(width)
    except (AttributeError, TypeError, ValueError, IndexError):
        return None
    return (centre - width / 2, centre + width / 2) if width > 0 else None
