"""Check that weights fit their networks before memory is allocated for them.

A description may ask for a network of 64 GiB. It is built on PyTorch's meta device, where tensors
have shapes and no memory, and compared with the header of the weights' file.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.nn.parameter import is_lazy

from ganzfeld.config import Config, Part
from ganzfeld.core import system
from ganzfeld.core.tensors import Layouts, layouts_of, misfits, read_layouts
from ganzfeld.errors import CheckpointError, ForeignCodeError, ResourceError, UsageError
from ganzfeld.networks.build import build_network, without_memory
from ganzfeld.text import shown

SHOWN = 8  # tensors that an error names
OPTION = 1 << 20  # the greatest number among a network's options
OPTIONS = 4_096  # numbers in a list of them
PARTS = 5_000  # tensors of a network, at most, where nothing says how many
SPARE = 4  # modules a tensor, at most: many have no weights
TRAINED = 6  # copies of a network in training: gradients, two moments, three averages


class TooMany(RuntimeError):
    pass


def check_options(part: Part, where: str) -> None:
    """CheckpointError where a network's options are out of all proportion."""

    def look(value: Any, place: str) -> None:
        if isinstance(value, dict | list | tuple):
            if len(value) > OPTIONS:
                raise CheckpointError(f"{where}: {shown(place)} has {len(value):,} elements")
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            for name, inner in pairs:
                look(inner, f"{place}.{name}")
        elif isinstance(value, int | float) and not abs(value) <= OPTION:
            raise CheckpointError(f"{where}: {shown(place)} is out of range: {shown(value, 40)}")

    look(part.options, f"{part.name}.options")


@contextmanager
def at_most(tensors: int) -> Iterator[None]:
    """TooMany where networks of many more modules than there are tensors are built within."""
    left = [100 + SPARE * tensors]

    def count(*arguments: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise TooMany(f"it has more parts than its weights' {tensors:,} tensors")

    hooks = [
        register_module_module_registration_hook(count),
        register_module_parameter_registration_hook(count),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def on_meta(part: Part, where: str, tensors: int) -> nn.Module | None:
    """The network without memory; None where a network of a user's own cannot be built so.

    where: what file says so, for the CheckpointError where it cannot be built at all.
    """
    check_options(part, where)
    try:
        with warnings.catch_warnings(), without_memory(), at_most(tensors):
            warnings.simplefilter("ignore")  # of PyTorch, of layers with no weights in them
            return build_network(part)
    except ForeignCodeError:
        raise
    except Exception as error:
        if ":" in part.name:
            return None
        what = getattr(error, "what", str(error))
        raise CheckpointError(
            f"{where} describes a network that cannot be built: {shown(what, 400)}"
        ) from error


def fitted(part: Part, weights: Mapping[str, Tensor], where: str) -> nn.Module:
    """The network with these weights. CheckpointError where they do not fit."""
    given = layouts_of(weights)
    check_fit(part, given, where)
    try:
        network = build_network(part)
    except UsageError as error:
        raise CheckpointError(f"{where}: {error.what}") from error
    refuse_misfits(part, layouts_of(network.state_dict()), given, where)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{where}: the weights do not fit the network they name: {error}"
        ) from error
    return network


def check_fit(part: Part, given: Layouts, where: str) -> None:
    """CheckpointError where a network is not of these tensors, as far as it takes no memory."""
    bare = on_meta(part, where, len(given))
    if bare is not None:
        refuse_misfits(part, layouts_of(bare.state_dict()), given, where)


def refuse_misfits(part: Part, own: Layouts, given: Layouts, where: str) -> None:
    problems = misfits(own, given)
    if not problems:
        return
    more = f"\n    and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    raise CheckpointError(
        f"{where}: the weights do not fit the network they name, {shown(part.name)}:\n    "
        + "\n    ".join(problems[:SHOWN])
        + more
    )


def of(layouts: Layouts, start: str) -> Layouts:
    return {k.removeprefix(start): v for k, v in layouts.items() if k.startswith(start)}


def check_run(run: Path, config: Config) -> None:
    """Before a run's networks are built: CheckpointError where its configuration asks for others
    than its checkpoints hold, ResourceError where nothing holds them and memory could not."""
    from ganzfeld.core import checkpoint

    where = str(run / "config.json")
    held = None
    for path in checkpoint.listing(run / "checkpoints"):
        try:
            held = read_layouts(path / "game.safetensors")
            break
        except (OSError, ValueError):  # a damaged one: what loads it says so
            continue
    size = 0
    generator = config.networks.get("G")
    asked = generator.options.get("classes") if generator else None
    if asked and config.data.classes and asked != len(config.data.classes):
        raise CheckpointError(
            f"{where} is damaged: it names {len(config.data.classes):,} classes, and its "
            f"generator draws {shown(asked, 20)}",
            safe="nothing was changed",
        )
    for name, part in config.networks.items():
        bare = on_meta(part, f"{where}: networks.{name}", PARTS if held is None else len(held))
        if bare is None:
            continue
        own = layouts_of(bare.state_dict())
        size += sum(math.prod(layout.shape) for layout in own.values())
        if held is not None:
            refuse_misfits(part, own, of(held, f"{name}."), f"{where}: networks.{name}")
    if held is None:
        need_memory(size, f"{where} describes networks that need", "train again with")


def need_memory(numbers: int, what: str, fix: str) -> None:
    """ResourceError where networks of so many numbers cannot be trained on this machine."""
    needed, there = 4 * TRAINED * numbers, memory()
    if needed > there:
        raise ResourceError(
            f"{what} {needed / 2**30:,.1f} GiB to train, and this machine has {there / 2**30:,.1f}",
            safe="nothing was changed",
            fix=f"{fix} smaller networks, such as --set networks.G.width=32",
        )


def check_new(config: Config) -> None:
    """ResourceError where a new run's networks could not be trained, before they take memory."""
    size, largest = 0, ("", 0)
    for name, part in config.networks.items():
        try:
            bare = on_meta(part, f"networks.{name}", PARTS)
        except CheckpointError:  # building it says what is wrong
            return
        if bare is not None:
            every = (*bare.parameters(), *bare.buffers())
            own = sum(0 if is_lazy(p) else p.numel() for p in every)
            size, largest = size + own, max(largest, (name, own), key=lambda one: one[1])
    name, most = largest
    need_memory(size, f"the networks, {name} with {most:,} parameters, need", "take")


def check_state(trainer: Any, state: Mapping[str, Any]) -> None:
    """Raises ValueError where a checkpoint's state is not of this trainer's networks."""
    counts = state["counts"]
    for name in ("step", "images", "salt"):
        if not isinstance(counts[name], int) or not 0 <= counts[name] < 10**15:
            raise ValueError(f"counts.{name} is {shown(counts[name], 40)}")
    trees = [("game", trainer.game)]
    if trainer.average is not None:
        trees.append(("average", trainer.average))
    for name, module in trees:
        given = {k: v for k, v in state[name].items() if isinstance(v, Tensor)}
        if problems := misfits(layouts_of(module.state_dict()), layouts_of(given)):
            raise ValueError(f"{name} does not fit the configuration: {problems[0]}")
    own = dict(trainer.game.named_parameters())
    for player in trainer.optimisers:
        for name, moments in state["optimisers"][player].items():
            shape = own[name].shape
            for key, moment in moments.items():
                if isinstance(moment, Tensor) and moment.shape != shape and moment.numel() != 1:
                    raise ValueError(f"optimisers.{player}.{name}.{key} has another shape")


def memory() -> int:
    """Bytes of memory of this machine."""
    return system.total_memory() or 1 << 60
