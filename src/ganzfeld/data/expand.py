"""Use all frames of animations and multi-page files as separate images."""

from __future__ import annotations

import numpy as np

from ganzfeld.core.names import suffix
from ganzfeld.data.readers import Unreadable
from ganzfeld.data.source import Encoded
from ganzfeld.modalities.image.formats import ANIMATED, FRAME, count_frames

DICOM = ("dcm", "dicom", "ima", "")


def take_frames(source: Encoded, max_megapixels: float) -> None:
    """Replace each file that holds several frames by its frames."""
    names: list[str] = []
    titles: list[str] = []
    labels: list[int] = []
    places: list[int] = []
    files = 0
    for place, (name, title) in enumerate(zip(source.names, source.titles, strict=True)):
        count = 1
        if suffix(title) in (*ANIMATED, *DICOM):
            try:
                count = count_frames(source.reader.read(name), title, max_megapixels)
            except Unreadable:
                count = 1  # named bad when it is decoded
        files += count > 1
        names += [f"{name}{FRAME}{k}" for k in range(count)] if count > 1 else [name]
        titles += [f"{title} frame {k}" for k in range(count)] if count > 1 else [title]
        places += [place] * count
        if source.labels is not None:
            labels += [int(source.labels[place])] * count
    if files:
        total = len(names) - len(source.names) + files
        source.notes.append(f"all frames are taken: {total:,} of {files:,} files")
    source.names, source.titles = names, titles
    source.columns = {name: values.repeated(places) for name, values in source.columns.items()}
    if source.labels is not None:
        source.labels = np.array(labels, dtype=np.int64)
