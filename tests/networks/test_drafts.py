"""Drafts are the regression that they claim to be."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from ganzfeld.games.caption_terms import offset
from ganzfeld.networks.captions import CaptionDiscriminator, CaptionGenerator
from ganzfeld.networks.drafts import Draft, DraftSums

WIDTH, SHAPE = 6, (3, 4, 4)


def pairs(count: int, products: bool = True) -> tuple[Tensor, Tensor]:
    """Sentences (N, 6), and images (N, 3, 4, 4) that they decide."""
    torch.manual_seed(1)
    line, square = torch.randn(WIDTH, 48), torch.randn(21, 48)
    s = torch.randn(count, WIDTH) + 0.5
    i, j = torch.triu_indices(WIDTH, WIDTH)
    y = s @ line + 0.3
    return s, (y + s[:, i] * s[:, j] @ square if products else y).view(-1, *SHAPE)


def watched(s: Tensor, x: Tensor, images: int = 2_000, batch: int = 20) -> tuple[Draft, DraftSums]:
    draft = Draft(WIDTH, SHAPE)
    sums = DraftSums(draft, images)
    for a, b in zip(s.split(batch), x.split(batch), strict=True):
        sums.watch(draft, a, b)
    return draft, sums


def error(draft: Draft, s: Tensor, x: Tensor) -> float:
    return float((draft(s) - x).square().mean() / (x - x.mean(0)).square().mean())


def test_a_draft_is_nothing_before_it_was_found() -> None:
    draft = Draft(WIDTH, SHAPE)
    assert not draft(torch.randn(5, WIDTH)).any()


def test_what_sentences_say_alone_and_in_pairs_is_found() -> None:
    s, x = pairs(6_000)
    draft, _ = watched(s[:5_000], x[:5_000])
    assert error(draft, s[5_000:], x[5_000:]) < 1e-4
    straight, _ = watched(*pairs(600, products=False), images=4_000)
    s, x = pairs(1_000, products=False)
    assert not straight.axes.any() and error(straight, s, x) < 1e-4


def test_images_that_sentences_do_not_explain_become_their_mean() -> None:
    torch.manual_seed(0)
    x = torch.randn(5_000, *SHAPE) + 2
    draft, _ = watched(torch.randn(5_000, WIDTH), x)
    drafted = draft(torch.randn(500, WIDTH))
    assert float((drafted - 2).abs().mean()) < 0.05  # 0.14 without shrinkage


def test_it_stands_still_after_its_images() -> None:
    s, x = pairs(8_000)
    draft, sums = watched(s[:5_000], x[:5_000], images=700)
    before = copy.deepcopy(draft.state_dict())
    for a, b in zip(s[5_000:].split(20), x[5_000:].split(20), strict=True):
        sums.watch(draft, a, -b)
    assert all(torch.equal(before[name], value) for name, value in draft.state_dict().items())


def test_processes_whose_moments_are_averaged_find_one_draft() -> None:
    """As the trainer does after each step, with all buffers."""
    s, x = pairs(6_000)
    two = [Draft(WIDTH, SHAPE) for _ in range(2)]
    sums = [DraftSums(one, 2_000) for one in two]
    for a, b in zip(s.split(20), x.split(20), strict=True):
        for rank in range(2):
            sums[rank].watch(two[rank], a[rank::2], b[rank::2])
        for own, other in zip(
            [*two[0].buffers(), *sums[0].buffers()],
            [*two[1].buffers(), *sums[1].buffers()],
            strict=True,
        ):
            own.copy_((own + other) / 2)
            other.copy_(own)
    assert error(two[0], *pairs(1_000)) < 1e-3


def test_large_images_are_drafted_small_and_drawn_large() -> None:
    net = CaptionGenerator((3, 64, 48), words=9, sentence=8, width=4, most=8, drafts=True)
    assert net.draft is not None and net.draft.size == (3, 32, 32)
    drawn = net(torch.randn(2, net.latent), caption=torch.ones(2, 3, dtype=torch.long))
    assert drawn.shape == (2, 3, 64, 48)
    judge = CaptionDiscriminator((3, 64, 48), sentence=8, width=4, most=8, drafts=True)
    assert judge.compared(drawn, net.draft(torch.randn(2, 8))).shape == (2,)


@pytest.mark.parametrize("size", [(1, 8, 8), (3, 28, 28), (1, 33, 20), (3, 32, 32)])
def test_any_size_has_drafts(size: tuple[int, int, int]) -> None:
    net = CaptionGenerator(size, words=9, sentence=8, width=4, most=8, drafts=True)
    drawn = net(torch.randn(2, net.latent), caption=torch.ones(2, 3, dtype=torch.long))
    judge = CaptionDiscriminator(size, sentence=8, width=4, most=8, drafts=True)
    assert drawn.shape == (2, *size)
    assert judge.compared(drawn, torch.zeros(2, *size)).shape == (2,)
    assert offset(drawn, drawn, torch.zeros_like(drawn)).ndim == 0
