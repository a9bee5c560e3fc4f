"""Data as people have them: labels in tables, test folders, ranges, archives, odd names."""

import csv
import io
import json
import os
import struct
import sys
import tarfile
import time
import zipfile
import zlib

import corpus
import numpy as np
import pytest
from corpus import write
from PIL import Image

from ganzfeld.data import layout
from ganzfeld.data.check import check_data, describe
from ganzfeld.data.discover import find_source
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.data.summary import rows_of
from ganzfeld.data.unzip import encoding_of
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.image import ranges


@pytest.fixture
def pack(tmp_path):
    return lambda source, **options: open_pack(
        source, PackOptions(**options), cache=tmp_path / "cache"
    )


def table(path, rows, delimiter=","):
    with open(path, "w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


NAMES = [f"{k}.png" for k in range(8)]


# Labels


def test_labels_of_stylegans_json(tmp_path, pack):
    names = [f"{k // 4:05d}/img{k:08d}.png" for k in range(8)]
    root = write(tmp_path / "set", names)
    labels = [[name, k % 3] for k, name in enumerate(names)]
    (root / "dataset.json").write_text(json.dumps({"labels": labels}))
    found = pack(root)
    assert found.classes == ("0", "1", "2") and found.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert dict(rows_of(found.report))["labels"].startswith("3 classes by column label of dataset")
    (root / "dataset.json").write_text(json.dumps({"labels": None}))
    assert pack(root).labels is None
    assert pack(root, labels="folders").classes == ("00000", "00001")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("labels.csv", [["file", "label"], *([n, "ab"[k % 2]] for k, n in enumerate(NAMES))]),
        ("train.csv", [["id", "breed"], *([n[:-4], "ab"[k % 2]] for k, n in enumerate(NAMES))]),
        ("labels.tsv", [["image", "class"], *([n, "ab"[k % 2]] for k, n in enumerate(NAMES))]),
        ("labels.csv", [[n, "ab"[k % 2]] for k, n in enumerate(NAMES)]),
        ("hot.csv", [["image", "a", "b"], *([n, 1 - k % 2, k % 2] for k, n in enumerate(NAMES))]),
    ],
)
def test_labels_of_tables(tmp_path, pack, name, rows):
    root = write(tmp_path / "set", [f"images/{n}" for n in NAMES])
    table(root / name, rows, "\t" if name.endswith("tsv") else ",")
    found = pack(root)
    assert found.classes == ("a", "b") and found.labels.tolist() == [0, 1] * 4
    assert pack(root, labels="none").labels is None


