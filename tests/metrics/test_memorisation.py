"""Copies are found, near and mirrored ones too; fresh images are not taken for copies."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.metrics import memorisation
from ganzfeld.metrics.memorisation import (
    LEFT_OUT,
    Look,
    Memorisation,
    edge_of,
    judged,
    left_out,
    limit,
    most_below,
)
from ganzfeld.metrics.registered import Registered, memorisation_of_prints
from ganzfeld.modalities import MODALITIES
from ganzfeld.modalities.image.prints import prints

pytestmark = pytest.mark.long

Pixels = NDArray[np.uint8]
Searched = tuple[Registered, Look, Look]
HALF = 320


@pytest.fixture(scope="module")
def faces() -> tuple[Pixels, Pixels]:
    """Training images and fresh ones."""
    pack = open_pack(f"avatars:{2 * HALF}", PackOptions(size=(64, 64)), workers=0)
    images = np.array(pack.images)
    return images[:HALF], images[HALF:]


def mirrored(x: Pixels) -> Pixels:
    return x[:, :, :, ::-1]


def shifted(x: Pixels) -> Pixels:
    """By 4 px of 64, to the right and down; the edges are repeated."""
    return np.pad(x, ((0, 0), (0, 0), (4, 0), (4, 0)), mode="edge")[:, :, :-4, :-4]


def cropped(x: Pixels) -> Pixels:
    """Without a tenth of the width and height, at a corner, and back to the size."""
    images = [Image.fromarray(one.transpose(1, 2, 0)) for one in x[:, :, 6:, :-6]]
    size = (x.shape[3], x.shape[2])
    return np.stack([np.asarray(i.resize(size, 2)).transpose(2, 0, 1) for i in images])


def compressed(x: Pixels) -> Pixels:
    found = []
    for one in x:
        file = io.BytesIO()
        Image.fromarray(one.transpose(1, 2, 0)).save(file, "JPEG", quality=50)
        found.append(np.asarray(Image.open(file)).transpose(2, 0, 1))
    return np.stack(found)


def brighter(x: Pixels) -> Pixels:
    return (x.astype(int) + 25).clip(0, 255).astype(np.uint8)


def all_of_it(x: Pixels) -> Pixels:
    return mirrored(compressed(cropped(x)))


IMAGES = MODALITIES["image"].fitting()
assert IMAGES is not None
CHANGES = [np.copy, shifted, cropped, compressed, brighter, mirrored, all_of_it]


def searched(generated: Pixels, data: Pixels, held_out: Pixels | None = None) -> Memorisation:
    fresh = None if held_out is None else prints(held_out)
    return memorisation_of_prints(IMAGES, prints(generated), prints(data), fresh)


@pytest.fixture(scope="module", params=[0, 30])
def doubled(request: pytest.FixtureRequest, faces: tuple[Pixels, Pixels]) -> Searched:
    """Data of which so many images occur twice, looked up; some of them and some fresh ones."""
    data, fresh = faces
    data = np.concatenate([data, data[HALF // 2 : HALF // 2 + request.param]])
    among = Registered(IMAGES, prints(data))
    return among, among.look_without(left_out(len(data))), among.look(prints(fresh[:160]))


@pytest.mark.parametrize("change", CHANGES)
def test_a_fifth_of_near_copies_is_found(
    faces: tuple[Pixels, Pixels], doubled: Searched, change: Callable[[Pixels], Pixels]
) -> None:
    """Also in data of which 9 in 100 images occur twice."""
    among, real, fresh = doubled
    looked = among.look(prints(change(faces[0][:40])))
    found = judged(joined(looked, fresh), real, pairs=30)
    assert found.warning
    assert 0.19 <= found.copies <= 0.21
    assert [j for _, j, _ in found.pairs] == [i for i, _, _ in found.pairs]


def joined(a: Look, b: Look) -> Look:
    pairs = ((getattr(a, name), getattr(b, name)) for name in ("indices", "distances", "relative"))
    return Look(*map(np.concatenate, pairs))


def test_small_images_with_fine_stripes_are_found_when_shifted() -> None:
    """Halved as they were, those that are shifted by a pixel looked least alike of all."""
    draw = np.random.default_rng(0)
    shape = np.zeros((28, 28))
    shape[4:24, 7:21] = 1
    shades = draw.uniform(0, 255, (400, 28, 1)) + draw.normal(0, 12, (400, 28, 28))
    there = (shape * (0.5 * shades + 60)).clip(0, 255).astype(np.uint8)
    moved = np.roll(there[:100], (1, 1), (1, 2))
    found = Registered(IMAGES, there).look(moved)
    assert (found.indices == np.arange(100)).mean() >= 0.97


def test_near_copies_among_the_data_do_not_hide_others(
    faces: tuple[Pixels, Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in 32 is there again as a JPEG: these set the limit, and hid shifted copies."""
    data, fresh = faces
    data = np.concatenate([data, compressed(data[::32])])
    generated = np.concatenate([shifted(data[1:320:8]), fresh[:160]])
    found = searched(generated, data)
    assert found.warning and 0.18 <= found.copies <= 0.21
    # what fresh images find is looked up once for the same data
    monkeypatch.delattr(Registered, "look_without")
    assert searched(generated, data) == found
    with pytest.raises(AttributeError):
        searched(generated, data[1:])
    assert 0.05 <= found.copies_of_fresh <= 0.07  # each of a pair is a near copy of the other


