"""Layouts of public data sets and of programs that label images: each is read, or refused with a
line that helps."""

import json
import pickle
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from corpus import write
from PIL import Image

import ganzfeld
from ganzfeld.core.language import tr
from ganzfeld.data.caption_draws import drawn
from ganzfeld.data.captions import several_of
from ganzfeld.data.check import check_data, describe
from ganzfeld.data.conditions import conditioned
from ganzfeld.data.discover import find_source
from ganzfeld.data.named import classes_of
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.data.source import Reading
from ganzfeld.data.summary import rows_of
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.image import codec
from ganzfeld.training.resume import left_aside

COUNT = 12
SAID = [f"a {('red', 'blue')[k % 2]} cat, {k}" for k in range(COUNT)]


@pytest.fixture
def pack(tmp_path):
    return lambda source, **options: open_pack(
        source, PackOptions(**options), cache=tmp_path / "cache", workers=0
    )


# Captions


def beside(end, text):
    return lambda root: [(root / f"{k}.{end}").write_text(text(SAID[k], k)) for k in range(COUNT)]


def one_file(name, text):
    return lambda root: (root / name).write_text(text)


PAIRS = [(k, f"{SAID[k]} {n}") for k in range(COUNT) for n in range(5)]
COCO = {
    "images": [{"id": k, "file_name": f"{k}.png"} for k in range(COUNT)],
    "annotations": [{"image_id": k, "caption": text} for k, text in PAIRS],
}
CAPTIONED = {
    "txt": (beside("txt", lambda text, k: text), 1),
    "caption": (beside("caption", lambda text, k: text), 1),
    "lines": (beside("txt", lambda text, k: f"{text}\n{text} again\n"), 2),
    "json": (beside("json", lambda text, k: json.dumps({"caption": text, "n": k})), 1),
    "map": (one_file("captions.json", json.dumps({f"{k}.png": SAID[k] for k in range(COUNT)})), 1),
    "lists": (
        one_file("captions.json", json.dumps({f"{k}.png": SAID[k : k + 2] for k in range(COUNT)})),
        2,
    ),
    "flickr8k": (
        one_file(
            "Flickr8k.token.txt", "".join(f"{k}.png#{n}\t{t}\n" for n, (k, t) in enumerate(PAIRS))
        ),
        5,
    ),
    "flickr30k": (
        one_file("captions.txt", "image,caption\n" + "".join(f'{k}.png,"{t}"\n' for k, t in PAIRS)),
        5,
    ),
    "coco": (one_file("captions_train.json", json.dumps(COCO)), 5),
}


@pytest.mark.parametrize("kind", CAPTIONED)
def test_all_captions_of_an_image_are_kept(kind, tmp_path, pack):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(COUNT)])
    make, each = CAPTIONED[kind]
    make(root)
    found = pack(root)
    name = "text" if kind == "flickr8k" else "caption"
    several = several_of(found.columns[name])
    least = 1 if kind == "lists" else each  # the last image has one there
    assert {len(some) for some in several} <= {least, each} and len(several[0]) == each
    assert several[3][0].startswith(SAID[3])
    rows = dict(rows_of(found.report))
    assert f"{name} (text" in rows["conditions"]
    assert (f"up to {each} of each" in rows["conditions"]) == (each > 1)
    if kind in ("txt", "caption", "lines", "json"):
        assert (
            rows["captions"]
            == f"from the .{'txt' if kind == 'lines' else kind} files beside the images"
        )
    batch = conditioned(found, [name], 0).rows(np.arange(4))
    assert ("caption_several" in batch) == (each > 1)


def test_a_step_draws_one_of_the_captions_and_the_same_again():
    several = torch.tensor([[[4, 5, 0], [6, 0, 0], [7, 8, 9]], [[1, 2, 3], [0, 0, 0], [0, 0, 0]]])
    batch = {"caption": several[:, 0], "caption_several": several}
    vary = drawn(None)
    found = [vary(batch, seed) for seed in range(60)]
    assert {tuple(one["caption"][0].tolist()) for one in found} == {(4, 5, 0), (6, 0, 0), (7, 8, 9)}
    assert all(one["caption"][1].tolist() == [1, 2, 3] for one in found)  # never what is not there
    assert all("caption_several" not in one for one in found)
    assert all(((one["caption"] != 0).sum(1) == one["caption_length"]).all() for one in found)
    assert all(vary(batch, seed)["caption"].equal(found[seed]["caption"]) for seed in range(9))
    assert vary({"x": several}, 3)["x"] is several


