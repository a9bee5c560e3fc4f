"""From rows to names: three looks in a row, never before a fifth, causes before consequences."""

from __future__ import annotations

from typing import Any

import pytest

from ganzfeld.doctor.diagnose import diagnose, first_said
from ganzfeld.doctor.rules import NAMES
from ganzfeld.doctor.words import line, verdict

HEALTHY = {
    "gap": 1.5,
    "overfit": 0.1,
    "vendi": 1.0,
    "distance": 0.95,
    "duplicates": 0.0,
    "energy": 0.02,
    "blank": 0.0,
    "broken": 0.0,
    "nearest": 1.2,
    "copies": 0.0,
    "agreement": 0.8,
    "reacts": 0.7,
    "told": 0.6,
    "within": 0.9,
    "within_least": 0.7,
    "swing": 0.1,
    "gradient": 0.2,
    "sure": 0.0,
    "logit": 1.0,
    "fine": 1.2,
    "grid": 1.5,
    "altered": 0.0,
    "relabelled": 0.0,
    "unseen": 0.0,
    "stuck": 0.0,
    "update/generator": 0.004,
    "noise": 0.0,
    "latents": 0.0,
    "update/discriminator": 0.003,
    "pull/generator": 0.1,
    "pull/discriminator": 0.1,
    "weights/generator": 10.0,
    "weights/discriminator": 10.0,
}
ILL: dict[str, dict[str, float | None]] = {
    "broken": {"broken": 0.1},
    "blank": {"blank": 1.0, "distance": 0.0, "vendi": 0.03},
    "data-altered": {"altered": 1.5, "energy": 2.0},
    "generator-still": {"update/generator": 0.0, "gap": 12.0},
    "discriminator-still": {"update/discriminator": 0.0},
    "mode-collapse": {"vendi": 0.1, "duplicates": 1.0, "pull/generator": 0.0},
    "memorisation": {"nearest": 0.2, "copies": 0.6},
    "condition-ignored": {"reacts": 0.0, "agreement": 0.0, "distance": 0.3},
    "divergence": {"update/generator": 0.15, "update/discriminator": 0.15, "vendi": 0.3},
    "latents-repeat": {"latents": 1.0, "vendi": 0.4},
    "discriminator-noisy": {"noise": 0.9, "gap": 0.05, "overfit": None, "energy": 0.4},
    "partly-seen": {"unseen": 0.5},
    "partly-stuck": {"stuck": 0.3, "energy": 0.4},
    "class-collapse": {"within": 0.1, "within_least": 0.02},
    "discriminator-overfits": {"overfit": 0.8},
    "vanishing-gradient": {"gap": 15.0, "sure": 0.95},
    "oscillation": {"swing": 0.9},
    "average-behind": {"swing": 0.9, "lead": 0.8},
    "discriminator-weak": {"gap": 0.05, "overfit": None, "energy": 0.4},
    "spectral-artefacts": {"grid": 40.0},
    "optimiser-forgets": {"age/generator": 7.0},
}
TOTAL = 4_000
LATE = {
    "average-behind": 100,
    "discriminator-noisy": 200,
    "optimiser-forgets": 800,
    "class-collapse": 300,
    "discriminator-overfits": 100,
    "memorisation": 200,
}  # of means over some looks


def rows(*signals: dict[str, Any]) -> list[dict[str, Any]]:
    """Looks at every hundredth image of 4,000, each as HEALTHY but for what is given."""
    return [
        {"kind": "health", "images": 100 * (n + 1), "signals": {**HEALTHY, **own}}
        for n, own in enumerate(signals)
    ]


def test_every_name_has_a_case() -> None:
    assert set(ILL) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_illness_is_named_first(name: str) -> None:
    log = rows(*[{}] * 6, *[ILL[name]] * 34)
    first, *_ = diagnose(log, TOTAL)
    late = LATE.get(name, 0)
    assert first.name == name and first.since == 700 + late and first.until is None
    said = first_said(log, TOTAL)
    assert said is not None and said[0] == name


def test_a_healthy_run_has_no_findings() -> None:
    found = verdict(rows(*[{}] * 40), TOTAL)
    assert found.healthy and not found.findings and line(found) == "health: nothing wrong"


def test_three_looks_in_a_row_and_never_two() -> None:
    ill = ILL["mode-collapse"]
    assert not diagnose(rows(*[{}] * 20, ill, ill, {}, ill, ill, {}), TOTAL)
    (found,) = diagnose(rows(*[{}] * 20, ill, ill, ill), TOTAL)
    assert (found.since, found.said, found.looks) == (2_100, 2_300, 3)


def test_nothing_is_said_before_a_fifth_of_the_run() -> None:
    log = rows(*[ILL["blank"]] * 7)
    assert not diagnose(log, TOTAL) and line(verdict(log, TOTAL)) == "health: too early to say"
    (found,) = diagnose(rows(*[ILL["blank"]] * 8), TOTAL)[:1]
    assert (found.since, found.said) == (100, 800)


def test_a_run_is_counted_from_where_its_generator_begins() -> None:
    log = rows(*[ILL["blank"]] * 40)
    for look in log[:20]:  # others learn first, for half of the run
        look["signals"]["update/encoder"] = 0.01
        del look["signals"]["update/generator"]
    assert not diagnose(log[:23], TOTAL)  # 300 of the game's 2,000 images
    found = diagnose(log[:24], TOTAL)
    assert found[0].name == "blank" and found[0].said == 2_400


