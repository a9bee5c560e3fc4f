"""The part of a check that looks at samples beside each other, for images and for other kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.columns import is_ragged
from ganzfeld.data.decoding import refit
from ganzfeld.data.findings import Outcome
from ganzfeld.data.pack import fingerprint_of
from ganzfeld.data.source import Encoded, Raw, Ready
from ganzfeld.data.survey import Survey, between, held_by_default, shapes, surveyed
from ganzfeld.data.workers import answers
from ganzfeld.modalities import Modality, Spec, modality_of
from ganzfeld.modalities.image.codec import Target

TESTS = 10_000  # test images that are compared with the training part, at most
PAIRS, ODD = 24, 12  # pairs, and odd samples of a kind, that are shown
BLOCK = 256  # rows of a column taken together

Gallery = dict[int, NDArray[Any]]  # stored samples, by number
Source = Encoded | Ready


def spec_of(target: Target) -> Spec:
    return Spec("image", (target.channels, target.height, target.width), "uint8")


def kind_of(target: Target) -> Modality:
    return modality_of(spec_of(target))


def of_images(
    source: Source, target: Target, outcome: Outcome, survey: Survey, workers: int | None
) -> tuple[dict[str, Any], Callable[[list[int]], Gallery]]:
    """What a survey of images found, and what gives some of them again."""
    kept = outcome.kept
    away = held_by_default(kept, fingerprint_of(source, target, outcome), survey.kind)
    title = source.titles.__getitem__ if isinstance(source, Encoded) else "index {}".format
    found = surveyed(survey, title, away)
    found["spec"] = spec_of(target).to_json()
    found["shapes"] = shapes(outcome.sizes, (target.height, target.width))
    same = as_before(target, outcome)
    if isinstance(source, Encoded) and source.apart:
        found["test"] = of_tests(source, same, survey, workers)

    def again(rows: list[int]) -> Gallery:
        if isinstance(source, Encoded):
            done = answers(source.reader, source.names, same, workers=workers, indices=rows)
            return {a.index: a.pixels for a in done if a.pixels is not None}
        wanted = (target.channels, target.height, target.width)
        drawn = {row: source.stack.rows(row, row + 1)[0] for row in rows}
        return {
            row: pixels if pixels.shape == wanted else refit(pixels, target, outcome.facts)
            for row, pixels in drawn.items()
        }

    return found, again


def as_before(target: Target, outcome: Outcome) -> Target:
    """The target with the range that the images were decoded by."""
    if outcome.values and outcome.limits:
        return replace(target, low=outcome.limits[0], high=outcome.limits[1])
    return target


def of_tests(
    source: Encoded, target: Target, survey: Survey, workers: int | None
) -> dict[str, Any]:
    """Near copies of training images among the test images that lie beside them."""
    step = -(-len(source.apart) // TESTS)
    chosen = source.apart[::step]
    names, prints = [], []
    done = answers(source.reader, [name for name, _ in chosen], target, workers=workers)
    for answer in done:
        if answer.pixels is not None:
            names.append(chosen[answer.index][1])
            prints.append(survey.kind.prints(answer.pixels[None])[0])
    places, own, _ = survey.looked()
    if not names or not len(places):
        return {"count": 0, "of": len(names), "pairs": []}
    titles = [source.titles[place] for place in places]
    return between(survey.kind, own, np.stack(prints), (titles, names))


def of_columns(raw: Raw, kept: list[int]) -> tuple[dict[str, Any], Callable[[list[int]], Gallery]]:
    """The same of samples of another kind, which are all in memory or mapped."""
    x = raw.columns["x"]
    kind = modality_of(x.spec)
    survey = Survey(kind, len(kept))
    rows: Any = x.rows

    def again(chosen: list[int]) -> Gallery:
        return {row: np.array(rows[row]) for row in chosen}

    if is_ragged(x.spec) or not kept:
        return surveyed(survey, raw.titles.__getitem__), again
    for place, row in enumerate(kept):
        survey.add(place, rows[row])
    found = surveyed(survey, lambda place: raw.titles[kept[place]])
    renumbered(found, kept)
    some = np.stack([rows[row] for row in kept[:: -(-len(kept) // FACTS)]])
    found["facts"] = kind.facts(some, x.spec)
    found["spec"] = (kind.fitted(x.spec, some) if kind.learns else x.spec).to_json()
    return found, again


FACTS = 20_000  # samples of which a whole set is judged by


def renumbered(found: dict[str, Any], kept: list[int]) -> None:
    """From places among those kept to rows of the data."""
    for pair in found["copies"]:
        pair["rows"] = [kept[place] for place in pair["rows"]]
    for one in found["odd"].values():
        one["samples"] = [[kept[place], name] for place, name in one["samples"]]


def told_of(found: dict[str, Any]) -> list[int]:
    """Rows of the samples that a page shows."""
    return sorted(set(rows_of(found)))


def rows_of(found: dict[str, Any]) -> Iterator[int]:
    for pair in found["copies"][:PAIRS]:
        yield from pair["rows"]
    for one in found["odd"].values():
        yield from (row for row, _ in one["samples"][:ODD])
