"""Copies are found, near and mirrored ones too; fresh images are not taken for copies."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.metrics import memorisation
from ganzfeld.metrics.memorisation import Memorisation, left_out, thumbnails, variants_of

Pixels = NDArray[np.uint8]
HALF = 500


@pytest.fixture(scope="module")
def faces() -> tuple[Pixels, Pixels]:
    """Training images and fresh ones."""
    pack = open_pack(f"avatars:{2 * HALF}", PackOptions(size=(64, 64)), workers=0)
    images = np.array(pack.images)
    return images[:HALF], images[HALF:]


def mirrored(x: Pixels) -> Pixels:
    return x[:, :, :, ::-1]


def shifted(x: Pixels) -> Pixels:
    return np.roll(x, 1, axis=3)


def cropped(x: Pixels) -> Pixels:
    """Without 3 px at each side, and back to the size."""
    images = [Image.fromarray(one.transpose(1, 2, 0)) for one in x[:, :, 3:-3, 3:-3]]
    size = (x.shape[3], x.shape[2])
    return np.stack([np.asarray(i.resize(size, 2)).transpose(2, 0, 1) for i in images])


def compressed(x: Pixels) -> Pixels:
    found = []
    for one in x:
        file = io.BytesIO()
        Image.fromarray(one.transpose(1, 2, 0)).save(file, "JPEG", quality=75)
        found.append(np.asarray(Image.open(file)).transpose(2, 0, 1))
    return np.stack(found)


def brighter(x: Pixels) -> Pixels:
    return (x.astype(int) + 8).clip(0, 255).astype(np.uint8)


def searched(generated: Pixels, data: Pixels) -> Memorisation:
    rows = left_out(len(data))
    return memorisation(
        thumbnails(generated),
        thumbnails(data),
        variants=variants_of(generated),
        fresh_variants=variants_of(data[rows]),
    )


CHANGES = (np.copy, shifted, cropped, compressed, brighter, mirrored)


@pytest.mark.parametrize(
    ("duplicates", "change"),
    [(0, change) for change in CHANGES]
    + [pytest.param(30, c, marks=[] if c is shifted else [pytest.mark.long]) for c in CHANGES],
)
def test_a_fifth_of_near_copies_is_found(
    faces: tuple[Pixels, Pixels], change: Callable[[Pixels], Pixels], duplicates: int
) -> None:
    """Also in data of which 6 in 100 images occur twice."""
    data, fresh = faces
    data = np.concatenate([data, data[HALF // 2 : HALF // 2 + duplicates]])
    generated = np.concatenate([change(data[:40]), fresh[:160]])
    found = searched(generated, data)
    assert found.warning
    assert 0.15 <= found.copies <= 0.24
    assert [j for _, j, _ in found.pairs[:10]] == [i for i, _, _ in found.pairs[:10]]


def test_fresh_images_are_not_taken_for_copies(faces: tuple[Pixels, Pixels]) -> None:
    data, fresh = faces
    found = searched(fresh, data)
    assert not found.warning
    assert found.copies <= 0.02
    assert found.ratio == pytest.approx(1, abs=0.1)


def test_exact_copies_in_data_that_are_all_twice_there(faces: tuple[Pixels, Pixels]) -> None:
    """The nearest neighbour of each image is at no distance: a cut of 0 found nothing."""
    data = faces[0][:300].repeat(2, 0)
    found = searched(data[:100], data)
    assert found.copies == 1 and found.warning
    assert not searched(faces[1][:200], data).warning


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
