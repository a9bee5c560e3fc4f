"""The game of captions: what each player learns, and what stands still."""

from __future__ import annotations

import math

import pytest
import torch

from ganzfeld import Trainer
from ganzfeld.games.base import Clock
from ganzfeld.games.caption_terms import (
    STRETCH,
    apart,
    contrast,
    in_part,
    some_of,
    told_apart,
    twice,
)
from ganzfeld.games.ema import Average
from ganzfeld.games.text_to_image import TextToImage
from ganzfeld.networks.caption_readers import CaptionEncoder, PhraseEncoder
from ganzfeld.networks.captions import CaptionDiscriminator, CaptionGenerator, ImageEncoder
from ganzfeld.networks.phrase_tables import SCALE


def game(**options: float) -> TextToImage:
    torch.manual_seed(0)
    shape = (3, 8, 8)
    return TextToImage(
        CaptionGenerator(shape, words=9, latent=4, width=8, most=16),
        CaptionDiscriminator(shape, width=8, most=16),
        ImageEncoder(shape, width=8),
        **options,  # type: ignore[arg-type]
    )


def steps(one: TextToImage, total: int) -> tuple[Trainer, Average]:
    optimisers = {
        player: torch.optim.Adam(
            [p for name in names for p in one.get_submodule(name).parameters()], 1e-2
        )
        for player, names in one.players.items()
    }
    average = Average(one, half_life_images=1e6, ramp=None)
    return Trainer(one, optimisers, batch(), batch_size=8, total=total, average=average), average


def batch(count: int = 8) -> dict[str, torch.Tensor]:
    caption = torch.arange(2 * count).view(count, 2) % 7 + 2
    return {
        "x": torch.rand(count, 3, 8, 8) * 2 - 1,
        "caption": torch.cat([caption, torch.zeros(count, 3, dtype=torch.long)], 1),
        "caption_wrong": torch.randint(2, 9, (count, 2, 5)),
    }


def test_the_encoders_loss_of_vectors_that_agree_is_known() -> None:
    # four orthogonal pairs: each is told from the others by cosine 1 against 0
    vectors = 2 * torch.eye(4)
    captions = torch.arange(4)[:, None] + 1
    by_image, by_caption = contrast(vectors, vectors, captions, None, 0.5)
    exact = math.log(math.e**2 + 3) - 2
    assert float(by_image) == pytest.approx(exact) and float(by_caption) == pytest.approx(exact)
    wrong = torch.zeros(4, 4)  # one more opponent, of cosine 0
    harder, same = contrast(vectors, vectors, captions, wrong, 0.5)
    assert float(harder) == pytest.approx(math.log(math.e**2 + 4) - 2)
    assert float(same) == pytest.approx(exact)


def test_equal_captions_are_no_opponents() -> None:
    vectors = 2 * torch.eye(4)
    captions = torch.tensor([[1], [1], [2], [3]])
    by_image, _ = contrast(vectors, vectors, captions, None, 0.5)
    exact = (2 * math.log(math.e**2 + 2) + 2 * math.log(math.e**2 + 3)) / 4 - 2
    assert float(by_image) == pytest.approx(exact)


@pytest.mark.parametrize("make", [CaptionEncoder, PhraseEncoder])
def test_an_encoder_tells_who_wears_which_colour(
    make: type[CaptionEncoder] | type[PhraseEncoder],
) -> None:
    torch.manual_seed(0)
    net = make(9)
    red_hat = torch.tensor([[2, 3, 4, 5, 0, 0], [4, 3, 2, 5, 0, 0]])  # the same words
    one, other = net(red_hat)
    assert not torch.allclose(one, other, atol=1e-2)
    longer = torch.nn.functional.pad(red_hat, (0, 5))
    assert torch.allclose(net(longer), net(red_hat), atol=1e-5), "what fills a row says nothing"
    assert torch.allclose(net(red_hat).norm(dim=1), torch.tensor(128**0.5))


