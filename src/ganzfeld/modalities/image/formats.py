"""Open one encoded image by its content: the formats allowed, its size, its frames."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.modalities.image.bad import BadPicture

# EPS would start Ghostscript, and WMF Windows' own code: never tried.
FORMATS = (
    "PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF", "JPEG2000", "QOI", "DDS", "SGI",
    "SUN", "ICO", "ICNS", "PSD", "FITS", "BLP", "DCX",
)  # fmt: skip
# Formats whose beginning says little: tried for files that are called so.
BY_NAME = {
    "tga": "TGA", "icb": "TGA", "vda": "TGA", "vst": "TGA", "pcx": "PCX", "xbm": "XBM",
    "xpm": "XPM", "msp": "MSP", "im": "IM", "pcd": "PCD", "fli": "FLI", "flc": "FLI",
    "cur": "CUR", "spi": "SPIDER", "spider": "SPIDER",
}  # fmt: skip
SUFFIXES = {
    "PNG": {"png", "apng"},
    "JPEG": {"jpg", "jpeg", "jpe", "jfif"},
    "MPO": {"jpg", "jpeg", "jpe", "jfif", "mpo"},
    "WEBP": {"webp"},
    "BMP": {"bmp", "dib"},
    "TIFF": {"tif", "tiff"},
    "GIF": {"gif"},
    "PPM": {"ppm", "pgm", "pbm", "pnm", "pfm"},
    "AVIF": {"avif", "avifs"},
}
ANIMATED = ("gif", "webp", "png", "apng", "tif", "tiff", "fli", "flc", "dcx", "avif", "mpo")
FRAME = "\0"  # between a file's name and the number of a frame: no name holds it
MAX_FRAMES = 1_000_000
MAX_SCANS = 200  # of a progressive JPEG; encoders make about ten
NPY = b"\x93NUMPY"
TAME_PIXELS, TAME_BYTES = 24_000_000, 64 << 20  # decoded within a second or so


def is_npy(data: bytes) -> bool:
    return data.startswith(NPY)


def is_dicom(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def opened(data: bytes, max_megapixels: float, name: str = "") -> Image.Image:
    """Open by content, of the formats allowed, and check the header's size before any decoding."""
    end = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    formats = (*FORMATS, BY_NAME[end]) if end in BY_NAME else FORMATS
    _check_scans(data)
    with without_pillows_limit():  # it is lower, and does not name the size; ours follows
        image = Image.open(io.BytesIO(data), formats=formats)
    check_size(*image.size, max_megapixels)
    return image


def check_size(width: int, height: int, max_megapixels: float) -> None:
    if width * height > max_megapixels * 1e6:
        raise BadPicture(
            f"too large: {width * height / 1e6:,.0f} megapixels, the limit is {max_megapixels:g} "
            "(--max-megapixels)"
        )


@contextlib.contextmanager
def without_pillows_limit() -> Iterator[None]:
    """For images whose size was checked against ours."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = 1 << 40
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _check_scans(data: bytes) -> None:
    """Each scan of a JPEG decodes all of it again: thousands of them take minutes."""
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MAX_SCANS:
        raise BadPicture(f"damaged (a JPEG of over {MAX_SCANS} scans, which no camera writes)")


def is_tame(data: bytes, name: str) -> bool:
    """Whether an image is decoded in a moment and in little memory, by its header."""
    if len(data) > TAME_BYTES:
        return False
    if is_npy(data):
        return True
    if is_dicom(data):
        return len(data) < TAME_BYTES // 4
    try:
        width, height = opened(data, 1e6, name).size
    except Exception:  # it will be named bad by whoever decodes it
        return True
    return width * height <= TAME_PIXELS


class Frames:
    """The image that was opened last, so that the frames of one file are read one after another."""

    def __init__(self) -> None:
        self.key: tuple[int, str, int] | None = None
        self.image: Image.Image | None = None

    def open(self, data: bytes, limit: float, name: str, frame: int) -> Image.Image:
        key = (id(data), name, len(data))
        if self.image is None or self.key != key or frame < self.image.tell():
            self.image, self.key = opened(data, limit, name), key
        try:
            with without_pillows_limit():
                self.image.seek(frame)
        except EOFError:
            raise BadPicture(f"there is no frame {frame}") from None
        check_size(*self.image.size, limit)  # pages may differ
        return self.image


def count_frames(data: bytes, name: str, max_megapixels: float) -> int:
    """How many frames or pages a file holds; 1 for what cannot be opened."""
    try:
        if is_dicom(data):
            from ganzfeld.modalities.image import dicom

            return dicom.count_frames(data)
        image = opened(data, max_megapixels, name)
        return min(int(getattr(image, "n_frames", 1)), MAX_FRAMES)
    except Exception:  # named bad when it is decoded
        return 1


def array_of(data: bytes) -> NDArray[Any]:
    """The array of a .npy file. Never unpickles. Raises `BadPicture`."""
    try:
        file = io.BytesIO(data)
        values: NDArray[Any] = npy.read_array(file, allow_pickle=False, max_header_size=10_000)
    except (ValueError, EOFError, OSError, TypeError, SyntaxError, MemoryError) as error:
        if "pickle" in str(error) or "Python objects" in str(error):
            raise BadPicture("a NumPy array of Python objects, which are never loaded") from error
        raise BadPicture("not an image (a NumPy array that is damaged or cut short)") from error
    return np.asarray(values)
