"""Train and resume runs from Python: data in, a folder with a model out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ganzfeld import (
    border,
    checkpoint,
    distributed,
    generate,
    lineage,
    process,
    shipping,
    vetting,
)
from ganzfeld.build import complete
from ganzfeld.config import Config, Data, to_json, with_settings
from ganzfeld.data.source import RULES
from ganzfeld.data.survey import alpha_of
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.fitting import check_run
from ganzfeld.guard import Signals, check_writable, locked, out_of_memory
from ganzfeld.initial import sized_by
from ganzfeld.pace import affordable
from ganzfeld.plan import (
    check,
    check_settings,
    data_kind,
    default_folder,
    find_recipe,
    fit,
    sized,
    whole_path,
)
from ganzfeld.screen import Screen
from ganzfeld.session import Session

if TYPE_CHECKING:
    from ganzfeld.data.pack import Pack
    from ganzfeld.data.pairs import TwoDomains


NO_ARRAYS = (
    "an array: numpy.save('data.npy', array), then ganzfeld.train('data.npy'); "
    "or ganzfeld.Trainer, which takes tensors"
)
NO_ROOM = "free some space (df -h), or make the folder writable, then run the same command again"


@dataclass(frozen=True)
class Run:
    """A run's folder, and its model."""

    path: Path

    @cached_property
    def model(self) -> generate.Model | Any:
        return generate.load(self.path)


def train(
    source: str | os.PathLike[str] = "avatars",
    *,
    recipe: str = "default",
    other: str | os.PathLike[str] | None = None,
    direction: str | None = None,
    out: str | os.PathLike[str] | None = None,
    size: int | tuple[int, int] | None = None,
    images: int | None = None,
    minutes: float | None = None,
    batch: int | None = None,
    seed: int = 0,
    labels: str | os.PathLike[str] = "auto",
    value_range: str | None = None,
    frames: str = "first",
    splits: str = "train",
    follow_links: bool = False,
    max_megapixels: float = 64.0,
    alpha: str = "white",
    on_bad_image: str | None = None,
    device: str = "auto",
    init: str | os.PathLike[str] | None = None,
    afford: int | None = None,
    held_out: int | None = None,
    settings: Sequence[str] = (),
    quiet: bool = False,
    trust_code: bool = False,
) -> Run:
    """Train a recipe on data into a run's folder; an unfinished run there is continued.

    source: a folder, ZIP, IDX, .npy, .npz or parquet of images, or an embedded set's name.
    recipe: a name that `ganzfeld recipes` lists, or your own function as `file.py:name`.
    other: the second domain of a translation, where `source` does not hold both.
    direction: of a translation that is learned one way: "ab", from the first domain or the left
        half of each image to the second, or "ba".
    out: the run's folder; by default runs/<data>-<recipe>.
    size: pixels, of a square or as (height, width); by default what suits the data.
    images: to see in all. minutes: measure the speed, then fix the number of images from it.
    batch: samples in a batch, over all processes.
    labels: "auto" uses labels where the data has them, "none" leaves them aside, "folders" takes
        folders as classes though they look like mere sorting; or the path of a table, with
        ":COLUMN" where it has several.
    value_range: "LOW:HIGH" that become black and white, or percentiles such as "p1:p99"; by
        default found from the numbers of the data.
    frames: "first" or "all" of animations and of files with pages.
    splits: "train" leaves test and validation images out, "all" takes them.
    follow_links: also those that lead out of the data's folder.
    max_megapixels: of an image; larger ones count as bad.
    alpha: what shows through transparency: "white", "black", or "keep" it as a channel.
    on_bad_image: "fail" or "skip"; by default bad images are skipped up to one in a hundred.
    device: "auto", "cpu", "cuda" or "mps".
    init: a run or a model folder whose weights the networks start from: those of a run, or G
        of a model. They must fit.
    afford: images that the recipe's full networks could see in the time there is; a recipe may
        take smaller ones, or smaller batches, where these are few. Measured if minutes are given.
    held_out: images never trained on, always the same ones of a data set, by which copying and
        overfitting are seen; None: 5 % up to 256, and none of fewer than 100. 0 trains on all.
    settings: "PATH=VALUE" changes of the recipe's configuration, such as "networks.G.width=32".
    trust_code: run Python code that a run's folder names beside that which you name yourself,
        where the run goes on.

    Raises a `GanzfeldError` with a message for people and an exit code.
    """
    if images is not None and minutes is not None:
        raise UsageError("--images and --minutes exclude each other", fix="give one of them")
    source = border.path(source, "the data", fix=NO_ARRAYS)
    other = None if other is None else border.path(other, "the second domain (--with)")
    init = None if init is None else border.path(init, "--init")
    size, settings = border.size(size, "--size"), border.texts(settings, "settings", "run.keep=5")
    if images is not None:
        images = border.whole(images, "--images", 1, border.MOST_IMAGES)
    if minutes is not None:
        minutes = border.real(minutes, "--minutes", 0, border.MOST_MINUTES, above=True)
    if batch is not None:
        batch = border.whole(batch, "--batch", 1, border.MOST_BATCH)
    if afford is not None:
        afford = border.whole(afford, "afford", 1, border.MOST_IMAGES)
    seed = border.whole(seed, "--seed", 0, border.MOST_SEED)
    if direction is not None:
        border.one_of(direction, "--direction", ("ab", "ba"))
    border.one_of(alpha, "--alpha", ("white", "black", "keep"))
    if on_bad_image is not None:
        border.one_of(on_bad_image, "--on-bad-image", ("fail", "skip"))
    screen = make_screen(border.flag(quiet, "quiet"))
    labels = whole_labels(border.path(labels, "--labels"))
    reading: dict[str, Any] = {"labels": labels, "range": value_range, "frames": frames}
    reading |= {"splits": splits, "follow_links": follow_links, "max_megapixels": max_megapixels}
    with Signals() as signals, joined(device) as on:
        kind = data_kind(find_recipe(recipe))  # a wrong name should not wait for the data
        folder = default_folder(source, recipe)
        if out is not None:
            folder = Path(border.path(out, "--out"))
        check_settings(recipe, settings, size, direction)
        pack = open_data(
            source,
            screen,
            kind=kind,
            other=other,
            size=size,
            alpha=alpha,
            on_bad_image=on_bad_image,
            **reading,
        )

        def fitted(afford: int | None) -> Config:
            config = fit(
                recipe,
                pack,
                source=str(source),
                labels=labels,
                direction=direction,
                afford=afford,
                held_out=held_out,
            )
            config.data.kind, config.data.other = kind, whole_path(other)
            config.data.alpha, config.data.on_bad_image = alpha, on_bad_image
            config.data = replace(config.data, rules=RULES, **reading)
            config.run.seed, config.run.device = seed, on.type
            if batch is not None:
                config.run.batch_size = batch
            if images is not None:
                config.run.images = images
            config.run.init = str(Path(init).resolve()) if init is not None else None
            config.run.minutes = minutes  # the recipe's images stand in until the speed is known
            return complete(with_settings(config, settings))

        if init is not None and afford is None:
            afford = sized_by(Path(init))
        config = fitted(afford)
        check(config)
        with process.deterministic(config.run.deterministic):
            if minutes is not None and afford is None and init is None:
                config = sized(fitted, lambda full: budget(folder, full, pack, on))
                check(config)
            with owned(folder):
                session = Session(folder, config, pack, on, screen, signals)
                session.trust_code = trust_code
                session.begin()
    return Run(folder)