def test_phrases_add_up() -> None:
    """What a caption says of one thing is the same whatever it says of another, far enough away."""
    torch.manual_seed(0)
    net = PhraseEncoder(20, width=16)
    seen: list[torch.Tensor] = []
    net.linear.register_forward_hook(lambda *call: seen.append(call[2]))
    words = {"red hat": [2, 3], "blue hat": [4, 3], "green eyes": [5, 6], "grey eyes": [7, 6]}
    apart = [8] * 5  # words that stand between both things
    hats, eyes = ("red hat", "blue hat"), ("green eyes", "grey eyes")
    net.plain(torch.tensor([words[hat] + apart + words[eye] for hat in hats for eye in eyes]))
    red_green, red_grey, blue_green, blue_grey = seen[0]
    assert torch.allclose(red_green - blue_green, red_grey - blue_grey, atol=1e-5)
    assert not torch.allclose(red_green, blue_green, atol=1e-2)


def test_sentences_are_white_once_they_are_settled() -> None:
    torch.manual_seed(0)
    net = PhraseEncoder(9, width=4)
    with torch.no_grad():
        net.linear.weight[0] *= 30  # one number outweighs the others
    words = torch.randint(2, 9, (512, 6))
    plain = net.plain(words)
    for _ in range(600):
        net.watch(plain)

    def spread() -> float:
        values = torch.linalg.eigvalsh(torch.cov(net(words).detach().T))
        return float(values[-1] / values[0])

    before = spread()
    assert torch.equal(net(words), net.plain(words)), "until then they are as they are"
    net.settle()
    assert spread() < min(4, before / 20)
    assert torch.allclose(net(words).norm(dim=1), torch.tensor(2.0))
    words[:, 4:] = 0
    for few in (words, words[:4]):  # by the table of words, and without it
        assert torch.allclose(net.read(few), net(few), atol=1e-4)
    white = net.white.clone()
    net.watch(torch.randn(8, 4))
    net.settle()
    assert torch.equal(net.white, white), "it is settled once"


def test_a_game_settles_its_sentences_when_the_encoders_stand_still() -> None:
    one, some = game(), batch()
    one.G.text = PhraseEncoder(9)
    mean = one.G.text.mean.clone()
    one.loss("encoder", some)
    assert not torch.equal(one.G.text.mean, mean) and not one.G.text.settled
    one.clock = Clock(9, 60, 64)
    one.loss("discriminator", some)
    assert one.G.text.settled
    one.noise = 0.0
    white = one.G.text(some["caption"])
    assert torch.allclose(one.sentences(some["caption"]), white, atol=1e-4)
    assert not torch.allclose(white, one.G.text.plain(some["caption"]))


def test_a_generator_has_the_older_encoder_unless_phrases_are_asked_for() -> None:
    assert isinstance(CaptionGenerator((3, 8, 8), words=9).text, CaptionEncoder)
    assert isinstance(CaptionGenerator((3, 8, 8), words=9, phrases=True).text, PhraseEncoder)


def test_the_older_encoder_is_read_once_a_move_and_its_noise_is_drawn_once() -> None:
    """So runs that began with it go on to the bit."""
    one, some = game(agreement=0.5), batch()
    one.clock = Clock(9, 60, 64)
    before = torch.get_rng_state()
    said = one.sentences(some["caption"])
    fake = one.fake(said)
    left = torch.get_rng_state()
    found = contrast(one.seen(fake), said, some["caption"], None, one.temperature)
    torch.set_rng_state(before)
    losses = one.loss("generator", some)
    assert torch.equal(torch.get_rng_state(), left)
    assert torch.equal(losses["agreement"], 0.5 * (found[0] + found[1]) / 2)


def tabled(**options: float) -> TextToImage:
    torch.manual_seed(0)
    shape, some = (3, 8, 8), {"sentence": 16, "width": 8, "most": 16}
    none = {"agreement": 0.0, "noise": 0.0, "slope_in_sentence": False}
    return TextToImage(
        CaptionGenerator(shape, words=9, latent=4, phrase_table=True, **some),
        CaptionDiscriminator(shape, phrase_table=True, **some),
        **(none | options),
    )


def test_tables_of_phrases_learn_in_the_game_alone() -> None:
    one = tabled()
    assert one.opening_words(100) == "" and [*one.players] == ["discriminator", "generator"]
    before = {name: table.weight.clone() for name, table in tables(one)}
    trainer, average = steps(one, 400)
    for report in trainer:
        if report.images >= 80:
            break
    assert float(one.G.text.captions) == 80
    for name, table in tables(one):
        moved = (table.weight != before[name]).any(1)
        assert torch.equal(moved.float(), one.G.text.known[:, 0]), "rows of known phrases alone"
    kept = average.get_submodule("G.text")
    for own, mean in zip(one.G.text.buffers(), kept.buffers(), strict=True):
        assert torch.equal(own, mean), "counts are no averages"


