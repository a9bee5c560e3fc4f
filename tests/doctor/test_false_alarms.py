"""What healthy runs of the bench were once called ill for, and what tells them from ill ones."""

from __future__ import annotations

from typing import Any

from ganzfeld.doctor.diagnose import diagnose, first_said
from ganzfeld.doctor.story import story_of

STEADY = {"gap": 1.5, "vendi": 1.0, "distance": 1.0, "energy": 0.05}


def log(*looks: dict[str, Any]) -> list[dict[str, Any]]:
    """A whole run with a look at every hundredth image."""
    return [
        {"kind": "health", "images": 100 * n, "signals": known({**STEADY, **one})}
        for n, one in enumerate(looks, 1)
    ]


def known(signals: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in signals.items() if value is not None}


def names(*looks: dict[str, Any]) -> list[str]:
    return [finding.name for finding in diagnose(log(*looks), 100 * len(looks))]


def each(name: str, *values: float, **others: Any) -> list[dict[str, Any]]:
    return [{name: value, **others} for value in values]


def test_one_look_alone_makes_no_overfitting() -> None:
    odd = each("shift", 0.15, -0.3, 0.0, 0.3, 0.2, 0.2, 0.2, 0.3, 2.5, 0.2, 0.1)
    assert names(*odd) == []
    same = each("shift", 0.15, -0.3, 0.0, 0.8, 0.7, 0.7, 0.8, 0.6, 0.7, 0.8, 0.7)
    assert names(*same) == ["discriminator-overfits"]
    few = each("shift", 0.15, -0.3, 0.0, *[0.65] * 8, held_out=30)
    assert names(*few) == []  # which held-out samples there are may be chance
    assert names(*[{**look, "held_out": 200} for look in few]) == ["discriminator-overfits"]


def test_who_takes_fakes_for_real_takes_nobody_for_a_fake() -> None:
    assert names(*each("shift", *[0.8] * 12, gap=-0.5)) == []
    assert names(*each("shift", *[0.8] * 12, gap=0.5)) == ["discriminator-overfits"]


def test_a_young_generator_that_comes_nearer_has_not_collapsed() -> None:
    """Of a game whose judge gives no opinion, as that of text-to-image."""
    alike = {"vendi": 0.1, "distance": 0.3, "gap": None}
    coming = each("energy", 1.2, 0.95, 0.9, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5, 0.4, 0.35, **alike)
    assert names(*coming) == []
    staying = each("energy", *[0.9] * 11, **alike)
    assert names(*staying) == ["mode-collapse"]


def test_blank_samples_that_come_to_differ_are_young() -> None:
    """Networks whose weights start small draw what hardly varies, and more of it at each look."""
    young = [{"blank": 1.0, "distance": 0.001 * 1.3**n, "reacts": None} for n in range(6)]
    grown = each("distance", *[0.5 * 1.05**n for n in range(14)], blank=0.0)
    assert "blank" not in names(*young, *grown)
    assert names(*each("blank", *[1.0] * 20, distance=0.001))[0] == "blank"


def test_a_variety_of_a_little_more_than_half_is_no_collapse() -> None:
    around = each("vendi", *[0.62, 0.55, 0.59, 0.58, 0.52, 0.59, 0.56, 0.57] * 3, energy=0.12)
    assert names(*around) == []
    assert names(*each("vendi", *[0.42, 0.45, 0.39] * 8, energy=0.12)) == ["mode-collapse"]


def test_twenty_held_out_samples_may_be_odd_by_chance() -> None:
    """As of 400 grey avatars, a thousand others of which had the logits of training samples."""
    lost = (0.0, 0.17, 0.08, 0.39, 0.34, 0.7, 0.69, 1.48, 1.03, 0.75, 0.63)
    gaps = (-1.9, -1.2, -0.6, -0.3, 0.35, -0.25, 0.3, 0.7, 0.55, 0.5, 0.45)
    few = [{"shift": a, "gap": b, "held_out": 20} for a, b in zip(lost, gaps, strict=True)]
    assert names(*few) == []
    assert names(*[{**one, "held_out": 200} for one in few]) == ["discriminator-overfits"]


