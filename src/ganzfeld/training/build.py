"""Build networks, games, optimizers and schedules from their names, a user's own included."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganzfeld.config import Config
from ganzfeld.config import Optimiser as OptimiserConfig
from ganzfeld.core import distributed, optimizers, runtime
from ganzfeld.core.latents import PORTABLE
from ganzfeld.core.plugins import call, find, options_of
from ganzfeld.core.randomness import WIDE, seed_globally
from ganzfeld.core.schedules import DECAYS
from ganzfeld.data.caption_draws import drawn
from ganzfeld.data.conditions import is_captioned
from ganzfeld.data.held import training
from ganzfeld.data.vicinity import nearby
from ganzfeld.errors import UsageError
from ganzfeld.games import GAMES, Game
from ganzfeld.games.ema import Averages
from ganzfeld.modalities import Spec, modality_of
from ganzfeld.models.tasks import task_of_run
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.build import build_network
from ganzfeld.networks.gemm_conv import as_products, deep_layers, product_cost
from ganzfeld.training.trainer import Data, Schedule, Trainer
from ganzfeld.training.trainer_checks import check_game, check_shipping
from ganzfeld.training.width_rates import for_width

OPTIMISERS: dict[str, type[Optimizer]] = {
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
    "sgd": optimizers.SGD,
    "rmsprop": optimizers.RMSprop,
}


# columns of conditions
CONDITIONS = ("c", "caption", "caption_length", "caption_wrong", "caption_several")
WORTH_IT = 0.9  # of the usual time, from which another way of computing is taken


def complete(config: Config) -> Config:
    """Write out every default of the networks and of the game, for the record of a run."""
    makers = [(p, find(p.name, NETWORKS, "network")) for p in config.networks.values()]
    for part, make in [*makers, (config.game, find(config.game.name, GAMES, "game"))]:
        for name, parameter in options_of(make).items():
            if parameter.default is not parameter.empty and name not in config.networks:
                part.options.setdefault(name, parameter.default)
    return config


def precision_for(config: Config, device: torch.device) -> str:
    """The precision of a run on this device; "auto" is bfloat16 where it is faster on a CPU."""
    if config.run.precision != "auto":
        return config.run.precision
    if device.type != "cpu" or config.run.deterministic:
        return "float32"
    return "bfloat16" if pays(runtime.bfloat16_cost()) else "float32"


def products_for(config: Config, game: Game, device: torch.device) -> bool:
    """Whether a run's deep convolutions go by products; left open: where a CPU is faster so."""
    if config.run.products is not None:
        return config.run.products
    if config.run.deterministic:
        return False
    if device.type != "cpu" or precision_for(config, device) != "float32" or config.run.compile:
        return False
    return bool(deep_layers(game)) and pays(product_cost())


def pays(cost: float) -> bool:
    """Whether what was measured here, in times of the usual, is worth it for every process."""
    return distributed.largest(round(100 * min(cost, 100.0))) <= 100 * WORTH_IT


def build_game(config: Config) -> Game:
    """The game with freshly initialised networks: a function of the configuration and its seed."""
    seed_globally(config.run.seed, "initialise", noise=config.run.noise or WIDE)
    networks = {name: build_network(part) for name, part in config.networks.items()}
    make = find(config.game.name, GAMES, "game")
    game: Game = call(f"game {config.game.name}", make, **networks, **config.game.options)
    return game


def build_optimiser(config: OptimiserConfig, parameters: list[nn.Parameter]) -> Optimizer:
    make = find(config.name, OPTIMISERS, "optimiser")
    accepted = inspect.signature(make).parameters
    options = {"lr": config.lr, **config.options}
    if "betas" in accepted:
        options.setdefault("betas", config.betas)
    if "fused" in accepted:
        options.setdefault("fused", all(p.device.type in ("cpu", "cuda") for p in parameters))
    optimiser: Optimizer = call(f"optimiser {config.name}", make, parameters, **options)
    return optimiser


