"""Phrases of captions: the rows of a table, and what networks add up."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzfeld.networks.captions import CaptionDiscriminator, CaptionGenerator
from ganzfeld.networks.phrase_tables import (
    FACTOR,
    LONGEST,
    RARE,
    ROWS,
    SCALE,
    Phrases,
    PhraseTable,
    rows_of,
)


def whole(caption: Tensor) -> Tensor:
    """The same rows by whole numbers."""
    words, found = caption.long(), []
    for row in words.tolist():
        for length in range(1, LONGEST + 1):
            for start in range(len(row)):
                phrase = row[start : start + length]
                code = 0
                for word in phrase:
                    code = (code * FACTOR + word + 1) % ROWS
                found.append(code if len(phrase) == length and all(phrase) else 0)
    return torch.tensor(found).view(len(words), -1)


def ordered(rows: Tensor, words: int) -> Tensor:
    return rows.view(len(rows), LONGEST, words).flatten(1)


def test_rows_are_exact_in_float32() -> None:
    torch.manual_seed(0)
    caption = torch.randint(0, 60_000, (50, 21))
    caption[:, 15:] *= torch.rand(50, 1) < 0.5  # some captions end early
    found = rows_of(caption)
    assert found.dtype == torch.float32
    assert torch.equal(ordered(found, 21).long(), whole(caption))


def test_every_remainder_is_exact() -> None:
    numbers = torch.arange(ROWS * FACTOR + 60_000, dtype=torch.int64)
    by_float = numbers.float()
    by_float = by_float - ROWS * torch.round((by_float + 0.5) / ROWS - 0.5)
    assert torch.equal(by_float.long(), numbers % ROWS)


def test_a_phrase_has_one_row_wherever_it_stands() -> None:
    first, second = rows_of(torch.tensor([[5, 8, 9, 0]])), rows_of(torch.tensor([[7, 6, 8, 9]]))
    two = slice(4, 8)  # phrases of two words
    assert first[0, two][1] == second[0, two][2] != 0
    assert first[0, two][2] == 0, "it would go beyond the end"


def test_phrases_that_few_captions_have_are_passed_over() -> None:
    reader = Phrases(width=4)
    usual = torch.tensor([[5, 8, 0]])
    assert not reader(usual).any(), "nothing is known yet"
    reader.count(usual.repeat(round(2 / RARE), 1))
    reader.count(torch.tensor([[6, 8, 0]]))
    once, known = reader(torch.tensor([[6, 8, 0]])), reader(usual)
    assert int((known != 0).sum()) == 3 and torch.equal(known, rows_of(usual))
    assert int((once != 0).sum()) == 1, "the word 8 alone"


def test_a_table_adds_up_what_phrases_say() -> None:
    torch.manual_seed(0)
    table = PhraseTable(6)
    rows = torch.tensor([[3.0, 0, 11, 0], [0, 0, 0, 0]])
    both = table.weight[3] + table.weight[11]
    expected = torch.nn.functional.leaky_relu(SCALE * both, 0.2)
    assert torch.allclose(table(rows), torch.stack([expected, torch.zeros(6)]), atol=1e-6)
    table(rows).sum().backward()
    touched = table.weight.grad.abs().sum(1).nonzero()[:, 0]  # type: ignore[union-attr]
    assert touched.tolist() == [3, 11]


def test_players_have_tables_of_their_own() -> None:
    torch.manual_seed(0)
    net = CaptionGenerator((3, 16, 16), words=9, sentence=8, width=8, most=16, phrase_table=True)
    judge = CaptionDiscriminator((3, 16, 16), sentence=8, width=8, most=16, phrase_table=True)
    captions = torch.tensor([[5, 8, 0], [6, 8, 2], [5, 7, 0]])
    net.text.count(captions)  # type: ignore[operator]
    rows = net.text(captions)
    x = net(torch.randn(3, net.latent), caption=captions)
    assert x.shape == (3, 3, 16, 16)
    features, several = judge.features(x), torch.stack([rows, rows.roll(1, 0)], 1)
    each = judge.verdict(features.repeat_interleave(2, 0), several.flatten(0, 1)).view(3, 2)
    assert torch.allclose(judge.verdicts(features, several), each, atol=1e-4)
    assert not [*net.text.parameters()] and {*net.body.table.parameters()}  # type: ignore[union-attr]