def test_first_steps_of_the_discriminator_are_larger() -> None:
    sizes = (0.0128, 0.0092, 0.0091, 0.0066, *[0.006] * 6)
    first = [{"update/discriminator": size, "update/generator": size / 5} for size in sizes]
    assert names(*first) == []
    wild = [{"update/discriminator": 0.025, "update/generator": 0.005}] * 10
    assert names(*wild) == ["divergence"]


def test_frequent_lines_come_again() -> None:
    assert names(*each("copies", *[0.22, 0.31, 0.34, 0.16] * 5, nearest=0.9)) == []
    assert names(*each("copies", *[0.4] * 20, nearest=0.9)) == ["memorisation"]


def test_large_steps_that_lead_nowhere_are_divergence() -> None:
    """Of one player, with no other sign than that samples are far from the data and stay there."""
    large = {"update/generator": 0.08, "update/discriminator": 0.02, "vendi": 0.7}
    away = each("energy", *[0.05] * 3, *[0.4] * 17, **large)
    assert first_said(log(*away), 2_000) == ("divergence", 700)
    well = each("energy", *[0.05] * 20, **large)  # steps are as large, and do no harm
    assert names(*well) == []
    nearing = each("energy", *[0.9 * 0.93**n for n in range(20)], **large)
    assert names(*nearing) == []


def test_steps_of_an_eighth_of_the_weights_are_never_right() -> None:
    """Rates of 40 times: samples come nearer for a while, from where the first steps threw them."""
    thrown = each("energy", 1.74, 0.71, 0.84, 1.15, swing=1.6, distance=1.9)
    sizes = [(0.32, 0.21), (0.04, 0.11), (0.1, 0.095), (0.1, 0.094)]
    wild = [{**look, "update/discriminator": d, "update/generator": g}
            for look, (d, g) in zip(thrown, sizes, strict=True)]  # fmt: skip
    assert first_said(log(*wild, *[{}] * 7), 1_100) == ("divergence", 300)


def blind(told: float, **others: Any) -> list[str]:
    own = {"told_error": 0.15, "visible": 0.34, "agreement": 1.1, "reacts": 0.8, **others}
    return names(*each("told", *[told - 0.2, told + 0.2] * 10, **own))


def test_a_discriminator_that_never_sees_conditions_is_told() -> None:
    """Even where samples show them, as energies of showers do: so far nothing else was wrong."""
    assert blind(0.0) == ["condition-ignored"]
    assert blind(0.3) == []  # it tells them, little as it is
    assert blind(0.0, told_error=0.5) == []  # it may be chance
    assert blind(0.0, visible=None) == []  # nobody could tell
    assert blind(0.0, energy=0.5) == []  # young


def test_at_rest_a_discriminator_that_once_saw_conditions_is_well() -> None:
    own = {"told_error": 0.15, "visible": 0.34, "agreement": 1.1, "reacts": 0.8}
    assert names(*each("told", *[1.5] * 6, *[0.0] * 14, **own)) == []


def test_a_look_is_compared_with_one_a_fifth_of_the_run_ago_or_four_looks() -> None:
    def before(parts: list[int]) -> list[int]:
        rows = [{"kind": "health", "images": part, "signals": {}} for part in parts]
        return [m.before.images if m.before else 0 for m in story_of(rows, 1_000).moments]

    even = list(range(25, 1_001, 25))  # forty looks
    assert before(even)[-1] == 800 and before(even)[:3] == [0, 25, 25]
    short = [100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]
    assert before(short) == [0, 100, 100, 100, 100, 150, 200, 300, 400, 500, 600]


def test_first_steps_that_get_smaller_are_no_divergence() -> None:
    """Of lines: large steps, samples far apart and from their average, at the first looks only."""
    young = {"swing": 2.5, "distance": 3.1, "energy": 0.25, "update/discriminator": 0.02}
    sizes = (0.044, 0.028, 0.024)
    first = each("update/generator", *sizes, **young)
    assert first_said(log(*first, *[{}] * 7), 1_000) is None
    still = each("update/generator", 0.044, 0.042, 0.04, **young)
    assert first_said(log(*still, *[{}] * 7), 1_000) == ("divergence", 300)


