"""Look at the samples of a data set beside each other: near copies, odd ones, leaks, shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.data import held
from ganzfeld.data.likeness import MOST, Pair, groups, near_copies
from ganzfeld.modalities import Modality
from ganzfeld.modalities.image.codec import cut_off
from ganzfeld.modalities.odd import oddness

LISTED = 200  # pairs, or odd samples of a kind, that a report keeps
CHUNK = 64  # samples whose prints are taken together
USEFUL = (256, 128, 96, 64, 48, 32)  # px, that are proposed
STEP = 8  # px, of which both sides are multiples
SLIGHT = 0.02  # of an image's area, whose loss need not be told
MIXED = 0.9  # of the images have one aspect ratio, or they count as mixed
UNEVEN = 10.0  # times the samples of the smallest class, in the largest


class Survey:
    """What a look at all samples keeps of each: about a kilobyte, of 40,000 samples at most.

    count: of samples, bad ones included. Where there are more than 40,000, evenly spread ones
    are kept.
    """

    def __init__(self, kind: Modality, count: int) -> None:
        self.kind, self.count = kind, count
        self.step = -(-count // MOST) if count else 1
        self.waiting: list[tuple[int, NDArray[Any]]] = []
        self.places: list[int] = []
        self.prints: list[NDArray[Any]] = []
        self.traits: list[dict[str, NDArray[Any]]] = []

    def add(self, index: int, sample: NDArray[Any]) -> None:
        """Take a stored sample, in any order; one that comes again replaces the first."""
        if index % self.step:
            return
        self.waiting.append((index, np.array(sample)))
        if len(self.waiting) >= CHUNK:
            self.take()

    def take(self) -> None:
        if not self.waiting:
            return
        rows = np.stack([sample for _, sample in self.waiting])
        self.places += [index for index, _ in self.waiting]
        if self.kind.compares:
            self.prints.append(self.kind.prints(rows))
        self.traits.append(self.kind.traits(rows))
        self.waiting = []

    def looked(self) -> tuple[NDArray[np.int64], NDArray[Any], dict[str, NDArray[Any]]]:
        """Numbers of the samples that were seen, in order, with their prints and traits."""
        self.take()
        last = {place: row for row, place in enumerate(self.places)}
        places = np.array(sorted(last), np.int64)
        order = np.array([last[int(place)] for place in places], np.int64)
        prints = np.concatenate(self.prints)[order] if self.prints else np.zeros((0, 1))
        names = self.traits[0] if self.traits else {}
        traits = {name: np.concatenate([t[name] for t in self.traits])[order] for name in names}
        return places, prints, traits


def surveyed(
    survey: Survey, title: Callable[[int], str], away: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """What the samples show beside each other, as JSON.

    title: of a sample, by its number. away: numbers of the samples that a run would hold out of
    training by default; None: not known.
    """
    places, prints, traits = survey.looked()
    pairs = near_copies(survey.kind, prints) if survey.kind.compares else []
    found: dict[str, Any] = {
        "looked_at": len(places),
        "compared": len(prints) if survey.kind.compares else 0,
        "copies": [as_json(pair, places, title) for pair in pairs[:LISTED]],
        "copies_count": len({p for pair in pairs for p in (pair.first, pair.second)}),
        "copies_groups": len(groups(pairs, len(places))),
        "odd": {},
        "leaks": leaks(pairs, places, away),
    }
    for odd in survey.kind.odd:
        if odd.trait not in traits or not len(places):
            continue
        far = oddness(traits[odd.trait], odd)
        order = np.argsort(-far, kind="stable")[: int((far > 0).sum())]
        if len(order):
            rows = [[int(places[i]), shown(title(int(places[i])))] for i in order[:LISTED]]
            found["odd"][odd.called.lower()] = {
                "called": odd.called,
                "count": len(order),
                "samples": rows,
            }
    return found


def as_json(pair: Pair, places: NDArray[np.int64], title: Callable[[int], str]) -> dict[str, Any]:
    first, second = int(places[pair.first]), int(places[pair.second])
    return {
        "rows": [first, second],
        "names": [shown(title(first)), shown(title(second))],
        "how": pair.how,
        "distance": round(pair.distance, 3),
    }


def leaks(
    pairs: Sequence[Pair], places: NDArray[np.int64], away: NDArray[np.int64] | None
) -> int | None:
    """How many of the samples that are held out have a near copy among those trained on."""
    if away is None or not len(away):
        return None
    out = np.isin(places, away)
    return len(
        {
            pair.first if out[pair.first] else pair.second
            for pair in pairs
            if out[pair.first] != out[pair.second]
        }
    )


def held_by_default(
    kept: Sequence[int], fingerprint: str, kind: Modality
) -> NDArray[np.int64] | None:
    """Numbers of the samples that a run holds out where nobody says otherwise, of those kept."""
    if kind.repeats:
        return None
    order = held.order(fingerprint, len(kept))[: held.usual(len(kept))]
    return np.asarray(kept, np.int64)[order]


def between(
    kind: Modality, train: NDArray[Any], test: NDArray[Any], names: tuple[Sequence[str], ...]
) -> dict[str, Any]:
    """Near copies of training samples in a test set. train, test: prints. names: of both."""
    together = np.concatenate([train, test])
    pairs = near_copies(kind, together, within=len(train))
    count = len({pair.second for pair in pairs})
    told = [
        {
            "names": [shown(names[0][p.first]), shown(names[1][p.second - len(train)])],
            "how": p.how,
            "distance": round(p.distance, 3),
        }
        for p in pairs[:LISTED]
    ]
    return {"count": count, "of": len(test), "pairs": told}


def shapes(sizes: Counter[tuple[int, int]], target: tuple[int, int]) -> dict[str, Any]:
    """Aspect ratios of the files, what is cut off at this size, and a size that suits them."""
    total = sum(sizes.values())
    if not total:
        return {}
    lying = {"wide": 0, "tall": 0, "square": 0}
    for (height, width), n in sizes.items():
        ratio = width / height
        lying["square" if 0.95 < ratio < 1.05 else "wide" if ratio > 1 else "tall"] += n
    losses = np.array([cut_off(size, target) for size in sizes])
    weights = np.array([*sizes.values()], np.float64)
    order = np.argsort(losses)
    tenth = losses[order][np.searchsorted(np.cumsum(weights[order]), 0.9 * total)]
    return {
        **lying,
        "mixed": max(lying.values()) < MIXED * total,
        "cut": round(float((losses * weights).sum() / total), 4),
        "cut_of_a_tenth": round(float(tenth), 4),
        "suggested": list(suggested(sizes)),
    }


def suggested(sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    """(height, width) that nine of ten files are large enough for, and that cuts least away."""
    total = sum(sizes.values())
    sides = sorted((min(size), n) for size, n in sizes.items())
    seen, low = 0, sides[0][0]
    for side, n in sides:
        seen += n
        if seen > total / 10:
            low = side
            break
    base = next((side for side in USEFUL if side <= low), low)
    choices = {(base, base)}
    for height, width in dict(sizes.most_common(20)):
        scale = base / min(height, width)
        sides_of = (max(round(side * scale / STEP), 1) * STEP for side in (height, width))
        choices.add((next(sides_of), next(sides_of)))

    def cut(choice: tuple[int, int]) -> float:
        return sum(n * cut_off(size, choice) for size, n in sizes.items()) / total

    best = min(sorted(choices), key=cut)
    return best if cut((base, base)) - cut(best) > SLIGHT else (base, base)
