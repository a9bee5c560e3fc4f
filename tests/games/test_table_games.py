"""The games of tables: conditions, packs, draws from the latent's tail, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ganzfeld.core.latents import normals
from ganzfeld.games.base import Clock
from ganzfeld.games.table import TableGAN, TableVAE, apart_in_pairs, off, off_unbiased
from ganzfeld.modalities.table import rows, schema
from ganzfeld.networks.table import Choices, TableDiscriminator, TableGenerator
from ganzfeld.networks.table_autoencoder import TableDecoder, TableEncoder
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
    real, given, _ = game.conditioned({"x": x})
    assert (real[:, game.G.choices.places].gather(1, given[:, None]) == 1).all()
    asked = torch.nn.functional.one_hot(given, 10).float().mean(0) * 3
    assert asked[4] > 5 * SHARES[4], "the 1 % choice is asked for far more often"
    assert len(real[given == 4].unique(dim=0)) > 10, "not one row over and over"


def test_choices_that_a_batch_lacks_are_not_asked_for() -> None:
    torch.manual_seed(0)
    x = some_rows(64)
    x[:, 4:6] = torch.tensor([1.0, 0.0])
    _, given, _ = gan().conditioned({"x": x})
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


@pytest.mark.long
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


def test_shares_of_what_the_prior_makes_are_compared() -> None:
    torch.manual_seed(0)
    E = TableEncoder(LAYOUT, outputs=16, widths=(16,))
    G = TableDecoder(LAYOUT, shares=SHARES, noise=8, widths=(16,))
    game, batch = TableVAE(G, E, marginals=1.0), {"x": some_rows(64)}
    before = game.loss("autoencoder", batch)["marginals"]
    with torch.no_grad():  # a decoder whose choices have the right shares whatever z is
        last = G.layers[-1]
        last.weight.zero_()  # type: ignore[union-attr, operator]
        last.bias[G.choices.places] = torch.tensor(SHARES).log()  # type: ignore[index, operator]
    after = game.loss("autoencoder", batch)["marginals"]
    assert after < 1e-6 < before
    with pytest.raises(ValueError, match="knows the shares"):
        TableVAE(TableDecoder(LAYOUT), E, marginals=1.0)


@pytest.mark.long
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


def test_a_value_is_0_where_no_mode_is_chosen() -> None:
    modes = [[1, 2], [0, 0]]  # of the first column choice 0 is an atom; the other has nothing else
    choices = Choices(LAYOUT, modes)
    row = torch.zeros(3, 12)
    for number, chosen in enumerate((1, 2, 3)):
        row[number, chosen] = 50.0  # all but certain
    soft = choices.relaxed(row, torch.full_like(row, 0.3), 0.2, True)
    assert torch.allclose(soft[:, 0], torch.tensor([0.0, 0.3, 0.3]), atol=1e-5)
    assert torch.allclose(soft[:, 6], torch.full((3,), 0.3))
    left = Choices(LAYOUT).relaxed(row, torch.full_like(row, 0.3), 0.2, True)
    assert torch.allclose(left[:, 0], torch.full((3,), 0.3))
    with pytest.raises(ValueError, match="do not fit 2 numbers"):
        Choices(LAYOUT, modes[:1])
    with pytest.raises(ValueError, match="not among 3"):
        Choices(LAYOUT, [[2, 2], [0, 0]])


def test_a_schema_says_which_choices_are_modes() -> None:
    rng = np.random.default_rng(0)
    gains = np.where(rng.random(4000) < 0.8, 0.0, rng.normal(5000, 100, 4000))
    table = np.stack([gains, rng.normal(0, 1, 4000), rng.integers(0, 2, 4000)], 1)
    known = schema.fit(table, [{"name": "gain"}, {"name": "x"}, {"name": "y", "names": ["a", "b"]}])
    first, count = known.modes[0]
    assert (first, count) == (1, len(known.columns[0].means)) and known.modes[1] == [0, 0]
    encoded = rows.encode(table, known)
    assert (encoded[gains == 0, 0] == 0).all(), "as the generator has it where an atom is chosen"
    assert encoded[gains == 0, 1].all() and encoded[gains > 0, 2 : 2 + count].any(1).all()


def test_values_are_spread_by_entries_of_the_latent() -> None:
    G = generator(spread=True).eval()
    assert G.latent == generator().latent + 2
    z = torch.from_numpy(normals(G.latent, 0, range(4000)))
    z[:, : G.noise + 2 + G.choices.heads] = z[:1, : G.noise + 2 + G.choices.heads]
    with torch.no_grad():
        G.log_deviation.fill_(-2.0)
        x = G(z)
    assert x[:, 7:].std(0).max() == 0, "only the values vary"
    assert torch.allclose(x[:, [0, 6]].atanh().std(0), torch.full((2,), -2.0).exp(), rtol=0.05), (
        "by the deviation that was learned"
    )


def test_the_distance_of_shares_does_not_grow_with_the_variance_of_a_batch() -> None:
    torch.manual_seed(0)
    shares = torch.tensor([0.7, 0.25, 0.05])
    certain = torch.nn.functional.one_hot(
        torch.multinomial(shares, 64 * 4000, replacement=True), 3
    ).float()
    batches = certain.view(4000, 64, 3)
    both = [float(torch.stack([f(p, shares) for p in batches]).mean()) for f in (off, off_unbiased)]
    assert both[0] > 0.015 and abs(both[1]) < 0.1 * both[0]
    wrong = torch.tensor([0.6, 0.25, 0.15]).expand(64, 3)
    assert float(off_unbiased(wrong, shares)) == pytest.approx(float(off(wrong, shares)), rel=1e-4)


def test_the_distance_of_pairs_is_that_of_the_tables_of_two_columns() -> None:
    torch.manual_seed(0)

    def table(p: Tensor, n: int) -> Tensor:
        drawn = torch.multinomial(p.flatten(), n, replacement=True)
        return torch.cat(
            [torch.nn.functional.one_hot(part, 2) for part in (drawn // 2, drawn % 2)], 1
        ).float()

    together, apart = torch.tensor([[0.4, 0.1], [0.1, 0.4]]), torch.full((2, 2), 0.25)
    exact = 2 * float((together - apart).square().sum())  # each pair is counted both ways
    x, y = table(together, 3000), table(apart, 3000)
    assert float(apart_in_pairs(y, x)) == pytest.approx(exact, abs=0.01)
    few = torch.stack(
        [apart_in_pairs(table(together, 16), table(together, 16)) for _ in range(3000)]
    )
    assert abs(float(few.mean())) < 0.01, "0 on average where they are alike, whatever the batch"


@pytest.mark.long
def test_pairs_teach_a_generator_what_depends_on_what() -> None:
    """Without a discriminator's help: its loss has no weight here."""
    x, known = known_rows(4000)
    torch.manual_seed(0)
    layout = [list(head) for head in known.layout.heads]
    G = TableGenerator(
        layout, shares=known.shares, noise=8, widths=(32,), modes=known.modes, hard=True
    )
    game = TableGAN(G, TableDiscriminator(layout, pack=4, widths=(8,)), pairs=1.0, marginals=1.0)
    optimiser = torch.optim.Adam(G.parameters(), 5e-3)
    for step in range(150):
        batch = {"x": x[step * 256 % 3840 :][:256]}
        losses = game.loss("generator", batch)
        optimiser.zero_grad()
        (losses["pairs"] + losses["marginals"]).backward()
        optimiser.step()
    table = made(G, known)
    assert (table[:, 0] == table[:, 1]).mean() > 0.85 and agrees(table) > 0.85
    shares = np.bincount(table[:, 0].astype(int), minlength=3) / len(table)
    assert np.abs(shares - [0.7, 0.25, 0.05]).max() < 0.05


