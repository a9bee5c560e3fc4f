"""Parts of a report that are drawn anew: nearest training images, samples of each class."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.language import tr
from ganzfeld.data.pack import Pack
from ganzfeld.errors import GanzfeldError
from ganzfeld.metrics import evaluate
from ganzfeld.modalities import spec_of_data
from ganzfeld.models import model as generate
from ganzfeld.report import quality
from ganzfeld.report.html import Html, escaped, section, tag
from ganzfeld.report.record import Record, Row

PAIRS = 12
PAIR: dict[str, Any] = {"side": 192, "most": 14_000, "lazy": True}
CLASSES = 24  # rows at most
COLUMNS = 8


def load_model(record: Record, trust_code: bool) -> generate.Model | str:
    """The shipped model, or why there is none to draw from."""
    shipped = record.path / "model"
    try:
        path = shipped if record.about else record.path
        return cast(generate.Model, generate.load(path, trust_code=trust_code, task="generation"))
    except GanzfeldError as error:
        return error.what


# The closest training images


def closest(record: Record, model: generate.Model | str, pack: Pack | None) -> Html:
    """Generated images beside the training images they come nearest to."""
    result = record.evaluation or {}
    pairs = result.get("memorisation_pairs") or []
    if not pairs:
        return Html("")
    title = "Closest training images"
    if reason := missing(result, model, pack):
        return section(title, lead=f"Left out: {reason}.")
    assert isinstance(model, generate.Model) and pack is not None
    shown = []
    for number, row, distance in pairs[:PAIRS]:
        sample = redrawn(model, pack, result["protocol"], number)
        nearest = pack.rows(np.array([row]))["x"]
        images = [
            Html(found)
            for stored, alt in (
                (sample[None], f"sample {number}"),
                (nearest, f"{record.kind.one} {row} of the data, the nearest to it"),
            )
            if (found := record.kind.show(stored, tr(alt), model.spec, **PAIR)) is not None
        ]
        caption = f"{distance:.3g} apart"
        shown.append(tag("figure", tag("div", *images, class_="pair"), tag("figcaption", caption)))
    seen = result.get("memorisation_seen")
    by = record.kind.by_thumbnails
    if seen is None:  # of older versions
        seen = result["protocol"]["reference"]
        by = f"by the features of the {result['protocol']['extractor']} extractor"
    lead = (
        f"Of {result['protocol']['generated']:,} samples the {len(shown)} that come nearest to the "
        f"data: left the sample, right its nearest among {seen:,} training "
        f"{record.kind.noun}, {by}. A copy would look the same on both sides."
    )
    return section(title, tag("div", *shown, class_="pairs small"), lead=lead)


def missing(result: Row, model: generate.Model | str, pack: Pack | None) -> str | None:
    """Why the closest images cannot be shown."""
    if pack is None:
        return "the data could not be opened when this page was written"
    if not isinstance(model, generate.Model):
        return f"the model could not be loaded ({model})"
    protocol = result["protocol"]
    if protocol["data"] != pack.fingerprint:
        return "the data have changed since they were measured against"
    if not protocol["reference"]:
        return "the evaluation names no images of the data"
    rows = [row for _, row, _ in result["memorisation_pairs"]]
    if spec_of_data(pack).shape != model.shape or max(rows) >= len(pack):
        return "the data and the model are of different shapes"
    return None


def redrawn(model: generate.Model, pack: Pack, protocol: Row, number: int) -> NDArray[Any]:
    """Sample `number` of an evaluation again, of the class that it was asked for, as stored."""
    label = None
    if pack.labels is not None and sorted(model.classes) == sorted(pack.classes):
        place = number - evaluate.first_number(protocol["seed"])
        if "classes" in protocol:
            asked = evaluate.asked_labels(pack, protocol["generated"], protocol["seed"])
        else:  # of older versions, of the reference's own
            asked = pack.labels[evaluate.reference_rows(pack, protocol["reference"])]
        label = pack.classes[asked[place % len(asked)]]
    x = model.sample(1, seed=protocol["seed"], labels=label, start=number)
    one: NDArray[Any] = model.store(x)[0]
    return one


# Class by class


def by_class(record: Record, model: generate.Model | str) -> Html:
    """Samples of each class, with its share and its distance where they were measured."""
    result = record.evaluation or {}
    ours, theirs = result.get("class_shares") or {}, result.get("class_shares_of_data") or {}
    distances = result.get("intra_class_frechet_by_class") or {}
    conditional = isinstance(model, generate.Model) and bool(model.classes)
    names = list(model.classes) if isinstance(model, generate.Model) and conditional else []
    names = names or list(ours) or list(distances)
    if not names:
        return Html("")
    chosen, lead = choose(names, distances)
    strips = rows_of_samples(model, chosen) if isinstance(model, generate.Model) else {}
    shares = [*ours.values(), *theirs.values()]
    largest = max((v for v in shares if isinstance(v, int | float)), default=0) or 1
    cards = []
    for name in chosen:
        facts = [
            *share("generated", "bar", ours.get(name), largest),
            *share("in the data", "bar data", theirs.get(name), largest),
        ]
        if (distance := distances.get(name)) is not None:
            facts.append(tag("dt", "distance"))
            facts.append(tag("dd", "within the class; lower is nearer", class_="soft"))
            facts.append(tag("dd", f"{distance:.3g}", class_="number"))
        title = tag("h3", Html(escaped(name)))  # a class stays as it is called
        body = tag("dl", *facts, class_="share") if facts else None
        cards.append(tag("article", title, strips.get(name), body, class_="card"))
    real = quality.real_of(result, "intra_class_frechet")
    if real is not None and distances:
        lead += f" Real images have a distance of {real:.3g} within a class on average."
    if ours:
        lead += " Shares are of what the classifier sees, on both sides."
    return section("Class by class", tag("div", *cards, class_="cards small"), lead=lead)


def choose(names: list[str], distances: dict[str, float]) -> tuple[list[str], str]:
    if len(names) <= CLASSES:
        return names, f"{len(names)} classes."
    if distances:
        worst = sorted(distances, key=lambda name: -(distances[name] or 0))[:CLASSES]
        return worst, f"The {len(worst)} of {len(names):,} classes that are furthest from the data."
    return names[:CLASSES], f"The first {CLASSES} of {len(names):,} classes."


def share(name: str, kind: str, value: float | None, largest: float) -> tuple[Html, ...]:
    if value is None:
        return ()
    filled = tag("span", "", style=f"width:{100 * value / largest:.1f}%")
    bar = tag("dd", tag("div", filled, class_=kind), aria_hidden="true")
    return tag("dt", name), bar, tag("dd", f"{100 * value:.1f} %", class_="number")


def rows_of_samples(model: generate.Model, names: list[str]) -> dict[str, Html]:
    """A strip of samples for each class, by its name."""
    if not model.classes:
        return {}
    known = [name for name in names if name in model.classes]
    try:
        x = model.sample(COLUMNS * len(known), labels=[n for n in known for _ in range(COLUMNS)])
    except GanzfeldError:
        return {}
    stored = model.store(x)
    rows = stored.reshape(len(known), COLUMNS, *stored.shape[1:])
    found = {}
    for name, row in zip(known, rows, strict=True):
        alt = tr(f"{COLUMNS} samples of the class {name}")
        shown = model.modality.show(row, alt, model.spec, side=640, most=36_000, lazy=True)
        if shown is not None:
            found[name] = Html(shown)
    return found
