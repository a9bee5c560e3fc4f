"""Train and resume runs from Python: data in, a folder with a model out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganzfeld.config import Config
from ganzfeld.core import border, loggers, runtime
from ganzfeld.core import names as names_
from ganzfeld.core.device import choose_device
from ganzfeld.core.signals import Signals
from ganzfeld.data import whereabouts
from ganzfeld.data.request import DataRequest
from ganzfeld.data.sampler import total_of
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.modalities import spec_of
from ganzfeld.models import folder as shipping
from ganzfeld.models.fitting import check_run
from ganzfeld.models.tasks import task_of_run
from ganzfeld.training import config_file, grown, opening, saving, vetting
from ganzfeld.training import resume as lineage
from ganzfeld.training.noting import need_shards
from ganzfeld.training.plan import check
from ganzfeld.training.process import joined, make_screen, owned
from ganzfeld.training.request import TrainRequest
from ganzfeld.training.result import Run as Run
from ganzfeld.training.session import Session
from ganzfeld.training.stages import carry_out
from ganzfeld.training.tasks import WORK

NO_ROOM = "free some space (df -h), or make the folder writable, then run the same command again"


def train(
    source: Any = "avatars",
    *,
    dataset: Any = None,
    image_column: str | None = None,
    label_column: str | None = None,
    recipe: str = "default",
    other: str | os.PathLike[str] | None = None,
    direction: str | None = None,
    out: str | os.PathLike[str] | None = None,
    size: int | tuple[int, int] | None = None,
    images: int | None = None,
    minutes: float | None = None,
    batch: int | None = None,
    seed: int | None = None,
    labels: str | os.PathLike[str] = "auto",
    condition: str | Sequence[str] = (),
    modality: str = "auto",
    window: int | None = None,
    value_range: str | None = None,
    frames: str = "first",
    splits: str = "train",
    follow_links: bool = False,
    stream: bool = False,
    max_megapixels: float = 64.0,
    alpha: str = "white",
    on_bad_image: str | None = None,
    device: str = "auto",
    init: str | os.PathLike[str] | None = None,
    afford: int | None = None,
    held_out: int | None = None,
    settings: Sequence[str] = (),
    config: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
    quiet: bool = False,
    trust_code: bool = False,
) -> Run:
    """Train a recipe on data into a run's folder; an unfinished run there is continued.

    source: a folder, ZIP, IDX, .npy, .npz or parquet of images, or an embedded set's name. Or the
        data themselves: an array or a tensor of images (N, H, W), (N, C, H, W) or (N, H, W, C),
        uint8, or float in [0, 1] or [-1, 1]; a pair (images, labels); a torch `Dataset`; or a
        `datasets.Dataset`. They are kept in the run's folder under data/, so that it can go on.
    dataset: the same by its name. image_column, label_column: of data that have columns; by
        default the usual names, "image" and "label" first. A label column of "none" leaves
        labels aside.
    recipe: a name that `ganzfeld recipes` lists, or your own function as `file.py:name`.
    other: the second domain of a translation, where `source` does not hold both.
    direction: of a translation that is learned one way: "ab", from the first domain or the left
        half of each image to the second, or "ba".
    out: the run's folder; by default runs/<data>-<recipe>.
    size: pixels, of a square or as (height, width); by default what suits the data.
    images: to see in all. minutes: measure the speed, then fix the number of images from it.
    batch: samples in a batch, over all processes.
    labels: "auto" uses labels where the data has them, "none" leaves them aside, "clusters" takes
        groups of similar images in their place (docs/gan.md), "folders" takes folders as classes
        though they look like mere sorting, "names" takes classes from the files' names, such as
        cat.1.jpg; or the path of a table, with ":COLUMN" where it has several.
    condition: columns that a generation is conditioned on, by name: of a table beside the files,
        of named arrays, of JSON lines. A column of classes becomes the labels; numbers and several
        classes at once are given to the networks beside them. By default the labels alone.
    modality: "auto" decides by what the data are; "image", "field", "audio", "text", "table" or
        "series" take them for that.
    window: steps of a sample that is cut out of a longer series; by default 48, or the length of
        the series where most have one.
    value_range: "LOW:HIGH" that become black and white, or percentiles such as "p1:p99"; by
        default found from the numbers of the data.
    frames: "first" or "all" of animations and of files with pages.
    splits: "train" leaves test and validation images out, "all" takes them.
    follow_links: also those that lead out of the data's folder.
    stream: read images out of tar or Parquet shards while training; only a sample is packed.
    max_megapixels: of an image; larger ones count as bad.
    alpha: what shows through transparency: "white", "black", or "keep" it as a channel.
    on_bad_image: "fail" or "skip"; by default bad images are skipped up to one in a hundred.
    device: "auto", "cpu", "cuda" or "mps".
    init: a run or a model folder whose weights the networks start from: those of a run, or G
        of a model. Layers that do not fit start afresh, and the plan names them.
    afford: images that the recipe's full networks could see in the time there is; a recipe may
        take smaller ones, or smaller batches, where these are few. Measured if minutes are given.
    held_out: images never trained on, always the same ones of a data set, by which copying and
        overfitting are seen; None: 5 % up to 256, and none of fewer than 100. 0 trains on all.
    settings: "PATH=VALUE" changes of the recipe's configuration, such as "networks.G.width=32".
    config: a JSON file of the same form as a run's config.json, or that of a run; what this call
        says otherwise than by default comes first. Shapes and classes follow the data.
    dry_run: print the plan and train nothing. The run's folder is not written; the data are
        packed in the cache.
    seed: of weights, order and draws; None: 0.
    trust_code: run Python code that a run's folder names beside that which you name yourself,
        where the run goes on.

    Raises a `GanzfeldError` with a message for people and an exit code.

    Example::

        import numpy as np
        import ganzfeld

        images = np.random.default_rng(0).integers(0, 256, (200, 3, 16, 16), dtype=np.uint8)
        labels = np.arange(200) % 2
        run = ganzfeld.train((images, labels), images=320, out="runs/noise", quiet=True)
        drawn = run.model.sample(8, labels=[0, 1])  # a tensor (8, 3, 16, 16) in [-1, 1]
        numbers = ganzfeld.evaluate(run, (images, labels), extractor="random", count=100)
    """
    arguments = dict(locals())
    if config is not None:
        arguments = config_file.merged(config, arguments, train)
    del arguments["config"]
    return carry_out(TrainRequest.of(**arguments))


def resume(
    run: str | os.PathLike[str],
    *,
    images: int | None = None,
    data: str | os.PathLike[str] | None = None,
    other: str | os.PathLike[str] | None = None,
    device: str | None = None,
    data_grown: bool = False,
    log_to: Sequence[str] | None = None,
    quiet: bool = False,
    trust_code: bool = False,
) -> Run:
    """Continue a run from its newest whole checkpoint, with the settings it was started with.

    images: a new total, to go on beyond the end; schedules follow the new total from here on.
    data, other: where the data (and the second domain) lie now, if they were moved; they must be
        the same, and the run keeps the new place. Moved together with the run, they are found.
    data_grown: go on although images were added to the data: from here on all are drawn, and
        config.json says so. Shape and classes must be as they were.
    log_to: trackers that the run tells its rows from here on, beside those it had; ["none"]: it
        tells none any more.
    device: to go on with: "auto", "cpu", "cuda" or "mps"; by default that of before.
    trust_code: run what the run's folder names as Python code of its author. A run that you
        began on this machine with code of your own goes on without it.

    Example::

        import ganzfeld

        run = ganzfeld.resume("runs/avatars-default", images=96, quiet=True)
    """
    folder = Path(border.path(run, "the run"))
    if images is not None:
        images = border.whole(images, "--images", 1, border.MOST_IMAGES)
    screen = make_screen(border.flag(quiet, "quiet"))
    given = None if data is None else border.path(data, "--data")
    given_too = None if other is None else border.path(other, "--with")
    config = stored_config(folder, trust_code)
    trackers = loggers.more(config.run.log_to, log_to)
    check_run(folder, config)
    if device is not None and config.run.deterministic:
        fixed_device(folder, config, choose_device(device))
    config.data = whereabouts.moved(whereabouts.located(config.data, folder), given, given_too)
    whereabouts.need(config.data, folder)
    places = config.data
    with Signals() as signals, joined(device or config.run.device) as on:
        pack = opening.open_data(
            DataRequest.of_config(config.data),
            screen,
            task_of_run(config).name,
            config.data.kind,
            spec_of(config.data.spec).modality if config.data.spec else None,
        )
        if pack.fingerprint != config.data.fingerprint and not data_grown:
            need_shards(folder, pack, config.data.source)
            raise CheckpointError(
                f"the data in {config.data.source} is not what {folder} was trained on: "
                f"{config.data.samples:,} images then, {total_of(pack):,} now"
                f"{lineage.left_aside(config, total_of(pack), pack.report)}",
                safe="nothing was changed",
                fix=f"{lineage.go_on_grown(config, total_of(pack), folder)}"
                "restore the original data, or name it with --data PATH   or "
                f"{lineage.anew(config, folder)}",
            )
        if config.data.spec is not None:
            pack.see_as(spec_of(config.data.spec))
        pack = WORK[task_of_run(config).name].again(pack, config.data)
        with owned(folder, fix=NO_ROOM):
            config = stored_config(folder, trust_code)
            config.data, config.run.device, config.run.log_to = places, on.type, trackers
            newest = saving.newest(folder) if images is not None or data_grown else None
            seen = newest[0].manifest["images"] if newest and newest[0] else 0
            config = grown.with_more(config, pack, folder, seen, images) if data_grown else config
            if images is not None:
                if images < seen:
                    raise UsageError(
                        f"{folder} has seen {seen:,} images: --images {images:,} is below that",
                        safe="nothing was changed",
                        fix=f"ganzfeld resume {names_.quoted(folder)} --images {2 * seen}"
                        "   or any number above",
                    )
                config.run.images, config.run.minutes = images, None
                config.run.planned = config.run.patience = None
            with runtime.deterministic(config.run.deterministic):
                session = Session(folder, config, pack, on, screen, signals)
                session.trust_code = trust_code
                session.go_on(newest)
    return Run(folder)


def fixed_device(folder: Path, config: Config, device: str) -> None:
    """UsageError where a deterministic run should go on elsewhere, with other sums."""
    if device != config.run.device:
        raise UsageError(
            f"{folder} is deterministic on {config.run.device}: {device} has other sums",
            safe="nothing was changed",
            fix="leave --device out, or train anew there with another --out",
        )


def stored_config(folder: Path, trust_code: bool) -> Config:
    """The configuration of a run that goes on, every number of it in range."""
    with vetting.as_stored(folder):
        config = shipping.read_own(folder, trust_code=trust_code)
        check(config)
    return config
