"""Layouts of known data sets: tables of text and JSON, lists of test images, masks, pairs."""

import gzip
import json

import pytest
from corpus import write

from ganzfeld.data import layout, table_files, tables
from ganzfeld.data.check import check_data
from ganzfeld.data.discover import find_source
from ganzfeld.data.source import Reading

COUNT = 12
NAMES = [f"{k:06d}.png" for k in range(COUNT)]
AB = ["ab"[k % 2] for k in range(COUNT)]


def lines(path, rows, sign=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(sign.join(map(str, row)) + "\n" for row in rows))


def rows_of(**columns):
    return [list(columns), *map(list, zip(*columns.values(), strict=True))]


COCO = {
    "images": [{"id": k, "file_name": name} for k, name in enumerate(NAMES)],
    "annotations": [{"image_id": k, "category_id": 1 + k % 2} for k in range(COUNT)],
    "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", "".join(f"img/{n} {c}\n" for n, c in zip(NAMES, AB, strict=True))),
        ("labels.json", json.dumps(dict(zip(NAMES, AB, strict=True)))),
        ("labels.json", json.dumps({n: {"label": c} for n, c in zip(NAMES, AB, strict=True)})),
        (
            "metadata.json",
            json.dumps([{"image": n, "label": c} for n, c in zip(NAMES, AB, strict=True)]),
        ),
        ("annotations.json", json.dumps(COCO)),
        (
            "labels.csv",
            "sep=;\nfile;label\n" + "".join(f"{n};{c}\n" for n, c in zip(NAMES, AB, strict=True)),
        ),
        (
            "train.csv",
            "id,label\n" + "".join(f"{k},{c}\n" for k, c in enumerate(AB)),
        ),
        (
            "labels.csv",
            "".join(f"{n[:-4]}|{c}\n" for n, c in zip(NAMES, AB, strict=True)),
        ),
    ],
)
def test_labels_of_text_json_and_numbers(tmp_path, name, content):
    root = write(tmp_path / "set", [f"img/{n}" for n in NAMES])
    for packed in (False, True):
        data = gzip.compress(content.encode()) if packed else content.encode()
        place = root / (f"{name}.gz" if packed and name.endswith("csv") else name)
        place.write_bytes(data)
        found = find_source(root)
        assert found.classes == ("a", "b") and found.labels.tolist() == [0, 1] * 6
        place.unlink()
    (root / name).write_text(content)
    assert find_source(root, Reading(rules=2)).titles == find_source(root).titles


