"""From samples to features: five kinds of extractor for images, and one pass over the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzfeld.core import system
from ganzfeld.core.memory import amount
from ganzfeld.core.plugins import call, find
from ganzfeld.core.store import Arrays, digest
from ganzfeld.data.pack import Pack
from ganzfeld.errors import ResourceError, UsageError
from ganzfeld.metrics import inception_resize as protocols
from ganzfeld.metrics.inception import (
    INSTALL,
    MEGABYTES,
    Inception,
    inception_tensors,
    installed,
    like_photographs,
)
from ganzfeld.metrics.label_classifier import domain_classifier
from ganzfeld.metrics.learned import learned_features
from ganzfeld.metrics.learning import Progress, learning_rows
from ganzfeld.metrics.random_features import Untrained, untrained_tensors
from ganzfeld.modalities.image import tensors

FEWEST = 64  # features of a sample, by which it is guessed what many take
BATCH = 32  # images; more is no faster on a processor

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Extractor:
    """A network that turns images into features, and all that its numbers depend on.

    prepare: uint8 (N, C, H, W) to the network's input. weights: sha256 hex. head: weight
    (classes, D) and bias of the logits that the features lead to. facts: what is worth telling.
    learned_from: rows of the data that the network learned from; they are never reference.
    """

    name: str
    network: nn.Module
    prepare: Callable[[Tensor], Tensor]
    weights: str
    protocol: str = "native"
    resize: str = "none"
    values: str = "x / 127.5 - 1"
    channels: str = "as they are"
    head: tuple[Features, Features] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    learned_from: NDArray[np.int64] | None = None

    def logits(self, features: Features) -> Features:
        assert self.head is not None
        weight, bias = self.head
        return features @ weight.T + bias


def native(pixels: Tensor) -> Tensor:
    """uint8 images to [-1, 1], as generators make them; size and channels stay."""
    return tensors.to_network(pixels)


def make_extractor(
    name: str, pack: Pack, *, protocol: str | None = None, progress: Progress
) -> Extractor:
    """An extractor by name, or a user's own by `file.py:name`.

    protocol: how Inception's images are prepared; "tf1" by default.
    Raises UsageError for names that are not known, and where the extractor is not to be had.
    """
    base, _, file = name.partition("=")
    if base == "inception":
        return inception(protocol or "tf1", Path(file) if file else None)
    if protocol is not None:
        raise UsageError(
            f"--protocol says how the inception extractor resizes; {name} takes the images "
            "as they are",
            fix="leave --protocol out, or --extractor inception",
        )
    if name == "domain":
        return domain(pack, progress)
    if name == "learned":
        return learned(pack, progress)
    return untrained(pack) if name == "random" else users_own(name)


KNOWN = {"inception": None, "domain": None, "learned": None, "random": None}
COARSE = (
    "random features are a coarse measure: they hardly see JPEG blocks or shuffled parts, and "
    "overrate brightness. Use them to compare moments of one run, not recipes."
)

FAIR = (
    "learned features rank artificial damage as Inception does with a rank correlation of only "
    "about 0.8 (random features: 0.5 to 0.6), which is not enough to compare recipes."
)


def warning_of(pack: Pack, text: str = FAIR) -> str:
    """What an extractor is worth, and which one judges recipes on these data better.

    text: of the extractor. Where Inception is not installed, the command that installs it is named.
    """
    labelled = pack.labels is not None and len(pack.classes) > 1
    if labelled and not like_photographs(pack):
        return f"{text} Confirm a lead of one recipe by domain."
    if installed():
        return f"{text} Confirm a lead of one recipe by inception."
    return f"{text} Confirm a lead of one recipe by inception (once: {INSTALL}, {MEGABYTES} MB)."


def inception(protocol: str, source: Path | None = None) -> Extractor:
    """The network of FID. source: a user's own file of it, in place of the PyPI package's."""
    if protocol not in protocols.PROTOCOLS:
        known = ", ".join(protocols.PROTOCOLS)
        raise UsageError(f"no protocol is called {protocol!r}. Known: {known}.")
    tensors, stamp = inception_tensors(source)
    head = None
    if "fc.weight" in tensors:
        # The original score takes the logits without their bias.
        head = (tensors["fc.weight"], np.zeros(len(tensors["fc.weight"]), np.float32))
    return Extractor(
        name="inception",
        network=Inception(tensors),
        prepare=protocols.PROTOCOLS[protocol],
        weights=stamp,
        protocol=protocol,
        resize=protocols.RESIZES[protocol],
        values=protocols.RANGES[protocol],
        channels=protocols.CHANNELS,
        head=head,
    )


def domain(pack: Pack, progress: Progress) -> Extractor:
    """A classifier of the data's own labels."""
    network, stamp, accuracy = domain_classifier(pack, progress)
    shrink = network.shrink
    return Extractor(
        name="domain",
        network=network,
        prepare=native,
        weights=stamp,
        resize=f"means of {shrink} x {shrink} pixels" if shrink > 1 else "none",
        head=(network.head.weight.numpy(), network.head.bias.numpy()),
        facts={"accuracy": accuracy, "classes": list(pack.classes)},
        learned_from=learning_rows(pack),
    )


