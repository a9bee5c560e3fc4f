"""Translation of lines from pairs: the network, the losses, which lines are pairs, and a run."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.data.alike import open_alike
from ganzfeld.data.options import PackOptions
from ganzfeld.errors import DataError
from ganzfeld.games.text_pairs import TextPix2Pix, counted
from ganzfeld.networks.line_translator import LineTranslator

OPTIONS = PackOptions(modality="text")


def network(**options: int) -> LineTranslator:
    torch.manual_seed(0)
    return LineTranslator((6,), symbols=5, **{"hidden": 16, "embedding": 4, **options}).eval()


def lines(count: int) -> torch.Tensor:
    torch.manual_seed(1)
    found = torch.randint(1, 5, (count, 6))
    for row, length in enumerate(torch.randint(1, 6, (count,)).tolist()):
        found[row, length:] = 0
    return found


def test_a_line_is_written_symbol_by_symbol_as_its_probabilities_say() -> None:
    G, x = network(), lines(20)
    with torch.no_grad():
        made = G(x)
        logged = G.log_probabilities(x, made)
    assert torch.allclose(logged.exp().sum(2), torch.ones(20, 6), atol=1e-5)
    here = counted(made)
    here[:, -1] = False  # where a line ends at the latest
    assert torch.equal(logged.argmax(2)[here], made[here])
    assert (made[:, -1] == 0).all() and (made[~counted(made)] == 0).all()
    assert torch.equal(G(x[3:5]), made[3:5])


def test_what_stands_behind_the_end_of_a_line_has_no_attention() -> None:
    G = network()
    x = torch.tensor([[1, 2, 0, 0, 0, 0]])
    _, _, behind = G.encoded(x)
    assert behind.tolist() == [[False, False, False, True, True, True]]


def test_a_discriminator_that_is_the_writer_is_undecided_and_pays_nothing() -> None:
    game = TextPix2Pix(network(), network())
    batch = {"a": lines(8), "b": lines(8).flip(0)}
    found = game.loss("discriminator", batch)
    assert float(found["real"].detach()) == pytest.approx(math.log(2), abs=1e-5)
    assert float(found["fake"].detach()) == pytest.approx(math.log(2), abs=1e-5)
    assert float(game.loss("generator", batch)["adversarial"].detach()) == pytest.approx(
        0, abs=1e-5
    )
    for player, names in game.players.items():
        game.zero_grad()
        torch.stack(list(game.loss(player, batch).values())).sum().backward()
        for name in names:
            for key, weights in game.get_submodule(name).named_parameters():
                assert weights.grad is not None and weights.grad.isfinite().all(), key


def test_the_verdict_asks_for_what_the_data_have() -> None:
    """Where D knows that symbol 1 always follows, G's probability of it rises by the verdict."""
    torch.manual_seed(0)
    game = TextPix2Pix(network(), network(), likelihood=0)
    batch = {"a": lines(64), "b": torch.ones(64, 6, dtype=torch.int64)}
    for player, names in game.players.items():
        rates = [p for name in names for p in game.get_submodule(name).parameters()]
        optimiser = torch.optim.Adam(rates, 1e-2)
        for _ in range(40):
            optimiser.zero_grad()
            torch.stack(list(game.loss(player, batch).values())).sum().backward()
            optimiser.step()
    p = game.G.log_probabilities(batch["a"], batch["b"]).exp()[:, :, 1]
    assert float(p.mean().detach()) > 0.9


def test_weights_and_widths_are_checked() -> None:
    with pytest.raises(ValueError, match="one above 0"):
        TextPix2Pix(network(), network(), adversarial=0, likelihood=0)
    with pytest.raises(ValueError, match="width"):
        TextPix2Pix(network(), network(hidden=8))
    with pytest.raises(ValueError, match="even"):
        network(hidden=7)
    assert TextPix2Pix(network(), network(), adversarial=0).moves(0) == ("generator",)


def test_a_line_without_a_partner_takes_no_other_s_place(tmp_path: Path) -> None:
    left = [f"{'abc'[i % 3]}{'xyz'[i // 3 % 3]}" * (1 + i % 4) for i in range(60)]
    right = [line.upper() for line in left]
    left[7], right[30] = "a" * 90, ""  # too long, and none
    for name, some in (("a", left), ("b", right)):
        (tmp_path / f"{name}.txt").write_text("\n".join(some) + "\n", "utf-8")
    found = open_alike(tmp_path / "a.txt", "paired", OPTIONS, other=tmp_path / "b.txt")
    assert any("2 lines have no partner" in text for text in found.report["warnings"])
    assert found.held is not None and len(found.train.a) == 56 and len(found.held.a) == 2
    names = {number: name for number, name in enumerate(found.train.a.spec.extra["symbols"])}
    seen = set()
    for both in (found.train, found.held):
        rows_a, rows_b = (side.rows(np.arange(len(both.a))) for side in (both.a, both.b))
        for one, other in zip(rows_a, rows_b, strict=True):
            line = "".join(names[n] for n in one if n)
            assert "".join(names[n] for n in other if n) == line.upper()
            seen.add(line)
    assert seen == {left[i] for i in range(60) if i not in (7, 30)}
    (tmp_path / "c.txt").write_text("\n" * 100 + "\n".join(right), "utf-8")
    with pytest.raises(DataError, match="are a pair"):
        open_alike(tmp_path / "a.txt", "paired", OPTIONS, other=tmp_path / "c.txt")


@pytest.mark.long
def test_a_run_is_measured_by_held_out_pairs(tmp_path: Path) -> None:
    settings = ["networks.*.hidden=32", "run.threads=1"]
    whole = ganzfeld.train(
        "cipher:400", recipe="text-pix2pix", images=1024, settings=settings, quiet=True,
        out=tmp_path / "whole",
    )  # fmt: skip
    last = [row for row in whole.metrics() if row["kind"] == "evaluation"][-1]
    assert last["held_out"] and 0 < last["error_ab"] < 1 and "error_ba" not in last
    assert len(whole.model.translate(["a_cat_sleeps", "some_dogs"])) == 2
