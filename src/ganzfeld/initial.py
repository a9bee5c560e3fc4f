"""Starting a run from weights that another run or a model has."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
from torch import Tensor, nn

from ganzfeld import checkpoint
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.shipping import read_about
from ganzfeld.trainer import Trainer

Weights = dict[str, Tensor]
SHOWN = 8  # tensors that an error names


def start_from(trainer: Trainer, source: Path) -> list[str]:
    """Give the trainer's networks the weights found there; the names of those that took them.

    source: a run, whose newest whole checkpoint has every network, as it was trained and as
        averaged; or a model folder, which has an averaged G alone. Networks that it lacks
        start afresh, and so do all optimisers.

    Raises UsageError, with names and shapes, where a network's weights do not fit; then nothing
    was changed. Raises CheckpointError where there is nothing to read or it is damaged.
    """
    trained, averaged = read(source)
    names = [n for n, _ in trainer.game.named_children() if of(trained, n)]
    if not names:
        raise UsageError(
            f"--init {source} has none of this recipe's networks",
            safe="nothing was trained",
            fix="give a run or a model of the same kind: a generator for a generator, a "
            "translation's run for a translation",
        )
    targets: list[tuple[nn.Module, Weights]] = []
    for name in names:
        network = trainer.game.get_submodule(name)
        problems = misfits(network, of(trained, name))
        if problems:
            more = f"\n    and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
            raise UsageError(
                f"the weights of {name} in {source} do not fit this recipe's {name}:\n    "
                + "\n    ".join(problems[:SHOWN])
                + more,
                safe="nothing was trained",
                fix="choose the recipe, --size and --set networks... of the weights; a run's "
                "model folder, RUN/model, gives its G alone",
            )
        targets.append((network, of(trained, name)))
    for span, average in trainer.average.named_children() if trainer.average else []:
        for name in set(names) & set(dict(average.named_children())):
            weights = of(averaged, f"{span}.{name}") or of(trained, name)
            targets.append((average.get_submodule(name), weights))
    for network, weights in targets:
        network.load_state_dict(weights)
    return names


def sized_by(source: Path) -> int | None:
    """The images that the networks of a run or a model were sized by, so that ours are as large."""
    try:
        about = json.loads((source / "config.json").read_bytes())
        afford: int | None = about.get("training", about)["run"].get("afford")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # `start_from` says what is wrong
    return afford


def read(source: Path) -> tuple[Weights, Weights]:
    """Weights as trained, by `NETWORK.name`, and as averaged, by `SPAN.NETWORK.name`."""
    folder = source if (source / "model.safetensors").exists() else None
    if folder is None and checkpoint.listing(source / "checkpoints"):
        found, _ = checkpoint.newest(source / "checkpoints")
        assert found is not None
        return found.state["game"], found.state["average"] or {}
    folder = folder or source / "model"
    if not (folder / "model.safetensors").exists():
        raise CheckpointError(
            f"--init {source}: there is no run or model",
            safe="nothing was trained",
            fix="give the folder of a run, or a folder with model.safetensors and config.json",
        )
    about = read_about(folder)
    if about.get("task") == "translation":
        return {}, {}  # no generator; its networks are another game's
    data = (folder / "model.safetensors").read_bytes()
    if problem := checkpoint.mismatch("model.safetensors", data, about["weights"]):
        raise CheckpointError(f"{folder} is damaged: {problem}")
    weights = {f"G.{name}": value for name, value in safetensors.torch.load(data).items()}
    return weights, {}


def of(weights: Weights, network: str) -> Weights:
    start = f"{network}."
    return {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}


def misfits(network: nn.Module, weights: Weights) -> list[str]:
    """A line for each tensor of other shape, or on one side alone."""
    own = {name: tuple(v.shape) for name, v in network.state_dict().items()}
    given = {name: tuple(v.shape) for name, v in weights.items()}
    return [
        f"{name}: {given.get(name, 'none')} there, {own.get(name, 'none')} here"
        for name in {**own, **given}
        if own.get(name) != given.get(name)
    ]