def test_phrases_are_named_as_a_loop_would() -> None:
    one, some = tabled(naming=0.5, naming_of_fakes=0.25, naming_scale=3.0), batch()
    losses = one.loss("discriminator", some)  # counts phrases
    text, rows = one.G.text, one.G.text(some["caption"])
    features = one.D.features(some["x"])
    flat, by_hand = features.flatten(1).detach(), 0.0
    for image, own in zip(flat, rows.long().tolist(), strict=True):
        for row in text.known[:, 0].nonzero()[:, 0].tolist():
            frequent = min(max(float(text.counts[row] / text.captions), 1e-6), 1 - 1e-6)
            logit = image @ (one.D.direction.weight @ (SCALE * one.D.table.weight[row])).detach()
            logit = 3 * logit.item() + math.log(frequent / (1 - frequent))
            by_hand += math.log1p(math.exp(-logit if row in own else logit)) / len(flat)
    assert by_hand > 1
    assert one.named(features, rows).item() == pytest.approx(by_hand, rel=1e-4)
    assert losses["naming"].item() == pytest.approx(0.5 * by_hand, rel=1e-4)
    assert 0 < one.loss("generator", some)["naming"].item() < 0.25 * by_hand * 3


def test_naming_teaches_the_verdict_to_read() -> None:
    one, some = tabled(), batch(32)
    shade = (some["caption"][:, 0] - 2).float() / 3 - 1  # the first word is how bright an image is
    some["x"] = shade[:, None, None, None].expand(32, 3, 8, 8)
    one.G.text.count(some["caption"])
    right, other = one.G.text(some["caption"]), one.G.text(some["caption"].roll(1, 0))

    def told() -> float:
        features = one.D.features(some["x"])
        better = one.D.verdict(features, right) > one.D.verdict(features, other)
        return float(better.float().mean())

    before, optimiser = told(), torch.optim.Adam(one.D.parameters(), 3e-3)
    for _ in range(100):
        optimiser.zero_grad()
        one.named(one.D.features(some["x"]), right).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert before < 0.8 and told() > 0.95


def test_seeking_drives_images_of_a_caption_apart() -> None:
    z = torch.tensor([[0.0, 0.0], [1.0, 1.0], [1.0, -1.0], [1.0, 4.0]])
    images = torch.tensor([[0.0], [5.0], [0.5], [2.0]])[:, None]
    by_hand = (math.log(0.5 / 1.0) + math.log(3.0 / 1.5)) / 2
    assert apart(images, z).item() == pytest.approx(by_hand, abs=1e-3)
    some = batch(5)
    assert twice(some)["caption"].equal(some["caption"][[0, 1, 2, 0, 1, 2]])
    found = []
    for weight in (0.0, 1.0):
        one = tabled(seeking=weight)
        optimiser = torch.optim.Adam(one.G.body.parameters(), 1e-3)
        one.loss("discriminator", batch())
        torch.manual_seed(1)
        for _ in range(60):
            optimiser.zero_grad()
            losses = one.loss("generator", batch())
            torch.stack([*losses.values()]).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        assert ("seeking" in losses) == bool(weight)
        rows = one.G.text(batch()["caption"][:1].expand(64, -1))
        found.append(one.G.body(torch.randn(64, 4), rows).std(0).mean().item())
    assert found[1] > 1.5 * found[0]


def tables(one: TextToImage) -> list[tuple[str, torch.nn.Module]]:
    return [("G", one.G.body.table), ("D", one.D.table)]


def test_captions_in_part_keep_stretches_of_words_in_their_places() -> None:
    torch.manual_seed(0)
    caption = torch.arange(1, 41).repeat(4_000, 1)
    caption[:, 30:] = 0
    found = in_part(caption, 0.5)
    kept = found > 0
    assert torch.equal(found, caption * kept)
    whole = kept[:, :30].all(1)
    assert 0.52 < whole.float().mean() < 0.6  # a ninth of the others happens to keep all
    shares = kept[~whole, :30].float().mean(1)
    assert 0.42 < shares.mean() < 0.52 and shares.min() == 0
    cuts = kept[~whole, 1:30] != kept[~whole, :29]
    assert 0.04 < cuts.float().mean() < 1 / STRETCH / 2  # words are kept and left together
    assert torch.equal(in_part(caption, 0.0), caption)


