"""Embed images in a page at a small size."""

from __future__ import annotations

from PIL import Image

from ganzfeld.modalities.image import embed
from ganzfeld.modalities.image.embed import open_picture as open_picture
from ganzfeld.report.html import Html


def picture(image: Image.Image, alt: str, *, side: int, most: int, lazy: bool = False) -> Html:
    """An `img` element that holds the image itself, see `modalities.image.embed.element`."""
    return Html(embed.element(image, alt, side=side, most=most, lazy=lazy))