def test_metadata_names_its_other_columns_and_its_split(tmp_path, pack):
    root = write(tmp_path / "set", NAMES)
    lines = [
        {"file_name": n, "label": k % 2, "text": "a hat", "split": "test" if k > 5 else "train"}
        for k, n in enumerate(NAMES)
    ]
    (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = pack(root)
    assert len(found) == 6 and found.classes == ("0", "1")
    aside = dict(rows_of(found.report))["left aside"]
    assert "columns text are no labels" in aside and "2 images" in aside


def test_tables_that_cannot_be_labels_are_named_and_asked_ones_refused(tmp_path, pack):
    root = write(tmp_path / "set", NAMES)
    table(root / "labels.csv", [["file", "label"], *([n, k + 0.5] for k, n in enumerate(NAMES))])
    assert "measurements" in " ".join(pack(root).report["warnings"])
    with pytest.raises(DataError, match="measurements"):
        pack(root, labels=str(root / "labels.csv"))
    table(root / "labels.csv", [["file", "label"], *([n, "a"] for n in NAMES[:7])])
    assert pack(root).labels is None
    (root / "labels.csv").write_bytes(b"file,label\n\xff")
    (root / "dataset.json").write_text("[" * 100_000)
    assert pack(root).labels is None
    assert "labels not read" in dict(rows_of(pack(root).report))["left aside"]
    with pytest.raises(DataError, match="no such file"):
        pack(root, labels="nowhere.csv")


def test_a_table_elsewhere_with_its_column(tmp_path, pack):
    root = write(tmp_path / "set", NAMES)
    place = tmp_path / "people.csv"
    table(place, [["path", "hat", "age"], *([n, "yn"[k % 2], k // 4] for k, n in enumerate(NAMES))])
    assert pack(root, labels=f"{place}:age").labels.tolist() == [0] * 4 + [1] * 4
    assert pack(root, labels=f"{place}:hat").classes == ("n", "y")
    with pytest.raises(DataError, match="has no column eye"):
        pack(root, labels=f"{place}:eye")
    before = pack(root, labels=f"{place}:age").fingerprint
    table(place, [["path", "hat", "age"], *([n, "y", k % 2] for k, n in enumerate(NAMES))])
    assert pack(root, labels=f"{place}:age").fingerprint != before


# Folders


@pytest.mark.parametrize(
    ("titles", "aside"),
    [
        (["A/train/0", "A/test/1", "B/train/0", "B/val/1"], {"A/test", "B/val"}),
        (["train2017/0", "val2017/1"], {"val2017"}),
        (
            ["seg_train/seg_train/a/0", "seg_test/seg_test/a/1", "seg_pred/2"],
            {"seg_test", "seg_pred"},
        ),
        (["train/good/0", "test/bad/1", "ground_truth/bad/2"], {"test", "ground_truth"}),
        (["DIV2K_train_HR/0", "DIV2K_valid_HR/1"], {"DIV2K_valid_HR"}),
        (["cat/0", "dog/1", "test/2"], {"test"}),
        (["0", "test/1"], {"test"}),
        (["images/0", "masks/0"], {"masks"}),
        (["训练集/0", "测试集/1"], {"测试集"}),
        (["train/0", "bus/1", "car/2"], set()),  # vehicles
        (["train_station/0", "test_tube/1"], set()),
        (["mask/0", "hat/1"], set()),  # things to wear
        (["trainA/0", "trainB/1"], set()),
        (["test/0", "val/1"], set()),  # nothing else is there
    ],
)
def test_test_folders_and_masks_are_found(titles, aside):
    assert set(layout.set_aside([f"{t}.png" for t in titles])) == aside


def test_test_folders_are_left_out_and_can_be_taken(tmp_path, pack):
    root = write(tmp_path / "set", ["cat/train/0.png", "cat/test/1.png", "dog/train/2.png"])
    found = pack(root)
    assert len(found) == 2 and found.classes == ("cat", "dog")
    assert "cat/test: 1 images" in dict(rows_of(found.report))["left aside"]
    assert len(pack(root, splits="all")) == 3
    assert len(check_data(root)["examples"]["cat"]) == 1


@pytest.mark.parametrize(
    ("titles", "why"),
    [
        (["00000/00001", "00000/00002", "01000/01001"], "number"),
        (["00000/img1", "00000/img2", "00001/img3"], "number"),
        (["0123/456123", "0124/77124"], "number"),
        (["ab/ab12cd", "0f/0f77aa"], "number"),
        (["2019/a", "2020-05/b"], "dates"),
        (["batch_1/a", "batch_2/a"], "numbered parts"),
        (["test/a", "val/b"], "parts of a data set"),
        (["0001/0001_1", "0002/0002_1"], ""),
        (["00000/1", "00000/2", "00001/1"], ""),  # characters, numbered from one in each
        (["7/1", "8/2"], ""),
        (["cat/1", "dog/2"], ""),
    ],
)
def test_folders_that_only_sort_are_no_classes(titles, why):
    found = layout.why_no_classes([t.split("/")[0] for t in titles], [f"{t}.png" for t in titles])
    assert why in found and bool(found) == bool(why)


# Ranges


@pytest.mark.parametrize(
    ("low", "high", "whole", "expected"),
    [
        (0, 1, True, (0, 1)),
        (0, 18, True, (0, 18)),
        (0, 255, True, (0, 255)),
        (0, 4000, True, (0, 4095)),
        (0, 60000, True, (0, 65535)),
        (-1000, 3000, True, None),
        (0, 70000, True, None),
        (0.0, 0.9, False, (0, 1)),
        (-0.1, 1.1, False, (0, 1)),
        (-0.98, 1.0, False, (-1, 1)),
        (-1.1, 1.05, False, (-1, 1)),
        (0.0, 255.0, False, (0, 255)),
        (0.0, 9000.0, False, None),
        (float("nan"), 1.0, False, None),
    ],
)
def test_what_numbers_usually_mean(low, high, whole, expected):
    found = ranges.usual(ranges.Seen(low=low, high=high, whole=whole))
    assert (found and (found.low, found.high)) == expected


def test_masks_and_12_bit_files_come_out_bright(tmp_path, pack):
    for name, top, kind in (
        ("mask", 1, np.uint8),
        ("map", 18, np.uint8),
        ("deep", 4095, np.uint16),
    ):
        (tmp_path / name).mkdir()
        for k in range(4):
            values = (corpus.scene(seed=k)[..., 0] / 255.0 * top).round().astype(kind)
            Image.fromarray(values).save(tmp_path / name / f"{k}.png")
        pixels = pack(tmp_path / name).images
        assert pixels.max() > 230 and "stretched" in str(check_data(tmp_path / name)["converted"])


def test_a_range_that_was_asked_for(tmp_path, pack):
    x = np.linspace(-1000, 3000, 4 * 64 * 64).reshape(4, 64, 64).astype(np.int16)
    np.save(tmp_path / "ct.npy", x)
    with pytest.raises(DataError, match="not clear") as caught:
        pack(tmp_path / "ct.npy", modality="image")
    assert "--range=-1000:400" in str(caught.value)
    kept = pack(tmp_path / "ct.npy")
    assert kept.spec.modality == "field" and np.array_equal(kept.rows(np.arange(4))["x"][:, 0], x)
    pixels = pack(tmp_path / "ct.npy", range="-1000:400").images[:, 0]
    assert pixels.min() == 0 and (pixels[x >= 400] == 255).all()
    (tmp_path / "files").mkdir()
    for k in range(4):
        np.save(tmp_path / "files" / f"{k}.npy", x[k].astype(np.float32))
    assert np.array_equal(pack(tmp_path / "files", range="-1000:400").images[:, 0], pixels)
    spread = pack(tmp_path / "ct.npy", range="p10:p90").images
    assert 0.08 < (spread == 0).mean() < 0.12 and 0.08 < (spread == 255).mean() < 0.12
    files = pack(tmp_path / "files", range="p10:p90").images
    assert np.abs(files.astype(int) - spread).max() <= 2
    for wrong in ("5", "9:1", "p1:p101", "a:b", "nan:1", "0:inf"):
        with pytest.raises(UsageError, match="--range"):
            PackOptions(range=wrong)


def test_nan_is_counted_and_named(tmp_path, pack):
    x = np.random.default_rng(0).random((100, 16, 16)).astype(np.float32)
    x[[3, 50], 0, 0] = np.nan, np.inf
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(DataError, match="2 of 100") as caught:
        pack(tmp_path / "x.npy")
    assert "index 3" in str(caught.value) and "np.isfinite" in str(caught.value)
    assert len(pack(tmp_path / "x.npy", on_bad_image="skip")) == 98


def test_one_image_is_refused_with_the_minimum(tmp_path, pack):
    np.save(tmp_path / "one.npy", corpus.scene())
    with pytest.raises(DataError, match="two images are needed"):
        pack(tmp_path / "one.npy")
    write(tmp_path / "set", ["a.png"])
    with pytest.raises(DataError, match="2 are needed"):
        pack(tmp_path / "set")
    assert "2 are needed" in check_data(tmp_path / "set")["verdict"]


@pytest.mark.parametrize("train", ["x_train", "train_images", "X_train"])
def test_npz_with_test_parts_and_one_hot_labels(tmp_path, pack, train):
    x = np.stack([corpus.scene(28, 28, k)[..., 0] for k in range(6)])
    y = np.arange(6) % 2
    label = {"x_train": "y_train", "train_images": "train_labels", "X_train": "y_train"}[train]
    test = train.replace("train", "test")
    held = {test: x[:2], label.replace("train", "test"): y[:2]}
    np.savez(tmp_path / "a.npz", **{train: x, label: np.eye(2)[y]}, **held)
    found = pack(tmp_path / "a.npz")
    assert len(found) == 6 and found.labels.tolist() == y.tolist()
    assert test in dict(rows_of(found.report))["left aside"]
    np.savez(tmp_path / "b.npz", **{train: x, label: y[:, None]}, **held)
    assert len(pack(tmp_path / "b.npz", splits="all")) == 8
    np.savez(tmp_path / "c.npz", x=x, y=np.ones((6, 3)))
    assert pack(tmp_path / "c.npz").labels is None


# Files


@pytest.mark.parametrize(
    "end", ["pgm", "ppm", "tga", "avif", "jp2", "pcx", "ico", "sgi", "dds", "qoi"]
)
def test_every_still_format(tmp_path, pack, end):
    image = Image.fromarray(corpus.scene(32, 32)[..., 0] if end == "pgm" else corpus.scene(32, 32))
    try:
        for name in "ab":
            image.save(tmp_path / f"{name}.{end}")
    except (KeyError, OSError, ValueError):
        pytest.skip(f"this Pillow does not write {end}")
    found = pack(tmp_path)
    assert len(found) == 2 and np.ptp(found.images) > 100


def test_a_tar_is_read_in_place_with_its_classes(tmp_path, pack):
    root = write(tmp_path / "set", ["cat/0.png", "cat/1.png", "dog/2.png"])
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(root, ".")
        link = tarfile.TarInfo("dog/evil.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    found = pack(tmp_path / "a.tar")
    assert found.fingerprint == pack(root).fingerprint
    assert "links and devices" in dict(rows_of(found.report))["left aside"]
    data = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="damaged tar file"):
        pack(tmp_path / "cut.tar")
    with tarfile.open(tmp_path / "up.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../up.png"), io.BytesIO())
    with pytest.raises(DataError, match="leads out"):
        pack(tmp_path / "up.tar")


def test_shards_of_a_webdataset(tmp_path, pack):
    for shard in range(2):
        with tarfile.open(tmp_path / f"{shard}.tar", "w") as archive:
            for k in range(3):
                for end, data in (
                    ("png", corpus.png(seed=3 * shard + k)),
                    ("cls", b"%d" % (k % 2)),
                ):
                    info = tarfile.TarInfo(f"{k}.{end}")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    found = pack(tmp_path)
    assert len(found) == 6 and found.labels.tolist() == [0, 1, 0] * 2


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["猫/1.png", "狗/2.png"], "gbk"),
        (["ねこ/1.png", "いぬ/2.png"], "cp932"),
        (["画像/猫.png", "画像/犬.png"], "cp932"),
        (["训练数据/照片.jpg"], "gbk"),
        (["café/1.png", "résumé/2.png"], "cp437"),
    ],
)
def test_encodings_of_names_in_a_zip(names, encoding):
    found = encoding_of([name.encode(encoding) for name in names])
    expected = [n.encode(encoding).decode(found or "cp437") for n in names]
    assert expected == names


def bomb(path, method):
    """A ZIP with a member that says 1 MB and holds 80 MB."""
    with zipfile.ZipFile(path, "w", compression=method) as archive:
        for k in range(3):
            archive.writestr(f"{k}.png", corpus.png(seed=k))
        with archive.open("lie.png", "w") as file:
            for _ in range(80):
                file.write(bytes(1 << 20))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rfind(b"PK\1\2") + 24, 1 << 20)
    path.write_bytes(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_is_never_unpacked_beyond_its_promise(tmp_path, monkeypatch, method):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr("ganzfeld.data.readers.ZIP_RATIO", 1e9)
    bomb(tmp_path / "b.zip", method)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = check_data(tmp_path / "b.zip", workers=0)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert dict(report["skipped"])["lie.png"].startswith("damaged in the archive")
    assert grown < 40  # MB


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_every_compression_of_a_zip_is_read(tmp_path, pack, method):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", compression=method) as archive:
        for k in range(3):
            archive.writestr(f"{k}.png", corpus.png(seed=k))
    assert len(pack(tmp_path / "a.zip")) == 3


def test_a_jpeg_of_thousands_of_scans_is_refused_at_once(tmp_path):
    data = corpus.jpeg(progressive=True)
    last = data.rfind(b"\xff\xda")
    (tmp_path / "scans.jpg").write_bytes(data[:-2] + data[last:-2] * 6000 + b"\xff\xd9")
    write(tmp_path, NAMES)
    start = time.process_time()  # a busy machine is no slow reader
    report = check_data(tmp_path)
    assert time.process_time() - start < 10
    assert "scans" in dict(report["skipped"])["scans.jpg"]


def test_heavy_images_go_to_a_child_though_there_are_few(tmp_path, monkeypatch):
    from ganzfeld.data import workers
    from ganzfeld.modalities.image import formats

    write(tmp_path, NAMES)
    Image.fromarray(corpus.scene(300, 300)).save(tmp_path / "large.png")
    monkeypatch.setattr(formats, "TAME_PIXELS", 10_000)
    real, seen = workers.decode, []
    monkeypatch.setattr(workers, "decode", lambda *a, **k: seen.append(a[2]) or real(*a, **k))
    report = check_data(tmp_path)
    assert report["count"] == 9 and "large.png" not in seen and len(seen) == 8


def test_a_scan_that_is_too_large_is_named_with_its_flag(tmp_path, pack):
    write(tmp_path, [f"{k}.png" for k in range(120)])
    Image.new("L", (2000, 2000)).save(tmp_path / "scan.png")
    found = pack(tmp_path, max_megapixels=3)
    assert "4 megapixels" in str(found.report["skipped"])
    with pytest.raises(DataError) as caught:
        pack(tmp_path, max_megapixels=3, on_bad_image="fail")
    assert "--max-megapixels 5" in str(caught.value)
    assert len(pack(tmp_path, max_megapixels=5)) == 121


def test_all_frames_of_animations_and_pages(tmp_path, pack):
    frames = [Image.fromarray(corpus.scene(32, 32, k)) for k in range(5)]
    for end in ("gif", "tif", "webp", "png"):
        (tmp_path / end).mkdir()
        options = {"lossless": True} if end == "webp" else {}
        frames[0].save(
            tmp_path / end / f"a.{end}", save_all=True, append_images=frames[1:], **options
        )
        found = pack(tmp_path / end, frames="all")
        assert len(found) == 5, end
        for k, frame in enumerate(frames):
            difference = found.images[k].astype(int) - np.asarray(frame).transpose(2, 0, 1)
            assert np.abs(difference).mean() < 14, (end, k)
    write(tmp_path / "gif", ["b.png", "c.png"])
    assert len(pack(tmp_path / "gif")) == 3


def test_what_is_cut_off_is_said(tmp_path, pack):
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(corpus.encoded(corpus.rgb(16, 128, seed=k), "PNG"))
    report = pack(tmp_path, size=(16, 16)).report
    text = dict(rows_of(report))["cut off"]
    assert text.startswith("88 %") and "--size" in text
    assert "Cut off: 88 %" in describe({**report, "verdict": ""})
    assert "cut off" not in dict(rows_of(pack(tmp_path).report))


def test_half_downloads_and_system_files_are_no_bad_images(tmp_path, pack):
    write(tmp_path, NAMES)
    (tmp_path / "Icon\r").touch()
    (tmp_path / "a.jpg.crdownload").write_bytes(b"\xff\xd8half")
    assert pack(tmp_path).report["skipped"] == []


@pytest.mark.parametrize("end", ["mp4", "mkv"])
def test_other_kinds_of_data_are_said_to_be_not_supported(tmp_path, end):
    for k in range(3):
        (tmp_path / f"{k}.{end}").write_text("words,words\n")
    with pytest.raises(DataError, match="not supported yet"):
        find_source(tmp_path)
    with pytest.raises(DataError, match="not supported yet"):
        find_source(tmp_path / f"0.{end}")


@pytest.mark.parametrize(
    ("name", "data", "step"),
    [
        ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), "h5py"),
        ("a.tar.xz", b"\xfd7zXZ\0" + bytes(64), "tar -xf"),
        ("a.pkl", b"\x80\x04\x95" + bytes(64), "never opened"),
        ("a.tfrecord", struct.pack("<QI", 40, 7) + b"\x0a\x26" + bytes(64), "TFRecord"),
    ],
)
def test_the_next_step_of_what_is_not_read(tmp_path, name, data, step):
    (tmp_path / name).write_bytes(data)
    for place in (tmp_path / name, tmp_path):
        with pytest.raises(DataError) as caught:
            find_source(place)
        assert step in caught.value.fix


