"""What a treatment is decided on, by the rows of a log alone, and what a game makes of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from ganzfeld import Adversarial
from ganzfeld.config import WATCH, Run
from ganzfeld.doctor.cures import OTHERWISE, cure
from ganzfeld.doctor.story import story_of
from ganzfeld.doctor.treat import (
    Dose,
    Treatment,
    as_sentence,
    decided,
    from_start,
    in_words,
    together,
)
from ganzfeld.doctor.words import verdict
from ganzfeld.networks import NETWORKS
from ganzfeld.training.treating import Treating
from sentences import prose, texts, untold

ALL = frozenset({"penalties", "augment", "fresh"})
TOTAL = 40_000
THROWN = {"energy": 0.9, "swing": 1.2}
ILL = {
    "": {"update/discriminator": 0.002, "update/generator": 0.002},
    "divergence": {"update/discriminator": 0.3, "update/generator": 0.002, **THROWN},
    "discriminator-overfits": {"overfit": 0.8, "gap": 1.5},
    "memorisation": {"nearest": 0.3},
    "vanishing-gradient": {"gap": 12.0, "sure": 0.95},
    "mode-collapse": {"vendi": 0.05},
}


def log(*parts: tuple[str, int]) -> list[dict[str, Any]]:
    """A look every 1,000 images: (illness or "", how many looks)."""
    names = [name for name, count in parts for _ in range(count)]
    return [
        {"kind": "health", "images": 1_000 * (i + 1), "signals": {"vendi": 1.0, **ILL[n]}}
        for i, n in enumerate(names)
    ]


def asked(
    rows: list[dict[str, Any]], past: list[dict[str, Any]], able: frozenset[str] = ALL
) -> Any:
    found = verdict(rows, TOTAL)
    return decided(found.story, found.standing, past, able)


def given(treatment: Treatment, images: int) -> dict[str, Any]:
    dose = treatment.dose and treatment.dose.to_json()
    return {"images": images, "name": treatment.name, **({"dose": dose} if dose else {})}


def test_what_large_steps_have_spoiled_begins_again() -> None:
    found = asked(log(("divergence", 12)), [])
    assert found.name == "divergence" and "30.0% of its weights" in found.why
    assert found.dose == Dose(fresh=True)
    assert asked(log(("divergence", 12)), [], ALL | {"bare"}).dose.penalties == 4
    assert asked(log(("divergence", 12)), [], ALL - {"fresh"}) is None  # another run's weights


def test_a_generator_that_was_thrown_about_may_have_come_to_rest() -> None:
    rows = log(("divergence", 12))
    for row in rows[3:]:
        row["signals"]["swing"] = 0.0
    assert asked(rows, []).dose == Dose(fresh=True)


@pytest.mark.parametrize("kept", THROWN)
def test_large_steps_that_do_no_harm_are_left_alone(kept: str) -> None:
    rows = log(("divergence", 20))
    for row in rows:
        row["signals"][kept] = 0.2
    assert asked(rows, []) is None


def test_rates_make_usual_steps_of_the_weights_at_the_start() -> None:
    start = {"discriminator": 10.0, "generator": 20.0}

    def rates(*looks: tuple[float, float]) -> Any:
        """looks: the discriminator's update in parts of its weights, and these."""
        rows = log(("divergence", len(looks)))
        for row, (update, weights) in zip(rows, looks, strict=True):
            row["signals"] |= {"update/discriminator": update, "weights/discriminator": weights}
            row["signals"]["weights/generator"] = 20.0
        return from_start(Dose(fresh=True), story_of(rows, TOTAL).moments[-1], start).rates

    assert rates(*[(0.2, 10.0)] * 3) == {"discriminator": 0.05}
    assert rates(*[(0.02, 100.0)] * 3) == {"discriminator": 0.05}  # of weights that have grown
    assert rates((0.2, 10.0), *[(0.0, 10.0)] * 5) == {"discriminator": 0.05}  # it is lost
    assert rates(*[(0.012, 10.0)] * 4) == {}


