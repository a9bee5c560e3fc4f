"""Distances of tables of two and three columns: by hand, where only triples tell, without bias."""

from __future__ import annotations

from itertools import combinations

import pytest
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


def by_hand(fake: Tensor, real: Tensor, sizes: list[int], order: int) -> float:
    """The distance by kernels of all rows, each pair or triple once; diagonals left out."""

    def mean(a: Tensor, b: Tensor) -> Tensor:
        own = [x @ y.T for x, y in zip(a.split(sizes, 1), b.split(sizes, 1), strict=True)]
        kernel = torch.stack([torch.stack(c).prod(0) for c in combinations(own, order)]).sum(0)
        n = len(a)
        return (kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))

    return float(mean(fake, fake) - 2 * mean(fake, real) + mean(real, real))


def test_pairs_are_the_sum_over_all_pairs_of_columns_by_hand() -> None:
    torch.manual_seed(0)
    fake, real = torch.randn(9, 10), torch.randn(9, 10)
    found = float(Interactions(SIZES, NUMBERS).pairs(fake, real))
    assert abs(found - 2 * by_hand(fake, real, SIZES, 2)) < 1e-3 * abs(found) + 1e-3


def test_triples_are_the_sum_over_all_triples_by_hand() -> None:
    """On average over what is drawn: entries of one variance, which are drawn alike."""
    torch.manual_seed(0)
    fake, real = torch.randn(9, 10).double(), torch.randn(9, 10).double()
    real = (real - real.mean(0)) / real.std(0)
    there = Interactions(SIZES, NUMBERS).double()
    found = torch.stack([there.triples(fake, real) for _ in range(3000)]).mean()
    exact = 6 * by_hand(fake, real, SIZES, 3)
    assert abs(float(found) - exact) < 0.1 * abs(exact) + 0.3


def test_a_third_column_that_follows_from_two_is_seen_by_triples_alone() -> None:
    torch.manual_seed(0)
    x, y, z = bits(1000), bits(1000), bits(1000)
    parity, free = one_hot(x, y, x ^ y), one_hot(bits(1000), bits(1000), z)
    there = Interactions([2, 2, 2], [0, 0, 0])
    assert abs(float(there.pairs(free, parity))) < 0.02
    assert float(there.triples(free, parity)) > 0.1


def test_distances_are_0_on_average_where_rows_are_alike() -> None:
    torch.manual_seed(0)
    there = Interactions([2, 2, 2], [0, 0, 0])
    some = ((one_hot(*(bits(8),) * 3), one_hot(*(bits(8),) * 3)) for _ in range(2000))
    found = torch.stack([torch.stack([there.pairs(*two), there.triples(*two)]) for two in some])
    assert found.mean(0).abs().max() < 0.06


def test_within_a_column_the_spread_of_a_number_is_seen() -> None:
    torch.manual_seed(0)
    there = Interactions([1, 2], [1, 0])
    column = torch.zeros(500, 2)

    def rows(spread: float) -> Tensor:
        return torch.cat([spread * torch.randn(500, 1), column], 1)

    assert float(there.in_columns(rows(1.0), rows(0.3))) > 0.5
    assert abs(float(there.in_columns(rows(0.3), rows(0.3)))) < 0.02


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


@pytest.mark.long
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
