"""The terms of adversarial flow models: numbers by hand, and that a run resumes bit for bit."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganzfeld import Adversarial, Trainer
from ganzfeld.config import with_settings
from ganzfeld.core import checkpoint
from ganzfeld.errors import UsageError
from ganzfeld.games.flow import FlowTerms, pooled
from ganzfeld.networks import NETWORKS
from ganzfeld.recipes import RECIPES, Facts
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.trainer import as_data


def test_transport_and_centring_by_hand() -> None:
    terms = FlowTerms(transport=0.5, centring=0.1)
    z = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    fake = z + torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    assert float(terms.generator(0.5, z, fake, z)["transport"]) == pytest.approx(0.5 * 6 / 4)
    real, other = torch.tensor([1.0, 2.0]), torch.tensor([1.0, -4.0])
    assert float(terms.discriminator(real, other)["centring"]) == pytest.approx(0.1 * 4)


def test_the_gradient_gets_one_size_whatever_it_was() -> None:
    """A constant gradient of any size comes back with a mean square of 1 / numbers^2."""
    for size in (1e-4, 1.0, 1e3):
        terms = FlowTerms(normalise=True)
        for _ in range(3):
            x = torch.ones(4, 5, requires_grad=True)
            (size * terms.to_judge(x)).sum().backward()
        assert x.grad is not None
        assert x.grad.square().mean().sqrt().item() == pytest.approx(1 / 20, rel=1e-4)
    with torch.no_grad():
        assert torch.equal(terms.to_judge(x), x), "samples themselves stay as they are"


def test_the_size_follows_slowly() -> None:
    terms = FlowTerms(normalise=True)
    sizes = []
    for size in (1.0, 10.0):
        x = torch.ones(2, 2, requires_grad=True)
        (size * terms.to_judge(x)).sum().backward()
        assert x.grad is not None
        sizes.append(x.grad.square().mean().sqrt().item())
    # v = 0.9 * 1 + 0.1 * 100 = 10.9 in units of the first
    assert sizes == pytest.approx([1 / 4, 10 / math.sqrt(10.9) / 4], rel=1e-5)


def test_pooled_places_follow_the_latent() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(64, 3, 8, 8), torch.randn(64, 3, 8, 8)
    assert pooled(fake, real, 100).shape == (64, 3 * 4 * 4)
    assert pooled(fake, real, 30).shape == (64, 3 * 3 * 3)
    assert pooled(fake, real, 3).shape == (64, 3)
    own = pooled(real, real, 3)
    assert own.mean(0).abs().max() < 1e-5 and (own.std(0) - 1).abs().max() < 0.05
    with pytest.raises(UsageError, match="no place"):
        pooled(fake, real, 2)


def test_wrong_values_are_refused() -> None:
    G, D = networks(2)
    for options in ({"transport": -1.0}, {"centring": -0.1}, {"transport_on": "pixels"}):
        with pytest.raises(ValueError, match="transport"):
            Adversarial(G, D, **options)
    with pytest.raises(ValueError, match="one_stage"):
        Adversarial(G, D, one_stage=True, normalise_gradient=True)
    game = Adversarial(networks(3)[0], D, transport=0.1)
    with pytest.raises(UsageError, match="transport_on=pooled"):
        game.loss("generator", {"x": torch.randn(4, 2)})


def networks(latent: int, dims: int = 2, width: int = 32) -> tuple[nn.Module, nn.Module]:
    G = NETWORKS["mlp-generator"](
        (dims,), latent=latent, widths=(width, width), norm="none", output="linear"
    )
    return G, NETWORKS["mlp-discriminator"]((dims,), widths=(width, width))


FLOW = (
    "game.transport=[0.2,0.01]",
    "game.transport_on=pooled",
    "game.centring=0.01",
    "game.normalise_gradient=true",
)


def trainer_of(*settings: str) -> Trainer:
    facts = Facts(count=24, channels=1, height=8, width=8)
    config = RECIPES["default"](facts)
    config.run.images, config.run.batch_size, config.run.precision = 96, 8, "float32"
    config = complete(with_settings(config, ["networks.*.width=4", *settings]))
    draw = torch.Generator().manual_seed(5)
    data = {"x": torch.randint(0, 256, (24, 1, 8, 8), generator=draw, dtype=torch.uint8)}
    return build_trainer(config, as_data(data), torch.device("cpu"))


def after(trainer: Trainer, steps: int) -> dict[str, Tensor]:
    while trainer.step < steps:
        trainer.take_step()
    return {name: value.clone() for name, value in trainer.game.state_dict().items()}


def test_a_run_resumes_bit_for_bit_and_the_running_mean_is_needed(tmp_path: Path) -> None:
    whole = after(trainer_of(*FLOW), 7)
    half = trainer_of(*FLOW)
    after(half, 3)
    saved = checkpoint.save(tmp_path, half.images, half.state_dict(), {})
    for forgotten in (False, True):
        trainer = trainer_of(*FLOW)
        state = checkpoint.load(saved).state
        if forgotten:
            state["game"]["flow.square"].zero_()
        trainer.load_state_dict(state)
        again = after(trainer, 7)
        equal = all(torch.equal(whole[name], again[name]) for name in whole)
        assert equal is not forgotten


def test_without_the_options_there_is_no_new_state_and_no_other_number() -> None:
    plain, named = after(trainer_of(), 3), after(trainer_of("game.transport=0.0"), 3)
    assert not any("flow" in name for name in plain)
    assert all(torch.equal(plain[name], named[name]) for name in plain)
