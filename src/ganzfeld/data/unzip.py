"""Read members of a ZIP archive with limits on their size, and decode their names."""

from __future__ import annotations

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import IO

UTF8_FLAG = 0x800
ENCRYPTED = 0x1
MAX_NAMES = 2000  # looked at to find the encoding


def member_bytes(file: IO[bytes], info: zipfile.ZipInfo) -> bytes:
    """The content of a member. At most `info.file_size` bytes are ever unpacked.

    Raises zipfile.BadZipFile where it holds more or less, or its checksum differs;
    NotImplementedError for a compression that is not known.
    """
    file.seek(info.header_offset)
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("no header where the member should begin")
    name, extra = struct.unpack_from("<HH", head, 26)
    file.seek(name + extra, 1)
    packed = file.read(info.compress_size)
    if len(packed) < info.compress_size:
        raise zipfile.BadZipFile("cut short")
    data = _unpacked(packed, info)
    if len(data) != info.file_size:
        more = "more" if len(data) > info.file_size else "fewer"
        raise zipfile.BadZipFile(f"it unpacks to {more} bytes than the archive says")
    if zlib.crc32(data) != info.CRC:
        raise zipfile.BadZipFile("its checksum differs")
    return data


def _unpacked(packed: bytes, info: zipfile.ZipInfo) -> bytes:
    """Unpacked, one byte beyond the promised size at most."""
    limit = info.file_size + 1
    if info.compress_type == zipfile.ZIP_STORED:
        return packed
    try:
        if info.compress_type == zipfile.ZIP_DEFLATED:
            return zlib.decompressobj(-15).decompress(packed, limit)
        if info.compress_type == zipfile.ZIP_BZIP2:
            return bz2.BZ2Decompressor().decompress(packed, limit)
        if info.compress_type == zipfile.ZIP_LZMA and len(packed) >= 9:
            # version (2), length of the properties (2), properties (5): as in an .lzma file
            size = b"\xff" * 8 if info.flag_bits & 2 else struct.pack("<Q", info.file_size)
            unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=1 << 28)
            return unpacker.decompress(packed[4:9] + size + packed[9:], limit)
    except (OSError, lzma.LZMAError) as error:
        raise zipfile.BadZipFile(str(error)) from error
    raise NotImplementedError(f"compression {info.compress_type}")


def titles_of(members: Iterable[zipfile.ZipInfo]) -> dict[str, str]:
    """The name of each member as it was meant: archives of Chinese and Japanese Windows do not
    say in which encoding their names are. Some Windows programs write backslashes."""
    members = list(members)
    raw = [
        info.filename.encode("cp437")
        for info in members
        if not info.flag_bits & UTF8_FLAG and not info.filename.isascii() and _is_cp437(info)
    ]
    encoding = encoding_of(raw[:MAX_NAMES])
    titles = {}
    for info in members:
        name = info.filename
        if encoding and not info.flag_bits & UTF8_FLAG and not name.isascii() and _is_cp437(info):
            # backslashes were bytes of letters, or folders: `filename` may have changed them
            name = name.encode("cp437").decode(encoding, "replace")
        titles[info.filename] = name.replace("\\", "/")
    return titles


def _is_cp437(info: zipfile.ZipInfo) -> bool:
    try:
        info.filename.encode("cp437")
    except UnicodeEncodeError:
        return False
    return True


def encoding_of(names: Iterable[bytes]) -> str:
    """ "utf-8", "gb18030", "cp932", or "" where the bytes are none of these."""
    joined = b"\n".join(dict.fromkeys(names))
    if not joined:
        return ""
    if _decodes(joined, "utf-8"):
        return "utf-8"
    japanese = _decodes(joined, "cp932")
    if _kana(japanese) and _share_in_gb2312(joined) < 0.95:
        return "cp932"
    if _share_in_gb2312(joined) >= 0.8 and _decodes(joined, "gb18030"):
        return "gb18030"
    if japanese and not any("｡" <= c <= "ﾟ" for c in japanese) and _has_kanji(japanese):
        return "cp932"
    chinese = _decodes(joined, "gb18030")
    return "gb18030" if _has_kanji(chinese) and _pairs(joined) else ""


def _decodes(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _kana(text: str) -> bool:
    return any("ぁ" <= c <= "ヿ" for c in text)


def _has_kanji(text: str) -> bool:
    high = [c for c in text if ord(c) > 127]
    return bool(high) and sum("一" <= c <= "鿿" or "ぁ" <= c <= "ヿ" for c in high) > len(high) / 2


def _share_in_gb2312(data: bytes) -> float:
    """The part of the bytes over 127 that are pairs of GB 2312's common characters."""
    high = at = good = 0
    while at < len(data):
        if data[at] < 0x80:
            at += 1
            continue
        second = data[at + 1] if at + 1 < len(data) else 0
        pair = 0xA1 <= data[at] <= 0xF7 and 0xA1 <= second <= 0xFE
        high += 2 if pair else 1
        good += 2 if pair and (data[at] >= 0xB0 or data[at] in (0xA1, 0xA3)) else 0
        at += 2 if pair else 1
    return good / high if high else 0.0


def _pairs(data: bytes) -> bool:
    """Whether bytes over 127 come in twos, as in Chinese and seldom in Western names."""
    runs = [len(run) for run in _high_runs(data)]
    return bool(runs) and sum(n >= 2 for n in runs) > len(runs) / 2


def _high_runs(data: bytes) -> list[bytes]:
    return [run for run in bytes(b if b > 127 else 32 for b in data).split() if run]
