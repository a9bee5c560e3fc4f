"""Images in tables and in several arrays; files that stand for others; what is no image at all."""

import io
from pathlib import Path

import corpus
import numpy as np
import pytest

from ganzfeld.data.array_files import of_arrays
from ganzfeld.data.check import check_data
from ganzfeld.data.discover import find_source
from ganzfeld.data.pack import open_pack
from ganzfeld.data.pixels import pixel_rows
from ganzfeld.data.source import Gathered, Reading, Ready
from ganzfeld.errors import DataError

RANDOM = np.random.default_rng(0)
DIGITS = RANDOM.integers(0, 256, (40, 784), dtype=np.uint8)


def loaded(path, **reading):
    found = find_source(path, Reading(**reading))
    assert isinstance(found, Ready), found
    found.load()
    return found


def table(path, rows, head=None):
    lines = [head] if head else []
    path.write_text("\n".join(",".join(map(str, row)) for row in [*lines, *rows]) + "\n")
    return path


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("head", [False, True])
def test_mnist_as_csv_is_images(tmp_path, head, last):
    def order(label, pixels):
        return [*pixels, label] if last else [label, *pixels]

    names = order("label", [f"pixel{i}" for i in range(784)]) if head else None
    rows = [order(k % 3, image) for k, image in enumerate(DIGITS)]
    found = loaded(table(tmp_path / "mnist_train.csv", rows, names))
    assert found.stack.shape == (40, 1, 28, 28) and found.classes == ("0", "1", "2")
    assert (found.stack.rows(0, 40).reshape(40, -1) == DIGITS).all()
    assert found.labels.tolist() == [k % 3 for k in range(40)]
    assert isinstance(
        find_source(tmp_path / "mnist_train.csv", Reading(modality="table")), Gathered
    )
    assert isinstance(find_source(tmp_path / "mnist_train.csv", Reading(rules=2)), Gathered)


def test_a_row_that_is_no_image_is_named(tmp_path):
    rows = [[k % 3, *image] for k, image in enumerate(DIGITS)]
    rows[30][7] = "x"
    with pytest.raises(DataError, match="line 31 is no row of 784 pixels"):
        loaded(table(tmp_path / "a.csv", rows))
    assert pixel_rows(table(tmp_path / "b.csv", [row[:50] for row in rows]), Reading()) is None
    rows = [[k, *(image / 7)] for k, image in enumerate(DIGITS)]
    assert pixel_rows(table(tmp_path / "c.csv", rows), Reading()) is None


def test_a_column_of_pixels_is_images_and_its_test_rows_are_left_aside(tmp_path):
    rows = [
        [k % 7, " ".join(map(str, image)), "Training" if k < 30 else "PublicTest"]
        for k, image in enumerate(DIGITS)
    ]
    path = table(tmp_path / "fer2013.csv", rows, ["emotion", "pixels", "Usage"])
    found = loaded(path)
    assert found.stack.shape == (30, 1, 28, 28) and len(found.classes) == 7
    assert "10 rows that Usage does not call training" in " ".join(found.aside)
    assert loaded(path, splits="all").stack.shape[0] == 40


def arrays(root, **named):
    root.mkdir()
    for name, array in named.items():
        np.save(root / f"{name}.npy", array)
    return root


def test_arrays_beside_each_other_are_one_set(tmp_path):
    images, labels = DIGITS.reshape(-1, 28, 28), np.arange(40) % 4
    found = loaded(arrays(tmp_path / "xy", X=images, y=labels))
    assert found.stack.shape == (40, 1, 28, 28) and found.labels.tolist() == labels.tolist()
    parts = {"X_train": images, "y_train": labels, "X_test": images[:9], "y_test": labels[:9]}
    found = loaded(arrays(tmp_path / "parts", **parts))
    assert found.stack.shape[0] == 40 and "X_test, y_test" in " ".join(found.aside)


def test_stacks_of_classes_are_not_two_images(tmp_path):
    found = loaded(arrays(tmp_path / "draw", cat=DIGITS[:30], dog=DIGITS[30:]))
    assert found.stack.shape == (40, 1, 28, 28) and found.classes == ("cat", "dog")
    assert found.labels.tolist() == [0] * 30 + [1] * 10
    wide = RANDOM.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
    found = loaded(arrays(tmp_path / "parts", part_0=wide, part_1=wide))
    assert found.stack.shape == (24, 3, 16, 16) and found.labels is None
    one = {f"im{k}": wide[k] for k in range(5)}  # an image each, as before
    assert of_arrays(arrays(tmp_path / "each", **one), [f"{n}.npy" for n in one], Reading()) is None
    mixed = arrays(tmp_path / "mixed", a=wide.astype(float), b=np.zeros((3, 9)))
    with pytest.raises(DataError, match="several data sets") as told:
        find_source(mixed)
    assert "np.savez" in told.value.fix


