"""Whether the discriminator takes held-out samples for fakes: r_v of several looks together."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ganzfeld.doctor.story import Evidence, Moment

LONG = 16  # looks, where single ones say too little
NOISE = 0.3  # of the difference that r_v is made of, at one look, in deviations of logits
HELD = 200  # held-out samples, where a log does not say how many there are
WIDE = 2.0  # variance of logits of real samples, in units that pool it with the fakes': at most
SURE = 3.5  # deviations from 0: there are ten looks and several windows in a run
AGREED = 2.0  # deviations without the look that says most: one look alone decides nothing


def overfitted(m: Moment) -> Evidence:
    """Three looks together: held-out samples lose half of what fakes lose, and for certain."""
    share = pooled(m, 3)
    return rv(share) if share >= 0.5 else None


def overfitting(m: Moment) -> Evidence:
    """A smaller share that stays: of five to sixteen looks, which are enough for one alarm."""
    share = max(pooled(m, looks) for looks in range(5, LONG + 1))
    return rv(share) if share >= 0.3 else None


def rv(share: float) -> str:
    return f"r_v {share:.2f}: it takes held-out samples for fakes (0 is right, 1 memorised)"


def pooled(m: Moment, looks: int) -> float:
    """r_v over the last looks; 0 where held-out samples' loss may be chance.

    A ratio of means, not the mean of ratios: looks at which fakes are not told from data count. At
    most 2. 0 where it is not known now, or was known in fewer than three quarters of the looks.
    """
    recent = [*m.past[max(len(m.past) - looks + 1, 0) :], m]
    known = [(lost, gap) for one in recent if (lost := lost_by_held_out(one)) is not None
             and (gap := one["gap"]) is not None]  # fmt: skip
    if lost_by_held_out(m) is None or len(known) < 0.75 * looks:
        return 0.0
    losses = [lost for lost, _ in known]
    same = math.sqrt(WIDE / (m["held_out"] or HELD))
    if sure(losses, same) < SURE or sure(sorted(losses)[:-1], same) < AGREED:
        return 0.0
    apart = sum(gap for _, gap in known)
    if apart <= 0:
        return 0.0  # fakes pass for real better than the data do: nothing to take them for
    return min(sum(losses) / max(apart, 0.1 * len(known)), 2.0)


def sure(losses: Sequence[float], same: float) -> float:
    """How many deviations the mean of such losses at some looks is away from 0.

    same: the deviation that looks have in common, since their held-out samples are the same few.
    """
    deviation = math.hypot(NOISE / math.sqrt(len(losses)), same)
    return sum(losses) / len(losses) / deviation


def lost_by_held_out(m: Moment) -> float | None:
    """How much lower held-out samples' logits are; of older logs where r_v was known."""
    share, gap, lost = m["overfit"], m["gap"], m["shift"]
    if lost is not None:
        return lost
    return None if share is None or gap is None else share * gap
