"""What real images score against real images: the scale beside every number.

No number of a generator means much alone. Two disjoint sets of real images, as many as the
generated and the reference ones and by the same extractor, say what can be had.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core.files import cache_folder
from ganzfeld.core.randomness import key
from ganzfeld.core.store import keep, kept
from ganzfeld.data.held import Part
from ganzfeld.data.pack import Pack
from ganzfeld.errors import ResourceError
from ganzfeld.metrics.features import Extractor, Features, of_pack
from ganzfeld.metrics.frechet import frechet_distance
from ganzfeld.metrics.overfitting import overfitting
from ganzfeld.metrics.reference import COUNT, Progress, features_of, reference_rows, usable_rows
from ganzfeld.metrics.registry import FAMILIES, PIXEL_COUNT, TABLE, Sets, choose_metrics
from ganzfeld.modalities import modality_of, spec_of_data

VERSION = 3  # of what is cached: raise it when the same images would give other numbers
LEAST = 6  # images on a side
CARRIED = 4 * LEAST  # from which a distance can be carried on to other counts


def real_scale(
    net: Extractor,
    pack: Pack,
    count: int,
    reference: int,
    *,
    metrics: Sequence[str] | None = None,
    held_out: Pack | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = lambda stage, done, total: None,
) -> dict[str, Any]:
    """The metrics of real images against real ones, by their names, as `evaluate` takes them.

    count, reference: images on the side of the generated ones and of the data.

    Keys: "real", the numbers by their names; "real_count", images on both sides; "real_from":
    "data" where they have count + reference images, else "held-out data" where these have
    `count`, else "halves" of the data, at the largest equal count. Of halves the Frechet distance
    is carried on to the counts that were asked for, along the power law of two smaller ones, as
    a distance of fewer samples is larger and would flatter the generator. Of overfitting there is
    the distance of these real images from the held-out ones, unless they are these themselves.
    All are empty where there are fewer than 6 images a side.
    """
    chosen = choose_metrics(metrics, spec_of_data(pack).modality)
    names = [n for n in chosen if n != "memorisation"]
    place, facts = noted(net, pack, count, reference, names, held_out)
    cached = kept(place) if ":" not in net.name else None
    if cached is not None and cached[1].get("of") == facts["of"]:
        found: dict[str, Any] = cached[1]["found"]
        return found
    found = measured(net, pack, count, reference, names, held_out, torch.device(device), progress)
    if ":" not in net.name:
        with contextlib.suppress(ResourceError):
            keep(place, {"none": np.zeros(1)}, json.loads(json.dumps(facts | {"found": found})))
    return found


def noted(
    net: Extractor,
    pack: Pack,
    count: int,
    reference: int,
    names: Sequence[str],
    held_out: Pack | None,
) -> tuple[Path, dict[str, Any]]:
    """Where such numbers are kept, and what they are of."""
    parts = [net.name, net.weights, net.protocol, pack.fingerprint, count, reference, VERSION]
    parts += ["" if held_out is None else held_out.fingerprint, *sorted(names)]
    facts: dict[str, Any] = {"of": [str(part) for part in parts]}
    return cache_folder() / f"real-{key('real', *facts['of']):016x}.safetensors", facts


def known(
    net: Extractor, pack: Pack, count: int, reference: int, held_out: Pack | None = None
) -> bool:
    """Whether `real_scale` of all metrics has been measured on this machine before."""
    names = [n for n in choose_metrics(None, spec_of_data(pack).modality) if n != "memorisation"]
    return noted(net, pack, count, reference, names, held_out)[0].exists()


def measured(
    net: Extractor,
    pack: Pack,
    count: int,
    reference: int,
    names: Sequence[str],
    held_out: Pack | None,
    device: torch.device,
    progress: Progress,
) -> dict[str, Any]:
    rows = usable_rows(pack, net)
    ours, theirs, origin = pack, rows[:reference], "data"
    fresh = rows[reference : reference + count]
    if len(fresh) < count and held_out is not None and len(held_out) >= count:
        ours, fresh, origin = held_out, usable_rows(held_out)[:count], "held-out data"
    elif len(fresh) < count:
        half = len(rows) // 2
        theirs, fresh, origin = rows[:half], rows[half : 2 * half], "halves"
    if min(len(fresh), len(theirs)) < LEAST:
        return {"real": {}, "real_count": [0, 0], "real_from": "halves"}
    keeps = any(FAMILIES[name].keeps for name in names)
    stage = "real images against real"
    sets = Sets(
        extractor=net,
        generated=features_of(net, ours, fresh, device, progress, stage),
        data=features_of(net, pack, theirs, device, progress),
        generated_pixels=small_of(ours, fresh),
        data_pixels=small_of(pack, theirs),
        classes=pack.classes,
        wanted=labels_of(ours, fresh) if ours.classes == pack.classes else None,
        data_labels=labels_of(pack, theirs),
        intervals=False,
        spec=spec_of_data(pack),
        samples=ours.rows(fresh[:PIXEL_COUNT])["x"] if keeps else None,
        data_samples=pack.rows(theirs[:PIXEL_COUNT])["x"] if keeps else None,
        among=pack if origin != "held-out data" else None,
    )
    values: dict[str, Any] = {}
    for name in names:
        values |= FAMILIES[name].measure(sets)
    if "overfitting" in names and held_out is not None and ours is pack:
        apart = ~np.isin(fresh, rows_in(pack, held_out))
        beside = features_of(net, held_out, reference_rows(held_out, COUNT), device, progress)
        values |= scaled(sets.generated[apart], sets.data, beside, count)
    real = {
        metric.name: float(values[metric.name])
        for metric in TABLE
        if isinstance(values.get(metric.name), float) and math.isfinite(values[metric.name])
    }
    if origin == "halves":
        growth = 2 / (1 / count + 1 / reference) / len(fresh)
        if "frechet" in real:
            real["frechet"] *= carried(sets.generated, sets.data, real["frechet"], growth)
        if real.pop("intra_class_frechet", None) is not None:
            within = within_classes(sets, growth)
            real |= {"intra_class_frechet": within} if within is not None else {}
    return {"real": real, "real_count": [len(fresh), len(theirs)], "real_from": origin}


def rows_in(pack: Pack, held_out: Pack) -> NDArray[np.int64]:
    """Which rows of the data are held out, where that is a part of them."""
    if isinstance(held_out, Part) and held_out.whole.fingerprint == pack.fingerprint:
        return held_out.chosen
    return np.zeros(0, np.int64)


def scaled(real: Features, data: Features, held_out: Features, count: int) -> dict[str, Any]:
    """Distances of overfitting of so many real images in place of the generated ones.

    real: of none that is held out; where they are fewer, the distances are carried on.
    """
    found = overfitting(real, data, held_out)
    if not found or len(real) >= count:
        return found
    few = 1 / len(held_out)
    growth = (1 / len(real) + few) / (1 / count + few)
    names = ("frechet_held_out", "frechet_training")
    return {name: found[name] * carried(real, held_out, found[name], growth) for name in names}


def carried(one: Features, other: Features, whole: float, growth: float) -> float:
    """What the Frechet distance of halves is to be multiplied by, for the counts asked for.

    growth: these counts over those of the halves.

    Between sets of one distribution it falls as a power of N: 1 where N is far above the number
    of features, less below. The power is measured between the halves and halves of these.
    """
    if min(len(one), len(other)) < CARRIED:
        return 1.0
    parts = [frechet_distance(one[i::2], other[i::2]) for i in (0, 1)]
    lesser = float(np.mean(parts))
    if not 0 < whole < lesser:
        return 1.0
    return float((1 / growth) ** min(math.log2(lesser / whole), 1.0))


def within_classes(sets: Sets, growth: float) -> float | None:
    """The mean distance within a class, carried on class by class; None where one is too small."""
    ours, theirs = sets.wanted, sets.data_labels
    if ours is None or theirs is None:
        return None
    found = []
    for label in np.union1d(ours, theirs):
        one, other = sets.generated[ours == label], sets.data[theirs == label]
        if min(len(one), len(other)) < CARRIED:
            return None
        whole = frechet_distance(one, other)
        found.append(whole * carried(one, other, whole, growth))
    return float(np.mean(found))


def labels_of(pack: Pack, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    return None if pack.labels is None else pack.labels[rows]


def small_of(pack: Pack, rows: NDArray[np.int64]) -> Features:
    """Small copies of the first of these rows."""
    kind = modality_of(spec_of_data(pack))
    return np.concatenate([kind.plain(x) for x in of_pack(pack, rows[:PIXEL_COUNT])])