def test_parquet_with_bare_bytes_of_images(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    columns = {
        "img": [corpus.png(seed=k) for k in range(6)],
        "fine_label": [k % 2 for k in range(6)],
    }
    pq.write_table(pa.table(columns), tmp_path / "train.parquet")
    report = check_data(tmp_path / "train.parquet")
    assert report["count"] == 6 and len(report["classes"]) == 2
    assert isinstance(find_source(tmp_path / "train.parquet", Reading(rules=2)), Gathered)
    pq.write_table(pa.table({"blob": [b"nothing"] * 3, "n": [1, 2, 3]}), tmp_path / "b.parquet")
    assert isinstance(find_source(tmp_path / "b.parquet"), Gathered)


@pytest.mark.parametrize(
    ("name", "content", "step"),
    [
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\nsize 3\n", "git lfs pull"),
        ("a.xlsx", b"PK\x03\x04", "save it as CSV UTF-8"),
        ("a.sav", b"$FL2", "read_spss"),
        ("a.nii.gz", b"\x1f\x8b", "nibabel"),
        ("a.db", b"SQLite format 3\0", "sqlite3"),
        ("seqs.fasta", b">one\nACGT\n", "--as text"),
        ("data_batch_1.bin", bytes(range(256)), "np.fromfile"),
    ],
)
def test_what_is_not_read_has_a_next_step(tmp_path, name, content, step):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as told:
        find_source(tmp_path / name)
    assert step in told.value.fix
    with pytest.raises(DataError) as told:
        find_source(tmp_path)
    assert step in told.value.fix or name == "seqs.fasta"


def test_a_folder_without_images_says_so_and_not_that_its_files_are_bad(tmp_path):
    for name in ("Index", "iris.names"):
        (tmp_path / name).write_text("about iris\n")
    with pytest.raises(DataError, match="holds no images"):
        find_source(tmp_path)
    (tmp_path / "iris.data").write_text("".join(f"{k}.5,{k % 3},a\n" for k in range(9)))
    found = find_source(tmp_path)
    assert isinstance(found, Gathered) and found.modality == "table"


def test_what_a_run_or_a_program_made_is_no_data(tmp_path):
    for k in range(4):
        (tmp_path / f"{k}.png").write_bytes(corpus.png(seed=k))
    for folder in ("runs/first", "__pycache__", "node_modules/icons"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.png").write_bytes(corpus.png(seed=9))
    for name in ("config.json", "metrics.jsonl"):
        (tmp_path / "runs/first" / name).write_text("{}")
    found = find_source(tmp_path)
    assert found.titles == [f"{k}.png" for k in range(4)] and "runs/first" in found.ignored


def test_one_file_of_json_is_text_or_a_table(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"age": 3, "town": "Rome"}, {"age": 4, "town": "Ulm"}]')
    assert find_source(path).modality == "table"
    path.write_text('[{"text": "hi"}, {"text": "ho"}]')
    assert find_source(path).modality == "text"
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((9, 3)))
    (tmp_path / "t.npy").write_bytes(buffer.getvalue())
    with pytest.raises(DataError) as told:
        loaded(tmp_path / "t.npy")
    assert "savetxt" in told.value.fix


def test_fields_of_any_order_of_bytes_and_of_axes_are_read(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 40, (40, 8, 8)).astype(np.float32)
    for name, same in (("big", x.astype(">f4")), ("fortran", np.asfortranarray(x))):
        np.save(tmp_path / f"{name}.npy", same)
        report = check_data(tmp_path / f"{name}.npy")
        assert report["values"].startswith("float32 ") and not report["converted"]
        pack = open_pack(tmp_path / f"{name}.npy", cache=tmp_path / "cache", workers=0)
        assert np.array_equal(pack.rows(np.arange(40))["x"][:, 0], x)
    np.save(tmp_path / "double.npy", x.astype(">f8"))
    assert check_data(tmp_path / "double.npy")["converted"] == {"float64 to float32": 40}


def test_one_number_far_from_all_others_is_named(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 40, (600, 8, 8)).astype(np.float32)
    np.save(tmp_path / "usual.npy", x)
    assert check_data(tmp_path / "usual.npy")["warnings"] == []
    x[9, 0, 0] = -1e12
    np.save(tmp_path / "far.npy", x)
    (told,) = check_data(tmp_path / "far.npy")["warnings"]
    assert "98 % of the numbers lie in" in told and "but one is -1e+12" in told
    np.save(tmp_path / "deposits.npy", np.exp(np.abs(x).clip(0, 80) / 4))
    assert check_data(tmp_path / "deposits.npy")["warnings"] == []


def test_an_array_of_one_number_has_nothing_to_learn(tmp_path: Path) -> None:
    np.save(tmp_path / "still.npy", np.full((20, 8, 8), 273.15))
    with pytest.raises(DataError, match=r"float64 that are all 273\.15: there is nothing to learn"):
        check_data(tmp_path / "still.npy")


def test_whole_numbers_that_float32_rounds_are_named(tmp_path: Path) -> None:
    steps = np.arange(600 * 64).reshape(600, 8, 8)
    np.save(tmp_path / "large.npy", steps * 1_000_003)
    np.save(tmp_path / "exact.npy", steps * 400)
    (told,) = check_data(tmp_path / "large.npy")["warnings"]
    assert told.endswith("has whole numbers above 16,777,216: they are rounded to 7 digits")
    assert check_data(tmp_path / "exact.npy")["warnings"] == []
