"""Adversarial losses: pairs of pure functions of logits.

Each function takes logits of shape (N,) and returns one loss a sample, (N,); the game takes the
mean. A logit is high where the discriminator believes a sample to be real.

Example::

    import torch
    from ganzfeld import losses

    real, fake = torch.randn(8), torch.randn(8)  # logits
    for name, pair in losses.LOSSES.items():
        print(name, pair)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)

ODDS = 40.0  # logits beyond are taken for this: e^40 times a slope of e^-40 is safe in float32


class AdversarialLoss(NamedTuple):
    discriminator: Callable[[Tensor, Tensor], Tensor]  # (real, fake) -> (N,)
    generator: Callable[[Tensor, Tensor], Tensor]  # (fake, real) -> (N,)
    paired: bool = False  # True: the generator's loss looks at the real logits
    # of a fake's logit and its real partner's: the generator's slope over the discriminator's;
    # None: the latter may be zero where the former is not
    ratio: Callable[[Tensor, Tensor], Tensor] | None = None
    boundary: float | None = 0.0  # logit between real and fake; None: only differences count


def logistic(real: Tensor, fake: Tensor) -> Tensor:
    """Cross-entropy of real against fake (Goodfellow et al. 2014, eq. 1), from logits."""
    return softplus(-real) + softplus(fake)


def saturating(fake: Tensor, real: Tensor) -> Tensor:
    """The generator's half of the minimax game: log(1 - D(G(z))) (Goodfellow et al. 2014, eq. 1).

    Its gradient vanishes where the discriminator is sure, hence the name.
    """
    return -softplus(fake)


def non_saturating(fake: Tensor, real: Tensor) -> Tensor:
    """-log D(G(z)) (Goodfellow et al. 2014, section 3): strong gradients where it matters."""
    return softplus(-fake)


def least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """Targets 1 for real and 0 for fake (Mao et al. 2017, eq. 9)."""
    return 0.5 * (real - 1) ** 2 + 0.5 * fake**2


def least_squares_generator(fake: Tensor, real: Tensor) -> Tensor:
    """Target 1 for fake (Mao et al. 2017, eq. 9)."""
    return 0.5 * (fake - 1) ** 2


def wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """The critic's difference (Arjovsky et al. 2017, eq. 2); it needs a gradient penalty."""
    return fake - real


def negative_logit(fake: Tensor, real: Tensor) -> Tensor:
    """The generator's half of the Wasserstein and of the hinge game."""
    return -fake


def opposite(fake: Tensor, real: Tensor) -> Tensor:
    """The players' slopes in a zero-sum game: one is the negative of the other."""
    return -fake.new_ones(fake.shape)


def odds(fake: Tensor, real: Tensor) -> Tensor:
    """-(1 - D) / D in the logits of fakes, D = sigmoid(fake): against vanishing gradients."""
    return -(-fake.clamp(-ODDS, ODDS)).exp()


def paired_odds(fake: Tensor, real: Tensor) -> Tensor:
    """The same in the difference of a pair."""
    return odds(fake - real, real)


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Margins of one on either side (Lim and Ye 2017; Miyato et al. 2018, eq. 16)."""
    return relu(1 - real) + relu(1 + fake)


def relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """Real against fake, pair by pair (Jolicoeur-Martineau 2018; Huang et al. 2024, eq. 2)."""
    return softplus(fake - real)


LOSSES: dict[str, AdversarialLoss] = {
    "saturating": AdversarialLoss(logistic, saturating, ratio=opposite),
    "non-saturating": AdversarialLoss(logistic, non_saturating, ratio=odds),
    "least-squares": AdversarialLoss(least_squares, least_squares_generator, boundary=0.5),
    "wasserstein": AdversarialLoss(wasserstein, negative_logit, ratio=opposite, boundary=None),
    "hinge": AdversarialLoss(hinge, negative_logit),
    # The same function serves both: each player wants its own side to win the pair.
    "relativistic": AdversarialLoss(
        relativistic, relativistic, paired=True, ratio=paired_odds, boundary=None
    ),
}


def draw_of(loss: str) -> dict[str, float]:
    """What each player's loss is where D cannot tell real from fake at all, by player.

    Every logit then lies on the boundary. The generator's loss of `wasserstein` and of `hinge` is
    -D(fake): its own level means nothing for the former, whose logits have no fixed origin.
    """
    entry = LOSSES[loss]
    logit = torch.tensor([entry.boundary or 0.0])
    return {
        "discriminator": float(entry.discriminator(logit, logit)),
        "generator": float(entry.generator(logit, logit)) + 0.0,  # no -0.0
    }


def draws_of(game: str, options: Mapping[str, Any]) -> dict[str, float]:
    """The value of a draw by the names that a game logs; {} for games without one."""
    if game in SYMBOLS and options.get("estimator", "expected") in JUDGED:
        return dict.fromkeys(("discriminator/real", "discriminator/fake"), math.log(2))
    if game not in LOGGED or options.get("loss", "non-saturating") not in LOSSES:
        return {}
    draw = draw_of(options.get("loss", "non-saturating"))
    names = ("both/discriminator", "both/generator") if options.get("one_stage") else TERMS
    return dict(zip(names, (draw["discriminator"], draw["generator"]), strict=True))


TERMS = ("discriminator/adversarial", "generator/adversarial")
LOGGED = ("adversarial", "table-gan")  # games whose players log them
SYMBOLS = ("text-gan", "text-pix2pix", "image-to-text")  # games whose D judges symbols
JUDGED = ("expected", "reinforce")  # estimators of those that do
