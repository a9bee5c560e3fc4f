"""Rules for players that stand still, as a whole or in some layers."""

from __future__ import annotations

from collections.abc import Callable

from ganzfeld.doctor.course import YOUNG, improving
from ganzfeld.doctor.story import Evidence, Moment

STILL = 1e-9  # of the weights: no update
SLOW = 3e-5  # of the weights: an update that teaches nothing; those of healthy runs begin at 5e-4


def untaught(m: Moment, player: str) -> bool:
    """Whether no gradient arrives, which is another illness."""
    return m[f"pull/{player}"] == 0 or (player == "generator" and m["gradient"] == 0)


def still(player: str) -> Callable[[Moment], Evidence]:
    def sees(m: Moment) -> Evidence:
        update = m[f"update/{player}"]
        if update is None or update > STILL:
            return None
        before = m.past[-1][f"update/{player}"] if m.past else None
        if m.part > 0.97 and (before is None or before > STILL):
            return None  # a rate may end at 0
        if untaught(m, player):
            return None
        return f"the last update of the {player} was {update:.0g} of its weights"

    return sees


def unmoved(player: str) -> Callable[[Moment], Evidence]:
    """Weights that stay equal while updates are due: steps are skipped, or undone."""

    def sees(m: Moment) -> Evidence:
        trace = m[f"trace/{player}"]
        if trace is None or not m.past or m.past[-1][f"trace/{player}"] != trace:
            return None
        if (m[f"update/{player}"] or 0) <= STILL or untaught(m, player) or m.lost == 1:
            return None  # which `still` tells, or another illness
        return f"the weights of the {player} are those of the last look, to the bit"

    return sees


def partly_still(player: str) -> Callable[[Moment], Evidence]:
    """Some layers that stay equal while others move, although a gradient reaches them."""

    def sees(m: Moment) -> Evidence:
        if not m.past or m.part > 0.97:
            return None
        then, whole = m.past[-1], f"trace/{player}"
        names = [name for name in m.signals if name.startswith(f"{whole}/")]
        stay = sum(m[name] is not None and m[name] == then[name] for name in names)
        if not stay or m[whole] == then[whole] or (m[f"update/{player}"] or 0) <= STILL:
            return None
        return (
            f"{stay} of {len(names)} parts of the {player}'s layers are those of the last look, "
            "to the bit"
        )

    return sees


def crawling(player: str) -> Callable[[Moment], Evidence]:
    """Updates that were tiny at all looks, while samples do not look like the data."""

    def sees(m: Moment) -> Evidence:
        if untaught(m, player):
            return None
        sizes = [one[f"update/{player}"] or 0.0 for one in (*m.past, m)]
        apart = m.mean("energy")
        if not 0 < max(sizes) <= SLOW or apart is None or apart < YOUNG or improving(m):
            return None
        return (
            f"no update of the {player} was more than {max(sizes):.0g} of its weights; samples are "
            f"{apart:.2f} from the data"
        )

    return sees