def test_copies_among_held_out_images(faces: tuple[Pixels, Pixels]) -> None:
    """Also where some of these are training images, as they are and changed."""
    data, fresh = faces
    held_out = np.concatenate([fresh[200:], data[:20], compressed(data[20:30])])
    found = searched(np.concatenate([cropped(data[:40]), fresh[:160]]), data, held_out)
    assert found.warning and 0.19 <= found.copies <= 0.21


def test_held_out_images_that_are_all_training_images_tell_nothing(
    faces: tuple[Pixels, Pixels],
) -> None:
    """Training images in turn stand for fresh ones then, of any kind of sample."""
    data, fresh = faces
    generated = np.concatenate([data[:40], fresh[:160]])
    found = searched(generated, data, data[:50])
    assert found == searched(generated, data) and found.warning and found.copies_of_fresh <= 0.01
    flat = [x.reshape(len(x), -1) for x in (generated, data)]
    assert memorisation(*flat, flat[1][:50]) == memorisation(*flat)


def test_the_limit_holds_for_fresh_ones_not_seen() -> None:
    """By its definition: of 400 choices of fresh samples 95 in 100 hold 1 in 100, or less."""
    assert [most_below(n) for n in (298, 299, 500, LEFT_OUT)] == [0, 1, 2, 5]
    draw = np.random.default_rng(0)
    below = [limit(draw.random(1_000) ** 0.1) ** 10 for _ in range(400)]
    assert 0.01 <= np.mean(np.array(below) > 0.01) <= 0.06


def test_near_copies_are_told_from_the_near_end_of_fresh_ones() -> None:
    draw = np.random.default_rng(0)
    bulk = draw.random(1_000) ** 0.1  # as in ten dimensions
    mixed = np.concatenate([bulk, np.full(60, 0.01)])
    assert limit(mixed) == pytest.approx(limit(bulk), abs=0.05) and limit(mixed) > 0.3
    flat = draw.random(1_000) ** 0.5  # as in two: many are near by nature
    assert edge_of(flat) < 0.1


def test_the_nearest_is_neither_the_image_itself_nor_one_that_equals_it() -> None:
    there = np.random.default_rng(2).integers(0, 256, (40, 32, 32)).astype(np.uint8)
    there = np.concatenate([there, there[:2], there[5:6, :, ::-1]])
    looked = Registered(IMAGES, there).look_without(np.arange(6))
    assert not {0, 40} & {int(looked.indices[0])} and not {1, 41} & {int(looked.indices[1])}
    assert looked.indices[5] == 42 and looked.distances[5] == 0  # mirrored
    assert (looked.distances[:5] > 0.5).all() and (looked.relative[:5] > 0.5).all()


def test_fresh_images_are_not_taken_for_copies(doubled: Searched) -> None:
    _, real, fresh = doubled
    found = judged(fresh, real, pairs=1)
    assert not found.warning
    assert found.copies <= 0.01 and found.copies_of_fresh <= 0.01
    assert found.ratio == pytest.approx(1, abs=0.1)


def test_exact_copies_in_data_that_are_all_twice_there(faces: tuple[Pixels, Pixels]) -> None:
    """The nearest neighbour of each image is at no distance: a cut of 0 found nothing."""
    data = faces[0][:100].repeat(2, 0)
    found = searched(data[:40], data)
    assert found.copies == 1 and found.warning
    assert not searched(faces[1][:100], data).warning


def test_copies_by_plain_features() -> None:
    draw = np.random.default_rng(0)
    data, fresh, other = (draw.standard_normal((800, 5)) for _ in range(3))
    for held_out in (None, other):
        honest = memorisation(fresh, data, held_out)
        assert honest.ratio == pytest.approx(1, abs=0.1)
        assert honest.copies == pytest.approx(0.01, abs=0.02) and not honest.warning
        copied = memorisation(data[100:200], data, held_out, pairs=3)
        assert copied.ratio == 0 and copied.copies == 1 and copied.warning
        assert copied.pairs == [(0, 100, 0.0), (1, 101, 0.0), (2, 102, 0.0)]
    some = memorisation(np.concatenate([fresh[:90], data[:10]]), data)
    assert some.copies == pytest.approx(0.11, abs=0.03)
    assert [j for _, j, _ in some.pairs[:10]] == list(range(10))


def test_each_left_out_image_is_measured_as_if_it_were_not_there() -> None:
    """By loops: its nearest other, over that one's distance to the rest without it."""
    from ganzfeld.metrics.memorisation import Space

    data = np.random.default_rng(1).standard_normal((25, 3))
    d = np.linalg.norm(data[:, None] - data[None], axis=2) + np.diag(np.full(25, np.inf))
    looked = Space(data).look_without(np.arange(25))
    for i in range(25):
        j = int(d[i].argmin())
        rest = np.delete(d[j], i).min()
        assert looked.indices[i] == j
        assert looked.relative[i] == pytest.approx(d[i, j] / rest)


def test_constant_data_are_not_divided_by_nothing() -> None:
    still = np.zeros((20, 4))
    found = memorisation(still + 1.0, still)
    assert found.copies in (0, 1) and np.isnan(found.ratio)
