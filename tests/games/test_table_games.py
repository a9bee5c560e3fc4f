"""The games of tables: conditions, packs, draws from the latent's tail, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ganzfeld.core.latents import normals
from ganzfeld.games.base import Clock
from ganzfeld.games.table import TableGAN, TableVAE
from ganzfeld.modalities.table import rows, schema
from ganzfeld.networks.table import (
    Choices,
    TableDecoder,
    TableDiscriminator,
    TableEncoder,
    TableGenerator,
)
from ganzfeld.training.trainer import Trainer

LAYOUT = [[1, 3], [0, 2], [0, 0], [1, 0], [0, 5]]
SHARES = [0.5, 0.3, 0.2, 0.99, 0.01, 0.2, 0.2, 0.2, 0.2, 0.2]


def generator(**options: object) -> TableGenerator:
    torch.manual_seed(0)
    return TableGenerator(LAYOUT, shares=SHARES, noise=8, widths=(16, 16), **options)  # type: ignore[arg-type]


def gan(**options: object) -> TableGAN:
    D = TableDiscriminator(LAYOUT, pack=4, widths=(16,))
    return TableGAN(generator(), D, **options)  # type: ignore[arg-type]


def some_rows(n: int) -> Tensor:
    rng = np.random.default_rng(0)
    x = np.zeros((n, 12), np.float32)
    x[:, [0, 6]] = rng.normal(0, 0.3, (n, 2))
    for start, shares in ((1, SHARES[:3]), (4, SHARES[3:5]), (7, SHARES[5:])):
        x[np.arange(n), start + rng.choice(len(shares), n, p=shares)] = 1
    return torch.from_numpy(x)


def test_choices_are_drawn_with_the_probabilities_of_the_logits() -> None:
    choices = Choices(LAYOUT)
    row = torch.zeros(1, 12)
    row[0, 1:4] = torch.tensor([0.5, 0.3, 0.2]).log()
    row[0, 4:6] = torch.tensor([0.9, 0.1]).log()
    n = 1000
    grid = ((torch.arange(n) + 0.5) / n)[:, None].expand(n, 3)
    drawn = choices.drawn(row.expand(n, -1), row.expand(n, -1), grid)[:, choices.places]
    expected = torch.tensor([0.5, 0.3, 0.2, 0.9, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2])
    assert torch.allclose(drawn.mean(0), expected, atol=2e-3)
    assert torch.allclose(choices.log_probabilities(row).exp()[0], expected, atol=1e-6)


@pytest.mark.parametrize("hard", [False, True])
def test_relaxed_choices_sum_to_one_and_pass_a_gradient(hard: bool) -> None:
    choices = Choices(LAYOUT)
    row = torch.randn(64, 12, requires_grad=True)
    soft = choices.relaxed(row, row.tanh(), 0.2, hard)[:, choices.places]
    for span in ((0, 3), (3, 5), (5, 10)):
        assert torch.allclose(soft[:, slice(*span)].sum(1), torch.ones(64), atol=1e-5)
    if hard:
        assert torch.allclose(soft.max(1).values, torch.ones(64), atol=1e-5)
    (soft * torch.randn(10)).sum().backward()
    assert row.grad is not None and row.grad.isfinite().all()
    assert (row.grad[:, [0, 6]] == 0).all() and row.grad[:, 7:].abs().sum() > 0


def test_a_sample_is_the_same_whatever_the_count() -> None:
    for network in (generator().eval(), TableDecoder(LAYOUT, noise=8, widths=(16,)).eval()):
        z = torch.from_numpy(normals(network.latent, 3, range(50)))
        whole = network(z)
        assert torch.equal(whole[7:9], network(z[7:9])) or torch.allclose(
            whole[7:9], network(z[7:9]), atol=1e-6
        )
        assert set(whole[:, 1:4].unique().tolist()) == {0.0, 1.0}


def test_conditions_of_samples_follow_the_shares() -> None:
    G = generator()
    z = torch.from_numpy(normals(G.latent, 0, range(20_000)))
    given = torch.nn.functional.one_hot(G.condition(z, None), 10).float()
    assert torch.allclose(given.mean(0) * 3, torch.tensor(SHARES), atol=0.015)


def test_conditions_of_training_give_rare_choices_more_rows_and_these_have_them() -> None:
    torch.manual_seed(0)
    game, x = gan(), some_rows(4000)
    real, given = game.conditioned(x)
    assert (real[:, game.G.choices.places].gather(1, given[:, None]) == 1).all()
    asked = torch.nn.functional.one_hot(given, 10).float().mean(0) * 3
    assert asked[4] > 5 * SHARES[4], "the 1 % choice is asked for far more often"
    assert len(real[given == 4].unique(dim=0)) > 10, "not one row over and over"


def test_choices_that_a_batch_lacks_are_not_asked_for() -> None:
    torch.manual_seed(0)
    x = some_rows(64)
    x[:, 4:6] = torch.tensor([1.0, 0.0])
    _, given = gan().conditioned(x)
    assert (given != 4).all() and (given == 3).any()


def test_labels_choose_the_level_of_the_column_that_is_conditioned_on() -> None:
    G = generator(condition=1, classes=2)
    z = torch.from_numpy(normals(G.latent, 0, range(8)))
    given = G.condition(z, torch.tensor([0, 1] * 4))
    assert given.tolist() == [3, 4] * 4
    with pytest.raises(ValueError, match="nothing to choose"):
        generator(condition=2, classes=2)
    with pytest.raises(ValueError, match="fewer choices"):
        generator(condition=1, classes=3)
    with pytest.raises(ValueError, match="12 entries"):
        generator(shape=[11])


def test_a_discriminator_of_packs_says_what_does_not_fit() -> None:
    D = TableDiscriminator(LAYOUT, pack=4)
    given = torch.zeros(9, dtype=torch.long)
    assert D(torch.zeros(8, 12), given[:8]).shape == (2,)
    with pytest.raises(ValueError, match="packs of 4"):
        D(torch.zeros(9, 12), given)
    with pytest.raises(ValueError, match="shares"):
        TableGenerator(LAYOUT, shares=SHARES[1:])


def test_networks_can_be_laid_out_without_memory() -> None:
    """As loading a model does, to see whether its weights fit."""
    with torch.device("meta"):
        bare = TableGenerator(LAYOUT, shares=SHARES, noise=8, widths=(16, 16))
    whole = generator()
    assert {k: v.shape for k, v in bare.state_dict().items()} == {
        k: v.shape for k, v in whole.state_dict().items()
    }


def test_losses_are_finite_and_named() -> None:
    torch.manual_seed(0)
    game, batch = gan(moments=1.0, loss="relativistic"), {"x": some_rows(64)}
    assert set(game.loss("discriminator", batch)) == {"adversarial", "r1"}
    made = game.loss("generator", batch)
    assert set(made) == {"adversarial", "choice", "moments"}
    assert all(value.isfinite() for value in made.values())


def test_the_penalty_is_lazy() -> None:
    game, batch = gan(penalty_every=2), {"x": some_rows(64)}
    game.clock = Clock(1)
    assert set(game.loss("discriminator", batch)) == {"adversarial"}
    game.clock = Clock(2)
    assert set(game.loss("discriminator", batch)) == {"adversarial", "r1"}


def test_a_table_without_choices_has_no_conditions() -> None:
    layout = [[1, 0], [1, 0]]
    G = TableGenerator(layout, shares=[], noise=4, widths=(8,))
    game = TableGAN(G, TableDiscriminator(layout, pack=2, widths=(8,)))
    batch = {"x": torch.randn(8, 2)}
    assert set(game.loss("generator", batch)) == {"adversarial"}
    assert game.sample(torch.randn(3, G.latent)).shape == (3, 2)


def known_rows(n: int) -> tuple[Tensor, schema.Schema]:
    """b follows a; x lies where a says."""
    rng = np.random.default_rng(0)
    a = rng.choice(3, n, p=[0.7, 0.25, 0.05])
    x = np.array([-4.0, 0.0, 4.0])[a] + rng.normal(0, 0.3, n)
    table = np.stack([a, np.where(rng.random(n) < 0.9, a, 0), x], 1)
    about = [{"name": "a", "names": ["p", "q", "r"]}, {"name": "b", "names": ["p", "q", "r"]},
             {"name": "x"}]  # fmt: skip
    found = schema.fit(table, about)
    return torch.from_numpy(rows.encode(table, found)), found


def made(G: torch.nn.Module, known: schema.Schema, n: int = 4000) -> np.ndarray:
    G.eval()
    with torch.no_grad():
        z = torch.from_numpy(normals(G.latent, 0, range(n)))  # type: ignore[arg-type]
        return rows.decode(G(z).numpy(), known)


def agrees(table: np.ndarray) -> float:
    place = np.clip(np.round(table[:, 2] / 4) + 1, 0, 2)
    return float((place == table[:, 0]).mean())


def test_a_gan_learns_a_small_table_and_its_rare_level() -> None:
    x, known = known_rows(4000)
    torch.manual_seed(0)
    layout = [list(head) for head in known.layout.heads]
    G = TableGenerator(layout, shares=known.shares, noise=16, widths=(64, 64))
    game = TableGAN(G, TableDiscriminator(layout, pack=4, widths=(64, 64)))
    optimisers = {
        "generator": torch.optim.Adam(game.G.parameters(), 2e-3, betas=(0.5, 0.9)),
        "discriminator": torch.optim.Adam(game.D.parameters(), 2e-3, betas=(0.5, 0.9)),
    }
    for report in Trainer(game, optimisers, {"x": x}, batch_size=128, seed=0):
        if report.step == 400:
            break
    table = made(G, known)
    assert 0.02 < (table[:, 0] == 2).mean() < 0.10
    assert agrees(table) > 0.85


def test_a_variational_autoencoder_learns_it_too() -> None:
    x, known = known_rows(4000)
    torch.manual_seed(0)
    layout = [list(head) for head in known.layout.heads]
    G = TableDecoder(layout, noise=8, widths=(64,))
    game = TableVAE(G, TableEncoder(layout, outputs=16, widths=(64,)))
    optimiser = torch.optim.Adam(game.parameters(), 3e-3)
    for report in Trainer(game, {"autoencoder": optimiser}, {"x": x}, batch_size=128, seed=0):
        if report.step == 400:
            break
    table = made(G, known)
    assert 0.6 < (table[:, 0] == 0).mean() < 0.8
    assert agrees(table) > 0.8
