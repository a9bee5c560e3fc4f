"""Two domains: what is found, what is paired with what, and what is refused."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzfeld.data.avatars.scene import avatars
from ganzfeld.data.discover import find_source
from ganzfeld.data.domains import domains, named, open_domains, parts_of
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pairs import HELD_SCENES, TwoDomains, shuffled
from ganzfeld.errors import DataError

Colour = tuple[int, int, int]
OPTIONS = PackOptions()


@pytest.fixture(autouse=True)
def _as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values here are marks: images of 0 to 31 would be stretched as label maps are."""
    monkeypatch.setattr("ganzfeld.data.decoding.own_range", lambda outcome: None)


def put(path: Path, colour: Colour | int, size: tuple[int, int] = (12, 10)) -> None:
    """An image of one colour, (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(path)


def fill(folder: Path, values: dict[str, int]) -> Path:
    for name, value in values.items():
        put(folder / name, value)
    return folder


def greys(data: TwoDomains, rows: np.ndarray | None = None) -> list[tuple[int, int]]:
    """The grey of both sides of some samples."""
    found = data.rows(np.arange(len(data)) if rows is None else rows)
    return [(int(a[0, 0, 0]), int(b[0, 0, 0])) for a, b in zip(found["a"], found["b"], strict=True)]


# Pairs in two folders


def test_pairs_have_equal_names_whatever_the_extension(tmp_path: Path) -> None:
    a = fill(tmp_path / "a", {"x10.png": 10, "x2.png": 2, "deep/x3.png": 3})
    b = fill(tmp_path / "b", {"x2.bmp": 102, "deep/x3.bmp": 103, "x10.bmp": 110})
    data = open_domains(a, "paired", OPTIONS, other=b)
    assert greys(data) == [(3, 103), (2, 102), (10, 110)] and len(data) == data.count == 3
    assert data.held is None and data.train.paired
    assert (data.height, data.width, data.channels, data.channels_b) == (10, 12, 1, 1)


def test_a_bad_picture_takes_its_partner_along(tmp_path: Path) -> None:
    a = fill(tmp_path / "a", {f"{i}.png": i for i in range(5)})
    b = fill(tmp_path / "b", {f"{i}.png": 100 + i for i in range(5)})
    (a / "2.png").write_bytes(b"\x89PNG not really")
    options = PackOptions(on_bad_image="skip")
    data = open_domains(a, "paired", options, other=b)
    assert greys(data) == [(i, 100 + i) for i in (0, 1, 3, 4)]
    assert any("bad files left out: 1 (" in w for w in data.report["warnings"])
    with pytest.raises(DataError, match=r"2\.png"):
        open_domains(a, "paired", PackOptions(on_bad_image="fail"), other=b)


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        (["1", "2", "3"], ["1", "2"], ["3 images in a and 2 in b", "a has 3, b does not"]),
        (["1", "2"], ["1", "9"], ["a has 2, b does not", "b has 9, a does not"]),
        (["1"], [], ["holds no images"]),
    ],
)
def test_what_does_not_match_is_listed(
    left: list[str], right: list[str], words: list[str], tmp_path: Path
) -> None:
    a = fill(tmp_path / "a", {f"{n}.png": 1 for n in left})
    b = tmp_path / "b"
    b.mkdir()
    fill(b, {f"{n}.png": 1 for n in right})
    with pytest.raises(DataError) as caught:
        open_domains(a, "paired", OPTIONS, other=b)
    assert all(word in str(caught.value) for word in words) and caught.value.fix
    assert len(str(caught.value).splitlines()) < 12


def test_many_unmatched_names_stay_on_one_screen(tmp_path: Path) -> None:
    a = fill(tmp_path / "a", {f"a{n}.png": 1 for n in range(60)})
    b = fill(tmp_path / "b", {f"b{n}.png": 1 for n in range(60)})
    with pytest.raises(DataError, match="0 names match, 120 have no partner") as caught:
        open_domains(a, "paired", OPTIONS, other=b)
    assert len(str(caught.value).splitlines()) < 12


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    a = fill(tmp_path / "a", {"1.png": 1, "1.bmp": 2})
    b = fill(tmp_path / "b", {"1.png": 1, "2.png": 2})
    with pytest.raises(DataError, match="two images are called 1"):
        open_domains(a, "paired", OPTIONS, other=b)


def test_arrays_are_paired_by_place(tmp_path: Path) -> None:
    a, b = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(a, 40 + np.arange(4, dtype=np.uint8).repeat(64).reshape(4, 8, 8))
    np.save(b, 100 + np.arange(4, dtype=np.uint8).repeat(64).reshape(4, 8, 8))
    assert greys(open_domains(a, "paired", OPTIONS, other=b)) == [
        (40 + i, 100 + i) for i in range(4)
    ]
    np.save(b, np.full((3, 8, 8), 99, np.uint8))
    with pytest.raises(DataError, match="4 images in a and 3 in b"):
        open_domains(a, "paired", OPTIONS, other=b)


# Pairs in one image


def halves(path: Path, left: Colour, right: Colour, side: int = 16) -> None:
    picture = Image.new("RGB", (2 * side, side), left)
    picture.paste(right, (side, 0, 2 * side, side))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def test_halves_do_not_bleed_into_each_other(tmp_path: Path) -> None:
    red, blue = (255, 0, 0), (0, 0, 255)
    for split, count in (("train", 3), ("test", 2)):
        for i in range(count):
            halves(tmp_path / split / f"{i}.png", red, blue, side=48)
    data = open_domains(tmp_path, "paired", PackOptions(size=(20, 20)))
    rows = data.rows(np.arange(3))
    assert rows["a"].shape == (3, 3, 20, 20)
    assert (rows["a"] == np.array(red)[None, :, None, None]).all()
    assert (rows["b"] == np.array(blue)[None, :, None, None]).all()
    assert data.held is not None and len(data.held.a) == len(data.held.b) == 2
    assert any("left half a" in w for w in data.report["warnings"])


def test_halves_keep_their_own_size_and_turn_as_exif_says(tmp_path: Path) -> None:
    for i in range(3):
        halves(tmp_path / f"{i}.png", (9, 9, 9), (200, 200, 200), side=24)
    data = open_domains(tmp_path, "paired", OPTIONS)
    assert (data.height, data.width) == (24, 24) and data.held is None
    upright = Image.new("RGB", (24, 48), (9, 9, 9))
    upright.paste((200, 200, 200), (0, 0, 24, 24))  # turned clockwise, the top is on the right
    exif = upright.getexif()
    exif[0x0112] = 6
    turned = tmp_path / "turned"
    turned.mkdir()
    upright.save(turned / "0.png", exif=exif)
    data = open_domains(turned, "paired", OPTIONS)
    assert greys(data) == [(9, 200)] and (data.height, data.width) == (24, 24)


# Two sets


def layout(root: Path, counts: dict[str, int]) -> Path:
    for place, (name, count) in enumerate(counts.items()):
        fill(root / name, {f"{name[0]}{i}.png": 50 * place + i for i in range(count)})
    return root


CYCLE = {"trainA": 7, "trainB": 5, "testA": 2, "testB": 3}


@pytest.mark.parametrize("packed", [False, True])
def test_the_usual_layout(tmp_path: Path, packed: bool) -> None:
    source = layout(tmp_path / "horses", CYCLE)
    if packed:
        archive = tmp_path / "horses.zip"
        with zipfile.ZipFile(archive, "w") as z:
            for path in sorted(source.rglob("*.png")):
                z.write(path, path.relative_to(tmp_path))
        shutil.rmtree(source)
        source = archive
    data = open_domains(source, "unpaired", OPTIONS)
    assert (len(data.train.a), len(data.train.b)) == (7, 5) and not data.train.paired
    assert data.held is not None and not data.held.paired
    assert (len(data.held.a), len(data.held.b)) == (2, 3)
    seen = greys(data)
    assert {a for a, _ in seen} == set(range(7))
    assert {b for _, b in seen} == set(range(50, 55))
    rows, both = data.examples(8)
    assert len(rows["a"]) == len(rows["b"]) == 2 and both is data.held
    assert rows["a"].min() >= 100


def test_other_names_and_deeper_folders(tmp_path: Path) -> None:
    plain = layout(tmp_path / "one", {"summer": 3, "winter": 4})
    data = open_domains(plain, "unpaired", OPTIONS)
    assert (len(data.train.a), len(data.train.b)) == (3, 4)
    deep = layout(tmp_path / "two", {"train/A": 3, "train/B": 4, "test/A": 2, "test/B": 2})
    data = open_domains(deep, "unpaired", OPTIONS)
    assert (len(data.train.a), len(data.train.b)) == (3, 4)
    assert data.held is not None and len(data.held.a) == 2
    two = open_domains(plain / "summer", "unpaired", OPTIONS, other=plain / "winter")
    assert (len(two.train.a), len(two.train.b)) == (3, 4)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"trainA": 3}, "none in trainB"),
        ({"trainB": 3}, "none in trainA"),
        ({"x": 2, "y": 2, "z": 2}, "does not show two domains: there are x, y, z"),
        ({"only": 2}, "does not show two domains"),
    ],
)
@pytest.mark.parametrize("kind", ["unpaired", "paired"])
def test_what_is_no_two_domains(
    counts: dict[str, int], words: str, kind: str, tmp_path: Path
) -> None:
    layout(tmp_path / "data", counts)
    if "trainA" in counts:
        (tmp_path / "data" / "trainB").mkdir()
    if kind == "paired" and "none" not in words:
        data = open_domains(tmp_path / "data", kind, OPTIONS)  # halves of images, and said so
        assert any("left half" in w for w in data.report["warnings"])
        return
    with pytest.raises(DataError, match=words) as caught:
        open_domains(tmp_path / "data", kind, OPTIONS)
    assert caught.value.fix and len(str(caught.value).splitlines()) < 12


def test_without_pairs_each_side_is_drawn_on_its_own() -> None:
    places = shuffled(np.arange(60), 6)
    assert all(sorted(places[i : i + 6]) == list(range(6)) for i in range(0, 60, 6))
    assert len({tuple(places[i : i + 6]) for i in range(0, 60, 6)}) > 5
    assert np.array_equal(shuffled(np.array([17, 3, 59]), 6), places[[17, 3, 59]])
    assert set(shuffled(np.arange(1), 1)) == {0}


def test_an_epoch_mixes_and_is_fair(tmp_path: Path) -> None:
    source = layout(tmp_path, {"trainA": 7, "trainB": 5})
    data = open_domains(source, "unpaired", OPTIONS)
    seen = greys(data)
    assert len(seen) == len(data) == 64 * 7 and data.count == 7
    assert all(sum(a == n for a, _ in seen) == 64 for n in range(7))
    of_b = [sum(b == n for _, b in seen) for n in range(50, 55)]
    assert max(of_b) - min(of_b) <= 1
    assert len(set(seen)) == 35  # every a has met every b
    order = np.array([100, 3, 3, 447])
    assert greys(data, order) == [seen[i] for i in order]


# Embedded


def test_embedded_styles_train_on_disjoint_scenes() -> None:
    data = open_domains("avatars-styles:12", "unpaired", PackOptions(size=(16, 16)))
    colour = avatars(24, 16, 16, style="colour")[0]
    comic = avatars(24, 16, 16, style="comic")[0]
    assert np.array_equal(data.train.a.rows(np.arange(12)), colour[:12])
    assert np.array_equal(data.train.b.rows(np.arange(12)), comic[12:])
    assert data.held is not None and data.held.paired and len(data.held.a) == 64
    for side, style in ((data.held.a, "colour"), (data.held.b, "comic")):
        truth = avatars(3, 16, 16, style=style, start=HELD_SCENES)[0]
        assert np.array_equal(side.rows(np.arange(3)), truth)


def test_embedded_lines_are_pairs_of_one_and_three_channels() -> None:
    data = open_domains("avatars-lines:6", "paired", PackOptions(size=(10, 14)))
    rows = data.rows(np.array([4, 1]))
    assert rows["a"].shape == (2, 1, 10, 14) and rows["b"].shape == (2, 3, 10, 14)
    assert np.array_equal(rows["b"][0], avatars(1, 10, 14, start=4)[0][0])
    assert np.array_equal(rows["a"][0], avatars(1, 10, 14, style="lines", start=4)[0][0, :1])
    again = open_domains("avatars-lines:6", "paired", PackOptions(size=(10, 14)))
    assert again.fingerprint == data.fingerprint
    other = open_domains("avatars-lines:6", "unpaired", PackOptions(size=(10, 14)))
    assert other.fingerprint != data.fingerprint
    assert named("avatars", "paired") == "avatars-lines"
    assert named("avatars:9", "unpaired") == "avatars-styles:9"


# Channels


def test_sides_may_differ_in_channels_and_alpha(tmp_path: Path) -> None:
    for i in range(3):
        put(tmp_path / "a" / f"{i}.png", 10 * i)
        path = tmp_path / "b" / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGBA", (12, 10), (i, 0, 0, 128)).save(path)
    data = open_domains(tmp_path / "a", "paired", OPTIONS, other=tmp_path / "b")
    assert (data.channels, data.channels_b) == (1, 3)
    keep = PackOptions(alpha="keep")
    data = open_domains(tmp_path / "a", "paired", keep, other=tmp_path / "b")
    assert (data.channels, data.channels_b) == (1, 4)
    # as `resume` opens it
    fixed = PackOptions(alpha="keep", channels=1, size=(10, 12))
    again = open_domains(tmp_path / "a", "paired", fixed, other=tmp_path / "b", channels_b=4)
    assert again.fingerprint == data.fingerprint


def test_sizes_are_made_equal(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", 5, (24, 24))
    put(tmp_path / "b" / "1.png", 7, (48, 96))
    data = open_domains(tmp_path / "a", "unpaired", OPTIONS, other=tmp_path / "b")
    assert data.rows(np.array([0]))["b"].shape == (1, 1, 24, 24)


def test_parts_of_a_source(tmp_path: Path) -> None:
    layout(tmp_path, {"train": 2, "test": 3})
    parts = parts_of(find_source(tmp_path))
    assert [len(part.names) for part in parts.values()] == [2]  # test images are set apart
    assert domains(parts, tmp_path) is None
