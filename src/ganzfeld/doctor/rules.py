"""The doctor's rules: what each illness looks like in one moment of a run.

A rule takes a `Moment` and gives its evidence in numbers, or None where it does not see the
illness. Thresholds start from the papers that docs/doctor.md cites and were fitted on seeds of
bench/doctor.py that its table does not report. Order matters: causes stand before consequences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ganzfeld.doctor.story import EARLY, Moment

Evidence = str | None

PLAYERS = ("discriminator", "generator")
STILL = 1e-9  # of the weights: no update
LARGE = 0.03  # of the weights: an update that throws away what was learned


@dataclass(frozen=True)
class Rule:
    """name: as scripts have it. title: as people do. outlook: what happens if nothing is done.

    since: part of the run from which it may be said. looks: in a row, before it is.
    """

    name: str
    title: str
    outlook: str
    sees: Callable[[Moment], Evidence]
    since: float = EARLY
    looks: int = 3


def broken(m: Moment) -> Evidence:
    share = m["broken"]
    return f"{share:.0%} of the samples are not finite" if share else None


def blank(m: Moment) -> Evidence:
    share, level = m["blank"], m["level"]
    if share is not None and share >= 0.9:
        return f"{share:.0%} of the samples are blank: they do not vary within themselves"
    if level is not None and level < 0.1:
        return f"the samples' level is {level:.3f} of the data's"
    return None


def still(player: str) -> Callable[[Moment], Evidence]:
    def sees(m: Moment) -> Evidence:
        update = m[f"update/{player}"]
        if update is None or update > STILL:
            return None
        before = m.past[-1][f"update/{player}"] if m.past else None
        if m.part > 0.97 and (before is None or before > STILL):
            return None  # a rate may end at 0
        if m[f"pull/{player}"] == 0:
            return None  # no gradient arrives, which is another illness
        return f"the last update of the {player} was {update:.0e} of its weights"

    return sees


def constant(m: Moment) -> Evidence:
    """Collapse that nothing else explains: samples are equal, or nearly so."""
    vendi, same = m["vendi"], m["duplicates"]
    if same is not None and same > 0.3:
        return f"{same:.0%} of the samples equal another one"
    return None if vendi is None or vendi > 0.15 else collapse(m)


def collapse(m: Moment) -> Evidence:
    vendi, distance, same = m["vendi"], m["distance"], m["duplicates"]
    told = []
    if vendi is not None and vendi < 0.6:
        told.append(f"the samples are worth {vendi:.2f} as many different ones as the data")
    if distance is not None and distance < 0.5:
        told.append(f"they lie {distance:.2f} as far apart")
    if same is not None and same > 0.05:
        told.append(f"{same:.0%} of them equal another one")
    return "; ".join(told) or None


def within(m: Moment) -> Evidence:
    usual, least = m.mean("within"), m.mean("within_least")
    if usual is not None and usual < 0.2:
        return f"samples of one class lie {usual:.2f} as far apart as the data's do"
    if least is not None and least < 0.05:
        return f"in one class samples lie {least:.2f} as far apart as the data's do"
    return None


def memorised(m: Moment) -> Evidence:
    near, share = m["nearest"], m["copies"]
    told = []
    if near is not None and near < 0.6:
        told.append(f"samples lie {near:.2f} as far from training samples as fresh ones do")
    if share is not None and share > 0.2:
        told.append(f"{share:.0%} of them are near copies")
    return "; ".join(told) or None


def ignored(m: Moment) -> Evidence:
    right, reacts, told = m.mean("agreement"), m["reacts"], m.mean("told")
    if reacts is not None and reacts < 0.02:
        return f"another condition moves samples by {reacts:.3f} of the data's mean distance"
    learning = told is None or told > 0.15  # it may still come
    late = m.part > 0.6 and right is not None and right < 0.1
    if right is not None and right < 0.35 and (not learning or late):
        beside = (
            f"; the discriminator tells wrong ones by {told:.2f} sd" if told is not None else ""
        )
        return f"samples show what they were asked for {right:.2f} as well as the data do{beside}"
    return None


def overfitted(m: Moment) -> Evidence:
    share = m["overfit"]
    if share is None or share < 0.5:
        return None
    return f"r_v {share:.2f}: it takes held-out samples for fakes (0 is right, 1 memorised)"


def vanishing(m: Moment) -> Evidence:
    if m["pull/generator"] == 0 and m["update/generator"] == 0:
        return "no gradient at all reaches the generator's weights"
    gap, sure, now, usual = m["gap"], m["sure"], m["gradient"], m.own("gradient")
    if gap is not None and gap > 8:
        return f"logits of real samples and fakes are {gap:.1f} deviations apart"
    if now is None or not usual or now > 0.01 * usual:
        return None
    beside = f"; {sure:.0%} of the fakes are found out for certain" if sure else ""
    return f"the gradient at the generator's output is {now / usual:.1e} of its own start{beside}"


def diverging(m: Moment) -> Evidence:
    """Two signs at once, one of them in the players' updates and weights."""
    told = [*steps(m), *(sign for player in PLAYERS for sign in growth(m, player))]
    if not told:
        return None
    if (swing := m.mean("swing")) is not None and swing > 0.35:
        told.append(f"the generator is {swing:.2f} of the data's distance from its average")
    if (spike := m.spike) is not None and spike > 10:
        told.append(f"a penalty is {spike:.0f} times its median")
    logit, usual = m["logit"], m.own("logit")
    if logit is not None and usual and logit > 20 * max(usual, 1.0):
        told.append(f"logits are {logit / usual:.0f} times as large as at the start")
    if (level := m["distance"]) is not None and level > 3:
        told.append(f"samples lie {level:.1f} times as far apart as the data do")
    return "; ".join(told) if len(told) > 1 else None


