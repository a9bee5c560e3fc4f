"""Every kind of source, found by its content; labels from folders; archives that are refused."""

import gzip
import os
import struct
import sys
import unicodedata
import zipfile

import corpus
import numpy as np
import pytest
from PIL import Image

from ganzfeld.core.names import natural, natural_text, shown
from ganzfeld.data.check import check_data, describe
from ganzfeld.data.discover import find_source
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import DataError, UsageError


@pytest.fixture
def pack(tmp_path):
    return lambda source, **options: open_pack(
        source, PackOptions(**options), cache=tmp_path / "cache"
    )


def write_classes(root, classes=("cat", "dog"), each=3):
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for k in range(each):
            (root / name / f"{k}.png").write_bytes(corpus.png(seed=10 * number + k))
    return root


def write_zip(folder, path, top=""):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, top + file.relative_to(folder).as_posix())
    return path


def idx(array):
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + (array.tobytes())
    )


def digits(count=20):
    images = np.stack([corpus.scene(28, 28, k)[:, :, 0] for k in range(count)])
    return images, (np.arange(count) % 10).astype(np.uint8)


# Folders and archives


def test_a_flat_folder_has_no_labels(tmp_path, pack):
    for k in range(4):
        (tmp_path / f"{k}.png").write_bytes(corpus.png(seed=k))
    found = pack(tmp_path)
    assert found.images.shape == (4, 3, 48, 48)
    assert found.labels is None and found.classes == ()
    assert set(found.rows(np.array([1, 1]))) == {"x"}


def test_class_folders_are_labels_in_natural_order(tmp_path, pack):
    found = pack(write_classes(tmp_path / "set", ("10", "2", "1"), each=2))
    assert found.classes == ("1", "2", "10")
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(found.images[4], corpus.scene(seed=0).transpose(2, 0, 1))
    assert found.rows(np.array([5, 0]))["y"].tolist() == [2, 0]
    assert pack(tmp_path / "set", labels="none").labels is None


def test_pictures_may_lie_deeper_in_a_class(tmp_path, pack):
    write_classes(tmp_path / "set" / "a", ("x", "y"))
    write_classes(tmp_path / "set" / "b", ("z",))
    found = pack(tmp_path / "set")
    assert found.classes == ("a", "b") and np.bincount(found.labels).tolist() == [6, 3]


def test_one_class_folder_is_no_label(tmp_path, pack):
    found = pack(write_classes(tmp_path / "set", ("faces",)))
    assert found.labels is None
    assert "all images lie in faces" in found.report["notes"]


def test_single_folders_are_passed_through_and_train_is_chosen(tmp_path, pack):
    write_classes(tmp_path / "set" / "data" / "train")
    write_classes(tmp_path / "set" / "data" / "test")
    found = pack(tmp_path / "set")
    assert found.classes == ("cat", "dog") and len(found) == 6
    assert any("test left out" in note for note in found.report["notes"])


def test_pictures_beside_class_folders_are_warned_about(tmp_path, pack):
    root = write_classes(tmp_path / "set")
    (root / "stray.png").write_bytes(corpus.png(seed=50))
    found = pack(root)
    assert found.labels is None and len(found) == 7
    assert any("lie beside the folders" in warning for warning in found.report["warnings"])


def test_domains_of_a_translation_are_warned_about(tmp_path, pack):
    found = pack(write_classes(tmp_path / "set", ("trainA", "trainB")))
    assert any("--recipe cyclegan" in warning for warning in found.report["warnings"])
    found = pack(write_classes(tmp_path / "parts", ("train", "test_b")), splits="all")
    assert any("look like parts" in warning for warning in found.report["warnings"])


