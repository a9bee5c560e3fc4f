"""Where a run is going: what is usual on the way is no illness."""

from __future__ import annotations

from ganzfeld.doctor.story import Moment

FIRST = 200  # steps of a player, before which it has hardly begun
YOUNG = 0.2  # energy distance to the data, above which samples do not look like them yet
OPPOSITE = -1.0  # deviations between logits of real samples and fakes, over several looks of a
# discriminator that is not young: no healthy run of the bench had -0.5


def begun(m: Moment, player: str) -> bool:
    """Whether a player has made enough steps to be ill by them: first samples are all alike, and
    first opinions are any. Older logs do not know the number."""
    steps = m[f"age/{player}"]
    return steps is None or steps >= FIRST


def growing(m: Moment) -> bool:
    """Whether samples come to differ: weights that start small need their time for that. Those
    that lie as far apart as the data do have had it."""
    before, now = m.was("distance"), m["distance"] or 0
    return before is not None and 1.15 * before < now < 1


def improving(m: Moment) -> bool:
    """Whether samples come nearer to the data, and fast: then large steps are right."""
    before, now = m.was("energy"), m["energy"]
    return before is not None and now is not None and before > YOUNG / 2 and now < 0.55 * before


def nearing(m: Moment) -> bool:
    """Whether samples come nearer to the data at all, by more than the noise of a look."""
    before, now = m.was("energy"), m["energy"]
    return before is not None and now is not None and before > YOUNG and now < 0.9 * before


def opposed(m: Moment) -> bool:
    """Whether a discriminator is for the fakes: it drives them away from the data, and what comes
    of that is not their generator's illness."""
    return (m.mean("gap") or 0.0) < 2 * OPPOSITE
