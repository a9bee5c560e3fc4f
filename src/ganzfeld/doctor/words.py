"""Findings in words: a line for the screen, and the whole story of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ganzfeld.config import Config
from ganzfeld.core.metrics_log import is_number, scores_of
from ganzfeld.doctor.course import YOUNG
from ganzfeld.doctor.cures import cure
from ganzfeld.doctor.diagnose import Finding, of_story
from ganzfeld.doctor.story import EARLY, SHORTEST, USUAL, Row, Story, affordable, steps_of, story_of
from ganzfeld.doctor.trend import Trend, in_words, trend
from ganzfeld.text import several

SHOWN = {  # signals that the story ends with, what a healthy run has, and the bound, if one above
    "gap": ("gap between real and fake samples, to the discriminator", "below 8", 8.0, True),
    "overfit": ("how far it takes fresh real samples for fakes", "below 0.5", 0.5, True),
    "energy": ("distance from the data, of the data's own", "below 0.2", YOUNG, True),
    "vendi": ("variety of the samples, of the data's", "above 0.6", 0.6, False),
    "distance": ("distance between samples, of the data's", "above 0.5", 0.5, False),
    "agreement": ("labels and numbers that samples show, of the data's", "above 0.3", 0.3, False),
    "nearest": ("distance to training samples, of fresh ones'", "above 0.65", 0.65, False),
    "swing": ("distance from its average over time, of the data's", "below 0.5", 0.5, True),
}
UNLIKE = (
    "The samples do not look like the data yet. That is no illness: such a run needs more images, "
    "or larger networks."
)
OUTSIDE = (
    "A number outside is no illness by itself: most take other signs, too, and several looks in a "
    "row."
)


@cache
def rates() -> Mapping[str, tuple[int, int]]:
    """Of each name, how often it was right and how often it was said in bench/doctor.py."""
    path = Path(__file__).with_name("rates.json")
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {name: (int(right), int(said)) for name, (right, said) in found.items()}


@dataclass(frozen=True)
class Verdict:
    """What the doctor says of a run. findings: those that stand first."""

    story: Story
    findings: list[Finding]
    config: Config | None = None
    run: Path | None = None

    @property
    def standing(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.until is None]

    @property
    def healthy(self) -> bool:
        return not self.standing

    @property
    def trend(self) -> Trend | None:
        """What more time would do to the validated quality, as far as is known."""
        rows = self.story.evaluations
        real = (rows[-1].get("real") or {}).get("frechet") if rows else None
        scores = scores_of([{"kind": "evaluation", **row} for row in rows])
        return trend(list(scores.items()), real if is_number(real) else None)

    @property
    def more_time(self) -> str:
        """Whether more time would help, in a sentence; "" for a run that was never evaluated."""
        return in_words(self.trend) if self.story.evaluations else ""

    def cures(self, finding: Finding) -> list[str]:
        return cure(finding.name, self.config, self.run)

    def to_json(self) -> dict[str, Any]:
        """For scripts: findings with their cures, and the last signals."""
        moments = self.story.moments
        return {
            "healthy": self.healthy,
            "told": self.story.told,
            "images": self.story.seen,
            "total": self.story.total,
            "looks": len(moments),
            "findings": [
                {**finding.to_json(), "sure": sure(finding), "cures": self.cures(finding)}
                for finding in self.findings
            ],
            "treatments": [dict(row) for row in self.story.treatments],
            "trend": self.trend.to_json() if self.trend else None,
            "signals": dict(moments[-1].signals) if moments else {},
        }


def verdict(
    rows: Sequence[Row], total: int | None, config: Config | None = None, run: Path | None = None
) -> Verdict:
    """The verdict on the rows of a metrics.jsonl. total: images that the run is to see."""
    story = story_of(rows, total)
    return Verdict(story, of_story(story), config, run)


def line(found: Verdict) -> str:
    """One line of health for the screen; "" before the first look."""
    if not found.story.moments:
        return ""
    if not found.story.told:
        return "health: too early to say"
    if found.healthy:
        return "health: nothing wrong"
    first, *others = found.standing
    more = f", and {len(others)} more" if others else ""
    return f"health: {first.rule.title} since image {first.since:,}{more}"


def sure(finding: Finding) -> str:
    """How far to believe it: looks in a row, and how often such alarms were right before."""
    text = "seen in one look" if finding.looks == 1 else f"seen in {finding.looks} looks in a row"
    right, said = rates().get(finding.name, (0, 0))
    return f"{text}; {right} of {said} such alarms were right in tests" if said else text


def summary(found: Verdict) -> str:
    """The verdict in one sentence."""
    story = found.story
    if story.failed:
        return f"Little is known: a look at the run failed with {story.failed}"
    if not story.moments:
        return f"Nothing is known{unwatched(found)}."
    looks = f"{several(len(story.moments), 'look')} up to image {story.seen:,}"
    if not story.told:
        return f"Too early to say: {looks}, less than {EARLY:.0%} of the run."
    if found.healthy:
        return f"Nothing wrong was found in {looks}."
    return f"Found in {looks}: {'; '.join(finding.rule.title for finding in found.standing)}."


def unwatched(found: Verdict) -> str:
    """Why there are no looks."""
    seen, total = found.story.seen, found.story.total or found.story.seen
    if found.config is not None and found.config.run.doctor == "off":
        return ": the run was not watched (--doctor off)"
    if total < SHORTEST:
        return f": runs of fewer than {SHORTEST:,} images are not watched"
    if seen < total:
        return " yet: the first look is at a tenth of the run"
    return ": the run has no rows of signals"


def span(finding: Finding) -> str:
    """When it was there."""
    if finding.until is None:
        return f"since image {finding.since:,}"
    return f"from image {finding.since:,} to {finding.until:,}, not any more"


def shown(found: Verdict) -> dict[str, float]:
    """The signals of `SHOWN` that are known: means of the last four looks, as single ones jump."""
    last = found.story.moments[-1:]
    return {name: value for m in last for name in SHOWN if (value := m.mean(name)) is not None}


def signals_of(found: Verdict) -> list[tuple[str, str, str]]:
    """(signal, its mean over the last looks, what is usual), of those that are known."""
    return [(SHOWN[name][0], f"{v:.2f}", SHOWN[name][1]) for name, v in shown(found).items()]


def outside(found: Verdict) -> str:
    """What to think of a run with nothing wrong, but a number that is not usual; "" of others."""
    if not found.healthy or not found.story.told:
        return ""
    if shown(found).get("energy", 0.0) > YOUNG:
        return UNLIKE
    numbers = [(value, *SHOWN[name][2:]) for name, value in shown(found).items()]
    odd = any(value > bound if above else value < bound for value, bound, above in numbers)
    return OUTSIDE if odd else ""


def seldom(found: Verdict) -> str:
    """That a run has so few batches that it is looked at less often; "" of others.

    A step may see several, as those of `wgan-gp` do, so steps are not counted here.
    """
    steps = steps_of(found.config) if found.config and found.story.moments else None
    if steps is None or affordable(steps) >= USUAL:
        return ""
    return (
        f"The run has only {steps:,} batches, so there are {affordable(steps)} looks in "
        f"place of {USUAL}: what begins late may be missed."
    )


def unfinished(found: Verdict) -> str:
    """How far a run is that is not at its end; "" of others."""
    seen, total = found.story.seen, found.story.total
    return f"The run has seen {seen:,} of {total:,} images." if total and seen < total else ""
