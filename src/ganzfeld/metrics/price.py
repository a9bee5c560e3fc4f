"""What choosing the best of many samples costs in variety, in numbers and in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganzfeld.errors import UsageError
from ganzfeld.models.draws import CHUNK, Labels
from ganzfeld.models.model import Model
from ganzfeld.models.rank import best

if TYPE_CHECKING:
    from ganzfeld.data.pack import Pack
    from ganzfeld.metrics.features import Extractor


def price(
    model: Model,
    pack: Pack,
    count: int,
    of: int | None,
    *,
    seed: int = 0,
    labels: Labels = None,
    mean: float = 0.0,
    std: float = 1.0,
    extractor: str | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Precision, recall, density and coverage against data: kept samples, and as many unkept.

    pack: data in the model's size and channels; `count` images of it, a fixed choice, or all
        where there are fewer; then as many samples are compared.
    of: candidates; None: nothing is selected, and the price is that of `mean` and `std` alone.
    labels: as given to `best`; None: classes in the data's proportions, where both have them.
    mean, std: of the latents of the kept samples; the unkept are drawn from the plain normal.
        Below 1 it is what is called truncation (Brock et al. 2019, without the cut).
    extractor: as for `evaluate`.

    Keys: "kept", "unkept" and "real", each with the four numbers, the last of real images in place
    of samples; "count", "of", "std", "extractor".
    """
    from ganzfeld.metrics.evaluate import choose_extractor, features_of, reference_rows
    from ganzfeld.metrics.scale import real_scale

    net = choose_extractor(extractor, pack, None, progress)
    rows = reference_rows(pack, count, net)
    if len(rows) < 6:
        raise UsageError(f"{len(rows)} images are too few to measure anything: 6 or more")
    if of is not None:
        of = max(round(of * len(rows) / count), len(rows))
    count = len(rows)
    if labels is None and pack.labels is not None and sorted(model.classes) == sorted(pack.classes):
        labels = [pack.classes[label] for label in pack.labels[rows]]
    data = features_of(net, pack, rows, torch.device("cpu"), progress)
    if of is None:
        chosen = model.sample(count, seed=seed, labels=labels, mean=mean, std=std)
    else:
        chosen = best(
            model, count, of=of, seed=seed, labels=labels, mean=mean, std=std, progress=progress
        ).samples
    plain = model.sample(count, seed=seed, labels=labels)
    real = real_scale(net, pack, count, count, metrics=["geometry"], progress=progress)["real"]
    return {
        "real": real,
        "kept": compared(model, net, chosen, data),
        "unkept": compared(model, net, plain, data),
        "count": count,
        "of": of,
        "std": std,
        "extractor": net.name,
    }


def compared(model: Model, net: Extractor, samples: Tensor, data: Any) -> dict[str, float]:
    from ganzfeld.metrics import density_coverage, precision_recall
    from ganzfeld.metrics.features import extract

    pixels = model.store(samples)
    parts = np.array_split(pixels, -(-len(pixels) // CHUNK))
    features = extract(net, parts, len(pixels))
    found: dict[str, float] = precision_recall(features, data)._asdict()
    return found | density_coverage(features, data)._asdict()


def describe_price(found: dict[str, Any]) -> list[str]:
    """The price as lines of a table."""
    names, count = list(found["kept"]), found["count"]
    if found["of"] is None:  # truncation alone
        what, heads = f"latents of deviation {found['std']:g} cost", ("1", f"{found['std']:g}")
    else:
        what, heads = f"keeping {count:,} of {found['of']:,} costs", ("unkept", "kept")
    lines = [
        f"what {what}, by the {found['extractor']} extractor, "
        f"against {count:,} images of the data:",
        f"  {'':<10}{heads[0]:>10}{heads[1]:>10}{'real data':>12}",
    ]
    for name in names:
        real = found["real"].get(name)
        beside = "-" if real is None else f"{real:.3f}"
        lines.append(
            f"  {name:<10}{found['unkept'][name]:>10.3f}{found['kept'][name]:>10.3f}{beside:>12}"
        )
    lines.append("precision and density rise with quality, recall and coverage with variety")
    return lines
