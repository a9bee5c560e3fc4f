"""Measure a generator, or any pictures, against data: pictures in, a dictionary of numbers out."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

import ganzfeld
from ganzfeld import generate, pictures
from ganzfeld.data.pack import Pack, PackOptions, cache_folder, open_pack
from ganzfeld.data.survey import alpha_of
from ganzfeld.errors import DataError, ResourceError, UsageError
from ganzfeld.metrics.features import Extractor, Features, extract, make_extractor, of_pack
from ganzfeld.metrics.store import keep, kept
from ganzfeld.metrics.suite import METRICS, NEEDS, PIXEL_COUNT, Sets, choose_metrics
from ganzfeld.randomness import key, numpy_generator

COUNT = 10_000  # samples, where the data have as many
PIXEL_SIDE = 32  # of the comparison of plain pixels

Progress = Callable[[str, int, int], None]
Labels = NDArray[np.int64]


def evaluate(
    model: str | os.PathLike[str] | generate.Model | Any,
    data: str | os.PathLike[str] | Pack,
    *,
    metrics: Sequence[str] | None = None,
    extractor: str | None = None,
    protocol: str | None = None,
    count: int | None = None,
    reference: int | None = None,
    seed: int = 0,
    held_out: str | os.PathLike[str] | Pack | None = None,
    labels: str = "auto",
    device: str = "auto",
    trust_code: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Compare generated pictures with data; every number, and the protocol that it holds under.

    model: a `Model` or `Run`, the folder of one, or a folder or ZIP of anybody's pictures.
    data: what it should look like, as `train` takes it.
    metrics: names out of `METRICS` or of single results; None: all that can be had.
    extractor: "inception", "domain", "random" or `file.py:name`. None: "domain" where the
        labels of the data can be learned, else "random".
    protocol: "tf1", "pytorch-fid" or "clean", for the inception extractor.
    count: generated pictures; None: as many as the data, at most 10,000.
    reference: pictures of the data, a fixed choice; None: as many as `count`.
    held_out: data that were not trained on, for `memorisation`.
    labels: "auto", or "none" to leave the labels of the data aside.
    trust_code: see `ganzfeld.load`.

    Raises a `GanzfeldError` with a message for people and an exit code.
    """
    chosen = choose_metrics(metrics)
    subject = open_subject(model, trust_code)
    pack = data if isinstance(data, Pack) else open_data(data, subject, progress, labels)
    if not isinstance(subject, generate.Model):
        subject = open_like(subject, pack, progress)
    number = choose_count(count, subject, pack)
    rows = reference_rows(pack, number if reference is None else reference)
    for least, what in ((number, "generated pictures"), (len(rows), "pictures of the data")):
        if least < 6:
            raise DataError(f"{least} {what} are too few to measure anything: 6 or more")
    net = choose_extractor(extractor, pack, protocol, progress)
    other = None if held_out is None else open_like(held_out, pack, progress)
    place = torch.device(choose_device(device))
    drawn = draw(subject, pack, rows, number, seed, place)
    thumbs: list[Features] = []
    sets = Sets(
        extractor=net,
        generated=extract(
            net,
            watched(drawn.chunks, thumbs),
            number,
            device=place,
            progress=progress,
            stage="generated pictures",
        ),
        data=features_of(net, pack, rows, place, progress),
        generated_pixels=np.concatenate(thumbs),
        data_pixels=np.concatenate([small(x) for x in of_pack(pack, rows[:PIXEL_COUNT])]),
        classes=pack.classes,
        numbers=drawn.numbers,
        rows=rows,
        wanted=drawn.labels,
        data_labels=None if pack.labels is None else pack.labels[rows],
        held_out=None if other is None else held_out_features(net, other, place, progress),
        whole=len(pack),
    )
    result: dict[str, Any] = {"count": number}
    for name in chosen:
        progress("measuring", 1 + list(chosen).index(name), len(chosen))
        found = METRICS[name](sets)
        if metrics is not None and not found:
            raise UsageError(f"the metric {name} {NEEDS[name]}")
        result.update(found)
    result |= {f"extractor_{name}": value for name, value in net.facts.items()}
    result["protocol"] = describe_protocol(net, pack, number, len(rows), seed, other)
    return {name: finite(value) for name, value in result.items()}


# What is compared


