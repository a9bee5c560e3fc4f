"""The card of a published model: front matter as hubs read it, and what a person must know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ganzfeld.core.marks import GENERATED
from ganzfeld.errors import UsageError, did_you_mean
from ganzfeld.metrics.registry import TABLE
from ganzfeld.metrics.summary import real_words
from ganzfeld.models.tasks import task_of

LICENSES = (  # as the hub names them, those that models have
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "mpl-2.0",
    "gpl-2.0", "gpl-3.0", "agpl-3.0", "lgpl-3.0",
    "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
    "cc-by-nc-nd-4.0", "openrail", "openrail++", "creativeml-openrail-m", "bigscience-openrail-m",
    "other",
)  # fmt: skip

PLAIN = re.compile(r"[a-z][a-z0-9.+_-]*")
WORDS = frozenset(("no", "yes", "true", "false", "null", "on", "off", "y", "n"))  # of YAML's own


def check_license(name: str | None) -> str:
    """UsageError where no licence was given: it is never guessed."""
    if not name:
        raise UsageError(
            "under which licence may others use the model?",
            safe="nothing was written",
            fix="--license apache-2.0, or another that your data allow; --license other",
        )
    if name not in LICENSES:
        raise UsageError(f"no licence is called {name[:60]!r}. {did_you_mean(name, LICENSES)}")
    return name


def card(
    about: Mapping[str, Any],
    evaluation: Mapping[str, Any] | None,
    *,
    license: str,
    name: str,
    where: str,
    data_license: str | None = None,
) -> str:
    """The README.md of a published model.

    about: its config.json. evaluation: what `ganzfeld evaluate` found, if anything. name: of the
    model. where: what `ganzfeld.load` takes.
    """
    task = task_of(about)
    head, body = split(task.card(about))
    data = about["training"]["data"]
    rows = list(measured(evaluation)) if evaluation else []
    front = {
        "license": license,
        "library_name": "ganzfeld",
        "pipeline_tag": head["pipeline_tag"],
        "tags": tags(head["tags"], about),
    }
    lines = ["---", *(f"{key}: {as_yaml(value)}" for key, value in front.items())]
    if rows and evaluation is not None:
        lines += index(name, head["pipeline_tag"], data["source"], rows)
    lines.append("---")
    body = body.replace("path/to/this/folder", where).rstrip()
    return "\n".join(
        [
            *lines,
            "",
            body,
            "",
            *(table(rows, evaluation) if rows and evaluation is not None else NOT_MEASURED),
            "",
            *closing(license, data["source"], data_license),
            "",
        ]
    )


NOT_MEASURED = ["## Measured", "", "This model was not evaluated: its quality is not known."]


def closing(license: str, source: str, data_license: str | None) -> list[str]:
    """Licence, data, and how outputs are marked."""
    told = data_license or "not stated by whoever published this model"
    return [
        "## Licence and data",
        "",
        f"The weights: {license}. The training data, {source}: {told}. The data are not in this "
        "folder.",
        "",
        "## Marks",
        "",
        "Files that ganzfeld writes say that they were generated: the model's SHA-256, the seed "
        "and the number of the sample, within PNG, WebP, GIF, JPEG and WAV, beside other files as "
        f"NAME.json; images as IPTC DigitalSourceType {GENERATED}. Other programs may remove "
        "marks. `ganzfeld sample MODEL --from FILE` draws a marked sample again.",
        "",
        "Loading this model runs no code from this folder.",
    ]


def split(text: str) -> tuple[dict[str, Any], str]:
    """The front matter of a card that a task wrote, and the rest."""
    _, front, body = text.split("---\n", 2)
    found: dict[str, Any] = {}
    for line in front.splitlines():
        key, _, value = line.partition(": ")
        found[key] = value
    found["tags"] = [one.strip() for one in found["tags"].strip("[]").split(",")]
    return found, body


def tags(first: Iterable[str], about: Mapping[str, Any]) -> list[str]:
    recipe = str(about["recipe"])
    own = recipe if re.fullmatch(r"[a-z0-9-]+", recipe) else "own-recipe"
    return list(dict.fromkeys(["ganzfeld", *first, own]))


def measured(evaluation: Mapping[str, Any]) -> Iterable[tuple[str, str, float, Any]]:
    """Key, title, value and interval of each number that an evaluation has."""
    for metric in TABLE:
        value = evaluation.get(metric.name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield (
                metric.name,
                metric.words,
                value,
                evaluation.get(f"{metric.name}_interval"),
            )


def index(
    name: str, task: str, source: str, rows: Iterable[tuple[str, str, float, Any]]
) -> list[str]:
    """The model-index of a front matter.

    Metrics keep their own names: "FID" is a number of one extractor, and there are others.
    """
    kind = re.sub(r"[^a-z0-9-]+", "-", source.lower()).strip("-") or "data"
    lines = [
        "model-index:",
        f"- name: {as_yaml(name)}",
        "  results:",
        "  - task:",
        f"      type: {as_yaml(task)}",
        "    dataset:",
        f"      name: {as_yaml(source)}",
        f"      type: {as_yaml(kind)}",
        "    metrics:",
    ]
    for key, title, value, _ in rows:
        lines += [
            f"    - type: {as_yaml('ganzfeld-' + key.replace('_', '-'))}",
            f"      name: {as_yaml(title)}",
            f"      value: {value:.6g}",
        ]
    return lines


def table(rows: Iterable[tuple[str, str, float, Any]], evaluation: Mapping[str, Any]) -> list[str]:
    """The numbers for people, under the name of their protocol."""
    protocol, known = evaluation["protocol"], real_words(dict(evaluation))
    of_real = f" {known[:1].upper()}{known[1:]}." if known else ""
    lines = [
        "## Measured",
        "",
        f"Protocol `{protocol['id']}`: {protocol['generated']:,} samples against "
        f"{protocol['reference']:,} of the data, by the extractor {protocol['extractor']}. Compare "
        f"only with numbers of the same protocol.{of_real}",
        "",
        "| | value | interval | real data |",
        "|---|---|---|---|",
    ]
    real = evaluation.get("real") or {}
    for key, title, value, ends in rows:
        beside = real.get(key)
        scale = f"{beside:.4g}" if isinstance(beside, int | float) else ""
        interval = f"{ends[0]:.4g} to {ends[1]:.4g}" if isinstance(ends, list) else ""
        lines.append(f"| {title} (`{key}`) | {value:.4g} | {interval} | {scale} |")
    return lines


def as_yaml(value: Any) -> str:
    """JSON is YAML, and has no surprises such as `no` for false; but YAML has no surrogates."""
    if isinstance(value, list):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, str) and PLAIN.fullmatch(value) and value not in WORDS:
        return value
    if isinstance(value, str):
        kept = (json.dumps(c)[1:-1] if ord(c) < 0x10000 else f"\\U{ord(c):08x}" for c in value)
        return f'"{"".join(kept)}"'
    return json.dumps(value)
