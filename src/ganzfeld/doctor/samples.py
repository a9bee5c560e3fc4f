"""Signals of generated samples beside real ones: variety, copies, conditions, blanks, detail."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.doctor import signals
from ganzfeld.doctor.reference import VISIBLE, Floats, Reference

Signals = dict[str, float | None]
A_CLASS = 3  # fakes of a class, below which it says nothing
LARGE = 0.75  # of a group's mean size, below which it is too small to be missed


def of_samples(
    reference: Reference, fake: NDArray[Any], real: NDArray[Any], asked: Floats | None
) -> Signals:
    """Stored fakes and as many stored real samples, (N, ...), against the reference.

    asked: what the fakes are made for; see `Reference.conditions_of`.
    """
    flat = reference.numbers(fake)
    ours, theirs = reference.compared(flat), reference.compared(reference.numbers(real))
    within_ours, within_theirs = signals.pairwise(ours), signals.pairwise(theirs)
    away = reference.away(ours)
    median = reference.median
    found: Signals = {
        "vendi": signals.ratio(signals.vendi(ours, median), signals.vendi(theirs, median)),
        "distance": signals.ratio(float(within_ours.mean()), reference.mean),
        "duplicates": signals.duplicates(within_ours, median)
        - signals.duplicates(within_theirs, median),
        "energy": signals.energy(within_ours, within_theirs, signals.pairwise(ours, theirs)),
        "blank": float((flat.std(1) <= reference.still).mean()),
    }
    found |= copies(reference, reference.nearness(away)) | groups(reference, away.argmin(1))
    if asked is not None:
        found |= conditions(reference, ours, away.argmin(1), asked)
    usual = reference.vitals_of(len(fake))
    for name, value in reference.kind.vitals(fake).items():
        found[name] = signals.ratio(value, usual.get(name))
    return found


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
        "copies": float((near < reference.copied).mean()),
    }


def conditions(
    reference: Reference, ours: Floats, near: NDArray[np.int64], asked: Floats
) -> Signals:
    """Whether fakes show what they were asked for, and how varied they are within a class."""
    found: Signals = {}
    skill = reference.skill
    if skill is not None and skill > VISIBLE:
        found["visible"] = skill
        found["agreement"] = signals.ratio(reference.skill_of(near, asked), skill)
    spreads = {}
    for number, own in reference.within.items():
        mine = ours[asked == number] if asked.ndim == 1 else ours[:0]
        if len(mine) >= A_CLASS and own > 0:
            spreads[number] = float(signals.pairwise(mine).mean()) / own
    if spreads:
        found["within"] = statistics.median(spreads.values())
        found["within_least"] = min(spreads.values())
    return found
