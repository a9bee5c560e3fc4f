"""Text games: exact gradients where they are known, lengths that grow, and a language learned."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch

from ganzfeld.games import Clock
from ganzfeld.games.text import ESTIMATORS, TextGAN, TextMLE
from ganzfeld.networks.recurrent import TextGenerator, TextJudge
from ganzfeld.networks.text_critic import TextCritic
from ganzfeld.training.trainer import Trainer

T, V = 6, 5


def made(estimator: str, **options: object) -> TextGAN:
    torch.manual_seed(0)
    G = TextGenerator([T], symbols=V, hidden=16, embedding=4)
    judged = estimator in ("expected", "reinforce")
    D: torch.nn.Module = (
        TextJudge([T], symbols=V, hidden=16, embedding=4)
        if judged
        else TextCritic([T], symbols=V, width=8, embedding=4, hidden=8)
    )
    return TextGAN(G, D, estimator=estimator, **options)  # type: ignore[arg-type]


def trainer(game: TextGAN | TextMLE, x: torch.Tensor, lr: float = 3e-3, **options: int) -> Trainer:
    def adam(name: str) -> torch.optim.Adam:
        return torch.optim.Adam(game.get_submodule(name).parameters(), lr=lr, betas=(0.5, 0.99))

    optimisers = {player: adam(parts[0]) for player, parts in game.players.items()}
    lengths = (x != 0).sum(1)
    return Trainer(game, optimisers, {"x": x, "x_length": lengths}, **options)  # type: ignore[arg-type]


def lines(count: int = 256) -> torch.Tensor:
    x = torch.randint(1, V, (count, T), generator=torch.Generator().manual_seed(3))
    length = torch.randint(1, T, (count, 1), generator=torch.Generator().manual_seed(4))
    return torch.where(torch.arange(T) < length, x, 0).short()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("curriculum", [0.0, 0.5])
def test_every_estimator_moves_both_players(estimator: str, curriculum: float) -> None:
    game = made(estimator, curriculum=curriculum, r1=1.0, r2=1.0)
    before = {name: p.clone() for name, p in game.named_parameters()}
    for report in trainer(game, lines(), batch_size=16, total=64):
        assert all(bool(loss.isfinite()) for loss in report.losses.values())
        if report.step == 3:
            break
    for network in ("G", "D"):
        assert any(
            not torch.equal(p, before[name])
            for name, p in game.named_parameters()
            if name.startswith(network)
        )


def one_step(estimator: str, rewards: list[float]) -> tuple[TextGAN, dict[str, torch.Tensor]]:
    """A game of lines with one free symbol out of three, and a D that pays what is said."""
    G = TextGenerator([2], symbols=3, hidden=4, embedding=2)
    D = TextJudge([2], symbols=3, hidden=4, embedding=2)
    with torch.no_grad():
        G.logits.weight.zero_()
        G.logits.bias.copy_(torch.tensor([0.2, -0.5, 1.0]))
        D.logits.weight.zero_()
        D.logits.bias.copy_(torch.tensor(rewards))
    game = TextGAN(G, D, estimator=estimator, discount=0.0)  # type: ignore[arg-type]
    return game, {"x": torch.zeros(100_000, 2, dtype=torch.int64)}


def first_step_gradient(game: TextGAN, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The gradient of the logits of the first symbol, of the sum over lines."""
    torch.manual_seed(1)
    tokens, places, logged = game.written(dict(batch))
    first = places.columns == 0
    p = logged[first].exp()
    with torch.no_grad():
        scores = game.scores(tokens, None, dict(batch))[1][first]
    if game.estimator == "expected":
        value = (p * scores).sum(1).mean()
    else:
        chosen = tokens[:, :1]
        value = (scores.gather(1, chosen) * logged[first].gather(1, chosen)).mean()
    (found,) = torch.autograd.grad(value, game.get_parameter("G.logits.bias"))
    return found