def test_system_files_and_documents_are_passed_over(tmp_path, pack):
    root = write_classes(tmp_path / "set")
    for name in (".ipynb_checkpoints", "__MACOSX", "@eaDir"):
        (root / name).mkdir()
        (root / name / "cat.png").write_bytes(corpus.png())
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "cat/._0.png", "cat/.hidden.png"):
        (root / name).write_bytes(b"junk")
    for name in ("README.md", "labels.csv", "dog/notes.txt", "LICENSE"):
        (root / name).write_bytes(b"words")
    found = pack(root)
    assert found.classes == ("cat", "dog") and len(found) == 6
    assert found.report["skipped"] == []
    assert set(found.report["ignored"]) == {
        ".ipynb_checkpoints", "__MACOSX", "@eaDir", ".DS_Store", "Thumbs.db", "desktop.ini",
        "cat/._0.png", "cat/.hidden.png",
    }  # fmt: skip
    assert set(found.report["not_pictures"]) == {
        "README.md", "labels.csv", "dog/notes.txt", "LICENSE",
    }  # fmt: skip


@pytest.mark.parametrize("first", ["Cat", unicodedata.normalize("NFC", "café")])
def test_twin_classes_are_refused_with_both_names(tmp_path, pack, first):
    other = {"Cat": "cat"}.get(first, unicodedata.normalize("NFD", first))
    with pytest.raises(DataError) as caught:
        pack(write_classes(tmp_path / "set", (first, other, "dog")))
    assert ascii(first) in str(caught.value) and ascii(other) in str(caught.value)


def test_links_are_not_followed_out_or_round(tmp_path, pack):
    root = write_classes(tmp_path / "set", each=60)
    outside = write_classes(tmp_path / "outside", ("fish",))
    (root / "cat" / "round").symlink_to(root)
    (root / "fish").symlink_to(outside / "fish")
    (root / "cat" / "inside.png").symlink_to(root / "dog" / "0.png")
    (root / "cat" / "gone.png").symlink_to(root / "nothing.png")
    found = pack(root)
    assert len(found) == 121 and found.classes == ("cat", "dog")
    assert found.report["skipped"] == [["cat/gone.png", "a link that leads nowhere"]]
    assert any("fish" in w and "--follow-links" in w for w in found.report["warnings"])
    assert any("cat/round" in note for note in found.report["notes"])
    followed = pack(root, follow_links=True)
    assert len(followed) == 124 and followed.classes == ("cat", "dog", "fish")


def test_a_folder_made_of_links_is_read_and_says_so(tmp_path, pack):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "set").mkdir()
    for k in range(3):
        (tmp_path / "blobs" / f"{k}").write_bytes(corpus.png(seed=k))
        (tmp_path / "set" / f"{k}.png").symlink_to(tmp_path / "blobs" / f"{k}")
    found = pack(tmp_path / "set")
    assert len(found) == 3
    assert any("3 links out of the folder are read" in note for note in found.report["notes"])


def test_unreadable_files_and_folders_are_bad(tmp_path, monkeypatch, pack):
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(corpus.png(seed=k))
    from ganzfeld.data import readers

    whole = readers._whole_file

    def refuse(path):
        if path.name == "1.png":
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(readers, "_whole_file", refuse)
    report = check_data(tmp_path)
    assert report["skipped"] == [["1.png", "permission denied"]]
    assert len(pack(tmp_path, on_bad_image="skip")) == 2
    monkeypatch.undo()
    assert len(pack(tmp_path, on_bad_image="skip")) == 3  # not what was packed yesterday


def test_a_flaky_disk_is_tried_again(tmp_path, monkeypatch, pack):
    for k in range(2):
        (tmp_path / f"{k}.png").write_bytes(corpus.png(seed=k))
    from ganzfeld.data import readers

    whole, calls = readers._whole_file, []

    def stall(path):
        calls.append(path)
        if len(calls) == 1:
            raise OSError(5, "Input/output error")
        return whole(path)

    monkeypatch.setattr(readers, "_whole_file", stall)
    assert len(pack(tmp_path)) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8")
def test_names_of_any_bytes_are_read_and_escaped(tmp_path, pack):
    root = os.fsencode(tmp_path)
    for k, name in enumerate((b"\xff\xfe.png", b"line\nbreak.png", "猫.png".encode())):
        with open(root + b"/" + name, "wb") as file:
            file.write(corpus.png(seed=k) if k else b"<html>")
    report = check_data(tmp_path)
    assert report["count"] == 2
    assert report["skipped"][0][0] == "\\udcff\\udcfe.png"
    describe(report).encode("utf-8")
    assert shown("a\x1b[31m") == "a\\x1b[31m"