def resume(
    run: str | os.PathLike[str],
    *,
    images: int | None = None,
    quiet: bool = False,
    trust_code: bool = False,
) -> Run:
    """Continue a run from its newest whole checkpoint, with the settings it was started with.

    images: a new total, to go on beyond the end; schedules follow the new total from here on.
    trust_code: run what the run's folder names as Python code of its author. A run that you
        began on this machine with code of your own goes on without it.
    """
    folder = Path(border.path(run, "the run"))
    if images is not None:
        images = border.whole(images, "--images", 1, border.MOST_IMAGES)
    screen = make_screen(border.flag(quiet, "quiet"))
    config = stored_config(folder, trust_code)
    check_run(folder, config)
    with Signals() as signals, joined(config.run.device) as on:
        pack = open_data(
            config.data.source,
            screen,
            kind=config.data.kind,
            other=config.data.other,
            channels_b=config.data.channels_b,
            size=config.data.size,
            channels=config.data.channels,
            alpha=alpha_of(config.data.channels, config.data.alpha),
            on_bad_image=config.data.on_bad_image,
            **read_as(config.data),
        )
        if pack.fingerprint != config.data.fingerprint:
            raise CheckpointError(
                f"the data in {config.data.source} is not what {folder} was trained on: "
                f"{config.data.samples:,} images then, {pack.count:,} now",
                safe="nothing was changed",
                fix="restore the original data, or train again with another --out",
            )
        with owned(folder, fix=NO_ROOM):
            config = stored_config(folder, trust_code)
            if images is not None:
                steps = checkpoint.listing(folder / "checkpoints")
                seen = checkpoint.images_of(steps[0]) if steps else 0
                if images < seen:
                    raise UsageError(
                        f"{folder} has seen {seen:,} images: --images {images:,} is below that",
                        safe="nothing was changed",
                        fix=f"ganzfeld resume {lineage.quoted(folder)} --images {2 * seen}"
                        "   or any number above",
                    )
                config.run.images, config.run.minutes = images, None
                if distributed.rank() == 0:
                    text = checkpoint.utf8(to_json(config))
                    checkpoint.replace(folder / "config.json", text)
            with process.deterministic(config.run.deterministic):
                session = Session(folder, config, pack, on, screen, signals)
                session.trust_code = trust_code
                session.go_on()
    return Run(folder)


