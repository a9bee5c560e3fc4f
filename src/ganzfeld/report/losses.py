"""Charts of the losses, with a sentence on what each of them means."""

from __future__ import annotations

from collections.abc import Iterable

from ganzfeld.games.losses import draws_of
from ganzfeld.report.chart import Level, Line, chart
from ganzfeld.report.html import Html
from ganzfeld.report.record import Points, Record

COLOURS = {"r1": 1, "r2": 3, "gradient_penalty": 2}  # penalties, apart from each other's in hue
DASHED = frozenset({"r2"})  # it often lies on r1
LEVELLESS = frozenset({"wasserstein"})  # the generator's loss has no origin
WORDS = {
    "r1": "r1 punishes the discriminator's slope at real images, which keeps it smooth: spikes "
    "mean unsteady training.",
    "r2": "r2 does the same at generated images.",
    "gradient_penalty": "The gradient penalty keeps the discriminator's slope between real and "
    "generated images near 1; 0 is reached.",
    "reconstruction": "Reconstruction: how far decoded images are from the real ones; lower is "
    "closer.",
    "divergence": "Divergence: how far codes are from the noise that samples are drawn from.",
    "mmd": "Kernel distance between a batch of samples and one of real images; around 0 they "
    "cannot be told apart, and chance makes it negative.",
    "cycle_a": "Cycle: the mean change of an image that went to the other domain and back, times "
    "its weight.",
    "identity_a": "Identity: the mean change of an image that was in the wanted domain already, "
    "times its weight.",
}


def loss_charts(record: Record) -> Iterable[Html]:
    """A chart for each player, and one for its penalties: these are of another size."""
    game = record.config.game
    draws = draws_of(game.name, game.options)
    for player, terms in by_player(record).items():
        penalties = {term: points for term, points in terms.items() if term in COLOURS}
        others = {term: points for term, points in terms.items() if term not in COLOURS}
        name = f"Losses of the {player}" if player else "Losses"
        own = {t: draws[f"{player}/{t}"] for t in others if f"{player}/{t}" in draws}
        yield chart(
            name,
            [Line(term.replace("_", " "), points) for term, points in others.items()],
            levels=[
                Level(value, f"a draw: {value:.3f}")
                for value in dict.fromkeys(own.values())
                if len(set(own.values())) == 1
            ],
            caption=" ".join([*sentences(own, player, game.options), *words(others)]) or None,
        )
        lines = [
            Line(term.replace("_", " "), points, COLOURS[term], dashed=term in DASHED)
            for term, points in penalties.items()
        ]
        yield chart(f"Penalties of the {player}", lines, caption=" ".join(words(penalties)))


def by_player(record: Record) -> dict[str, dict[str, Points]]:
    found: dict[str, dict[str, Points]] = {}
    for name, points in record.losses().items():
        player, _, term = name.rpartition("/")
        found.setdefault(player, {})[term] = points
    return found


def words(terms: Iterable[str]) -> list[str]:
    return [WORDS[term] for term in terms if term in WORDS]


def sentences(draws: dict[str, float], player: str, options: dict[str, object]) -> list[str]:
    """What the level of an adversarial loss says. draws: its value at a draw, by term."""
    said = []
    for term, value in draws.items():
        who = player if term in ("adversarial", "real", "fake") else term
        if who == "discriminator":
            said.append(
                f"At {value:.3f} the discriminator cannot tell real from generated; below, it "
                "can. Far below while the generator's rises, it has won."
            )
        elif options.get("loss") in LEVELLESS:
            said.append("Its level means nothing: the critic's logits have no fixed origin.")
        else:
            said.append(
                f"At {value:.3f} it is a draw; above, its images are recognised more often."
            )
    return list(dict.fromkeys(said))