def test_a_game_reads_captions_in_part_and_names_them_in_full() -> None:
    one, some = tabled(naming=0.1, partial=1.0), batch(64)
    losses = one.loss("discriminator", some)
    full, part = one.G.text(some["caption"]), one.sentences(some["caption"])
    assert (part > 0).sum() < 0.7 * (full > 0).sum()
    by_hand = 0.1 * one.named(one.D.features(some["x"]), full)
    assert losses["naming"].item() == pytest.approx(by_hand.item(), rel=1e-4)


def test_what_goes_with_no_table_of_phrases_is_refused() -> None:
    with pytest.raises(ValueError, match="take no option of encoders"):
        tabled(agreement=0.3)
    for name in ("naming", "naming_of_fakes", "naming_scale", "partial"):
        with pytest.raises(ValueError, match="need tables of phrases"):
            game(**{name: 0.5})
    with pytest.raises(ValueError, match=r"are parts in \[0, 1\], not 0.5 and 1.5"):
        tabled(partial=1.5)
    with pytest.raises(ValueError, match=r"game.naming_scale is above 0, not 0.0"):
        tabled(naming=0.5, naming_scale=0.0)
    with pytest.raises(ValueError, match=r"exclude each other"):
        tabled(partial=0.5, telling=1.0)
    shape = (3, 8, 8)
    plain = CaptionGenerator(shape, words=9, latent=4, width=8, most=16)
    judge = CaptionDiscriminator(shape, width=8, most=16, phrase_table=True)
    with pytest.raises(ValueError, match="go together"):
        TextToImage(plain, judge, ImageEncoder(shape, width=8))


def test_several_sentences_are_judged_as_each_alone() -> None:
    torch.manual_seed(0)
    net = CaptionDiscriminator((3, 16, 16), width=8, most=16)
    features, sentences = net.features(torch.randn(3, 3, 16, 16)), torch.randn(3, 4, 128)
    each = net.verdict(features.repeat_interleave(4, 0), sentences.flatten(0, 1)).view(3, 4)
    assert torch.allclose(net.verdicts(features, sentences), each, atol=1e-4)


def test_the_encoders_move_first_and_stand_still_then() -> None:
    one = game(encoder_share=0.25)
    trainer, average = steps(one, 64)
    before = {name: p.clone() for name, p in one.named_parameters()}

    def moved() -> set[str]:
        names = {n for n, p in one.named_parameters() if not torch.equal(p, before[n])}
        before.update({name: p.clone() for name, p in one.named_parameters()})
        return {name.partition(".")[0] + "." + name.split(".")[1] for name in names}

    for _ in range(2):  # 16 of 64 images
        assert set(trainer.take_step().losses) == {"encoder/of_images", "encoder/of_captions"}
    assert {name for name in moved() if name.startswith(("G", "D"))} == {"G.text"}
    report = trainer.take_step()
    assert set(report.losses) == {
        *("discriminator/adversarial", "discriminator/mismatch"),
        *("generator/adversarial", "generator/agreement"),
    }
    names = moved()
    assert not any(name.startswith(("G.text", "I.")) for name in names)
    assert any(name.startswith("G.body") for name in names) and any(
        name.startswith("D.") for name in names
    )
    kept = average.get_submodule("G.text")
    for mean, value in zip(kept.parameters(), one.G.text.parameters(), strict=True):
        assert torch.equal(mean, value), "the encoder is no average: G knew it as it is"
    body = average.get_submodule("G.body")
    pairs = zip(body.parameters(), one.G.body.parameters(), strict=True)
    assert not all(torch.equal(mean, value) for mean, value in pairs)


def test_the_penalty_is_the_slope_in_image_and_sentence() -> None:
    one = game()
    x, sentence = batch()["x"], torch.randn(8, 128)
    features, logits, squared = one.judged_with_slope(x, sentence)
    x.requires_grad_()
    sentence.requires_grad_()
    by_hand = one.D(x, sentence)
    slopes = torch.autograd.grad(by_hand.sum(), (x, sentence))
    exact = sum(slope.flatten(1).square().sum(1) for slope in slopes)
    assert torch.allclose(logits, by_hand) and torch.allclose(squared, exact, rtol=1e-4)
    assert torch.allclose(one.D.verdict(features, sentence), by_hand)
    _, _, in_image = game(slope_in_sentence=False).judged_with_slope(x, sentence)
    assert torch.allclose(in_image, slopes[0].flatten(1).square().sum(1), rtol=1e-4)


