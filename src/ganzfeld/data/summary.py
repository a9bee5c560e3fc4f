"""Summarise how a data set was read, as rows for the plan or the check."""

from __future__ import annotations

from typing import Any

from ganzfeld.core.names import capped, shortened

SLIGHT = 0.02  # a part cut off that need not be told
KINDS = {
    "folder": "from a folder",
    "zip": "from a ZIP",
    "tar": "from a tar file",
    "parquet": "from Parquet files",
    "npy": "from an array",
    "npz": "from arrays",
    "idx": "from IDX files",
    "embedded": "drawn",
    "table": "named by a table",
    "csv": "from a table",
    "text file": "from a text file",
    "JSON lines": "from JSON lines",
}


def rows_of(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows (name, text) from the report of a pack, or of two that make domains."""
    sides = report.get("sides")
    if not sides:
        return _rows(report) if "count" in report else []
    rows = [("pairs", report["pairs"])] if report.get("pairs") else []
    both = {name: dict(_rows(side)) for name, side in sides.items()}
    for key in ("images", "split", "left aside", "cut off", "values"):
        texts = {name: found[key] for name, found in both.items() if key in found}
        if len(set(texts.values())) == 1 and len(texts) == len(both):
            rows.append((key, next(iter(texts.values()))))
        elif texts:
            rows.append((key, "; ".join(f"{name}: {text}" for name, text in texts.items())))
    return rows


def _rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    taken = report.get("taken", {})
    rows = [(report.get("noun", "images"), _images(report, taken))]
    if "stream" in report:
        rows = [("stream", report["stream"]), ("sample", _images(report, taken))]
    if "modality" in taken:
        rows.append(("taken as", taken["modality"]))
    if "encoding" in taken:
        rows.append(("encoding", taken["encoding"]))
    if "split" in taken:
        rows.append(("split", taken["split"]))
    rows.append(("labels", _labels(report, taken)))
    if "captions" in taken:
        rows.append(("captions", taken["captions"]))
    if aside := report.get("aside"):
        rows.append(("left aside", "; ".join(capped(aside, 6))))
    if cut := cut_words(report):
        rows.append(("cut off", cut))
    if values := report.get("values"):
        rows.append(("values", values))
    if "read as" in taken:
        rows.append(("read as", taken["read as"]))
    if columns := report.get("columns"):
        rows.append(("conditions", f"possible: {'; '.join(capped(columns, 8))} (--condition)"))
    return rows


def _images(report: dict[str, Any], taken: dict[str, str]) -> str:
    text = f"{report['count']:,} {KINDS.get(report['kind'], report['kind'])}"
    if "arrays" in taken:
        text += f": {taken['arrays']}"
    sizes = report.get("sizes", [])
    if sizes:
        listed = [f"{w}x{h}" for h, w, _ in sizes[:3]]
        more = report.get("sizes_count", 0) - len(listed)
        text += f", {', '.join(listed)} pixels" + (f" and {more:,} other sizes" if more > 0 else "")
    if report.get("skipped"):
        text += f"; {len(report['skipped']):,} bad ones left out"
    return text


def _labels(report: dict[str, Any], taken: dict[str, str]) -> str:
    classes = report["classes"]
    if not classes:
        return (
            taken.get("labels", "none")
            if not taken.get("labels", "").startswith(("the ", "column"))
            else "none"
        )
    named = [f"{shortened(name, 24)} {count:,}" for name, count in classes.items()]
    by = f" by {taken['labels']}" if "labels" in taken else ""
    return f"{len(classes):,} classes{by}: {', '.join(capped(named, 6))}"


def cut_words(report: dict[str, Any]) -> str:
    """How much of the images is cut off, and the size that keeps more; "" for next to nothing."""
    cut, sizes = report.get("cut", 0.0), report.get("sizes", [])
    if cut < SLIGHT or not sizes:
        return ""
    height, width = report["size"]
    text = f"{100 * cut:.0f} % of each image: the centre of {width}x{height} shape is taken"
    (high, wide, _) = sizes[0]
    side = max(height, width)
    scale = side / max(high, wide)
    whole = max(round(high * scale), 8), max(round(wide * scale), 8)
    if whole == (height, width):  # most have this shape, and others do not
        return text
    return f"{text}; --size {whole[0]}x{whole[1]} keeps nearly all"
