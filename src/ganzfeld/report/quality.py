"""Put a run's numbers into words: a line during training, a sentence at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganzfeld.metrics.registry import TABLE
from ganzfeld.metrics.summary import warnings

MARGIN = 1.05  # a Frechet distance this many times the lowest is as good as that
WORSE = 1.3  # and this many times the lowest is worse
ENOUGH = 500  # samples, below which a distance like that of real ones says little
FEW = 3  # evaluations, below which there is no trend
PATIENCE = 2  # evaluations without a better one, from which it no longer improves
LEVELS = (  # Frechet distance over that of real images, up to which it is called so
    (1.2, "cannot be told from real images"),
    (2.0, "close to real images"),
    (10.0, "clearly worse than real images"),
    (float("inf"), "far from real images"),
)
SHARES = ("precision", "recall")
LITTLE = 0.25  # of what real images have: with a share below it, samples are far from them

Score = tuple[int, float]  # (images seen, Frechet distance)


def trend(scores: Sequence[Score]) -> str:
    """Whether a run still improves, by its evaluations in order; "" for fewer than three.

    All are of the same latents and images, so they differ by little chance. It no longer improves
    once the last two are not better, by a twentieth, than one before them.
    """
    if len(scores) < FEW:
        return ""
    lowest = min(value for _, value in scores)
    value = scores[-1][1]
    if value > WORSE * lowest:
        best = next(place for place, score in scores if score == lowest)
        return f"worse than {figure(lowest)} at image {best:,}"
    good = next(i for i, (_, score) in enumerate(scores) if score <= MARGIN * lowest)
    if len(scores) - 1 - good < PATIENCE:
        return "still improving"
    return f"hardly better since image {scores[good][0]:,}"


def line(scores: Mapping[int, float], real: float | None, count: int | None = None) -> str:
    """The newest Frechet distance for the screen; "" before the first.

    real: of real images. count: of samples, which must be told: the fewer, the larger are both.
    """
    if not scores:
        return ""
    ordered = sorted(scores.items())
    said = f"Frechet {figure(ordered[-1][1])} at image {ordered[-1][0]:,}"
    if real is not None:
        said += f" (real {figure(real)})"
    if count is not None:
        said += f" of {count:,} samples"
        if real is not None and ordered[-1][1] <= LEVELS[0][0] * real and count < ENOUGH:
            said += ", too few to tell them apart"
    where = trend(ordered)
    return f"{said}, {where}" if where else said


def verdict(result: Mapping[str, Any], scores: Sequence[Score] = ()) -> str:
    """The evaluation of a run's model in one sentence; "" where there is no Frechet distance.

    scores: of the evaluations during training, in order.
    """
    value = result.get("frechet")
    if value is None:
        return ""
    real = real_of(result, "frechet")
    parts = [f"Frechet {figure(value)}"]
    if real is not None:
        parts[0] += f" where real images have {figure(real)}: {level_of(result, value, real)}"
        by = result["protocol"]["extractor"]
        parts[0] += f" by the {by} extractor" if by != "inception" else ""
    shares = []
    for name in SHARES:
        if (share := result.get(name)) is not None:
            other = real_of(result, name)
            beside = "" if other is None else f" (real {other:.2f})"
            shares.append(f"{name} {share:.2f}{beside}")
    parts += [", ".join(shares)] if shares else []
    for metric in TABLE:
        if metric.said and (own := result.get(metric.name)) is not None:
            other = real_of(result, metric.name)
            beside = "" if other is None else f" (real {figure(other)})"
            parts.append(f"{metric.said} {figure(own)}{beside}")
    if (by := result.get("inception")) and by.get("frechet") is not None:
        real = real_of(by, "frechet")
        beside = "" if real is None else f" (real {figure(real)})"
        parts.append(f"FID {figure(by['frechet'])}{beside} of {by['count']:,}")
    if said := course(scores):
        parts.append(said)
    return "; ".join(parts) + "."


def course(scores: Sequence[Score]) -> str:
    """`trend` of a run that has ended; "" for fewer than three.

    Of one that became worse both distances are told: they are of other samples, and mostly of
    fewer, than those of the model that it ships, beside which one alone would mislead.
    """
    said = trend(scores)
    if not said.startswith("worse"):
        return said and f"{said} when it ended"
    best, lowest = min(scores, key=lambda score: score[1])
    return (
        f"best at image {best:,} in training ({figure(lowest)}), worse when it ended "
        f"({figure(scores[-1][1])})"
    )


def level_of(result: Mapping[str, Any], value: float, real: float) -> str:
    """In words, by the ratio of the distances; the worst where hardly a sample lies among the
    data, or hardly any of the data among the samples, whatever the ratio."""
    ratio = value / real if real > 0 else float("inf")
    for name in SHARES:
        share, other = result.get(name), real_of(result, name)
        if share is not None and other is not None and share < LITTLE * other:
            ratio = float("inf")
    return next(words for most, words in LEVELS if ratio <= most)


def real_of(result: Mapping[str, Any], name: str) -> float | None:
    """What real images have in place of the generated ones; None where it is not known."""
    found = (result.get("real") or {}).get(name)
    if isinstance(found, Mapping):
        found = found.get("value")
    return float(found) if isinstance(found, int | float) else None


def alarms(result: Mapping[str, Any]) -> list[str]:
    """What a reader must know of an evaluation, in sentences."""
    told = dict.fromkeys([*warnings(dict(result)), *map(str, result.get("warnings") or [])])
    found = [f"{text[:1].upper()}{text[1:].rstrip('.')}." for text in told]
    said = " ".join(found).lower()
    if (result.get("protocol") or {}).get("extractor") == "random" and "random" not in said:
        found.append(
            "The random extractor sees colour and texture, hardly shapes: look at the images. "
            "For numbers that agree with people: ganzfeld metrics install, once, then "
            "ganzfeld evaluate --extractor inception."
        )
    if (value := result.get("diversity")) is not None and value < 0.3 and "collapsed" not in said:
        found.append(
            f"The samples differ {value:.0%} as much as the data do: "
            "it has learned little yet, or has collapsed."
        )
    value = result.get("memorisation")
    if value is not None and value < 0.5 and "memoris" not in said and "cop" not in said:
        found.append(
            f"Samples lie {value:.0%} as far from the training data as fresh images would: "
            "it may have memorised some. See the closest training images."
        )
    if result.get("overfitted") and "held-out" not in said:
        found.append(
            f"It is further from {result['held_out_count']:,} held-out images (Frechet "
            f"{figure(result['frechet_held_out'])}) than from as many training images "
            f"({figure(result['frechet_training'])}): it has begun to memorise them."
        )
    return found


def figure(value: float) -> str:
    """Two or three figures that count, never an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
