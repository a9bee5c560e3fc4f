"""The results of an evaluation as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganzfeld.metrics.overfitting import row as overfitting

Row = tuple[str, str, str]  # name, value, what it means


def summary(result: dict[str, Any]) -> list[str]:
    """A table with what each number means, and the protocol it holds under."""
    rows = [row for make in ROWS for row in make(result)]
    protocol = result["protocol"]
    lines = [
        f"{protocol['generated']:,} pictures against {protocol['reference']:,} of the data, "
        f"by the {protocol['extractor']} extractor"
    ]
    if (accuracy := result.get("extractor_accuracy")) is not None:
        lines[0] += f" ({100 * accuracy:.1f} % of held-out pictures told right)"
    if note := result.get("extractor_note"):
        lines.append(f"note: {note}")
    widths = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
    lines += [f"  {a:<{widths[0]}}  {b:>{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    return [*lines, f"protocol: {protocol['id']}"]


def figure(value: float | None) -> str:
    """Four figures that count; a dash for what could not be computed."""
    return "-" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def distances(result: dict[str, Any]) -> list[Row]:
    """The one to trust first: the Frechet distance of few samples is biased, the kernel's not."""
    rows = [*kernel(result), *frechet(result)]
    return rows if result.get("frechet_biased", True) else rows[::-1]


def kernel(result: dict[str, Any]) -> list[Row]:
    if "kernel" not in result:
        return []
    name = "KID" if result["protocol"]["extractor"] == "inception" else "kernel distance"
    return [(name, figure(result["kernel"]), interval(result["kernel_interval"]))]


def interval(ends: Sequence[float]) -> str:
    return f"{figure(ends[0])} to {figure(ends[1])} in 95 of 100 cases; 0 is best"


def frechet(result: dict[str, Any]) -> list[Row]:
    if "frechet" not in result:
        return []
    name = "FID" if result["protocol"]["extractor"] == "inception" else "Frechet distance"
    protocol = result["protocol"]
    meaning = "0 is best"
    if result["frechet_biased"]:
        least = min(protocol["generated"], protocol["reference"])
        meaning = f"biased: N = {least:,} is under 5,000; compare equal N only"
    elif parts := result.get("frechet_parts"):
        meaning += f"; {figure(min(parts))} to {figure(max(parts))} in {len(parts)} disjoint 5,000s"
    return [(name, figure(result["frechet"]), meaning)]


SINGLE = {
    "precision": "share of the pictures that lie among the data",
    "recall": "share of the data that lie among the pictures",
    "density": "how deep among the data they lie; 1 as the data do",
    "coverage": "share of the data with a picture near; 0.97 at best",
    "diversity": "distance between pictures, over that between data; collapse below 0.3",
    "memorisation": "distance to the data, over that of fresh data; copies below 0.5",
    "memorisation_copies": "share nearer to the data than 99 of 100 fresh ones; 0.01 is usual",
    "mmd_features": "kernel distance, Gaussian, of features; 0 is best",
    "mmd_pixels": "the same of pixels",
    "inception_score": "sharpness and variety; more is better",
    "inception_score_of_data": "the same of the data",
    "domain_score": "sharpness and variety of classes; their number at best",
    "domain_score_of_data": "the same of the data",
    "total_variation": "between the shares of classes; 0 is best, 1 is worst",
    "class_agreement": "share of the pictures of the class that was asked for",
    "intra_class_frechet": "mean Frechet distance within a class",
}


def single(result: dict[str, Any]) -> list[Row]:
    seen, whole = result["protocol"]["reference"], result.get("memorisation_of", 0)
    few = f"{seen:,} of {whole:,} pictures cannot tell; --reference {whole} can"
    return [
        (
            name.replace("_", " "),
            figure(result[name]),
            few if name.startswith("memorisation") and 2 * seen <= whole else meaning,
        )
        for name, meaning in SINGLE.items()
        if name in result
    ]


ROWS = (distances, single, overfitting)
