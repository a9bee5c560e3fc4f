"""Look at a run's health now and then, and write what was seen into its log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ganzfeld.config import Config
from ganzfeld.core import latents
from ganzfeld.data import held
from ganzfeld.doctor.measure import Subject, look
from ganzfeld.doctor.reference import Reference
from ganzfeld.doctor.samples import Signals
from ganzfeld.modalities import Modality, Spec, modality_of
from ganzfeld.models.tasks import task_of_run
from ganzfeld.text import lines
from ganzfeld.training.hooks import Every
from ganzfeld.training.trainer import Report, Trainer

LOOKS = 40  # in a run
FEWEST, TREATED = 8, 12  # of short ones: that are watched, and that may be treated
LEAST, MOST = 32, 256  # samples a look
SHARE = 0.01  # of a run's images, that all looks together may draw
SAID = 200  # characters of why a look failed
SHORTEST = 2_000  # images, below which a run is over before anything could be said

Record = Callable[[str, dict[str, Any]], None]


def schedule(total: int, treated: bool = False) -> tuple[int, int]:
    """Looks of a run of so many images, and samples of each; 0 looks for the shortest runs.

    A look of 32 samples costs as much as training on 16 images at 32 px, and on 36 at 16 px with
    narrow networks. Short runs have eight looks all the same, and pay more: fewer could not tell an
    illness from chance. Runs that may be treated have twelve, since a treatment that comes late has
    little time to work.
    """
    if total < SHORTEST:
        return 0, 0
    count = int(SHARE * total / LOOKS)
    if count >= LEAST:
        return LOOKS, min(count, MOST)
    return max(int(SHARE * total / LEAST), TREATED if treated else FEWEST), LEAST


class Health:
    """Looks at a trainer. record: takes the kind of a row, and the row.

    A look that fails, as at a game of a user's own, is written down, and there is no other: it
    never stops a run.
    """

    def __init__(
        self,
        trainer: Trainer,
        kind: Modality,
        spec: Spec,
        record: Record,
        *,
        count: int,
        fresh: Any = None,
        classes: int = 0,
        given: bool = False,
        draws: str = latents.PORTABLE,
    ) -> None:
        self.trainer, self.kind, self.record, self.count = trainer, kind, record, count
        self.fresh, self.classes, self.given = fresh, classes, given
        self.subject = Subject(
            trainer.game,
            trainer.average,
            trainer.optimisers,
            trainer.parameters,
            trainer.ready,
            spec,
            trainer.device,
            trainer.seed,
            draws,
        )
        self.reference: Reference | None = None
        self.failed = False

    def __call__(self, report: Report | None = None) -> None:
        if self.failed:
            return
        try:
            self.record("health", {"signals": self.look()})
        except Exception as error:
            self.failed = True
            said = lines(f"{type(error).__name__}: {error}")[:SAID]
            self.record("health", {"signals": {}, "failed": said})

    def look(self) -> Signals:
        trainer = self.trainer
        if self.reference is None and trainer.game.latent and trainer.game.task == "generation":
            self.reference = Reference(
                self.kind, trainer.data, self.fresh, self.classes, self.given
            )
        fresh, count = self.fresh, self.count
        return look(self.subject, self.reference, trainer.data, fresh, count, trainer.images)


def watch(trainer: Trainer, config: Config, data: Any, record: Record) -> list[Every]:
    """The hooks that look at a run; none where it asks for none, or is too short."""
    total = config.run.images or 0
    looks, count = schedule(total, config.run.doctor == "treat")
    if config.run.doctor in (None, "off") or not looks:
        return []
    spec = next(iter(task_of_run(config).specs(config).values()))
    fresh = None
    if config.data.held_out:
        fresh = held.Part(data, held.held_rows(data, config.data.held_out))
    health = Health(
        trainer,
        modality_of(spec),
        spec,
        record,
        count=count,
        fresh=fresh,
        classes=len(config.data.classes),
        given=bool(config.data.conditions),
        draws=config.run.latents or latents.PORTABLE,
    )
    return [Every(max(total // looks, config.run.batch_size), health, trainer.images)]
