"""An image of a client's own in the latent space of a model, and samples of what was found.

The work is `models.project`, in the thread that draws; between two steps others have their turn.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np

from ganzfeld.errors import UsageError
from ganzfeld.shipping.server.answers import MEDIA
from ganzfeld.shipping.server.problem import Problem
from ganzfeld.shipping.server.served import Breathe, Served

CANDIDATES = 256  # random samples that a search starts from the best of
STEPS, MOST_STEPS = 100, 300
WAITING = 4  # projections in a queue: each is seconds of work
MOST_STEP = 10.0  # along a direction, in deviations
SLIDERS = 5  # directions that the app offers


def need_suited(served: Served) -> None:
    """Problem 404 for a model without a latent space that images can be found in."""
    if not served.finds:
        raise Problem(
            404,
            "this model finds no images: that needs a model of images, drawn by PyTorch, that is "
            "asked for by a class at most",
        )


def project(
    served: Served, data: bytes, given: Mapping[str, Any], pixels: int, breathe: Breathe
) -> dict[str, Any]:
    """What was found for an image, as the answer has it."""
    import torch

    from ganzfeld.models.directions import directions_of
    from ganzfeld.models.project import project as found_in

    x = served.decoded(data, pixels)
    found = found_in(
        served.model,
        x,
        steps=given["steps"],
        candidates=CANDIDATES,
        labels=given["label"],
        breathe=breathe,
    )
    label = None if found.latents.y is None else served.classes[int(found.latents.y[0])]
    try:
        ways = len(directions_of(served.model).vectors)
    except UsageError:
        ways = 0
    z = found.latents.z[0].contiguous().numpy().astype("<f4")
    says = {"latent": base64.b64encode(z.tobytes()).decode(), "label": label}
    with torch.inference_mode():
        shown = {
            "original": png(served, x[0], None),
            "reconstruction": png(
                served, found.samples[0], mark_of(served, found.latents.z[0], says)
            ),
        }
    return {
        **says,
        "error": round(found.errors[0], 5),
        "start": round(found.starts[0], 5),
        "candidates": CANDIDATES,
        "steps": given["steps"],
        "directions": min(ways, SLIDERS),
        "model": served.weights,
        "media_type": MEDIA["png"],
        **{name: base64.b64encode(image).decode() for name, image in shown.items()},
    }


def png(served: Served, x: Any, mark: Mapping[str, Any] | None) -> bytes:
    from ganzfeld.core import marks

    (stored,) = served.model.store(x[None])
    data: bytes = served.kind.encoded(stored, served.spec)
    return data if mark is None else marks.stamp(data, mark) or data


def mark_of(served: Served, z: Any, says: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The mark that `ganzfeld sample --latent` writes."""
    from ganzfeld.models.directions import digest
    from ganzfeld.models.marking import of_model

    return of_model(served.model, latent=digest(z), label=says["label"], **more)


def edited(served: Served, given: Mapping[str, Any]) -> bytes:
    """A PNG of a latent, moved along directions and mixed with a sample. Problem 422."""
    import torch

    from ganzfeld.models import latent_file
    from ganzfeld.models.directions import directions_of
    from ganzfeld.models.interpolate import slerp

    model = served.model
    z = own = torch.from_numpy(latent_of(given["latent"], model.latent))
    if given["share"]:
        other = model.latents_of([given["index"]], given["seed"])[0]
        z = slerp(z, other, given["share"])
    moved = steps_of(given["directions"] or {})
    try:
        shift = directions_of(model).shift(moved) if moved else None
    except UsageError as error:
        raise Problem(422, error.what, field="directions") from error
    y = None
    if model.classes:
        if given["label"] is None:
            raise Problem(422, "this model draws a class: which?", field="label")
        y = torch.tensor([served.classes.index(given["label"])])
    (x,) = latent_file.draw(model, latent_file.Latents(z[None], y), shift)
    more: dict[str, Any] = {"directions": {str(k): v for k, v in moved.items()} or None}
    if given["share"]:
        more |= {"share": given["share"], "to_seed": given["seed"], "to_index": given["index"]}
    return png(served, x, mark_of(served, own, given, **more))


def latent_of(text: str, size: int) -> Any:
    """A latent (size,) float32 of its bytes in base64. Problem 422 for what is none."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    z = np.frombuffer(data[: len(data) // 4 * 4], "<f4").astype(np.float32)
    if len(data) != 4 * size or not np.isfinite(z).all() or np.abs(z).max() > 1e3:
        raise Problem(
            422,
            f"latent must be the base64 of {size} finite float32 numbers",
            field="latent",
            fix="POST .../projection answers with one",
        )
    return z


def steps_of(given: Mapping[str, str]) -> dict[int, float]:
    """{0: 1.5} of {"0": "1.5"}. Problem 422."""
    found: dict[int, float] = {}
    for number, text in given.items():
        try:
            step = float(text)
        except ValueError:
            step = float("nan")
        if not (number.isascii() and number.isdecimal() and len(number) < 6) or not (
            abs(step) <= MOST_STEP
        ):
            raise Problem(
                422,
                f"directions are steps of up to {MOST_STEP:g} by the number of a direction",
                field="directions",
            )
        if step:
            found[int(number)] = step
    return found
