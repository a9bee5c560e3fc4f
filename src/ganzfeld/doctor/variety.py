"""Rules for samples that are too much alike: of all, of one group, within one class."""

from __future__ import annotations

from ganzfeld.doctor.course import YOUNG, begun, growing, improving, nearing
from ganzfeld.doctor.story import Evidence, Moment

SAME = 0.2  # of the data, from which those that equal another one are said beside a collapse
LONG = 8  # looks, where single ones say too little
MERGED = 0.6  # of different sources, that become what others became
FEW = 0.5  # of the entropy of the data's symbols
OVER = 0.95  # part of a run, after which nothing more comes


def constant(m: Moment) -> Evidence:
    """Collapse that nothing else explains: samples are equal, or nearly so."""
    vendi, same = m["vendi"], m["duplicates"]
    if same is not None and same > 0.3:
        return f"{same:.0%} of the samples equal another one"
    if vendi is None or vendi > 0.15 or growing(m) or nearing(m) or not begun(m, "generator"):
        return None
    return few(vendi) + (f"; {apart(m['distance'])}" if m["distance"] else "")


def merged(m: Moment) -> Evidence:
    """Translations that are equal although their sources differ."""
    share = m["merged"]
    return (
        None if share is None or share < MERGED else f"{share:.0%} of the samples equal another one"
    )


def few_symbols(m: Moment) -> Evidence:
    """Lines of the same few symbols, however they are put: most of them blanks, as a rule.

    Tables of symbols have all symbols become one at first, and recover later: not while they do,
    unless the run is over.
    """
    now, before = m["entropy"], m.was("entropy")
    if now is None or now >= FEW:
        return None
    if before is not None and now > 1.1 * before and m.part < OVER:
        return None
    return f"samples are made of few symbols: their entropy is {now:.2f} of the data's"


def scarce(m: Moment) -> bool:
    """Few different samples now, and clearly few over several looks: one is worth +-0.1."""
    now, usual = m["vendi"], m.mean("vendi")
    return now is not None and usual is not None and now < 0.6 and usual < 0.5


def few(vendi: float) -> str:
    return f"the samples' variety is {vendi:.2f} of the data's"


def apart(distance: float) -> str:
    return f"samples lie {distance:.2f} times as far apart as the data do"


def collapse(m: Moment) -> Evidence:
    """Of games alone: what learns without an opponent blurs, which looks much the same."""
    vendi, distance, same = m["vendi"], m["distance"], m["duplicates"]
    if not m.judged or growing(m) or improving(m):
        return None
    told = []
    old = begun(m, "generator")
    if old and vendi is not None and scarce(m) and (m.mean("energy") or 0) > 0.3 * YOUNG:
        told.append(few(vendi))
    if old and distance is not None and distance < 0.5:
        told.append(apart(distance))
    if same is not None and same > 0.05:
        told.append(f"{same:.0%} of the samples equal another one")
    if told and same is not None and same < -SAME:
        told.append(f"at least {-same:.0%} of the data equal another one")
    return "; ".join(told) or None


def narrow(m: Moment) -> Evidence:
    """Few different samples that lie right otherwise: chance or a short while may look so."""
    vendi = m["vendi"]
    if vendi is None or not scarce(m) or not m.judged or growing(m) or improving(m):
        return None
    if not begun(m, "generator"):
        return None
    return few(vendi)


def missing(m: Moment) -> Evidence:
    """Samples that look like the data, but for a group of them that is never drawn.

    One group that is missing costs little of the energy distance. Where it is larger, samples are
    young, and groups are still to come.
    """
    apart = m.mean("energy")
    if not m.judged or apart is None or apart > 0.3 * YOUNG:
        return None
    shares = [m.mean(name, LONG) for name in m.signals if name.startswith("group/")]
    least = min((share for share in shares if share is not None), default=None)
    if least is None or least >= 0.05 or len(m.past) < LONG / 2:
        return None
    return f"one group of the data is drawn {least:.2f} as often as it should be"


def within(m: Moment) -> Evidence:
    if not m.judged:
        return None
    usual, least = m.mean("within"), m.mean("within_least")
    whole = min(m.mean("distance") or 1.0, 1.0)  # of young samples all lie close together
    if usual is not None and usual < 0.2 and usual < 0.5 * whole:
        return f"samples of one class lie {usual:.2f} as far apart as the data's do"
    if least is not None and least < 0.05 and least < 0.25 * whole:
        return f"in one class samples lie {least:.2f} as far apart as the data's do"
    return None
