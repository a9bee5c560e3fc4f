"""A training as it was asked for: every argument of `train` checked, and what they make of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ganzfeld.config import Config, with_settings
from ganzfeld.core import border
from ganzfeld.data import shards
from ganzfeld.data.from_python import WANTED
from ganzfeld.data.given import is_given
from ganzfeld.data.request import DataRequest
from ganzfeld.errors import UsageError
from ganzfeld.training import opening
from ganzfeld.training.build import complete
from ganzfeld.training.plan import default_folder, fit, whole_path
from ganzfeld.training.tasks import Dataset

FLAGS = ("dry_run", "quiet", "trust_code", "stream")


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What `train` is to do, by the names of its arguments; `of` checks them.

    given: a program's own data, which are not files yet. columns: the names in these.
    """

    data: DataRequest
    given: Any = None
    columns: dict[str, str | None] = field(default_factory=dict)
    recipe: str = "default"
    direction: str | None = None
    out: Any = None
    images: int | None = None
    minutes: float | None = None
    batch: int | None = None
    seed: int = 0
    device: str = "auto"
    init: str | None = None
    afford: int | None = None
    held_out: int | None = None
    settings: tuple[str, ...] = ()
    dry_run: bool = False
    quiet: bool = False
    trust_code: bool = False

    @classmethod
    def of(
        cls,
        *,
        source: Any,
        dataset: Any,
        image_column: str | None,
        label_column: str | None,
        condition: Any,
        value_range: str | None,
        **rest: Any,
    ) -> TrainRequest:
        """Of the arguments of `train`. Raises UsageError for the first that cannot be meant."""
        source = shards.as_pattern(source_of(source, dataset))
        given, columns = None, {"image_column": image_column, "label_column": label_column}
        if is_given(source):
            given, source = source, "dataset"
        elif image_column or label_column:
            raise UsageError(
                "image_column and label_column are for data of this program",
                fix='of a table in the data: labels="table.csv:COLUMN"',
            )
        values = checked(rest | {"source": source})
        values["range"] = value_range
        values["conditions"] = opening.condition_names(condition)
        own = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        return cls(data=DataRequest.of_flags(values), given=given, columns=columns, **own)

    @property
    def folder(self) -> Path:
        """The run's. Raises UsageError for a path that is none."""
        if self.out is None:
            return default_folder(self.data.source, self.recipe)
        return Path(border.path(self.out, "--out"))

    def reading(self, source: str) -> TrainRequest:
        """The same with the data there."""
        return replace(self, data=replace(self.data, source=source))

    def config(
        self, pack: Dataset, layout: str, device: torch.device, afford: int | None
    ) -> Config:
        """The whole configuration for these data. afford: see `ganzfeld.Facts`."""
        asked = self.data
        config = fit(
            self.recipe,
            pack,
            source=asked.source,
            labels=asked.labels,
            direction=self.direction,
            afford=afford,
            held_out=self.held_out,
        )
        opening.need_taken(config, asked.conditions, pack)
        config.data = asked.noted(config.data, kind=layout, other=whole_path(asked.other))
        run = config.run
        run.seed, run.device = self.seed, device.type
        if self.batch is not None:
            run.batch_size = self.batch
        if self.images is not None:
            run.images = self.images
        run.init = None if self.init is None else str(Path(self.init).resolve())
        run.minutes = self.minutes  # the recipe's images stand in until the speed is known
        return complete(with_settings(config, self.settings))


def source_of(source: Any, dataset: Any) -> Any:
    """The data, by whichever of the two names they were given."""
    if dataset is None:
        return source
    if not (isinstance(source, str) and source == "avatars"):
        raise UsageError("the data are given twice", fix="ganzfeld.train(dataset) is enough")
    return dataset


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, each of the kind and in the range that it must have."""
    found = dict(given)
    if given["images"] is not None and given["minutes"] is not None:
        raise UsageError("--images and --minutes exclude each other", fix="give one of them")
    found["source"] = border.path(given["source"], "the data", fix=f"give {WANTED}")
    for name, words in (("other", "the second domain (--with)"), ("init", "--init")):
        if given[name] is not None:
            found[name] = border.path(given[name], words)
    found["size"] = border.size(given["size"], "--size")
    found["settings"] = tuple(border.texts(given["settings"], "settings", "run.keep=5"))
    if given["images"] is not None:
        found["images"] = border.whole(given["images"], "--images", 1, border.MOST_IMAGES)
    if given["minutes"] is not None:
        most = border.MOST_MINUTES
        found["minutes"] = border.real(given["minutes"], "--minutes", 0, most, above=True)
    for name, words, least, most in (
        ("batch", "--batch", 1, border.MOST_BATCH),
        ("afford", "afford", 1, border.MOST_IMAGES),
        ("held_out", "--held-out", 0, border.MOST_IMAGES),
        ("window", "--window", 4, border.MOST_IMAGES),
    ):
        if given[name] is not None:
            found[name] = border.whole(given[name], words, least, most)
    seed = 0 if given["seed"] is None else given["seed"]
    found["seed"] = border.whole(seed, "--seed", 0, border.MOST_SEED)
    if given["direction"] is not None:
        border.one_of(given["direction"], "--direction", ("ab", "ba"))
    border.one_of(given["alpha"], "--alpha", ("white", "black", "keep"))
    if given["on_bad_image"] is not None:
        border.one_of(given["on_bad_image"], "--on-bad-image", ("fail", "skip"))
    found |= {name: border.flag(given[name], name) for name in FLAGS}
    found["labels"] = opening.whole_labels(border.path(given["labels"], "--labels"))
    return found