def test_celebas_attributes_and_its_partition(tmp_path):
    root = write(tmp_path / "set", [f"img_align_celeba/{n}" for n in NAMES])
    signs = [[n, *(1 if k >> bit & 1 else -1 for bit in range(2))] for k, n in enumerate(NAMES)]
    lines(root / "list_attr_celeba.txt", [[COUNT], ["Male", "Smiling"], *signs], "  ")
    lines(root / "identity_CelebA.txt", [[n, k // 3] for k, n in enumerate(NAMES)], " ")
    parts = [[n, 0 if k < 8 else 1 + k % 2] for k, n in enumerate(NAMES)]
    lines(root / "list_eval_partition.txt", parts, " ")
    found = find_source(root)
    assert len(found.titles) == 8 and len(found.apart) == 4 and found.labels is None
    assert found.columns["Male"].rows.tolist() == [-1, 1] * 4
    assert {"Male", "Smiling", "identity"} <= {*found.columns} and "list" not in found.columns
    assert "rows name no image" not in " ".join(found.aside)
    assert len(find_source(root, Reading(splits="all")).titles) == COUNT
    assert len(find_source(root, Reading(rules=2)).titles) == COUNT  # as a run of before read it


@pytest.mark.parametrize(
    ("held", "train"),
    [
        ({"test.txt": NAMES[8:]}, {}),
        ({"val.csv": ["image", *NAMES[8:]]}, {"train.csv": ["image", *NAMES[:8]]}),
        ({"ImageSets/Main/val.txt": [n[:-4] for n in NAMES[8:]]}, {}),
        ({"testing_list.txt": [f"img/{n}" for n in NAMES[8:]]}, {}),
        ({"test.txt": NAMES[6:]}, {"train.txt": NAMES[:8]}),  # the list of training images rules
    ],
)
def test_lists_of_test_images_hold_them_out(tmp_path, held, train):
    root = write(tmp_path / "set", [f"img/{n}" for n in NAMES])
    for name, rows in {**held, **train}.items():
        lines(root / name, [[row] for row in rows])
    found = find_source(root)
    assert [t[4:] for t in found.titles] == NAMES[:8] and len(found.apart) == 4
    assert "calls test or validation" in " ".join(found.aside)


def test_what_is_no_list_holds_nothing_out(tmp_path):
    root = write(tmp_path / "set", [f"{k}.png" for k in range(COUNT)])
    for k in range(COUNT):  # boxes beside each image, whose first word is a class
        (root / f"{k}.txt").write_text(f"{k % 3} 0.5 0.5 0.1 0.1\n")
    (root / "test.txt").write_text("a sentence about something else\n")
    (root / "val.txt").write_text("".join(f"{k}.png\n" for k in range(COUNT)))  # all of them
    assert len(find_source(root).titles) == COUNT
    (root / "cat_train.txt").write_text("".join(f"{k}.png {k % 2}\n" for k in range(COUNT)))
    assert find_source(root).labels is None  # of one class of VOC


def test_numbers_of_images_are_joined_to_their_parts(tmp_path):
    root = write(tmp_path / "set", [f"images/a/{n}" for n in NAMES])
    lines(root / "images.txt", [[k + 1, f"a/{n}"] for k, n in enumerate(NAMES)], " ")
    lines(root / "train_test_split.txt", [[k + 1, int(k < 8)] for k in range(COUNT)], " ")
    assert len(find_source(root).titles) == 8


def test_a_row_of_a_test_file_is_not_a_training_files(tmp_path):
    root = write(tmp_path / "set", [f"train/{k}.png" for k in range(6)])
    rows = [[f"train/{k}.png", "ab"[k % 2]] for k in range(6)]
    rows += [[f"test/{k}.png", "ba"[k % 2]] for k in range(6)]
    lines(root / "labels.csv", [["path", "label"], *rows])
    assert find_source(root).labels.tolist() == [0, 1] * 3
    names = tables.Names([f"a/{k}.png" for k in range(3)], "", 3)
    assert names.places(["a/1.png", "b/1.png", "b/2.png"]) == [1, None, 2]
    assert tables.Names(["a/1.png"], "", 2).find("test/1.png") == 0  # as before


def test_masks_beside_their_images_are_left_aside(tmp_path):
    titles = [f"{c}/{c} ({k}){m}.png" for c in "ab" for k in range(3) for m in ("", "_mask")]
    found = find_source(write(tmp_path / "set", titles))
    assert len(found.titles) == 6 and "6 masks beside their images" in " ".join(found.aside)
    assert layout.masks_by_name(["1.jpg", "1_mask_2.png", "gas mask.jpg", "2_gt.png"]) == [1]
    assert set(layout.set_aside(["train/1.jpg", "train_masks/1_mask.gif"])) == {"train_masks"}
    assert layout.set_aside(["train/1.jpg", "train_masks/1_mask.gif"], rules=2) == {}


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["input", "target"], True),
        (["DIV2K_train_HR", "DIV2K_train_LR_bicubic"], True),
        (["cat", "dog"], False),
        (["high heels", "sneakers"], False),
    ],
)
def test_the_sides_of_pairs_are_no_classes(names, pairs):
    titles = [f"{name}/{k}.png" for name in names for k in range(2)]
    why = layout.why_no_classes([t.split("/")[0] for t in titles], titles)
    assert (why == "the two sides of pairs") is pairs


def test_what_a_camera_writes_beside_its_images_is_not_bad(tmp_path):
    root = write(tmp_path / "set", ["DSC1.JPG", "DSC2.JPG", "DSC3.JPG"])
    for name in ("DSC1.THM", "DSC1.MOV", "DSC2.AAE", "note.wav"):
        (root / name).write_bytes(b"nothing")
    report = check_data(root)
    assert not report["skipped"] and report["count"] == 3


@pytest.mark.parametrize(
    "text", ["{}", "[]", "[[", '{"labels": 3}', '{"images": 3}', "3", '{"images": [3]}']
)
def test_json_that_is_no_table_is_refused(text):
    with pytest.raises(table_files.DataError):
        table_files.read(text.encode(), "labels.json")


def test_captions_of_coco_and_of_ljspeech():
    tree = COCO | {"annotations": [{"image_id": 0, "caption": "a cat "}]}
    columns, rows = table_files.read(json.dumps(tree).encode(), "captions.json")
    assert columns == ["file_name", "caption"] and rows[0]["caption"] == "a cat"
    text = "".join(f'LJ-{k}|"He said, {k}|he said {k}\n' for k in range(3))
    columns, rows = table_files.read(text.encode(), "metadata.csv", lambda c: c.startswith("LJ"))
    assert columns == ["file_name", "text", "column 3"] and rows[2]["text"] == '"He said, 2'
