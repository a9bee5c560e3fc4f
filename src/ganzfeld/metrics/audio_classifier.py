"""A small network that hears: it learns the labels of sounds, and its features measure others.

Networks trained on music or speech of the web would be downloads, and know other rates and
lengths. What a classifier of these very labels looks at says whether a requested word can be
heard. Name it: distances on its features compare with no published figure.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from ganzfeld.core.files import cache_folder
from ganzfeld.core.optimizers import AdamW
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import Arrays, digest, keep, kept
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DataError, ResourceError, UsageError
from ganzfeld.metrics.features import Extractor
from ganzfeld.metrics.learning import HASTY, Progress, learning_rows, same_everywhere
from ganzfeld.modalities.audio.codec import magnitude, windows_for

BANDS = 40
FEATURES = 96
STEPS = 500
BATCH = 64
QUIET = 1e-3  # added to energies before the logarithm, so that noise far below is all alike
SHIFT = 0.06  # of the length: sounds are moved by up to so much while it learns
LOUDER = 6.0  # dB, likewise
AT_ONCE = 256
RECIPE = 1  # raise it when the same data would give another listener
LEAST = 100  # sounds
TESTED = 2_000  # sounds, at most, that the accuracy is of
ACCURACY = 0.8  # below it, do not trust a head
LABEL = "label"  # the head of the data's labels
MOST_CLASSES = 32  # of another column that is learned beside them

Waves = NDArray[np.int16]
Labels = NDArray[np.int64]


class Listener(nn.Module):
    """Waves (N, L) in [-1, 1] to features (N, 96); `heads[name]` makes logits of them.

    Energies in 40 mel bands, their logarithm, standardised within each sound so that loudness
    and microphone matter less; four convolutions; the mean over time and frequency.

    sizes: number of labels of each head, by name.
    """

    def __init__(self, rate: int, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.size, self.hop = windows_for(rate)
        self.register_buffer("bands", torch.from_numpy(mel_bands(rate, self.size)))
        widths = [1, 24, 48, 64, FEATURES]
        layers: list[nn.Module] = []
        for into, out in itertools.pairwise(widths):
            layers += [nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)]
            layers += [nn.ReLU(inplace=True)]
            if out != FEATURES:
                layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({name: nn.Linear(FEATURES, n) for name, n in sizes.items()})

    def spectrogram(self, waves: Tensor) -> Tensor:
        """(N, 1, 40, T), log mel energies of mean 0 and deviation 1 within each sound."""
        bands: Tensor = self.get_buffer("bands")
        energies = torch.matmul(bands, magnitude(waves, self.size, self.hop))
        log = (energies + QUIET).log()
        mean, deviation = log.mean((1, 2), keepdim=True), log.std((1, 2), keepdim=True)
        return ((log - mean) / (deviation + 1e-3)).unsqueeze(1)

    def forward(self, waves: Tensor) -> Tensor:
        maps = self.layers(self.spectrogram(waves))
        features: Tensor = avg_pool2d(maps, (maps.shape[2], 1)).mean((2, 3))
        return features


def mel_bands(rate: int, size: int) -> NDArray[np.float32]:
    """Triangles (40, size / 2 + 1) of equal width in mel (2595 log10(1 + f / 700)), sums 1."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    bins = np.arange(size // 2 + 1) * rate / size
    spacing = rate / size
    low, mid, high = (edges[i : i + BANDS, None] for i in range(3))
    rise = (bins - low) / np.maximum(mid - low, spacing)  # narrow bands still reach a bin
    fall = (high - bins) / np.maximum(high - mid, spacing)
    weights: NDArray[np.float64] = np.maximum(np.minimum(rise, fall), 0)
    weights[weights.sum(1) == 0, 0] = 1
    weights /= weights.sum(1, keepdims=True)
    return weights.astype(np.float32)


def train_listener(
    waves: Waves,
    labels: Mapping[str, Labels],
    rate: int,
    *,
    steps: int = STEPS,
    progress: Progress | None = None,
) -> Listener:
    """A `Listener` of these sounds (N, L) and their labels by name, each (N,).

    Always the same for the same arguments: about a minute on one thread. Half of the sounds of a
    batch are moved in time and made louder or quieter by up to 6 dB, and all get a little noise.
    """
    sizes = {name: int(values.max()) + 1 for name, values in labels.items()}
    with same_everywhere("listener"):
        network = Listener(rate, sizes)
        optimizer = AdamW(network.parameters(), lr=3e-3, weight_decay=0.02)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        draw = numpy_generator("listener", "order")
        for step in range(steps):
            rows = draw.choice(len(waves), BATCH)
            features = network(varied(waves[rows], draw))
            loss = torch.stack(
                [
                    cross_entropy(
                        network.heads[name](features),
                        torch.from_numpy(values[rows]),
                        label_smoothing=0.1,
                    )
                    for name, values in labels.items()
                ]
            ).sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            if progress:
                progress("training the listener", step + 1, steps)
    network.eval().requires_grad_(False)
    return network


def varied(waves: Waves, draw: np.random.Generator) -> Tensor:
    """Sounds as floats, half of them moved in time; all at another level, with a little noise."""
    x = waves.astype(np.float32) / 32767
    most = max(round(SHIFT * x.shape[1]), 1)
    moves = np.where(draw.random(len(x)) < 0.5, draw.integers(-most, most + 1, len(x)), 0)
    moved = np.stack([moved_by(wave, int(move)) for wave, move in zip(x, moves, strict=True)])
    gains = 10 ** (draw.uniform(-LOUDER, LOUDER, (len(x), 1)) / 20)
    noise = draw.standard_normal(x.shape) * 10 ** draw.uniform(-4, -2.3, (len(x), 1))
    return torch.from_numpy((moved * gains + noise).astype(np.float32))


