"""Print the results of an evaluation."""

from __future__ import annotations

import math
from typing import Any

from rich.cells import cell_len

from ganzfeld.core.language import tr
from ganzfeld.metrics.registry import TABLE, Metric

Row = tuple[str, str, str, str]  # name, value, the same of real data, what it means
OF_DATA = ("_floor", "_held")  # numbers of real data themselves: their own real ones say nothing
DIGITS = 6  # after the point, at most
HEAD = ("metric", "value", "real data", "what it means")

SINGLE = {m.name: m.meaning for m in TABLE if m.name not in ("kernel", "frechet")}
BEST = {"min": "lower is better", "max": "more is better", "one": "1 matches the data"}
UNBIASED = ("kernel", "mmd_features", "mmd_pixels")  # which equal distributions bring to 0
USUAL = "more than real data have is copying"  # of copies, which data with repetitions have, too


def summary(result: dict[str, Any]) -> list[str]:
    """A table with what each number means and what real data have, warnings, the protocol."""
    rows = table(result)
    protocol = result["protocol"]
    against = f"{protocol['reference']:,} of the data"
    if not protocol["reference"]:
        against = "the statistics of a file"
    lines = [
        f"{protocol['generated']:,} images against {against}, "
        f"by the {protocol['extractor']} extractor"
    ]
    if (accuracy := result.get("extractor_accuracy")) is not None:
        lines[0] += f" ({100 * accuracy:.1f} % held-out accuracy)"
    if note := result.get("extractor_note"):
        lines.append(f"note: {note}")
    if (fitted := protocol.get("fitted", "none")) != "none":
        lines.append(f"note: the images were {fitted}")
    shown = [[tr(cell) for cell in row] for row in (HEAD, *rows)] if rows else []
    widths = [max((cell_len(row[i]) for row in shown), default=0) for i in (0, 1, 2)]
    for row in shown:
        name, value, real = (" " * (w - cell_len(c)) for w, c in zip(widths, row, strict=False))
        lines.append(f"  {row[0]}{name}  {value}{row[1]}  {real}{row[2]}  {row[3]}".rstrip())
    if text := real_words(result):
        lines.append(text)
    lines += [f"warning: {line}" for line in result.get("warnings", [])]
    return [*lines, f"protocol: {protocol['id']}"]


def real_words(result: dict[str, Any]) -> str:
    """What the column of real data is of."""
    if not result.get("real"):
        return ""
    n, m = result["real_count"]
    text = f"real data: {n:,} of them against {m:,} others"
    if result["real_from"] == "held-out data":
        text = f"real data: {n:,} held-out images against {m:,} of the data"
    elif result["real_from"] == "halves":
        text += ", all there are"
        if "frechet" in result["real"]:
            text += "; Frechet distance extrapolated to the counts above"
    return text


def figure(value: float | None) -> str:
    """Four significant digits; a dash for what could not be computed."""
    return "-" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def table(result: dict[str, Any]) -> list[Row]:
    """A row for each number. Of few samples the kernel distance comes first: it has no bias."""
    known = [metric for metric in TABLE if metric.name in result]
    if not result.get("frechet_biased", True):
        known.sort(key=lambda metric: metric.name != "frechet")
    return [row_of(metric, result) for metric in known]


def row_of(metric: Metric, result: dict[str, Any]) -> Row:
    value = figure(result[metric.name])
    ends = result.get(f"{metric.name}_interval")
    if ends and None not in ends:
        value += f" ({between(*ends)})"
    real = None if untold(metric, result) else (result.get("real") or {}).get(metric.name)
    if metric.name.endswith(OF_DATA):
        real = None
    shown = "" if real is None else short(real)
    return (name_of(metric, result), value, shown, meaning(metric, result, shown))


def untold(metric: Metric, result: dict[str, Any]) -> bool:
    """Whether too few images were compared to say of copies what is usual."""
    about = metric.name.startswith("memorisation")
    return about and result.get("memorisation", 0) is None


def short(value: float) -> str:
    """Two significant digits, three from 100 on."""
    return f"{value:.2g}" if abs(value) < 100 else f"{value:,.0f}"