@pytest.mark.long
def test_rows_follow_the_numbers_that_they_are_asked_for_by() -> None:
    """x depends on c by a known line, and a rare choice on its sign."""
    torch.manual_seed(0)
    layout, shares = [[1, 0], [0, 2]], [0.95, 0.05]
    c = torch.randn(2048, 1)
    x = torch.zeros(2048, 3)
    x[:, 0] = (0.3 * c[:, 0] + 0.05 * torch.randn(2048)).clamp(-1, 1)
    rare = c[:, 0] > 1.645
    x[:, 1], x[:, 2] = (~rare).float(), rare.float()
    G = TableGenerator(layout, shares=shares, noise=8, widths=(32,), conditions=1, spread=True)
    D = TableDiscriminator(layout, pack=4, widths=(32,), conditions=1)
    game = TableGAN(G, D, pairs=5.0, moments=1.0, marginals=1.0)
    assert "choice" not in game.loss("generator", {"x": x[:64], "c": c[:64]})
    players = {
        "discriminator": torch.optim.Adam(D.parameters(), 2e-3, (0.5, 0.9)),
        "generator": torch.optim.Adam(G.parameters(), 2e-3, (0.5, 0.9)),
    }
    for _ in range(250):
        at = torch.randint(2048, (256,))
        for player, optimiser in players.items():
            losses = game.loss(player, {"x": x[at], "c": c[at]})
            optimiser.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            optimiser.step()
    G.eval()
    z = torch.from_numpy(normals(G.latent, 0, range(500)))
    with torch.no_grad():
        made = {
            asked: game.sample(z, None, torch.full((500, 1), asked)).mean(0).tolist()
            for asked in (-1.0, 0.0, 1.0, 2.5)
        }
    for asked in (-1.0, 0.0, 1.0):
        assert abs(made[asked][0] - 0.3 * asked) < 0.08, made
        assert made[asked][2] < 0.15, made
    assert made[2.5][2] > 0.25, made


