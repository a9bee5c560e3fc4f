"""Samples as the bodies of answers: files, grids, ZIPs and JSON, each with its mark."""

from __future__ import annotations

import base64
import csv
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import marks, temporary
from ganzfeld.modalities import Modality, Spec

MEDIA = {  # by the ending of a file
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "wav": "audio/wav",
    "csv": "text/csv; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "npy": "application/x-npy",
    "zip": "application/zip",
    "json": "application/json",
}
WHOLE = ("csv", "txt", "npy")  # formats that hold many samples in one file
INLINE = ("txt", "csv", "npy")  # kinds of these are values in JSON; others are files in base64
MARKLESS = (".csv", ".txt", ".npy")  # files that hold no mark
MARK_HEADER = b"ganzfeld-mark"  # of an answer that is such a file
MOMENT = (1980, 1, 1, 0, 0, 0)  # of files in a ZIP: the same request gives the same bytes


def media_of(format: str) -> str:
    return MEDIA.get(format, "application/octet-stream")


def single(kind: Modality) -> list[str]:
    """Formats of one sample, the usual one first."""
    return [kind.suffix[1:], *(["webp"] if kind.draws else []), "json"]


def several(kind: Modality) -> list[str]:
    """Formats of many samples, the usual one first."""
    ending = kind.suffix[1:]
    if kind.one_file:
        return [ending, "json"]
    grid = ["grid"] if kind.sheet_suffix == ".png" else []
    return [*grid, "zip", "json", *(["npy"] if ending == "npy" else [])]


def file_of(
    kind: Modality, spec: Spec, sample: NDArray[Any], format: str, mark: marks.Mark
) -> bytes:
    """One stored sample as a file, marked inside where its format holds a mark."""
    if format == "json":
        return text({"mark": mark, "value": kind.to_json(sample, spec)})
    if format == "webp":
        buffer = io.BytesIO()
        kind.to_image(sample, spec).save(buffer, "WEBP", lossless=True)
        data = buffer.getvalue()
    else:
        data = kind.encoded(sample, spec)
    return marks.stamp(data, mark) or data


def grid(kind: Modality, spec: Spec, samples: NDArray[Any], mark: marks.Mark) -> bytes:
    """The sheet of `ganzfeld sample --grid`."""
    with temporary.scratch() as folder:
        path = folder / f"grid{kind.sheet_suffix}"
        kind.sheet(samples, None, path, spec)
        data = path.read_bytes()
    return marks.stamp(data, mark) or data


def whole(kind: Modality, spec: Spec, samples: NDArray[Any]) -> bytes:
    """All samples in one file of a kind that has such."""
    if kind.one_file:
        return "".join(kind.pieces([samples], spec)).encode()
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(samples), allow_pickle=False)
    return buffer.getvalue()


def zipped(kind: Modality, spec: Spec, samples: NDArray[Any], each: Sequence[marks.Mark]) -> bytes:
    """A ZIP of a file a sample, SEED-NUMBER, and labels.csv as `ganzfeld augment` writes it."""
    buffer, table = io.BytesIO(), io.StringIO(newline="")
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("file", "label", "seed", "number", "model", "weights"))
    ending = kind.suffix[1:]
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for sample, mark in zip(samples, each, strict=True):
            name = f"{mark['seed']}-{mark['index']:06d}.{ending}"
            archive.writestr(
                zipfile.ZipInfo(name, MOMENT), file_of(kind, spec, sample, ending, mark)
            )
            if f".{ending}" in MARKLESS:
                archive.writestr(zipfile.ZipInfo(f"{name}.json", MOMENT), marks.as_text(mark))
            label = mark.get("label", "")
            rows.writerow(
                (name, label, mark["seed"], mark["index"], mark.get("recipe", ""), mark["model"])
            )
        archive.writestr(zipfile.ZipInfo("labels.csv", MOMENT), table.getvalue())
    return buffer.getvalue()


def listed(
    kind: Modality,
    spec: Spec,
    samples: NDArray[Any],
    each: Sequence[marks.Mark],
    scores: Sequence[float] | None = None,
) -> bytes:
    """JSON with a sample an entry; seeds and numbers as text, for readers that lose digits."""
    ending = kind.suffix[1:]
    found = []
    for place, (sample, mark) in enumerate(zip(samples, each, strict=True)):
        own: dict[str, Any] = {
            "seed": str(mark["seed"]),
            "index": str(mark["index"]),
            "label": mark.get("label"),
        }
        if scores is not None:
            own["score"] = scores[place]
        if ending in INLINE:
            own["value"] = kind.to_json(sample, spec)
        else:
            own["data"] = base64.b64encode(file_of(kind, spec, sample, ending, mark)).decode()
        found.append(own)
    mark = {k: v for k, v in each[0].items() if k not in ("seed", "index", "label")}
    return text({"media_type": media_of(ending), "mark": mark, "samples": found})


def text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
