"""A run's rows as a row of moments: what the doctor knew at each of its looks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ganzfeld.config import LIGHT, Config
from ganzfeld.text import plain

Row = Mapping[str, Any]
Evidence = str | None  # of an illness in one look, in numbers; None where it is not seen

SHORTEST = 2_000  # images, below which a run is over before anything could be said
USUAL, FEWEST = 11, 5  # looks, that most runs have at least, and those of few steps
STEPS = 75  # of training, for each of which there is one look at most, but FEWEST in any case
EARLY = 0.2  # part of a run before which nothing is said
OWN = 0.16  # part of a run whose median is the run's own measure of what is usual
AGO, BACK = 4, 0.2  # looks, and part of the run, that a look is compared with an earlier one over
PENALTIES = ("/r1", "/r2", "/gradient_penalty")


@dataclass(frozen=True)
class Moment:
    """One look: `images` seen, `part` of the run's game that is done, and the signals.

    past: the looks before it, oldest first. penalties: means of the penalty terms in the rows of
    losses so far, oldest first. rollbacks: how often the run went back by then. lost: share of the
    rows of losses since the last look in which one was not finite.
    """

    images: int
    part: float
    signals: Mapping[str, float | None]
    past: Sequence[Moment] = ()
    penalties: Sequence[float] = ()
    rollbacks: int = 0
    lost: float = 0.0

    def __getitem__(self, name: str) -> float | None:
        value = self.signals.get(name)
        return float(value) if isinstance(value, int | float) else None

    @property
    def judged(self) -> bool:
        """Whether there is a discriminator that learns, even if it judges packs of samples."""
        return "gap" in self.signals or bool(self["pull/discriminator"])

    def own(self, name: str) -> float | None:
        """The median of a signal over the first looks of this run; None until they are past."""
        if self.part <= OWN:
            return None
        early = [m[name] for m in self.past if m.part <= OWN]
        known = [value for value in early if value is not None]
        return statistics.median(known) if known else None

    @cached_property
    def before(self) -> Moment | None:
        """The look that tells where the run is going: AGO looks ago, or BACK of the run where that
        is longer; the first one where there is none so old."""
        old = [m for m in self.past[: 1 - AGO] if self.part - m.part > 0.99 * BACK]
        return old[-1] if old else next(iter(self.past), None)

    def was(self, name: str) -> float | None:
        """A signal at `before`."""
        return self.before[name] if self.before else None

    def mean(self, name: str, looks: int = 4) -> float | None:
        """The mean of a signal over the last looks, this one included, where it was known."""
        recent = [*self.past[max(len(self.past) - looks + 1, 0) :], self]
        known = [value for m in recent if (value := m[name]) is not None]
        return sum(known) / len(known) if known else None

    @cached_property
    def spike(self) -> float | None:
        """The largest recent penalty over the median of all before it."""
        recent = max(len(self.penalties) // 20, 3)
        before, now = self.penalties[:-recent], self.penalties[-recent:]
        if len(before) < 5:
            return None
        usual = statistics.median(before)
        return max(now) / usual if usual > 0 else None


@dataclass
class Story:
    """The looks of a run in order. total: images that it is to see; None where not known.

    evaluations: rows of the metrics that were measured on the way. treatments: rows of what was
    done against illnesses (`doctor.treat`).
    """

    total: int | None
    moments: list[Moment] = field(default_factory=list)
    evaluations: list[Row] = field(default_factory=list)
    treatments: list[Row] = field(default_factory=list)
    seen: int = 0
    failed: str = ""  # why there are no more looks

    @property
    def told(self) -> bool:
        """Whether enough of the run is done for anything to be said."""
        return bool(self.moments) and self.moments[-1].part >= EARLY


def affordable(steps: int) -> int:
    """The most looks of a run of so many steps: about a hundredth of its time (guide, "Cost")."""
    return max(steps // STEPS, FEWEST)


def steps_of(config: Config) -> int | None:
    """The batches of a run, each a step or a part of one, that its looks depend on; None where a
    treatment takes all looks."""
    if config.run.looks < LIGHT or config.run.doctor == "treat":
        return None
    return -(-(config.run.images or 0) // config.run.batch_size)


def story_of(rows: Sequence[Row], total: int | None) -> Story:
    """The rows of a metrics.jsonl as a story. total: None takes the last row for the end."""
    seen = max((int(row["images"]) for row in rows), default=0)
    whole = max(total or seen, 1)
    story = Story(total, seen=seen)
    penalties: list[float] = []
    rollbacks, lost = 0, []  # type: int, list[bool]
    opened = 0  # images by which the generator had not moved
    for row in rows:
        if row["kind"] == "train":
            rollbacks = max(rollbacks, int(row.get("rollbacks") or 0))
            losses = row.get("losses") or {}
            lost.append(None in losses.values())
            own = [v for k, v in losses.items() if k.endswith(PENALTIES) and v is not None]
            if own:
                penalties.append(float(sum(own)))
        elif row["kind"] == "evaluation":
            story.evaluations.append(row)
        elif row["kind"] == "treatment" and isinstance(row.get("name"), str):
            story.treatments.append(row)
        elif row["kind"] == "health" and row.get("failed"):
            story.failed = plain(str(row["failed"]))
        elif row["kind"] == "health":
            images, signals = int(row["images"]), row.get("signals") or {}
            still = "weights/generator" in signals and "update/generator" not in signals
            if still and 2 * images <= whole:
                opened = images  # others learn first: that is no part of the game
            story.moments.append(
                Moment(
                    images=images,
                    part=max(images - opened, 0) / max(whole - opened, 1),
                    signals=signals,
                    past=tuple(story.moments),
                    penalties=tuple(penalties),
                    rollbacks=rollbacks,
                    lost=sum(lost) / max(len(lost), 1),
                )
            )
            lost = []
    return story
