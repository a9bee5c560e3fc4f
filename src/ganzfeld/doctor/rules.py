"""The doctor's rules: what each illness looks like in one moment of a run.

A rule takes a `Moment` and gives its evidence in numbers, or None where it does not see the
illness. Thresholds start from the papers that docs/doctor.md cites and were fitted on seeds of
bench/doctor.py; dev/log/2026-11-doctor.md says which rules were changed after seeds of its table.
Order matters: causes stand before consequences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ganzfeld.doctor.averages import left_behind, swinging
from ganzfeld.doctor.conditions import blind, ignored, mixed_up
from ganzfeld.doctor.course import YOUNG, growing, improving, opposed
from ganzfeld.doctor.given import (
    altered,
    forgetful,
    latents_again,
    partly_seen,
    partly_stuck,
    relabelled,
    repeated,
)
from ganzfeld.doctor.overfitting import overfitted, overfitting
from ganzfeld.doctor.siding import astray, certain, driven, fleeing, misled, mistaken, noisy, weak
from ganzfeld.doctor.standing import crawling, partly_still, still, unmoved
from ganzfeld.doctor.story import EARLY, Evidence, Moment
from ganzfeld.doctor.variety import (
    collapse,
    constant,
    few_symbols,
    merged,
    missing,
    narrow,
    within,
)

PLAYERS = ("discriminator", "generator")
LARGE = 0.03  # of the weights: an update that throws away what was learned
HUGE = 0.12  # of the weights: an update that is right at no time
STAYS, MEANT = 0.8, 4  # of the mean: the last update at least, while so many have the first
BAD = 0.5  # energy distance to the data, and to the average, that large steps have harmed
LONG = 8  # looks, where single ones say too little


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
    if share is not None and share >= 0.9 and not growing(m):
        return f"{share:.0%} of the samples are blank: they do not vary within themselves"
    if level is not None and level < 0.1:
        return f"the samples' level is {level:.3f} of the data's"
    return None


def lost(m: Moment) -> Evidence:
    if m.lost < 1:
        return None
    return "no loss was finite since the last look, so no step was made"


def rolled_back(m: Moment) -> Evidence:
    """Going back again and again: once is an accident."""
    before = m.past[-LONG].rollbacks if len(m.past) >= LONG else 0
    if m.rollbacks < 2 or m.rollbacks == before:
        return None
    return f"training went back to an earlier checkpoint {m.rollbacks} times"


def memorised(m: Moment) -> Evidence:
    near, share = m.mean("nearest"), m.mean("copies")
    told = []
    if near is not None and near < 0.65:
        told.append(f"samples lie {near:.2f} as far from training samples as fresh ones do")
    if share is not None and share > 0.33:  # models of lines repeat what is frequent
        told.append(f"{share:.0%} of them are near copies")
    return "; ".join(told) or None


def vanishing(m: Moment) -> Evidence:
    if m["pull/generator"] == 0 and m["update/generator"] == 0:
        return "no gradient at all reaches the generator's weights"
    gap, sure, now, usual = m["gap"], m["sure"], m["gradient"], m.own("gradient")
    lost = (sure or 0) > 0.9 or now is None or (usual is not None and now < 0.1 * usual)
    if gap is not None and gap > (8 if lost else 16):
        return f"logits of real samples and fakes are {gap:.1f} deviations apart"
    if now is None or not usual or now > 0.01 * usual or opposed(m):
        return None  # where fakes are preferred it is no sign that they are found out
    beside = f"; {sure:.0%} of the fakes are found out for certain" if sure else ""
    return f"the gradient at the generator's output is {now / usual:.1e} of its own start{beside}"


def silent(m: Moment) -> Evidence:
    """A discriminator that says the same of all samples at some looks: something undoes it."""
    looks = [*m.past[-LONG:], m]
    flat = sum(one["gradient"] == 0 for one in looks)
    if flat < 2 or m["gradient"] is None or opposed(m):
        return None
    return f"at {flat} of {len(looks)} looks no gradient at all reached the samples"


def diverging(m: Moment) -> Evidence:
    """Two signs at once, one of them in the players' updates and weights."""
    grown = [sign for player in PLAYERS for sign in growth(m, player)]
    told = [*steps(m), *grown]
    if not told or (improving(m) and not grown and not uneven(m) and not huge(m)):
        return None
    if (swing := m.mean("swing")) is not None and swing > 0.35:
        told.append(f"the generator is {swing:.2f} of the data's distance from its average")
    if (lost := no_nearer(m)) is not None:
        told.append(lost)
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
    near = (m.mean("energy") or 0.0) < BAD
    first = near and len(m.past) < MEANT  # first steps are large, and get smaller
    told = [
        f"an update of the {player} is {size:.1%} of its weights"
        for player, size in sizes.items()
        if size is not None
        and size > LARGE
        and (not first or (m[f"update/{player}"] or 0) >= STAYS * size)
    ]
    if told and max(m[f"update/{player}"] or 0 for player in PLAYERS) < 2 * LARGE:
        told = [" and ".join(told)]  # both are large while the rate is high: one sign
    if own and other and uneven(m):
        if not told:
            told.append(f"an update of the discriminator is {own:.1%} of its weights")
        told.append(f"it is {own / other:.0f} times the generator's")
    return told


def huge(m: Moment) -> bool:
    """Whether a player takes steps that are right at no time: no healthy run had such."""
    return any((m.mean(f"update/{player}") or 0.0) > HUGE for player in PLAYERS)


def uneven(m: Moment) -> bool:
    """Whether the discriminator takes steps of another size than the generator."""
    own, other = m.mean("update/discriminator"), m.mean("update/generator")
    return bool(own and other and own > LARGE / 2 and own > 4 * other)


