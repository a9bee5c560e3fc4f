"""What comes as a file and goes back translated, or captioned: images, sounds, lines of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import marks
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.image.bad import BadPicture
from ganzfeld.shipping.server import answers
from ganzfeld.shipping.server.app import (
    JSON_BYTES,
    Answer,
    App,
    Limits,
    Request,
    as_json,
    in_format,
    no_store,
)
from ganzfeld.shipping.server.problem import Problem
from ganzfeld.shipping.server.served import Served, check_image
from ganzfeld.shipping.server.table import IMAGES


async def translation(app: App, request: Request) -> Answer:
    given, served = app.query(request), request.model
    if not served.networks:
        raise Problem(404, "this model translates nothing")
    kind = request.headers[b"content-type"].decode("latin-1").partition(";")[0].strip().lower()
    if kind not in (wanted := takes(served)):
        raise Problem(
            415,
            f"the body must be {' or '.join(wanted)}",
            fix=f"Content-Type: {wanted[0]}",
        )
    most = JSON_BYTES if served.kind.one_file else app.limits.body  # of text, as of JSON
    data = await app.body(request, min(most, app.limits.body))
    make = translated if served.kind.draws else translated_samples
    work = of_file(lambda: make(served, data, given["to"], app.limits))
    return in_format(*await app.work(request, work=work), format=served.kind.suffix[1:])


def takes(served: Served) -> tuple[str, ...]:
    """Media types of what a translator takes."""
    own = answers.media_of(served.kind.suffix[1:]).partition(";")[0]
    return IMAGES if served.kind.draws else (own,)


def way_to(served: Served, to: str | None) -> str:
    try:
        way: str = served.model.way(to)
    except UsageError as error:
        raise Problem(422, error.what, field="to") from error
    return way


Translated = tuple[bytes, marks.Mark | None]  # a file, and the mark of one that holds none


def translated(served: Served, data: bytes, to: str | None, limits: Limits) -> Translated:
    """The translation of an image as a PNG."""
    from ganzfeld.modalities.image import draw
    from ganzfeld.models.marking import of_translation

    way = way_to(served, to)
    check_image(data, limits.pixels)
    png = draw.image_bytes(served.model.translate_bytes(data, way))
    return marks.stamp(png, of_translation(served.model, way[1])) or png, None


def translated_samples(served: Served, data: bytes, to: str | None, limits: Limits) -> Translated:
    """The translation of another file, such as a sound or lines, as a file of that kind."""
    from ganzfeld.models.marking import of_translation

    way, kind, spec = way_to(served, to), served.kind, served.spec
    stored = kind.received(data, spec, limits.count)
    done: NDArray[Any] = np.concatenate(list(served.model.blocks(stored, way)))
    mark = of_translation(served.model, way[1])
    if kind.one_file:
        return answers.whole(kind, spec, done), mark
    file = kind.encoded(done[0], spec)
    return marks.stamp(file, mark) or file, None


async def captions(app: App, request: Request) -> Answer:
    given, served = app.query(request), request.model
    if not served.writes:
        raise Problem(404, "this model writes no captions")
    data = await app.body(request, app.limits.body)
    work = of_file(lambda: captioned(served, data, given, app.limits))
    found = await app.work(request, work=work)
    says = {name: given[name] for name in ("seed", "count", "temperature")}
    mark = marks.new(model=served.weights, recipe=served.about.get("recipe"), **says)
    answer = as_json({"captions": found, "seed": str(given["seed"]), "model": served.weights})
    answer.headers.append((answers.MARK_HEADER, marks.as_text(mark).encode()))
    return no_store(answer)


def captioned(served: Served, data: bytes, given: Mapping[str, Any], limits: Limits) -> list[str]:
    """Captions of an image, those that `ganzfeld caption` writes."""
    check_image(data, limits.pixels)
    asked = {name: given[name] for name in ("count", "seed", "temperature")}
    found: list[list[str]] = served.model.caption(served.model.read(data)[None], **asked)
    return found[0]


def of_file(make: Callable[[], Any]) -> Callable[[Callable[[], None]], Any]:
    """A call on a file from outside: what is wrong with that is the client's fault."""

    def work(breathe: Callable[[], None]) -> Any:
        try:
            return make()
        except BadPicture as error:
            raise Problem(422, f"the image cannot be used: {error}"[:300]) from error
        except DataError as error:
            raise Problem(422, error.what[:300]) from error

    return work
