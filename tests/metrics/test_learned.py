"""Extractors that learn from the data: from which images, always alike, and what they see."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d

from ganzfeld import metrics
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import DataError
from ganzfeld.metrics import default, evaluate, learned
from ganzfeld.metrics.features import Extractor, Features, extract, make_extractor
from ganzfeld.metrics.learning import MOST, learning_rows, shifted

Pixels = NDArray[np.uint8]


def silent(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def pack() -> Pack:
    return open_pack("avatars", PackOptions(size=(32, 32), count=600), workers=0)


@pytest.fixture(scope="module")
def net(pack: Pack) -> Extractor:
    return make_extractor("learned", pack, progress=silent)


@pytest.fixture(scope="module")
def sides(pack: Pack) -> tuple[Pixels, Pixels]:
    """Reference and fresh images, which nothing has learned from."""
    rest = np.setdiff1d(np.arange(len(pack)), learning_rows(pack))
    images = np.array(pack.images[rest])
    return images[::2], images[1::2]


def features(net: Extractor, pixels: Pixels) -> Features:
    return extract(net, [pixels], len(pixels))


# Which images are learned from


def test_half_is_learned_from_and_never_more_than_25_000(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = learning_rows(pack)
    assert len(rows) == len(set(rows)) == 300
    assert np.array_equal(rows, learning_rows(pack))
    monkeypatch.setattr(Pack, "__len__", lambda self: 70_000)
    assert len(learning_rows(pack)) == MOST


@pytest.mark.long
def test_what_was_learned_from_is_never_reference(net: Extractor, pack: Pack) -> None:
    assert net.learned_from is not None
    rows = evaluate.reference_rows(pack, 600, net)
    assert len(rows) == 300 and not np.isin(rows, net.learned_from).any()
    whole = evaluate.reference_rows(pack, 600)
    assert len(whole) == 600, "an extractor that learned nothing has all"
    assert make_extractor("random", pack, progress=silent).learned_from is None
    assert np.array_equal(rows, whole[~np.isin(whole, net.learned_from)]), "in the same order"


@pytest.mark.long
def test_an_evaluation_leaves_them_out(pack: Pack, net: Extractor) -> None:
    found = evaluate.evaluate(
        pack, pack, extractor="learned", metrics=["frechet"], count=50, reference=600
    )
    assert found["protocol"]["reference"] == 300


def test_images_are_moved_and_mirrored_by_copying_pixels() -> None:
    draw = np.random.default_rng(0)
    x = torch.arange(40 * 8 * 8).reshape(40, 1, 8, 8).float()
    moved = shifted(x, 1 / 8, draw, mirror=False)
    same = (moved == x).flatten(1).all(1)
    assert 0.3 < same.float().mean() < 0.8, "about half stay as they are"
    for before, after in zip(x[~same], moved[~same], strict=True):
        inner = after[0, 2:6, 2:6]
        offsets = [(a, b) for a in (1, 2, 3) for b in (1, 2, 3)]
        assert any(torch.equal(inner, before[0, a : a + 4, b : b + 4]) for a, b in offsets)
    mirrored = shifted(x, 1 / 8, draw, mirror=True)
    falls = (mirrored[:, 0, 4, 4] > mirrored[:, 0, 4, 5]).float().mean()
    assert 0.3 < falls < 0.7, "half of the rows run the other way"


# The features


@pytest.mark.long
def test_learned_is_always_the_same_and_found_again(
    pack: Pack, net: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    torch.set_num_threads(2)
    try:
        again = make_extractor("learned", pack, progress=silent)
    finally:
        torch.set_num_threads(threads)
    assert again.weights == net.weights
    monkeypatch.setattr(learned, "learn", lambda *_: pytest.fail("learned again"))
    assert make_extractor("learned", pack, progress=silent).weights == net.weights


@pytest.mark.parametrize("size", [(4, 4), (5, 40), (28, 28), (96, 64)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_size_and_number_of_channels(
    size: tuple[int, int], channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned, "PATCHES", 400)
    draw = np.random.default_rng(1)
    x = torch.from_numpy(draw.uniform(-1, 1, (5, channels, *size)).astype(np.float32))
    wide = learned.large_enough(x)
    number = learned.scales_of(*wide.shape[2:])
    tensors = {
        f"shapes.{i}": learned.shapes_of(learned.coarse(wide, i).numpy(), draw)
        for i in range(number)
    }
    found = learned.Learned(tensors)(x)
    assert found.shape == (5, learned.SHAPES * number) and found.isfinite().all()
    assert not torch.allclose(found[0], found[1])


@pytest.mark.parametrize(("side", "seen"), [(16, 32), (47, 94), (48, 48), (64, 64)])
def test_small_images_are_looked_at_twice_as_large(side: int, seen: int) -> None:
    """Of 32 pixels it hardly saw noise and JPEG; of 64 pixels it did."""
    assert learned.large_enough(torch.zeros(1, 3, side, side)).shape[2:] == (seen, seen)


def test_even_images_are_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "PATCHES", 400)
    flat = np.zeros((4, 3, 16, 16), np.float32)
    filters = learned.shapes_of(flat, np.random.default_rng(0))
    assert np.isfinite(filters).all()
    assert learned.Learned({"shapes.0": filters})(torch.zeros(2, 3, 16, 16)).isfinite().all()


def test_brightness_is_nearly_unseen_and_structure_is_seen(
    net: Extractor, sides: tuple[Pixels, Pixels]
) -> None:
    """The orders that the random features have wrong."""
    reference, fresh = sides
    data = features(net, reference)

    def distance(pixels: Pixels) -> float:
        return metrics.frechet_distance(features(net, pixels), data)

    same = distance(fresh)
    brighter = distance((fresh.astype(np.int64) + 10).clip(0, 255).astype(np.uint8))
    tiles = distance(np.roll(fresh, (16, 16), (2, 3)))
    x = torch.from_numpy(fresh).float()
    blurred = distance(avg_pool2d(x, 5, 1, 2, count_include_pad=False).byte().numpy())
    collapsed = distance(fresh[np.arange(len(fresh)) % 5])
    assert brighter < 1.3 * same
    assert min(tiles, blurred, collapsed) > 2 * same


def test_directions_are_less_unequal() -> None:
    """Each is divided by the eighth root of its variance, and none turned."""
    draw = np.random.default_rng(0)
    wide = draw.standard_normal((5_000, 3)) * (8.0, 1.0, 0.1)
    turned = np.linalg.qr(draw.standard_normal((3, 3)))[0]
    matrix = learned.evened(wide @ turned)
    assert np.allclose(matrix, matrix.T, atol=1e-5)
    deviations = (wide @ turned @ matrix @ turned.T).std(0)
    mean = (64 + 1 + 0.01) / 3
    expected = [v**0.5 / (v + 0.01 * mean) ** 0.125 for v in (64, 1, 0.01)]
    assert deviations == pytest.approx(expected, rel=0.03)
    still = learned.evened(np.zeros((20, 4)))
    assert np.isfinite(still).all()


def test_the_features_of_the_data_are_evened(net: Extractor, pack: Pack) -> None:
    """Their variance along the widest direction was 50 times that of the mean one and more."""
    found = features(net, np.array(pack.images[learning_rows(pack)])).astype(np.float64)
    values = np.linalg.eigvalsh(np.cov(found.T))
    network = net.network
    assert isinstance(network, learned.Learned)
    plain = found @ np.linalg.inv(network.evened.detach().numpy().astype(np.float64))
    before = np.linalg.eigvalsh(np.cov(plain.T))
    assert values[-1] / values.mean() < 0.75 * before[-1] / before.mean()


def test_mush_is_not_precise(net: Extractor, sides: tuple[Pixels, Pixels]) -> None:
    reference, fresh = sides
    data = features(net, reference)
    mean = fresh.mean(0, keepdims=True)
    noise = np.random.default_rng(0).normal(0, 30, (len(fresh), 3, 1, 1))
    mush = np.clip(mean + noise, 0, 255).astype(np.uint8)
    real = metrics.precision_recall(features(net, fresh), data).precision
    assert real > 0.5
    assert metrics.precision_recall(features(net, mush), data).precision < real / 4


def test_too_few_images_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    few = open_pack("avatars", PackOptions(size=(16, 16), count=12), workers=0)
    with pytest.raises(DataError, match="16 images"):
        make_extractor("learned", few, progress=silent)
    assert default.candidates(few) == ["random"]


# Which is taken


def test_the_order_of_extractors(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    small = open_pack("avatars", PackOptions(size=(16, 16), count=600), workers=0)
    grey = open_pack("avatars", PackOptions(size=(32, 32), count=600, channels=1), workers=0)
    monkeypatch.setattr(default, "installed", lambda: True)
    assert default.candidates(pack) == ["inception", "domain", "learned"]
    assert default.candidates(small) == ["domain", "learned"], "too small for Inception"
    assert default.candidates(grey) == ["domain", "learned"], "Inception knows colours"
    monkeypatch.setattr(default, "installed", lambda: False)
    assert default.candidates(pack) == ["domain", "learned"]
    unlabelled = open_pack(
        "avatars", PackOptions(size=(32, 32), count=600, labels="none"), workers=0
    )
    assert default.candidates(unlabelled) == ["learned"]


def test_the_count_fits_the_budget(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default, "installed", lambda: True)
    monkeypatch.setattr(default, "inception_seconds", lambda: 0.1)

    def chosen(budget: float | None, count: int = 2_000) -> tuple[str, int]:
        found = default.default_extractor(pack, count=count, budget_seconds=budget)
        assert budget is None or found.seconds <= budget
        return found.name, found.count

    assert chosen(None) == ("inception", 2_000)
    assert chosen(None, 10_000) == ("inception", 2_000)
    assert chosen(400) == ("inception", 2_000)
    assert chosen(399) == ("inception", 1_000)
    assert chosen(100) == ("inception", 500)
    assert chosen(99) == ("domain", 2_000), "with fewer images it would tell too little"
    assert chosen(10, 40) == ("inception", 40), "a small wish is met as it is"
    cost = default.default_extractor(pack, budget_seconds=400).cost
    assert "2,000 generated images" in cost and "400 s of one CPU thread (100 ms an image" in cost


def test_what_is_no_inception_says_so(pack: Pack, net: Extractor) -> None:
    assert "not recipes" in make_extractor("random", pack, progress=silent).facts["warning"]
    assert "not enough to compare recipes. Confirm a lead" in net.facts["warning"]
