"""Small images that are fitted to each other: what a fit undoes, and what it cannot."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import affine_grid, grid_sample

from ganzfeld.modalities.image.fitting import PLACES, apart, placed, sketch, sketches

Prints = NDArray[np.uint8]


@pytest.fixture(scope="module")
def prints() -> Prints:
    """Smooth random images."""
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((40, 1, 6, 6))).float()
    x = torch.nn.functional.interpolate(noise, (32, 32), mode="bicubic", align_corners=True)
    x = (x / x.abs().amax((2, 3), keepdim=True) * 100 + 120).clamp(0, 255)
    found: Prints = x[:, 0].round().to(torch.uint8).numpy()
    return found


def seen(x: Prints, scale: float, right: float, down: float) -> Prints:
    """The part of each image at this place, in halves of a side, brought to full size."""
    matrix = torch.tensor([[scale, 0, right], [0, scale, down]]).expand(len(x), 2, 3)
    grid = affine_grid(matrix, [len(x), 1, *x.shape[1:]], align_corners=False)
    images = torch.from_numpy(x).float()[:, None]
    y = grid_sample(images, grid, align_corners=False, padding_mode="border")
    found: Prints = y[:, 0].round().to(torch.uint8).numpy()
    return found


def nearest(ours: Prints, theirs: Prints) -> NDArray[np.float64]:
    """Distances (N, M) of all to all, from the best of all starts."""
    looks = np.arange(2 * len(PLACES))
    found = np.empty((len(ours), len(theirs)))
    for i in range(len(theirs)):
        same = np.repeat(theirs[None, i : i + 1], len(ours), 0)
        tries = np.repeat(same, len(looks), 1)
        found[:, i] = apart(ours, tries, np.repeat(looks[None], len(ours), 0)).min(1)
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda x: seen(x, 1.0, 0.12, -0.12),  # shifted by two pixels of 32
        lambda x: seen(x, 0.9, 0.1, 0.1),  # a corner cropped
        lambda x: seen(x, 0.86, 0.0, 0.0),
        lambda x: (x * 0.7 + 40).astype(np.uint8),
        lambda x: np.ascontiguousarray(seen(x, 0.9, -0.1, 0.1)[:, :, ::-1]),
    ],
)
def test_a_changed_image_is_fitted_to_its_original(prints: Prints, change) -> None:  # type: ignore[no-untyped-def]
    ours = change(prints[:8])
    found = nearest(ours, prints[:12])
    assert (found.argmin(1) == np.arange(8)).all()
    own = found[np.arange(8), np.arange(8)]
    others = np.sort(found, axis=1)[:, 1]
    assert (own < 0.15).all() and (own < 0.36 * others).all()


def test_equal_images_are_at_no_distance_and_flat_ones_resemble_none(prints: Prints) -> None:
    start = np.zeros((1, 1), np.int64)
    assert apart(prints[:1], prints[None, :1], start)[0, 0] == 0
    mirrored = np.ascontiguousarray(prints[:1, :, ::-1])
    assert apart(mirrored, prints[None, :1], start + len(PLACES))[0, 0] == 0
    flat = np.full_like(prints[:1], 90)
    assert apart(flat, prints[None, :1], start)[0, 0] > 0.99
    assert apart(flat, flat[None] + 10, start)[0, 0] > 0.99
    left = np.ones((1, 1), np.bool_)
    assert apart(prints[:1], prints[None, :1], start, left)[0, 0] == np.inf


def test_only_the_nearest_are_measured(prints: Prints) -> None:
    theirs = np.stack([prints[:20]] * 2)
    found = apart(prints[:2], theirs, np.zeros((2, 20), np.int64))
    assert np.isfinite(found).sum() == 16
    assert found[0, 0] == found[1, 1] == 0


def test_sketches_undo_what_hides_a_copy(prints: Prints) -> None:
    """Looked up by the sketch of its place, a cropped or shifted copy is nearer than by its own."""
    own = sketch(prints)
    for number, (scale, right, down) in enumerate(PLACES[1:], 1):
        ours = seen(prints, scale, right, down)
        plain, undone = sketches(ours)[0], sketches(ours)[number]
        distance = [np.linalg.norm(x - own, axis=1).mean() for x in (plain, undone)]
        assert distance[1] < 0.9 * distance[0]
    assert placed(prints, PLACES[0]) is prints
    turned = sketches(np.ascontiguousarray(prints[:, :, ::-1]))
    for there, here in zip(turned[len(PLACES) :], sketches(prints), strict=False):
        assert there == pytest.approx(here, abs=1e-3)
    brighter = sketch((prints // 2 + 100).astype(np.uint8))
    assert np.linalg.norm(brighter - own, axis=1).max() < 0.5


def test_images_of_any_small_shape_can_be_fitted() -> None:
    draw = np.random.default_rng(1)
    for shape in ((1, 1), (3, 5), (28, 20), (32, 32)):
        x = draw.integers(0, 256, (3, *shape)).astype(np.uint8)
        looks = np.arange(2 * len(PLACES))[None].repeat(3, 0)
        found = apart(x, np.repeat(x[:, None], 2 * len(PLACES), 1), looks)
        assert found.shape == looks.shape and (found.min(1) == 0).all()
        assert np.isfinite(sketches(x)[0]).all() and sketches(x)[0].shape == (3, 128)
        assert sketch(x[:0]).shape == (0, 128)
