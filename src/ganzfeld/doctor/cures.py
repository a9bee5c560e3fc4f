"""Cures as commands: settings of a run that papers or trackers have seen help, changed."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from ganzfeld.config import Config
from ganzfeld.core.names import quoted
from ganzfeld.core.trust import trust
from ganzfeld.games import GAMES
from ganzfeld.modalities import modality_of, spec_of

Settings = list[str]
FRESH = frozenset(
    {"blank", "generator-still", "broken", "average-behind"}
)  # weights that are not worth keeping, as are those of games that a longer run cures


def penalties(config: Config, factor: float) -> Settings:
    """R1 and R2 times a factor; the least that papers use where there are none."""
    options, found = config.game.options, []
    for name in ("r1", "r2"):
        if name not in options:
            continue
        value = options[name]
        if isinstance(value, list | tuple):
            found.append(f"game.{name}=[{', '.join(f'{factor * v:g}' for v in value)}]")
        elif value or factor > 1:
            found.append(f"game.{name}={factor * value if value else 1:g}")
    return found


def rates(config: Config, factor: float, *players: str) -> Settings:
    """Learning rates times a factor; without names those of all players."""
    return [
        f"optimisers.{player}.lr={factor * optimiser.lr:g}"
        for player, optimiser in config.optimisers.items()
        if not players or player in players
    ]


def batch(config: Config) -> Settings:
    return [f"run.batch_size={2 * config.run.batch_size}"]


def augmented(config: Config) -> Settings:
    """What the discriminator sees is transformed, more of it the surer it is (Karras 2020)."""
    options = config.game.options
    if "augment" not in options or options.get("difference") or not images(config):
        return penalties(config, 4)
    if options["augment"] == "adaptive":
        return penalties(config, 4)
    return ["game.augment=adaptive"]


def images(config: Config) -> bool:
    data = config.data
    return modality_of(spec_of(data.spec, (data.channels or 1, *(data.size or (1, 1))))).draws


def ripens(config: Config) -> bool:
    """Whether the game says so; what a user's own says would take running its code."""
    return config.game.name in GAMES and GAMES[config.game.name].longer_cures


def varied(config: Config) -> Settings:
    """More samples to learn from at once, or a longer run where that is what a game needs."""
    if ripens(config):
        return [f"run.images={3 * config.run.images}"] if config.run.images else []
    return [*penalties(config, 4), *batch(config)]


def calmer(config: Config) -> Settings:
    return [*rates(config, 0.5), *penalties(config, 4)]


def even(config: Config) -> Settings:
    """A loss whose gradient does not vanish where the discriminator is sure, and a slower D."""
    saturates = config.game.options.get("loss") == "saturating"
    return [
        *(["game.loss=non-saturating"] if saturates else []),
        *rates(config, 0.5, "discriminator"),
        *penalties(config, 4),
    ]


def quicker(config: Config) -> Settings:
    """Averages over a fiftieth of the run at most, and never over more than a part of the past."""
    own, usual = config.ema.half_life_images, 0.02 * (config.run.images or 0)
    half_life = min(own / 4, usual) if own and usual else usual
    ramp = config.ema.ramp
    return [
        f"ema.half_life_images={half_life:g}",
        *([] if ramp is not None and ramp <= 0.05 else ["ema.ramp=0.05"]),
    ]


CURES: dict[str, Callable[[Config], Settings]] = {
    "broken": lambda config: rates(config, 0.5),
    "blank": lambda config: rates(config, 0.5),
    "divergence": calmer,
    "mode-collapse": varied,
    "class-collapse": lambda config: [*penalties(config, 4), *batch(config)],
    "memorisation": augmented,
    "discriminator-overfits": augmented,
    "vanishing-gradient": even,
    "average-behind": quicker,
    "oscillation": lambda config: rates(config, 0.5),
    "discriminator-weak": lambda config: [
        *rates(config, 2, "discriminator"),
        *penalties(config, 0.1),
    ],
}
OTHERWISE = {  # what to look at where no setting is known to help: questions, and sentences
    "generator-still": "Is its learning rate 0, are its weights frozen, or its steps skipped?",
    "discriminator-still": "Is its learning rate 0, are its weights frozen, or its steps skipped?",
    "data-altered": "Are samples and their labels brought to the networks as they are stored?",
    "latents-repeat": "Are latents drawn anew in each step, and for each sample?",
    "discriminator-noisy": "Does its network draw at random where it judges, not only in training?",
    "partly-seen": "Does the discriminator get whole samples, and all their channels?",
    "partly-stuck": "Does the generator's last layer reach every channel, and does it learn?",
    "optimiser-forgets": "Is the optimiser made anew, or its state cleared, while it trains?",
    "condition-ignored": "Do the labels belong to the samples?",
    "spectral-artefacts": "No setting is known to mend it: a recipe with other upsampling may.",
}


def cure(name: str, config: Config | None, run: Path | None) -> list[str]:
    """Commands that may help against an illness; first, in words, what to look at.

    config, run: of the run; without them, only words are known.
    """
    found = [OTHERWISE[name]] if name in OTHERWISE else []
    if config is None or run is None:
        told = "ganzfeld doctor RUN, with the run's folder, gives a command"
        return [*found, told] if name in CURES else found
    if name == "condition-ignored":
        return [*found, f"ganzfeld data check {shlex.quote(config.data.source)}"]
    settings = CURES[name](config) if name in CURES else []
    if not settings:
        return found
    fresh = name in FRESH or ripens(config)
    start = "" if fresh else f" --init {quoted(run)}"
    out = quoted(run.with_name(f"{run.name}-treated"))
    changed = " ".join(shlex.quote(setting) for setting in settings)
    file = quoted(run / "config.json")
    return [
        *found,
        f"ganzfeld train --config {file}{start} --out {out} --set {changed}{trust(config)}",
    ]