def no_nearer(m: Moment) -> Evidence:
    """Samples that do not look like the data, and have come no nearer since an earlier look."""
    now, before = m.mean("energy"), m.before.mean("energy") if m.before else None
    if now is None or before is None or now <= YOUNG or now < before:
        return None
    return f"samples are {now:.2f} from the data, and were {before:.2f}"


def growth(m: Moment, player: str) -> list[str]:
    weights, usual = m[f"weights/{player}"], m.own(f"weights/{player}")
    if weights is None or not usual or weights < 2 * usual:
        return []
    return [f"the weights of the {player} have grown {weights / usual:.1f} times"]


def artefacts(m: Moment) -> Evidence:
    if (m.mean("energy") or 0) > YOUNG:
        return None
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
NOISE = "Losses will soon not be finite, or samples turn to noise."
G_STILL = "No sample will change any more."
LIKE_THAT = "Samples will look like what the networks are given, and not like the data."
UNTAUGHT = "Nothing teaches the generator to show what it is asked for."
STAY_AWAY = "The generator is told to stay away from the data."
D_STILL = "The generator will find what fools it, and learn nothing after that."

RULES = (
    Rule("broken", "samples are not finite", "Training will be rolled back, or stop.", broken),
    Rule(
        "blank",
        "blank samples",
        "It does not mend itself: no gradient leads out of it.",
        blank,
    ),
    Rule("divergence", "divergence ahead", NOISE, lost, looks=2),
    Rule("divergence", "divergence ahead", NOISE, rolled_back, looks=1),
    *(
        Rule("data-altered", "the networks are given other data", LIKE_THAT, sees, looks=looks)
        for sees, looks in ((altered, 2), (relabelled, 1), (repeated, 2))
    ),
    Rule(
        "latents-repeat",
        "the generator gets the same latents again",
        "What it makes of other latents is not trained.",
        latents_again,
    ),
    *(
        Rule(f"{player}-still", f"the {player} stands still", outlook, sees(player), looks=looks)
        for player, outlook in (("generator", G_STILL), ("discriminator", D_STILL))
        # equal to the bit twice: three looks
        for sees, looks in ((still, 3), (unmoved, 2), (partly_still, 2), (crawling, 3))
    ),
    Rule(
        "partly-seen",
        "the discriminator sees only a part of each sample",
        "Nothing tells the generator what belongs into the rest.",
        partly_seen,
    ),
    Rule(
        "condition-ignored",
        "the condition is ignored",
        UNTAUGHT,
        mixed_up,
    ),
    Rule(
        "discriminator-noisy",
        "the discriminator's verdicts are partly random",
        "What it teaches the generator is partly noise.",
        noisy,
    ),
    Rule("discriminator-weak", "the discriminator is too weak", STAY_AWAY, driven),
    Rule("mode-collapse", "mode collapse", STUCK, constant),
    Rule("mode-collapse", "mode collapse", STUCK, merged),
    Rule("mode-collapse", "mode collapse", STUCK, few_symbols, since=0.6),
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
        "condition-ignored",
        "the condition is ignored",
        UNTAUGHT,
        blind,
        since=0.4,
    ),
    Rule("divergence", "divergence ahead", NOISE, diverging),
    Rule("divergence", "divergence ahead", NOISE, fleeing, looks=4),
    Rule("mode-collapse", "mode collapse", STUCK, collapse, since=0.35),
    Rule("mode-collapse", "mode collapse", STUCK, narrow, since=0.35, looks=6),
    Rule("mode-collapse", "mode collapse", STUCK, missing, since=0.4),
    Rule(
        "partly-stuck",
        "a part of every sample is the same",
        "It is a mark that tells every sample from real ones.",
        partly_stuck,
        since=0.35,
    ),
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
        "discriminator-overfits",
        "the discriminator overfits",
        "Quality stops growing and then falls, while losses look well.",
        overfitting,
        looks=1,
    ),
    Rule(
        "vanishing-gradient",
        "the generator's gradient vanishes",
        "The generator stops learning, and the discriminator has won.",
        vanishing,
    ),
    Rule(
        "vanishing-gradient",
        "the generator's gradient vanishes",
        "The generator learns only while the discriminator tells samples apart.",
        silent,
        looks=1,
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
        "average-behind",
        "the averaged weights lag behind",
        "The shipped model is made of them, and is worse than the generator.",
        left_behind,
        since=0.4,
        looks=5,
    ),
    *(
        Rule(
            "discriminator-weak",
            "the discriminator is too weak",
            STAY_AWAY,
            sees,
            since=since,
            looks=looks,
        )
        for sees, looks, since in ((certain, 1, EARLY), (misled, 5, 0.6), (mistaken, 1, 0.6))
    ),
    *(
        Rule(
            "discriminator-weak",
            "the discriminator is too weak",
            "The generator is told nothing, and stays where it is.",
            sees,
            since=since,
            looks=5,
        )
        for sees, since in ((weak, 0.5), (astray, 0.4))
    ),
    Rule(
        "spectral-artefacts",
        "spectral artefacts",
        "A chessboard or grain stays in all samples.",
        artefacts,
        since=0.5,
        looks=5,
    ),
    *(
        Rule(
            "optimiser-forgets",
            "an optimiser forgets its steps",
            "Its updates are as rough as first ones are.",
            forgetful(player),
            since=0.3,
            looks=5,
        )
        for player in PLAYERS
    ),
)
NAMES = tuple(dict.fromkeys(rule.name for rule in RULES))
