"""Images that are bad or odd, made from nothing: what each must become is written beside it."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

SIDE = 48


def scene(height: int = SIDE, width: int = SIDE, seed: int = 0) -> np.ndarray:
    """A smooth colourful image, uint8 (H, W, 3); each seed another."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [np.sin(6 * (x + 0.3 * k * y) + seed + k) for k in range(3)]
    return ((np.stack(waves, axis=-1) + 1) * 127).astype(np.uint8)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def rgb(height: int = SIDE, width: int = SIDE, seed: int = 0) -> Image.Image:
    return Image.fromarray(scene(height, width, seed))


def jpeg(seed: int = 0, **options: object) -> bytes:
    return encoded(rgb(seed=seed), "JPEG", **{"quality": 92, **options})


def png(seed: int = 0, **options: object) -> bytes:
    return encoded(rgb(seed=seed), "PNG", **options)


def write(root: Path, names: Iterable[str]) -> Path:
    """A different image at each of these paths below a folder."""
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(seed))
    return root


def webp(seed: int = 0) -> bytes:
    return encoded(rgb(seed=seed), "WEBP", quality=90)


def chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def bare_png(width: int, height: int, rows: bytes, depth: int = 1) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def flipped(data: bytes, at: int, bit: int = 3) -> bytes:
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


def cut(data: bytes, share: float = 0.5) -> bytes:
    return data[: int(len(data) * share)]


def floats(values: np.ndarray) -> bytes:
    return encoded(Image.fromarray(values.astype(np.float32)), "TIFF")


def ints(top: int) -> bytes:
    return encoded(
        Image.fromarray(np.linspace(0, top, 32 * 32, dtype=np.int32).reshape(32, 32)), "TIFF"
    )


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    expected: str  # bad: part of the reason; odd: the conversion counted, "" for none


