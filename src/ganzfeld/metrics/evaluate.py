"""Measure a generator, or any set of images, against data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core import border
from ganzfeld.core.device import choose_device
from ganzfeld.core.metrics_log import finite
from ganzfeld.core.randomness import key, numpy_generator
from ganzfeld.data.adopting import as_spec
from ganzfeld.data.called import in_own_words
from ganzfeld.data.conditions import is_captioned, scaled
from ganzfeld.data.given import as_source, is_given
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DataError, UsageError
from ganzfeld.metrics import caption_evaluation, published, translation_evaluation
from ganzfeld.metrics.copies import Passing, for_copies
from ganzfeld.metrics.default import COUNTS
from ganzfeld.metrics.features import FEWEST, Extractor, extract, inception, need_room, of_pack
from ganzfeld.metrics.kinds import made, make_extractor, measures_of
from ganzfeld.metrics.protocol import describe_protocol, how_fitted
from ganzfeld.metrics.reference import COUNT
from ganzfeld.metrics.reference import features_of as features_of
from ganzfeld.metrics.reference import reference_rows as reference_rows
from ganzfeld.metrics.registry import FAMILIES, PIXEL_COUNT, Sets, choose_metrics
from ganzfeld.metrics.scale import real_scale, small_of
from ganzfeld.metrics.summary import warnings
from ganzfeld.modalities import modality_of, speak_of_kind, spec_of_data
from ganzfeld.models import draws
from ganzfeld.models import model as generate
from ganzfeld.models.embedded import located
from ganzfeld.models.open import open_alone, open_data, open_like, opened

# by task, of models that draw no samples
MEASURES: dict[str, Any] = {"captioning": caption_evaluation, "translation": translation_evaluation}

Progress = Callable[[str, int, int], None]
Labels = NDArray[np.int64]


@in_own_words()
def evaluate(
    model: Any,
    data: Any,
    *,
    other: Any = None,
    metrics: Sequence[str] | None = None,
    extractor: str | None = None,
    protocol: str | None = None,
    count: int | None = None,
    reference: int | None = None,
    seed: int = 0,
    held_out: Any = None,
    fit: str | None = None,
    labels: str = "auto",
    on_bad_image: str | None = None,
    device: str = "auto",
    trust_code: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Compare generated images with data; every number, and the protocol that it holds under.

    model: a `Model` or `Run`, the folder of one, a folder or ZIP of anybody's images, or an array.
    data: what it should look like, as `train` takes it: a path, arrays, or a data set. Or an
        .npz with the `mu` and `sigma` of pytorch-fid: the Frechet distance alone, by Inception.
    other: the second domain, for models that translate, where `data` does not hold both.
    metrics: names out of `METRICS` or of single results; None: all that can be had.
    extractor: "inception", "domain", "learned", "random" or `file.py:name`. None: "inception"
        where it is installed and the images have colours and 32 pixels or more, else "domain"
        where the labels of the data can be learned, else "learned".
    protocol: "tf1", "pytorch-fid" or "clean", for the inception extractor.
    count: generated images; None: as many as the data, at most 10,000 (2,000 where "inception"
        is taken by itself).
    reference: images of the data, a fixed choice; None: as many as `count`.
    held_out: data that were not trained on, for `memorisation` and the real data's scores.
    fit: "crop" or "pad", for images of another aspect ratio than the data; None refuses them.
    labels: "auto", or "none" to ignore the labels of the data.
    on_bad_image: "fail" or "skip", as in `train`; by default as the model was trained.
    trust_code: see `ganzfeld.load`.

    Raises a `GanzfeldError` with a message for people and an exit code.

    Example::

        import ganzfeld

        found = ganzfeld.evaluate(
            "runs/avatars-default",
            "avatars:64",
            metrics=["precision_recall"],
            extractor="random",
            count=32,
        )
        print(found["precision"], found["real"]["precision"])
    """
    choose_metrics(metrics)  # a wrong name should not wait for the data
    border.whole(seed, "--seed", 0, border.MOST_SEED)
    if statistics := published.statistics_of(data):
        others = {"--reference": reference, "--held-out": held_out, "--fit": fit}
        published.check(extractor, metrics, others)
        source = Path(name) if (name := (extractor or "").partition("=")[2]) else None
        net = inception(protocol or published.PROTOCOL, source)
        subject = open_subject(model, trust_code)
        if own := measure_of(subject):
            raise own.misplaced("a file of statistics")
        return against(subject, statistics, net, count, seed, choose_device(device), progress)
    subject = open_subject(model, trust_code)
    own = measure_of(subject)
    if other is not None and own is not translation_evaluation:
        raise UsageError("--with is for models that translate", fix="ganzfeld evaluate MODEL DATA")
    second = {} if other is None else {"other": as_source(other)}
    if own:
        others = {"--extractor": extractor, "--protocol": protocol, "--reference": reference}
        others |= {"--metrics": metrics, "--held-out": held_out, "--fit": fit}
        for option in (option for option, value in others.items() if value is not None):
            raise own.misplaced(option)
        subject.to(choose_device(device))
        found = own.measure(
            subject,
            as_source(data),
            **second,
            count=count,
            seed=seed,
            progress=progress,
            on_bad_image=on_bad_image,
        )
        subject.to("cpu")
        return {name: finite(value) for name, value in found.items()}
    data, held_out = as_source(data), None if held_out is None else as_source(held_out)
    there = opened(data)
    pack = open_data(data, subject, progress, labels, on_bad_image) if there is None else there
    if isinstance(subject, generate.Model):
        pack = as_spec(pack, subject.spec)
    chosen = choose_metrics(metrics, spec_of_data(pack).modality)
    speak_of_kind(modality_of(spec_of_data(pack)))
    fitted = "none"
    if not isinstance(subject, generate.Model):
        if modality_of(spec_of_data(pack)).rescaled:
            fitted = how_fitted(subject, pack, fit, progress)
        subject = open_like(subject, pack, progress, fit or "crop", on_bad_image)
    number = choose_count(count, subject, pack)
    need_room(number, FEWEST)
    net = choose_extractor(extractor, pack, protocol, progress)
    if extractor is None and count is None and net.name == "inception":
        number = min(number, COUNTS[0])  # minutes, not hours
    rows = reference_rows(pack, number if reference is None else reference, net)
    for least, what in ((number, "generated images"), (len(rows), "images of the data")):
        if least < 6:
            raise DataError(f"{least} {what} are too few to measure anything: 6 or more")
    other = (
        None if held_out is None else open_like(held_out, pack, progress, on_bad_image=on_bad_image)
    )
    place = torch.device(choose_device(device))
    drawn = draw(subject, pack, number, seed, place)
    keeps = any(FAMILIES[name].keeps for name in chosen)
    passed = Passing(modality_of(spec_of_data(pack)), keeps)
    generated = extract(
        net,
        passed.watched(drawn.chunks),
        number,
        device=place,
        progress=progress,
        stage="generated images",
    )
    sets = Sets(
        extractor=net,
        generated=generated,
        data=features_of(net, pack, rows, place, progress),
        generated_pixels=np.concatenate(passed.pixels),
        data_pixels=small_of(pack, rows),
        classes=pack.classes,
        wanted=drawn.labels,
        data_labels=None if pack.labels is None else pack.labels[rows],
        thumbnails=for_copies(passed, drawn.numbers, pack, other)
        if "memorisation" in chosen
        else None,
        held_out=features_of(net, other, reference_rows(other, COUNT), place, progress)
        if other is not None and "overfitting" in chosen
        else None,
        spec=spec_of_data(pack),
        samples=np.concatenate(passed.samples) if keeps else None,
        data_samples=pack.rows(rows[:PIXEL_COUNT])["x"] if keeps else None,
        data_rows=rows[:PIXEL_COUNT],
        everything=pack,
        **asked_numbers(subject, pack, drawn.numbers, rows[:PIXEL_COUNT], seed),
    )
    result: dict[str, Any] = {"count": number}
    for name in chosen:
        progress("measuring", 1 + list(chosen).index(name), len(chosen))
        found = FAMILIES[name].measure(sets)
        if metrics is not None and not found:
            raise UsageError(f"the metric {name} {FAMILIES[name].needs}")
        result.update(found)
    result |= real_scale(
        net,
        pack,
        number,
        len(rows),
        metrics=chosen,
        held_out=other,
        device=place,
        progress=progress,
    )
    if result.get("memorisation_copies") is not None:
        result["real"] = result["real"] | {
            "memorisation": 1.0,
            "memorisation_copies": result["memorisation_copies_of_fresh"],
        }
    result |= {f"extractor_{name}": value for name, value in net.facts.items()}
    result["protocol"] = describe_protocol(
        net, pack, number, len(rows), seed, other, fitted=fitted, asked=drawn.asked
    )
    result["warnings"] = warnings(result)
    return {name: finite(value) for name, value in result.items()}


