"""Signals of generated samples beside real ones: variety, copies, conditions, blanks, detail."""

from __future__ import annotations

import statistics
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzfeld.doctor import signals
from ganzfeld.doctor.reference import VISIBLE, Floats, Reference, Side
from ganzfeld.metrics.distances import squares

Signals = dict[str, float | None]
A_CLASS = 3  # fakes of a class, below which it says nothing
CONSTANT = 0.02  # of the deviation of real samples
LARGE = 0.75  # of a group's mean size, below which it is too small to be missed


class Kept(NamedTuple):
    """Samples as they are stored (N, ...), as plain numbers, and as they are compared."""

    stored: NDArray[Any]
    flat: NDArray[Any]
    rows: Floats


class Beside:
    """Fakes beside real samples, and their distances.

    real: as many stored ones, which older rules compare them with. flat: plain numbers of the
    fakes. ours: what is compared. squares: (N, N). across: (N, M) distances from `theirs`.
    """

    def __init__(self, reference: Reference, fakes: Kept, real: NDArray[Any]) -> None:
        self.reference = reference
        self.fake, self.flat, self.ours = fakes
        self.theirs = reference.beside(real)
        self.squares = squares(self.ours, self.ours)
        self.across = self.theirs.across(self.ours)

    @cached_property
    def within(self) -> NDArray[np.float64]:
        """Distances of the fakes from one another, (N, N)."""
        return np.sqrt(self.squares)

    def signals(self, asked: Floats | None) -> Signals:
        """asked: what the fakes are made for; see `Reference.conditions_of`."""
        reference, median = self.reference, self.reference.median
        within = signals.off_diagonal(self.within)
        vendi, same = self.theirs.alike(len(self.fake), median)
        found: Signals = {
            "vendi": signals.ratio(signals.vendi_of(self.squares, median), vendi),
            "distance": signals.ratio(signals.mean(within), reference.mean),
            "duplicates": signals.duplicates(within, median) - same,
            "energy": signals.energy(within, self.theirs.within, self.across),
            "blank": signals.mean(self.flat.std(1) <= reference.still),
            "stuck": stuck(self.flat, self.theirs),
        }
        places, away = reference.nearest(self.ours)
        found |= copies(reference, reference.nearness(places, away)) | groups(reference, places)
        if asked is not None:
            found |= conditions(reference, self.ours, places, asked)
        usual = reference.vitals_of(len(self.fake))
        for name, value in reference.kind.vitals(self.fake).items():
            found[name] = signals.ratio(value, usual.get(name))
        return found


def of_samples(
    reference: Reference, fake: NDArray[Any], real: NDArray[Any], asked: Floats | None
) -> Signals:
    """`Beside.signals` of stored fakes and as many stored real samples, (N, ...)."""
    return Beside(reference, kept(reference, fake), real).signals(asked)


def kept(reference: Reference, stored: NDArray[Any]) -> Kept:
    """Stored samples with their numbers."""
    flat = reference.numbers(stored)
    return Kept(stored, flat, reference.compared(flat))


def stuck(ours: NDArray[Any], theirs: Side) -> float | None:
    """The share of a sample's numbers that are the same in all fakes, of those in which real
    samples differ (`Side.moving`). None where there are few such numbers."""
    if theirs.moving is None:
        return None
    places, deviations = theirs.moving
    return signals.mean(np.ptp(ours[:, places], 0) <= CONSTANT * deviations)


def groups(reference: Reference, near: NDArray[np.int64]) -> Signals:
    """How often each of the data's groups is drawn, over its share of the data.

    Groups that are too small to be missed are left out. near: rows of the reference (N,).
    """
    shares = np.bincount(reference.groups) / len(reference.groups)
    ours = np.bincount(reference.groups[near], minlength=len(shares)) / len(near)
    known = np.flatnonzero(shares * len(shares) >= LARGE)
    return {f"group/{n}": float(ours[n] / shares[n]) for n in known}


def copies(reference: Reference, near: Floats) -> Signals:
    """How much nearer fakes lie to training samples than fresh samples do."""
    if reference.usual_nearest is None:
        return {}
    return {
        "nearest": signals.ratio(signals.median(near), reference.usual_nearest),
        "copies": signals.mean(near < reference.copied),
    }


def conditions(
    reference: Reference, ours: Floats, near: NDArray[np.int64], asked: Floats
) -> Signals:
    """Whether fakes show what they were asked for, and how varied they are within a class."""
    found: Signals = {}
    skill = reference.skill
    if skill is not None and skill > VISIBLE:
        found["visible"] = skill
        own, error = reference.skill_of(near, asked)
        found["agreement"] = signals.ratio(own, skill)
        found["agreement_error"] = signals.ratio(error, skill)
    spreads = {}
    for number, own in reference.within.items():
        mine = ours[asked == number] if asked.ndim == 1 else ours[:0]
        if len(mine) >= A_CLASS and own > 0:
            spreads[number] = signals.mean(signals.pairwise(mine)) / own
    if spreads:
        found["within"] = statistics.median(spreads.values())
        found["within_least"] = min(spreads.values())
    return found