def test_an_overfitting_discriminator_is_given_augmentation_first() -> None:
    rows = log(("discriminator-overfits", 12))
    assert asked(rows, []).dose == Dose(augment=True)
    assert asked(rows, [], frozenset({"penalties"})) is None
    assert asked(rows, [], frozenset()) is None  # nothing that the game could take


def test_what_has_no_evidence_is_not_applied() -> None:
    assert asked(log(("mode-collapse", 20)), []) is None
    assert asked(log(("vanishing-gradient", 20)), []) is None


@pytest.mark.parametrize(("looks", "augmented"), [(2, True), (WATCH, False)])
def test_only_runs_from_before_are_augmented(looks: int, augmented: bool) -> None:
    """Treated runs did not end better for it; one that began with it goes on as it would have."""
    game = SimpleNamespace(cures=frozenset({"penalties", "augment"}))
    run = SimpleNamespace(
        config=SimpleNamespace(run=Run(looks=looks)),
        trainer=SimpleNamespace(game=game),
        kind=SimpleNamespace(draws=True),
    )
    able = Treating(cast(Any, run)).able
    for illness in ("discriminator-overfits", "memorisation"):
        assert (asked(log((illness, 20)), [], able) is not None) == augmented


def test_nothing_is_done_early_late_or_to_the_healthy() -> None:
    assert asked(log(("divergence", 7)), []) is None  # before a fifth of the run
    assert asked(log(("", 36), ("divergence", 3)), []) is None  # after 85 % of it
    assert asked(log(("", 20)), []) is None


def test_it_rests_then_gives_up_what_did_not_help_and_never_repeats_it() -> None:
    rows = log(("divergence", 25))
    first = given(asked(rows[:9], []), 9_000)
    assert all(asked(rows[:n], [first]) is None for n in range(10, 14))  # five looks
    second = asked(rows[:14], [first])
    assert second.name == "divergence" and second.dose is None
    past = [first, given(second, 14_000)]
    assert all(asked(rows[:n], past) is None for n in range(15, 26))
    assert "not helped" in as_sentence(past[1]) and "divergence ahead" in as_sentence(past[1])


def test_what_was_gone_for_three_looks_may_be_treated_again() -> None:
    rows = log(("divergence", 9), ("", 6), ("divergence", 6))
    first = given(asked(rows[:9], []), 9_000)
    assert asked(rows, [first]).dose is not None
    short = log(("divergence", 9), ("", 5), ("divergence", 6))
    assert asked(short, [first]).dose is None
    many = [{**first, "images": 100 * n, "name": "oscillation"} for n in range(4)]
    assert asked(log(("", 20), ("divergence", 5)), many) is None  # four are enough


def test_doses_add_up() -> None:
    rows = [
        {"images": 1, "name": "a", "dose": Dose({"discriminator": 0.1}, 4.0).to_json()},
        {"images": 2, "name": "a"},
        {"images": 3, "name": "b", "dose": Dose({"discriminator": 0.5}, 1.0, True).to_json()},
    ]
    assert together(rows) == Dose({"discriminator": 0.05}, 4.0, True)
    assert together([]) == Dose()
    assert in_words({**rows[2], "fresh": True}).endswith("weights of the start")
    assert in_words({**rows[0], "back": 7}) == (
        "the discriminator's learning rate times 0.1; R1 and R2 times 4; weights of image 7"
    )


def small(**options: Any) -> Adversarial:
    G = NETWORKS["dcgan-generator"]((3, 8, 8), latent=4, width=4)
    D = NETWORKS["dcgan-discriminator"]((3, 8, 8), width=4)
    return Adversarial(G, D, **options)