HTML = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>'
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def bad_cases() -> list[Case]:
    """At least 40 files, none of which may become an image."""
    grey = np.linspace(0, 1, 32 * 32).reshape(32, 32)
    half_lab = Image.new("LAB", (32, 32))
    whole_png = png()
    idat = whole_png.index(b"IDAT") + 4
    return [
        Case("empty.jpg", b"", "0 bytes"),
        Case("page.jpg", HTML, "an HTML page"),
        Case("page-bom.png", b"\xef\xbb\xbf\r\n " + HTML.lower(), "an HTML page"),
        Case("drawing.svg", SVG, "an SVG drawing"),
        Case("drawing-as.png", SVG, "an SVG drawing"),
        Case("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "a HEIC image"),
        Case("photo-heic.jpg", b"\0\0\0\x18ftypmif1\0\0\0\0mif1" + bytes(64), "a HEIC image"),
        Case("photo.avif", b"\0\0\0\x1cftypavif\0\0\0\0avif" + bytes(64), "an AVIF image"),
        Case("film.jpg", b"\0\0\0\x20ftypisom\0\0\x02\0isom" + bytes(64), "a video"),
        Case("paper.png", b"%PDF-1.7\n" + bytes(64), "a PDF"),
        Case("poster.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        Case("packed.jpg", b"PK\x03\x04" + bytes(64), "a ZIP archive"),
        Case("squeezed.png", b"\x1f\x8b\x08" + bytes(64), "a gzip file"),
        Case("words.jpg", b"just some words\n" * 8, "not an image (text)"),
        Case("record.png", b'{"error": "quota exceeded"}', "JSON text"),
        Case("denied.png", b'<?xml version="1.0"?><Error>AccessDenied</Error>', "XML text"),
        Case("pointer.png", LFS, "a Git LFS pointer"),
        Case("zeros.jpg", bytes(4096), "nothing but zeros"),
        Case("noise.jpg", np.random.default_rng(0).bytes(4096), "unknown content"),
        Case("pickled.png", pickle.dumps({"a": 1}), "not an image"),
        Case("array.png", b"\x93NUMPY\x01\0" + bytes(64), "a NumPy array"),
        Case("sound.webp", b"RIFF\x24\0\0\0WAVEfmt " + bytes(64), "sound"),
        Case("layers.psd", b"8BPS\0\x01" + bytes(64), "a Photoshop file"),
        Case("icon.png", b"\0\0\x01\0\x01\0\x10\x10" + bytes(64), "cut short"),
        Case("wavelet.jpg", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(64), "a JPEG 2000 image"),
        Case("half.jpg", cut(jpeg()), "cut short"),
        Case("nearly-all.jpg", jpeg()[:-2], "cut short"),
        Case("progressive.jpg", cut(jpeg(progressive=True), 0.6), "cut short"),
        Case("cmyk-half.jpg", cut(encoded(rgb().convert("CMYK"), "JPEG"), 0.7), "cut short"),
        Case("head-only.jpg", jpeg()[:120], "cut short"),
        Case("half.png", cut(whole_png), "cut short"),
        Case("no-end.png", whole_png[:-12], "cut short"),
        Case("last-byte.png", whole_png[:-1], "cut short"),
        Case("signature.png", whole_png[:8], "damaged"),
        Case("bit-flip.png", flipped(whole_png, idat + 100), "damaged"),
        Case("bad-header.png", flipped(whole_png, 18), "damaged"),
        Case("text-mode.png", whole_png.replace(b"\r\n", b"\n"), "damaged"),
        Case("half.webp", cut(webp()), "cut short"),
        Case("half.gif", cut(encoded(rgb(), "GIF")), "cut short"),
        Case("half.bmp", cut(encoded(rgb(), "BMP")), "cut short"),
        Case("half.tif", cut(encoded(rgb(), "TIFF"), 0.6), "cut short"),
        Case("half-lzw.tif", cut(encoded(rgb(), "TIFF", compression="tiff_lzw"), 0.6), "cut short"),
        Case("one.png", encoded(rgb(1, 1), "PNG"), "too small: 1 x 1"),
        Case("sliver.png", encoded(rgb(4, 200), "PNG"), "too small: 200 x 4"),
        Case(
            "bomb-100mp.png", bare_png(10_000, 10_000, bytes(1251 * 10_000)), "too large: 100 meg"
        ),
        Case("bomb-900mp.png", bare_png(30_000, 30_000, b"\0" * 64), "too large"),
        Case("float-255.tif", floats(grey * 255), "outside 0 to 1"),
        Case("float-nan.tif", floats(np.where(grey > 0.5, np.nan, grey)), "outside 0 to 1"),
        Case("float-minus.tif", floats(grey * 2 - 1), "outside 0 to 1"),
        Case("int32-low.tif", ints(4000), "32-bit values"),
        Case("lab.tif", encoded(half_lab, "TIFF"), "colour mode LAB"),
    ]


def bad_files(folder: Path) -> dict[str, str]:
    """Things in a folder that are no files: {name: part of the reason}."""
    outside = folder.parent / "outside.png"
    outside.write_bytes(png(seed=99))
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "loop-a.png").symlink_to(folder / "loop-b.png")
    (folder / "loop-b.png").symlink_to(folder / "loop-a.png")
    (folder / "out.png").symlink_to(outside)
    os.mkfifo(folder / "pipe.png")
    return {
        "dangling.png": "leads nowhere",
        "loop-a.png": "loop",
        "loop-b.png": "loop",
        "pipe.png": "not a regular file",
    }


def with_alpha(mode: str) -> Image.Image:
    """Left half transparent over red noise, right half opaque blue (or dark grey)."""
    array = np.zeros((SIDE, SIDE, 4), np.uint8)
    array[:, : SIDE // 2] = (255, 0, 0, 0)
    array[:, SIDE // 2 :] = (0, 0, 200, 255)
    picture = Image.fromarray(array)
    return picture if mode == "RGBA" else picture.convert(mode)


def palette_with_transparency() -> bytes:
    picture = Image.new("P", (SIDE, SIDE), 0)
    picture.putpalette([255, 0, 0, 0, 0, 200])
    picture.paste(1, (SIDE // 2, 0, SIDE, SIDE))
    return encoded(picture, "PNG", transparency=0)


def ramp16() -> np.ndarray:
    return np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)


def other_profile() -> bytes:
    """A profile whose image must change: Lab is far from sRGB, but only RGB ones are applied."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def odd_cases() -> list[Case]:
    """Files that are unusual and good: every one must become an image."""
    frames = [rgb(seed=k) for k in range(3)]
    more = {"save_all": True, "append_images": frames[1:]}
    grey = rgb().convert("L")
    small_strip = encoded(rgb(40, 400), "PNG")
    return [
        Case("ramp16.png", encoded(Image.fromarray(ramp16()), "PNG"), "16-bit"),
        Case("ramp16.tif", encoded(Image.fromarray(ramp16()), "TIFF"), "16-bit"),
        Case("dark12.png", encoded(Image.fromarray(ramp16() // 32), "PNG"), "below 4096"),
        Case("int32-full.tif", ints(2**31 - 1), "32-bit"),
        Case("float.tif", floats(np.linspace(0, 1, 1024).reshape(32, 32)), "floating-point"),
        Case("palette.png", encoded(rgb().quantize(32), "PNG"), "palette"),
        Case("palette-alpha.png", palette_with_transparency(), "alpha laid on"),
        Case("grey.png", encoded(grey, "PNG"), ""),
        Case("grey-alpha.png", encoded(with_alpha("LA"), "PNG"), "alpha laid on"),
        Case("rgba.png", encoded(with_alpha("RGBA"), "PNG"), "alpha laid on"),
        Case("rgba.webp", encoded(with_alpha("RGBA"), "WEBP", lossless=True), "alpha laid on"),
        Case("rgb-key.png", encoded(rgb(), "PNG", transparency=(0, 0, 0)), "alpha laid on"),
        Case("grey-key.png", encoded(grey, "PNG", transparency=3), "alpha laid on"),
        Case("one-bit.png", encoded(grey.convert("1"), "PNG"), "1-bit"),
        Case("one-bit.bmp", encoded(grey.convert("1"), "BMP"), "1-bit"),
        Case("fax.tif", encoded(grey.convert("1"), "TIFF", compression="group4"), "1-bit"),
        Case("cmyk.jpg", encoded(rgb().convert("CMYK"), "JPEG"), "CMYK, without a profile"),
        Case("cmyk.tif", encoded(rgb().convert("CMYK"), "TIFF"), "CMYK, without a profile"),
        Case("animated.gif", encoded(frames[0], "GIF", **more), "animated"),
        Case("animated.webp", encoded(frames[0], "WEBP", **more), "animated"),
        Case("animated.png", encoded(frames[0], "PNG", **more), "animated"),
        Case("pages.tif", encoded(frames[0], "TIFF", **more), "several pages"),
        Case("really-png.jpg", png(seed=5), "PNG under another extension"),
        Case("really-jpeg.png", jpeg(seed=5), "JPEG under another extension"),
        Case("no-extension", png(seed=6), ""),
        Case("UPPER.JPG", jpeg(seed=6), ""),
        Case("progressive.jpg", jpeg(seed=7, progressive=True), ""),
        Case("grey.jpg", encoded(grey, "JPEG"), ""),
        Case("sampled.jpg", jpeg(seed=8, subsampling=2), ""),
        Case("large.jpg", encoded(rgb(700, 900), "JPEG"), ""),
        Case("interlaced.gif", encoded(rgb(), "GIF", interlace=1), "palette"),
        Case("lzw.tif", encoded(rgb(seed=9), "TIFF", compression="tiff_lzw"), ""),
        Case("big-endian.tif", big_endian_16(), "16-bit"),
        Case("strip.png", small_strip, "strip-shaped"),
        Case("small.png", encoded(rgb(8, 8), "PNG"), "enlarged"),
        Case("trailing.jpg", jpeg(seed=10) + b"\0" * 64, ""),
        Case("broken-exif.jpg", jpeg(seed=11, exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), ""),
        Case("broken-icc.jpg", jpeg(seed=12, icc_profile=b"no profile" * 20), "profile unusable"),
        Case("srgb-icc.jpg", jpeg(seed=13, icc_profile=other_profile()), ""),
        Case("猫 ñ é.png", png(seed=14), ""),
        Case("x" * 200 + ".png", png(seed=15), ""),
        Case("line\nbreak\x1b[31m.png", png(seed=16), ""),
    ]


def big_endian_16() -> bytes:
    values = ramp16().astype(">u2").tobytes()
    tags = [
        (256, 4, 64), (257, 4, 64), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8),
        (277, 3, 1), (278, 4, 64), (279, 4, len(values)),
    ]  # fmt: skip
    entries = b"".join(
        struct.pack(">HHI", tag, kind, 1)
        + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
        for tag, kind, value in tags
    )
    head = b"MM\0*" + struct.pack(">I", 8 + len(values))
    return head + values + struct.pack(">H", len(tags)) + entries + struct.pack(">I", 0)


def mutations(count: int, seed: int = 0) -> list[tuple[str, bytes]]:
    """Good images with bytes changed, removed, or cut off."""
    rng = np.random.default_rng(seed)
    makers: list[tuple[str, Callable[[int], bytes]]] = [
        ("png", png), ("jpg", jpeg), ("webp", webp),
    ]  # fmt: skip
    found = []
    for number in range(count):
        kind, maker = makers[number % 3]
        data = bytearray(maker(int(rng.integers(4))))
        way = int(rng.integers(4))
        if way == 0:
            data = data[: int(rng.integers(len(data)))]
        elif way == 1:
            start = int(rng.integers(len(data)))
            del data[start : start + int(rng.integers(1, 64))]
        else:
            for _ in range(int(rng.integers(1, 12))):
                data[int(rng.integers(len(data)))] = int(rng.integers(256))
        found.append((f"{number:05}.{kind}", bytes(data)))
    return found
