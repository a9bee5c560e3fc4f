"""Decide on a treatment: what to change of a run that is ill, once, and whether it has helped.

A decision depends on the rows of the run's log alone, so that a run that goes on after a kill
decides the same again. What bench/treatment.py has not seen to help is not in `CURES`, but for
augmentation, which only runs from before are able to take.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ganzfeld.doctor.diagnose import Finding
from ganzfeld.doctor.rules import BAD, RULES
from ganzfeld.doctor.story import Moment, Story

REST, LOOKS = 0.1, 5  # of a run, and looks, that a treatment is given to work
LAST = 0.85  # of a run, after which nothing is treated: it could not work any more
MOST = 4  # treatments of a run
QUIET = 3  # looks in a row without an illness, after which it is gone
USUAL = 0.01  # of the weights at the start, an update of a healthy player
LEAST = 0.002  # of its rate, that a player keeps at one treatment
ENOUGH = 0.7  # of a rate: smaller changes are not made
STRONGER = 4.0  # times the penalties

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Dose:
    """What a treatment changes. rates: factors of the learning rates, by player. penalties: a
    factor of R1 and R2. augment: adaptive augmentation begins. back: to the best checkpoint.
    fresh: to the weights at the start."""

    rates: Mapping[str, float] = field(default_factory=dict)
    penalties: float = 1.0
    augment: bool = False
    back: bool = False
    fresh: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "rates": dict(self.rates),
            "penalties": self.penalties,
            "augment": self.augment,
            "back": self.back,
            "fresh": self.fresh,
        }

    @property
    def changes(self) -> bool:
        return bool(self.rates) or self.penalties != 1 or self.augment or self.fresh


@dataclass(frozen=True)
class Treatment:
    """A dose for an illness; without one it is given up. why: the evidence."""

    name: str
    title: str
    why: str
    dose: Dose | None


Cure = Callable[[Moment, frozenset[str], bool], Dose]


def again(m: Moment, able: frozenset[str], augmented: bool) -> Dose:
    """Begin again with usual steps (`from_start`), and penalties where there are none, with the
    time that is left; nothing where the generator is not thrown about.

    Smaller steps alone would keep spoiled weights as they are. Large steps of the discriminator
    often do no harm: such runs may well be better than others.
    """
    apart = m.mean("energy", 3) or 0.0
    swings = sorted(one["swing"] or 0.0 for one in (*m.past, m))[-3:]  # it may have come to rest
    if min(apart, statistics.mean(swings)) < BAD or "fresh" not in able:
        return Dose()
    return Dose(penalties=STRONGER if "bare" in able else 1.0, fresh=True)


def from_start(dose: Dose, m: Moment, start: Mapping[str, float]) -> Dose:
    """A dose that begins again, with rates that make usual steps of the weights at the start.

    Large steps make weights grow, of which later steps are a small part; and players that are lost
    stand still. So the largest steps so far count, by their own size. start: the size of the
    weights at the start, by player.
    """
    rates = {}
    for player, begun in start.items():
        step = largest(m, player)
        if step and USUAL * begun < ENOUGH * step:
            rates[player] = float(f"{max(USUAL * begun / step, LEAST):.2g}")
    return replace(dose, rates=rates)


def largest(m: Moment, player: str) -> float:
    """The largest update so far, by its own size: the rate allows it, even if others are small."""
    sizes = [
        update * weights
        for one in (*m.past, m)
        if (update := one[f"update/{player}"]) is not None
        and (weights := one[f"weights/{player}"]) is not None
    ]
    return max(sizes, default=0.0)


def blurred(m: Moment, able: frozenset[str], augmented: bool) -> Dose:
    """The discriminator sees transformed samples from here on (Karras et al. 2020)."""
    return Dose(augment="augment" in able and not augmented)


CURES: dict[str, Cure] = {
    "memorisation": blurred,
    "discriminator-overfits": blurred,
    "divergence": again,
}


def decided(
    story: Story, findings: Sequence[Finding], past: Sequence[Row], able: frozenset[str]
) -> Treatment | None:
    """What to do now; None for nothing.

    findings: that stand, causes first. past: treatments so far, as the log has them. able: what
    the game can take (`Game.cures`), and "fresh" where the run began with weights of its own.

    An illness that a treatment has not driven away in its time is given up: it is not treated
    again, nor is anything else tried against it.
    """
    if not story.moments or story.moments[-1].part > LAST:
        return None
    now = story.moments[-1]
    given = [row for row in past if row.get("dose")]
    if given and resting(story, int(given[-1]["images"])):
        return None
    for finding in findings:
        own = [row for row in past if row["name"] == finding.name]
        if finding.name not in CURES or (own and not own[-1].get("dose")):
            continue
        treatment = Treatment(finding.name, finding.rule.title, finding.evidence, None)
        if own and not was_gone(story, finding.name, int(own[-1]["images"])):
            return treatment
        if len(given) >= MOST:
            continue
        augmented = any(row["dose"]["augment"] for row in given)
        dose = CURES[finding.name](now, able, augmented)
        if dose.changes:
            return Treatment(finding.name, finding.rule.title, finding.evidence, dose)
    return None


def resting(story: Story, since: int) -> bool:
    """Whether a treatment at so many images has not had its time: a tenth of the run, five looks.

    Signs that are means of four looks show an illness for three looks after it has gone.
    """
    now = story.moments[-1]
    later = [moment for moment in story.moments if moment.images > since]
    return now.images - since < REST * now.images / now.part or len(later) < LOOKS


def was_gone(story: Story, name: str, since: int) -> bool:
    """Whether an illness was not seen in three looks in a row after so many images."""
    rules = [rule for rule in RULES if rule.name == name]
    quiet = 0
    for moment in story.moments:
        if moment.images <= since:
            continue
        quiet = 0 if any(rule.sees(moment) is not None for rule in rules) else quiet + 1
        if quiet >= QUIET:
            return True
    return False


def together(past: Sequence[Row]) -> Dose:
    """All treatments so far as one dose: factors multiplied."""
    rates: dict[str, float] = {}
    penalties, augment = 1.0, False
    for row in past:
        if not (dose := row.get("dose")):
            continue
        for player, factor in dose["rates"].items():
            rates[player] = rates.get(player, 1.0) * float(factor)
        penalties *= float(dose["penalties"])
        augment = augment or bool(dose["augment"])
    return Dose(rates, penalties, augment)


TITLES = {rule.name: rule.title for rule in RULES}


def as_sentence(row: Row) -> str:
    """A row of the log: when, against what, what was done."""
    title = TITLES.get(str(row["name"]), str(row["name"]))
    return f"Treated at image {int(row['images']):,} against {title}: {in_words(row)}."


def in_words(row: Row) -> str:
    """What a row of the log says was done, in a clause."""
    if not row.get("dose"):
        return "its treatment has not helped, and nothing more is done for it"
    dose = row["dose"]
    told = [f"the {player}'s learning rate times {f:g}" for player, f in dose["rates"].items()]
    if dose["penalties"] != 1:
        bare = row.get("fresh")  # begins again with those of a game that has none
        told += ["R1 and R2 of 1" if bare else f"R1 and R2 times {dose['penalties']:g}"]
    told += ["adaptive augmentation from here on"] if dose["augment"] else []
    told += [f"weights of image {row['back']:,}"] if row.get("back") is not None else []
    told += ["weights of the start"] if row.get("fresh") else []
    return "; ".join(told)