def learned(pack: Pack, progress: Progress) -> Extractor:
    """How often the shapes occur that are typical of the data: no labels, no weights needed."""
    network, stamp = learned_features(pack, progress)
    return Extractor(
        name="learned",
        network=network,
        prepare=native,
        weights=stamp,
        facts={"warning": warning_of(pack)},
        learned_from=learning_rows(pack),
    )


def untrained(pack: Pack) -> Extractor:
    """A fixed network that needs no weights."""
    tensors = untrained_tensors(pack.channels)
    return Extractor(
        name="random",
        network=Untrained(tensors),
        prepare=native,
        weights=digest(tensors),
        facts={"warning": warning_of(pack, COARSE)},
    )


class Own(nn.Module):
    """A user's network, with maps (N, D, H, W) averaged to features (N, D)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x)
        return y.flatten(2).mean(2) if y.ndim > 2 else y


def users_own(name: str) -> Extractor:
    """A user's module, or what their function of no arguments makes."""
    found = find(name, KNOWN, "extractor")
    network = found
    if not isinstance(found, nn.Module) and callable(found):
        network = call(f"extractor {name}", found)
    if not isinstance(network, nn.Module):
        raise UsageError(f"the extractor {name!r} is not a torch.nn.Module, nor makes one")
    arrays: Arrays = {n: t.detach().cpu().numpy() for n, t in network.state_dict().items()}
    return Extractor(name=name, network=Own(network), prepare=native, weights=digest(arrays))


def extract(
    extractor: Extractor,
    chunks: Iterable[NDArray[Any]],
    total: int,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = lambda stage, done, total: None,
    stage: str = "extracting features",
) -> Features:
    """Features (N, D) of stored samples that come in chunks (n, ...), in one pass.

    Raises UsageError where a user's network gives something else.
    """
    network = extractor.network.eval().requires_grad_(False).to(device)
    tensors.channels_last(network)
    assert not any(module.training for module in network.modules())
    resizer = "cpu" if torch.device(device).type == "mps" else device  # it has no float64
    found: list[Features] = []
    done = 0
    with torch.inference_mode(), exact(device):
        for chunk in chunks:
            x = extractor.prepare(torch.from_numpy(np.array(chunk)).to(resizer)).to(device)
            y = network(tensors.arrange(x))
            if y.ndim != 2 or len(y) != len(chunk) or not y.is_floating_point():
                raise UsageError(
                    f"the extractor {extractor.name} must give floats (N, D), not {tuple(y.shape)}"
                )
            if not found:
                need_room(total, y.shape[1])
            found.append(y.float().cpu().numpy())
            done += len(chunk)
            progress(stage, done, total)
    return np.concatenate(found)


def need_room(total: int, width: int) -> None:
    """ResourceError where so many rows of features take more than half of this machine's memory."""
    there = (system.total_memory() or 0) // 2
    if there and 4 * total * width > there:
        raise ResourceError(
            f"{width:,} features of {total:,} samples take {amount(4 * total * width)}, more than "
            "half of this machine's memory",
            safe="nothing was measured",
            fix=f"--count {max(there // (4 * width) // 10, 6)}",
        )


def exact(device: torch.device | str) -> Any:
    """CUDA rounds products of convolutions to 10 bits by default; scores must not."""
    if torch.device(device).type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def of_pack(pack: Pack, rows: NDArray[np.int64]) -> Iterable[NDArray[Any]]:
    """Samples of a pack as they are stored, a batch at a time."""
    for low in range(0, len(rows), BATCH):
        yield pack.rows(rows[low : low + BATCH])["x"]