def open_subject(model: Any, trust_code: bool) -> generate.Model | str | Pack:
    """A model where there is one, else what may hold pictures."""
    if isinstance(model, generate.Model | Pack):
        return model
    path = Path(getattr(model, "path", model))  # of a Run
    holds_model = (
        (path / "model.safetensors").exists()
        or (path / "model" / "config.json").exists()
        or (path / "checkpoints").is_dir()
    )
    if not holds_model:
        return str(path)
    return cast(generate.Model, generate.load(path, trust_code=trust_code, task="generation"))


def open_data(
    data: str | os.PathLike[str],
    subject: generate.Model | str | Pack,
    progress: Progress,
    labels: str = "auto",
) -> Pack:
    """The data in the size and channels of the model, or in their own."""
    if not isinstance(subject, generate.Model):
        return open_pack(data, PackOptions(labels=labels), progress=progress)
    channels, height, width = subject.shape
    trained_on = subject.about.get("training", {}).get("data", {})
    if trained_on:
        trained_on = {"rules": 1, **trained_on}  # of a run from before they were written down
    read = ("range", "frames", "splits", "follow_links", "max_megapixels", "rules")
    options = PackOptions(
        size=(height, width),
        channels=channels,
        labels=labels,
        alpha=alpha_of(channels, trained_on.get("alpha", "white")),
        on_bad_image=trained_on.get("on_bad_image"),
        **{name: trained_on[name] for name in read if name in trained_on},
    )
    return open_pack(data, options, progress=progress)


def open_like(source: str | os.PathLike[str] | Pack, pack: Pack, progress: Progress) -> Pack:
    """Pictures in the size and channels of the data."""
    if not isinstance(source, Pack):
        size, alpha = (pack.height, pack.width), alpha_of(pack.channels)
        options = PackOptions(size=size, channels=pack.channels, alpha=alpha)
        source = open_pack(source, options, progress=progress)
    if source.images.shape[1:] != pack.images.shape[1:]:
        raise DataError(
            f"the pictures are {source.images.shape[1:]} and the data {pack.images.shape[1:]}: "
            "channels, height and width must be the same"
        )
    return source


def choose_count(count: int | None, subject: generate.Model | Pack, pack: Pack) -> int:
    most = len(subject) if isinstance(subject, Pack) else None
    if count is None:
        return min(COUNT, len(pack), most or COUNT)
    if most is not None and count > most:
        raise UsageError(f"--count {count:,}: there are {most:,} pictures")
    return count


def reference_rows(pack: Pack, count: int) -> Labels:
    """Rows of the data to compare with: the same ones for the same count, whatever the seed.

    Shuffled, since data are often sorted by class, and some metrics take blocks.
    """
    return numpy_generator("reference").permutation(len(pack))[: max(count, 0)]


def choose_extractor(
    name: str | None, pack: Pack, protocol: str | None, progress: Progress
) -> Extractor:
    """The one asked for; else the data's own classifier, where their labels can be learned."""
    if name is not None:
        return make_extractor(name, pack, protocol=protocol, progress=progress)
    if protocol is not None:
        return make_extractor("inception", pack, protocol=protocol, progress=progress)
    if pack.labels is not None:
        try:
            return make_extractor("domain", pack, progress=progress)
        except DataError as error:
            fallback = make_extractor("random", pack, progress=progress)
            fallback.facts["note"] = error.what
            return fallback
    return make_extractor("random", pack, progress=progress)


def choose_device(name: str) -> str:
    from ganzfeld.run import choose_device as choose

    return choose(name)


class Drawn(NamedTuple):
    """Generated pictures in chunks, their numbers, and their labels where they are known."""

    numbers: Labels
    labels: Labels | None
    chunks: Iterable[NDArray[np.uint8]]


def draw(
    subject: generate.Model | Pack,
    pack: Pack,
    rows: Labels,
    count: int,
    seed: int,
    device: torch.device,
) -> Drawn:
    """Samples of a model, rounded to bytes as they would be in files, or some of the pictures.

    A conditional model is asked for classes in the proportions of the data.
    """
    if isinstance(subject, Pack):
        some = numpy_generator(seed, "evaluate").permutation(len(subject))[:count]
        same = subject.labels is not None and subject.classes == pack.classes
        own = subject.labels[some] if same and subject.labels is not None else None
        return Drawn(some, own, of_pack(subject, some))
    names, wanted = None, None
    if pack.labels is not None and sorted(subject.classes) == sorted(pack.classes):
        wanted = np.resize(pack.labels[rows], count)
        names = [pack.classes[label] for label in wanted]
    start = first_number(seed)
    chunks = sampled(subject, count, seed, names, start, device)
    return Drawn(start + np.arange(count), wanted, chunks)


