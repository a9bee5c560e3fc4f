"""The game of captions: likelihood first, then verdicts on wording and on what is seen."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ganzfeld.games import GAMES, Game
from ganzfeld.games.base import Clock
from ganzfeld.games.image_to_text import UNKNOWN, differing, ended, known, parted
from ganzfeld.games.text import taken
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.caption_writer import sharpened
from ganzfeld.networks.recurrent import Places

SIZES: dict[str, Any] = {"words": 9, "longest": 5, "width": 4, "hidden": 12, "embedding": 6}
SHAPE = [3, 8, 8]


def networks() -> tuple[Any, Any]:
    torch.manual_seed(0)
    return NETWORKS["caption-writer"](SHAPE, **SIZES), NETWORKS["caption-judge"](SHAPE, **SIZES)


def game(**options: Any) -> Any:
    return GAMES["image-to-text"](*networks(), **options)


def batch(count: int = 6) -> dict[str, Tensor]:
    torch.manual_seed(1)
    caption = torch.randint(2, 9, (count, 5))
    caption[::2, 3:] = 0
    wrong = caption[:, None].repeat(1, 2, 1)
    wrong[:, :, 1] = 2 + (caption[:, None, 1] - 1) % 7  # another word, in the second place
    return {"x": torch.randn(count, *SHAPE), "caption": caption, "caption_wrong": wrong}


def losses(one: Any, player: str, fraction: float) -> dict[str, Tensor]:
    one.clock = Clock(0, int(1_000 * fraction), 1_000)
    torch.manual_seed(2)
    found: dict[str, Tensor] = one.loss(player, batch())
    return found


def test_the_writer_learns_alone_at_first() -> None:
    one: Game = game(likelihood_share=0.4)
    one.clock = Clock(0, 399, 1_000)
    assert one.moves(0) == ("generator",)
    assert set(losses(one, "generator", 0.39)) == {"likelihood"}
    one.clock = Clock(0, 400, 1_000)
    assert one.moves(0) == ("discriminator", "generator")
    assert set(losses(one, "generator", 0.4)) == {"adversarial", "matching"}
    assert "400 of them (40 %)" in one.opening_words(1_000)


def test_the_judge_begins_as_a_copy_of_the_writer_and_is_undecided() -> None:
    one = game(likelihood_share=0.4)
    found = losses(one, "discriminator", 0.5)
    for name, value in one.G.state_dict().items():
        assert torch.equal(one.D.state_dict()[name], value), name
    for name in ("real", "fake", "match", "mismatch"):
        expected = 0.6931 / (2 if "match" in name else 1)
        assert abs(found[name].item() - expected) < 1e-3, name
    with torch.no_grad():
        one.D.match.bias.fill_(1.0)
    losses(one, "discriminator", 0.6)
    assert one.D.match.bias[0].item() == 1.0 and one.copied.item() == 1, "it is copied once"


def test_where_the_judge_is_undecided_the_writer_does_not_move() -> None:
    one = game(likelihood_share=0.4, match=0.7)
    losses(one, "discriminator", 0.5)
    sum(losses(one, "generator", 0.5).values()).backward()  # type: ignore[union-attr]
    for parameter in one.G.parameters():
        assert parameter.grad is None or parameter.grad.abs().max().item() < 1e-5


def test_without_praise_only_words_that_do_not_fit_count() -> None:
    found = []
    for praise, bias in ((True, 1.0), (False, 1.0), (True, -1.0), (False, -1.0)):
        one = game(likelihood_share=0.4, match=0.5, praise=praise)
        losses(one, "discriminator", 0.5)
        with torch.no_grad():
            one.D.match.bias.fill_(bias)
        found.append(losses(one, "generator", 0.5)["matching"].item())
    assert found == pytest.approx([-0.5, 0.0, 0.5, 0.5])


def test_the_judge_is_paid_to_tell_the_right_word_from_the_wrong_one() -> None:
    fits = torch.zeros(5, 9)
    caption = torch.tensor([[3, 4, 0], [5, 6, 0]])
    wrong = torch.tensor([[3, 7, 0], [5, 6, 0]])  # the second is not wrong at all
    places = Places(
        torch.tensor([0, 1, 0, 1, 0]), torch.tensor([0, 0, 1, 1, 2]), torch.tensor([3, 5, 4, 6, 0])
    )
    fits[2, 4], fits[2, 7] = 1.5, -2.5
    fits[3] = 99  # of the caption without a wrong word
    right, false = parted(fits, places, caption, wrong)
    assert right.tolist() == [1.5] and false.tolist() == [-2.5]
    same = parted(fits, places, caption, caption)
    assert same[0].tolist() == [0] and same[1].tolist() == [0]


def test_a_writer_that_is_paid_for_what_fits_leaves_neutral_words_as_they_are() -> None:
    """At the optimum p is p_data exp(match x logit), normalised: equal words stay equal."""
    data = torch.tensor([0.3, 0.3, 0.2, 0.2])  # two wordings x (right, wrong)
    fits = torch.tensor([0.0, 0.0, 1.0, -1.0])
    logits = torch.zeros(4, requires_grad=True)
    adam = torch.optim.Adam([logits], 0.05)
    for _ in range(600):
        p = logits.softmax(0)
        scores = data.log() - p.detach().log()
        loss = -(p * scores).sum() - 0.5 * (p * fits).sum()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    expected = data * (0.5 * fits).exp()
    assert torch.allclose(logits.softmax(0), expected / expected.sum(), atol=5e-3)


def test_nothing_is_learned_of_words_that_are_not_in_the_vocabulary() -> None:
    one = GAMES["image-to-text-mle"](networks()[0])
    rows = batch()
    rows["caption"][:, 0] = UNKNOWN
    places, logged = one.G.log_probabilities(ended(rows["caption"]), rows["x"])
    whole = taken(logged, places)
    left = known(whole, places)
    assert len(left) == len(whole) - len(rows["caption"])
    assert torch.allclose(one.loss("generator", rows)["likelihood"], -left.mean())


def test_captions_of_other_images_are_wrong_where_the_data_have_no_others() -> None:
    one = game(likelihood_share=0.4)
    one.clock = Clock(0, 500, 1_000)
    rows = batch()
    del rows["caption_wrong"]
    assert {"match", "mismatch"} <= set(one.loss("discriminator", rows))


def test_it_may_judge_whole_captions_that_the_writer_wrote() -> None:
    one = game(likelihood_share=0.4, helping=False)
    found = losses(one, "discriminator", 0.5)
    assert abs(found["fake"].item() - 0.6931) < 1e-3
    sum(losses(one, "generator", 0.5).values()).backward()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "told"),
    [({"likelihood_share": 0.0}, "part of the run"), ({"match": -1.0}, "0 or more")],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        game(**options)
    judge = NETWORKS["caption-judge"](SHAPE, **SIZES | {"hidden": 8})
    with pytest.raises(ValueError, match="the same widths"):
        GAMES["image-to-text"](networks()[0], judge)


# The writer


def test_a_caption_depends_on_its_own_latent_and_image_alone() -> None:
    writer = networks()[0].eval()
    z, x = torch.randn(7, writer.latent), torch.randn(7, *SHAPE)
    whole = writer(z, x)
    assert whole.shape == (7, 6) and (whole[:, -1] == 0).all(), "END closes the longest"
    assert torch.equal(writer(z[2:4], x[2:4]), whole[2:4])


def test_an_unknown_word_is_never_written() -> None:
    writer = networks()[0].eval()
    with torch.no_grad():
        writer.text.logits.bias[UNKNOWN] = 50.0
    tokens = writer(torch.randn(64, writer.latent), torch.randn(64, *SHAPE))
    assert not (tokens == UNKNOWN).any() and (tokens > 1).any()


def test_a_low_temperature_takes_the_likeliest_word() -> None:
    writer = networks()[0].eval()
    x = torch.randn(1, *SHAPE).expand(32, -1, -1, -1)
    z = torch.randn(32, writer.latent)
    assert len({tuple(row) for row in writer(z, x, 1e-3).tolist()}) == 1
    assert len({tuple(row) for row in writer(z, x).tolist()}) > 8


def test_temperature_sharpens_what_is_seen_and_not_how_it_is_said() -> None:
    synonyms, seen = torch.tensor([0.4, 0.3, 0.1, 0.2]), torch.tensor([0.3, 0.9, 0.9, 0.01])
    told, blind = (seen * synonyms).log()[None], synonyms.log()[None]
    both = torch.cat([told, blind])
    odds = sharpened(both, 0.7, 1.0, 2.0).softmax(1)[0]
    assert float(odds[1] / odds[2]) == pytest.approx(3, rel=1e-4), "two words for what is there"
    assert float(odds[1] / odds[0]) == pytest.approx(3 ** (1 / 0.7) * 0.75, rel=1e-4)
    assert odds[3] == 0, "next to impossible"
    for cold in (1e-3, 1e-30):
        assert sharpened(both, cold, 1.0, 2.0).softmax(1)[0].tolist() == [0, 1, 0, 0]
    same = sharpened(both, 1.0, 1.0, 2.0)
    assert torch.allclose(same, told), "1 is what was learned"


def test_a_writer_that_was_taught_blind_writes_the_same_captions_at_temperature_1() -> None:
    torch.manual_seed(0)
    writer = NETWORKS["caption-writer"](SHAPE, **SIZES, blind=0.5).eval()
    plain = networks()[0].eval()
    plain.load_state_dict(writer.state_dict())
    z, x = torch.randn(16, writer.latent), torch.randn(16, *SHAPE)
    assert torch.equal(writer(z, x), plain(z, x))
    assert torch.equal(writer(z, x, 0.5)[3:5], writer(z[3:5], x[3:5], 0.5)), "each by itself"
    assert not torch.equal(writer(z, 9 * x, 0.1), plain(z, 9 * x, 0.1))


def test_a_share_of_the_images_is_hidden_while_it_learns() -> None:
    writer = NETWORKS["caption-writer"](SHAPE, **SIZES, blind=0.5)
    caption, x = ended(batch(64)["caption"]), torch.randn(64, *SHAPE)
    places, open_ = writer.log_probabilities(caption, x)
    _, hidden = writer.log_probabilities(caption, x, hide=True)
    changed = torch.stack([(open_ != hidden)[places.rows == row].any() for row in range(64)])
    assert 16 < changed.sum() < 48
    with pytest.raises(ValueError, match="blind"):
        NETWORKS["caption-writer"](SHAPE, **SIZES, blind=1.0)
    with pytest.raises(ValueError, match="fewer"):
        NETWORKS["caption-writer"](SHAPE, **SIZES, fewer=0.0)


def test_pairs_are_of_all_wrong_captions_where_they_first_differ() -> None:
    caption = torch.tensor([[3, 4, 0], [5, 6, 0]])
    wrong = torch.tensor(
        [
            [[3, 7], [8, 4], [3, 4]],  # at the second word, at the first, nowhere
            [[5, UNKNOWN], [5, 6], [5, 2]],  # by a word that is not known, nowhere, at the second
        ]
    )
    places = Places(
        torch.tensor([0, 1, 0, 1, 0]), torch.tensor([0, 0, 1, 1, 2]), torch.tensor([3, 5, 4, 6, 0])
    )
    at, words = differing(places, caption, {"caption": caption[:, :2], "caption_wrong": wrong})
    found = sorted(zip(at.tolist(), words.tolist(), strict=True))
    assert found == [(0, [3, 8]), (2, [4, 7]), (3, [6, 2])]
    at, words = differing(places, caption, {"caption": caption[:, :2]})  # those of other images
    found = sorted(zip(at.tolist(), words.tolist(), strict=True))
    assert found == [(0, [3, 5]), (1, [5, 3])]


@pytest.mark.long
def test_a_writer_paid_in_pairs_says_what_it_sees_and_no_more_often() -> None:
    """Symbols: silence, no word, and two wordings each of a right and of a wrong value."""
    one = game(likelihood_share=0.4, match=1.0, pairs=True)
    data = torch.tensor([0.3, 1e-6, 0.3, 0.12, 0.2, 0.08])
    seen = torch.tensor(
        [0.42, 0.42, 0.42, 0.42, 0.28, 0.28]
    ).log()  # odds of the values, by the image
    likely = data.log()[None]
    fits = seen[None] - likely  # what D's second logit adds to its first
    logits = torch.zeros(6, requires_grad=True)
    adam = torch.optim.Adam([logits], 0.02)
    places = Places(torch.zeros(1).long(), torch.zeros(1).long(), torch.tensor([1]))
    for _ in range(1_000):
        p = logits.softmax(0)[None]
        loss = -(p[0] * (data.log() - p[0].detach().log())).sum()
        for right in (2, 3):
            caption = torch.tensor([[right, 0]])
            own = places._replace(tokens=caption[0, :1])
            some = {"caption": caption[:, :1], "caption_wrong": torch.tensor([[[4], [5]]])}
            loss = loss - one.moved(p, own, likely, fits, caption, some)
        adam.zero_grad()
        loss.backward()
        adam.step()
    # the odds of 0.6 to 0.4 are squared, and each word keeps its part of its value's
    sure = 0.7 * 0.36 / (0.36 + 0.16)
    expected = [0.3, 0, sure * 5 / 7, sure * 2 / 7, (0.7 - sure) * 5 / 7, (0.7 - sure) * 2 / 7]
    assert logits.detach().softmax(0).tolist() == pytest.approx(expected, abs=5e-3)


def test_the_judge_of_pairs_starts_from_what_the_writer_knows() -> None:
    one = game(likelihood_share=0.4, match=0.7, pairs=True, beside=0.5)
    found = losses(one, "discriminator", 0.5)
    assert set(found) == {"real", "fake", "match"}
    caption = ended(batch()["caption"])
    places, likely, _ = one.D(batch()["x"], caption)
    at, words = differing(places, caption, batch())
    scores = likely[at].gather(1, words)
    exact = torch.nn.functional.softplus(scores[:, 1] - scores[:, 0]).mean()
    assert torch.allclose(found["match"], exact, atol=1e-5)
    told = losses(one, "generator", 0.5)
    assert set(told) == {"adversarial", "likelihood", "matching"}
    alone = losses(one, "generator", 0.3)["likelihood"]
    assert torch.allclose(told["likelihood"], 0.5 * alone, rtol=1e-4)
    same = batch() | {"caption_wrong": batch()["caption"][:, None]}
    assert one.loss("discriminator", same)["match"].item() == 0, "nothing that is wrong"


def test_options_that_need_real_captions_say_so() -> None:
    for options in ({"pairs": True}, {"beside": 0.5}):
        with pytest.raises(ValueError, match="helping=true"):
            game(helping=False, **options)
    with pytest.raises(ValueError, match="0 or more"):
        game(beside=-1.0)


def test_states_ask_what_they_want_to_know_of_the_image() -> None:
    """The product is nothing at first; once it counts, all ways through a writer have it alike."""
    torch.manual_seed(0)
    one = NETWORKS["caption-writer"](SHAPE, **SIZES, joint=8, norm=True).eval()
    x, z = torch.randn(4, *SHAPE), torch.randn(4, one.latent)
    before = one.log_probabilities(ended(batch(4)["caption"]), x)[1]
    torch.nn.init.normal_(one.text.joined.weight)
    with torch.no_grad():
        one.text.logits.bias[UNKNOWN] = -1e9  # it is never written, and may be learned from
    after = one.log_probabilities(ended(batch(4)["caption"]), x)[1]
    assert not torch.allclose(before, after)
    written, places, logged = one.write(z, x)
    again = one.log_probabilities(written, x)
    assert torch.equal(again[0].tokens, places.tokens)
    assert torch.allclose(again[1], logged, atol=1e-5)
    judge = NETWORKS["caption-judge"](SHAPE, **SIZES, joint=8, norm=True).eval()
    judge.load_state_dict(one.state_dict(), strict=False)
    assert torch.allclose(judge(x, written)[1], logged, atol=1e-5)
    assert torch.equal(one(z, x), written)
