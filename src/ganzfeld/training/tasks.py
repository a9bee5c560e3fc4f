"""Tasks by name, as training knows them: how their data are opened, shown and validated."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor

from ganzfeld.config import Config, Data
from ganzfeld.core import latents
from ganzfeld.core.progress import Progress
from ganzfeld.data import clusters, domains, held
from ganzfeld.data import conditions as conditions_
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.data.pairs import TwoDomains
from ganzfeld.data.request import DataRequest
from ganzfeld.data.shard_stream import open_stream
from ganzfeld.errors import UsageError
from ganzfeld.games import Game
from ganzfeld.games.ema import Averages
from ganzfeld.metrics import captioning, translation
from ganzfeld.training.trainer import Trainer
from ganzfeld.training.validation import LEAST

Dataset = Pack | TwoDomains
Source = str | os.PathLike[str]


class Work:
    """What training does for one task; `models.task.Task` has what becomes of it.

    from_noise: whether samples are drawn from latents, and so compared with data as a whole.
    takes_conditions: whether columns of a table may come with the samples, by `--condition`.
    previews: how many of them take as long as `validate`, which looks at more samples.
    """

    name: str = ""
    from_noise: bool = True
    takes_conditions: bool = False
    previews: float = 0.0

    def open(self, asked: DataRequest, layout: str, progress: Progress) -> Dataset:
        """The packed data. layout: see `recipes.base.Recipe`."""
        raise NotImplementedError

    def conditioned(
        self, data: Any, names: list[str], held_out: int | None, labels: str = "auto"
    ) -> Any:
        """The data with these columns as numbers "c", where the task takes such, and with groups as
        classes where `labels` asks for them."""
        if labels == clusters.WORD:
            raise clusters.refused("pairs")
        return data

    def again(self, data: Any, about: Data) -> Any:
        """The data with the conditions, or groups, that a run's configuration names."""
        return data

    def held_out(self, data: Any) -> int | None:
        """Samples that are kept out of training by default; None where it keeps none so."""
        return None

    def preview(self, game: Game, trainer: Trainer, config: Config) -> tuple[Tensor, int]:
        """Samples that show how training stands, always of the same inputs; columns of a sheet."""
        raise NotImplementedError

    def beside(self, game: Game, trainer: Trainer, config: Config) -> list[str]:
        """Lines that belong to the samples of `preview`, one each; none where these say it all."""
        return []

    def compared(self, game: Game, data: Any) -> Pack | None:
        """The data that samples can be compared with as a whole; None where they cannot."""
        return None

    def validate(
        self, game: Game, averages: Averages, data: Any, device: torch.device, config: Config
    ) -> dict[str, Any] | None:
        """Errors of the averaged networks where they are known sample by sample; None elsewhere."""
        return None


class Generation(Work):
    """Samples from noise: the same latents in each sheet, a row for each of at most ten classes."""

    name = "generation"
    takes_conditions = True

    def open(self, asked: DataRequest, layout: str, progress: Progress) -> Dataset:
        domains.need_pictures(asked.source, asked.other)
        if asked.stream:
            return open_stream(asked.source, asked.options, progress=progress)
        return open_pack(asked.source, asked.options, progress=progress)

    def conditioned(
        self, data: Any, names: list[str], held_out: int | None, labels: str = "auto"
    ) -> Any:
        found = conditions_.conditioned(data, names, held_out)
        return clusters.clustered(found, labels, held_out)

    def again(self, data: Any, about: Data) -> Any:
        return clusters.again(conditions_.again(data, about.conditions), about)

    def held_out(self, data: Any) -> int | None:
        return held.usual(data.count)

    def preview(self, game: Game, trainer: Trainer, config: Config) -> tuple[Tensor, int]:
        classes = min(len(config.data.classes), 10)
        count, columns = (8 * classes, 8) if classes > 1 else (64, 8)
        name, device = config.run.latents or latents.PORTABLE, trainer.device
        z = latents.tensor(name, game.latent, config.run.seed, range(count))
        y = torch.arange(count, device=device) // columns if classes else None
        given = {}
        if config.data.conditions:
            rows = torch.tensor(config.data.conditions["rows"], dtype=torch.float32)
            slot = conditions_.slot_of(config.data.conditions)
            if slot != "c":  # a row of the sheet for each of eight captions
                places = torch.arange(count) // columns
            elif rows.shape[1] == 1 and not classes:  # a sheet goes from its least to its greatest
                rows = rows.sort(0).values
                places = torch.linspace(0, len(rows) - 1, count).round().long()
            else:
                places = torch.arange(count) % len(rows)
            given = {slot: rows[places % len(rows)].to(device)}
        return game.sample(z.to(device), y, **given).float().cpu(), columns

    def compared(self, game: Game, data: Any) -> Pack | None:
        whole = clusters.unclustered(data)
        return whole if game.latent and len(data) >= LEAST else None


