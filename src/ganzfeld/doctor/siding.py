"""Rules for a discriminator that tells the generator nothing, the opposite, or partly noise,
and for a generator that does not follow."""

from __future__ import annotations

from ganzfeld.doctor.course import OPPOSITE, YOUNG, begun, opposed
from ganzfeld.doctor.story import Evidence, Moment

WRONG = -5.0  # deviations between logits of real samples and fakes
FAR, AWAY, TOLD = 1.0, 1.2, 3.0  # energy distance; over an earlier one; deviations of logits
SEVERAL = 5  # of LONG looks, that say it together
LONG = 8  # looks
CERTAIN = 2  # looks of LONG and one
CHANCE = 0.5  # of the deviation of logits, that one sample's may differ by: of healthy ones 0
NOWHERE, FLAT = 3.0, 0.7  # energy distance; mean size of logits: of a draw 0, of certainty 7


def parting(m: Moment) -> tuple[float, float] | None:
    """How far samples are from the data, and were at an earlier look, where they get away."""
    now, before = m["energy"], m.was("energy")
    if now is None or before is None or now < FAR or now < AWAY * before:
        return None
    return now, before


def wrong(m: Moment) -> float | None:
    """By how much logits are for the fakes, where they surely are."""
    gap = m.mean("gap")
    return None if gap is None or gap > WRONG or (m["gap"] or 0.0) > WRONG else gap


def fleeing(m: Moment) -> Evidence:
    """Samples that get away from the data although they are told from them: a loss whose sign is
    turned does so, or noise on its gradient."""
    gap, away = m.mean("gap"), parting(m)
    if away is None or gap is None or gap < TOLD:
        return None
    now, before = away
    return f"samples get away from the data: they are {now:.2f} from them, and were {before:.2f}"


def weak(m: Moment) -> Evidence:
    gap, apart = m["gap"], m["energy"]
    if gap is None or apart is None or abs(gap) > 0.1 or apart < 0.3:
        return None
    if not begun(m, "discriminator"):
        return None
    return f"its logits are {gap:.2f} deviations apart; samples are {apart:.2f} from the data"


def noisy(m: Moment) -> Evidence:
    """One that judges the same sample differently each time. A look has few pairs, so looks are
    averaged."""
    apart, now = m.mean("noise"), m["noise"]
    if apart is None or now is None or apart < CHANCE or now < CHANCE / 2:
        return None
    return f"the same samples, judged twice, get logits {apart:.2f} deviations apart"


def driven(m: Moment) -> Evidence:
    """Samples that get away from the data because they are told to; that they then become alike
    follows from it."""
    gap, away = wrong(m), parting(m)
    if away is None or gap is None:
        return None
    now, before = away
    return f"{preferred(gap)}; samples are {now:.2f} from the data, and were {before:.2f}"


def certain(m: Moment) -> Evidence:
    """One that is so surely for the fakes that no gradient reaches them."""
    gap, flat = m.mean("gap"), sum(one["gradient"] == 0 for one in (*m.past[-LONG:], m))
    if gap is None or flat < CERTAIN or not opposed(m):
        return None
    return f"{preferred(gap)}; at {flat} looks no gradient at all reached the samples"


def astray(m: Moment) -> Evidence:
    """One whose logits hardly differ from 0 and are now for the data, now for the fakes, although
    those are nowhere near the data: heavy penalties leave it no slope."""
    apart, logit = m.mean("energy"), m.mean("logit")
    if apart is None or logit is None or apart < NOWHERE or logit > FLAT:
        return None
    sides = [one["gap"] or 0.0 for one in (*m.past[-LONG:], m)]
    if min(sides) > OPPOSITE or (m["energy"] or 0.0) < NOWHERE or not begun(m, "discriminator"):
        return None
    return f"its logits are {logit:.2f} in size; samples are {apart:.1f} from the data"


def misled(m: Moment) -> Evidence:
    """A discriminator that is certain of the opposite, as one is that penalties alone move.

    Young ones are, too, while a fast generator is ahead of them.
    """
    gap, apart = wrong(m), m["energy"]
    if gap is None or apart is None or apart < YOUNG:
        return None
    return preferred(gap) if begun(m, "discriminator") else None


def mistaken(m: Moment) -> Evidence:
    """One that is for the opposite look by look, although it is not young any more: it does not
    learn from the samples that it is asked about, or from labels that are right."""
    old = [one for one in (*m.past[1 - LONG :], m) if one["age/discriminator"] is not None]
    gaps = [gap for one in old if begun(one, "discriminator") and (gap := one["gap"]) is not None]
    if len(gaps) < SEVERAL or (m["energy"] or 0.0) < YOUNG:
        return None
    gap = sum(gaps) / len(gaps)
    return preferred(gap) if gap < OPPOSITE and (m["gap"] or 0.0) < OPPOSITE / 2 else None


def preferred(gap: float) -> str:
    return f"fakes get higher logits than real samples, by {-gap:.1f} deviations"
