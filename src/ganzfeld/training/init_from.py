"""Initialise a run with the weights of another run or model."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor, nn

from ganzfeld.core import checkpoint, tensors
from ganzfeld.core.reader import read_json
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.models.folder import read_about, read_weights
from ganzfeld.models.tasks import task_of
from ganzfeld.training.trainer import Trainer

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
        about = read_json(source / "config.json")
        afford = about.get("training", about)["run"].get("afford")
    except (CheckpointError, KeyError, TypeError, AttributeError):
        return None  # `start_from` says what is wrong
    return afford if isinstance(afford, int) and afford > 0 else None


def read(source: Path) -> tuple[Weights, Weights]:
    """Weights as trained, by `NETWORK.name`, and as averaged, by `SPAN.NETWORK.name`."""
    folder = source if os.path.lexists(source / "model.safetensors") else None
    if folder is None and checkpoint.listing(source / "checkpoints"):
        found, _ = checkpoint.newest(source / "checkpoints")
        assert found is not None
        return found.state["game"], found.state["average"] or {}
    folder = folder or source / "model"
    if not os.path.lexists(folder / "model.safetensors"):
        raise CheckpointError(
            f"--init {source}: there is no run or model",
            safe="nothing was trained",
            fix="give the folder of a run, or a folder with model.safetensors and config.json",
        )
    about = read_about(folder)
    weights = read_weights(folder, "model.safetensors", about["weights"])
    return task_of(about).initial(about, weights), {}


def of(weights: Weights, network: str) -> Weights:
    start = f"{network}."
    return {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}


def misfits(network: nn.Module, weights: Weights) -> list[str]:
    """A line for each tensor of other shape or type, or on one side alone."""
    return tensors.misfits(tensors.layouts_of(network.state_dict()), tensors.layouts_of(weights))
