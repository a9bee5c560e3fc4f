"""Fields: to a network and back, and shown as colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganzfeld.data.field_sets import showers
from ganzfeld.modalities import MODALITIES, Spec
from ganzfeld.modalities.field import colour, scaling

FIELDS = MODALITIES["field"]


@pytest.mark.parametrize("shape", [(2, 20), (2, 8, 12), (1, 4, 6, 8)])
def test_standard_scaling_makes_half_a_deviation_and_goes_back(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(7.0, 3.0, (200, *shape)).astype(np.float32)
    x[:, 0] *= 100
    spec = FIELDS.fitted(Spec("field", shape), x)
    assert spec.extra["scaling"] == "standard"
    seen = FIELDS.to_network(torch.from_numpy(x), spec)
    each = seen.transpose(0, 1).flatten(1)
    assert each.std(1).tolist() == pytest.approx([0.5] * shape[0], rel=1e-3)
    assert each.mean(1).tolist() == pytest.approx([0] * shape[0], abs=1e-3)
    back = FIELDS.to_store(seen, spec)
    assert back.dtype == np.float32 and np.allclose(back, x, rtol=1e-6, atol=1e-4)


def test_log_scaling_gives_quanta_back_to_the_bit() -> None:
    x, c = showers.make(range(300))
    spec = FIELDS.fitted(Spec("field", (3, 16, 16)), x, np.log(c))
    assert spec.extra["scaling"] == "log" and spec.extra["whole"]
    assert spec.extra["unit"] == pytest.approx([0.05] * 3)
    seen = FIELDS.to_network(torch.from_numpy(x), spec)
    assert seen.min() == 0 and 0.3 < seen[seen > 0].square().mean().sqrt() < 0.7
    assert np.array_equal(FIELDS.to_store(seen, spec), x)
    a, b = spec.extra["expected"]
    assert b == pytest.approx(1, abs=0.03) and a == pytest.approx(np.log(0.9 / 0.05), abs=0.1)


def test_an_empty_field_does_not_move_the_expected_sum() -> None:
    x, c = showers.make(range(200))
    x[7] = 0
    a, b = scaling.fit(x, np.log(c))["expected"]
    assert b == pytest.approx(1, abs=0.05) and a == pytest.approx(np.log(0.9 / 0.05), abs=0.15)


def test_log_scaling_of_numbers_that_are_no_quanta() -> None:
    x = np.random.default_rng(0).lognormal(0, 3, (100, 1, 8, 8)).astype(np.float32)
    spec = FIELDS.fitted(Spec("field", (1, 8, 8)), x)
    assert spec.extra["scaling"] == "log" and not spec.extra["whole"]
    back = FIELDS.to_store(FIELDS.to_network(torch.from_numpy(x), spec), spec)
    assert np.allclose(back, x, rtol=1e-5)


def test_what_a_network_makes_below_the_smallest_value_is_zero() -> None:
    extra = {"scaling": "log", "unit": [1.0], "scale": [1.0], "least": [1.0], "whole": False}
    x = torch.tensor([[[-3.0, 0.2, 0.5, 1.0, 1e30]]])
    back = scaling.to_store(x, extra)[0, 0]
    assert back[:2].tolist() == [0, 0] and back[2] > 0.5 and np.isfinite(back).all()


def test_no_scaling_where_it_is_not_wanted_and_none_of_zeros() -> None:
    x = np.zeros((4, 1, 4), np.float32)
    assert scaling.fit(x)["scale"] == [2.0]
    assert scaling.fit(x, scaling="none") == {"scaling": "none"}
    with pytest.raises(ValueError, match="logarithm"):
        scaling.fit(x - 1, scaling="log")
    with pytest.raises(ValueError, match="'loq'"):
        scaling.fit(x, scaling="loq")


def test_colours_go_from_dark_to_light() -> None:
    known = colour.table()
    assert known.shape == (256, 3)
    light = known @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(light) > -0.6).all() and light[-1] > light[0] + 150
    low, high = colour.span(np.array([0.0, 1.0, np.nan]))
    assert (low, high) == pytest.approx((0.0, 1.0), abs=0.01)
    shown = colour.coloured(np.array([-5.0, 0.0, 1.0, 9.0, np.nan]), 0.0, 1.0)
    assert np.array_equal(shown[0], known[0]) and np.array_equal(shown[3], known[255])
    assert shown[4].tolist() == [255, 255, 255]


@pytest.mark.parametrize("shape", [(2, 40), (1, 16, 16), (3, 16, 16), (1, 4, 16, 16)])
def test_a_sheet_shows_every_field_and_its_range(tmp_path: Path, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(5, *shape)).astype(np.float32)
    spec = FIELDS.fitted(Spec("field", shape, extra={"unit_name": "K"}), x)
    path = tmp_path / "sheet.png"
    FIELDS.sheet(x, 3, path, spec)
    with Image.open(path) as image:
        assert image.mode == "RGB"
        pixels = np.asarray(image)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 3
    html = FIELDS.html(path, "fields")
    assert html and html.startswith("<img")
    assert FIELDS.show(x, "fields", spec)
    assert (FIELDS.most_in_sheet(spec, 10**6) or 0) > 0


def test_a_colour_of_the_sheet_is_that_of_its_value() -> None:
    x = np.zeros((1, 1, 8, 8))
    x[0, 0, :, 4:] = 1.0
    image = np.asarray(colour.sheet(x))
    assert np.array_equal(image[10, 10], colour.table()[0])
    assert np.array_equal(image[10, 50], colour.table()[255])


def test_a_field_is_saved_in_its_unit_and_described(tmp_path: Path) -> None:
    spec = Spec("field", (1, 8, 12), extra={"unit_name": "GeV", "periodic": True})
    x = np.random.default_rng(0).normal(size=(1, 8, 12)).astype(np.float32)
    FIELDS.save(x, tmp_path / "one.npy", spec)
    assert np.array_equal(np.load(tmp_path / "one.npy"), x)
    assert FIELDS.describe(spec) == "12 x 8 cells, 1 channel, in GeV, periodic"
    assert FIELDS.describe(Spec("field", (2, 40))) == "a line of 40 values, 2 channels"


def test_plain_numbers_are_means_of_blocks() -> None:
    x = np.arange(2 * 40 * 20, dtype=np.float32).reshape(1, 2, 40, 20)
    plain = FIELDS.plain(x)
    assert plain.shape == (1, 2 * 14 * 10)
    assert plain[0, 0] == x[0, 0, :3, :2].mean() and plain[0, -1] == x[0, 1, 39:, 18:].mean()
    assert np.array_equal(FIELDS.plain(x[:, :, :16, :16]), x[:, :, :16, :16].reshape(1, -1))


def test_a_page_shows_spectra_observables_and_response_and_escapes_names() -> None:
    assert FIELDS.measured({}) is None
    result = {
        "field_spectrum": [[8.0, 2.0, 0.5]],
        "field_spectrum_of_data": [[8.0, 1.0, 0.5]],
        "field_observables": {"<b>": [0.1, 0.02, 0.3, 0.04], "sum": [0.5, 0.1, 0.2, 0.1]},
        "field_bins": [[-1.0, 1.0, 1.05, 0.01, 0.11, 0.10, 0.002]],
    }
    page = FIELDS.measured(result)
    assert page is not None and "<b>" not in page and "&lt;b&gt;" in page
    assert "by up to 100%" in page and "2.000" in page, "the ratio of shell 2"
    assert page.index("sum") < page.index("&lt;b&gt;"), "the worst observable comes first"
    assert "1.050 ± 0.010" in page
    assert FIELDS.measured({"field_spectrum": [[0.0]], "field_spectrum_of_data": [[0.0]]}) is None
