"""Where a mark goes in a PNG, WAV, GIF, WebP or JPEG file, and how it is read from there.

All of it works on the bytes of a finished file: pixels and samples are never coded again.
PNG: https://www.w3.org/TR/png-3/, iTXt; WAV: LIST/INFO of RIFF, and XMP in `_PMX`; GIF and JPEG:
XMP specification part 3, sections 1.1.2 and 1.1.3; WebP: RFC 9649, section 2.7.
"""

from __future__ import annotations

import html
import re
import struct
import zlib
from collections.abc import Iterator

NAME = "ganzfeld"  # of the iTXt chunk that holds the mark
XMP_KEY = "XML:com.adobe.xmp"
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
OF_GIF = b"!\xff\x0bXMP DataXMP"
OF_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
INSIDE = re.compile(rb'ganzfeld:mark="([^"]*)"')
MOST = 1 << 20  # bytes of a mark


def xmp(source_type: str, software: str, inside: str = "") -> str:
    """An XMP packet that says how an image came to be. inside: the mark, where all else is full."""
    own = ""
    if inside:
        own = f' xmlns:ganzfeld="urn:ganzfeld:mark:1" ganzfeld:mark="{html.escape(inside)}"'
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'xmp:CreatorTool="{html.escape(software)}" '
        f'Iptc4xmpExt:DigitalSourceType="{source_type}"{own}/>'
        "</rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    )


def stamped(data: bytes, source_type: str, software: str, mark: str) -> bytes | None:
    """The file with its mark; None for a format that holds none."""
    packet = xmp(source_type, software)
    whole = xmp(source_type, software, mark).encode()
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        texts = [
            png_text(XMP_KEY, packet),
            png_chunk(b"tEXt", b"Software\0" + software.encode("latin-1", "replace")),
            png_text(NAME, mark),
        ]
        return data[:33] + b"".join(texts) + data[33:]  # after the signature and IHDR
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        info = b"INFO" + riff(b"ISFT", software.encode() + b"\0")
        info += riff(b"ICMT", mark.encode() + b"\0")
        return resized(data + riff(b"LIST", info) + riff(b"_PMX", packet.encode()))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return resized(extended(data) + riff(b"XMP ", whole))
    if data.startswith((b"GIF87a", b"GIF89a")):
        place = end_of_header(data)
        trailer = bytes([1, *range(255, -1, -1), 0])  # for readers that take it for sub-blocks
        return b"GIF89a" + data[6:place] + OF_GIF + whole + trailer + data[place:]
    if data.startswith(b"\xff\xd8"):
        return with_segment(data, OF_JPEG + whole)
    return None


def found(data: bytes) -> bytes | None:
    """The mark of a file as JSON that nobody has checked; None where there is none."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        start = NAME.encode() + b"\0\0\0\0\0"
        own = (text for kind, text in png_chunks(data) if kind == b"iTXt")
        return next((text[len(start) :] for text in own if text.startswith(start)), None)
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        for kind, body in riff_chunks(data, 12):
            if kind == b"LIST" and body.startswith(b"INFO"):
                for inner, text in riff_chunks(body, 4):
                    if inner == b"ICMT":
                        return text.rstrip(b"\0")
        return None
    if data.startswith((b"RIFF", b"GIF8", b"\xff\xd8")):
        packet = INSIDE.search(data)
        return packet and html.unescape(packet[1].decode("utf-8", "replace")).encode()
    return None


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_text(keyword: str, text: str) -> bytes:
    """An iTXt chunk, not compressed, of no language."""
    return png_chunk(b"iTXt", keyword.encode() + b"\0\0\0\0\0" + text.encode())


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place + 12 <= len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        yield kind, data[place + 8 : place + 8 + size] if size <= MOST else b""
        place += 12 + size


def riff(kind: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(body)) + body + b"\0" * (len(body) % 2)


def riff_chunks(data: bytes, place: int) -> Iterator[tuple[bytes, bytes]]:
    while place + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[place : place + 8])
        yield kind, data[place + 8 : place + 8 + size] if size <= MOST else b""
        place += 8 + size + size % 2


def resized(data: bytes) -> bytes:
    """A RIFF file whose header has its size."""
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def extended(data: bytes) -> bytes:
    """A WebP file with the header that says that XMP follows."""
    kind, body = data[12:16], data[20:]
    if kind == b"VP8X":
        return data[:20] + bytes([body[0] | 4]) + data[21:]
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        wide, high, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    else:
        sides = struct.unpack("<HH", body[6:10])
        wide, high, alpha = (sides[0] & 0x3FFF) - 1, (sides[1] & 0x3FFF) - 1, 0
    size = wide.to_bytes(3, "little") + high.to_bytes(3, "little")
    return data[:12] + riff(b"VP8X", bytes([4 | alpha << 4, 0, 0, 0]) + size) + data[12:]


def end_of_header(data: bytes) -> int:
    """Where a GIF's colours and its application extensions, such as the loop, end."""
    place = 13 + (3 << (data[10] & 7) + 1 if data[10] & 128 else 0)
    while data[place : place + 2] == b"!\xff":
        place += 2
        while data[place]:
            place += 1 + data[place]
        place += 1
    return place


def with_segment(data: bytes, body: bytes) -> bytes | None:
    """A JPEG file with an APP1 segment behind its first one; None where it would not fit."""
    if len(body) > 0xFFFD:
        return None
    place = 2
    if data[2:4] == b"\xff\xe0":
        place += 2 + int.from_bytes(data[4:6], "big")
    return data[:place] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[place:]
