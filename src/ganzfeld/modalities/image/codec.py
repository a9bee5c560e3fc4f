"""Decode one image to one array, or say why it cannot be decoded.

Every image is decoded completely: `Image.verify()` accepts a JPEG that is cut in half. Nothing
here ever sets `LOAD_TRUNCATED_IMAGES`, which would fill the missing half with grey.
"""

from __future__ import annotations

import functools
import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ganzfeld.modalities.image import dicom
from ganzfeld.modalities.image.bad import BadPicture, reasons
from ganzfeld.modalities.image.depth import Limits, from_array, has_alpha, seen_of, to_8_bit
from ganzfeld.modalities.image.formats import (
    SUFFIXES,
    Frames,
    array_of,
    check_size,
    is_dicom,
    is_npy,
    opened,
    without_pillows_limit,
)
from ganzfeld.modalities.image.ranges import Seen

MIN_SIDE = 8  # px; below it there is nothing to enlarge
SAMPLED = 2000  # numbers of an image from which percentiles are taken
EXIF_ORIENTATION = 0x0112
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
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
    """What every image becomes: uint8 (channels, height, width)."""

    height: int
    width: int
    channels: int  # 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha
    alpha: str = "white"  # "white" | "black": laid on it; "keep"
    max_megapixels: float = 64.0
    part: str = "whole"  # "left" | "right": of two images side by side
    fit: str = "crop"  # "pad": of images of another aspect ratio
    low: float | None = None  # what becomes 0 and 255; None: by each image's own depth
    high: float | None = None
    sample: bool = False  # look at the numbers only: `Decoded.values` holds some of them

    @property
    def limits(self) -> Limits:
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What an image's header says; height and width in px, as it is looked at (EXIF applied)."""

    height: int
    width: int
    grey: bool
    alpha: bool


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """An image, uint8 (C, H, W), and the conversions that were made, to be counted."""

    pixels: NDArray[np.uint8]
    facts: tuple[str, ...] = ()
    seen: Seen | None = None  # the range of its numbers
    size: tuple[int, int] = (0, 0)  # (height, width) as it lies, turned as EXIF says
    cut: float = 0.0  # the part of its area that is cut off
    values: tuple[float, ...] = ()


def probe(data: bytes, max_megapixels: float = 64.0, name: str = "") -> Probe:
    """Read the header only. Raises `BadPicture`."""
    if is_npy(data):
        array, _ = from_array(array_of(data), (0, 1), [])
        grey, alpha = array.mode in GREY_MODES, array.mode in ("LA", "RGBA")
        return Probe(height=array.height, width=array.width, grey=grey, alpha=alpha)
    if is_dicom(data):
        height, width, grey = dicom.size_of(data)
        check_size(width, height, max_megapixels)
        return Probe(height=height, width=width, grey=grey, alpha=False)
    with reasons(data), opened(data, max_megapixels, name) as image:
        width, height = image.size
        if image.format != "TIFF" and _orientation(image) >= 5:  # Pillow turns TIFFs itself
            width, height = height, width
        return Probe(
            height=height, width=width, grey=image.mode in GREY_MODES, alpha=has_alpha(image)
        )


def decode(
    data: bytes, target: Target, name: str = "", *, frame: int = 0, frames: Frames | None = None
) -> Decoded:
    """Decode all of an image, scale it to cover the target and cut the centre out.

    `name` notices an extension that does not match, and tells formats apart that have no mark.
    `frames`: what is open of a file with several. Raises `BadPicture`.
    """
    facts: list[str] = []
    if is_npy(data):
        return _numbers(array_of(data), target, facts)
    if is_dicom(data):
        values, fact = dicom.pixels(data, frame, by_window=target.low is None)
        check_size(values.shape[1], values.shape[0], target.max_megapixels)
        facts.append(fact)
        return _numbers(values, target, facts)
    with reasons(data):
        limit = target.max_megapixels
        if frames is not None:
            image = frames.open(data, limit, name, frame)
        else:
            image = opened(data, limit, name)
        if image.format == "PNG":
            _check_png(data)
        if frames is None:
            _note_container(image, name, facts)
        before, full = _orientation(image), image.size
        if not target.sample:
            _draft(image, target, turned=before >= 5)
        width, height = getattr(image, "_tile_size", image.size)  # what a TIFF makes room for
        check_size(width, height, limit)
        with without_pillows_limit():
            image.load()
        # Read again: Pillow has turned a TIFF by now, and has dropped the tag.
        orientation = _orientation(image)
        if before > 1:
            facts.append("turned as EXIF says")
        icc = image.info.get("icc_profile")
        if target.sample:
            return _sampled(np.asarray(image), facts)
        picture, seen = to_8_bit(image, target.limits, facts)
        if picture.size != image.size or orientation != before:
            full = picture.size  # turned already
        return _finished(picture, target, orientation, icc, facts, seen, full)