def test_a_game_takes_a_dose_and_gives_it_back_to_the_bit() -> None:
    game = small(r1=(2.0, 0.5), r2=0.5)
    before = [*game.state_dict()]
    batch = {"x": torch.rand(4, 3, 8, 8)}
    game.treat(4.0, augment=True)
    game.treat(4.0, augment=True)  # not twice as much
    assert (game.penalties.r1, game.penalties.r2) == ((8.0, 2.0), 2.0)
    assert game.augmentation is not None
    assert {*game.state_dict()} - {*before} == {"augmentation.p", "augmentation.sign"}
    game.loss("discriminator", batch)["adversarial"].backward()
    game.treat()
    assert (game.penalties.r1, game.penalties.r2) == ((2.0, 0.5), 0.5)
    assert game.augmentation is None
    assert [*game.state_dict()] == before


@pytest.mark.parametrize(
    "options, r1, penalty", [({}, 1.0, 0.0), ({"gradient_penalty": 10.0}, 0, 40)]
)
def test_penalties_begin_where_there_are_none(options: Any, r1: float, penalty: float) -> None:
    game = small(**options)
    game.treat(4.0)
    assert (game.penalties.r1, game.penalties.gradient_penalty) == (r1, penalty)
    own = small(augment="fixed", **options)
    own.treat(1.0, augment=True)
    assert own.augmentation is not None and not own.augmentation.adapts
    assert own.cures >= {"penalties"} and "augment" not in own.cures
    assert "bare" in small().cures and small(difference=0.1, r1=1.0).cures == {"penalties"}


def test_evidence_and_treatment_are_told_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    from ganzfeld.core.language import tr
    from ganzfeld.doctor.rules import RULES

    monkeypatch.setenv("GANZFELD_LANG", "zh")
    signals = {
        "vendi": 0.1, "distance": 0.3, "duplicates": 0.4, "nearest": 0.2, "copies": 0.5,
        "overfit": 0.9, "gap": 9.5, "sure": 0.99, "update/discriminator": 0.3,
        "update/generator": 0.002, "swing": 0.7, "within": 0.1, "within_least": 0.01,
        "grid": 50.0, "fine": 20.0, "broken": 0.25, "blank": 0.95, "logit": 3.0, "reacts": 0.001,
    }  # fmt: skip
    rows = [{"kind": "health", "images": 100 * n, "signals": signals} for n in range(1, 9)]
    last = story_of(rows, 1_000).moments[-1]
    said = [evidence for rule in RULES if (evidence := rule.sees(last)) is not None]
    assert len(said) >= 10
    dose = Dose({"discriminator": 0.1}, 4.0, True).to_json()
    said.append(as_sentence({"images": 5, "name": "divergence", "dose": dose, "back": 3}))
    said.append(as_sentence({"images": 5, "name": "divergence", "dose": dose, "fresh": True}))
    said.append(as_sentence({"images": 5, "name": "divergence"}))
    said += [text for rule in RULES for text in (rule.title, rule.outlook)]
    said += [*OTHERWISE.values(), *cure("mode-collapse", None, None)]
    steps = "an update of the {} is 3.5% of its weights"
    said.append(" and ".join(map(steps.format, ("discriminator", "generator"))))
    for text in said:
        words = set(re.findall(r"[A-Za-z]{2,}", tr(text))) - {"logits", "ganzfeld", "doctor"}
        assert not words - {"r_v", "R1", "R2", "RUN"}, (text, tr(text))


def test_what_rules_say_has_a_chinese_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """All evidence that stands in the source, whatever sees it."""
    import ast

    from ganzfeld.doctor import (
        averages,
        conditions,
        given,
        overfitting,
        rules,
        siding,
        standing,
        variety,
    )

    monkeypatch.setenv("GANZFELD_LANG", "zh")
    said = set()
    for module in (averages, conditions, given, overfitting, rules, siding, standing, variety):
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                said |= {text for text in texts(node) if prose(text)}
    known = {"{player}": "discriminator", "{beside}": "", "{rollbacks}": "3", "{flat}": "2",
             "{stay}": "2", "{what}": "the finest octave"}  # fmt: skip
    for name, text in known.items():
        said = {one.replace(name, text).strip("; ") for one in said}
    missing = {one for one in said if untold(one) and untold(one.replace("{n}", "{n}%"))}
    assert len(said) > 20 and not missing
