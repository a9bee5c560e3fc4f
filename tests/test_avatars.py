"""The avatars: every image follows from its scene, and every scene from (seed, index)."""

from collections import Counter

import numpy as np
import pytest

from ganzfeld.data.avatars.captions import CHINESE_COLOURS, caption
from ganzfeld.data.avatars.description import CLASSES, Scene
from ganzfeld.data.avatars.scene import ATTRIBUTES, STYLES, avatars, draw, scene
from ganzfeld.errors import UsageError


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene(0, index) for index in range(2000)]


def halved(pictures: np.ndarray) -> np.ndarray:
    """Every 2 x 2 pixels as their mean."""
    n, c, height, width = pictures.shape
    blocks = pictures.reshape(n, c, height // 2, 2, width // 2, 2)
    return blocks.astype(np.float32).mean((3, 5))


def edges(pictures: np.ndarray) -> np.ndarray:
    """How much the colour changes at each pixel: (N, H - 1, W - 1)."""
    values = pictures.astype(np.float32)
    down = np.abs(np.diff(values, axis=2))[:, :, :, :-1]
    across = np.abs(np.diff(values, axis=3))[:, :, :-1]
    return (down + across).sum(1)


def test_a_picture_depends_only_on_seed_and_index():
    whole, labels = avatars(150, 24, 24, seed=3)
    tail, tail_labels = avatars(7, 24, 24, seed=3, start=101)
    alone, _ = avatars(1, 24, 24, seed=3, start=140)
    assert np.array_equal(whole[101:108], tail) and np.array_equal(labels[101:108], tail_labels)
    assert np.array_equal(whole[140:141], alone)
    assert scene(3, 5) == scene(3, 5) != scene(4, 5)
    assert not np.array_equal(whole[0], avatars(1, 24, 24, seed=4)[0][0])


@pytest.mark.parametrize("style", STYLES)
def test_batches_do_not_mix(scenes, style):
    batch = draw(scenes[:40], 40, 40, style)
    for i in (0, 7, 39):
        assert np.array_equal(batch[i], draw([scenes[i]], 40, 40, style)[0])


def test_labels_and_attributes(scenes):
    for one in scenes[:300]:
        assert set(one.attributes) == set(ATTRIBUTES)
        assert all(one.attributes[name] in names for name, names in ATTRIBUTES.items())
        assert CLASSES[one.label] == (one.hat if one.hat != "none" else one.hair)
        assert (one.eyes == "hidden") == (one.glasses == "sun")
    _, labels = avatars(50, 8, 8)
    assert labels.dtype == np.int64 and labels.tolist() == [s.label for s in scenes[:50]]


def test_classes_are_balanced_and_every_name_occurs(scenes):
    counts = Counter(one.label for one in scenes)
    assert len(counts) == len(CLASSES) and max(counts.values()) < 1.5 * min(counts.values())
    for attribute, names in ATTRIBUTES.items():
        assert {one.attributes[attribute] for one in scenes} == set(names)


def test_colours_and_numbers_are_in_range(scenes):
    for one in scenes[:300]:
        for colour in (one.skin, one.hair_colour, one.clothes_colour, one.background_colour):
            assert all(0 <= value <= 1 for value in colour)
        assert all(-1 <= value <= 1 for value in (one.yaw, one.pitch, one.gaze_x, one.gaze_y))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [(28, 28), (48, 64), (128, 192), (65, 31), (1, 1)])
def test_any_size(scenes, style, size):
    pictures = draw(scenes[:12], *size, style)
    assert pictures.shape == (12, 3, *size) and pictures.dtype == np.uint8
    if style == "lines":
        assert np.array_equal(pictures[:, 0], pictures[:, 1])
        assert np.array_equal(pictures[:, 0], pictures[:, 2])


def test_no_scene_and_a_wrong_style():
    assert draw([], 8, 9).shape == (0, 3, 8, 9)
    assert avatars(0, 8, 9)[0].shape == (0, 3, 8, 9)
    with pytest.raises(UsageError, match="colour"):
        draw([], 8, 8, "color")


@pytest.mark.parametrize(("style", "far"), [("colour", 5), ("lines", 9), ("comic", 9)])
def test_edges_are_smooth_and_sizes_agree(scenes, style, far):
    small = draw(scenes[:40], 32, 32, style)
    large = draw(scenes[:40], 64, 64, style)
    assert np.abs(halved(large) - small).mean() < far
    if style == "lines":  # greys between ink and paper
        assert ((small > 60) & (small < 225)).mean() > 0.05


def test_a_wider_picture_holds_the_square_one(scenes):
    square = draw(scenes[:12], 32, 32)
    wide, tall = draw(scenes[:12], 32, 48), draw(scenes[:12], 48, 32)
    assert np.abs(wide[:, :, :, 8:40].astype(int) - square).max() <= 1
    assert np.abs(tall[:, :, 8:40].astype(int) - square).max() <= 1


def test_styles_share_their_geometry(scenes):
    colour, lines, comic = (draw(scenes[:60], 48, 48, style) for style in STYLES)
    ink = lines[:, 0, :-1, :-1] < 128

    def contrast(change: np.ndarray) -> float:
        return float(change[ink].mean() / change[~ink].mean())

    own = contrast(edges(colour))
    other = contrast(np.roll(edges(colour), 1, axis=0))
    assert own > 2 and own > 1.3 * other
    assert 0.05 < ink.mean() < 0.4
    # The comic is the same scene by another hand: alike in the large, far in the small.
    same = np.abs(comic.astype(int) - colour).mean()
    strangers = np.abs(np.roll(comic, 1, axis=0).astype(int) - colour).mean()
    assert 10 < same < 0.7 * strangers


def test_captions_name_what_is_seen(scenes):
    for one in scenes[:300]:
        names = one.attributes
        english, chinese = caption(one), caption(one, "zh")
        assert english[0].isupper() and english.endswith(".") and chinese.endswith("。")
        assert "{" not in english + chinese and "  " not in english
        assert names["background_colour"] in english and names["clothes_colour"] in english
        assert CHINESE_COLOURS[names["background_colour"]] in chinese
        if one.hair != "bald":
            assert names["hair_colour"] in english
        if one.hat != "none":
            assert one.hat in english and "帽" in chinese
        assert ("glasses" in english) == (one.glasses != "none") == ("镜" in chinese)
    with pytest.raises(UsageError):
        caption(scenes[0], "fr")


def test_report_counts_up():
    seen: list[int] = []
    avatars(5, 256, 256, report=seen.append)
    assert seen[-1] == 5 and seen == sorted(seen)


def test_the_mean_picture_is_pleasant():
    pictures, _ = avatars(300, 16, 16)
    assert np.all(np.abs(pictures.mean((0, 2, 3)) - (160, 155, 155)) < 25)
    assert pictures.std() > 40