def test_a_zip_is_the_same_data_as_its_folder(tmp_path, pack):
    root = write_classes(tmp_path / "set")
    (root / "README.md").write_text("words")
    from_folder = pack(root)
    flat = pack(write_zip(root, tmp_path / "flat.zip"))
    nested = pack(write_zip(root, tmp_path / "nested.bin", top="top/"))
    assert from_folder.fingerprint == flat.fingerprint == nested.fingerprint
    assert flat.classes == ("cat", "dog") and nested.report["kind"] == "zip"
    assert np.array_equal(from_folder.images, nested.images)
    assert pack(root, size=(32, 32)).fingerprint != flat.fingerprint


def test_a_folder_that_holds_one_archive_is_that_archive(tmp_path, pack):
    (tmp_path / "box").mkdir()
    write_zip(write_classes(tmp_path / "set"), tmp_path / "box" / "data.zip")
    (tmp_path / "box" / "README.md").write_text("words")
    assert len(pack(tmp_path / "box")) == 6


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.png", "leads out"),
        ("a/../../evil.png", "leads out"),
        ("/etc/evil.png", "absolute"),
        ("C:\\evil.png", "absolute"),
        ("..\\evil.png", "leads out"),
    ],
)
def test_slipping_names_are_refused(tmp_path, pack, name, reason):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("good.png", corpus.png())
        archive.writestr(name, corpus.png())
    with pytest.raises(DataError, match=reason) as caught:
        pack(tmp_path / "bad.zip")
    assert "nothing was unpacked" in str(caught.value)


def test_a_zip_with_backslashes_has_its_classes(tmp_path, pack):
    with zipfile.ZipFile(tmp_path / "windows.zip", "w") as archive:
        for number, name in enumerate(("cat\\0.png", "dog\\0.png", "dog\\Thumbs.db")):
            archive.writestr(name, corpus.png(seed=number))
    found = pack(tmp_path / "windows.zip")
    assert found.classes == ("cat", "dog") and len(found) == 2


def test_links_and_doubles_in_a_zip_are_refused(tmp_path, pack):
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="a link"):
        pack(tmp_path / "link.zip")
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(tmp_path / "double.zip", "w") as archive,
    ):
        archive.writestr("a.png", corpus.png())
        archive.writestr("a.png", corpus.png(seed=1))
    with pytest.raises(DataError, match="comes twice"):
        pack(tmp_path / "double.zip")


