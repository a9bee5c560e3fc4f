"""Keep the best of many samples by the discriminator's score, and measure the cost.

Selection trades variety for quality: what the discriminator finds likely it finds again and
again (Azadi et al. 2019 sample by it properly; keeping the top is the plain form of it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganzfeld.data.conditions import slot_of
from ganzfeld.errors import CheckpointError, UsageError, did_you_mean
from ganzfeld.models.asked import rows_of
from ganzfeld.models.draws import CHUNK, Labels

Model = Any  # a `ganzfeld.Model`, which itself imports this module

if TYPE_CHECKING:
    pass

RANKS = ("discriminator",)


@dataclass(frozen=True)
class Best:
    """Samples (n, C, H, W) that were kept, their numbers, and their scores (n,)."""

    samples: Tensor
    numbers: list[int]
    scores: Tensor


@torch.inference_mode()
def score(
    model: Model, samples: Tensor, labels: Labels = None, numbers: Tensor | None = None
) -> Tensor:
    """The discriminator's logits (N,), float32, of samples (N, C, H, W) in [-1, 1]; more is better.

    The discriminator is as training left it: running statistics of its batch normalisation and
    the singular vectors of its spectral normalisation are those of the end of training, never
    those of the samples at hand, so that a score depends on its sample and label alone, to the
    bit. It is of the same moment as the generator, whose weights are averages up to then.

    labels: of the classes that the samples were drawn for; one for each or one for all.
    numbers: conditions (N, k) of a model that has such.
    Raises CheckpointError where the model came without a discriminator.
    """
    judge = model.discriminator
    if judge is None:
        raise CheckpointError(
            "this model has no discriminator to score with",
            fix="leave out --of and --rank; or give the folder of its run, or train again: only "
            f"games whose discriminator scores whole {model.modality.noun} ship one "
            '(one of your own says judge = "D"), and one of your own code needs --trust-code, '
            "or ganzfeld.load(path, trust_code=True)",
        )
    if samples.ndim != len(model.shape) + 1 or tuple(samples.shape[1:]) != model.shape:
        raise UsageError(f"samples must be (N, {model.shape}), not {tuple(samples.shape)}")
    classes = model.label_numbers(labels)
    if model.conditions and (numbers is None or len(numbers) != len(samples)):
        raise UsageError("this model judges samples with their numbers: one row for each")
    if model.classes and len(classes) not in (1, len(samples)):
        raise UsageError(f"{len(classes)} labels for {len(samples)} samples: one for each, or one")
    device = next(judge.parameters()).device
    y = torch.tensor(classes, device=device).expand(len(samples)) if model.classes else None
    found = [torch.zeros(0)]
    for low in range(0, len(samples), CHUNK):
        x = padded(samples[low : low + CHUNK].float()).to(device)
        given = {}
        if model.conditions and numbers is not None:
            given = {slot_of(model.conditions): padded(numbers[low : low + CHUNK]).to(device)}
        logits = judge(x, None if y is None else padded(y[low : low + CHUNK]), **given)
        found.append(logits.float().cpu()[: len(samples) - low])
    return torch.cat(found)


def padded(x: Tensor) -> Tensor:
    """As many rows as always: how a sum is rounded may depend on how many are computed."""
    missing = CHUNK - len(x)
    return torch.cat([x, x[:1].expand(missing, *x.shape[1:])]) if missing else x


def best(
    model: Model,
    count: int,
    *,
    of: int | None = None,
    rank: str | None = "discriminator",
    seed: int = 0,
    labels: Labels = None,
    start: int = 0,
    mean: float = 0.0,
    std: float = 1.0,
    numbers: Any = None,
    shift: Tensor | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Best:
    """The best `count` of samples start to start + of, best first.

    With classes each place keeps the label that it would have without selection, and is filled
    with the next best candidate of that class: selection must not change the classes' shares.
    The result depends on the arguments alone, and ties go to the lower number.
    """
    rank = rank or RANKS[0]
    if rank not in RANKS:
        raise UsageError(f"no rank is called {rank!r}. {did_you_mean(rank, RANKS)}")
    of = 8 * count if of is None else of
    if of < count:
        raise UsageError(f"cannot keep {count} of {of} samples", fix=f"--of {8 * count}")
    wanted = model.label_numbers(labels)
    places = model.labels_of(range(start, start + count), seed, wanted, start) or [0] * count
    quota = Counter(places)
    kept: dict[int, list[tuple[float, int, Tensor]]] = {label: [] for label in quota}
    number = start
    given = rows_of(model.conditions, numbers)
    of_latents = {"mean": mean, "std": std, "numbers": numbers, "shift": shift}
    for chunk in model.chunks(of, seed=seed, labels=labels, start=start, **of_latents):
        places_ = range(number, number + len(chunk))
        own = model.labels_of(places_, seed, wanted, start)
        names = None if own is None else [model.classes[label] for label in own]
        c = model.numbers_of(places_, seed, given, start)
        scores = score(model, chunk, names, c).tolist()
        for label, n, s, x in zip(own or [0] * len(chunk), places_, scores, chunk, strict=True):
            if label in kept:
                kept[label].append((-s, n, x))
        for label, candidates in kept.items():  # no more in memory than may be kept
            kept[label] = sorted(candidates, key=lambda c: c[:2])[: quota[label]]
        number += len(chunk)
        progress("ranking", number - start, of)
    queues: dict[int, Iterator[tuple[float, int, Tensor]]] = {k: iter(v) for k, v in kept.items()}
    rows = [next(queues[label]) for label in places]
    return Best(
        torch.stack([x for _, _, x in rows]),
        [n for _, n, _ in rows],
        torch.tensor([-s for s, _, _ in rows]),
    )
