"""Whether the discriminator takes held-out samples for fakes: r_v of several looks together."""

from __future__ import annotations

import math

from ganzfeld.doctor.story import Moment

LONG = 8  # looks, where single ones say too little
NOISE = 0.3  # of the difference that r_v is made of, at one look, in deviations of logits
SAME = 0.1  # the part of it that is the same at all looks, whose held-out samples are the same
SURE = 3.0  # deviations from 0


def overfitted(m: Moment) -> str | None:
    """Three looks together: held-out samples lose half of what fakes lose, and for certain."""
    share, sure = pooled(m, 3)
    return rv(share) if share >= 0.5 and sure >= SURE else None


def overfitting(m: Moment) -> str | None:
    """A smaller share that stays: of five to eight looks, which are enough for one alarm."""
    found = [pooled(m, looks) for looks in range(5, LONG + 1)]
    shares = [share for share, sure in found if share >= 0.3 and sure >= SURE]
    return rv(max(shares)) if shares else None


def rv(share: float) -> str:
    return f"r_v {share:.2f}: it takes held-out samples for fakes (0 is right, 1 memorised)"


def pooled(m: Moment, looks: int) -> tuple[float, float]:
    """r_v over the last looks, and how far held-out samples' loss is from 0, in its deviations.

    A ratio of means, not the mean of ratios: looks at which fakes are not told from data count. At
    most 2. 0, 0 where it is not known now, or was known in fewer than three quarters of the looks.
    """
    recent = [*m.past[max(len(m.past) - looks + 1, 0) :], m]
    known = [(lost, gap) for one in recent if (lost := lost_by_held_out(one)) is not None
             and (gap := one["gap"]) is not None]  # fmt: skip
    if lost_by_held_out(m) is None or len(known) < 0.75 * looks:
        return 0.0, 0.0
    lost, apart = (sum(values) / len(known) for values in zip(*known, strict=True))
    sure = lost / math.hypot(NOISE / math.sqrt(len(known)), SAME)
    return min(lost / max(apart, 0.1), 2.0) if lost > 0 else 0.0, sure


def lost_by_held_out(m: Moment) -> float | None:
    """How much lower held-out samples' logits are; of older logs where r_v was known."""
    share, gap, lost = m["overfit"], m["gap"], m["shift"]
    if lost is not None:
        return lost
    return None if share is None or gap is None else share * gap
