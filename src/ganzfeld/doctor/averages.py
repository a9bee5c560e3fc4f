"""Rules for a generator beside its own average: it goes round, or its average lags behind."""

from __future__ import annotations

from ganzfeld.doctor.course import improving
from ganzfeld.doctor.story import Evidence, Moment

BEHIND = -0.1  # by how much less near to the data than its average a generator is that goes round
FOLLOWS = 0.8  # of its earlier distance to the data, that an average is at that comes nearer
AWAY, LAG = 0.4, 0.25  # of the data's mean distance: an average from its generator; how much worse


def swinging(m: Moment) -> Evidence:
    swing = m["swing"]
    if swing is None or swing < 0.5 or not m.judged or improving(m):
        return None
    if swing < 0.7 * (m.was("swing") or 0):
        return None  # it comes to rest
    if (lead := m.mean("lead")) is not None and lead > BEHIND:
        return None  # its average is no better: it moves on, or is as good as it gets
    return f"the generator is {swing:.2f} of the data's mean distance away from its own average"


def left_behind(m: Moment) -> Evidence:
    """An average, which is what is shipped, that stays far behind a generator that is better.

    Of a run that gets better the average is behind, too, and comes after it.
    """
    swing, lead, apart = m.mean("swing"), m.mean("lead"), m.mean("energy")
    if swing is None or lead is None or apart is None or m.before is None:
        return None
    before = (m.before.mean("lead") or 0.0) + (m.before.mean("energy") or 0.0)
    comes = apart + lead < FOLLOWS * before
    if comes or swing < AWAY or lead < LAG or lead < apart:
        return None
    return (
        f"the average's samples are {apart + lead:.2f} from the data, the generator's {apart:.2f}"
    )