def test_wrong_captions_are_never_the_right_ones() -> None:
    one, some = game(hard=0.5), batch(6)
    for _ in range(20):
        chosen = one.wrong(some)
        rolled = some["caption"].roll(1, 0)
        near = (chosen[:, None] == some["caption_wrong"]).all(2).any(1)
        assert (near | (chosen == rolled).all(1)).all()
    bare = {name: value for name, value in some.items() if name != "caption_wrong"}
    assert torch.equal(one.wrong(bare), some["caption"].roll(1, 0))


def test_a_caption_reaches_the_image_and_the_latent_too() -> None:
    one = game()
    for affine in one.G.body.affine:  # at first, they change nothing
        torch.nn.init.normal_(affine.linear.weight, std=0.1)
    z, caption = torch.randn(2, 4), batch(2)["caption"]
    one.eval()
    x = one.sample(z, caption=caption)
    assert x.shape == (2, 3, 8, 8) and x.abs().max() <= 1
    assert not torch.allclose(x, one.sample(z, caption=caption.flip(0)))
    assert not torch.allclose(x, one.sample(z.flip(0), caption=caption))
    with pytest.raises(ValueError, match="draws by captions"):
        one.sample(z)


def test_an_encoder_of_images_that_is_normalised_stands_still_in_the_game() -> None:
    torch.manual_seed(0)
    for side in (8, 9, 32, 64):
        net = ImageEncoder((3, side, side), width=8, norm=True)
        assert net(torch.rand(2, 3, side, side)).shape == (2, 128)
    one, some = game(near=1), batch()
    one.I = ImageEncoder((3, 8, 8), width=8, norm=True)
    one.clock = Clock(9, 60, 64)
    before = {name: value.clone() for name, value in one.I.named_buffers()}
    one.loss("generator", some)
    assert all(torch.equal(value, before[name]) for name, value in one.I.named_buffers())
    one.loss("encoder", some)
    assert not all(torch.equal(value, before[name]) for name, value in one.I.named_buffers())


def test_a_fake_is_told_from_captions_that_are_wrong_in_one_thing() -> None:
    images, said = 2 * torch.eye(4), 2 * torch.eye(4)
    wrong = said.roll(1, 0)[:, None].expand(4, 3, 4)  # cosine 1 against three of 0
    exact = math.log(math.e**2 + 3) - 2
    assert float(told_apart(images, said, wrong, 0.5)) == pytest.approx(exact)
    one, some = game(near=2), batch()
    one.clock = Clock(9, 60, 64)
    fake = torch.randn(8, 3, 8, 8)
    sentence = one.G.text(some["caption"])
    noiseless = game(near=2, noise=0.0)
    wrong = some["caption_wrong"]
    alone = noiseless.disagreement(fake, sentence, some)
    seen = noiseless.I(fake)
    both = noiseless.G.text(wrong.flatten(0, 1)).view(8, 2, -1)
    assert torch.allclose(alone, told_apart(seen, sentence, both, 0.1), rtol=1e-4)
    bare = {name: value for name, value in some.items() if name != "caption_wrong"}
    among = contrast(seen, sentence, some["caption"], None, 0.1)
    assert torch.allclose(noiseless.disagreement(fake, sentence, bare), (among[0] + among[1]) / 2)


