"""The protocol of an evaluation: all that its numbers depend on, but the generator."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, cast

from ganzfeld.core.randomness import key
from ganzfeld.data.decode import own_sizes
from ganzfeld.data.pack import Pack
from ganzfeld.errors import UsageError, did_you_mean
from ganzfeld.metrics.features import Extractor
from ganzfeld.metrics.registry import kernel_words
from ganzfeld.modalities import spec_of_data
from ganzfeld.models.open import opened
from ganzfeld.version import __version__

Progress = Callable[[str, int, int], None]


def how_fitted(
    source: str | os.PathLike[str] | Pack, pack: Pack, fit: str | None, progress: Progress
) -> str:
    """What becomes of images of another size than the data's, in words for the protocol.

    Raises UsageError for images of another aspect ratio, unless `fit` says what to do with them:
    a generator that stretches or frames its images would otherwise be measured without that.
    """
    if fit not in (None, "crop", "pad"):
        raise UsageError(f"fit {fit!r} is not known. {did_you_mean(str(fit), ('crop', 'pad'))}")
    wanted = (pack.height, pack.width)
    there = opened(source)
    sizes = {wanted} if there is not None else own_sizes(cast(str, source), progress)
    others = sorted(sizes - {wanted})
    if not others:
        return "none"
    few = " and ".join(f"{h} x {w}" for h, w in others) if len(others) < 3 else "several sizes"
    odd = [size for size in others if not alike(size, wanted)]
    if not odd:
        return f"resized from {few} to {wanted[0]} x {wanted[1]} px"
    if fit is None:
        raise UsageError(
            f"the images are {few} px (height x width) and the data {wanted[0]} x {wanted[1]}: "
            "another aspect ratio",
            safe="nothing was measured",
            fix="--fit crop takes the centre, --fit pad adds black; "
            "or give images of the data's shape",
        )
    way = {"crop": "cropped", "pad": "padded with black"}[fit]
    return f"{way} and resized from {few} to {wanted[0]} x {wanted[1]} px"


def alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether (height, width) has the aspect ratio of another, to a pixel."""
    return abs(one[0] * other[1] - one[1] * other[0]) < max(*one, *other)


def describe_protocol(
    net: Extractor,
    pack: Pack,
    count: int,
    reference: int,
    seed: int,
    held_out: Pack | None = None,
    *,
    fitted: str = "none",
    asked: bool = False,
) -> dict[str, Any]:
    """All that the numbers depend on but the generator; numbers of different ids differ.

    fitted: what was done to images of another size. asked: whether classes were asked for.
    """
    library = f"ganzfeld {__version__}"
    about = {
        "extractor": net.name,
        "weights": net.weights,
        "resize": net.resize,
        "values": net.values,
        "channels": net.channels,
        "shape": list(spec_of_data(pack).shape),
        "generated": count,
        "reference": reference,
        "rows": "held out last",  # of the data: see `reference_rows`
        "data": pack.fingerprint,
        "seed": seed,
        "kernel": kernel_words(net.name),
        "fitted": fitted,
        "library": library,
    }
    if asked:
        about["classes"] = "drawn independently"
    if held_out is not None:
        about["held_out"] = held_out.fingerprint
    words = [net.name, net.weights[:8], net.protocol, f"n{count}", f"m{reference}"]
    words += [f"data {pack.fingerprint[:8]}", f"seed {seed}", library]
    digest = f"{key(json.dumps(about, sort_keys=True)):016x}"
    return {"id": f"{' / '.join(words)} / {digest[:8]}", "protocol": net.protocol, **about}
