"""Captions of images: by likelihood first, then against a discriminator of image and caption."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

from ganzfeld.core.types import Batch, Losses
from ganzfeld.games.base import Game
from ganzfeld.games.caption_terms import one_of
from ganzfeld.games.text import LEAST, MOST, Places, taken

UNKNOWN = 1  # the symbol of a word that is not in the vocabulary: nothing is learned of it


class ImageToTextMLE(Game):
    """A writer of captions alone, by maximum likelihood: the opponent of `ImageToText`.

    G: a `CaptionWriter`.
    """

    players = {"generator": ("G",)}  # noqa: RUF012
    whole_batch = "means over the words of captions of different lengths"
    averaged = shipped = ("G",)
    task = "captioning"

    def __init__(self, G: nn.Module) -> None:
        super().__init__()
        self.G = cast(Any, G)
        self.latent = cast(int, G.latent)

    def generator_loss(self, batch: Batch) -> Losses:
        """Nats a word, END included."""
        places, logged = self.G.log_probabilities(ended(batch["caption"]), batch["x"], hide=True)
        return {"likelihood": -known(taken(logged, places), places).mean()}

    def sample(  # type: ignore[override]
        self, z: Tensor, x: Tensor, temperature: float = 1.0
    ) -> Tensor:
        """Captions (N, T), word numbers, of images (N, C, H, W) and latents (N, latent)."""
        return cast(Tensor, self.G(z, x, temperature))


class ImageToText(ImageToTextMLE):
    """A writer of captions against a discriminator that sees the image and the caption.

    The writer first learns by likelihood. Then the discriminator begins as a copy of it, and from
    there on the writer learns from verdicts alone: at each place of a caption, the discriminator
    gives every word two logits.

    The first asks whether a caption of the data goes on so, or one of the writer's: a log ratio of
    probabilities ("expected" and "informed" in `TextGAN`). At its optimum the writer's loss is the
    divergence of its choices from the data's.

    The second asks whether the word goes with this image. It is learned from real captions against
    such that are wrong (Reed et al. 2016): wrong in one thing where the data have such, else those
    of other images; at the first place where both differ, behind the same words. What says nothing
    of the image, an order or a synonym, is equally likely in both, so that its optimum is 0 there.
    A writer that is paid for it should become surer of what it sees and leave the wording as it
    is, where a lower temperature makes it surer of both; docs/image-to-text.md has what was found.

    G: a `CaptionWriter`. D: a `CaptionJudge` of the same widths.
    likelihood_share: part of the run that is learned by likelihood, in (0, 1).
    match: weight of the second logit in the writer's loss.
    praise: pay for words that go with the image. False: charge for those that do not, and no more.
        A word that is paid for is said more often, where the alternative is to be silent about the
        thing; a word that is not charged for is said as often as in the data.
    pairs: the second logit is learned and paid for in pairs: of the right word and the wrong one
        where both captions first differ, for all captions of an image that are wrong. It starts
        as the first logit, D's log probability, and learns what that has of the wording: only the
        difference of two words counts, and at its optimum that is the log ratio of the odds that
        the image gives them. The writer is paid for moving probability from one word of a pair to
        the other, and not for saying either more often: their sum is worth nothing.
    beside: weight of the likelihood in the writer's loss while it plays.
    helping: the writer writes one word behind each beginning of a real caption ("teacher helping",
        Press et al. 2017). False: it writes whole captions, and is judged on these.
    """

    players = {"discriminator": ("D",), "generator": ("G",)}  # noqa: RUF012
    copied: Tensor

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        *,
        likelihood_share: float = 0.5,
        match: float = 0.5,
        praise: bool = True,
        helping: bool = True,
        pairs: bool = False,
        beside: float = 0.0,
    ) -> None:
        super().__init__(G)
        if not 0 < likelihood_share < 1:
            raise ValueError(
                f"likelihood_share is a part of the run in (0, 1), not {likelihood_share}"
            )
        if min(match, beside) < 0:
            raise ValueError(f"match and beside are weights, 0 or more, not {match} and {beside}")
        if (pairs or beside) and not helping:
            raise ValueError(
                "pairs and beside need the real captions that helping=true reads: with "
                "game.helping=false, set game.pairs=false and game.beside=0"
            )
        self.D = cast(Any, D)
        check_twins(G, D)
        self.match, self.praise, self.helping = match, praise, helping
        self.pairs, self.beside = pairs, beside
        self.stages = (0.0, likelihood_share)
        self.register_buffer("copied", torch.zeros(()))

    def moves(self, step: int) -> tuple[str, ...]:
        return ("generator",) if self.by_likelihood else ("discriminator", "generator")

    @property
    def by_likelihood(self) -> bool:
        return self.clock.fraction < self.stages[1]

    def opening_words(self, images: int) -> str:
        share = self.stages[1]
        return (
            f"{round(share * images):,} of them ({100 * share:g} %) teach the writer by "
            "likelihood, before the discriminator begins"
        )

    def discriminator_loss(self, batch: Batch) -> Losses:
        self.begin()
        x, caption = batch["x"], ended(batch["caption"])
        with torch.no_grad():
            same, own = self.G.log_probabilities(caption, x)
        places, likely, fits = self.D(x, caption)
        scores = odds(likely, own)
        losses = {"real": known(softplus(-taken(scores, places)), places).mean()}
        if self.helping:
            fakes = known((own.exp() * softplus(scores)).sum(1), same)
        else:
            with torch.no_grad():
                written, same, own = self.written(x)
            _, likely, _ = self.D(x, written)
            fakes = (own.exp() * softplus(odds(likely, own))).sum(1)
        losses["fake"] = fakes.mean()
        if self.match and self.pairs:
            losses["match"] = self.told_apart(places, likely, fits, caption, batch)
        elif self.match:
            right, wrong = parted(fits, places, caption, ended(wrong_captions(batch)))
            losses["match"] = softplus(-right).mean() / 2
            losses["mismatch"] = softplus(wrong).mean() / 2
        return losses

    def generator_loss(self, batch: Batch) -> Losses:
        if self.by_likelihood:
            return super().generator_loss(batch)
        x = batch["x"]
        if self.helping:
            caption = ended(batch["caption"])
            places, logged = self.G.log_probabilities(caption, x)
        else:
            caption, places, logged = self.written(x)
        with torch.no_grad():
            _, likely, fits = self.D(x, caption)
            scores = odds(likely, logged).clamp(-MOST, MOST)
        p = logged.exp()
        losses = {"adversarial": -known((p * scores).sum(1), places).mean()}
        if self.beside:
            losses["likelihood"] = -self.beside * known(taken(logged, places), places).mean()
        if self.match and self.pairs:
            losses["matching"] = -self.moved(p, places, likely, fits, caption, batch)
        elif self.match:
            worth = fits.float().clamp(-MOST, MOST if self.praise else 0)
            paid = known((p * worth).sum(1), places).mean()
            losses["matching"] = -self.match * paid
        return losses

    def told_apart(
        self, places: Places, likely: Tensor, fits: Tensor, caption: Tensor, batch: Batch
    ) -> Tensor:
        """The discriminator's loss of pairs of words (Bradley, Terry 1952)."""
        at, words = differing(places, caption, batch)
        if not len(at):
            return fits.sum() * 0
        scores = (fits[at].float() + likely[at].detach().float()).gather(1, words)
        return softplus(scores[:, 1] - scores[:, 0]).mean()

    def moved(
        self,
        p: Tensor,
        places: Places,
        likely: Tensor,
        fits: Tensor,
        caption: Tensor,
        batch: Batch,
    ) -> Tensor:
        """What the writer is paid for its probabilities (M, V), a mean over pairs of words.

        At the optimum against a discriminator that knows the data, the words of a pair have the
        data's odds times those of the image to the power `match`, and together what they had. How
        they are worded has no part in that: synonyms are worth the same.
        """
        at, words = differing(places, caption, batch)
        if not len(at):
            return p.sum() * 0
        with torch.no_grad():
            scores = (fits[at].float() + likely[at].float()).gather(1, words)
            scores = (scores - scores.mean(1, keepdim=True)).clamp(-MOST, MOST)
            total = ((1 + self.match) * scores).logsumexp(1) - scores.logsumexp(1)
            worth = self.match * scores - total[:, None]
        return (p[at].gather(1, words) * worth).sum(1).mean()

    def written(self, x: Tensor) -> tuple[Tensor, Places, Tensor]:
        """As many captions as images, their places, and log probabilities (M, V) there."""
        found: tuple[Tensor, Places, Tensor] = self.G.write(self.latents_for(x), x)
        return found

    @torch.no_grad()
    def begin(self) -> None:
        """Let the discriminator start as a copy of the writer, once in a run."""
        if not self.copied:
            state = self.G.state_dict()
            self.D.load_state_dict(state, strict=False)
            self.copied.fill_(1)


