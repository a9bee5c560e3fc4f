"""Rules for what players are given: real samples, conditions, latents, whole samples, a memory."""

from __future__ import annotations

from collections.abc import Callable

from ganzfeld.doctor.course import growing, opposed
from ganzfeld.doctor.story import Evidence, Moment

OTHER = 0.1  # of the data's mean distance, from which real samples are not themselves any more
WRONG = 0.005  # of a batch's conditions
LONG = 8  # looks
UNSEEN = 0.2  # of a sample's numbers that a discriminator may leave out
STUCK = 0.1  # of a sample's numbers that may be the same in all fakes
ALIKE = 0.5  # of the data's mean distance: samples that are nearer together have collapsed
LESS = 0.9  # of what was stuck at an earlier look: it comes loose
REPEATED = 0.5  # of a step's latents that may be those of the step before: by chance none is
KEPT = 0.5  # of the steps since an earlier look, that an optimiser remembers at least


def altered(m: Moment) -> Evidence:
    """Real samples that do not come back as they are stored: another range, noise, other ones."""
    away = m["altered"]
    if away is None or away < OTHER:
        return None
    return f"real samples reach the networks changed, by {away:.2f} of the data's mean distance"


def relabelled(m: Moment) -> Evidence:
    """Conditions that are not those that are stored: it takes two looks, as batches may differ."""
    shares = [share for one in (*m.past[1 - LONG :], m) if (share := one["relabelled"])]
    if sum(share > WRONG for share in shares) < 2:
        return None
    return f"{max(shares):.0%} of a batch's labels or numbers are not those of its samples"


def repeated(m: Moment) -> Evidence:
    """The same batch as at an earlier look, to the bit, although all samples are in turn."""
    trace = m["trace/data"]
    if trace is None or all(one["trace/data"] != trace for one in m.past):
        return None
    return "the real samples of the next batch are those of an earlier look, to the bit"


def latents_again(m: Moment) -> Evidence:
    """A generator that gets the same latents in each step: nothing trains it for others."""
    share = m["latents"]
    if share is None or share < REPEATED:
        return None
    return f"{share:.0%} of the latents of a step are those of the step before"


def partly_seen(m: Moment) -> Evidence:
    """A discriminator that the same part of every sample does not reach."""
    share = m["unseen"]
    if share is None or share < UNSEEN or share == 1:
        return None
    return f"no gradient reaches {share:.0%} of a sample, whichever it is"


def partly_stuck(m: Moment) -> Evidence:
    """Samples that differ, but for a part that is the same in all of them and not in the data.

    A part that gets smaller is that of young samples.
    """
    share, apart = m["stuck"], m["distance"] or 0.0
    if share is None or share < STUCK or apart < ALIKE or not m.judged or growing(m):
        return None
    if share < LESS * (m.was("stuck") or 0.0) or opposed(m):
        return None
    return f"{share:.0%} of a sample's numbers are the same in all samples, and not in the data"


def forgetful(player: str) -> Callable[[Moment], Evidence]:
    """An optimiser that counts fewer steps since an earlier look than it made until the first."""

    def sees(m: Moment) -> Evidence:
        name = f"age/{player}"
        first, then = next((one for one in m.past if one[name]), None), m.before
        if first is None or then is None or then.images < first.images:
            return None
        age, before = m[name] or 0.0, then[name] or 0.0  # one that was cleared has none
        due = (first[name] or 0.0) / first.images * (m.images - then.images)
        if age - before >= KEPT * due:
            return None
        return (
            f"the optimiser of the {player} counts {age:.0f} steps, and counted {before:.0f} "
            f"{m.images - then.images:,} images ago"
        )

    return sees
