"""Shards read as a stream: SIGKILL, and two processes, end in the files of an undisturbed run."""

from __future__ import annotations

import io
import tarfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_kill import ALONE, IMAGES, differing, killed_while_it_trains
from test_processes import together

SHARDS, EACH = 4, 90  # 360 images: the run goes three times through them


def words_of(folder: Path, out: Path) -> list[str]:
    words = ["train", str(folder), "--stream", "--size", "16", "--batch", "16"]
    settings = ("networks.*.width=4", "networks.G.latent=16", *ALONE)
    return [*words, "--images", str(IMAGES), "--out", str(out), "--quiet", "--set", *settings]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "shards"
    home.mkdir()
    for shard in range(SHARDS):
        with tarfile.open(home / f"{shard:03d}.tar", "w") as archive:
            for number in range(shard * EACH, (shard + 1) * EACH):
                buffer = io.BytesIO()
                pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3))
                Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
                for end, data in (("png", buffer.getvalue()), ("cls", b"%d" % (number % 2))):
                    info = tarfile.TarInfo(f"{number:05d}.{end}")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    return home


@pytest.mark.long
def test_a_streaming_run_that_is_killed_ends_in_the_same_files(
    folder: Path, tmp_path: Path
) -> None:
    killed_while_it_trains(partial(words_of, folder), tmp_path)


@pytest.mark.long
def test_two_processes_share_a_stream_as_they_share_a_pack(folder: Path, tmp_path: Path) -> None:
    """Twice the same run: each process reads its own share, whatever the other is at."""
    one, two = (tmp_path / name / "run" for name in ("one", "two"))
    for out in (one, two):
        codes, printed = together(*words_of(folder, out))
        assert codes == [0, 0], printed
    assert differing(one, two) == []
