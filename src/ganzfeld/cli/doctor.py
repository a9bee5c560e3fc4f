"""The command that says what is wrong with a run."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional


def doctor(run: Positional[Path], /, *, json: bool = False) -> None:
    """Say what is wrong with a run, since when, and what may help. Exit 0: nothing, 1: findings.

    Args:
        run: The folder of a run, finished or not, or a metrics.jsonl alone.
        json: Print JSON, for scripts.
    """
    from ganzfeld.core.console import Screen
    from ganzfeld.core.files import as_json
    from ganzfeld.core.language import tr
    from ganzfeld.doctor import read
    from ganzfeld.doctor.cures import OTHERWISE
    from ganzfeld.doctor.treat import as_sentence as treated
    from ganzfeld.doctor.words import outside, seldom, signals_of, span, summary, sure, unfinished
    from ganzfeld.modalities import Spec, modality_of, speak_of_kind

    found = read(run)
    if json:
        print(as_json(found.to_json()).decode(), end="")
        raise SystemExit(0 if found.healthy else 1)
    if found.config is not None and found.config.data.spec is not None:
        speak_of_kind(modality_of(Spec.from_json(found.config.data.spec)))
    screen = Screen()
    screen.say(f"{run}:")
    screen.say(summary(found))
    for text in filter(None, (unfinished(found), seldom(found))):
        screen.say(text)
    for finding in found.findings:
        rows = [
            ("evidence", finding.evidence),
            ("when", span(finding)),
            ("sure", sure(finding)),
        ]
        if finding.until is None:
            rows += [("outlook", finding.rule.outlook)]
            rows += [
                ("look at" if text in OTHERWISE.values() else "cure", text)
                for text in found.cures(finding)
            ]
        screen.say()
        screen.table(finding.rule.title, rows)
    for row in found.story.treatments:
        screen.say()
        screen.say(treated(row))
    if found.more_time:
        screen.say()
        screen.say(found.more_time)
    if last := signals_of(found):
        screen.say()
        head = ("mean of the last looks", "", "healthy")
        screen.columns(head, [(a, (b, tr(c))) for a, b, c in last])
    if text := outside(found):
        screen.say(text)
    if not found.healthy:
        raise SystemExit(1)