class Translation(Work):
    """Samples of one domain from another: inputs beside outputs, errors where these are known."""

    name = "translation"
    from_noise = False
    previews = translation.MEASURED / translation.SHOWN

    def open(self, asked: DataRequest, layout: str, progress: Progress) -> Dataset:
        return domains.open_domains(
            domains.named(asked.source, layout),
            layout,
            asked.options,
            other=asked.other,
            channels_b=asked.channels_b,
            progress=progress,
        )

    def preview(self, game: Game, trainer: Trainer, config: Config) -> tuple[Tensor, int]:
        return translation.preview(game, trainer.data, trainer.device)  # type: ignore[arg-type]

    def validate(
        self, game: Game, averages: Averages, data: Any, device: torch.device, config: Config
    ) -> dict[str, Any] | None:
        with averages.applied(game) as applied:
            return translation.measure(applied, data, device)


class Captioning(Generation):
    """Captions of images: held-out ones beside what is said of them, and the same measured."""

    name = "captioning"
    from_noise = False
    previews = captioning.MEASURED / captioning.SHOWN

    def preview(self, game: Game, trainer: Trainer, config: Config) -> tuple[Tensor, int]:
        return self.shown(trainer, config).float().cpu(), captioning.COLUMNS

    def beside(self, game: Game, trainer: Trainer, config: Config) -> list[str]:
        x = self.shown(trainer, config)
        return captioning.captions_of(game, x, conditions_.symbols_of(config.data.conditions))

    @staticmethod
    def shown(trainer: Trainer, config: Config) -> Tensor:
        """The images of a sheet: held-out ones, where there are such."""
        data: Any = (
            getattr(trainer.data, "whole", trainer.data) if config.data.held_out else trainer.data
        )
        rows = captioning.unseen_rows(data, config.data.held_out, captioning.SHOWN)
        return captioning.as_images(data, data.rows(rows), trainer.device)

    def compared(self, game: Game, data: Any) -> Pack | None:
        return None

    def validate(
        self, game: Game, averages: Averages, data: Any, device: torch.device, config: Config
    ) -> dict[str, Any] | None:
        with averages.applied(game) as applied:
            symbols = conditions_.symbols_of(config.data.conditions)
            return captioning.validate(applied, data, config.data.held_out, symbols, device)


def need_plain(asked: DataRequest, task: str) -> None:
    """UsageError where more is asked of a stream than images, with their labels or without."""
    groups = asked.labels == clusters.WORD
    if task == Generation.name and not groups and not asked.conditions:
        return
    what = "--condition" if asked.conditions else "--labels clusters" if groups else task
    raise UsageError(
        f"{what} does not go with --stream, which reads images, with the labels of .cls files or "
        "of the label column of Parquet",
        safe="nothing was read",
        fix="leave --stream out: the data are packed",
    )


WORK: dict[str, Work] = {work.name: work for work in (Generation(), Translation(), Captioning())}


def work_of(game: Game) -> Work:
    """Of a game, by its task."""
    return WORK[game.task]