def test_first_steps_of_both_players_that_get_smaller_are_no_divergence() -> None:
    """As of given names, whose samples were near the data at all these looks."""
    pairs = [(0.037, 0.031), (0.071, 0.054), (0.026, 0.03), (0.023, 0.021), (0.022, 0.032)]
    both = [{"update/discriminator": d, "update/generator": g} for d, g in pairs]
    given = [{"swing": 1.9, "lead": 0.02, "distance": 3.0, "energy": 0.02, **one} for one in both]
    assert first_said(log(*given, *[{}] * 6), 1_100) is None
    stays = [{**given[0], "update/discriminator": 0.07, "update/generator": 0.05}] * 5
    assert first_said(log(*stays, *[{}] * 6), 1_100) == ("divergence", 300)


def test_an_average_that_comes_after_its_generator_is_not_behind() -> None:
    """As that of a run that gets better does; one that stays where it began is told."""
    better = [0.9 * 0.85**n for n in range(20)]
    late = [{"energy": e, "lead": 0.6 * e + 0.3 * 0.8**n, "swing": 0.5}
            for n, e in enumerate(better)]  # fmt: skip
    assert names(*late) == []
    stuck = [{"energy": e, "lead": 1.3 - e, "swing": 1.5} for e in better]
    assert names(*stuck) == ["average-behind"]


def test_a_discriminator_that_leaves_no_gradient_is_at_fault_and_not_its_generator() -> None:
    """Its gradients turned (a ring, seed 71): it was said that the generator stood still."""
    sure = {"gap": -3.2, "gradient": 0.0, "update/generator": 0.0, "energy": 2.8, "logit": 900.0}
    assert first_said(log(*[sure] * 20), 2_000) == ("discriminator-weak", 400)
    assert first_said(log(*[{**sure, "gap": 3.2}] * 20), 2_000) == ("vanishing-gradient", 400)


def test_a_discriminator_that_heavy_penalties_hold_flat_is_too_weak() -> None:
    """Ten thousand times R1 and R2 (a ring, seed 71): nothing was said, at 22 mean distances."""
    flat = [{"gap": g, "energy": 25.0, "logit": 0.2, "update/generator": 0.005}
            for g in (2.0, -1.5) * 10]  # fmt: skip
    assert first_said(log(*flat), 2_000) == ("discriminator-weak", 800)
    assert names(*[{**look, "gap": abs(look["gap"])} for look in flat]) == []  # data that are alike
    assert names(*[{**look, "energy": 1.0} for look in flat]) == []
    away = [{"gap": -25.0, "energy": 1.5 * 1.06**n, "vendi": 0.8 - 0.04 * n, "distance": 0.4}
            for n in range(20)]  # fmt: skip
    assert first_said(log(*away), 2_000) == ("discriminator-weak", 700)  # before the collapse


def test_a_discriminator_that_prefers_fakes_is_too_weak() -> None:
    """Under a thousand times R1: collapse, which came of it, was named alone, and late."""
    wrong = {"gap": -9.0, "energy": 1.4, "vendi": 0.9}
    assert first_said(log(*[wrong] * 20), 2_000) == ("discriminator-weak", 1_200)
    assert names(*[{**wrong, "gap": -3.0}] * 20) == []  # of 8 px, after few steps
    assert names(*[wrong] * 11, *[{**wrong, "gap": 0.2}] * 9) == []  # it was young
    assert names(*[{**wrong, "energy": 0.05}] * 20) == []  # samples pass for real, and rightly


def test_a_discriminator_that_is_undone_now_and_then_is_told() -> None:
    """Its last layer is 0 at some looks: samples get no gradient there, and do elsewhere."""
    now_and_then = each("gradient", *[0.2, 0.2, 0.2, 0.2, 0.0] * 4)
    assert first_said(log(*now_and_then), 2_000) == ("vanishing-gradient", 1_000)
    assert names(*each("gradient", *[0.2] * 5, 0.0, *[0.2] * 14)) == []  # once is an accident


def test_samples_on_a_line_are_too_few_however_long_it_grows() -> None:
    """Of latents of one number: as far apart as the data, and a fifth of its variety."""
    line = each("distance", *[0.5 + 0.1 * n for n in range(20)], vendi=0.2, energy=0.5)
    assert first_said(log(*line), 2_000) == ("mode-collapse", 800)


