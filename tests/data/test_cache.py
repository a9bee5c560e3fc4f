"""The cache as machines leave it: damaged, cut short while in use, a pipe, no home."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from ganzfeld.core import files
from ganzfeld.core.memory import amount
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import ResourceError


def made(cache: Path) -> Pack:
    return open_pack("avatars:24", PackOptions(size=(16, 16)), cache=cache, workers=0)


def test_a_pack_that_is_cut_short_while_in_use_is_an_error_and_no_signal(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from ganzfeld.data.pack import open_pack, PackOptions\n"
        "from ganzfeld.errors import ResourceError\n"
        "options = PackOptions(size=(16, 16))\n"
        "pack = open_pack('avatars:24', options, cache=Path(sys.argv[1]), workers=0)\n"
        "pack.rows(np.arange(4))\n"
        "os.truncate(pack.path, 100)\n"
        "for use in (lambda: pack.rows(np.arange(24)), lambda: pack.images[3]):\n"
        "    try:\n"
        "        use()\n"
        "    except ResourceError as error:\n"
        "        print('said', 'cut short' in str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode != -signal.SIGBUS
    assert done.stdout.count("said True") == 2, done.stderr
    assert not made(tmp_path).reused, "the next one makes it anew"


@pytest.mark.parametrize("damage", ["pipe", "deep", "shape", "short", "folder"])
def test_whatever_lies_in_place_of_a_pack_is_no_obstacle(damage: str, tmp_path: Path) -> None:
    first = made(tmp_path)
    pixels, path = np.array(first.images), first.path
    if damage == "short":
        os.truncate(path, 5000)
    else:
        path.unlink()
    if damage == "pipe":
        os.mkfifo(path)
    elif damage == "deep":
        header = b'{"a":' + b"[" * 200_000
        path.write_bytes(struct.pack("<Q", len(header)) + header)
    elif damage == "shape":
        header = json.dumps({"__metadata__": {"format": "ganzfeld pack 2"}, "images": {}}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header)
    elif damage == "folder":
        path.mkdir()  # the pack gets a name beside it
    again = made(tmp_path)
    assert not again.reused and np.array_equal(again.images, pixels)


def test_without_a_home_packs_go_to_a_folder_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("GANZFELD_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = files.cache_folder()
    assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
    assert "GANZFELD_CACHE" in capsys.readouterr().err
    folder.chmod(0o777)
    with pytest.raises(ResourceError, match="belongs to another user"):
        files.cache_folder()


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (640, "640 B"), (1_500, "1.5 kB"), (12_000, "12 kB"), (8.4e6, "8.4 MB"),
     (1.5e9, "1.5 GB"), (3e12, "3.0 TB")],
)  # fmt: skip
def test_amounts_keep_the_digits_that_count(size: float, text: str) -> None:
    assert amount(size) == text
