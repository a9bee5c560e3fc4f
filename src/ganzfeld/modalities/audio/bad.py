"""Explain in plain words why a sound cannot be used."""

from __future__ import annotations


class BadSound(ValueError):
    """A sound that cannot be used; the message is the reason, without the file's name."""


def what_it_is(data: bytes) -> str:
    """Why these bytes are not a sound that can be read here."""
    if not data:
        return "empty (0 bytes)"
    if not data.strip(b"\0"):
        return "not a sound (nothing but zeros)"
    for start, what in CONTENT:
        if data.startswith(start):
            return what
    if data[4:8] == b"ftyp":
        return "an MP4 or M4A file (ffmpeg -i IN -ar 16000 OUT.wav)"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "not a sound (an HTML page)"
    if head.startswith((b"{", b"[")):
        return "not a sound (JSON text)"
    if head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return "not a sound (text)"
    return "not a sound (unknown content)"


CONTENT = (
    (b"version https://git-lfs", "not a sound (a Git LFS pointer: run `git lfs pull`)"),
    (b"\x89PNG", "not a sound (a PNG image)"),
    (b"\xff\xd8\xff", "not a sound (a JPEG image)"),
    (b"GIF8", "not a sound (a GIF image)"),
    (b"RIFF", "not a sound (a RIFF file of another kind)"),
    (b"MThd", "not a sound (MIDI: notes without a sound)"),
    (b"%PDF", "not a sound (a PDF)"),
    (b"PK\x03\x04", "not a sound (a ZIP archive or an office document)"),
    (b"\x1f\x8b", "not a sound (a gzip file)"),
    (b"\x93NUMPY", "not a sound (a NumPy array)"),
    (b"PAR1", "not a sound (a Parquet table)"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM file (ffmpeg -i IN -ar 16000 OUT.wav)"),
)