def against(
    subject: generate.Model | str | Pack,
    statistics: published.Statistics,
    net: Extractor,
    count: int | None,
    seed: int,
    device: str,
    progress: Progress,
) -> dict[str, Any]:
    """The Frechet distance to published statistics. Classes are drawn in equal shares."""
    place = torch.device(device)
    if isinstance(subject, str):
        subject = open_alone(subject, progress)
    number = COUNT if count is None else count
    if isinstance(subject, generate.Model):
        shape: Sequence[int] = subject.shape
        chunks: Iterable[NDArray[np.uint8]] = sampled(
            subject, number, seed, None, first_number(seed), place
        )
    else:
        shape = spec_of_data(subject).shape
        number = choose_count(count, subject, subject)
        chunks = draw(subject, subject, number, seed, place).chunks
    if number < 6:
        raise DataError(f"{number} generated images are too few to measure anything: 6 or more")
    return published.measure(net, statistics, chunks, number, shape, seed, place, progress)


# What is compared


def measure_of(subject: Any) -> Any:
    """The module that measures a model whose samples are not compared as a whole; or None."""
    return MEASURES.get(getattr(subject, "about", {}).get("task", ""))


def open_subject(model: Any, trust_code: bool) -> Any:
    """A model where there is one, else the path or the data that may hold images."""
    if isinstance(model, generate.Model) or measure_of(model):
        return model
    if (images := opened(model)) is not None:
        return images
    if is_given(model) and not hasattr(model, "path"):
        return str(as_source(model))
    path = located(getattr(model, "path", model))  # of a Run, or a name of the package's own
    holds_model = (
        (path / "model.safetensors").exists()
        or (path / "model" / "config.json").exists()
        or (path / "checkpoints").is_dir()
    )
    if not holds_model:
        return str(path)
    found = generate.load(path, trust_code=trust_code)
    if not measure_of(found):
        generate.need(found, "generation", path)
    return found


