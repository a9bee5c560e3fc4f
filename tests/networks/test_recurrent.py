"""Recurrent networks: symbols by inverse CDF, rows that gradients pass, second derivatives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from ganzfeld.networks.recurrent import Cell, TextCritic, TextGenerator, TextJudge

T, V = 7, 5


@pytest.fixture
def G() -> TextGenerator:
    torch.manual_seed(0)
    return TextGenerator([T], symbols=V, noise=3, hidden=12, embedding=4)


def test_the_cell_is_pytorchs() -> None:
    torch.manual_seed(0)
    ours, theirs = Cell(6), torch.nn.GRUCell(18, 6)
    with torch.no_grad():
        theirs.weight_ih.copy_(torch.eye(18))
        theirs.bias_ih.zero_()
        theirs.weight_hh.copy_(ours.recurrent.weight)
        theirs.bias_hh.copy_(ours.recurrent.bias)
    given, state = torch.randn(4, 18), torch.randn(4, 6)
    assert torch.allclose(ours(given, state), theirs(given, state), atol=1e-6)


def test_a_line_is_a_function_of_its_latent_alone(G: TextGenerator) -> None:
    z = torch.randn(64, G.latent)
    rows = G(z)
    assert rows.shape == (64, T) and rows.dtype == torch.int64
    assert torch.equal(rows[:1], G(z[:1])) and torch.equal(rows[40:], G(z[40:]))


def test_lines_stay_ended_and_end_in_time(G: TextGenerator) -> None:
    rows = G(torch.randn(500, G.latent))
    ended = (rows == 0).long().cumsum(1) > 0
    assert bool((rows[ended] == 0).all()) and bool((rows[:, -1] == 0).all())
    short, places, logged = G.write(torch.randn(500, G.latent), cap=3)
    assert short.shape == (500, T) and logged.shape == (len(places.rows), V)
    assert bool((short[:, 2:] == 0).all()) and bool((places.columns < 3).all())


def test_places_are_those_up_to_the_end_of_each_line(G: TextGenerator) -> None:
    x, places, _ = G.write(torch.randn(100, G.latent))
    mask = (x == 0).long()
    mask = mask.cumsum(1) - mask == 0
    found = torch.zeros_like(mask)
    found[places.rows, places.columns] = True
    assert torch.equal(found, mask) and len(places.rows) == int(mask.sum())
    assert torch.equal(places.tokens, x[places.rows, places.columns])


def test_training_writes_what_sampling_writes(G: TextGenerator) -> None:
    z = torch.randn(200, G.latent)
    assert torch.equal(G.write(z)[0], G(z))


def test_symbols_by_inverse_cdf_have_the_shares_of_the_softmax(G: TextGenerator) -> None:
    """The first symbol of 100,000 lines with one noise, within three standard errors."""
    n = 100_000
    z = torch.randn(n, G.latent, generator=torch.Generator().manual_seed(1))
    z[:, : G.noise] = z[0, : G.noise]
    with torch.no_grad():
        rows, _, logged = G.write(z, cap=2)
    p = logged[0].exp()
    shares = torch.bincount(rows[:, 0], minlength=V) / n
    assert bool(((shares - p).abs() < 3 * (p * (1 - p) / n).sqrt()).all())


def test_log_probabilities_of_what_was_written_are_those_of_writing(G: TextGenerator) -> None:
    z = torch.randn(30, G.latent)
    rows, places, logged = G.write(z)
    again, read = G.log_probabilities(rows, z)
    assert torch.equal(again.rows, places.rows) and torch.equal(again.columns, places.columns)
    assert torch.allclose(read, logged, atol=1e-5)
    assert torch.allclose(logged.exp().sum(1), torch.ones(len(logged)), atol=1e-5)


def test_straight_through_draws_match_the_softmax_and_have_a_gradient_of_its_signs() -> None:
    """Logits (.2, -.5, 1) and rewards (1, 0, -1): the exact gradient is (.357, .044, -.401).

    That of straight-through is biased, so only its signs are compared.
    """
    torch.manual_seed(2)
    G = TextGenerator([2], symbols=3, hidden=4, embedding=2)
    with torch.no_grad():
        G.logits.weight.zero_()
        G.logits.bias.copy_(torch.tensor([0.2, -0.5, 1.0]))
    n = 100_000
    rows = G.relaxed(torch.zeros(n, G.latent), temperature=1.0)[:, 0]
    p = torch.tensor([0.2, -0.5, 1.0]).softmax(0)
    assert bool(((rows.detach().mean(0) - p).abs() < 3 * (p * (1 - p) / n).sqrt()).all())
    assert bool(((rows == 0) | ((rows - 1).abs() < 1e-5)).all())
    (rows @ torch.tensor([1.0, 0.0, -1.0])).mean().backward()
    exact = p * (torch.tensor([1.0, 0, -1]) - (p * torch.tensor([1.0, 0, -1])).sum())
    assert exact.tolist() == pytest.approx([0.357, 0.044, -0.401], abs=1e-3)
    found = G.logits.bias.grad
    assert found is not None and torch.equal(found.sign(), exact.sign())


def test_soft_rows_sum_to_one_and_end_after_the_cap(G: TextGenerator) -> None:
    rows = G.relaxed(torch.randn(9, G.latent), hard=False, sampled=False, cap=4)
    assert rows.shape == (9, T, V)
    assert torch.allclose(rows.sum(2), torch.ones(9, T), atol=1e-5)
    assert bool((rows[:, 3:, 0] > 0.999).all())


def test_a_judge_scores_every_symbol_from_those_before_it_alone() -> None:
    torch.manual_seed(0)
    D = TextJudge([T], symbols=V, hidden=8, embedding=3)
    x = torch.tensor([[1, 2, 3, 0, 0, 0, 0]])
    other = torch.tensor([[1, 2, 4, 0, 0, 0, 0]])
    places, scores = D.scores(x)
    assert places.columns.tolist() == [0, 1, 2, 3] and scores.shape == (4, V)
    theirs = D.scores(other)[1]
    assert torch.equal(scores[:3], theirs[:3]) and not torch.equal(scores[3:], theirs[3:])
    assert D(x).item() == pytest.approx(scores[3, 0].item())
    both = torch.cat([torch.zeros_like(x), x])
    assert D(both)[1].item() == pytest.approx(D(x).item(), abs=1e-6)
    assert D(both)[0].item() == pytest.approx(scores[0, 0].item(), abs=1e-6)


def test_a_second_derivative_goes_through_the_critic() -> None:
    torch.manual_seed(0)
    D = TextCritic([T], symbols=V, hidden=8)
    x = one_hot(torch.tensor([[1, 2, 3, 0, 0, 0, 0]]), V).double().requires_grad_()
    D.double()
    (slope,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in D.parameters())


def test_labels_and_numbers_change_lines() -> None:
    torch.manual_seed(0)
    G = TextGenerator([T], symbols=V, classes=3, conditions=2, hidden=12)
    z, y = torch.randn(40, G.latent), torch.zeros(40, dtype=torch.int64)
    c = torch.zeros(40, 2)
    assert not torch.equal(G(z, y, c), G(z, y + 2, c))
    assert not torch.equal(G(z, y, c), G(z, y, c + 5))
    for kind in (TextJudge, TextCritic):
        D = kind([T], symbols=V, classes=3, conditions=2)
        x = G(z, y, c)
        assert not torch.equal(D(x, y, c), D(x, y + 1, c))
    with pytest.raises(ValueError, match="needs c"):
        G(z, y)


def test_uniforms_are_of_the_normal_distribution(G: TextGenerator) -> None:
    """A tail of zeros is the median: the symbol where the distribution passes one half."""
    z = torch.zeros(1, G.latent)
    rows, _, logged = G.write(z)
    below = logged[0].detach().exp().cumsum(0).numpy()
    assert int(rows[0, 0]) == int(np.searchsorted(below, 0.5))
    assert math.isclose(float(logged[0].detach().exp().sum()), 1, abs_tol=1e-6)


def test_an_extreme_latent_chooses_no_symbol_behind_an_end(G: TextGenerator) -> None:
    rows = G(torch.full((1, G.latent), 9.0))
    ended = (rows == 0).long().cumsum(1) > 0
    assert bool((rows[ended] == 0).all()) and int(rows[0, -1]) == 0