def test_damage_in_a_zip_is_named(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(3):
            archive.writestr(f"{k}.png", corpus.png(seed=k))
        archive.writestr("bomb.bmp", bytes(3 << 20), compress_type=zipfile.ZIP_DEFLATED)
        archive.writestr("cut.jpg", corpus.cut(corpus.jpeg()))
    data = path.read_bytes()
    at = data.index(corpus.png(seed=1)) + 200
    path.write_bytes(corpus.flipped(data, at))
    report = check_data(path)
    reasons = dict(report["skipped"])
    assert report["count"] == 2 and set(reasons) == {"1.png", "bomb.bmp", "cut.jpg"}
    assert "damaged in the archive" in reasons["1.png"]
    assert "over 200 times" in reasons["bomb.bmp"]
    path.write_bytes(data[:-40])
    with pytest.raises(DataError, match="damaged ZIP archive"):
        check_data(path)


# Arrays


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("as_folder", [True, False])
def test_idx_files_with_their_labels(tmp_path, pack, zipped, as_folder):
    images, labels = digits()
    end, opener = (".gz", gzip.open) if zipped else ("", open)
    for name, array in (
        ("train-images-idx3-ubyte", images),
        ("train-labels-idx1-ubyte", labels),
        ("t10k-images-idx3-ubyte", images[:5]),
        ("t10k-labels-idx1-ubyte", labels[:5]),
    ):
        with opener(tmp_path / (name + end), "wb") as file:
            file.write(idx(array))
    (tmp_path / "README.md").write_text("words")
    found = pack(tmp_path if as_folder else tmp_path / f"t10k-images-idx3-ubyte{end}")
    count = 20 if as_folder else 5
    assert found.images.shape == (count, 1, 28, 28)
    assert np.array_equal(found.images[:, 0], images[:count])
    assert found.labels.tolist() == labels[:count].tolist()
    assert found.classes == tuple("0123456789")[:count]


def test_idx_of_colour_pictures_without_labels(tmp_path, pack):
    images = np.stack([corpus.scene(20, 30, k) for k in range(4)])
    (tmp_path / "colour").write_bytes(idx(images))
    found = pack(tmp_path / "colour")
    assert found.images.shape == (4, 3, 20, 30) and found.labels is None


@pytest.mark.parametrize("zipped", [True, False])
def test_a_cut_idx_file_is_refused(tmp_path, pack, zipped):
    data = idx(digits()[0])
    data = gzip.compress(data)[:-900] if zipped else data[:-900]
    (tmp_path / "train-images-idx3-ubyte").write_bytes(data)
    with pytest.raises(DataError, match="train-images-idx3-ubyte"):
        pack(tmp_path)


def test_idx_labels_of_another_length_are_refused(tmp_path, pack):
    images, labels = digits()
    (tmp_path / "a-images-idx3-ubyte").write_bytes(idx(images))
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(idx(labels[:-1]))
    with pytest.raises(DataError, match="20 images, but labels"):
        pack(tmp_path)


def test_arrays_of_every_layout_and_type(tmp_path, pack):
    grey, _ = digits()
    colour = np.stack([corpus.scene(24, 24, k) for k in range(6)])
    for name, array, shape in [
        ("nhw", grey, (20, 1, 28, 28)),
        ("nhwc", colour, (6, 3, 24, 24)),
        ("nchw", colour.transpose(0, 3, 1, 2), (6, 3, 24, 24)),
        ("rgba", np.concatenate([colour, colour[..., :1]], axis=3), (6, 4, 24, 24)),
        ("unit", grey / 255.0, (20, 1, 28, 28)),
        ("sign", (grey / 127.5 - 1).astype(np.float32), (20, 1, 28, 28)),
        ("long", grey.astype(np.int64), (20, 1, 28, 28)),
        ("high", grey.astype(np.uint16) << 8, (20, 1, 28, 28)),
    ]:
        np.save(tmp_path / f"{name}.npy", array)
        found = pack(tmp_path / f"{name}.npy")
        assert found.images.shape == shape, name
        if shape[1] == 1:
            assert np.array_equal(found.images[:, 0], grey), name
        elif shape[1] == 3:
            assert np.array_equal(found.images.transpose(0, 2, 3, 1), colour), name
    assert pack(tmp_path / "nhwc.npy", size=(16, 32), channels=1).images.shape == (6, 1, 16, 32)
    assert pack(tmp_path / "rgba.npy", channels=3).images.shape == (6, 3, 24, 24)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 8, 8)) + 255.0,
        np.full((4, 8, 8), np.nan),
        np.array([[[-5.0, 3.0]]]),
        np.full((4, 8, 8), 300),
        np.zeros((4, 8)),
        np.zeros((4, 8, 8, 8, 3)),
        np.zeros((0, 8, 8)),
        np.zeros((4, 8, 8), dtype=complex),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_arrays_of_unclear_meaning_are_refused(tmp_path, pack, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=r"a\.npy"):
        pack(tmp_path / "a.npy")


def test_npz_by_its_keys_and_never_pickle(tmp_path, pack):
    images, labels = digits()
    np.savez_compressed(tmp_path / "a.npz", x=images, y=labels)
    found = pack(tmp_path / "a.npz")
    assert found.classes == tuple("0123456789") and len(found) == 20
    np.savez(tmp_path / "plain.npz", images)
    assert pack(tmp_path / "plain.npz").labels is None
    np.savez(tmp_path / "other.npz", faces=images)
    assert len(pack(tmp_path / "other.npz")) == 20  # the only array that holds images
    np.savez(tmp_path / "two.npz", faces=images, hands=images)
    with pytest.raises(DataError, match="holds faces, hands, and no array named"):
        pack(tmp_path / "two.npz")
    for name, save in (("o.npy", np.save), ("o.npz", np.savez)):
        save(tmp_path / name, np.array([{"a": 1}], dtype=object))
        with pytest.raises(DataError, match=r"pickle"):
            pack(tmp_path / name)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "o.npy").read_bytes()[:20])
    with pytest.raises(DataError, match="cut short or damaged"):
        pack(tmp_path / "cut.npy")