def test_expected_is_the_exact_policy_gradient_and_reinforce_its_mean() -> None:
    rewards = torch.tensor([1.0, 0.0, -1.0])
    p = torch.tensor([0.2, -0.5, 1.0]).softmax(0)
    exact = p * (rewards - p @ rewards)
    assert exact.tolist() == pytest.approx([0.357, 0.044, -0.401], abs=1e-3)
    found = first_step_gradient(*one_step("expected", rewards.tolist()))
    assert torch.allclose(found, exact, atol=1e-5)
    noisy = first_step_gradient(*one_step("reinforce", rewards.tolist()))
    error = 3 / math.sqrt(100_000)  # the rewards are at most 1
    assert bool(((noisy - exact).abs() < error).all())


def test_the_loss_of_expected_is_minus_that_value() -> None:
    game, batch = one_step("expected", [1.0, 0.0, -1.0])
    torch.manual_seed(1)
    loss = game.generator_loss(batch)["adversarial"]
    torch.manual_seed(1)
    _, _, logged = game.written(batch)
    by_hand = (logged.exp() @ torch.tensor([1.0, 0.0, -1.0])).mean()
    assert loss.item() == pytest.approx(-by_hand.item(), abs=1e-6)


def test_returns_are_discounted_sums_to_the_end_of_a_line() -> None:
    game = made("reinforce", discount=0.5)
    x = torch.tensor([[1, 2, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    places, _ = game.D.scores(x)
    found = game.returns(torch.ones(4), places, x.shape) + game.baseline
    by_place = dict(zip(zip(*(p.tolist() for p in places[:2]), strict=True), found, strict=True))
    assert [by_place[0, t].item() for t in range(3)] == pytest.approx([1.75, 1.5, 1.0])
    assert by_place[1, 0].item() == pytest.approx(1.0)


def test_lines_grow_with_the_run() -> None:
    game = made("gumbel", curriculum=0.4)
    batch = {"x": lines()}
    lengths = []
    for images in (0, 200, 400, 1000):
        game.clock = Clock(0, images, 1000)
        lengths.append(game.cap())
        assert bool((game.real(batch)[:, game.cap() - 1 :] == 0).all())
        assert bool((game.written(batch)[0][:, game.cap() - 1 :] == 0).all())
    assert lengths == [3, 4, 6, 6]


def test_a_discriminator_that_knows_the_generator_starts_from_the_truth() -> None:
    """With D's network equal to the log probabilities of the data, G's loss is a KL divergence."""
    game = made("expected", informed=True)
    G, batch = game.G, {"x": lines(64)}
    game.D.scores = lambda x, y, c: G.log_probabilities(x, torch.zeros(64, T))
    assert abs(game.generator_loss(batch)["adversarial"].item()) < 1e-5  # KL of G from itself


def test_what_does_not_go_together_is_refused() -> None:
    G = TextGenerator([T], symbols=V, noise=2)
    with pytest.raises(ValueError, match="noise is 0"):
        TextMLE(G)
    with pytest.raises(ValueError, match="text-critic"):
        TextGAN(G, TextJudge([T], symbols=V), estimator="gumbel")
    with pytest.raises(ValueError, match="estimator is one of"):
        TextGAN(G, TextJudge([T], symbols=V), estimator="mean")  # type: ignore[arg-type]


def chain(count: int, seed: int) -> tuple[np.ndarray, float]:
    """Lines of a sparse first-order chain, and its entropy in nats a symbol."""
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.full(V, 0.4), size=V)
    P[0, 0] = 0
    P /= P.sum(1, keepdims=True)
    state, entropy, symbols = np.eye(V)[0], 0.0, 0.0
    for t in range(T):
        if t == T - 1:
            symbols += state.sum()
            break
        entropy -= float((state[:, None] * P * np.log(np.where(P > 0, P, 1))).sum())
        symbols += state.sum()
        state = state @ P
        state[0] = 0
    draws = np.random.default_rng(seed).random((count, T))
    rows = np.zeros((count, T), np.int16)
    now, alive = np.zeros(count, np.int64), np.ones(count, bool)
    for t in range(T - 1):
        now = (P[now].cumsum(1) < draws[:, t, None]).sum(1).clip(max=V - 1)
        rows[:, t] = np.where(alive, now, 0)
        alive &= now != 0
        now = np.where(alive, now, 0)
    return rows, entropy / symbols


LEARNERS: dict[str, dict[str, object]] = {
    "alone": {},  # whole lines, by plain verdicts
    "informed": {"informed": True},
    "helping": {"informed": True, "helping": True},
    "odds": {"informed": True, "helping": True, "reward": "odds"},
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "worst"),
    [
        ("mle", 0.05),
        pytest.param("odds", 0.1, marks=pytest.mark.long),
        pytest.param("helping", 0.15, marks=pytest.mark.slow),
        pytest.param("informed", 0.15, marks=pytest.mark.slow),
        pytest.param("alone", 0.3, marks=pytest.mark.slow),
    ],
)
def test_a_known_language_is_learned_to_its_entropy(kind: str, worst: float) -> None:
    """Nats a symbol of fresh lines of a chain: they come down from log 5 = 1.61 to the entropy."""
    rows, entropy = chain(4096, 1)
    torch.manual_seed(0)
    if kind == "mle":
        game: TextGAN | TextMLE = TextMLE(TextGenerator([T], symbols=V, hidden=16, embedding=4))
    else:
        game = made("expected", **LEARNERS[kind])
    for report in trainer(game, torch.from_numpy(rows), lr=1e-2, batch_size=128):
        if report.step == 400:
            break
    fresh = torch.from_numpy(chain(2000, 2)[0]).long()
    judge = TextMLE(game.G)
    with torch.no_grad():
        found = judge.generator_loss({"x": fresh})["likelihood"].item()
    assert entropy - 0.05 < found < entropy + worst


def test_odds_pay_the_cross_entropy_of_what_the_discriminator_believes() -> None:
    """With D's network equal to log probabilities q, G's loss is E_q[-log p]; informed or not."""
    game = made("expected", informed=True, helping=True, reward="odds")
    x = {"x": lines(64)}
    q = torch.randn(V).log_softmax(0)
    places, logged = game.G.log_probabilities(x["x"].long(), torch.zeros(64, T))
    game.D.scores = lambda tokens, y, c: (places, q.expand(len(places.rows), V))
    inner = places.columns < T - 1  # at the last place only END can be
    value = -game.worth(logged, q - logged.detach()).sum(1)
    assert torch.allclose(value[inner], -(q.exp() * logged).sum(1)[inner], atol=1e-5)


def test_the_same_seed_trains_the_same_game() -> None:
    def after(steps: int) -> dict[str, torch.Tensor]:
        game = made("reinforce")
        for report in trainer(game, lines(), batch_size=16, seed=5):
            if report.step == steps:
                return game.state_dict()
        raise AssertionError

    one, other = after(3), after(3)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_twin_starts_undecided_everywhere_and_a_stranger_does_not() -> None:
    x = lines().long()
    for twin in (True, False):
        game = made("expected", informed=True, normalised=True, twin=twin)
        _, logged = game.G.log_probabilities(x, game.latents_for(x))
        places, scores = game.scores(x, logged, {})
        scores = scores[places.columns < T - 1]  # at the last place, G has no choice
        assert bool(torch.allclose(scores, torch.zeros_like(scores), atol=1e-5)) is twin
    with pytest.raises(ValueError, match="twin needs a D like G"):
        G = TextGenerator([T], symbols=V, hidden=16, embedding=4)
        TextGAN(G, TextJudge([T], symbols=V, hidden=8, embedding=4), twin=True)
    with pytest.raises(ValueError, match="normalised needs informed"):
        made("expected", normalised=True)


def test_a_normalised_verdict_is_a_log_ratio_of_two_distributions() -> None:
    x = lines().long()
    game = made("expected", informed=True, normalised=True)
    _, logged = game.G.log_probabilities(x, game.latents_for(x))
    places, scores = game.scores(x, logged, {})
    total = (scores + logged).exp().sum(1)[places.columns < T - 1]
    assert torch.allclose(total, torch.ones(len(total)), atol=1e-5)
