"""Animations as GIF, WebP or MP4, chosen by the file's extension."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image, features

from ganzfeld.core import border, system, temporary
from ganzfeld.core.files import replace
from ganzfeld.errors import ResourceError, UsageError
from ganzfeld.modalities.image.draw import on_white

MOVING = (".gif", ".webp", ".mp4")
MOST_SECONDS = 100_000.0
LONGEST = 600.0  # seconds of a frame: a GIF has 16 bits for hundredths of a second
SHORTEST = 0.02  # seconds: browsers slow down what is faster


def check_ending(out: Path) -> str:
    """The file's ending, before anything is drawn. UsageError where it cannot be written."""
    ending = out.suffix.lower()
    if ending not in (*MOVING, ".png"):
        raise UsageError(
            f"{out} should end in .gif, .webp or .mp4 for an animation, .png for a strip"
        )
    if ending == ".webp" and not features.check("webp"):
        raise UsageError("this Pillow was built without WebP", fix="a name that ends in .gif")
    if ending == ".mp4":
        import_av()
    return ending


def save_animation(
    pictures: Sequence[Image.Image], out: Path, *, seconds: float, hold: float = 0.0
) -> None:
    """Write images of one size as a moving one that repeats; whole, or not at all.

    seconds: of all of them together, at least 0.02 for each. hold: seconds more for the last.
    What shows through is white: GIF and MP4 have no half-transparent colours.
    """
    seconds = border.real(seconds, "--seconds", 0, MOST_SECONDS, above=True)
    ending = check_ending(out)
    opaque = [on_white(picture).convert("RGB") for picture in pictures]
    each = max(seconds / len(opaque), SHORTEST)
    if each > LONGEST:
        raise UsageError(
            f"--seconds {seconds:g} would show each of {len(opaque):,} images for {each:g} s: "
            f"{LONGEST:g} s are the most",
            fix=f"--seconds {LONGEST * len(opaque):g}, or less",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".mp4":
        save_video(opaque, out, each, hold)
        return
    # a GIF counts in hundredths of a second
    duration = [round(100 * each) * 10] * len(opaque)
    duration[-1] += round(100 * hold) * 10
    # one colour table for each image; frames that equal the one before prolong it in GIF
    options: dict[str, Any] = {"append_images": opaque[1:], "duration": duration, "loop": 0}
    if ending == ".webp":
        options |= {"quality": 90, "method": 4}
    buffer = io.BytesIO()
    opaque[0].save(buffer, ending[1:].upper(), save_all=True, **options)
    replace(out, buffer.getvalue())


def enlarged(picture: Image.Image, least: int = 192) -> Image.Image:
    """By the whole factor that brings its longer side to `least` pixels, where it is smaller."""
    factor = -(-least // max(picture.size))
    size = picture.width * factor, picture.height * factor
    return picture.resize(size, Image.Resampling.NEAREST)


def import_av() -> Any:
    """PyAV, which brings its own FFmpeg. UsageError where it is not installed."""
    try:
        import av
    except ImportError:
        raise UsageError(
            "writing MP4 needs PyAV, which is not installed",
            fix="pip install 'ganzfeld[video]', or a name that ends in .gif or .webp",
        ) from None
    return av


def save_video(pictures: Iterable[Image.Image], out: Path, each: float, hold: float) -> None:
    """H.264 at a whole number of milliseconds an image; odd sizes gain a white edge."""
    import_av()
    step = round(1000 * each)
    try:
        with temporary.hidden(out, folder=True) as home:
            _video(pictures, home / out.name, step, hold)
            system.replace(home / out.name, out)
    except OSError as error:
        raise ResourceError(f"{out} cannot be written: {error}") from error


def _video(pictures: Iterable[Image.Image], part: Path, step: int, hold: float) -> None:
    """step: milliseconds an image."""
    av = import_av()
    with av.open(str(part), "w") as file:
        stream = file.add_stream("libx264", rate=Fraction(1000, step))
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "18"}
        last: Image.Image | None = None

        def put(picture: Image.Image) -> None:
            if last is None:
                stream.width, stream.height = picture.size
            frame = av.VideoFrame.from_image(picture)
            for packet in stream.encode(frame):
                file.mux(packet)

        for picture in pictures:
            put(even(picture))
            last = even(picture)
        for _ in range(round(1000 * hold / step)):
            assert last is not None
            put(last)
        for packet in stream.encode():
            file.mux(packet)


def even(picture: Image.Image) -> Image.Image:
    """Of even width and height, as this colour format asks."""
    width, height = (side + side % 2 for side in picture.size)
    sheet = Image.new("RGB", (width, height), "white")
    sheet.paste(picture)
    return sheet