def _numbers(values: NDArray[Any], target: Target, facts: list[str]) -> Decoded:
    """An image that comes as numbers."""
    if target.sample:
        return _sampled(values, facts)
    picture, seen = from_array(values, target.limits, facts)
    return _finished(picture, target, 1, None, facts, seen, picture.size)


def _sampled(values: NDArray[Any], facts: list[str]) -> Decoded:
    flat = values.reshape(-1)
    some = flat[:: max(1, flat.size // SAMPLED)].astype(np.float64)
    some = some[np.isfinite(some)]
    nothing = np.zeros((1, 1, 1), np.uint8)
    return Decoded(pixels=nothing, facts=tuple(facts), values=tuple(float(v) for v in some))


def _finished(
    picture: Image.Image,
    target: Target,
    orientation: int,
    icc: bytes | None,
    facts: list[str],
    seen: Seen | None,
    full: tuple[int, int],
) -> Decoded:
    """Scaled, with what is told of it. full: (width, height) before a decoder scaled it down."""
    size = full if orientation >= 5 else full[::-1]
    if target.part != "whole":
        picture, orientation = _half(picture, orientation, target.part), 1
    high, wide = picture.size[::-1] if orientation < 5 else picture.size
    pixels = fit(picture, target, orientation=orientation, icc=icc, facts=facts)
    seen = seen or seen_of(pixels, target.channels in (2, 4))
    return Decoded(
        pixels=pixels,
        facts=tuple(facts),
        seen=seen,
        size=size,
        cut=cut_off((high, wide), (target.height, target.width)),
    )


def cut_off(size: tuple[int, int], target: tuple[int, int]) -> float:
    """The part of an image's area outside the centre that is taken, 0 to 1."""
    (height, width), (h, w) = size, target
    scale = max(h / height, w / width)
    return 1 - min(h / scale, height) * min(w / scale, width) / (height * width)


def fit(
    picture: Image.Image,
    target: Target,
    *,
    orientation: int = 1,
    icc: bytes | None = None,
    facts: list[str] | None = None,
) -> NDArray[np.uint8]:
    """An 8-bit image (L, LA, RGB, RGBA, CMYK) to uint8 (C, H, W). Raises `BadPicture`."""
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


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 when there is none or the EXIF data are damaged."""
    try:
        value = image.getexif().get(EXIF_ORIENTATION, 1)
    except Exception:  # a broken tag says nothing about the pixels
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _check_png(data: bytes) -> None:
    """Check the chunks that make the image: Pillow skips the checksum of pixel data."""
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
    """One of two images side by side, cut before anything is scaled: nothing bleeds across."""
    if orientation in TURNS:
        picture = picture.transpose(TURNS[orientation])
    width, height = picture.size
    if width < 2:
        raise BadPicture("too narrow to hold two images side by side")
    left = 0 if part == "left" else width - width // 2
    return picture.crop((left, 0, left + width // 2, height))


def _draft(image: Image.Image, target: Target, *, turned: bool) -> None:
    """Let the JPEG decoder scale down, for speed, as long as 2x the target remains."""
    if target.part != "whole":
        return
    height, width = (target.width, target.height) if turned else (target.height, target.width)
    if image.format in ("JPEG", "MPO") and min(image.size) > 0:
        image.draft(None, (2 * width, 2 * height))


def _flatten(picture: Image.Image, background: int) -> Image.Image:
    """Lay an image with alpha on grey of the given level; the colours under alpha 0 vanish."""
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
        return None, "colour profile of a grey image, not applied"
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if mode == "RGB" and "srgb" in ImageCms.getProfileDescription(profile).lower():
            return None, ""
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(profile, srgb, mode, "RGB"), "colour profile to sRGB"
    except Exception:  # a damaged profile, or one of another colour space
        return None, "colour profile unusable, not applied"
