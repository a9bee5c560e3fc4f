"""A sample that is judged twice, and one under a wrong condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ganzfeld.doctor import signals, verdicts
from ganzfeld.doctor.batch import finite
from ganzfeld.doctor.conditions import blind
from ganzfeld.doctor.diagnose import diagnose, first_place
from ganzfeld.doctor.measure import Subject, look
from ganzfeld.doctor.reference import Reference
from ganzfeld.doctor.rules import RULES
from ganzfeld.doctor.story import story_of
from ganzfeld.games import Adversarial
from ganzfeld.modalities import Spec
from ganzfeld.modalities.base import Modality
from ganzfeld.networks import NETWORKS
from ganzfeld.training.trainer import Tensors, Trainer

PARTS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of a run, at its looks


def looking(classes: int = 0, count: int = 16) -> tuple[torch.nn.Module, Callable[[], Any]]:
    """A discriminator that nobody trained, and a look at so many samples."""
    torch.manual_seed(0)
    shared = {"widths": (16,), "classes": classes}
    G = NETWORKS["mlp-generator"]((2,), latent=2, output="linear", **shared)
    D = NETWORKS["mlp-discriminator"]((2,), **shared)
    optimisers = {
        "discriminator": torch.optim.Adam(D.parameters(), 1e-3),
        "generator": torch.optim.Adam(G.parameters(), 1e-3),
    }
    y = torch.arange(300) % max(classes, 1)
    data = {"x": torch.randn(300, 2) + y[:, None]} | ({"y": y} if classes else {})
    trainer = Trainer(Adversarial(G, D), optimisers, data, batch_size=32)
    spec = Spec("image", (2,))
    subject = Subject(
        trainer.game, None, optimisers, trainer.parameters, trainer.ready, spec, trainer.device
    )
    held = Tensors({name: column[:64] for name, column in data.items()})
    reference = Reference(Modality(), trainer.data, held, classes)
    return D, lambda: look(subject, reference, trainer.data, held, count, 0)


def noisy(D: torch.nn.Module, size: float) -> None:
    D.register_forward_hook(lambda module, args, out: out + size * torch.randn_like(out))


def test_a_verdict_that_is_chance_is_seen() -> None:
    D, seen = looking()
    assert seen()["noise"] == 0 and "mixed" not in seen()
    noisy(D, 100.0)
    torch.manual_seed(1)
    assert 0.3 < np.mean([seen()["noise"] for _ in range(20)]) < 1.5


def test_conditions_that_change_places_are_told_from_noise() -> None:
    D, seen = looking(classes=4)
    assert seen()["noise"] == seen()["mixed"] == 0
    hook = D.register_forward_pre_hook(lambda m, args: (args[0], args[1].roll(1)))
    found = seen()
    assert found["noise"] == 0 and found["mixed"] > 0.1
    hook.remove()
    noisy(D, 100.0)
    found = seen()
    assert found["noise"] > 0.1 and found["mixed"] > 0.1


def test_rounding_is_no_noise() -> None:
    once = np.array([1e4, 1e4 + 1])
    assert signals.noise(once, once + 0.5, 0.1) == 0
    assert signals.noise(once, once + 50, 0.0) is None
    assert signals.noise(np.zeros(2), np.full(2, np.sqrt(2)), 2.0) == pytest.approx(0.5)


def test_of_a_single_class_no_other_is_asked() -> None:
    """Samples cannot react to a condition that has one value."""
    found = looking(classes=1)[1]()
    assert not {"reacts", "told", "told_error", "mixed"} & found.keys() and found["noise"] == 0


def test_a_batch_of_another_size_is_no_noise() -> None:
    """Large looks ask in several batches, and a GPU rounds by their size."""
    D, seen = looking(classes=4, count=64)
    D.register_forward_hook(lambda module, args, out: out + len(out))
    found = seen()
    assert found["noise"] == found["mixed"] == 0


def test_a_discriminator_may_change_its_buffers_where_it_judges() -> None:
    """No gradient goes back through a pass after which there was another."""
    D, seen = looking()
    D.register_buffer("scale", torch.ones(()))
    D.register_forward_hook(lambda module, args, out: out * module.scale.mul_(0.999))
    assert seen()["gradient"] > 0


def test_what_float32_cannot_hold_is_not_finite() -> None:
    assert finite(torch.tensor([1e30, 0], dtype=torch.float64))
    assert not finite(torch.tensor([1e300, 0], dtype=torch.float64))
    assert not finite(torch.tensor([float("inf")]).half()) and finite(torch.ones(2, dtype=int))


def named(**signals: Any) -> list[str]:
    steady = {"gap": 1.5, "energy": 0.5}
    rows = [
        {"kind": "health", "images": n, "signals": {**steady, **signals}}
        for n in range(100, 2_100, 100)
    ]
    return [finding.name for finding in diagnose(rows, 2_000)]


def test_what_is_said_of_them() -> None:
    assert named(noise=0.0, mixed=0.0) == named(noise=0.2, mixed=0.2) == []
    assert named(noise=0.9) == named(noise=0.9, mixed=0.9) == ["discriminator-noisy"]
    assert named(noise=0.0, mixed=0.4) == ["condition-ignored"]


def test_held_out_samples_are_asked_about_where_the_first_tell_little() -> None:
    D, seen = looking(classes=4)
    judged: list[int] = []
    D.register_forward_hook(lambda module, args, out: judged.append(len(out)))
    few = seen()
    assert sum(judged) == 4 + 12 + 3 * 32 + 4 + 32  # fakes, real and held-out ones
    right = np.array([3.0, 5.0] * 16)
    assert verdicts.little(right, right - 0.1) and not verdicts.little(right, right - 4)
    judged.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdicts, "SEEMS", -100.0)
        alone = seen()
    assert sum(judged) == 4 + 12 + 3 * 32 + 4
    assert few["told_error"] < 0.9 * alone["told_error"]


def share_told(true: float, count: int, by: float = 1.3, runs: int = 150) -> float:
    """How many simulated runs are told that their discriminator is blind. true: deviations by
    which it tells wrong conditions; by: deviation of what they change. 1.3: of random labels."""
    g, said = np.random.default_rng(0), 0
    (rule,) = [rule for rule in RULES if rule.sees is blind]
    for _ in range(runs):
        looks = []
        for part in PARTS:
            right = g.standard_normal(count)
            wrong = right - true - by * g.standard_normal(count)
            told = {
                "told": signals.told_apart(right, wrong),
                "told_error": signals.told_error(right, wrong),
            }
            steady = {"visible": 0.5, "agreement": 1.0, "reacts": 0.5, "energy": 0.05, **told}
            looks.append({"kind": "health", "images": int(1_000 * part), "signals": steady})
        said += first_place(rule, story_of(looks, 1_000).moments) is not None
    return said / runs


def test_error_rates_of_the_test_for_a_blind_discriminator() -> None:
    assert share_told(0.0, 64) > 0.8
    assert share_told(0.15, 64) < 0.1  # the most that counts as blind: 5 %
    assert share_told(0.3, 64) == 0
    # a critic whose logits depend on much else, as that of wgan-gp: little, but surely told
    assert share_told(0.05, 64, by=0.15) < 0.01
