"""One encoded picture to one array, or the reason why not.

Every picture is decoded completely: `Image.verify()` accepts a JPEG that is cut in half. Nothing
here ever sets `LOAD_TRUNCATED_IMAGES`, which would fill the missing half with grey.
"""

from __future__ import annotations

import functools
import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ganzfeld.data.diagnosis import BadPicture, reasons

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")  # EPS would start Ghostscript: never tried
SUFFIXES = {
    "PNG": {"png", "apng"},
    "JPEG": {"jpg", "jpeg", "jpe", "jfif"},
    "MPO": {"jpg", "jpeg", "jpe", "jfif"},
    "WEBP": {"webp"},
    "BMP": {"bmp", "dib"},
    "TIFF": {"tif", "tiff"},
    "GIF": {"gif"},
}
MIN_SIDE = 8  # px; below it there is nothing to enlarge
EXIF_ORIENTATION = 0x0112
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BACKGROUNDS = {"white": 255, "black": 0}


@dataclass(frozen=True, kw_only=True)
class Target:
    """What every picture becomes: uint8 (channels, height, width)."""

    height: int
    width: int
    channels: int  # 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha
    alpha: str = "white"  # "white" | "black": laid on it; "keep"
    max_megapixels: float = 64.0
    part: str = "whole"  # "left" | "right": of two pictures side by side
    fit: str = "crop"  # "pad": of pictures of another aspect ratio


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a picture's header says; height and width in px, as it is looked at (EXIF applied)."""

    height: int
    width: int
    grey: bool
    alpha: bool


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A picture, uint8 (C, H, W), and the conversions that were made, to be counted."""

    pixels: NDArray[np.uint8]
    facts: tuple[str, ...] = ()


def probe(data: bytes, max_megapixels: float = 64.0) -> Probe:
    """Read the header only. Raises `BadPicture`."""
    with reasons(data), _open(data, max_megapixels) as image:
        width, height = image.size
        if image.format != "TIFF" and _orientation(image) >= 5:  # Pillow turns TIFFs itself
            width, height = height, width
        return Probe(
            height=height, width=width, grey=image.mode in GREY_MODES, alpha=_has_alpha(image)
        )


def decode(data: bytes, target: Target, name: str = "") -> Decoded:
    """Decode all of a picture, scale it to cover the target and cut the centre out.

    `name` only serves to notice an extension that does not match. Raises `BadPicture`.
    """
    facts: list[str] = []
    with reasons(data), _open(data, target.max_megapixels) as image:
        if image.format == "PNG":
            _check_png(data)
        _note_container(image, name, facts)
        before = _orientation(image)
        _draft(image, target, turned=before >= 5)
        image.load()
        # Read again: Pillow has turned a TIFF by now, and has dropped the tag.
        orientation = _orientation(image)
        if before > 1:
            facts.append("turned as EXIF says")
        icc = image.info.get("icc_profile")
        picture = _to_8_bit(image, facts)
        if target.part != "whole":
            picture, orientation = _half(picture, orientation, target.part), 1
        pixels = fit(picture, target, orientation=orientation, icc=icc, facts=facts)
    return Decoded(pixels=pixels, facts=tuple(facts))


def fit(
    picture: Image.Image,
    target: Target,
    *,
    orientation: int = 1,
    icc: bytes | None = None,
    facts: list[str] | None = None,
) -> NDArray[np.uint8]:
    """An 8-bit picture (L, LA, RGB, RGBA, CMYK) to uint8 (C, H, W). Raises `BadPicture`."""
    facts = [] if facts is None else facts
    if picture.mode in ("LA", "RGBA"):
        facts.append(
            "with alpha, kept" if target.alpha == "keep" else f"alpha laid on {target.alpha}"
        )
        if target.alpha != "keep":
            picture = _flatten(picture, BACKGROUNDS[target.alpha])
    turned = orientation >= 5
    size = (target.height, target.width) if turned else (target.width, target.height)
    shaped = _contain if target.fit == "pad" else _cover
    picture = shaped(picture, size, facts)
    # Colour conversion and turning come after scaling: the same result, on far fewer pixels.
    picture = _to_srgb(picture, icc, facts)
    if orientation in TURNS:
        picture = picture.transpose(TURNS[orientation])
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[target.channels]
    if picture.mode != mode:
        picture = picture.convert(mode)
    array = np.asarray(picture, dtype=np.uint8)
    array = array[:, :, None] if array.ndim == 2 else array
    return np.ascontiguousarray(array.transpose(2, 0, 1))


def _open(data: bytes, max_megapixels: float) -> Image.Image:
    """Open by content, of the formats allowed, and check the header's size before any decoding."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    width, height = image.size
    if width * height > max_megapixels * 1e6:
        raise BadPicture(
            f"too large: {width * height / 1e6:,.0f} megapixels, the limit is {max_megapixels:g}"
        )
    return image


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 when there is none or the EXIF data are damaged."""
    try:
        value = image.getexif().get(EXIF_ORIENTATION, 1)
    except Exception:  # a broken tag says nothing about the pixels
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ALPHA_MODES or "transparency" in image.info


def _check_png(data: bytes) -> None:
    """Check the chunks that make the picture: Pillow skips the checksum of pixel data."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise BadPicture("cut short")
        critical = not kind[0] & 0x20
        if (
            critical
            and zlib.crc32(data[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]
        ):
            raise BadPicture("damaged (a PNG checksum differs)")
        if kind == b"IEND":
            return
        at = end
    raise BadPicture("cut short")


def _note_container(image: Image.Image, name: str, facts: list[str]) -> None:
    """Note animations, pages and extensions that do not match the content."""
    kind = image.format or ""
    if kind in ("GIF", "WEBP", "PNG", "TIFF") and getattr(image, "is_animated", False):
        facts.append("several pages, first taken" if kind == "TIFF" else "animated, first frame")
    extension = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if extension and kind in SUFFIXES and extension not in SUFFIXES[kind]:
        facts.append(f"{'JPEG' if kind == 'MPO' else kind} under another extension")


def _half(picture: Image.Image, orientation: int, part: str) -> Image.Image:
    """One of two pictures side by side, cut before anything is scaled: nothing bleeds across."""
    if orientation in TURNS:
        picture = picture.transpose(TURNS[orientation])
    width, height = picture.size
    if width < 2:
        raise BadPicture("too narrow to hold two pictures side by side")
    left = 0 if part == "left" else width - width // 2
    return picture.crop((left, 0, left + width // 2, height))


def _draft(image: Image.Image, target: Target, *, turned: bool) -> None:
    """Let the JPEG decoder scale down, for speed, as long as 2x the target remains."""
    if target.part != "whole":
        return
    height, width = (target.width, target.height) if turned else (target.height, target.width)
    if image.format in ("JPEG", "MPO") and min(image.size) > 0:
        image.draft(None, (2 * width, 2 * height))


def _to_8_bit(image: Image.Image, facts: list[str]) -> Image.Image:
    """Any of Pillow's modes to L, LA, RGB, RGBA or CMYK with 8 bits a channel."""
    mode = image.mode
    if mode.startswith("I"):
        return _from_integers(image, facts)
    if mode == "F":
        return _from_floats(image, facts)
    if mode == "CMYK":
        return image
    if mode == "1":
        facts.append("1-bit")
    if mode in ("P", "PA"):
        facts.append("palette")
        return image.convert("RGBA" if _has_alpha(image) else "RGB")
    if mode in ("1", "L", "La") or (mode == "LA"):
        if mode in ("1", "L") and "transparency" in image.info:
            return image.convert("RGBA").convert("LA")
        return image.convert("LA" if mode in ("LA", "La") else "L")
    if mode in ("RGB", "RGBX", "YCbCr", "HSV"):
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if mode in ("RGBA", "RGBa"):
        return image.convert("RGBA")
    raise BadPicture(f"its colour mode {mode} is not supported")


def _from_integers(image: Image.Image, facts: list[str]) -> Image.Image:
    """16 and 32-bit grey to 8 bits by the declared depth. (`convert("L")` clips: all white.)"""
    values = np.asarray(image).astype(np.int64)
    bits = 16
    if image.mode == "I" and image.format == "TIFF":
        bits = int(max(getattr(image, "tag_v2", {}).get(258, (32,))))
    if values.size and (values.min() < 0 or values.max() >= 1 << bits):
        raise BadPicture(f"its values lie outside 0 to {(1 << bits) - 1}")
    if bits > 16 and values.max() < 1 << (bits - 8):
        # By its declared depth this picture would come out black.
        raise BadPicture(f"{bits}-bit values of at most {values.max()}: scale them to 8 or 16 bit")
    facts.append(f"{bits}-bit")
    if bits == 16 and 0 < values.max() < 4096:
        facts.append("16-bit with values below 4096 (comes out dark)")
    return Image.fromarray((values >> (bits - 8)).astype(np.uint8))


def _from_floats(image: Image.Image, facts: list[str]) -> Image.Image:
    """Floating-point grey, 0 to 1, to 8 bits."""
    values = np.asarray(image)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise BadPicture("floating-point values outside 0 to 1")
    facts.append("floating-point")
    return Image.fromarray(np.rint(values * 255).astype(np.uint8))


def _flatten(picture: Image.Image, background: int) -> Image.Image:
    """Lay a picture with alpha on grey of the given level; the colours under alpha 0 vanish."""
    mode = "RGB" if picture.mode == "RGBA" else "L"
    colour = (background,) * 3 if mode == "RGB" else background
    ground = Image.new(mode, picture.size, colour)
    ground.paste(picture.convert(mode), mask=picture.getchannel("A"))
    return ground


def _cover(picture: Image.Image, size: tuple[int, int], facts: list[str]) -> Image.Image:
    """Scale so that the target is covered and cut the centre out, in one Lanczos resize."""
    (width, height), (w, h) = picture.size, size
    if min(width, height) < MIN_SIDE and (width < w or height < h):
        raise BadPicture(f"too small: {width} x {height} px")
    if (width, height) == (w, h):
        return picture
    if max(width, height) > 4 * min(width, height) and not max(w, h) > 4 * min(w, h):
        facts.append("strip-shaped (over 4:1), centre taken")
    scale = max(w / width, h / height)
    if scale > 1:
        facts.append("enlarged")
    inner_w, inner_h = min(w / scale, width), min(h / scale, height)
    left, top = (width - inner_w) / 2, (height - inner_h) / 2
    box = (left, top, left + inner_w, top + inner_h)
    return picture.resize(size, Image.Resampling.LANCZOS, box=box)


def _contain(picture: Image.Image, size: tuple[int, int], facts: list[str]) -> Image.Image:
    """Scale so that all of it fits, and fill the rest with black (transparent where there is)."""
    (width, height), (w, h) = picture.size, size
    if min(width, height) < MIN_SIDE and (width < w or height < h):
        raise BadPicture(f"too small: {width} x {height} px")
    if (width, height) == (w, h):
        return picture
    scale = min(w / width, h / height)
    if scale > 1:
        facts.append("enlarged")
    inner = max(round(width * scale), 1), max(round(height * scale), 1)
    if inner != (w, h):
        facts.append("padded")
    black: tuple[int, ...] | int = (0, 0, 0, 255) if picture.mode == "CMYK" else 0
    whole = Image.new(picture.mode, size, black)
    small = picture.resize(inner, Image.Resampling.LANCZOS)
    whole.paste(small, ((w - inner[0]) // 2, (h - inner[1]) // 2))
    return whole


def _to_srgb(picture: Image.Image, icc: bytes | None, facts: list[str]) -> Image.Image:
    """Through the embedded colour profile where there is a usable one."""
    mode = "RGB" if picture.mode == "RGBA" else picture.mode
    transform, fact = _transform(icc, mode) if icc else (None, "")
    if mode == "CMYK":
        facts.append("CMYK, by its profile" if transform else "CMYK, without a profile")
        return _apply(transform, picture) if transform else picture.convert("RGB")
    if fact:
        facts.append(fact)
    if transform is None:
        return picture
    if picture.mode == "RGBA":
        converted = _apply(transform, picture.convert("RGB"))
        converted.putalpha(picture.getchannel("A"))
        return converted
    return _apply(transform, picture)


def _apply(transform: ImageCms.ImageCmsTransform, picture: Image.Image) -> Image.Image:
    converted = ImageCms.applyTransform(picture, transform)
    assert converted is not None  # only None when done in place
    return converted


@functools.lru_cache(maxsize=64)
def _transform(icc: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """From a profile to sRGB, and the fact to count; None for sRGB itself and unusable profiles."""
    if mode not in ("RGB", "CMYK"):
        return None, "colour profile of a grey picture, not applied"
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if mode == "RGB" and "srgb" in ImageCms.getProfileDescription(profile).lower():
            return None, ""
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(profile, srgb, mode, "RGB"), "colour profile to sRGB"
    except Exception:  # a damaged profile, or one of another colour space
        return None, "colour profile unusable, not applied"
