"""Part of a report: captions of the data, each with images that were drawn for it."""

from __future__ import annotations

import html

import torch

from ganzfeld.data.conditions import is_captioned
from ganzfeld.models import model as generate
from ganzfeld.models.asked import told
from ganzfeld.report.html import Html, section, tag
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
    cards = []
    for place, caption in enumerate(told(model.conditions, rows)):
        own = samples[place * COLUMNS : (place + 1) * COLUMNS]
        alt = f"{COLUMNS} images of: {caption}"
        strip = model.modality.show(own, alt, model.spec, side=640, most=36_000, lazy=True)
        text = isolated(html.escape(plain(shortened(caption, LONGEST))), "<bdi>", "</bdi>")
        head = tag("h3", Html(f"<bdi>{text}</bdi>"))
        cards.append(tag("article", head, Html(strip) if strip else None, class_="card"))
    lead = (
        f"Captions of the data, in small letters and without punctuation, and {COLUMNS} images "
        "that the model draws for each: what the caption leaves open should differ."
    )
    return section("Captions and images", tag("div", *cards, class_="cards"), lead=lead)
