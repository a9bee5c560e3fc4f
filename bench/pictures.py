"""The pictures of docs/any-to-any.md: what short runs of its rows gave.

    python bench/pictures.py --work pictures                       # docs/images/any-*.webp
    python bench/pictures.py --work pictures --rows noise sound
    python bench/pictures.py --work pictures --run captions=runs/text-to-image/seed-0

Each row is a run on embedded data, from seed 0 on one thread; runs that lie in --work are not
trained again, and --run takes one that is there already. A picture is the top of the run's last
sheet of samples, or all of it: nothing is selected.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from PIL import Image

import ganzfeld
from ganzfeld.core import marks

MOST = 60_000  # bytes of a picture
WIDE = 528  # pixels
GAP = 2  # pixels between the cells of a sheet
# high: how much of each sheet is shown, in parts of its width. columns: of sheets that are turned
ROWS: dict[str, dict[str, Any]] = {
    "noise": {"data": "avatars", "recipe": "default", "size": 32, "images": 40_000, "high": 0.5},
    "numbers": {"data": "fields", "recipe": "fields", "images": 20_000, "high": 0.5},
    "captions": {
        **{"data": "avatars-captions", "recipe": "text-to-image", "size": 32},
        **{"images": 214_000, "high": 0.625},
    },
    "sound": {"data": "vowels", "recipe": "audio", "images": 6_000},
    "pairs": {  # colour to lines: what goes in, what comes out, the truth
        **{"data": "avatars-lines:2000", "recipe": "pix2pix", "direction": "ba", "size": 32},
        **{"images": 12_000, "batch": 4, "settings": ["networks.*.width=16"], "columns": 3},
    },
    "styles": {  # without pairs; each way back beside it
        **{"data": "avatars-styles:2000", "recipe": "cyclegan", "size": 32, "images": 10_000},
        **{"batch": 4, "settings": ["networks.*.width=16", "optimisers.*.lr=1e-3"]},
        "columns": 4,
    },
}
GIVEN = ("recipe", "size", "images", "direction", "batch")


def train(row: dict[str, Any], out: Path) -> None:
    given = {name: row[name] for name in GIVEN if name in row}
    settings = ["run.threads=1", *row.get("settings", ())]
    ganzfeld.train(row["data"], out=out, seed=0, quiet=True, settings=settings, **given)


def turned(sheet: Image.Image, columns: int) -> Image.Image:
    """The rows of a sheet as columns."""
    step = (sheet.width - GAP) // columns
    rows = (sheet.height - GAP) // step
    found = Image.new("RGB", (rows * step + GAP, columns * step + GAP), "white")
    for row in range(rows):
        for column in range(columns):
            x, y = column * step + GAP, row * step + GAP
            cell = sheet.crop((x, y, x + step - GAP, y + step - GAP))
            found.paste(cell, (row * step + GAP, column * step + GAP))
    return found


def picture(run: Path, high: float, columns: int = 0) -> bytes:
    """The last sheet of a run as WebP, with its mark: its top, or all of it, turned."""
    sheet = max((run / "samples").glob("*.png"))
    with Image.open(sheet) as whole:
        rows = whole.convert("RGB")
    if columns:
        rows = turned(rows, columns)
    else:
        rows = rows.crop((0, 0, rows.width, min(int(high * rows.width), rows.height)))
    if rows.width > WIDE:
        rows = rows.resize((WIDE, rows.height * WIDE // rows.width), Image.Resampling.LANCZOS)
    mark = marks.read(sheet)
    for quality in range(90, 10, -5):
        buffer = io.BytesIO()
        rows.save(buffer, "WEBP", quality=quality, method=6)
        data = buffer.getvalue()
        stamped = (marks.stamp(data, mark) if mark else None) or data
        if len(stamped) <= MOST:
            return stamped
    raise ValueError(f"{sheet} does not become small enough")


def main() -> None:
    parser = argparse.ArgumentParser(description="The pictures of docs/any-to-any.md.")
    parser.add_argument("--work", type=Path, default=Path("pictures"))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--run", nargs="+", default=[], metavar="ROW=FOLDER")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    asked = parser.parse_args()
    there = dict(one.split("=", 1) for one in asked.run)
    for name in asked.rows:
        run = Path(there.get(name, asked.work / name))
        if not (run / "evaluation.json").exists():
            train(ROWS[name], run)
        place = asked.out / f"any-{name}.webp"
        row = ROWS[name]
        place.write_bytes(picture(run, row.get("high", 0.375), row.get("columns", 0)))
        print(f"{place}: {place.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
