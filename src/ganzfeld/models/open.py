"""Open data as a model or other data need them: their size, channels, symbols or levels."""

from __future__ import annotations

import os
from typing import Any, cast

from numpy.typing import NDArray

from ganzfeld.core.progress import Progress
from ganzfeld.data.adopting import as_spec
from ganzfeld.data.candidates import AS_TEXT
from ganzfeld.data.conditions import is_captioned
from ganzfeld.data.decode import own_sizes
from ganzfeld.data.options import alpha_of
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.data.request import understood
from ganzfeld.data.shard_index import are_shards
from ganzfeld.data.shard_stream import open_stream
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities import Spec, modality_of, spec_of_data
from ganzfeld.models import model

Rows = NDArray[Any]


def open_data(
    data: str | os.PathLike[str],
    subject: model.Model | str | Pack,
    progress: Progress,
    labels: str = "auto",
    on_bad_image: str | None = None,
) -> Pack:
    """The data in the size and channels of the model, or in their own.

    on_bad_image: None for that of the model's training.
    """
    if not isinstance(subject, model.Model):
        options = PackOptions(labels=labels, on_bad_image=on_bad_image)
        return open_pack(data, options, progress=progress)
    trained_on = subject.about.get("training", {}).get("data", {})
    if trained_on:
        # of a run from before these were written down
        trained_on = {"rules": 1, "modality": subject.spec.modality, **trained_on}
    read = understood(trained_on) | as_in(subject.spec, trained_on.get("alpha", "white"))
    read |= {
        "labels": reading_of(subject, labels),
        "on_bad_image": on_bad_image or trained_on.get("on_bad_image"),
    }
    options = PackOptions(**read)
    streamed = trained_on.get("stream") and are_shards(data, options.reading)
    make = open_stream if streamed else open_pack  # by the sample that the run was measured by
    return as_spec(make(data, options, progress=progress), subject.spec)


def reading_of(subject: model.Model, labels: str) -> str:
    """The option `labels` by which a model's captions are read again as such, however few differ.

    labels: what was asked for; "auto" leaves it to the model, and such data have no labels.
    """
    told = str(subject.about.get("training", {}).get("data", {}).get("labels", "auto"))
    if labels not in ("auto", "none") or not is_captioned(subject.conditions):
        return labels
    if subject.spec.modality == "table":  # whose rows are without their captions
        return f"{AS_TEXT}{subject.conditions['columns'][0]['name']}"
    return told if told.startswith(AS_TEXT) else labels


def open_alone(source: str | os.PathLike[str], progress: Progress) -> Pack:
    """Images in their own size. UsageError where they have several."""
    sizes = own_sizes(source, progress)
    if len(sizes) > 1:
        few = ", ".join(f"{h} x {w}" for h, w in sorted(sizes)[:3])
        raise UsageError(
            f"the images have {len(sizes):,} sizes ({few}), and without data there is none to "
            "bring them to",
            safe="nothing was measured",
            fix="give images of one size",
        )
    return open_pack(source, PackOptions(size=next(iter(sizes), None)), progress=progress)


def open_like(
    source: str | os.PathLike[str] | Pack,
    pack: Pack,
    progress: Progress,
    fit: str = "crop",
    on_bad_image: str | None = None,
) -> Pack:
    """Samples that lie as those of the data. DataError where they cannot."""
    there = opened(source)
    if there is None:
        options = PackOptions(**as_in(spec_of_data(pack)), fit=fit, on_bad_image=on_bad_image)
        there = open_pack(cast(str, source), options, progress=progress)
    theirs = spec_of_data(pack)
    there = as_spec(there, theirs)
    ours = spec_of_data(there)
    if (ours.modality, ours.shape) != (theirs.modality, theirs.shape):
        raise DataError(
            f"the {modality_of(ours).noun} are {ours.shape} and the data, "
            f"{modality_of(theirs).noun}, {theirs.shape}: these must be the same"
        )
    return there


def opened(data: Any) -> Pack | None:
    """Data that are open already; None for a path, a model, or what else leads to them."""
    return data if isinstance(data, Pack) else None


def as_in(spec: Spec, alpha: str = "white") -> dict[str, Any]:
    """Options of a pack whose samples shall lie as these do."""
    if not modality_of(spec).rescaled:
        return {"modality": spec.modality, **modality_of(spec).reading(spec)}
    channels, height, width = spec.shape
    return {"size": (height, width), "channels": channels, "alpha": alpha_of(channels, alpha)}
