"""Rules for conditions that samples do not show, or that the discriminator does not see."""

from __future__ import annotations

import math

from ganzfeld.doctor.course import YOUNG
from ganzfeld.doctor.story import Evidence, Moment

SHOWN = 0.35  # of the data's skill in showing conditions, below which samples ignore them
BLIND = 0.15  # deviations, by which a discriminator that sees conditions tells wrong ones
ENOUGH = 5  # looks


def ignored(m: Moment) -> Evidence:
    """Samples that do not show their condition, once they look like data at all.

    Young samples show nothing yet: of these only that they do not react is said.
    """
    right, reacts, told = m.mean("agreement"), m["reacts"], m.mean("told")
    if reacts is not None and reacts <= 0.02 * min(m["distance"] or 1.0, 1.0):
        return f"another condition moves samples by {reacts:.3f} of the data's mean distance"
    apart, visible = m.mean("energy"), m["visible"]
    if right is None or apart is None or apart > YOUNG:
        return None
    if told is None:
        return None  # without a judge: blurred samples show little of anything
    late = m.part > 0.6 and right < 0.1  # before that it may still come
    lost = told <= 0.15 and apart <= 0.75 * YOUNG
    if right < SHOWN * (1.0 if visible is None else visible) and (lost or late):
        return (
            f"samples show what they were asked for {right:.2f} as well as the data do; the "
            f"discriminator tells wrong ones by {told:.2f} sd"
        )
    return None


def blind(m: Moment) -> Evidence:
    """A discriminator that has told wrong conditions from right ones at no time of the run.

    A test for equivalence: the mean of all looks, and two standard errors more, is below BLIND.
    One look says little; at rest a good discriminator tells nothing any more, but it did before.
    Young samples look alike, whatever their conditions, and their discriminator is young, too.
    """
    apart, visible = m.mean("energy"), m["visible"]
    if visible is None or apart is None or apart > 0.75 * YOUNG:
        return None
    looks = [(told, error) for one in (*m.past, m) if (told := one["told"]) is not None
             and (error := one["told_error"]) is not None]  # fmt: skip
    if len(looks) < ENOUGH:
        return None
    told = sum(value for value, _ in looks) / len(looks)
    error = math.sqrt(sum(error**2 for _, error in looks)) / len(looks)
    if told + 2 * error >= BLIND:
        return None
    return (
        f"the discriminator tells wrong conditions from right ones by {told:.2f} sd "
        f"({error:.2f} is chance) over {len(looks)} looks, although the data show them"
    )