def build_schedule(config: OptimiserConfig, total: int, batch_size: int) -> Schedule:
    """Learning rate and second beta as functions of the images seen, of `total`."""
    final_lr = config.lr if config.final_lr is None else min(config.lr, config.final_lr)
    final_beta2 = config.betas[1] if config.final_beta2 is None else config.final_beta2
    decay = find(config.decay, DECAYS, "decay")
    hold, burn_in = config.hold, config.burn_in
    if config.hold_steps is not None:
        hold = min(hold, config.hold_steps * batch_size / total)
    if config.burn_in_steps is not None:
        burn_in = min(burn_in, config.burn_in_steps * batch_size / total)
    if not 0 <= hold < burn_in <= 1:
        raise UsageError(
            f"a rate that is held for {hold:g} of a run cannot have fallen after "
            f"{burn_in:g} of it: hold should lie below burn_in, both between 0 and 1",
            fix="--set 'optimisers.*.hold=0' 'optimisers.*.hold_steps=0'   "
            "to let it fall from the start",
        )
    has_betas = "betas" in inspect.signature(find(config.name, OPTIMISERS, "optimiser")).parameters

    def schedule(images: int) -> dict[str, Any]:
        done = max(images / total - hold, 0.0) / (burn_in - hold)
        rise = min(1.0, (images + 1) / (config.warm_up * total)) if config.warm_up else 1.0
        settings: dict[str, Any] = {"lr": rise * decay(config.lr, final_lr, done)}
        if has_betas and config.final_beta2 is not None:
            beta2 = decay(config.betas[1], final_beta2, done)
            settings["betas"] = (config.betas[0], beta2)
        return settings

    return schedule


def build_trainer(config: Config, data: Data, device: torch.device) -> Trainer:
    """Everything a run needs to take its first step; `config.run.images` must be known.

    The trainer draws from the data without those that `config.data.held_out` keeps back.

    What was left open is written into the configuration: run.precision and run.products, for this
    machine, and run.latents and run.noise.
    """
    run, ema = config.run, config.ema
    run.latents, run.noise = run.latents or PORTABLE, run.noise or WIDE
    specs = task_of_run(config).specs(config)
    kind = modality_of(next(iter(specs.values())))
    vary = call(
        "the data's variation",
        kind.variation,
        mirror=config.data.mirror,
        jitter=config.data.jitter,
        together=config.data.kind == "paired",
        noise=run.noise,
    )
    if is_captioned(config.data.conditions):
        vary = drawn(vary, run.noise)
    vary = nearby(config.data.conditions, config.data.vicinity, vary, run.noise)
    game = build_game(config).to(device)
    check_game(game)
    kind.layout(game)
    run.precision = precision_for(config, device)
    run.products = products_for(config, game, device)
    if run.products:
        as_products(game)
    check_shipping(game)
    optimisers = {}
    for player, networks in game.players.items():
        if player not in config.optimisers:
            raise UsageError(f"the configuration has no optimiser for the {player}")
        parameters = [p for name in networks for p in game.get_submodule(name).parameters()]
        optimisers[player] = build_optimiser(config.optimisers[player], parameters)
    return Trainer(
        game,
        optimisers,
        training(data, config.data.held_out),
        batch_size=run.batch_size,
        seed=run.seed,
        total=run.images,
        schedules=schedules_of(config, game),
        vary=vary,
        average=Averages(game, half_life(config), ema.ramp, ema.spans),
        device=device,
        precision=run.precision,
        compile=run.compile,
        noise=run.noise,
        to_network={name: ready_for(spec) for name, spec in specs.items()},
        accumulate=run.accumulate,
        leave_out=() if config.data.conditions else CONDITIONS,
    )


def schedules_of(config: Config, game: Game) -> dict[str, Schedule]:
    """The settings of each player's optimiser over the images of the run."""
    run = config.run
    assert run.images is not None
    return {
        player: build_schedule(for_width(config, player, networks), run.images, run.batch_size)
        for player, networks in game.players.items()
    }


def half_life(config: Config) -> float:
    """That of the averages, in images: by default a twentieth of the run."""
    chosen, total = config.ema.half_life_images, config.run.images
    assert total is not None
    return 0.05 * total if chosen is None else chosen


def set_length(trainer: Trainer, config: Config) -> None:
    """Let the trainer's clock, schedules and averages follow the images that are to be seen now."""
    trainer.total = config.run.images
    trainer.schedules = schedules_of(config, trainer.game)
    if isinstance(trainer.average, Averages):
        trainer.average.last(half_life(config))


def ready_for(spec: Spec) -> Callable[[Tensor], Tensor]:
    """What turns stored samples into those of a network."""
    kind = modality_of(spec)
    return lambda x: kind.arrange(kind.to_network(x, spec))
