"""One figure of all quality rows: a panel for each data set, a line for each recipe.

    pip install matplotlib
    python bench/figure.py OUT OUT2 --metric frechet --out docs/images/quality.png

A point is one seed; a line goes through the medians of a recipe's budgets.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter
from quality import METRICS, RESULTS, read_rows

Row = dict[str, Any]
MARKS = "osD^vP*X<>hdp"
COLOURS = plt.get_cmap("tab20")


def panel(axes: Axes, data: str, rows: list[Row], recipes: list[str], metric: str) -> None:
    """Every recipe on one data set: CPU seconds used against the metric."""
    for number, recipe in enumerate(recipes):
        own = [row for row in rows if row["recipe"] == recipe and row.get(metric) is not None]
        if not own:
            continue
        style = {"color": COLOURS(number % 20), "marker": MARKS[number % len(MARKS)]}
        places = [row["cpu_seconds"] for row in own]
        axes.plot(places, [row[metric] for row in own], ls="none", alpha=0.45, ms=5, **style)
        budgets = sorted({row["seconds"] for row in own})
        x, y = (
            [statistics.median(row[part] for row in own if row["seconds"] == b) for b in budgets]
            for part in ("cpu_seconds", metric)
        )
        axes.plot(x, y, label=recipe, ms=7, **style)
    axes.set(title=data, xlabel="CPU seconds", ylabel=metric, xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.25)


def rows_in(place: Path) -> list[Row]:
    """Rows of a folder of quality.py, or the runs in a file of rows of baselines.py."""
    if place.is_dir():
        return read_rows(place / RESULTS)
    runs = [row for row in read_rows(place) if row["kind"] == "run" and row.get("seconds")]
    return [{**row, "cpu_seconds": row["seconds"], "seconds": row["budget"]} for row in runs]


def main() -> None:
    parser = argparse.ArgumentParser(description="One figure of all rows of quality.py.")
    parser.add_argument(
        "folders",
        nargs="+",
        type=Path,
        help="--out of quality.py, tutorials.py; or a file of rows of baselines.py",
    )
    parser.add_argument("--metric", choices=METRICS, default="frechet")
    parser.add_argument("--out", type=Path, default=Path("quality.png"))
    options = parser.parse_args()
    rows = [row for place in options.folders for row in rows_in(place)]
    names = list(dict.fromkeys(row["data"] for row in rows))
    recipes = list(dict.fromkeys(row["recipe"] for row in rows))
    columns = min(len(names), 3)
    lines = -(-len(names) // columns)
    size = (4.6 * columns, 4.2 * lines)
    figure, grid = plt.subplots(
        lines, columns, figsize=size, squeeze=False, sharex=True, layout="constrained"
    )
    for axes, name in zip(grid.flat, names, strict=False):
        panel(axes, name, [row for row in rows if row["data"] == name], recipes, options.metric)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    handles = {
        label: handle
        for axes in grid.flat
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5)
    figure.savefig(options.out, dpi=110)


if __name__ == "__main__":
    main()
