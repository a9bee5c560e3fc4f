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
from ganzfeld.training.transfer import Transfer

Weights = dict[str, Tensor]
SHOWN = 8  # tensors that an error names
LEAST = 0.25  # of all layers, below which the weights are those of other networks


def start_from(trainer: Trainer, source: Path) -> str:
    """Give the trainer's networks the weights found there that fit; words on what was taken.

    source: a run, whose newest whole checkpoint has every network, as it was trained and as
        averaged; or a model folder, which has an averaged G alone. Networks that it lacks
        start afresh, and so do layers that do not fit (see `Transfer`) and all optimisers.

    Raises UsageError, with names and shapes, where next to nothing fits; then nothing was
    changed. Raises CheckpointError where there is nothing to read or it is damaged.
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
    found = {n: Transfer(trainer.game.get_submodule(n), of(trained, n)) for n in names}
    if sum(t.layers_taken for t in found.values()) < LEAST * sum(t.count for t in found.values()):
        name = next(n for n, t in found.items() if t.fresh)
        problems = misfits(trainer.game.get_submodule(name), of(trained, name))
        more = f"\n    and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise UsageError(
            f"the weights of {name} in {source} do not fit this recipe's {name}:\n    "
            + "\n    ".join(problems[:SHOWN])
            + more,
            safe="nothing was trained",
            fix="choose the recipe, --size and --set networks... of the weights; a run's "
            "model folder, RUN/model, gives its G alone",
        )
    moves = list(found.values())
    for span, average in trainer.average.named_children() if trainer.average else []:
        for name in set(names) & set(dict(average.named_children())):
            weights = of(averaged, f"{span}.{name}") or of(trained, name)
            moves.append(Transfer(average.get_submodule(name), weights))
    for move in moves:
        move.network.load_state_dict(move.state)
    return "; ".join(f"{name} {transfer.words}" for name, transfer in found.items())


def need_there(source: Path) -> None:
    """CheckpointError where there is neither a run nor a model: before data are read."""
    there = (source / "model.safetensors", source / "checkpoints", source / "model")
    if not any(map(os.path.lexists, there)):
        raise nothing_there(source)


def nothing_there(source: Path) -> CheckpointError:
    return CheckpointError(
        f"--init {source}: there is no run or model",
        safe="nothing was trained",
        fix="give the folder of a run, or a folder with model.safetensors and config.json",
    )


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
        raise nothing_there(source)
    about = read_about(folder)
    weights = read_weights(folder, "model.safetensors", about["weights"])
    return task_of(about).initial(about, weights), {}


def of(weights: Weights, network: str) -> Weights:
    start = f"{network}."
    return {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}


def misfits(network: nn.Module, weights: Weights) -> list[str]:
    """A line for each tensor of other shape or type, or on one side alone."""
    return tensors.misfits(tensors.layouts_of(network.state_dict()), tensors.layouts_of(weights))
