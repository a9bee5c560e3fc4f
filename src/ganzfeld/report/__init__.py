"""A run's report: one HTML file that needs no server, no network and no other file."""

from __future__ import annotations

import os
from dataclasses import replace as replaced
from pathlib import Path
from typing import TYPE_CHECKING

from ganzfeld.core.files import replace
from ganzfeld.data import whereabouts
from ganzfeld.errors import GanzfeldError
from ganzfeld.modalities import speak_of_kind
from ganzfeld.report import health, samples, sections, settings
from ganzfeld.report.captions import by_caption, by_image
from ganzfeld.report.html import page
from ganzfeld.report.record import Record, read

if TYPE_CHECKING:
    from ganzfeld.core.progress import Progress
    from ganzfeld.data.pack import Pack

__all__ = ["needs_data", "open_data", "read", "write"]


def write(
    run: str | os.PathLike[str], pack: Pack | None = None, *, trust_code: bool = False
) -> Path:
    """Write RUN/report.html from what the run's folder holds, and give its path.

    Whatever is missing is left out; whatever is damaged is named on the page.

    pack: the data, for the closest training images; None leaves them out.
    trust_code: see `ganzfeld.load`; without it, what must be drawn anew by a network of your own
        is left out.

    Raises CheckpointError where this is no run, ResourceError where it cannot be written.
    """
    record = read(Path(run))
    speak_of_kind(record.kind)
    model = samples.load_model(record, trust_code)
    text = page(
        f"{record.name} - ganzfeld",
        sections.hero(record),
        settings.plan(record, model),
        sections.through_time(record),
        health.health(record),
        sections.curves(record),
        sections.metrics(record),
        samples.closest(record, model, pack),
        by_caption(model),
        by_image(record),
        samples.by_class(record, model),
        settings.next_steps(record),
        settings.footer(record),
    )
    path = Path(run) / "report.html"
    replace(path, text.encode("utf-8", "replace"))
    return path


def needs_data(record: Record) -> bool:
    """Whether the report would show training images if it had the data."""
    return bool((record.evaluation or {}).get("memorisation_pairs"))


def open_data(record: Record, progress: Progress) -> tuple[Pack | None, str]:
    """The data as the run was measured against, or None and why not."""
    from ganzfeld.data.pack import open_pack
    from ganzfeld.data.request import DataRequest
    from ganzfeld.data.shard_stream import open_stream

    data = whereabouts.located(record.config.data, record.path)
    measured = (record.evaluation or {}).get("protocol", {}).get("data", data.fingerprint)
    try:
        # with labels, where it was trained without and measured with them
        labels = data.labels if measured == data.fingerprint else "auto"
        asked = replaced(DataRequest.of_config(data), labels=labels)
        opened = open_stream if asked.stream else open_pack
        pack = opened(asked.source, asked.options, progress=progress)
        pack.see_as(record.spec)
        return pack, ""
    except GanzfeldError as error:
        return None, error.what
