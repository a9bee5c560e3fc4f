"""Networks for raw sound."""

from __future__ import annotations

import pytest
import torch

from ganzfeld.games.adversarial import Adversarial
from ganzfeld.networks.wave import WaveDiscriminator, WaveGenerator, shuffled, stages_of


@pytest.mark.parametrize(
    ("length", "stages"), [(2048, 4), (4096, 4), (8192, 5), (3072, 4), (32, 1)]
)
def test_lengths_divide(length: int, stages: int) -> None:
    assert stages_of(length) == stages
    x = WaveGenerator((1, length), latent=5, width=2, most=8)(torch.randn(3, 5))
    assert x.shape == (3, 1, length) and x.abs().max() <= 1


def test_a_length_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="30 samples"):
        stages_of(30)


def test_phase_shuffle_moves_all_by_one_step_and_keeps_the_length() -> None:
    x = torch.arange(40.0).reshape(1, 2, 20).repeat(3, 1, 1)
    assert torch.equal(shuffled(x, 0), x)
    moves = set()
    for seed in range(60):
        torch.manual_seed(seed)
        y = shuffled(x, 2)
        assert y.shape == x.shape
        move = round(float(x[0, 0, 10] - y[0, 0, 10]))
        moves.add(move)
        inner = slice(2, 18)
        assert torch.equal(y[:, :, inner], x[:, :, 2 - move : 18 - move])
    assert moves == {-2, -1, 0, 1, 2}


def test_both_heads_learn_and_penalties_reach_through_them() -> None:
    torch.manual_seed(0)
    D = WaveDiscriminator((1, 1024), classes=3, width=2, most=8, size=64, hop=16, head=2)
    G = WaveGenerator((1, 1024), classes=3, latent=4, width=2, most=8)
    batch = {"x": 0.1 * torch.randn(4, 1, 1024), "y": torch.tensor([0, 1, 2, 0])}
    batch["x"][0] = 0  # digital silence has derivatives, too
    game = Adversarial(G, D, r1=1.0)
    losses = game.loss("discriminator", batch)
    torch.stack(list(losses.values())).sum().backward()
    for name, p in D.named_parameters():
        assert p.grad is not None and p.grad.isfinite().all(), name
    assert D.head[0].weight.grad.abs().sum() > 0 and D.layers[0].weight.grad.abs().sum() > 0


def test_the_second_head_knows_no_phase_and_shuffle_is_for_training_alone() -> None:
    torch.manual_seed(0)
    D = WaveDiscriminator((1, 1024), width=2, most=8, size=64, hop=16, head=2)
    x = 0.1 * torch.randn(2, 1, 1024)
    assert torch.allclose(D.spectrogram(x), D.spectrogram(-x))
    D.eval()
    assert torch.equal(D(x), D(x))
    D.train()
    assert len({float(D(x)[0].detach()) for _ in range(20)}) > 1


def test_numbers_reach_both_networks_and_both_heads() -> None:
    torch.manual_seed(0)
    sides = {"conditions": 2, "width": 2, "most": 8}
    G = WaveGenerator((1, 1024), latent=4, **sides)  # type: ignore[arg-type]
    D = WaveDiscriminator((1, 1024), size=64, hop=16, head=2, **sides)  # type: ignore[arg-type]
    D.eval()
    z, c = torch.randn(3, 4), torch.randn(3, 2)
    x = G(z, None, c)
    assert not torch.allclose(x, G(z, None, c + 1))
    assert not torch.allclose(D(x, None, c), D(x, None, c + 1))
    game = Adversarial(G, D, r1=1.0)
    torch.stack(
        list(game.loss("discriminator", {"x": x.detach(), "c": c}).values())
    ).sum().backward()
    for name, p in D.named_parameters():
        assert p.grad is not None and p.grad.isfinite().all(), name