def first_number(seed: int) -> int:
    """Number of the first sample that is measured: not one of those that `sample` shows first.

    The first of a chunk, so that none is drawn in vain.
    """
    return key(seed, "evaluate") % 2**31 // generate.CHUNK * generate.CHUNK


def sampled(
    model: generate.Model,
    count: int,
    seed: int,
    names: list[str] | None,
    start: int,
    device: torch.device,
) -> Iterator[NDArray[np.uint8]]:
    """The model's samples, drawn on a device that it leaves again."""
    home = next(model.generator.parameters()).device
    model.generator.to(device)
    try:
        for x in model.chunks(count, seed=seed, labels=names, start=start):
            yield pictures.to_pixels(x)
    finally:
        model.generator.to(home)


def watched(
    chunks: Iterable[NDArray[np.uint8]], thumbs: list[Features]
) -> Iterator[NDArray[np.uint8]]:
    """The chunks as they come; small copies of the first pictures are put aside."""
    seen = 0
    for chunk in chunks:
        if seen < PIXEL_COUNT:
            thumbs.append(small(chunk[: PIXEL_COUNT - seen]))
            seen += len(chunk)
        yield chunk


def small(pixels: NDArray[np.uint8]) -> Features:
    """Pixels as features (n, d) in [0, 1]; larger pictures are averaged down to about 32 px."""
    n, _, h, w = pixels.shape
    step = math.ceil(max(h, w) / PIXEL_SIDE)
    x = torch.from_numpy(pixels).float() / 255
    x = torch.nn.functional.avg_pool2d(x, step, ceil_mode=True) if step > 1 else x
    flat: Features = x.reshape(n, -1).numpy()
    return flat


def features_of(
    net: Extractor, pack: Pack, rows: Labels, device: torch.device, progress: Progress
) -> Features:
    """The data's features, from the cache folder or extracted now and kept there."""

    def extracted() -> Features:
        chunks, stage = of_pack(pack, rows), "pictures of the data"
        return extract(net, chunks, len(rows), device=device, progress=progress, stage=stage)

    if ":" in net.name:
        return extracted()  # a user's code may change while its weights stay
    parts = (net.name, net.weights, net.protocol, pack.fingerprint, len(rows))
    facts = {"of": [str(part) for part in parts]}
    place = cache_folder() / f"features-{key('features', *parts):016x}.safetensors"
    found = kept(place)
    if found is not None and found[1] == facts and len(found[0]["features"]) == len(rows):
        return found[0]["features"]
    features = extracted()
    with contextlib.suppress(ResourceError):  # the next time they are made again
        keep(place, {"features": features}, facts)
    return features


def held_out_features(
    net: Extractor, held_out: Pack, device: torch.device, progress: Progress
) -> Features:
    return features_of(net, held_out, reference_rows(held_out, COUNT), device, progress)


# What is said of it


def describe_protocol(
    net: Extractor,
    pack: Pack,
    count: int,
    reference: int,
    seed: int,
    held_out: Pack | None = None,
) -> dict[str, Any]:
    """All that the numbers depend on but the generator; numbers of different ids differ."""
    library = f"ganzfeld {ganzfeld.__version__}"
    about = {
        "extractor": net.name,
        "weights": net.weights,
        "resize": net.resize,
        "values": net.values,
        "channels": net.channels,
        "shape": [pack.channels, pack.height, pack.width],
        "generated": count,
        "reference": reference,
        "data": pack.fingerprint,
        "seed": seed,
        "library": library,
    }
    if held_out is not None:
        about["held_out"] = held_out.fingerprint
    words = [net.name, net.weights[:8], net.protocol, f"n{count}", f"m{reference}"]
    words += [f"data {pack.fingerprint[:8]}", f"seed {seed}", library]
    digest = f"{key(json.dumps(about, sort_keys=True)):016x}"
    return {"id": f"{' / '.join(words)} / {digest[:8]}", "protocol": net.protocol, **about}


def finite(value: Any) -> Any:
    """Numbers that JSON cannot hold as None."""
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