def stored_config(folder: Path, trust_code: bool) -> Config:
    """The configuration of a run that goes on, every number of it in range."""
    with vetting.as_stored(folder):
        config = shipping.read_own(folder, trust_code=trust_code)
        check(config)
    return config


def make_screen(quiet: bool) -> Screen:
    return Screen(quiet=quiet or int(os.environ.get("RANK", "0")) > 0)


def budget(
    folder: Path, config: Config, pack: Pack | TwoDomains, device: torch.device
) -> int | None:
    """Images that these networks could see in the minutes asked for; as noted if it was before."""
    if (folder / "config.json").exists():
        with vetting.as_stored(folder):
            stored = shipping.read_config(folder).run
        if stored.minutes == config.run.minutes:
            return stored.afford
    assert config.run.minutes is not None
    with out_of_memory(config):
        return affordable(config, pack, device, 60 * config.run.minutes)


@contextlib.contextmanager
def joined(kind: str) -> Iterator[torch.device]:
    """This process's device, with the other processes of `torchrun` joined.

    Afterwards the process has as many threads as before.
    """
    device = distributed.local_device(choose_device(kind))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.start(device)
    try:
        with process.threads():
            yield device
    finally:
        distributed.finish()


def choose_device(kind: str) -> str:
    if not isinstance(kind, str):
        raise border.ArgumentError(f"device is a name such as 'cpu', not {border.told(kind)}")
    available = {"cpu": True, "cuda": torch.cuda.is_available()}
    available["mps"] = torch.backends.mps.is_available()
    if kind == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available.get(kind):
        have = ", ".join(name for name, there in available.items() if there)
        raise UsageError(f"there is no device {kind!r} here", fix=f"--device one of: auto, {have}")
    return kind


@contextlib.contextmanager
def owned(folder: Path, fix: str = "") -> Iterator[None]:
    """The run's folder, for this process alone; the first of several holds it for all.

    fix: what mends a folder that cannot be written; by default another one.
    """
    if distributed.rank():
        yield
        return
    check_writable(folder, 0, fix)
    with locked(folder):
        yield


def read_as(data: Data) -> dict[str, Any]:
    """The options of a pack that say how a run's data were understood."""
    names = ("labels", "range", "frames", "splits", "follow_links", "max_megapixels", "rules")
    return {name: getattr(data, name) for name in names}


def whole_labels(labels: str) -> str:
    """A table's path that holds from anywhere; other words as they are."""
    if labels in ("auto", "none", "folders"):
        return labels
    path, colon, column = labels.rpartition(":")
    if not os.path.isfile(labels) and colon and os.path.isfile(path):
        return f"{Path(path).resolve()}:{column}"
    return str(Path(labels).resolve()) if os.path.isfile(labels) else labels


def check_labels(labels: str, source: str | os.PathLike[str]) -> None:
    """Refuse a word or a path that cannot be meant, before the data are read."""
    suffixes = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt")
    path = labels.rpartition(":")[0] or labels
    if labels in ("auto", "none", "folders") or path.lower().endswith(suffixes):
        return
    if any(os.path.isfile(p) for p in (labels, path, os.path.join(source, labels))):
        return
    raise UsageError(
        f"--labels is auto, none, folders, or the path of a table, not {labels!r}",
        safe="nothing was read",
        fix="--labels labels.csv",
    )


def open_data(
    source: str | os.PathLike[str],
    screen: Screen,
    *,
    kind: str = "pictures",
    other: str | os.PathLike[str] | None = None,
    channels_b: int | None = None,
    **options: Any,
) -> Pack | TwoDomains:
    """The packed data, made by one process where there are several."""
    from ganzfeld.data import domains
    from ganzfeld.data.pack import PackOptions, open_pack

    check_labels(options["labels"], source)
    wanted = PackOptions(**options)

    def make() -> Pack | TwoDomains:
        if kind == "pictures":
            domains.need_pictures(source, other)
            return open_pack(source, wanted, progress=screen.progress)
        return domains.open_domains(
            domains.named(source, kind),
            kind,
            wanted,
            other=other,
            channels_b=channels_b,
            progress=screen.progress,
        )

    pack = distributed.first(make, "pack")
    for warning in pack.report.get("warnings", []):
        screen.say(f"note: {warning}")
    return pack