def test_tags_between_blanks_are_tags_where_underscores_join_words(tmp_path, pack):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(COUNT)])
    for k in range(COUNT):
        (root / f"{k}.txt").write_text(f"1girl {('red', 'blue')[k % 2]}_hair solo")
    found = pack(root)
    assert found.columns["tags"].spec.extra["names"] == ["1girl", "blue_hair", "red_hair", "solo"]
    assert found.columns["caption"].spec.modality == "text"  # as before
    for k in range(COUNT):
        (root / f"{k}.txt").write_text(f"a girl with {('red', 'blue')[k % 2]} hair by her_{k}")
    for k in range(0, COUNT, 3):  # most are sentences; a name with an underscore makes no tags
        (root / f"{k}.txt").write_text("a girl, with nothing more")
    assert "tags" not in pack(root).columns


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        (True, "--condition tags takes single tags as classes"),
        (False, "with | between the tags of tags they are read as classes"),
    ],
)
def test_who_asks_for_tags_as_captions_is_told_how_they_become_classes(
    beside, said, tmp_path, monkeypatch
):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(COUNT)])
    lines = [f"1girl {('red', 'blue')[k % 2]}_hair solo tag_{k}" for k in range(COUNT)]
    if beside:
        for k, line in enumerate(lines):
            (root / f"{k}.txt").write_text(line)
    else:
        rows = (f"{k}.png,{line}\n" for k, line in enumerate(lines))
        (root / "metadata.csv").write_text("file_name,tags\n" + "".join(rows))
    name = "caption" if beside else "tags"
    with pytest.raises(UsageError, match="takes no captions as conditions") as found:
        ganzfeld.train(root, condition=name, images=16, out=tmp_path / "run", quiet=True)
    plain = "--recipe text-to-image, or leave --condition out"
    assert found.value.fix == f"{plain}   or {said}"
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    assert " tags " in tr(found.value.fix) and "classes" not in tr(found.value.fix)
    for k in range(COUNT):  # sentences get no such word
        (root / f"{k}.txt").write_text(f"a girl with hair of colour {k}")
    if beside:
        with pytest.raises(UsageError, match="takes no captions") as found:
            ganzfeld.train(root, condition=name, images=16, out=tmp_path / "run", quiet=True)
        assert found.value.fix == plain


def test_tags_become_classes_that_apply_together(tmp_path, pack):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(COUNT)])
    for k in range(COUNT):
        (root / f"{k}.txt").write_text(f"1girl, {('red', 'blue')[k % 2]} hair, only {k}")
    found = pack(root)
    assert found.columns["tags"].spec.extra["names"] == ["1girl", "blue hair", "red hair"]
    assert any("3 most frequent" in note and "12 others" in note for note in found.report["notes"])


@pytest.mark.parametrize(
    ("end", "text", "said"),
    [
        ("txt", "0 0.5 0.5 0.2 0.2\n", "boxes of YOLO"),
        ("json", json.dumps({"shapes": [{"label": "cat"}]}), "shapes in the images"),
        ("json", "[1, 2]", "not objects"),
    ],
)
def test_what_is_no_caption_is_said(end, text, said, tmp_path):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(4)])
    for k in range(4):
        (root / f"{k}.{end}").write_text(text)
    found = find_source(root)
    assert not found.beside and any(said in sentence for sentence in found.aside)


def test_captions_of_shards_and_of_runs_of_before(tmp_path):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(4)])
    for k in range(4):
        (root / f"{k}.txt").write_text(SAID[k])
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(root, "")
    assert len(find_source(tmp_path / "a.tar").beside) == 4
    assert not find_source(root, Reading(rules=3)).beside


