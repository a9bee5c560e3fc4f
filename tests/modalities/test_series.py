"""Series as a kind of sample: units, charts, files, and what a spec may say."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganzfeld.errors import CheckpointError
from ganzfeld.modalities import MODALITIES, Spec, spec_of
from ganzfeld.modalities.series import chart, measured
from ganzfeld.modalities.series.scaling import fit

SERIES = MODALITIES["series"]
SPEC = Spec("series", (2, 12), "float32", {"names": ["load", "heat"], "step": "1 hour"})
STORED = (
    np.random.default_rng(0).normal([[[3.0], [-200.0]]], [[[0.5], [40.0]]], (64, 2, 12))
).astype(np.float32)


def test_networks_see_deviations_and_samples_come_back_in_their_units() -> None:
    spec = SERIES.fitted(SPEC, STORED)
    x = SERIES.to_network(torch.from_numpy(STORED), spec)
    assert torch.allclose(x.mean((0, 2)), torch.zeros(2), atol=1e-4)
    assert torch.allclose(x.std((0, 2)), torch.ones(2), atol=1e-2)
    assert np.allclose(SERIES.to_store(x, spec), STORED, rtol=1e-5, atol=1e-4)


def test_a_channel_that_never_changes_is_not_blown_up() -> None:
    found = fit(np.full((9, 1, 4), 1e6) + np.random.default_rng(0).normal(0, 1e-6, (9, 1, 4)))
    assert found["deviation"] == [1.0]


def test_a_series_is_saved_as_csv_and_as_an_array_and_read_to_the_bit(tmp_path: Path) -> None:
    spec = SERIES.fitted(SPEC, STORED)
    SERIES.save(STORED[0], tmp_path / "one.csv", spec)
    with open(tmp_path / "one.csv", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["step", "load", "heat"]
    again = np.array([[np.float32(cell) for cell in row[1:]] for row in rows])
    assert np.array_equal(again.T, STORED[0])
    SERIES.save(STORED[0], tmp_path / "one.npy", spec)
    assert np.array_equal(np.load(tmp_path / "one.npy"), STORED[0])
    assert SERIES.holds_all(Path("all.csv")) and SERIES.holds_all(Path("all.npy"))
    SERIES.sheet(STORED, None, tmp_path / "all.csv", spec)
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert lines[0] == "series,step,load,heat" and len(lines) == 1 + 64 * 12
    assert lines[13].startswith("1,0,")


def test_samples_have_as_many_decimals_as_the_data(tmp_path: Path) -> None:
    spec = SERIES.fitted(SPEC, STORED)
    spec.extra["decimals"] = [0, 2]
    SERIES.check(spec)
    made = SERIES.stored(np.random.default_rng(0).normal(size=(1, 2, 12)), spec)
    assert np.array_equal(made[0, 0], np.round(made[0, 0]))
    SERIES.save(made[0], tmp_path / "one.csv", spec)
    with open(tmp_path / "one.csv", newline="") as file:
        _, *rows = csv.reader(file)
    assert all("." not in row[1] and len(row[2].partition(".")[2]) == 2 for row in rows)
    again = np.array([[np.float32(cell) for cell in row[1:]] for row in rows])
    assert np.array_equal(again.T, made[0])


def test_names_that_the_columns_of_a_csv_have_already_are_kept_apart(tmp_path: Path) -> None:
    spec = Spec("series", (2, 12), "float32", {"names": ["step", "series"]})
    SERIES.sheet(STORED[:2], None, tmp_path / "all.csv", spec)
    assert (tmp_path / "all.csv").read_text().splitlines()[0] == "series_,step_,step,series"


def test_charts_have_a_panel_a_series_and_a_colour_a_channel(tmp_path: Path) -> None:
    image = chart.sheet(STORED[:6], 3, names=["load", "heat"])
    pixels = np.asarray(image)
    assert image.width == 3 * (chart.WIDTH + chart.GAP) + chart.GAP
    panels = pixels[: 2 * (chart.HEIGHT + chart.GAP)].reshape(-1, 3)
    for colour in chart.COLOURS[:2]:
        near = (np.abs(panels.astype(int) - colour).sum(1) < 60).sum()
        assert near > 100, "each channel is drawn"
    gone = (np.abs(panels.astype(int) - chart.COLOURS[2]).sum(1) < 60).sum()
    assert gone == 0, "and no other"
    SERIES.sheet(STORED, None, tmp_path / "all.png", SERIES.fitted(SPEC, STORED))
    with Image.open(tmp_path / "all.png") as sheet:
        assert sheet.mode == "RGB"
    shown = SERIES.html(tmp_path / "all.png", "<all>")
    assert shown is not None and "<all>" not in shown


@pytest.mark.parametrize(
    "x",
    [np.zeros((3, 1, 5)), np.full((2, 2, 4), np.nan), np.zeros((1, 12, 3)), np.zeros((1, 1, 1))],
)
def test_charts_of_odd_series_are_drawn(x: np.ndarray) -> None:
    assert chart.sheet(x, names=["\u5317\u4eac", "a" * 90][: x.shape[1]]).width > 0


def test_a_line_goes_up_where_values_do() -> None:
    ramp = np.linspace(0, 1, 40)[None, None]
    pixels = np.asarray(chart.panel(ramp[0], *chart.span(ramp))).astype(int)
    ink = (765 - pixels.sum(2))[3:-3]
    left, right = (int(ink[:, place].argmax()) for place in (10, chart.WIDTH - 10))
    assert left > right + chart.HEIGHT / 2, "low values lie at the bottom"


def test_a_page_shows_memory_and_spectra_beside_the_data() -> None:
    curve = [[1.0, 0.5, 0.2]]
    page = measured.measured(
        {
            "series_memory": curve,
            "series_memory_of_data": [[1.0, 0.6, 0.4]],
            "series_channels": ["<b>"],
        }
    )
    assert page is not None and page.count("<svg") == 1 and "up to 0.2" in page
    assert measured.measured({"series_memory": curve}) is None
    assert measured.measured({"series_memory": [["x"]], "series_memory_of_data": [["y"]]}) is None


def test_ticks_are_round_and_few() -> None:
    assert measured.ticks(-0.06, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    for low, high in ((0.0, 1e-9), (-3.0, 0.0), (-0.4, 0.17), (0.0, 7_000.0)):
        found = measured.ticks(low, high)
        assert 2 <= len(found) <= 7 and low <= found[0] and found[-1] <= high * (1 + 1e-6)


def test_what_a_spec_says_is_checked() -> None:
    good = SERIES.fitted(SPEC, STORED).to_json()
    spec_of(good)
    assert SERIES.describe(SPEC) == "12 steps of 1 hour, 2 channels: load, heat"
    for name, value in (
        ("mean", [0.0]), ("deviation", [0.0, 1.0]), ("names", ["a"]), ("lasts", 0),
    ):  # fmt: skip
        with pytest.raises(CheckpointError, match="series"):
            spec_of(good | {"extra": good["extra"] | {name: value}})


def test_plain_numbers_are_few_and_keep_the_mean() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3, 700)).astype(np.float32)
    found = SERIES.plain(x)
    assert found.shape[1] <= 300
    assert SERIES.plain(x[:, :, :20]).shape == (4, 60)
