"""Look at a run's health now and then, and write what was seen into its log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ganzfeld.config import FEWER, LIGHT, WATCH, Config
from ganzfeld.core import latents
from ganzfeld.data import held
from ganzfeld.doctor.measure import Subject, look
from ganzfeld.doctor.reference import FEW_ROWS, ROWS, Reference
from ganzfeld.doctor.samples import Signals
from ganzfeld.doctor.story import SHORTEST, USUAL, affordable, steps_of
from ganzfeld.doctor.translated import Sides
from ganzfeld.modalities import Modality, Spec, modality_of
from ganzfeld.models.tasks import task_of_run
from ganzfeld.text import lines
from ganzfeld.training.ahead import repeated
from ganzfeld.training.hooks import At
from ganzfeld.training.trainer import Report, Trainer

LOOKS = 40  # in a run
FIRST = (10, 15, 20)  # per cent of a short run at which it is looked at first
SOON = 8  # looks, from which on three are that early
FEW, LEAST, MOST = 16, 32, 256  # samples a look: of short runs, of others
SHARE = 0.01  # of a run's images, that all looks together may draw
SAID = 200  # characters of why a look failed

Record = Callable[[str, dict[str, Any]], None]


def schedule(total: int, rules: int = WATCH, steps: int | None = None) -> tuple[list[int], int]:
    """Images at the looks of a run of so many, and samples of each look; none of the shortest runs.

    A look at 16 samples costs half a step of training on as many. Short runs have eleven looks:
    fewer could hardly tell an illness from chance. Three of them come by a fifth of the run, when
    the first thing may be said, which takes three looks; the others are spread evenly.

    rules: see `config.WATCH`. steps: of the run; there is no more than one look for every 75, since
    more would take a hundredth of its time, but five at least. Fewer than eight are at a tenth of
    the run and then evenly up to its end. None: as many looks as images ask for.

    Example::

        from ganzfeld.training.health import schedule

        assert schedule(10_000)[0][:5] == [1_000, 1_500, 2_000, 3_000, 4_000]
    """
    if total < SHORTEST:
        return [], 0
    count = int(SHARE * total / LOOKS)
    looks = LOOKS if count >= LEAST else max(int(SHARE * total / LEAST), USUAL)
    if looks == USUAL and rules >= FEWER:
        count = min(max(int(SHARE * total / USUAL), FEW), LEAST)
    else:
        count = min(max(count, LEAST), MOST)
    if steps is not None and rules >= LIGHT:
        looks = min(looks, affordable(steps))
    if looks < SOON:
        apart = looks - 1
        return [-(-total * (apart + 9 * n) // (10 * apart)) for n in range(looks)], count
    whole, parts = looks, [*range(1, looks + 1)]
    if FIRST[-1] * looks < 100 * len(FIRST):  # even looks would be too late
        rest = looks - len(FIRST)
        whole = 100 * rest
        parts = [p * rest for p in FIRST]
        parts += [FIRST[-1] * rest + (100 - FIRST[-1]) * n for n in range(1, rest + 1)]
    return [-(-total * part // whole) for part in parts], count


class Health:
    """Looks at a trainer. record: takes the kind of a row, and the row. specs: of the columns of a
    translation.

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
        rules: int = WATCH,
        specs: Mapping[str, Spec] | None = None,
    ) -> None:
        self.trainer, self.kind, self.record, self.count = trainer, kind, record, count
        self.fresh, self.classes, self.given = fresh, classes, given
        self.rules, self.specs = rules, specs or {}
        self.sides: Sides | None = None
        self.batch: Any = None  # the next one, as a look sees it
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
            self.due,
            rules,
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

    def due(self, most: int) -> tuple[Any, Any]:
        """The first so many samples of the next batch of the first player, and their rows as they
        are stored."""
        self.batch, rows = self.trainer.due(next(iter(self.trainer.game.players)), most)
        return self.batch, rows

    def look(self) -> Signals:
        trainer = self.trainer
        if self.reference is None and trainer.game.latent and trainer.game.task == "generation":
            few = self.rules >= LIGHT and self.count < LEAST
            self.reference = Reference(
                self.kind,
                trainer.data,
                self.fresh,
                self.classes,
                self.given,
                self.rules,
                FEW_ROWS if few else ROWS,
            )
        fresh, count, images = self.fresh, self.count, trainer.images
        found = look(self.subject, self.reference, trainer.data, fresh, count, images)
        batch, self.batch = self.batch, None  # not kept: it may take much of a GPU
        if batch is not None and (share := repeated(trainer, batch)) is not None:
            found["latents"] = share
        if trainer.game.directions and {"a", "b"} <= self.specs.keys():
            self.sides = self.sides or Sides(self.kind, self.specs, trainer.data)
            found |= self.sides.look(self.subject, count, images)
        return found


def watch(trainer: Trainer, config: Config, data: Any, record: Record) -> list[At]:
    """The hooks that look at a run; none where it asks for none, or is too short."""
    rules = config.run.looks
    looks, count = schedule(config.run.images or 0, rules, steps_of(config))
    if config.run.doctor in (None, "off") or not looks:
        return []
    specs = task_of_run(config).specs(config)
    spec = next(iter(specs.values()))
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
        rules=rules,
        specs=specs,
    )
    return [At(looks, health, trainer.images)]