def moved_by(wave: NDArray[np.float32], move: int) -> NDArray[np.float32]:
    """A wave later (or, below 0, earlier) by so many samples; zeros come in."""
    out = np.zeros_like(wave)
    if move >= 0:
        out[move:] = wave[: len(wave) - move]
    else:
        out[:move] = wave[-move:]
    return out


def heard(network: Listener, waves: Waves) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Features (N, 96) of sounds (N, L) int16, and logits (N, labels) by name of head."""

    def each(part: Waves) -> Tensor:
        found: Tensor = network(torch.from_numpy(part.astype(np.float32) / 32767))
        return found

    with torch.no_grad():
        features = torch.cat(
            [each(p) for p in np.split(waves, range(AT_ONCE, len(waves), AT_ONCE))]
        )
        logits = {name: head(features).numpy() for name, head in network.heads.items()}
    return features.numpy(), logits


def accuracy(logits: NDArray[Any], labels: Labels) -> float:
    """Share of the labels (N,) that have the largest of the logits (N, labels)."""
    return float((logits.argmax(1) == labels).mean())


# As an extractor, for a pack


def listener(pack: Pack, progress: Progress, *, least: float = ACCURACY) -> Extractor:
    """The pack's own listener: from the cache folder, or trained now on `learning_rows`.

    least: share of held-out labels that it must hear right.
    Raises UsageError for sounds without labels, DataError where these cannot be learned.
    """
    if pack.labels is None or len(pack.classes) < 2:
        raise UsageError(
            "the domain extractor is a classifier of the data's labels, and the sounds have none",
            fix="--extractor plain",
        )
    if len(pack) < LEAST:
        raise DataError(
            f"the domain extractor needs {LEAST} labelled sounds or more, not {len(pack)}",
            fix="--extractor plain",
        )
    place = cache_folder() / f"listener-{RECIPE}-{pack.fingerprint[:32]}.safetensors"
    if (found := kept(place)) is None:
        found = taught(pack, progress)
        if not HASTY.get():
            with suppress(ResourceError):  # the next time it is trained again
                keep(place, *found)
    arrays, facts = found
    if facts["heads"][LABEL] < least and not HASTY.get():
        raise DataError(
            f"the domain extractor hears {100 * facts['heads'][LABEL]:.1f} % of held-out labels "
            f"right; below {100 * least:.0f} % do not trust its features",
            fix="--extractor plain",
        )
    network = restored(arrays, int(pack.spec.extra["rate"]))
    for name, right in facts["heads"].items():
        if right < ACCURACY and name != LABEL:
            del network.heads[name]
    return Extractor(
        name="domain",
        network=network,
        prepare=lambda stored: stored[:, 0].float() / 32767,
        weights=digest(arrays),
        values="waves in [-1, 1]",
        head=(arrays[f"heads.{LABEL}.weight"], arrays[f"heads.{LABEL}.bias"]),
        facts={"accuracy": facts["heads"][LABEL], "note": OWN},
        learned_from=learning_rows(pack),
    )


OWN = "features of a classifier of these sounds' own labels: not VGGish, compare no published FAD"


def can_listen(pack: Pack) -> bool:
    """Whether there are labels that a listener could learn."""
    return pack.labels is not None and len(pack.classes) > 1 and len(pack) >= LEAST


def targets_of(pack: Pack) -> dict[str, Labels]:
    """What the listener learns: labels, and other columns of 2 to 32 classes without gaps."""
    assert pack.labels is not None
    found = {LABEL: pack.labels}
    for name, column in pack.columns.items():
        names = column.spec.extra.get("names", ())
        usable = column.spec.modality == "class" and 2 <= len(names) <= MOST_CLASSES
        if not usable or not name.isidentifier():  # a module's name
            continue
        values = column.rows(np.arange(len(column))).astype(np.int64)
        if values.min() >= 0 and not np.array_equal(values, pack.labels):
            found[f"by_{name}"] = values
    return found


def taught(pack: Pack, progress: Progress) -> tuple[Arrays, dict[str, Any]]:
    """A listener's weights, and of each of its heads the share of other rows it hears right."""
    rows = learning_rows(pack)
    targets = targets_of(pack)
    waves = pack.rows(rows)["x"][:, 0]
    own = {name: values[rows] for name, values in targets.items()}
    steps = 1 if HASTY.get() else STEPS
    rate = int(pack.spec.extra["rate"])
    network = train_listener(waves, own, rate, steps=steps, progress=progress)
    others = np.setdiff1d(np.arange(len(pack)), rows)
    tested = np.sort(numpy_generator("listener", "split").permutation(others)[:TESTED])
    _, logits = heard(network, pack.rows(tested)["x"][:, 0])
    heads = {name: accuracy(logits[name], targets[name][tested]) for name in targets}
    state = network.state_dict()
    arrays = {name: value.contiguous().numpy() for name, value in state.items()}
    return arrays, {"heads": heads, "tested": len(tested), "steps": STEPS}


def restored(arrays: Arrays, rate: int) -> Listener:
    """A listener of its weights."""
    sizes = {
        name.split(".")[1]: len(array)
        for name, array in arrays.items()
        if name.startswith("heads.") and name.endswith(".bias")
    }
    network = Listener(rate, sizes)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.eval().requires_grad_(False)
