"""models.open"""

from __future__ import annotations

import os

from ganzfeld.core.progress import Progress
from ganzfeld.data.options import alpha_of
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import DataError
from ganzfeld.models import model


def open_data(
    data: str | os.PathLike[str],
    subject: model.Model | str | Pack,
    progress: Progress,
    labels: str = "auto",
) -> Pack:
    """The data in the size and channels of the model, or in their own."""
    if not isinstance(subject, model.Model):
        return open_pack(data, PackOptions(labels=labels), progress=progress)
    channels, height, width = subject.shape
    trained_on = subject.about.get("training", {}).get("data", {})
    if trained_on:
        trained_on = {"rules": 1, **trained_on}  # of a run from before they were written down
    read = ("range", "frames", "splits", "follow_links", "max_megapixels", "rules", "modality")
    options = PackOptions(
        size=(height, width),
        channels=channels,
        labels=labels,
        alpha=alpha_of(channels, trained_on.get("alpha", "white")),
        on_bad_image=trained_on.get("on_bad_image"),
        **{name: trained_on[name] for name in read if name in trained_on},
    )
    return open_pack(data, options, progress=progress)


def open_like(
    source: str | os.PathLike[str] | Pack, pack: Pack, progress: Progress, fit: str = "crop"
) -> Pack:
    """Images in the size and channels of the data."""
    if not isinstance(source, Pack):
        size, alpha = (pack.height, pack.width), alpha_of(pack.channels)
        options = PackOptions(size=size, channels=pack.channels, alpha=alpha, fit=fit)
        source = open_pack(source, options, progress=progress)
    if source.images.shape[1:] != pack.images.shape[1:]:
        raise DataError(
            f"the images are {source.images.shape[1:]} and the data {pack.images.shape[1:]}: "
            "channels, height and width must be the same"
        )
    return source
