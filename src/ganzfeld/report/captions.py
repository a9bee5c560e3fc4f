"""Parts of a report: captions with images that were drawn for them; images with captions."""

from __future__ import annotations

import html

import torch

from ganzfeld.core.language import tr
from ganzfeld.core.reader import LINE_BYTES, Unreadable, read_whole
from ganzfeld.data.conditions import is_captioned
from ganzfeld.modalities.captions import lines_of
from ganzfeld.modalities.image import draw, embed
from ganzfeld.models import model as generate
from ganzfeld.models.asked import told
from ganzfeld.report.html import Html, section, tag
from ganzfeld.report.record import Record
from ganzfeld.text import isolated, plain, shortened

SHOWN, COLUMNS = 12, 8  # captions, and images of each
LONGEST = 300  # characters of a caption on the page


def by_caption(model: generate.Model | str) -> Html:
    """Captions that the run's data have, and what the model draws for each; "" for other models."""
    if not isinstance(model, generate.Model) or not is_captioned(model.conditions):
        return Html("")
    rows = torch.tensor(model.conditions["rows"][:SHOWN])
    drawn = model.sample(COLUMNS * len(rows), numbers=rows.repeat_interleave(COLUMNS, 0))
    samples = model.store(drawn)
    cards, noun = [], "images" if model.modality.draws else "samples"
    for place, caption in enumerate(told(model.conditions, rows)):
        own = samples[place * COLUMNS : (place + 1) * COLUMNS]
        alt = tr(f"{COLUMNS} {noun} of: {caption}")
        strip = model.modality.show(own, alt, model.spec, side=640, most=36_000, lazy=True)
        text = isolated(html.escape(plain(shortened(caption, LONGEST))), "<bdi>", "</bdi>")
        head = tag("h3", Html(f"<bdi>{text}</bdi>"))
        cards.append(tag("article", head, Html(strip) if strip else None, class_="card"))
    lead = (
        f"Captions of the data, in small letters and without punctuation, and {COLUMNS} {noun} "
        "that the model draws for each: what the caption leaves open should differ."
    )
    return section(f"Captions and {noun}", tag("div", *cards, class_="cards"), lead=lead)


def by_image(record: Record) -> Html:
    """Held-out images beside what the run says of them, by its newest sheet; "" for other runs."""
    for images, sheet in reversed(record.samples):
        if not (place := lines_of(sheet)).is_file():
            continue
        try:
            told = read_whole(place, LINE_BYTES).decode(errors="replace").splitlines()
        except (OSError, Unreadable):
            return Html("")
        if (whole := embed.open_picture(sheet)) is None or not told:
            return Html("")
        figures = []
        for number, (cell, line) in enumerate(zip(draw.cells(whole, len(told)), told, strict=True)):
            image = embed.element(cell, f"image {number}", side=96, most=14_000, lazy=True)
            text = isolated(html.escape(plain(shortened(line, LONGEST))), "<bdi>", "</bdi>")
            caption = tag("figcaption", Html(f"<bdi>{text or '-'}</bdi>"))
            figures.append(tag("figure", Html(image), caption))
        lead = (
            f"Images of the data, held out where there are such, and what the averaged networks "
            f"say of them after {images:,} images seen: one caption each, drawn by chance."
        )
        return section("Images and captions", tag("div", *figures, class_="pairs small"), lead=lead)
    return Html("")