# Parquet


def write_parquet(path, count=12, names=("cat", "dog"), bad=()):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pictures = [
        {"bytes": b"<html>" if k in bad else corpus.png(seed=k), "path": f"{k}.png"}
        for k in range(count)
    ]
    label = pa.array([k % 2 for k in range(count)])
    table = pa.table({"image": pictures, "label": label})
    if names:
        feature = '{"info": {"features": {"label": {"names": ["cat", "dog"]}}}}'
        table = table.replace_schema_metadata({"huggingface": feature})
    pq.write_table(table, path, row_group_size=5)
    return path


def test_parquet_of_hugging_face(tmp_path, pack):
    found = pack(write_parquet(tmp_path / "a.parquet"))
    assert found.classes == ("cat", "dog") and found.labels.tolist() == [0, 1] * 6
    assert np.array_equal(found.images[7], corpus.scene(seed=7).transpose(2, 0, 1))
    assert pack(write_parquet(tmp_path / "b.parquet", names=())).classes == ("0", "1")


def test_names_that_are_no_utf8_are_refused_before_anything_is_done(tmp_path, pack):
    for place in (b"caf\xe9", b"data/caf\xe9"):
        folder = os.path.join(os.fsencode(tmp_path), place)
        os.makedirs(folder)
        for number in (1, 2):
            with open(os.path.join(folder, b"%d.png" % number), "wb") as file:
                file.write(corpus.png(seed=number))
    write_classes(tmp_path / "data", ("other",))
    with pytest.raises(DataError, match="is not UTF-8") as caught:
        pack(tmp_path / "data")
    str(caught.value).encode()
    assert len(pack(tmp_path / os.fsdecode(b"caf\xe9"))) == 2, "the data's own path may be any"


def test_parquet_parts_in_a_folder(tmp_path, pack):
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data" / "train-00000-of-00002.parquet")
    write_parquet(tmp_path / "data" / "train-00001-of-00002.parquet", bad=(3,))
    write_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
    found = pack(tmp_path, on_bad_image="skip")
    assert len(found) == 23
    assert found.report["skipped"] == [["3.png (row 15)", "not an image (an HTML page)"]]


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, pack, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(64) + b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"ganzfeld\[parquet\]|pyarrow") as caught:
        pack(tmp_path / "a.parquet")
    assert "pip install 'ganzfeld[parquet]'" in str(caught.value)


def test_damaged_parquet_is_refused(tmp_path, pack):
    path = write_parquet(tmp_path / "a.parquet")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="damaged or cut short"):
        pack(path)


# Embedded data, and nothing at all


def test_embedded_avatars(pack):
    found = pack("avatars:30")
    assert found.images.shape == (30, 3, 32, 32) and len(found.classes) == 10
    assert np.array_equal(found.images, pack("avatars", count=30).images)
    assert pack("avatars:10", size=(16, 24), channels=1).images.shape == (10, 1, 16, 24)


def test_a_folder_called_avatars_is_that_folder(pack, tmp_path, monkeypatch):
    (tmp_path / "avatars").mkdir()
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "avatars" / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    assert len(pack("avatars")) == 3
    assert len(pack("avatars:30")) == 30


@pytest.mark.parametrize("name", ["avatars:", "avatars:0", "avatars:x", "avatars:-3", "avatars:²"])
def test_embedded_counts_are_checked(pack, name):
    with pytest.raises(DataError, match="a number of samples"):
        pack(name)


def test_a_missing_path_names_its_neighbour(tmp_path, pack):
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=r"Did you mean .*photos"):
        pack(tmp_path / "photo")
    with pytest.raises(DataError, match="Did you mean 'avatars'"):
        pack("avatar")
    with pytest.raises(DataError, match="there is nothing at"):
        pack("nul\0byte")
    with pytest.raises(DataError, match="does not exist either"):
        pack(tmp_path / "no" / "where")


