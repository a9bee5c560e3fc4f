"""Arrays, tensors and data sets of a Python program become files that every command reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzfeld.data.check import check_data, describe
from ganzfeld.data.from_python import store
from ganzfeld.data.given import keep_in_cache
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import DataError, UsageError

DRAW = np.random.default_rng(0)
IMAGES = DRAW.integers(0, 256, (12, 3, 16, 16), dtype=np.uint8)
LABELS = np.arange(12) % 3


def packed(dataset: Any, folder: Path, **columns: str) -> Any:
    return open_pack(store(dataset, folder, **columns), PackOptions(), workers=0)


class Items:
    """As a torch Dataset: a length and items."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


class Hub(Items):
    """As a datasets.Dataset: items are mappings, and features know the classes' names."""

    class Names:
        names = ("cat", "dog", "owl")

    features = {"image": None, "label": Names()}  # noqa: RUF012


@pytest.mark.parametrize(
    "images",
    [
        IMAGES,
        IMAGES.transpose(0, 2, 3, 1),
        torch.from_numpy(IMAGES),
        torch.from_numpy(IMAGES).float() / 255,
        torch.from_numpy(IMAGES).float() / 127.5 - 1,
    ],
    ids=["array", "channels last", "tensor", "0 to 1", "-1 to 1"],
)
def test_arrays_and_tensors_keep_their_pixels(images: Any, tmp_path: Path) -> None:
    pack = packed((images, LABELS), tmp_path)
    assert (pack.images == IMAGES).all()
    assert pack.labels.tolist() == LABELS.tolist()
    assert packed(images, tmp_path).labels is None


def test_half_precision_and_nested_lists_are_arrays_too(tmp_path: Path) -> None:
    light = IMAGES > 127
    assert (packed(torch.from_numpy(light).bfloat16(), tmp_path).images == 255 * light).all()
    assert (packed(IMAGES.tolist(), tmp_path).images == IMAGES).all()


def test_a_torch_dataset_of_tensors(tmp_path: Path) -> None:
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(IMAGES), torch.from_numpy(LABELS))
    pack = packed(dataset, tmp_path)
    assert (pack.images == IMAGES).all()
    assert pack.classes == ("0", "1", "2")
    assert pack.labels.tolist() == LABELS.tolist()


def test_a_hub_dataset_of_images_with_names(tmp_path: Path) -> None:
    rows = [
        {"image": Image.fromarray(image.transpose(1, 2, 0)), "label": int(label)}
        for image, label in zip(IMAGES, LABELS, strict=True)
    ]
    pack = packed(Hub(rows), tmp_path)
    assert pack.classes == ("cat", "dog", "owl")
    for image, label in zip(pack.images, pack.labels, strict=True):
        place = next(i for i, own in enumerate(IMAGES) if (own == image).all())
        assert LABELS[place] == label


def test_columns_by_name(tmp_path: Path) -> None:
    columns = {"photo": IMAGES, "kind": LABELS, "label": LABELS * 0}
    pack = packed(columns, tmp_path, image_column="photo", label_column="kind")
    assert pack.labels.tolist() == LABELS.tolist()
    assert packed(columns, tmp_path, image_column="photo", label_column="none").labels is None
    with pytest.raises(UsageError, match="image_column"):
        store({"photo": IMAGES}, tmp_path)
    with pytest.raises(UsageError, match="'picture'"):
        store(columns, tmp_path, image_column="picture")


@pytest.mark.parametrize("wrong", [3, object(), None])
def test_other_types_are_refused_in_words(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=type(wrong).__name__):
        store(wrong, tmp_path)


def test_a_loader_is_asked_for_its_data_set(tmp_path: Path) -> None:
    loader = torch.utils.data.DataLoader(Items([IMAGES[0]]), batch_size=2)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="DataLoader") as caught:
        store(loader, tmp_path)
    assert "loader.dataset" in str(caught.value.fix)


def test_a_set_is_checked_in_the_words_of_its_kind(tmp_path: Path) -> None:
    rows = ["one,amount,kind", *(f"7,{1_000_000 + k},{'ab'[k % 2]}" for k in range(100))]
    (tmp_path / "rows.csv").write_text("\n".join(rows))
    told = describe(check_data(str(tmp_path / "rows.csv")))
    assert "100 rows, 3 columns" in told and "float32" not in told
    assert "amount (numbers 1000000 to 1000099)" in told, "with all digits"
    assert "one (numbers" not in told, "one value for all is no condition"


def test_unequal_shapes_and_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="different shapes"):
        store(Items([IMAGES[0], IMAGES[1, :, :8]]), tmp_path)
    with pytest.raises(DataError, match="12 images and 11 labels"):
        store((IMAGES, LABELS[1:]), tmp_path)
    with pytest.raises(DataError, match="empty"):
        store(Items([]), tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_a_name_in_the_cache_is_no_proof_of_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))
    path = keep_in_cache(IMAGES)
    right, when = path.read_bytes(), path.stat().st_mtime_ns
    assert keep_in_cache(IMAGES) == path and path.stat().st_mtime_ns == when, "left as it is"
    for put in (os.mkfifo, lambda place: place.symlink_to("nowhere"), Path.touch):
        path.unlink()
        put(path)
        assert keep_in_cache(IMAGES) == path and path.read_bytes() == right
