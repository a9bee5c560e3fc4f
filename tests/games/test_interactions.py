"""Distances of tables of two and three columns: by hand, where only triples tell, without bias."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from ganzfeld.games.interactions import Interactions
from ganzfeld.games.table import TableGAN
from ganzfeld.networks.table import Choices, TableDiscriminator, TableGenerator

SIZES, NUMBERS = [3, 1, 2, 4], [1, 1, 0, 0]


def one_hot(*columns: Tensor) -> Tensor:
    """Binary columns as rows less their shares."""
    return torch.cat([torch.nn.functional.one_hot(c, 2) for c in columns], 1).float() - 0.5


def bits(n: int) -> Tensor:
    return torch.randint(2, (n,))


def test_kernels_are_the_sums_over_pairs_and_triples_of_columns() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(5, 10), torch.randn(5, 10)
    own = [x @ y.T for x, y in zip(a.split(SIZES, 1), b.split(SIZES, 1), strict=True)]
    pairs, triples = Interactions(SIZES, NUMBERS).kernels(a, b)
    by_hand = [sum(torch.stack(c).prod(0) for c in combinations(own, k)) for k in (2, 3)]
    assert torch.allclose(pairs, by_hand[0], atol=1e-4)  # type: ignore[arg-type]
    assert torch.allclose(triples, by_hand[1], atol=1e-4)  # type: ignore[arg-type]


def test_a_third_column_that_follows_from_two_is_seen_by_triples_alone() -> None:
    torch.manual_seed(0)
    x, y, z = bits(1000), bits(1000), bits(1000)
    parity, free = one_hot(x, y, x ^ y), one_hot(bits(1000), bits(1000), z)
    pairs, triples = Interactions([2, 2, 2], [0, 0, 0]).apart(free, parity)
    assert abs(float(pairs)) < 0.01 and float(triples) > 0.1


def test_distances_are_0_on_average_where_rows_are_alike() -> None:
    torch.manual_seed(0)
    apart = Interactions([2, 2, 2], [0, 0, 0]).apart
    some = ((one_hot(*(bits(8),) * 3), one_hot(*(bits(8),) * 3)) for _ in range(2000))
    found = torch.stack([torch.stack(apart(*two)) for two in some])
    assert found.mean(0).abs().max() < 0.03


def test_within_a_column_the_spread_of_a_number_is_seen() -> None:
    torch.manual_seed(0)
    there = Interactions([1, 2], [1, 0])
    column = torch.zeros(500, 2)

    def rows(spread: float) -> Tensor:
        return torch.cat([spread * torch.randn(500, 1), column], 1)

    assert float(there.within(rows(1.0), rows(0.3))) > 0.5
    assert abs(float(there.within(rows(0.3), rows(0.3)))) < 0.02


def test_expected_rows_have_the_mean_products_of_drawn_ones() -> None:
    """In different columns; that is what makes the distance exact."""
    torch.manual_seed(0)
    choices = Choices([[1, 3], [0, 2]], [[1, 2]])
    logits, values = torch.randn(1, 6), torch.rand(1, 6)
    mean = choices.expected(logits, values)[0]
    drawn = choices.relaxed(logits.expand(40_000, -1), values.expand(40_000, -1), 0.2, True)
    products = (drawn[:, :, None] * drawn[:, None, :]).mean(0)
    assert torch.allclose(products[:4, 4:], mean[:4, None] * mean[None, 4:], atol=0.01)
    assert torch.allclose(drawn.mean(0), mean, atol=0.01)


def test_a_generator_learns_a_parity_from_triples_alone() -> None:
    """Three columns of which every two are independent."""
    torch.manual_seed(0)
    layout, shares = [[0, 2]] * 3, [0.5] * 6
    x, y = bits(4096), bits(4096)
    real = one_hot(x, y, x ^ y) + 0.5

    def even(**weights: float) -> float:
        torch.manual_seed(1)
        G = TableGenerator(layout, shares=shares, noise=8, widths=(32,), hard=True)
        D = TableDiscriminator(layout, pack=4, widths=(8,))
        game = TableGAN(G, D, expected=True, **weights)
        optimiser = torch.optim.Adam(G.parameters(), 5e-3)
        for step in range(200):
            losses = game.loss("generator", {"x": real[step * 128 % 3968 :][:128]})
            optimiser.zero_grad()
            sum(losses[name] for name in weights).backward()  # type: ignore[union-attr]
            optimiser.step()
        with torch.no_grad():
            made = game.sample(torch.randn(2000, G.latent)).view(-1, 3, 2).argmax(2)
        return float((made.sum(1) % 2 == 0).float().mean())

    assert even(triples=1.0, pairs=1.0) > 0.85
    assert even(pairs=1.0) < 0.7