def test_a_discriminator_can_begin_with_what_the_encoders_know() -> None:
    one, some = game(knowing=True, temperature=0.2), batch(32)
    one.loss("discriminator", some)
    sentence = one.G.text(some["caption"])
    raw = one.I.linear(one.I.layers(some["x"]).flatten(1))
    expected = (raw * sentence).sum(1) / (0.2 * 128**0.5 * raw.norm(dim=1).mean())
    for layer in (one.D.alone, one.D.joined):  # what does not read, and what begins anew
        torch.nn.init.zeros_(layer.weight)
    found = one.D(some["x"], sentence)
    constant = found - expected  # the bias of the encoder is the same for all images
    by_bias = -(sentence @ one.I.linear.bias) / (0.2 * 128**0.5 * raw.norm(dim=1).mean())
    assert torch.allclose(constant, by_bias, atol=1e-3)
    one.G.text, one.noise = PhraseEncoder(9), 0.0  # whose sentences are white
    plain = one.G.text.plain(some["caption"]).detach()
    for _ in range(2_000):
        one.G.text.watch(plain)
    one.copied.zero_()
    one.loss("discriminator", some)
    sentence = one.G.text(some["caption"])
    expected = (raw * plain).sum(1) / (0.2 * 128**0.5 * raw.norm(dim=1).mean())
    for layer in (one.D.alone, one.D.joined):
        torch.nn.init.zeros_(layer.weight)
    by_bias = (plain @ one.I.linear.bias) / (0.2 * 128**0.5 * raw.norm(dim=1).mean())
    found = one.D(some["x"], sentence)
    both = torch.stack([found, expected - by_bias])
    assert torch.corrcoef(both)[0, 1] > 0.8 and found.std() < 2 * expected.std()
    with torch.no_grad():
        one.D.direction.bias.fill_(1.0)
    one.loss("discriminator", some)
    assert (one.D.direction.bias == 1).all(), "it is copied once"
    with pytest.raises(ValueError, match=r"same networks\.\*\.width"):
        TextToImage(one.G, one.D, ImageEncoder((3, 8, 8), width=12), knowing=True)


def test_some_captions_are_different_ones_of_those_there_are() -> None:
    several = torch.arange(4)[None, :, None].expand(64, 4, 5)
    chosen = some_of(several, 2)
    assert chosen.shape == (64, 2, 5) and (chosen[:, 0] != chosen[:, 1]).all()
    assert set(chosen.flatten().tolist()) == {0, 1, 2, 3}
    assert some_of(several, 9).shape == (64, 4, 5)


def test_both_players_can_be_asked_which_caption_is_an_images_own() -> None:
    one, some = game(telling=0.5, noise=0.0, agreement=0.0), batch()
    assert some["caption"][0].equal(some["caption"][7]), "equal captions are no opponents"
    some["x"] = some["x"].expand(8, 3, 8, 8)
    said = one.G.text(some["caption"])
    near = one.G.text(some["caption_wrong"].flatten(0, 1)).view(8, 2, -1)
    features = one.D.features(some["x"])
    by_hand = []
    for i in range(8):
        others = [j for j in ((i - 1) % 8, (i - 2) % 8) if not said[i].equal(said[j])]
        among = torch.cat([said[i, None], near[i], said[others]])
        logits = one.D.verdict(features[i, None].expand(len(among), -1, -1, -1), among)
        by_hand.append(-logits.log_softmax(0)[0])
    assert torch.allclose(one.told(features, said, some), torch.stack(by_hand).mean(), atol=1e-4)
    with torch.no_grad():
        one.D.alone.bias.fill_(7.0)  # what it thinks of an image alone is no answer
    again = one.told(features, said, some)
    assert torch.allclose(again, torch.stack(by_hand).mean(), atol=1e-4)
    one.clock = Clock(9, 60, 64)
    for player in ("discriminator", "generator"):
        found = one.loss(player, some)
        assert found["telling"] > 0 and "agreement" not in found
    bare = {name: value for name, value in some.items() if name != "caption_wrong"}
    assert one.loss("discriminator", bare)["telling"] > 0


def test_odd_options_are_refused() -> None:
    bad = ({"encoder_share": 0.0}, {"encoder_share": 1.0}, {"hard": 2.0}, {"near": -1})
    for options in (*bad, {"blur": -0.1}, {"telling": -0.1}, {"seeking": -1.0}):
        with pytest.raises(ValueError):
            game(**options)
    with pytest.raises(ValueError, match="are one number, not 128, 128, 64"):
        TextToImage(game().G, game().D, ImageEncoder((3, 8, 8), width=8, outputs=64))
    with pytest.raises(ValueError, match="takes a loss out of"):
        game(loss="relativistic")  # type: ignore[arg-type]


def test_the_game_is_seen_to_have_two_stages() -> None:
    one = game(encoder_share=0.2)
    assert one.stages == (0.0, 0.2)
    one.clock = Clock(0, 19, 100)
    assert one.moves(0) == ("encoder",)
    one.clock = Clock(0, 20, 100)
    assert one.moves(0) == ("discriminator", "generator")
