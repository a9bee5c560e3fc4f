"""Images in a page: PNG where it fits, else the best JPEG that does, whatever is tried for it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ganzfeld.modalities.image import embed
from ganzfeld.modalities.image.draw import on_white

MOST = 30_000


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def grid(height: int, width: int) -> Image.Image:
    """Noise in cells, as an early grid of samples, on a plain ground."""
    sheet = Image.new("RGB", (width, height), "white")
    for top in range(8, height - 40, 48):
        for left in range(8, width - 40, 48):
            sheet.paste(noise(40, 40, top * width + left), (left, top))
    return sheet


def smooth(height: int, width: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    return Image.fromarray((127 + 60 * np.sin(x / 40) + 60 * np.cos(y / 30)).astype(np.uint8))


IMAGES = {
    "noise": noise(400, 300),
    "one corner of noise": Image.new("RGB", (300, 400)),
    "grid": grid(460, 368),
    "smooth": smooth(500, 500),
    "plain": Image.new("RGBA", (300, 400), (9, 99, 199, 99)),
    "low": noise(40, 900),
    "small": noise(40, 40),
}
IMAGES["one corner of noise"].paste(noise(90, 90), (0, 0))


def by_trying_all(image: Image.Image, most: int) -> tuple[str, bytes] | None:
    """Every form in turn, the best first; None where none of them fits."""
    if len(data := embed.saved(image, "PNG")) <= most:
        return "png", data
    for quality in embed.QUALITIES:
        data = embed.saved(on_white(image), "JPEG", quality=quality, optimize=True)
        if len(data) <= most:
            return "jpeg", data
    return None


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("most", [MOST, 2 * MOST, 4 * MOST])
def test_what_is_taken_is_what_trying_all_finds(name: str, most: int) -> None:
    wanted = by_trying_all(IMAGES[name], most)
    kind, data = embed.encoded(IMAGES[name], most)
    if wanted is None:  # a smaller one
        with Image.open(io.BytesIO(data)) as half:
            assert half.format == kind.upper() and len(data) <= most
            assert half.size < IMAGES[name].size
    else:
        assert (kind, data) == wanted


def test_no_png_is_made_of_what_is_far_too_large_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, int]] = []
    saved = embed.saved

    def watched(image: Image.Image, kind: str, **options: int | bool) -> bytes:
        made.append((kind, image.height))
        return saved(image, kind, **options)

    monkeypatch.setattr(embed, "saved", watched)
    assert embed.encoded(IMAGES["grid"], MOST)[0] == "jpeg"
    assert ("PNG", IMAGES["grid"].height) not in made
    whole = ("JPEG", IMAGES["grid"].height)
    assert made.count(whole) <= 3  # of five qualities
