"""What healthy runs look like on the way: youth, blur, fast learning, one odd look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ganzfeld.doctor.diagnose import diagnose
from ganzfeld.doctor.reference import Reference
from ganzfeld.doctor.samples import of_samples
from ganzfeld.modalities.base import Modality

TOTAL = 4_000
STEADY = {"gap": 1.5, "overfit": 0.0, "vendi": 1.0, "distance": 1.0, "energy": 0.05}


class Rows:
    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        return {"x": self.x[indices]}


def names(*looks: dict[str, Any], whole: bool = True) -> list[str]:
    """What is said of looks at every hundredth image; whole: each is STEADY but for these."""
    rows = [
        {"kind": "health", "images": 100 * (n + 1), "signals": {**(STEADY if whole else {}), **one}}
        for n, one in enumerate(looks)
    ]
    return [finding.name for finding in diagnose(rows, TOTAL)]


def test_samples_that_come_to_differ_have_not_collapsed() -> None:
    growing = [{"vendi": 0.03 * n**0.5, "distance": 0.001 * 1.15**n} for n in range(1, 25)]
    assert names(*growing) == []
    assert names(*[{"vendi": 0.1, "distance": 0.03}] * 24) == ["mode-collapse"]


def test_blur_of_a_model_without_a_judge_is_no_collapse() -> None:
    blurred = {"vendi": 0.35, "distance": 0.45, "within": 0.15, "energy": 0.1}
    assert names(*[blurred] * 20, whole=False) == []
    assert names(*[{"gap": 1.0, **blurred}] * 20, whole=False)[0] == "mode-collapse"
    assert names(*[{**blurred, "vendi": 0.05}] * 20, whole=False) == ["mode-collapse"]


def test_large_steps_are_right_while_they_bring_samples_nearer() -> None:
    large = {"update/discriminator": 0.04, "update/generator": 0.05, "swing": 1.5}
    learning = [{**large, "energy": 5 * 0.8**n} for n in range(18)]
    assert names(*learning, *[{}] * 6) == []
    assert "divergence" in names(*[{**large, "energy": 0.5}] * 24)
    uneven = {**large, "update/generator": 0.002}
    assert "divergence" in names(*[{**uneven, "energy": 5 * 0.8**n} for n in range(18)])


def test_young_samples_need_not_show_their_condition() -> None:
    unseen = {"agreement": 0.0, "reacts": 0.8, "told": 0.02, "visible": 0.6}
    assert names(*[{**unseen, "energy": 0.5}] * 24) == []
    assert names(*[{**unseen, "energy": 0.1}] * 24) == ["condition-ignored"]
    assert names(*[{**unseen, "agreement": 0.25, "energy": 0.1}] * 24) == []  # hard to see


def test_samples_that_hardly_differ_react_as_little() -> None:
    young = {"reacts": 0.005, "distance": 0.02, "vendi": 0.2}
    assert "condition-ignored" not in names(*[young] * 24)
    assert "condition-ignored" in names(*[{"reacts": 0.0, "distance": 0.02}] * 24)


def test_overfitting_is_told_of_several_looks_together() -> None:
    noise = [{"gap": 0.35, "overfit": (0.9, 0.7, -0.8, 0.8, -0.9)[n % 5]} for n in range(30)]
    assert names(*noise) == []
    once = [{"overfit": None}] * 12 + [{"gap": 1.0, "overfit": 0.9}] * 2 + [{"overfit": None}] * 12
    assert names(*once) == []
    slight = [{"gap": 1.3, "overfit": (0.2, 0.5, 0.3, 0.4)[n % 4]} for n in range(30)]
    assert names(*slight) == ["discriminator-overfits"]


def test_a_sure_discriminator_is_no_illness_while_its_gradient_arrives() -> None:
    apart = {"gap": 9.0, "sure": 0.0, "gradient": 0.5}
    assert names(*[apart] * 24) == []
    assert names(*[{**apart, "sure": 0.95}] * 24) == ["vanishing-gradient"]


def test_a_group_that_is_never_drawn_is_a_collapse_of_grown_samples() -> None:
    lacking = {"group/0": 0.0, "group/1": 1.1}
    assert names(*[{**lacking, "energy": 0.03}] * 24) == ["mode-collapse"]
    assert names(*[{**lacking, "energy": 0.4}] * 24) == []
    rare = [{"group/0": float(n % 4 == 0), "group/1": 1.0} for n in range(24)]
    assert names(*rare) == []


def test_a_stuck_part_that_comes_loose_is_that_of_young_samples() -> None:
    assert names(*[{"stuck": 0.4 * 0.93**n} for n in range(24)]) == []
    assert names(*[{"stuck": 0.33 + 0.01 * (n % 2)} for n in range(24)]) == ["partly-stuck"]


def test_tiny_updates_are_an_illness_of_samples_that_do_not_look_like_the_data() -> None:
    tiny = {"update/generator": 1e-5}
    assert names(*[{**tiny, "energy": 0.5}] * 24) == ["generator-still"]
    assert names(*[{**tiny, "energy": 0.1}] * 24) == []  # a model that is made a little better
    assert names({"update/generator": 1e-3}, *[{**tiny, "energy": 0.5}] * 24) == []


def test_samples_that_get_away_from_the_data_although_they_are_told_apart() -> None:
    away = [{"energy": 1.1**n, "gap": 6.0} for n in range(24)]
    assert names(*away) == ["divergence"]
    assert names(*[{**one, "gap": 1.5} for one in away]) == []  # nobody tells it where to go
    assert names(*[{"energy": 5.0, "gap": 6.0}] * 24) == []


def test_lines_of_few_symbols_are_told_unless_they_recover() -> None:
    """A table of symbols: all become one at first, and later other ones again."""
    flat = [{"entropy": 0.2, "level": 1.0}] * 30
    assert names(*flat, whole=False) == ["mode-collapse"]
    growing = [{"entropy": 0.9 * (n / 40) ** 2, "level": 1.0} for n in range(40)]
    assert names(*growing, whole=False) == []
    late = [{"entropy": 0.005 * n} for n in range(40)]  # too late
    assert names(*late, whole=False) == ["mode-collapse"]
    assert names(*[{"merged": 0.3}] * 30, whole=False) == []
    assert names(*[{"merged": 0.9}] * 30, whole=False) == ["mode-collapse"]


def test_a_discriminator_that_is_for_fakes_look_by_look_is_weak() -> None:
    def played(*gaps: float, **more: float) -> list[str]:
        rest = {"energy": 0.9, "overfit": None, **more}
        return names(
            *[{**rest, "gap": g, "age/discriminator": 250 * (n + 1)} for n, g in enumerate(gaps)]
        )

    assert played(*[-1.5, -0.7] * 12) == ["discriminator-weak"]
    assert played(*[-1.5] * 6, *[0.5] * 18) == []  # it was young
    assert played(*[-1.5, -0.7] * 12, energy=0.05) == []  # samples pass for real, and rightly
    gone = [{"energy": 0.9, "gap": -4.0, "gradient": 1.0 if n < 6 else 1e-4} for n in range(24)]
    assert "vanishing-gradient" not in names(*gone)  # nor is that a sign of its victory
    assert "vanishing-gradient" in names(*[{**one, "gap": 4.0} for one in gone])


@pytest.mark.parametrize("copied", [False, True])
def test_samples_of_a_dense_part_are_no_copies(copied: bool) -> None:
    g = np.random.default_rng(0)
    x = g.standard_normal((1_200, 3)) * np.exp(1.5 * g.standard_normal((1_200, 1)))
    reference = Reference(Modality(), Rows(x[:1_000]), Rows(x[1_000:]))
    dense = g.standard_normal((64, 3)) * 0.2  # fresh, of the smallest scale there is
    found = of_samples(reference, x[:64] + 1e-4 if copied else dense, x[100:164], None)
    nearest, copies = found["nearest"], found["copies"]
    assert nearest is not None and copies is not None
    assert (nearest < 0.1 and copies > 0.8) if copied else (nearest > 0.6 and copies < 0.2)


def test_groups_are_counted_over_their_share() -> None:
    g = np.random.default_rng(1)
    middles = np.array([[0.0, 0], [9, 0], [0, 9], [9, 9]])
    x = middles[g.integers(4, size=800)] + 0.1 * g.standard_normal((800, 2))
    reference = Reference(Modality(), Rows(x), None)
    whole = of_samples(reference, x[:200], x[200:400], None)
    drawn = {name: value for name, value in whole.items() if name.startswith("group/")}
    assert len(drawn) >= 4 and all(0.5 < (value or 0) < 1.6 for value in drawn.values())
    without = of_samples(reference, x[:200][x[:200].sum(1) < 15], x[200:400], None)
    assert min(without[name] or 0 for name in drawn) == 0


def test_what_moves_on_does_not_oscillate() -> None:
    away = {"swing": 0.9}
    assert names(*[{**away, "lead": -0.3}] * 24) == ["oscillation"]
    assert names(*[{**away, "lead": 0.1}] * 24) == []  # it is nearer to the data than its average


def ring(g: np.random.Generator, count: int, without: int | None = None) -> np.ndarray:
    """Points of eight modes on a circle, one of which may be left out."""
    modes = [n for n in range(8) if n != without]
    angle = g.choice(modes, count) * np.pi / 4
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    return circle + 0.1 * g.standard_normal((count, 2))


def told_of_ring(seed: int, without: int | None) -> list[str]:
    """What is told of 20 looks at points that are right but for a mode that is never drawn."""
    g = np.random.default_rng(seed)
    reference = Reference(Modality(), Rows(ring(g, 2_000)), None)
    looks = [of_samples(reference, ring(g, 32, without), ring(g, 32), None) for _ in range(20)]
    return names(*[{"gap": 0.5, **look} for look in looks])


def test_a_mode_of_many_that_is_never_drawn_is_missed_by_nobody() -> None:
    assert [told_of_ring(seed, seed % 8) for seed in range(8)] == [["mode-collapse"]] * 8


def test_all_modes_drawn_are_no_collapse() -> None:
    assert [told_of_ring(seed, None) for seed in range(100, 112)] == [[]] * 12
