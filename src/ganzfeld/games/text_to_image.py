"""Images from captions: a game of players that read, with encoders before it or phrase tables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganzfeld.core.types import Batch, Losses
from ganzfeld.games.base import Game
from ganzfeld.games.caption_terms import (
    apart,
    check_twins,
    contrast,
    in_part,
    one_of,
    some_of,
    told_apart,
    twice,
)
from ganzfeld.games.losses import LOSSES
from ganzfeld.games.penalties import derivatives


class TextToImage(Game):
    """A generator that draws what a caption says, against a discriminator that reads it too.

    With I, in the first part of the run the encoder of captions learns, beside an encoder of
    images: of all pairs in a batch, which belong together (symmetric InfoNCE). From then on it
    stands still, and the generator plays against the discriminator, which sees three kinds of
    pairs: real images with their captions; fakes; and real images with captions that are wrong
    (Reed et al. 2016). Half of those are wrong in one thing, where the data have such; the others
    are of other images.

    G: `CaptionGenerator`; its `text` is the encoder of captions. D: `CaptionDiscriminator`.
    I: `ImageEncoder`. None, where both players have tables of phrases: then nothing comes before
        the game, and it takes no option of encoders (agreement, near, knowing, blur, noise, a slope
        in the sentence).
    encoder_share: part of the run in which the encoders learn.
    temperature: of the InfoNCE loss.
    loss: a name in `ganzfeld.losses.LOSSES`, of those that are not paired.
    r1, r2: weights of the penalty on D's slope in image and sentence together, of real and of fake
        images. slope_in_sentence: False: in the image alone. Captions that differ in one thing lie
        close together, and a slope that tells them apart is dear.
    penalty_every: compute it in every k-th step only, with k times the weight.
    noise: standard deviation of what is added to each of a sentence's numbers.
    hard: part of the wrong captions that are wrong in one thing.
    agreement: weight of the encoders' own loss of fakes and their captions in the generator's (Xu
        et al. 2018, "AttnGAN", of whole sentences); 0: D alone reads.
    near: how many captions that are wrong in one thing each image is told from while the encoders
        learn, and each fake in the agreement, where the data have such. All that such a caption
        asks is whether one thing is as it was said: what a caption leaves open is not touched. 0:
        one while the encoders learn, and the agreement is among the captions of the batch.
    knowing: D begins as a copy of the encoder of images, so that it tells right captions from
        wrong ones from its first step. What a generator finds that pleases a frozen encoder and
        is no image, D unlearns.
    telling: weight of a loss of both players in the game: D's logits of an image should name its
        caption among wrong ones. D learns this from real images, G is asked it of fakes (Zhang et
        al. 2021, "XMC-GAN", of whole sentences). The wrong ones are all that are wrong in one
        thing, where the data have such, and those of two other images. What D thinks of the image
        alone cancels out. 0: none.
    naming: with tables of phrases: weight of a loss of D that says of real images which phrases
        their captions have (`TextToImage.named`). It teaches D to read much sooner than wrong
        captions do. naming_of_fakes: the same of fakes, in the generator's loss (both: Odena et al.
        2017, "AC-GAN", with phrases for classes). 0: none. naming_scale: the logits of names are so
        many times what phrases add to the verdict. Names want a steep slope, which R1 and R2 hold
        down in the verdict.
    partial: with tables of phrases: part of the captions of which both players read stretches alone
        (`caption_terms.in_part`). Such ones are still true of their image, and so the game knows
        short prompts, which captions of the data may never be. 0: none.
    seeking: weight of a loss of the generator, which draws two images of each caption then: minus
        the logarithm of how far they are apart (mode seeking, Mao et al. 2019). 0: none.
    blur: standard deviation of what is added to each pixel before the encoder of images sees it,
        so that it does not hang on single pixels.
    """

    copied: Tensor

    players = {  # noqa: RUF012
        "encoder": ("G.text", "I"),
        "discriminator": ("D",),
        "generator": ("G.body",),
    }
    averaged = shipped = ("G",)
    exact = ("G.text",)
    whole_batch = "captions against each other"

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        I: nn.Module | None = None,  # noqa: E741
        *,
        encoder_share: float = 0.1,
        temperature: float = 0.1,
        loss: str = "non-saturating",
        r1: float = 1.0,
        r2: float = 1.0,
        slope_in_sentence: bool = True,
        penalty_every: int = 4,
        noise: float = 0.1,
        hard: float = 0.5,
        agreement: float = 0.3,
        near: int = 0,
        knowing: bool = False,
        blur: float = 0.0,
        telling: float = 0.0,
        naming: float = 0.0,
        naming_of_fakes: float = 0.0,
        naming_scale: float = 1.0,
        seeking: float = 0.0,
        partial: float = 0.0,
    ) -> None:
        super().__init__()
        if loss not in LOSSES or LOSSES[loss].paired:
            known = ", ".join(name for name, entry in LOSSES.items() if not entry.paired)
            raise ValueError(f"text-to-image takes a loss out of {known}, not {loss!r}")
        if I is None:
            encoder_share = 0.0
            self.players = {name: self.players[name] for name in ("discriminator", "generator")}
        elif not 0 < encoder_share < 1:
            raise ValueError(f"encoder_share is a part of the run in (0, 1), not {encoder_share}")
        if not (0 <= hard <= 1 and 0 <= partial <= 1):
            raise ValueError(f"hard and partial are parts in [0, 1], not {hard} and {partial}")
        if naming_scale <= 0:
            raise ValueError(f"game.naming_scale is above 0, not {naming_scale}")
        if partial and telling:
            raise ValueError("game.partial and game.telling exclude each other: leave one at 0")
        weights = {"near": near, "blur": blur, "telling": telling}
        weights |= {"naming": naming, "naming_of_fakes": naming_of_fakes, "seeking": seeking}
        if min(weights.values()) < 0:
            raise ValueError(
                f"{', '.join(weights)} are 0 or more, not {', '.join(map(str, weights.values()))}"
            )
        self.G, self.D, self.I = cast(Any, G), cast(Any, D), cast(Any, I)
        outputs = self.G.text.width if I is None else self.I.outputs
        widths = (self.G.text.width, self.D.direction.in_features, outputs)
        if len({*widths}) > 1:
            raise ValueError(
                "networks.G.sentence, networks.D.sentence and networks.I.outputs are one number, "
                f"not {', '.join(map(str, widths))}"
            )
        tables = {self.G.body.table is not None, self.D.table is not None, I is None}
        if len(tables) > 1:
            raise ValueError(
                "networks.G.phrase_table=true and networks.D.phrase_table=true go together, and "
                "the encoder of images, I, is left out then"
            )
        if I is None and (agreement or near or knowing or blur or noise or slope_in_sentence):
            raise ValueError(
                "tables of phrases take no option of encoders: leave game.agreement, game.near, "
                "game.knowing, game.blur and game.noise at 0, and game.slope_in_sentence=false, or "
                "take the recipe text-to-image-encoder"
            )
        if I is not None and (naming or naming_of_fakes or partial or naming_scale != 1):
            raise ValueError(
                "game.naming, game.naming_of_fakes, game.naming_scale and game.partial need tables "
                "of phrases, which the recipe text-to-image has (networks.*.phrase_table=true, and "
                "no networks.I)"
            )
        self.latent = cast(int, G.latent)
        self.adversarial = LOSSES[loss]
        self.temperature, self.noise, self.hard = temperature, noise, hard
        self.r1, self.r2, self.agreement = r1, r2, agreement
        self.slope_in_sentence = slope_in_sentence
        self.near, self.blur, self.knowing, self.telling = near, blur, knowing, telling
        self.naming, self.naming_of_fakes, self.seeking = naming, naming_of_fakes, seeking
        self.naming_scale, self.partial = naming_scale, partial
        if knowing:
            check_twins(self.I, D)
            self.register_buffer("copied", torch.zeros(()))
        self.period = self.penalty_every = penalty_every
        self.share = encoder_share
        self.stages = (0.0, encoder_share) if encoder_share else (0.0,)

    def moves(self, step: int) -> tuple[str, ...]:
        if self.clock.fraction < self.share:
            return ("encoder",)
        return ("discriminator", "generator")

    def opening_words(self, images: int) -> str:
        if not self.share:
            return ""
        return (
            f"{round(self.share * images):,} of them ({100 * self.share:g} %) teach the encoder of "
            "captions, which then stands still"
        )

    # The encoders

    def encoder_loss(self, batch: Batch) -> Losses:
        """The symmetric loss of both encoders, half for each direction; see `contrast`."""
        self.I.train()
        caption, wrong = batch["caption"], None
        said = self.G.text.plain(caption)
        self.G.text.watch(said)
        if "caption_wrong" in batch:
            wrong = self.near_sentences(
                batch["caption_wrong"], max(self.near, 1), self.G.text.plain
            )
        if self.near:  # as both players will see them: what is weaker than the noise is lost
            said = self.noisy(said)
            wrong = None if wrong is None else self.noisy(wrong)
        by_image, by_caption = contrast(
            self.seen(batch["x"]), said, caption, wrong, self.temperature
        )
        return {"of_images": by_image / 2, "of_captions": by_caption / 2}

    def near_sentences(self, wrong: Tensor, count: int, read: Callable[[Tensor], Tensor]) -> Tensor:
        """Sentences (N, count, width) of captions (N, K, T) that are wrong in one thing."""
        chosen = some_of(wrong, count)
        found = read(chosen.flatten(0, 1))
        return found.view(*chosen.shape[:2], -1)

    def noisy(self, sentence: Tensor) -> Tensor:
        return sentence + self.noise * torch.randn_like(sentence) if self.noise else sentence

    def seen(self, x: Tensor, **options: bool) -> Tensor:
        """The vectors (N, width) of images, on which some noise lies."""
        found: Tensor = self.I(x + self.blur * torch.randn_like(x) if self.blur else x, **options)
        return found

    def read(self, caption: Tensor) -> Tensor:
        """Sentences (N, width) as the generator is given them; whitened ones need all digits."""
        exact = torch.autocast(caption.device.type, enabled=False)
        with exact if self.G.text.whitens else nullcontext():
            return cast(Tensor, self.G.text.read(caption))

    def wrong(self, batch: Batch) -> Tensor:
        """A wrong caption (N, T) for each image."""
        other = batch["caption"].roll(1, 0)
        if "caption_wrong" not in batch or not self.hard:
            return other
        near = one_of(batch["caption_wrong"])
        chosen = torch.rand(len(other), 1, device=other.device) < self.hard
        return torch.where(chosen, near, other)

    # The game

    def fake(self, sentence: Tensor) -> Tensor:
        return cast(Tensor, self.G.body(self.latents_for(sentence), sentence))

    def sentences(self, caption: Tensor) -> Tensor:
        """What captions (N, T) say, as both players are given it."""
        if self.partial:
            caption = in_part(caption, self.partial)
        return self.noisy(self.read(caption).detach())

    def discriminator_loss(self, batch: Batch) -> Losses:
        if self.I is None:
            self.G.text.count(batch["caption"])
        else:
            self.G.text.settle()
        x, sentence = batch["x"], self.sentences(batch["caption"])
        if self.knowing:
            self.begin(x)
        wrong = self.sentences(self.wrong(batch))
        with torch.no_grad():
            fake = self.fake(sentence)
        lazily = self.penalty_every if self.clock.step % self.penalty_every == 0 else 0
        penalties: Losses = {}
        if self.r1 and lazily:
            features, real, squared = self.judged_with_slope(x, sentence)
            penalties["r1"] = lazily * self.r1 / 2 * squared.mean()
        else:
            features = self.D.features(x)
            real = self.logits(features, sentence)
        mismatch = self.logits(features, wrong)
        if self.r2 and lazily:
            _, fakes, squared = self.judged_with_slope(fake, sentence)
            penalties["r2"] = lazily * self.r2 / 2 * squared.mean()
        else:
            fakes = self.logits(self.D.features(fake), sentence)
        # half of the loss of fakes is that of wrong pairs
        halves = [self.adversarial.discriminator(real, other) for other in (fakes, mismatch)]
        losses = {"adversarial": halves[0].mean() / 2, "mismatch": halves[1].mean() / 2}
        if self.telling:
            losses["telling"] = self.telling * self.told(features, sentence, batch)
        if self.naming:
            losses["naming"] = self.naming * self.named(features, self.read(batch["caption"]))
        return losses | penalties

    def named(self, features: Tensor, rows: Tensor) -> Tensor:
        """Cross-entropy, in nats an image, of which known phrases captions have, by D's features.

        rows: (N, L), of the phrases of captions. The logit of a phrase is how frequent it is, and a
        multiple of what it adds to D's logit along the sentence: so the verdict has what D learns.
        """
        text = self.G.text
        known = text.known[:, 0].nonzero()[:, 0]
        there = torch.zeros(len(rows), len(text.counts), device=rows.device)
        there = there.scatter_(1, rows.long(), 1.0)[:, known]
        frequent = (text.counts[known] / text.captions).clamp(1e-6, 1 - 1e-6).logit()
        logits = self.naming_scale * self.D.phrases(features, known).float() + frequent
        loss = nn.functional.binary_cross_entropy_with_logits
        return loss(logits, there, reduction="sum") / len(rows)

    def told(self, features: Tensor, sentence: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of sentences (N, width) among wrong ones, by D's logits of features."""
        caption, others = batch["caption"], [sentence.roll(by, 0)[:, None] for by in (0, 1, 2)]
        if "caption_wrong" in batch:
            near = batch["caption_wrong"]
            with torch.no_grad():
                others.insert(1, self.noisy(self.near_sentences(near, near.shape[1], self.read)))
        among = torch.cat(others, 1)
        logits = self.D.verdicts(features, among).float()
        same = torch.stack([(caption == caption.roll(by, 0)).all(1) for by in (1, 2)], 1)
        hidden = nn.functional.pad(same, (among.shape[1] - 2, 0))  # equal ones are no opponents
        logits = logits.masked_fill(hidden, -1e4)
        return cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))

    @torch.no_grad()
    def begin(self, x: Tensor) -> None:
        """Let D start as the encoder of images (N, C, H, W), once in a run.

        Its logit along the sentence is then the likeness of the InfoNCE loss, but that all images
        of this batch count as equally long vectors.
        """
        if self.copied:
            return
        self.D.layers.load_state_dict(self.I.layers.state_dict())
        flat = self.D.features(x).flatten(1).float()
        weight, bias = self.I.linear.weight, self.I.linear.bias
        length = (flat @ weight.T + bias).norm(dim=1).mean()
        scale = 1 / (self.temperature * weight.shape[0] ** 0.5 * length)
        matrix, around = self.G.text.origin()
        self.D.direction.bias.copy_(scale * (weight.T @ around))
        self.D.direction.weight.copy_(scale * (weight.T @ matrix))
        self.copied.fill_(1)

    def logits(self, features: Tensor, sentence: Tensor) -> Tensor:
        found: Tensor = self.D.verdict(features, sentence)
        return found.to(torch.promote_types(found.dtype, torch.float32))

    def judged_with_slope(self, x: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of images, their logits (N,), and the squared norm (N,) of the gradient in
        image and sentence, or in the image alone."""

        def total(x: Tensor, sentence: Tensor = sentence) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            features = self.D.features(x)
            logits = self.logits(features, sentence)
            return logits.sum(), (features, logits)

        own = (x, sentence) if self.slope_in_sentence else (x,)
        slopes, (features, logits) = derivatives(total, *own)
        squared = sum(slope.float().square().flatten(1).sum(1) for slope in slopes)
        return features, logits, cast(Tensor, squared)

    def generator_loss(self, batch: Batch) -> Losses:
        if self.seeking:
            batch = twice(batch)
        sentence = self.sentences(batch["caption"])
        z = self.latents_for(sentence)
        fake = self.G.body(z, sentence)
        features = self.D.features(fake)
        logits = self.logits(features, sentence)
        losses = {"adversarial": self.adversarial.generator(logits, logits).mean()}
        if self.seeking:
            losses["seeking"] = -self.seeking * apart(fake, z)
        if self.telling:
            losses["telling"] = self.telling * self.told(features, sentence, batch)
        if self.naming_of_fakes:
            losses["naming"] = self.naming_of_fakes * self.named(features, sentence)
        if self.agreement:
            losses["agreement"] = self.agreement * self.disagreement(fake, sentence, batch)
        return losses

    def disagreement(self, fake: Tensor, sentence: Tensor, batch: Batch) -> Tensor:
        """How badly the encoders find a fake's own sentence among others.

        sentence: (N, width), as the generator was given it.
        """
        self.I.eval()  # its normalisation stands still, too
        if self.G.text.whitens:
            with torch.no_grad():
                sentence = self.noisy(self.G.text.plain(batch["caption"]))
        if not self.near or "caption_wrong" not in batch:
            said = contrast(self.seen(fake), sentence, batch["caption"], None, self.temperature)
            return (said[0] + said[1]) / 2
        with torch.no_grad():
            near = self.near_sentences(batch["caption_wrong"], self.near, self.G.text.plain)
            wrong = self.noisy(near)
        return told_apart(self.seen(fake, held=True), sentence, wrong, self.temperature)

    def sample(
        self,
        z: Tensor,
        y: Tensor | None = None,
        c: Tensor | None = None,
        caption: Tensor | None = None,
    ) -> Tensor:
        """Images (N, C, H, W) of latents (N, latent) and captions (N, T), word numbers."""
        return cast(Tensor, self.G(z, y, caption))
