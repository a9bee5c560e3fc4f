"""From a run's rows to findings: what is wrong, since when, and whether it still is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ganzfeld.doctor.rules import RULES, Rule
from ganzfeld.doctor.story import Moment, Row, Story, story_of


@dataclass(frozen=True)
class Finding:
    """One illness of a run.

    since: images at the first look that showed it. said: images at which it could be said.
    until: images at the first look without it; None where it stands at the end. looks: that
    showed it, of `of` looks since. evidence: the numbers of the last of them.
    """

    rule: Rule
    since: int
    said: int
    until: int | None
    looks: int
    of: int
    evidence: str

    @property
    def name(self) -> str:
        return self.rule.name

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.rule.title,
            "since": self.since,
            "said": self.said,
            "until": self.until,
            "looks": self.looks,
            "of": self.of,
            "evidence": self.evidence,
            "outlook": self.rule.outlook,
        }


def diagnose(rows: Sequence[Row], total: int | None) -> list[Finding]:
    """Findings of a metrics.jsonl: those that stand first, causes before consequences.

    total: images that the run is to see; None takes the last row for its end.

    Example::

        from ganzfeld.doctor.diagnose import diagnose

        rows = [
            {"kind": "health", "images": n * 100, "signals": {"vendi": 0.1}} for n in range(1, 11)
        ]
        assert [finding.name for finding in diagnose(rows, 1_000)] == ["mode-collapse"]
    """
    return of_story(story_of(rows, total))


def of_story(story: Story) -> list[Finding]:
    found = [finding for rule in RULES if (finding := by_rule(rule, story.moments)) is not None]
    found.sort(key=lambda finding: finding.until is not None)
    return list({finding.name: finding for finding in reversed(found)}.values())[::-1]


def by_rule(rule: Rule, moments: Sequence[Moment]) -> Finding | None:
    """The last stretch of looks in a row that show it, where it is long enough to be said."""
    found, streak = None, []  # type: Finding | None, list[tuple[Moment, str]]
    for place, moment in enumerate(moments):
        evidence = rule.sees(moment)
        if evidence is None:
            if found is not None and found.until is None:
                found = Finding(**{**vars(found), "until": moment.images})
            streak = []
            continue
        streak.append((moment, evidence))
        if len(streak) >= rule.looks and moment.part >= rule.since:
            start = moments.index(streak[0][0])
            said = found.said if found and found.since == streak[0][0].images else moment.images
            found = Finding(
                rule,
                since=streak[0][0].images,
                said=said,
                until=None,
                looks=len(streak),
                of=place + 1 - start,
                evidence=evidence,
            )
    return found


def first_said(rows: Sequence[Row], total: int | None) -> tuple[str, int] | None:
    """The name that was said first in a run, and at how many images.

    Of several at one look it is the one that stands first among the rules.
    """
    story = story_of(rows, total)
    said = []
    for order, rule in enumerate(RULES):
        if (place := first_place(rule, story.moments)) is not None:
            said.append((place, order, rule.name))
    return (min(said)[2], min(said)[0]) if said else None


def first_place(rule: Rule, moments: Sequence[Moment]) -> int | None:
    """Images at the first look at which a rule could be said."""
    streak = 0
    for moment in moments:
        streak = streak + 1 if rule.sees(moment) is not None else 0
        if streak >= rule.looks and moment.part >= rule.since:
            return moment.images
    return None