# Classes in names


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        ([f"{c}.{k}.jpg" for c in ("cat", "dog") for k in range(6)], {"cat", "dog"}),
        ([f"{k % 3}_{k:06d}.png" for k in range(12)], {"0", "1", "2"}),
        ([f"{c}_{k}.jpg" for c in ("Abyssinian", "american_bulldog") for k in range(6)],
         {"Abyssinian", "american_bulldog"}),
        ([f"{c} ({k}).jpg" for c in ("daisy", "rose") for k in range(6)], {"daisy", "rose"}),
        ([f"IMG_{k:04d}.jpg" for k in range(12)], None),
        ([f"{c}_{k:04d}.jpg" for c in ("IMG", "DSC") for k in range(6)], None),
        ([f"{k:06d}.jpg" for k in range(12)], None),
        ([f"2024-01-{k:02d} 10.{k}.jpg" for k in range(12)], None),
        ([f"face{k}_{k}.jpg" for k in range(12)], None),
    ],
)  # fmt: skip
def test_classes_in_names(names, classes):
    found = classes_of(names)
    assert (None if found is None else {*found}) == classes


def test_classes_in_names_are_said_and_taken_when_asked(tmp_path, pack):
    root = write(tmp_path / "set", [f"{c}.{k}.png" for c in ("cat", "dog") for k in range(6)])
    said = pack(root)
    assert said.labels is None
    assert (
        "begin as 2 classes would (cat, dog); --labels names"
        in dict(rows_of(said.report))["labels"]
    )
    taken = pack(root, labels="names")
    assert taken.classes == ("cat", "dog") and taken.labels.tolist() == [0] * 6 + [1] * 6
    assert dict(rows_of(taken.report))["labels"].startswith("2 classes by the files' names")
    other = write(tmp_path / "other", [f"{k}.png" for k in range(6)])
    with pytest.raises(DataError, match="do not begin as classes"):
        find_source(other, Reading(labels="names"))


# What is no data, and what is refused with a line


def put(path, data=b"x" * 600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


REFUSED = {
    "a run": (("config.json", "metrics.jsonl", "samples/1.png"), "folder of a run", "report"),
    "runs": (("a/config.json", "a/metrics.jsonl"), "holds folders of runs", "give one of them"),
    "a model": (("config.json", "model.safetensors"), "folder of a model", "sample"),
    "raw": (("1.CR2", "2.CR2"), "raw files of cameras", "rawpy"),
    "nef": (("1.nef",), "raw files of cameras", "rawpy"),
    "films": (("1.mp4",), "films", "ffmpeg"),
    "lmdb": (("data.mdb", "lock.mdb"), "no images", "lmdb.open"),
    "svhn": (("train_32x32.mat",), "no images", "transpose(3, 0, 1, 2)"),
    "cifar": (("data_batch_1", "batches.meta"), "no images", "datasets.CIFAR10("),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_says_what_to_do(kind, tmp_path):
    names, what, fix = REFUSED[kind]
    for name in names:
        put(tmp_path / "set" / name, pickle.dumps([1], 2) if kind == "cifar" else b"x" * 600)
    with pytest.raises(DataError) as caught:
        check_data(tmp_path / "set")
    assert what in caught.value.what and fix in caught.value.fix


@pytest.mark.parametrize(
    ("name", "size", "fix"),
    [
        ("data_batch_1.bin", 3073 * 2, "reshape(-1, 3, 32, 32), y=a[:, 0]"),
        ("train.bin", 3074 * 2, "y=a[:, 1]"),
        ("train_X.bin", 27648, "reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)"),
        ("other.bin", 100, "CHANNELS, HEIGHT, WIDTH"),
    ],
)
def test_binary_files_of_public_sets(name, size, fix, tmp_path):
    put(tmp_path / name, bytes(size))
    with pytest.raises(DataError) as caught:
        check_data(tmp_path / name)
    assert fix in caught.value.fix


def test_packs_and_weights_are_no_data(tmp_path, pack):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(4)])
    with pytest.raises(DataError, match="is a pack"):
        check_data(pack(root).path)
    put(tmp_path / "m" / "config.json", b"{}")
    put(tmp_path / "m" / "model.safetensors", bytes(8))
    with pytest.raises(DataError, match="weights of a model"):
        check_data(tmp_path / "m" / "model.safetensors")


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "folder"])
def test_pickled_arrays_have_a_line_that_mends(name, tmp_path, pack):
    odd = np.array([{"a": 1}], dtype=object)
    if name == "folder":
        (tmp_path / name).mkdir()
        for k in range(3):
            np.save(tmp_path / name / f"{k}.npy", odd)
    else:
        (np.save if name == "a.npy" else np.savez)(tmp_path / name, odd)
    with pytest.raises(DataError) as caught:
        pack(tmp_path / name)
    assert "allow_pickle=True" in caught.value.fix and "if you trust" in caught.value.fix


