"""The pages of `ganzfeld app`: made once for each model, and kept in the cache.

A page that was made before is found by the hash of its weights, without loading PyTorch.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ganzfeld.core import files, reader
from ganzfeld.errors import CheckpointError, GanzfeldError, UsageError
from ganzfeld.shipping.page_html import ALL, markup, script, style
from ganzfeld.shipping.page_prepared import prepared
from ganzfeld.version import __version__

MOST_BYTES = 8 << 20  # of a model's weights, and
MOST_SIDE = 64  # pixels of its images: beyond, a server draws faster
RUNS = Path("runs")  # where `ganzfeld train` puts runs
# as `models.embedded` has them, whose package loads PyTorch: a page that is there needs none
BOX, USUAL = Path(__file__).parents[1] / "models" / "box", "avatars-model"


class Unsuited(Exception):
    """Why a page cannot or should not draw a model."""


def usual() -> Path:
    """What is shown where nothing is named: the package's own model, else the newest run in runs/.

    UsageError where there is neither.
    """
    if (BOX / USUAL / "config.json").is_file():
        return BOX / USUAL
    shipped = [path.parents[1] for path in RUNS.glob("*/model/config.json")]
    if not shipped:
        raise UsageError(
            "which model should be shown? There is no run with a model in runs/",
            fix="ganzfeld app RUN, or ganzfeld train avatars --minutes 5 first",
        )
    return max(shipped, key=lambda run: (run / "model" / "config.json").stat().st_mtime)


def folder_of(model: Path) -> Path | None:
    """The model folder that a path leads to; None for a run that has not shipped one yet."""
    for folder in (model, model / "model"):
        if os.path.lexists(folder / "config.json") and os.path.lexists(
            folder / "model.safetensors"
        ):
            return folder
    return None


def page_file(model: Path, *, trust_code: bool = False) -> Path:
    """The page of a model, made now if it is not there yet.

    Raises Unsuited where a server should draw it; otherwise as `ganzfeld.load` does.
    """
    if not os.path.lexists(model) and (BOX / model.name / "config.json").is_file():
        model = BOX / model.name
    folder = folder_of(model)
    if folder is not None:
        try:
            known = reader.read_json(folder / "config.json")["weights"]["sha256"]
        except (GanzfeldError, KeyError, TypeError, reader.Unreadable):
            known = None  # loading it will say what is wrong
        if isinstance(known, str) and current(folder, known):
            place = place_of(known)
            if place.is_file():
                return place
            if folder.parent == BOX and (text := prepared(folder, known)) is not None:
                return kept(place, text)
    from ganzfeld.models.marking import weights_of
    from ganzfeld.models.model import load
    from ganzfeld.shipping.page import page_of

    loaded = load(model, trust_code=trust_code)
    place = place_of(weights_of(loaded))
    if place.is_file():
        return place
    fits(loaded)
    judged = getattr(loaded, "discriminator", None) is not None
    try:
        try:
            page = page_of(loaded, with_discriminator=judged)
        except UsageError:  # the discriminator alone may have what a page cannot compute
            if not judged:
                raise
            page = page_of(loaded)
    except UsageError as error:
        raise Unsuited(error.what) from None
    except CheckpointError as error:
        raise Unsuited(error.what) from None
    return kept(place, page.text)


def kept(place: Path, text: str) -> Path:
    """A page in the cache."""
    place.parent.mkdir(parents=True, exist_ok=True)
    files.replace(place, text.encode())
    return place


def current(folder: Path, known: str) -> bool:
    """Whether the weights' file is what its description says: a page never hides a damaged one."""
    try:
        data = reader.read_bytes(folder / "model.safetensors", 2 * MOST_BYTES)
    except GanzfeldError:
        return False
    return hashlib.sha256(data).hexdigest() == known


def fits(model: object) -> None:
    """Unsuited for what a server draws faster."""
    networks = getattr(model, "networks", None) or {"": getattr(model, "generator", None)}
    size = sum(4 * p.numel() for network in networks.values() for p in network.parameters())
    if size > MOST_BYTES:
        raise Unsuited(f"{size / 1e6:.0f} MB of weights are many for a page")
    sides: tuple[int, ...] = tuple(getattr(model, "size", None) or getattr(model, "shape", ())[1:])
    if len(sides) == 2 and max(sides) > MOST_SIDE:
        raise Unsuited(f"{sides[1]}x{sides[0]} pixels are many for a page")


def place_of(weights: str) -> Path:
    """Where the page of these weights lies, as this release makes it."""
    made = hashlib.sha256((script(True) + style(ALL) + markup(True, ALL)).encode())
    name = f"{weights[:32]}-{made.hexdigest()[:12]}-{__version__}.html"
    return files.cache_folder() / "pages" / name