def test_with_numbers_only_a_label_is_a_given_choice() -> None:
    G = generator(conditions=2)
    z = torch.from_numpy(normals(G.latent, 0, range(4)))
    assert G.embedding is None and G.condition(z, None).tolist() == [0] * 4
    with pytest.raises(ValueError, match="needs c"):
        G(z)
    both = generator(conditions=2, condition=1, classes=2)
    assert both.condition(z, torch.tensor([0, 1, 1, 0])).tolist() == [3, 4, 4, 3]
    D = TableDiscriminator(LAYOUT, pack=4, widths=(16,), conditions=2)
    batch = {"x": some_rows(8), "y": torch.tensor([0, 1] * 4), "c": torch.randn(8, 2)}
    real, given, c = TableGAN(both, D).conditioned(batch)
    assert torch.equal(real, batch["x"]) and c is batch["c"] and given.tolist() == [3, 4] * 4


def test_an_autoencoder_makes_the_label_and_follows_the_number_that_are_asked_for() -> None:
    """x depends on c by a known line, and another column on the label."""
    torch.manual_seed(0)
    layout, shares = [[1, 0], [0, 2], [0, 2]], [0.75, 0.25, 0.7, 0.3]
    c, y = torch.randn(2048, 1), torch.arange(2048) % 4 // 3
    x = torch.zeros(2048, 5)
    x[:, 0] = (0.3 * c[:, 0] + 0.05 * torch.randn(2048)).clamp(-1, 1)
    x[:, 1:3] = torch.nn.functional.one_hot(y, 2)
    x[:, 3:5] = torch.nn.functional.one_hot((y + (torch.rand(2048) < 0.1)) % 2, 2)
    options = {"classes": 2, "condition": 1, "conditions": 1}
    G = TableDecoder(layout, shares=shares, noise=4, widths=(32,), **options)  # type: ignore[arg-type]
    game = TableVAE(G, TableEncoder(layout, outputs=8, widths=(32,)), marginals=1.0)
    optimiser = torch.optim.Adam(game.parameters(), 5e-3)
    z = torch.from_numpy(normals(G.latent, 0, range(500)))

    def drawn(label: int, asked: float) -> list[float]:
        with torch.no_grad():
            of_label = torch.full((500,), label)
            return game.eval().sample(z, of_label, torch.full((500, 1), asked)).mean(0).tolist()

    assert drawn(1, 0.0)[1:3] == [0, 1] and drawn(0, 0.0)[1:3] == [1, 0], "without any training"
    for _ in range(200):
        at = torch.randint(2048, (256,))
        losses = game.train().loss("autoencoder", {"x": x[at], "y": y[at], "c": c[at]})
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
    for label in (0, 1):
        assert abs(drawn(label, 0.0)[4] - [0.1, 0.9][label]) < 0.1
        for asked in (-1.0, 0.0, 1.0):
            made = drawn(label, asked)
            assert abs(made[0] - 0.3 * asked) < 0.06 and made[2] == label, made
    with pytest.raises(ValueError, match="labels"):
        G(z)
    with pytest.raises(ValueError, match="needs c"):
        G(z, torch.zeros(500, dtype=torch.long))
    with pytest.raises(ValueError, match="fewer choices"):
        TableDecoder(layout, classes=3, condition=1)


def test_rows_follow_captions() -> None:
    """Captions of two words, one for each column."""
    torch.manual_seed(0)
    layout, shares = [[0, 3], [0, 3]], [1 / 3] * 6
    every = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    pairs = every[torch.arange(1200) % 9]
    x = torch.nn.functional.one_hot(pairs, 3).flatten(1).float()
    caption = torch.stack([2 + pairs[:, 0], 5 + pairs[:, 1]], 1)
    G = TableDecoder(layout, shares=shares, noise=4, widths=(32,), words=8, sentence=16)
    game = TableVAE(G, TableEncoder(layout, outputs=8, widths=(32,), sentence=16))
    optimiser = torch.optim.Adam(game.parameters(), 5e-3)
    for _ in range(120):
        at = torch.randint(1200, (128,))
        losses = game.train().loss("autoencoder", {"x": x[at], "caption": caption[at]})
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
    z = torch.from_numpy(normals(G.latent, 0, range(200)))
    game.eval()
    for a, b in every.tolist():
        asked = torch.tensor([[2 + a, 5 + b]]).expand(200, -1)
        with torch.no_grad():
            made = game.sample(z, caption=asked).mean(0)
        assert made[a] > 0.9 and made[3 + b] > 0.9, (a, b, made.tolist())
    with pytest.raises(ValueError, match="needs caption"):
        game.sample(z)
    with pytest.raises(ValueError, match="needs caption"):
        game.loss("autoencoder", {"x": x[:8]})