def test_rules_of_before_read_data_as_before(tmp_path, pack):
    root = write(tmp_path / "set", ["00000/0.png", "00000/1.png", "01000/1001.png"])
    assert pack(root).labels is None
    assert pack(root, rules=1).classes == ("00000", "01000")
    np.save(tmp_path / "x.npy", (np.arange(8 * 64) % 4096).astype(np.uint16).reshape(8, 8, 8))
    assert pack(tmp_path / "x.npy", rules=1).images.max() < 16


def test_dicom_by_pydicom(tmp_path, pack):
    pydicom = pytest.importorskip("pydicom")
    values = np.linspace(0, 2000, 64 * 64).reshape(64, 64).astype(np.uint16)
    for k in range(3):
        found = pydicom.Dataset()
        found.file_meta = pydicom.dataset.FileMetaDataset()
        found.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        found.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        found.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        found.Rows, found.Columns, found.SamplesPerPixel = 64, 64, 1
        found.PhotometricInterpretation = "MONOCHROME1" if k == 2 else "MONOCHROME2"
        found.BitsAllocated, found.BitsStored, found.HighBit = 16, 12, 11
        found.PixelRepresentation, found.RescaleSlope, found.RescaleIntercept = 0, 1, -1000
        found.WindowCenter, found.WindowWidth = 0, 1000
        found.PixelData = values.tobytes()
        found.save_as(tmp_path / f"{k}.dcm", enforce_file_format=True)
    pixels = pack(tmp_path).images[:, 0]
    assert (pixels[0][values < 490] == 0).all() and (pixels[0][values > 1510] == 255).all()
    assert np.abs(pixels[2].astype(int) - (255 - pixels[0])).max() <= 1
    asked = pack(tmp_path, range="-1000:1000").images[0, 0]
    assert np.abs(asked.astype(int) - values * 255 / 2000).max() <= 1


def test_dicom_without_pydicom_says_what_to_install(tmp_path, pack, monkeypatch):
    for k in range(2):
        (tmp_path / f"{k}.dcm").write_bytes(bytes(128) + b"DICM" + bytes(64))
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(UsageError, match="pydicom") as caught:
        pack(tmp_path)
    assert "ganzfeld[dicom]" in caught.value.fix


def test_checksum_of_a_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", corpus.png())
    data = (tmp_path / "a.zip").read_bytes()
    wrong = struct.pack("<I", zlib.crc32(corpus.png()) ^ 1)
    at = data.rfind(b"PK\1\2") + 16
    (tmp_path / "a.zip").write_bytes(data[:at] + wrong + data[at + 4 :])
    assert "checksum" in str(check_data(tmp_path / "a.zip")["skipped"])
    assert os.path.getsize(tmp_path / "a.zip") == len(data)