def test_what_is_there_instead_of_pictures_is_said(tmp_path, pack):
    with pytest.raises(DataError, match="holds no images; there is nothing in it"):
        pack(tmp_path)
    for name in ("a.txt", "b.txt", "c.csv"):
        (tmp_path / name).write_text("words")
    with pytest.raises(DataError, match=r"2 \.txt, 1 \.csv"):
        pack(tmp_path)
    with pytest.raises(DataError, match="1 of the 2 lines that are needed"):
        pack(tmp_path / "a.txt")
    (tmp_path / "one.png").write_bytes(corpus.png())
    with pytest.raises(DataError, match="is one image"):
        pack(tmp_path / "one.png")
    (tmp_path / "e.zip").write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        pack(tmp_path / "e.zip")


def test_options_are_checked():
    for wrong in (
        {"size": (0, 8)},
        {"channels": 5},
        {"labels": ""},
        {"frames": "some"},
        {"splits": "test"},
        {"range": "9:1"},
        {"alpha": "whit"},
        {"on_bad_image": "ignore"},
        {"count": 0},
        {"max_megapixels": 0},
        {"max_megapixels": 3000},
    ):
        with pytest.raises(UsageError):
            PackOptions(**wrong)


def test_options_that_contradict_the_data(tmp_path, pack):
    for name in "ab":
        Image.new("RGBA", (32, 32)).save(tmp_path / f"{name}.png")
    with pytest.raises(UsageError, match="embedded"):
        pack(tmp_path, count=3)
    with pytest.raises(UsageError, match="alpha"):
        pack(tmp_path, channels=4)
    with pytest.raises(UsageError, match="alpha"):
        pack(tmp_path, channels=3, alpha="keep")
    assert pack(tmp_path, alpha="keep").channels == 4


def test_channels_are_what_the_pictures_have(tmp_path, pack):
    grey = corpus.rgb().convert("L")
    grey.save(tmp_path / "0.png")
    Image.fromarray(corpus.ramp16()).save(tmp_path / "1.png")
    assert pack(tmp_path).channels == 1
    corpus.with_alpha("LA").save(tmp_path / "2.png")
    assert pack(tmp_path).channels == 1
    assert pack(tmp_path, alpha="keep").channels == 2
    grey.convert("RGB").save(tmp_path / "3.png")
    assert pack(tmp_path).channels == 3
    assert pack(tmp_path, channels=1).channels == 1
    assert pack(tmp_path, alpha="keep").channels == 4


def test_natural_order():
    names = ["10.png", "9.png", "a10b2", "a10b1", "a9", "A", "1" * 5000, "01.png", "1.png"]
    ordered = sorted(names, key=natural)
    assert ordered[:2] == ["01.png", "1.png"] and ordered.index("9.png") < ordered.index("10.png")
    assert ordered.index("a9") < ordered.index("a10b1") < ordered.index("a10b2")


def test_the_quick_key_of_natural_order_sorts_alike():
    draw = np.random.default_rng(0)
    letters = list("ab019 .-/é²٣\u0301\x01\x02\x03\ud800")
    names = ["".join(draw.choice(letters, draw.integers(9))) for _ in range(3000)]
    names += [f"c{i % 3}/{i}.png" for i in range(300)]
    assert sorted(names, key=natural_text) == sorted(names, key=natural)


def test_finding_a_source_decodes_nothing(tmp_path, monkeypatch):
    (tmp_path / "0.png").write_bytes(corpus.png())
    monkeypatch.setattr(Image, "open", None)
    assert find_source(tmp_path).names == ["0.png"]


@pytest.mark.parametrize(
    ("name", "told"),
    [("mnist", "MNIST"), ("Fashion-MNIST", "FashionMNIST"), ("cifar10", "CIFAR10")],
)
def test_the_name_of_a_public_set_leads_to_its_download(name, told, tmp_path, pack, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="downloads no data") as caught:
        pack(name)
    assert f"torchvision.datasets.{told}(" in str(caught.value.fix)
