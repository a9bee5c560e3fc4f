"""Whether more time would help: known answers, and how often the interval holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ganzfeld import doctor
from ganzfeld.doctor import verdict
from ganzfeld.doctor.trend import in_words, trend

SEEN = np.arange(1, 9) * 1_000


def curve(power: float, noise: float, seed: int, count: int = 8) -> list[tuple[int, float]]:
    seen = np.arange(1, count + 1) * 1_000
    chance = np.exp(noise * np.random.default_rng(seed).standard_normal(count))
    return [(int(n), float(v)) for n, v in zip(seen, 50 * seen**power * chance, strict=True)]


@pytest.mark.parametrize(
    "power, says",
    [(-0.5, "better"), (0.0, "flat"), (0.4, "worse"), (-0.03, "flat"), (0.03, "flat")],
)
def test_a_known_power_is_found(power: float, says: str) -> None:
    found = trend(curve(power, 1e-4, 0))
    assert found is not None and found.name == says
    assert found.factor == pytest.approx(2**power, rel=1e-3)
    assert found.interval[0] < 2**power < found.interval[1]
    assert found.of == 7  # the last three quarters of eight evaluations
    assert f"{found.factor:.2f} times what it is" in in_words(found)


def test_no_line_goes_below_real_samples() -> None:
    """Names of 64 samples had 0.47 (real 0.48), and half of it was promised."""
    found = trend(curve(-0.5, 1e-4, 0), real=50 * 8_000**-0.5 * 0.95)
    assert found is not None and found.name == "near" and "cannot be told" in in_words(found)
    found = trend(curve(-0.5, 1e-4, 0), real=50 * 8_000**-0.5 * 0.8)
    assert found is not None and found.name == "better"
    assert found.factor == pytest.approx(0.8, rel=1e-2), "not 0.71"
    assert found.interval[0] == pytest.approx(found.factor)


def test_evaluations_by_other_features_are_no_part_of_the_line() -> None:
    row = {"kind": "evaluation", "protocol": "a / ganzfeld 1"}
    rows = [row | {"images": n, "frechet": v} for n, v in curve(-0.5, 0.0, 0)]
    rows += [row | {"images": 9_000, "frechet": 9e3, "protocol": "b / ganzfeld 1"}]
    assert verdict(rows, 9_000).trend is None


def test_the_interval_holds_what_it_promises() -> None:
    held = 0
    for seed in range(400):
        found = trend(curve(-0.3, 0.1, seed))
        assert found is not None
        held += found.interval[0] <= 2**-0.3 <= found.interval[1]
    assert 0.92 <= held / 400 <= 0.98


def test_noise_alone_seldom_promises_anything() -> None:
    said = [found.name for seed in range(400) if (found := trend(curve(0, 0.1, seed)))]
    assert said.count("better") < 0.05 * 400 and said.count("open") > 0.8 * 400


def test_too_few_evaluations_say_nothing() -> None:
    assert trend([]) is None
    assert trend(curve(-0.5, 0.0, 0, count=5)) is None  # four of them are late enough
    assert trend([(n, float("nan")) for n in range(1, 20)]) is None


def test_the_doctor_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ganzfeld.cli import main

    rows = [{"kind": "evaluation", "images": n, "frechet": v} for n, v in curve(-0.5, 0.01, 0)]
    rows += [{"kind": "health", "images": n * 500, "signals": {"vendi": 0.9}} for n in range(1, 17)]
    log = tmp_path / "log.jsonl"
    rows.sort(key=lambda row: row["images"])
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert doctor.read(log).to_json()["trend"]["says"] == "better"
    main.main(["doctor", str(log)])
    assert "More time would help" in capsys.readouterr().out


def test_too_few_evaluations_are_said() -> None:
    few = [{"kind": "evaluation", "images": n * 100, "frechet": 50.0} for n in range(1, 4)]
    assert verdict(few, 300).more_time == (
        "How much more time would help is not known: "
        "that takes 5 evaluations in the last three quarters of a run."
    )
    assert verdict([], 300).more_time == ""
