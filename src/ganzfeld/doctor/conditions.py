"""Rules for conditions that samples do not show, or that the discriminator does not see."""

from __future__ import annotations

import math

from ganzfeld.doctor.course import YOUNG, begun
from ganzfeld.doctor.story import Evidence, Moment

SHOWN = 0.35  # of the data's skill in showing conditions, below which samples ignore them
BLIND = 0.15  # deviations, by which a discriminator that sees conditions tells wrong ones
MIXED = 0.1  # deviations, by which one sample's logits differ where its condition is not its own
ENOUGH, GROWN = 5, 3  # looks; those of them at samples that are not young
CHANCE = 2  # standard errors
LEAST, LONG = 4, 8  # looks that say together what samples show
USUAL = 0.1  # standard error of the skill of 32 samples in showing their conditions
ONE_SIDED = 1.64  # standard errors: 95 %
GROWS = 1.2  # times as much as before, that samples of a generator that learns react


def ignored(m: Moment) -> Evidence:
    """Samples that do not show their condition, once they look like data at all.

    Young samples show nothing yet: of these only that they do not react is said.
    """
    reacts, told = m["reacts"], m.mean("told")
    if reacts is not None and reacts <= 0.02 * min(m["distance"] or 1.0, 1.0):
        return f"another condition moves samples by {reacts:.3f} of the data's mean distance"
    apart, visible = m.mean("energy"), m["visible"]
    if (right := shown(m)) is None or apart is None or apart > YOUNG:
        return None
    if told is None or not begun(m, "generator"):
        return None  # without a judge: blurred samples show little of anything
    mean, most = right
    late = m.part > 0.6 and mean < 0.1 and not learning(m)  # before that it may still come
    lost = told <= 0.15 and apart <= 0.75 * YOUNG
    if most < SHOWN * (1.0 if visible is None else visible) and (lost or late):
        return (
            f"samples show what they were asked for {mean:.2f} as well as the data do; the "
            f"discriminator tells wrong ones by {told:.2f} sd"
        )
    return None


def shown(m: Moment) -> tuple[float, float] | None:
    """How well samples show their conditions, over the last looks at which they were not young;
    and how well at most, by a one-sided interval. What is hardly visible is hardly known."""
    looks = [one for one in (*m.past[1 - LONG :], m) if (one["energy"] or 0.0) <= YOUNG]
    known = [(right, error_of(one)) for one in looks if (right := one["agreement"]) is not None]
    if len(known) < LEAST:
        return None
    mean = sum(right for right, _ in known) / len(known)
    return mean, mean + ONE_SIDED * math.sqrt(sum(error**2 for _, error in known)) / len(known)


def error_of(m: Moment) -> float:
    """The standard error of `agreement`; of older logs what 32 samples usually have."""
    error = m["agreement_error"]
    return USUAL / (m["visible"] or 1.0) if error is None else error


def learning(m: Moment) -> bool:
    """Whether samples come to react to their conditions: what they show follows."""
    before, now = m.was("reacts"), m["reacts"]
    return before is not None and now is not None and now > GROWS * before


def mixed_up(m: Moment) -> Evidence:
    """Conditions that change places on their way to the discriminator: the same sample with its
    own gets other logits, and under one condition for all it does not."""
    apart, rest = m["mixed"], m["noise"]
    if apart is None or rest is None or apart < MIXED or rest > apart / 2:
        return None
    return (
        f"the same samples, judged twice under their conditions, get logits {apart:.2f} deviations "
        f"apart, and {rest:.2f} under one condition for all"
    )


def blind(m: Moment) -> Evidence:
    """A discriminator that has told wrong conditions from right ones at no time of the run.

    A test for equivalence: the mean of all looks has an upper bound (95 %) below BLIND, and lies
    within CHANCE standard errors of 0. So a critic whose logits spread widely is not blind: it
    tells conditions by a small part of a deviation, but reliably.
    One look says little; at rest a good discriminator tells nothing any more, but it did before.
    Young samples look alike, whatever their conditions, and their discriminator is young, too: it
    takes a few looks at others before anything is said.
    """
    apart, visible = m.mean("energy"), m["visible"]
    if visible is None or apart is None or apart > 0.75 * YOUNG:
        return None
    looks = [(told, error) for one in (*m.past, m) if (told := one["told"]) is not None
             and (error := one["told_error"]) is not None]  # fmt: skip
    grown = sum((one["energy"] or 0.0) <= YOUNG for one in (*m.past, m))
    if len(looks) < ENOUGH or grown < GROWN or not begun(m, "discriminator"):
        return None
    told = sum(value for value, _ in looks) / len(looks)
    error = math.sqrt(sum(error**2 for _, error in looks)) / len(looks)
    if told + ONE_SIDED * error >= BLIND or told >= CHANCE * error:
        return None
    return (
        f"the discriminator tells wrong conditions from right ones by {told:.2f} sd "
        f"({error:.2f} is chance) over {len(looks)} looks, although the data show them"
    )
