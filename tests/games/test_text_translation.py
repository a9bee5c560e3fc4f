"""Translation of lines: the tables, the draws, the losses, and a cipher that is broken."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import ganzfeld
from ganzfeld.data.ciphers import encipher, keys, plain, sentences
from ganzfeld.errors import DataError, UsageError
from ganzfeld.games.text_translation import TextCycleGAN, drawn, lost
from ganzfeld.modalities import Spec, modality_of
from ganzfeld.modalities.symbols import Vocabulary
from ganzfeld.modalities.text import text_spec
from ganzfeld.networks import NETWORKS


def swapped(period: int = 1) -> torch.nn.Module:
    """A table that swaps symbols 1 and 2, at even places only where there is a period."""
    table = NETWORKS["symbol-map"]((6,), symbols=4, period=period)
    odds = -1e4 * torch.ones(period, 3, 3)
    for place in range(period):
        order = [1, 0, 2] if place == 0 else [0, 1, 2]
        odds[place, torch.arange(3), order] = 0.0
    table.odds.data.copy_(odds)
    return table


@pytest.mark.parametrize("period", [1, 2])
def test_a_table_maps_tokens_and_rows_alike_and_keeps_the_end(period: int) -> None:
    table = swapped(period)
    tokens = torch.tensor([[1, 2, 3, 1, 0, 0]])
    rows = torch.nn.functional.one_hot(tokens, 4).float()
    expected = [[2, 1, 3, 2, 0, 0]] if period == 1 else [[2, 2, 3, 1, 0, 0]]
    assert table(tokens).argmax(2).tolist() == expected
    assert torch.equal(table(tokens), table(rows))
    assert torch.allclose(table(tokens).sum(2), torch.ones(1, 6))
    untrained = NETWORKS["symbol-map"]((6,), symbols=4, period=period)
    assert (untrained(tokens).argmax(2) == 0).tolist() == [[False] * 4 + [True] * 2]


def test_draws_have_the_probabilities_and_their_gradient() -> None:
    odds = torch.tensor([0.0, 0.2, 0.7, 0.1]).expand(100, 50, 4).clone().requires_grad_()
    rows = drawn(odds)
    assert set(rows.detach().round(decimals=5).unique().tolist()) == {0.0, 1.0}
    shares = rows.detach().mean((0, 1))
    assert shares[0] == 0
    for share, p in zip(shares[1:].tolist(), (0.2, 0.7, 0.1), strict=True):
        assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / 5000)
    weights = torch.randn(4)
    (rows * weights).sum().backward()
    assert torch.allclose(odds.grad, weights.expand_as(odds))


def test_the_true_key_loses_nothing_on_the_way_back() -> None:
    tokens = torch.tensor([[1, 2, 3, 1, 0, 0]])
    table = swapped().requires_grad_(False)
    assert float(lost(table(table(tokens)), tokens)) == 0.0
    assert TextCycleGAN.error(table(table(tokens)), tokens) == 0.0
    assert TextCycleGAN.error(table(tokens), tokens) == 0.75  # ends do not count


def test_the_weight_of_the_cycle_grows_over_the_run() -> None:
    maps = [NETWORKS["symbol-map"]((6,), symbols=4) for _ in "ab"]
    judges = [NETWORKS["symbol-judge"]((6,), symbols=4) for _ in "ab"]
    game = TextCycleGAN(*maps, *judges)
    batch = dict(zip("ab", torch.randint(1, 4, (2, 8, 6)), strict=True))
    assert "cycle_a" not in game.loss("translators", batch)
    found = []
    for images in (50, 100):
        game.clock = ganzfeld.games.Clock(images=images, total=100)
        found.append(float(game.loss("translators", batch)["cycle_a"].detach()))
    assert found[1] == pytest.approx(2 * found[0])


@pytest.mark.parametrize("loss", ["non-saturating", "relativistic", "least-squares"])
def test_both_players_have_finite_losses_and_gradients(loss: str) -> None:
    maps = [NETWORKS["symbol-map"]((6,), symbols=4, period=2) for _ in "ab"]
    judges = [NETWORKS["symbol-judge"]((6,), symbols=4, period=2) for _ in "ab"]
    game = TextCycleGAN(*maps, *judges, loss=loss, ramp=0.0)
    batch = dict(zip("ab", torch.randint(0, 4, (2, 8, 6)), strict=True))
    for player, networks in game.players.items():
        total = sum(game.loss(player, batch).values())
        total.backward()
        for name in networks:
            for weights in game.get_submodule(name).parameters():
                assert weights.grad is not None and weights.grad.isfinite().all()


def test_two_vocabularies_become_one() -> None:
    a = text_spec(Vocabulary(("", "a", "b"), 5))
    b = text_spec(Vocabulary(("", "c", "b"), 9))
    both = modality_of(a).shared(a, b)
    assert both.extra["symbols"] == ["", "a", "b", "c"] and both.shape == (9,)
    words = Spec("text", (5,), "int16", {"unit": "words", "symbols": ["", "a"]})
    with pytest.raises(DataError, match="characters and b by words"):
        modality_of(a).shared(a, words)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    return ganzfeld.train(
        "cipher:300",
        recipe="text-cyclegan",
        images=256,
        settings=["run.threads=1"],
        out=tmp_path_factory.mktemp("cipher") / "run",
        quiet=True,
    )


def test_a_run_is_measured_against_the_held_out_pairs(run: ganzfeld.Run) -> None:
    last = [row for row in run.metrics() if row["kind"] == "evaluation"][-1]
    assert last["held_out"] and 0 < last["error_ab"] <= 1 and last["baseline_identity"] > 0.9
    assert "share of symbols" in last["protocol"]
    page = (run.path / "report.html").read_text("utf-8")
    assert "config.json could not be read" not in page
    sheet = next((run.path / "samples").glob("*.txt")).read_text("utf-8").splitlines()
    assert len(sheet) == 32


def test_lines_and_files_are_translated_one_for_one(run: ganzfeld.Run, tmp_path: Path) -> None:
    model = ganzfeld.load(run.path, task="translation")
    lines = plain(sentences(0, 5))
    found = model.translate(lines)
    assert [len(line) for line in found] == [len(line) for line in lines]
    assert model.translate(lines[0]) == found[0] and model.translate(lines[3:]) == found[3:]
    source = tmp_path / "a.txt"
    source.write_text("\n".join(lines), "utf-8")
    assert model.translate_files(source, tmp_path / "b.txt") == 5
    assert (tmp_path / "b.txt").read_text("utf-8").splitlines() == found
    with pytest.raises(UsageError, match="overwritten"):
        model.translate_files(source, source)
    with pytest.raises(DataError, match="line 2: holds 'Z'"):
        model.translate([lines[0], "Z"])
    source.write_text("Zebra\nquagga\n", "utf-8")
    with pytest.raises(DataError, match="'Z'"):
        model.translate_files(source, tmp_path / "c.txt")
    assert not (tmp_path / "c.txt").exists()
    with pytest.raises(UsageError, match="does not translate to"):
        model.translate(lines, to="c")


def test_the_key_is_applied_by_the_place_in_a_line() -> None:
    key = keys(3)
    one, two = encipher(["aaaaaa", "ba"], key)
    assert one[:3] == one[3:] and two[1] == one[1]
    assert sorted(key[0].tolist()) == list(range(27))


def test_kinds_that_differ_and_pairs_that_do_not_match_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n", "utf-8")
    with pytest.raises(UsageError, match="is one set of lines"):
        ganzfeld.train(
            tmp_path / "a.txt", recipe="text-cyclegan", images=64, out=tmp_path / "r", quiet=True
        )
    with pytest.raises(UsageError, match="text-cyclegan"):
        ganzfeld.train(
            tmp_path / "a.txt", other=tmp_path / "a.txt", images=64, out=tmp_path / "r", quiet=True
        )
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_a_substitution_is_broken(tmp_path: Path) -> None:
    """A minute of CPU time: every letter of the held-out lines comes back."""
    run = ganzfeld.train(
        "cipher:4000", recipe="text-cyclegan", images=40_000, out=tmp_path / "run", quiet=True
    )
    last = [row for row in run.metrics() if row["kind"] == "evaluation"][-1]
    assert max(last["error_ab"], last["error_ba"]) < 0.02