def between(low: float, high: float) -> str:
    """An interval, in as many digits as tell its width: never "0.13 to 0.13" about 0.1293."""
    places = 1 - math.floor(math.log10(high - low)) if high > low else 99
    if places > DIGITS:
        return f"{short(low)} to {short(high)}"
    places = max(places, 0)
    low, high = (round(end, places) + 0.0 for end in (low, high))  # no -0.00
    return f"{low:,.{places}f} to {high:,.{places}f}"


def name_of(metric: Metric, result: dict[str, Any]) -> str:
    inception = result["protocol"]["extractor"] == "inception"
    if inception and metric.name in ("kernel", "frechet", "frechet_infinite"):
        return {"kernel": "KID", "frechet": "FID", "frechet_infinite": "FID, infinite"}[metric.name]
    return metric.words


def meaning(metric: Metric, result: dict[str, Any], real: str) -> str:
    """What it is, and what would be good: beside what real data have, never alone."""
    if untold(metric, result):
        seen, whole = result.get("memorisation_seen", 0), result.get("memorisation_of", 0)
        if seen >= whole:
            return "the data are too alike to tell"
        return f"{seen:,} of {whole:,} images are too few to tell"
    parts = [metric.meaning]
    if metric.name in ("synthetic_trees", "synthetic_logistic") and "target" in result:
        parts.append(f"they predict {result['target']}")
    if metric.best:
        words = BEST[metric.best]
        if real:
            words = "0 is best" if metric.name in UNBIASED else words
            words += f" (real {real})"
        parts.append(words)
    elif real and metric.name == "memorisation_copies":
        parts.append(f"{USUAL} (real {real})")
    if metric.name == "frechet" and result.get("frechet_biased"):
        protocol = result["protocol"]
        least = min(protocol["generated"], protocol["reference"] or protocol["generated"])
        parts.append(f"biased: N = {least:,}; compare equal N only")
    elif metric.name == "frechet" and (cut := result.get("frechet_parts")):
        parts.append(f"{figure(min(cut))} to {figure(max(cut))} in {len(cut)} disjoint 5,000s")
    if metric.name == "frechet_training" and (lots := result.get("frechet_training_range")):
        parts.append(f"{figure(lots[0])} to {figure(lots[1])} in lots of as many")
    if (p := result.get(f"{metric.name}_p")) is not None:
        parts.append(f"p {p:.2g}")
    if (deviation := result.get(f"{metric.name}_deviation")) is not None:
        parts.append(f"standard deviation {figure(deviation)}")
    return "; ".join(parts)


def warnings(result: dict[str, Any]) -> list[str]:
    """What a reader should know before believing the numbers, in sentences."""
    found = []
    copies, ratio = result.get("memorisation_copies"), result.get("memorisation")
    if result.get("memorisation_found") and copies is not None:
        usual = result["memorisation_copies_of_fresh"]
        text = f"{copies:.1%} of the images are copies or near copies of training images"
        text += f" ({usual:.1%} of fresh images would be taken for copies)"
        if ratio is not None and ratio < 0.5:
            text += f"; they lie {ratio:.0%} as far from the data as fresh images do"
        found.append(text)
    seen, whole = result.get("memorisation_seen"), result.get("memorisation_of")
    if seen and whole and seen < whole:
        found.append(f"copies were looked for among {seen:,} of {whole:,} training images only")
    if (value := result.get("diversity")) is not None and value < 0.3:
        found.append(
            f"the images differ {value:.0%} as much as the data do: "
            "it has learned little yet, or has collapsed"
        )
    if result.get("overfitted"):
        found.append(
            f"it is further from {result['held_out_count']:,} held-out images (Frechet "
            f"{figure(result['frechet_held_out'])}) than from as many training images "
            f"({figure(result['frechet_training'])}): it has begun to memorise them"
        )
    if coarse := result.get("extractor_warning"):
        found.append(str(coarse))
    if (repeated := result.get("data_repeated") or 0) > 0.01:
        found.append(
            f"{repeated:.0%} of the data occur four times or more: precision, recall, density "
            "and coverage say little"
        )
    return found