def test_equal_data_are_said_beside_a_collapse() -> None:
    """Half of the data are black, and so are all samples in the end."""
    black = log(*each("vendi", *[0.2] * 20, distance=0.12, duplicates=-0.5, energy=0.5))
    (found,) = diagnose(black, 2_000)
    assert found.name == "mode-collapse" and "50% of the data equal" in found.evidence


def test_packs_of_rows_are_judged_too() -> None:
    """A game whose discriminator has no opinion of one sample may collapse all the same."""
    apart = {"distance": 0.3, "gap": None}  # no logits
    assert names(*[{**apart, "pull/discriminator": 0.1}] * 20) == ["mode-collapse"]
    assert names(*[apart] * 20) == []  # nothing judges: such models blur


def test_a_group_that_is_not_drawn_yet_is_no_collapse() -> None:
    """Avatars without red backgrounds, which come later: their energy distance is that of young
    samples, and not what one group of sixteen costs."""
    lacking = {"group/0": 0.0, "group/1": 1.1}
    assert names(*[{**lacking, "energy": 0.09}] * 24) == []
    assert names(*[{**lacking, "energy": 0.04}] * 24) == ["mode-collapse"]


def shown(*reacts: float, agreement: float, told: float, error: float | None) -> list[Any]:
    """Looks at samples for conditions of which the data show little."""
    own = {"visible": 0.16, "agreement": agreement, "agreement_error": error, "told": told}
    return [{**own, "reacts": value} for value in reacts]


def test_what_is_hardly_visible_is_hardly_known() -> None:
    """A mean of a few looks at 32 samples, over a skill of 0.16, is chance by +-0.3."""
    still = [0.3] * 11
    assert names(*shown(*still, agreement=-0.1, told=1.2, error=0.6)) == []
    assert names(*shown(*still, agreement=-0.1, told=1.2, error=None)) == []  # older logs
    assert names(*shown(*still, agreement=-0.1, told=1.2, error=0.1)) == ["condition-ignored"]


def test_samples_that_come_to_react_will_show_their_conditions() -> None:
    coming = [0.1 * 1.1**n for n in range(11)]
    assert names(*shown(*coming, agreement=-0.8, told=1.2, error=0.3)) == []
    assert names(*shown(*[0.01] * 11, agreement=-0.8, told=1.2, error=0.3)) == ["condition-ignored"]


def test_a_generator_of_few_updates_has_not_begun() -> None:
    alike = {"vendi": 0.1, "distance": 0.3, "energy": 0.9}
    steps = range(20, 240, 20)
    assert names(*each("age/generator", *steps, **alike)) == []
    assert names(*each("age/generator", *[10 * n for n in steps], **alike)) == ["mode-collapse"]
    same = {**alike, "duplicates": 0.9}
    assert names(*each("age/generator", *steps, **same)) == ["mode-collapse"]


def test_first_opinions_are_any() -> None:
    wrong = {"gap": -7.0, "energy": 0.6}
    steps = range(20, 240, 20)
    assert names(*each("age/discriminator", *steps, **wrong)) == []
    old = each("age/discriminator", *[10 * n for n in steps], **wrong)
    assert names(*old) == ["discriminator-weak"]


def test_an_optimiser_that_goes_on_or_begins_again_once_forgets_nothing() -> None:
    """Steps of a run that began again at a treatment are counted anew, once."""
    assert names(*each("age/generator", *range(40, 480, 40))) == []
    again = [40, 80, 120, 20, 60, 100, 140, 180, 220, 260, 300]
    assert names(*each("age/generator", *again)) == []
    never: list[Any] = [18, 3, 16, 8, 2, 19, 4, None, 7, 15, 1]
    assert names(*each("age/generator", *never)) == ["optimiser-forgets"]
    assert diagnose(log(*each("age/generator", *never)), 1_100)[0].until is None


def test_batches_may_be_wrong_now_and_then() -> None:
    assert names(*each("relabelled", 0, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0)) == []
    assert names(*each("relabelled", 0, 0.5, 0, 0, 0.4, 0, 0, 0, 0, 0, 0)) == ["data-altered"]
    assert names(*each("trace/data", *range(11))) == []
    assert names(*each("trace/data", *[7] * 11)) == ["data-altered"]
