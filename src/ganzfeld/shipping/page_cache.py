"""The pages of `ganzfeld app`: made once for each model, and kept in the cache.

A page that was made before is found by the hash of the model's config.json, which has the hashes
of its weights, without loading PyTorch.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

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
    about = described(folder, model) if folder is not None else None
    if folder is not None and about is not None:
        place = place_of(json.dumps(about))
        if place.is_file():
            return place
        weights = about["weights"]["sha256"]
        if folder.parent == BOX and (text := prepared(folder, weights)) is not None:
            return kept(place, text)
    from ganzfeld.models.marking import weights_of
    from ganzfeld.models.model import load
    from ganzfeld.shipping.page import page_of

    loaded = load(model, trust_code=trust_code)
    own = about or [weights_of(loaded), loaded.about]
    place = place_of(json.dumps(own, default=str))
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


def described(folder: Path, model: Path) -> dict[str, Any] | None:
    """What a model's folder says of itself, where loading `model` would give just that.

    None where a file is damaged or missing, or the run has a newer checkpoint: loading decides.
    """
    try:
        about = reader.read_json(folder / "config.json")
        judge = about.get("discriminator", {}).get("weights")
        stored = {"model.safetensors": about["weights"], "discriminator.safetensors": judge}
        whole = all(current(folder / name, one["sha256"]) for name, one in stored.items() if one)
        newer = folder != model and newest(model / "checkpoints") > about.get("run_images", 0)
    except (GanzfeldError, AttributeError, KeyError, TypeError, reader.Unreadable):
        return None  # loading it will say what is wrong
    return about if whole and not newer else None


def newest(checkpoints: Path) -> int:
    """The images of a run's newest checkpoint, by its name; 0 where there is none."""
    numbers = [path.name.removeprefix("images-") for path in checkpoints.glob("images-*")]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def kept(place: Path, text: str) -> Path:
    """A page in the cache."""
    place.parent.mkdir(parents=True, exist_ok=True)
    files.replace(place, text.encode())
    return place


def current(file: Path, known: object) -> bool:
    """Whether a file of weights is what its description says: no page hides a damaged one."""
    try:
        data = reader.read_bytes(file, 2 * MOST_BYTES)
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


def place_of(model: str) -> Path:
    """Where the page of a model that is described so lies, as this release makes it."""
    own = hashlib.sha256(model.encode()).hexdigest()[:32]
    made = hashlib.sha256((script(True) + style(ALL) + markup(True, ALL)).encode())
    return files.cache_folder() / "pages" / f"{own}-{made.hexdigest()[:12]}-{__version__}.html"
