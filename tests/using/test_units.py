"""Samples in the units of data with a wide range of values: 16-bit PNG and TIFF."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.errors import UsageError
from ganzfeld.modalities.image import units

pytestmark = pytest.mark.long


def ct(path: Path, low: int, high: int) -> Path:
    """60 images of 16 px with whole numbers from low to high, both of which occur."""
    numbers = np.random.default_rng(0).integers(low, high + 1, (60, 16, 16))
    numbers[0, 0, :2] = low, high
    np.save(path, numbers.astype(np.int16 if low < 0 else np.uint16))
    return path


def tiny(data: Path, out: Path, **options: object) -> Path:
    # small first weights would draw one grey after so few images
    settings = ["networks.*.width=4", "networks.*.init_std=0", "run.threads=1"]
    settings.append("run.evaluate_every=64")
    common = {"recipe": "dcgan", "images": 32, "batch": 16, "quiet": True, "settings": settings}
    ganzfeld.train(data, out=out, **common, **options)  # type: ignore[arg-type]
    return out


def test_samples_of_12_bit_data_are_16_bit_files_in_the_same_units(tmp_path: Path) -> None:
    run = tiny(ct(tmp_path / "scans.npy", 0, 4095), tmp_path / "run")
    drawn = ganzfeld.load(run).sample(2, seed=3)
    wanted = np.rint((drawn.double().numpy() + 1) / 2 * 4095)
    for kind, suffix in (("png16", "png"), ("tiff16", "tif"), ("tiff32", "tif")):
        out = tmp_path / kind
        words = ["sample", str(run), "--out", str(out), "--count", "2", "--seed", "3"]
        main.main([*words, "--format", kind])
        paths = sorted(out.glob(f"*.{suffix}"))  # a TIFF has its mark beside it
        assert [path.name for path in paths] == [f"3-{i:06d}.{suffix}" for i in range(2)]
        for path, one in zip(paths, wanted, strict=True):
            with Image.open(path) as image:
                found = np.asarray(image)
                assert image.mode == ("F" if kind == "tiff32" else "I;16")
            assert abs(found - one[0]).max() <= (0.5 if kind == "tiff32" else 0)
    # what was written is read back as data of the same range
    report = ganzfeld.data.pack.open_pack(tmp_path / "png16").report
    assert report["limits"] in ([0, 4095], [0, 65535])


def test_negative_units_are_signed_in_tiff_and_refused_in_png(tmp_path: Path) -> None:
    data = ct(tmp_path / "ct.npy", -1000, 3000)
    run = tiny(data, tmp_path / "run", value_range="-1000:400")
    words = ["sample", str(run), "--out", str(tmp_path / "out"), "--count", "1", "--format"]
    main.main([*words, "tiff16"])
    with Image.open(tmp_path / "out" / "0-000000.tif") as image:
        found = np.asarray(image).astype(int)
    drawn = ganzfeld.load(run).sample(1).double().numpy()[0, 0]
    assert np.array_equal(found, np.rint(-1000 + (drawn + 1) / 2 * 1400).astype(int))
    with pytest.raises(UsageError) as caught:
        units.encoder("png16", (-1000, 400), None)
    assert caught.value.fix == "--format tiff16"


def test_data_of_8_bits_have_no_units_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs the range of the data"):
        units.encoder("png16", None, None)
    with pytest.raises(UsageError, match="too few whole numbers"):
        units.encoder("tiff16", (0.0, 1.0), None)
    assert units.encoder("tiff32", (0.0, 1.0), None)
    assert units.encoder("png16", None, "0:65535")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["u2", "i2", "f4"])
def test_tiff_holds_every_number(channels: int, dtype: str) -> None:
    values = np.arange(5 * 3 * channels).reshape(5, 3, channels).astype(dtype)
    data = units.tiff(values)
    table = struct.unpack("<I", data[4:8])[0]
    entries = range(table + 2, table + 2 + 12 * struct.unpack_from("<H", data, table)[0], 12)
    tags = {
        struct.unpack_from("<H", data, e)[0]: struct.unpack_from("<I", data, e + 8)[0]
        for e in entries
    }
    assert (tags[256], tags[257]) == (3, 5)
    pixels = np.frombuffer(data, dtype, values.size, tags[273]).reshape(values.shape)
    assert np.array_equal(pixels, values)


def test_png_in_colour_is_16_bit_and_valid() -> None:
    sample = torch.linspace(-1, 1, 3 * 4 * 6).reshape(3, 4, 6)
    data = units.encoder("png16", (0, 65535), None)(sample)
    assert data[24] == 16 and data[25] == 2  # bits a channel, and RGB
    with Image.open(io.BytesIO(data)) as image:
        image.verify()
    with Image.open(io.BytesIO(data)) as image:
        found = np.asarray(image).transpose(2, 0, 1)  # Pillow keeps the high byte of each
    wanted = np.rint((sample.double().numpy() + 1) / 2 * 65535).astype(int) >> 8
    assert np.array_equal(found, wanted)