def test_what_has_passed_is_told_as_past() -> None:
    log = rows(*[{}] * 20, *[ILL["oscillation"]] * 6, *[{}] * 14)
    found = verdict(log, TOTAL)
    assert found.healthy and found.findings[0].until == 2_700


def test_a_penalty_spike_needs_a_second_sign() -> None:
    log: list[dict[str, Any]] = []
    for n, health in enumerate(rows(*[{}] * 40)):
        grown = n > 20
        signals = {**health["signals"], **({"weights/generator": 30.0} if grown else {})}
        penalty = 500.0 if grown else 1.0
        losses = {"discriminator/r1": penalty}
        log += [
            {"kind": "train", "images": health["images"], "losses": losses},
            health | {"signals": signals},
        ]
    assert first_said(log, TOTAL) == ("divergence", 2_400)
    calm = [row | ({"losses": {"discriminator/r1": 1.0}} if row["kind"] == "train" else {})
            for row in log]  # fmt: skip
    assert first_said(calm, TOTAL) is None


def traced(player: str, *traces: float) -> list[dict[str, Any]]:
    return rows(*[{f"trace/{player}": trace} for trace in traces])


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_weights_that_stay_equal_stand_still_whatever_moments_say(player: str) -> None:
    moving = [float(n) for n in range(20)]
    assert first_said(traced(player, *moving, *[99.0] * 3), TOTAL) == (f"{player}-still", 2_300)
    assert not diagnose(traced(player, *moving, 99.0, 99.0, 98.0, 98.0), TOTAL)
    whole, part = f"trace/{player}", f"trace/{player}/3"
    frozen = rows(*[{whole: n, part: 7.0 if n > 15 else n} for n in moving])
    assert first_said(frozen, TOTAL) == (f"{player}-still", 1_900)
    assert not diagnose(rows(*[{whole: n, part: n // 2} for n in moving]), TOTAL)


def test_steps_that_are_all_lost_are_divergence_and_not_standing_still() -> None:
    log: list[dict[str, Any]] = []
    for n, health in enumerate(traced("generator", *range(20), *[99.0] * 4)):
        loss = None if n > 20 else 0.7
        log += [
            {
                "kind": "train",
                "images": health["images"],
                "losses": {"generator/adversarial": loss},
            },
            health,
        ]
    assert first_said(log, TOTAL) == ("divergence", 2_300)
    assert [found.name for found in diagnose(log, TOTAL)] == ["divergence"]
    for row in log[::2]:
        row["losses"] = {"generator/adversarial": 0.7}
    assert [found.name for found in diagnose(log, TOTAL)] == ["generator-still"]


def test_going_back_again_and_again_is_divergence_and_once_is_not() -> None:
    def log(times: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for n, health in enumerate(rows(*[{}] * 40)):
            count = times if n >= 20 else 0
            row = {"kind": "train", "images": health["images"], "losses": {}, "rollbacks": count}
            found += [row, health]
        return found

    assert first_said(log(1), TOTAL) is None
    (found,) = diagnose(log(2), TOTAL)
    assert (found.name, found.said, found.until) == ("divergence", 2_100, 2_900)


def test_few_samples_that_come_nearer_to_the_data_have_not_collapsed() -> None:
    few = {"vendi": 0.2, "distance": 0.3}
    falling = [{**(few if n > 3 else {}), "energy": 0.85**n} for n in range(14)]
    staying = [{**few, "energy": 0.5} for _ in range(14)]
    assert not diagnose(rows(*[{}] * 16, *falling)[16:], TOTAL)
    assert first_said(rows(*[{}] * 16, *staying), TOTAL) == ("mode-collapse", 1_900)


def test_unknown_signals_say_nothing() -> None:
    log = [{"kind": "health", "images": n * 100, "signals": {}} for n in range(1, 41)]
    assert not diagnose(log, TOTAL)


def test_samples_that_get_away_are_told_by_who_drives_them() -> None:
    """The same way off is `fleeing` from a discriminator that is right, `driven` by one that is
    wrong; in between, and where samples stay, nobody says it."""
    from ganzfeld.doctor.siding import driven, fleeing
    from ganzfeld.doctor.story import Moment

    def told(gap: float | None, before: float | None, now: float | None) -> list[str | None]:
        past: tuple[Moment, ...] = ()
        for i, energy in enumerate((before, before, before, now)):
            past = (*past, Moment(100 * i, 0.2 * i, {"gap": gap, "energy": energy}, past))
        return [rule(past[-1]) for rule in (fleeing, driven)]

    assert told(3.0, 1.0, 1.2) == [
        "samples get away from the data: they are 1.20 from them, and were 1.00", None
    ]  # fmt: skip
    assert told(-5.0, 1.0, 1.2) == [
        None,
        "fakes get higher logits than real samples, by 5.0 deviations; samples are 1.20 from the "
        "data, and were 1.00",
    ]
    for gap in (-4.9, 0.0, 2.9, None):
        assert told(gap, 1.0, 1.2) == [None, None]
    for before, now in ((1.0, 1.19), (0.5, 0.99), (None, 1.2), (1.0, None)):
        assert told(3.0, before, now) == told(-5.0, before, now) == [None, None]