def test_strokes_are_no_lines_of_text(tmp_path):
    row = json.dumps({"word": "cat", "drawing": [[[0, 1], [2, 3]]]})
    (tmp_path / "cat.ndjson").write_text(f"{row}\n" * 30)
    with pytest.raises(DataError, match="strokes"):
        check_data(tmp_path / "cat.ndjson")


def test_no_command_to_train_is_proposed_where_training_would_refuse(tmp_path):
    for k in range(4):
        put(tmp_path / "set" / f"{k}.heic", b"\0\0\0\x18ftypheic" + bytes(200))
    report = check_data(tmp_path / "set")
    assert report["verdict"] and "Try:" not in describe(report)
    with pytest.raises(DataError) as caught:
        open_pack(tmp_path / "set", PackOptions(), cache=tmp_path / "cache")
    assert "magick mogrify" in caught.value.fix


# Folders


def test_films_and_raw_files_beside_images_are_left_aside(tmp_path, pack):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(4)])
    for name in ("0.CR2", "1.dng", "2.mov"):
        put(root / name)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(root, "")
    for source in (root, tmp_path / "a.tar"):
        found = pack(source)
        assert len(found) == 4 and not found.report["skipped"]
        assert found.report["not_pictures_count"] == 3


def test_truths_depths_and_runs_are_no_classes(tmp_path):
    names = [f"{part}/train/aachen/{k}.png" for part in ("leftImg8bit", "gtFine") for k in range(4)]
    found = find_source(write(tmp_path / "city", names))
    assert len(found.titles) == 4 and "masks in gtFine" in found.aside[0]
    names = [f"{part}/{k}.png" for part in ("rgb", "depth") for k in range(4)]
    found = find_source(write(tmp_path / "depth", names))
    assert found.labels is None and "two sides of pairs" in found.taken["labels"]
    assert find_source(tmp_path / "depth", Reading(rules=3)).labels is not None
    root = write(tmp_path / "mixed", [f"{k}.png" for k in range(4)] + ["old/samples/1.png"])
    for name in ("config.json", "metrics.jsonl"):
        put(root / "old" / name)
    assert "folders of runs: old" in find_source(root).aside


def test_a_run_of_before_is_told_what_is_left_aside_now(tmp_path, pack):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(4)] + ["old/1.png", "@eaDir/2.png"])
    for name in ("config.json", "metrics.jsonl"):
        put(root / "old" / name)
    config = SimpleNamespace(data=SimpleNamespace(samples=6))
    told = left_aside(config, 4, pack(root).report)
    assert "folders of runs: old; system files: @eaDir: images that were" in told
    config.data.samples = 4
    assert left_aside(config, 4, pack(root).report) == ""


def test_tables_of_test_folders_are_not_asked(tmp_path):
    root = write(tmp_path / "set", [f"{p}/{k}.png" for p in ("train", "test") for k in range(4)])
    for part in ("train", "test"):
        rows = "".join(f"{k}.png,{'ab'[k % 2]}\n" for k in range(4))
        (root / part / "metadata.csv").write_text(f"file_name,label\n{rows}")
    found = find_source(root)
    assert found.classes == ("a", "b") and not found.warnings
    assert not any("metadata" in sentence for sentence in found.aside)


def test_a_tiff_above_the_limit_of_pillow_is_read_when_allowed(tmp_path, monkeypatch):
    place = tmp_path / "scan.tif"
    Image.new("RGB", (600, 500), (9, 9, 9)).save(place, compression="tiff_lzw")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # an error at twice as many
    target = codec.Target(height=8, width=8, channels=3, alpha="white", max_megapixels=1)
    assert codec.decode(place.read_bytes(), target, "scan.tif").pixels.shape == (3, 8, 8)
    small = codec.Target(height=8, width=8, channels=3, alpha="white", max_megapixels=0.1)
    with pytest.raises(codec.BadPicture, match="--max-megapixels"):
        codec.decode(place.read_bytes(), small, "scan.tif")
