"""Explain in plain words why an image cannot be used."""

from __future__ import annotations

import warnings

from PIL import Image, UnidentifiedImageError


class BadPicture(ValueError):
    """An image that cannot be used; the message is the reason, without the file's name."""


class reasons:
    """Turns whatever a decoder raises into a `BadPicture`, and keeps its warnings quiet."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.quiet = warnings.catch_warnings()

    def __enter__(self) -> None:
        self.quiet.__enter__()
        warnings.simplefilter("ignore")  # bombs are refused by our own, lower limit in `codecs`

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.quiet.__exit__(None, None, None)
        if isinstance(error, Exception) and not isinstance(error, BadPicture):
            raise BadPicture(_reason(error, self.data)) from error


def _reason(error: Exception, data: bytes) -> str:
    """The decoder's error in a user's words."""
    text = str(error)
    if data and len(data) < _declared_bytes(data):
        return "cut short"
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is(data)
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    if isinstance(error, Image.DecompressionBombError):
        return "too large: over 178 megapixels"
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return "cut short"
    return f"damaged ({text or type(error).__name__})"


def _declared_bytes(data: bytes) -> int:
    """How long the file must at least be by its own header; 0 where it does not say."""
    if len(data) < 12:
        return 0
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return 8 + int.from_bytes(data[4:8], "little")
    if data[:4] in (b"II*\0", b"MM\0*"):  # the directory often lies at the end
        return int.from_bytes(data[4:8], "little" if data[:1] == b"I" else "big") + 2
    if data[:2] == b"BM":
        return int.from_bytes(data[2:6], "little")
    return 0


def _what_it_is(data: bytes) -> str:
    """Why Pillow does not know this content."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data:
        return "empty (0 bytes)"
    if not data.strip(b"\0"):
        return "not an image (nothing but zeros)"
    for start, what in _CONTENT:
        if data.startswith(start):
            return what
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in (b"avif", b"avis"):
            return "an AVIF image (save it as PNG or JPEG)"
        if brand in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
            return "a HEIC image (save it as PNG or JPEG)"
        return "not an image (a video)"
    if b"<svg" in head:
        return "an SVG drawing (save it as PNG)"
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in head:
        return "not an image (an HTML page)"
    if head.startswith((b"<?xml", b"<error")):
        return "not an image (XML text)"
    if head.startswith((b"{", b"[")):
        return "not an image (JSON text)"
    if head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return "not an image (text)"
    return "not an image (unknown content)"


_CONTENT = (
    (b"version https://git-lfs", "not an image (a Git LFS pointer: run `git lfs pull`)"),
    (b"\x89PNG\r\n\x1a\n", "damaged (PNG header)"),
    (b"\x89PNG", "damaged (PNG header; was it copied as text?)"),
    (b"\xff\xd8\xff", "damaged (JPEG header)"),
    (b"GIF8", "damaged (GIF header)"),
    (b"II*\0", "damaged (TIFF header)"),
    (b"MM\0*", "damaged (TIFF header)"),
    (b"BM", "damaged (BMP header)"),
    (b"RIFF", "not an image (sound, video or a damaged WebP)"),
    (b"%PDF", "not an image (a PDF)"),
    (b"%!PS", "not an image (PostScript)"),
    (b"PK\x03\x04", "not an image (a ZIP archive or an office document)"),
    (b"\x1f\x8b", "not an image (a gzip file)"),
    (b"\x93NUMPY", "not an image (a NumPy array)"),
    (b"PAR1", "not an image (a Parquet table)"),
    (b"8BPS", "a Photoshop file (save it as PNG)"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image (save it as PNG)"),
    (b"\0\0\x01\0", "an icon file (save it as PNG)"),
    (b"ID3", "not an image (sound)"),
    (b"\x7fELF", "not an image (a program)"),
    (b"MZ", "not an image (a program)"),
)