def steps(m: Moment) -> list[str]:
    """What is wrong with the size of updates, of weights: 0.1 % to 1 % are usual."""
    own, other = m.mean("update/discriminator"), m.mean("update/generator")
    sizes = {"discriminator": own, "generator": other}
    told = [
        f"an update of the {player} is {size:.1%} of its weights"
        for player, size in sizes.items()
        if size is not None and size > LARGE
    ]
    if told and max(m[f"update/{player}"] or 0 for player in PLAYERS) < 2 * LARGE:
        told = [" and ".join(told)]  # both are large while the rate is high: one sign
    if own and other and own > LARGE / 2 and own > 8 * other:
        if not told:
            told.append(f"an update of the discriminator is {own:.1%} of its weights")
        told.append(f"it is {own / other:.0f} times the generator's")
    return told


def growth(m: Moment, player: str) -> list[str]:
    weights, usual = m[f"weights/{player}"], m.own(f"weights/{player}")
    if weights is None or not usual or weights < 2 * usual:
        return []
    return [f"the weights of the {player} have grown {weights / usual:.1f} times"]


def swinging(m: Moment) -> Evidence:
    swing = m["swing"]
    if swing is None or swing < 0.5:
        return None
    return f"the generator is {swing:.2f} of the data's mean distance away from its own average"


def weak(m: Moment) -> Evidence:
    gap, apart = m["gap"], m["energy"]
    if gap is None or apart is None or abs(gap) > 0.1 or apart < 0.3:
        return None
    return f"its logits are {gap:.2f} deviations apart; samples are {apart:.2f} from the data"


def artefacts(m: Moment) -> Evidence:
    told = []
    for name, what, most in (
        ("grid", "the highest frequency", 30),
        ("fine", "the finest octave", 15),
    ):
        value = m[name]
        if value is not None and value > most:
            told.append(f"{value:.1f} times the data's share of power in {what}")
    return "; ".join(told) or None


STUCK = "More of the same: variety seldom comes back by itself."

RULES = (
    Rule("broken", "samples are not finite", "Training will be rolled back, or stop.", broken),
    Rule(
        "blank",
        "blank samples",
        "It does not mend itself: no gradient leads out of it.",
        blank,
    ),
    Rule(
        "generator-still",
        "the generator stands still",
        "No sample will change any more.",
        still("generator"),
    ),
    Rule(
        "discriminator-still",
        "the discriminator stands still",
        "The generator will find what fools it, and learn nothing after that.",
        still("discriminator"),
    ),
    Rule("mode-collapse", "mode collapse", STUCK, constant),
    Rule(
        "memorisation",
        "memorisation",
        "Samples will be copies of training samples.",
        memorised,
    ),
    Rule(
        "condition-ignored",
        "the condition is ignored",
        "Samples of one class or value will look like those of any.",
        ignored,
    ),
    Rule(
        "divergence",
        "divergence ahead",
        "Losses will soon not be finite, or samples turn to noise.",
        diverging,
    ),
    Rule("mode-collapse", "mode collapse", STUCK, collapse),
    Rule(
        "class-collapse",
        "mode collapse within classes",
        "Each class will have one face.",
        within,
    ),
    Rule(
        "discriminator-overfits",
        "the discriminator overfits",
        "Quality stops growing and then falls, while losses look well.",
        overfitted,
    ),
    Rule(
        "vanishing-gradient",
        "the generator's gradient vanishes",
        "The generator stops learning, and the discriminator has won.",
        vanishing,
    ),
    Rule(
        "oscillation",
        "oscillation",
        "The players go round in circles: checkpoints differ, and none is good.",
        swinging,
        since=0.4,
        looks=5,
    ),
    Rule(
        "discriminator-weak",
        "the discriminator is too weak",
        "The generator is told nothing, and stays where it is.",
        weak,
        since=0.5,
        looks=5,
    ),
    Rule(
        "spectral-artefacts",
        "spectral artefacts",
        "A chessboard or grain stays in all samples.",
        artefacts,
        since=0.5,
        looks=5,
    ),
)
NAMES = tuple(dict.fromkeys(rule.name for rule in RULES))