def choose_count(count: int | None, subject: generate.Model | Pack, pack: Pack) -> int:
    pool = opened(subject)
    most = None if pool is None else len(pool)
    if count is None:
        return min(COUNT, len(pack), most or COUNT)
    if most is not None and count > most:
        raise UsageError(f"--count {count:,}: there are {most:,} images")
    return count


def choose_extractor(
    name: str | None, pack: Pack, protocol: str | None, progress: Progress
) -> Extractor:
    """The one asked for; else the best that the data allow."""
    if name is not None:
        return make_extractor(name, pack, protocol=protocol, progress=progress)
    if protocol is not None:  # which only Inception has
        return make_extractor("inception", pack, protocol=protocol, progress=progress)
    return made(pack, measures_of(pack).candidates(pack), progress)


class Drawn(NamedTuple):
    """Generated images in chunks, their numbers, and their labels where they are known.

    asked: whether a model was asked for these labels.
    """

    numbers: Labels
    labels: Labels | None
    chunks: Iterable[NDArray[Any]]
    asked: bool = False


def draw(
    subject: generate.Model | Pack, pack: Pack, count: int, seed: int, device: torch.device
) -> Drawn:
    """Samples of a model, rounded to bytes as they would be in files, or some of the images."""
    if not isinstance(subject, generate.Model):
        some = numpy_generator(seed, "evaluate").permutation(len(subject))[:count]
        same = subject.labels is not None and subject.classes == pack.classes
        own = subject.labels[some] if same and subject.labels is not None else None
        return Drawn(some, own, of_pack(subject, some))
    names, wanted = None, None
    if pack.labels is not None and sorted(subject.classes) == sorted(pack.classes):
        wanted = asked_labels(pack, count, seed)
        names = [pack.classes[label] for label in wanted]
    start = first_number(seed)
    chunks = sampled(subject, count, seed, names, start, device)
    return Drawn(start + np.arange(count), wanted, chunks, wanted is not None)


def asked_numbers(
    subject: generate.Model | Pack, pack: Pack, samples: Labels, rows: Labels, seed: int
) -> dict[str, Any]:
    """Numbers that samples were asked for by, and those of the data, scaled alike; or nothing.

    samples: which they are. rows: of the data.
    """
    if not isinstance(subject, generate.Model):
        return {}
    columns = subject.conditions.get("columns", [])
    if (
        not columns
        or is_captioned(subject.conditions)
        or any(column["name"] not in pack.columns for column in columns)
    ):
        return {}
    numbers = subject.numbers_of([int(i) for i in samples], seed, None)
    if numbers is None:
        return {}
    theirs = np.concatenate([scaled(pack.columns[c["name"]], c) for c in columns], axis=1)
    return {"numbers": numbers.numpy(), "data_numbers": theirs[rows]}


def asked_labels(pack: Pack, count: int, seed: int) -> Labels:
    """Classes that a conditional model is asked for: independent, in the proportions of the data.

    The proportions are those of the data drawn anew with replacement, since the data's own are
    only a sample of the truth, and the very one that the reference shares. Equal class counts
    on both sides, or exactly the data's proportions, would make every distance too small.
    """
    assert pack.labels is not None
    generator = numpy_generator(seed, "evaluate", "labels")
    pool = pack.labels[generator.integers(0, len(pack), len(pack))]
    labels: Labels = pool[generator.integers(0, len(pack), count)]
    return labels


def first_number(seed: int) -> int:
    """Number of the first sample that is measured: not one of those that `sample` shows first.

    The first of a chunk, so that none is drawn in vain.
    """
    return key(seed, "evaluate") % 2**31 // draws.CHUNK * draws.CHUNK


def sampled(
    model: generate.Model,
    count: int,
    seed: int,
    names: list[str] | None,
    start: int,
    device: torch.device,
) -> Iterator[NDArray[Any]]:
    """The model's samples, drawn on a device that it leaves again."""
    home = next(model.generator.parameters()).device
    model.generator.to(device)
    try:
        for x in model.chunks(count, seed=seed, labels=names, start=start):
            yield model.store(x)
    finally:
        model.generator.to(home)
