"""What a model of one task is: the networks in its folder, what it says of itself, its use."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ganzfeld.config import Config, Part, from_dict
from ganzfeld.core.names import quoted
from ganzfeld.core.plugins import find
from ganzfeld.core.trust import refuse, trust
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.games import GAMES, Game
from ganzfeld.modalities import Spec, modality_of, spec_of
from ganzfeld.models.fitting import fitted

Weights = dict[str, Tensor]


def learned_from(data: Mapping[str, Any], noun: str) -> str:
    """How many samples a model's data have, and how many of them it never saw. For its card."""
    held = data.get("held_out") or 0
    verb = "was" if held == 1 else "were"
    return f"{data['samples']:,} {noun}" + (f", {held:,} of which {verb} held out" if held else "")


def sources(data: Mapping[str, Any]) -> str:
    """What a model's data are called, both domains where these lay apart."""
    return " and ".join(filter(None, (data["source"], data.get("other"))))


def title_of(about: Mapping[str, Any]) -> str:
    """The title of a model's card: what it was trained on, and by which recipe."""
    return f"{sources(about['training']['data'])}, trained by the recipe {about['recipe']}"


class Task:
    """What a model takes and makes. A task is one subclass here, and one in `training.tasks`.

    name: as games and models have it. noun: what its samples are called in a report; None: as
    their kind has it. inputs: what stays the same from grid to grid in training. command: of
    `ganzfeld`, that uses such a model, with its arguments after MODEL.
    """

    name: str = ""
    noun: str = "Samples"
    inputs: str = "latents"
    title: str = "Sample"  # of the command in a report
    compared: bool = True  # whether samples are compared with data as a whole
    command: str = ""
    usual: str = ""  # the same command, as an error tells it

    def specs(self, config: Config) -> dict[str, Spec]:
        """How the samples lie, by the columns of a batch that hold them."""
        raise NotImplementedError

    def parts(self, about: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """The networks that a model describes, by how the names of their weights begin."""
        raise NotImplementedError

    def describe(self, config: Config) -> dict[str, Any]:
        """What a model says of itself that depends on the task."""
        raise NotImplementedError

    def weights(self, config: Config, average: Mapping[str, Tensor], start: str = "") -> Weights:
        """A model's weights out of averaged networks' state, whose names begin with `start`."""
        return {
            k.removeprefix(start): v
            for k, v in average.items()
            if k.startswith(start) and isinstance(v, Tensor)
        }

    def initial(self, about: Mapping[str, Any], weights: Weights) -> Weights:
        """A model's weights by `NETWORK.name`, for a run that starts from them; {} for none."""
        return {}

    def assemble(
        self,
        about: dict[str, Any],
        weights: Weights,
        judge: Weights | None = None,
        *,
        trust_code: bool,
        where: str = "the model",
    ) -> Any:
        """The model, ready to use. where: the file that describes the networks, for errors."""
        raise NotImplementedError

    def card(self, about: Mapping[str, Any]) -> str:
        """The model card, in the layout that Hugging Face's hub shows."""
        raise NotImplementedError

    def python(self, about: Mapping[str, Any], load: str, label: str | None) -> str:
        """Lines of Python that use a model. load: the expression that loads it."""
        raise NotImplementedError

    def next_command(self, config: Config, folder: Path, label: str | None = None) -> str:
        """A command to try once a run is done. label: a class to ask for."""
        asked = f" --label {shlex.quote(label)}" if label is not None else ""
        kind = modality_of(next(iter(self.specs(config).values())))
        out = kind.noun + (kind.sheet_suffix if kind.one_file else "")
        words = self.command.format(quoted(folder), label=asked, out=out)
        return f"ganzfeld {words}{trust(config)}"


def game_of(config: Config) -> Any:
    """The class of a run's game, or a user's function that makes one."""
    return find(config.game.name, GAMES, "game")


def shipped_of(config: Config) -> tuple[str, ...]:
    """The networks that a model of this run needs; UsageError where there is no such network."""
    names = tuple(getattr(game_of(config), "shipped", Game.shipped))
    for name in names:
        if name not in config.networks:
            raise UsageError(
                f"the game {config.game.name} ships the network {name!r}, and the recipe has "
                f"only {', '.join(config.networks)}",
                fix='say in the game which networks a model needs: shipped = ("G",)',
            )
    return names


def judge_name(config: Config) -> str | None:
    """The network whose logits rank samples, where the game has one."""
    name = getattr(game_of(config), "judge", None)
    return name if isinstance(name, str) and name in config.networks else None


def spec_in(about: Mapping[str, Any]) -> Spec:
    """How the samples of a model lie; images of its shape where it does not say."""
    return spec_of(about.get("spec"), about.get("shape"))


def described(config: Config, name: str) -> dict[str, Any]:
    """A network as a model's config.json has it."""
    return asdict(config.networks[name])


def assemble_network(
    described: Mapping[str, Any], weights: Weights, where: str, spec: Spec
) -> nn.Module:
    try:
        part = from_dict(Part, described, "network")
    except UsageError as error:
        raise CheckpointError(f"{where} is damaged: {error.what}") from error
    refuse(part.name)
    network = fitted(part, weights, where)
    modality_of(spec).layout(network)
    return network