def check_twins(G: nn.Module, D: nn.Module) -> None:
    """ValueError where the discriminator cannot begin as a copy of the writer."""
    own = {name: value.shape for name, value in D.state_dict().items()}
    for name, value in G.state_dict().items():
        if own.get(name) != value.shape:
            raise ValueError(
                f"the judge of captions has no {name} {tuple(value.shape)}, and it starts as a "
                "copy of the writer: give both the same widths, networks.*.hidden"
            )


def odds(likely: Tensor, own: Tensor) -> Tensor:
    """Log ratios (M, V) of the data's probabilities, by the judge, to the writer's own."""
    return likely.float() - own.detach().float().clamp_min(LEAST)


def ended(caption: Tensor) -> Tensor:
    """Captions (N, T) with room for an END behind the longest, (N, T + 1)."""
    return pad(caption.long(), (0, 1))


def known(values: Tensor, places: Places) -> Tensor:
    """Values (M,) of places, without those where a word is not in the vocabulary."""
    return values[places.tokens != UNKNOWN]


def parted(fits: Tensor, places: Places, caption: Tensor, wrong: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (m,) of the right and of the wrong word where captions (N, T) first differ.

    fits: logits (M, V) at the places of the right captions. Captions that do not differ are left
    out, and such that differ by a word that is not in the vocabulary; where none is left, zeros.
    """
    apart = caption != wrong
    first = apart.int().argmax(1)
    here = apart.any(1)[places.rows] & (places.columns == first[places.rows])
    there = wrong[places.rows, places.columns]
    here = here & (places.tokens != UNKNOWN) & (there != UNKNOWN)
    at = here.nonzero()[:, 0]
    if not len(at):
        return fits.new_zeros(1), fits.new_zeros(1)
    own = fits[at].float()
    return own.gather(1, places.tokens[at, None])[:, 0], own.gather(1, there[at, None])[:, 0]


def differing(places: Places, caption: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Where captions (N, T) and their wrong ones first differ: places (m,), and words (m, 2) there.

    The right word is the first. A caption has a pair for each of its wrong ones that differs from
    it, by words that are both in the vocabulary; where the data have no wrong ones, of another
    image's caption.
    """
    several = batch.get("caption_wrong", batch["caption"].roll(1, 0)[:, None])
    found, words = [], []
    for wrong in several.unbind(1):
        apart = caption != ended(wrong)
        first = apart.int().argmax(1)
        here = apart.any(1)[places.rows] & (places.columns == first[places.rows])
        there = ended(wrong)[places.rows, places.columns]
        here = here & (places.tokens != UNKNOWN) & (there != UNKNOWN)
        at = here.nonzero()[:, 0]
        found.append(at)
        words.append(torch.stack([places.tokens[at], there[at]], 1))
    return torch.cat(found), torch.cat(words)


def wrong_captions(batch: Batch) -> Tensor:
    """A wrong caption (N, T) for each image: wrong in one thing, or else another image's."""
    if "caption_wrong" in batch:
        return one_of(batch["caption_wrong"])
    return batch["caption"].roll(1, 0)
