"""What each endpoint of the table does."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from ganzfeld.core import marks
from ganzfeld.core.latents import LIMIT
from ganzfeld.core.marks import SOFTWARE
from ganzfeld.shipping.server import answers, pages, projecting, varying
from ganzfeld.shipping.server.app import (
    Answer,
    App,
    Handler,
    Limits,
    Request,
    as_json,
    in_format,
    no_store,
)
from ganzfeld.shipping.server.batching import Job, Wanted
from ganzfeld.shipping.server.guard import Guard
from ganzfeld.shipping.server.problem import Problem
from ganzfeld.shipping.server.served import Served, check_image
from ganzfeld.shipping.server.translating import captions, of_file, translation

FOR_EVER = b"max-age=31536000, immutable"
READY_SECONDS = 5.0
MOVING_PIXELS = 30_000_000  # of all frames of an animation together
HTML = "text/html; charset=utf-8"


async def home(app: App, request: Request) -> Answer:
    policy = (b"content-security-policy", pages.policy(app.page).encode())
    return Answer(app.page.encode(), HTML, headers=[(b"cache-control", b"no-cache")], policy=policy)


async def docs(app: App, request: Request) -> Answer:
    policy = (b"content-security-policy", pages.policy(app.docs).encode())
    return Answer(app.docs.encode(), HTML, policy=policy)


async def document(app: App, request: Request) -> Answer:
    return as_json(app.openapi)


async def models(app: App, request: Request) -> Answer:
    limits = app.limits
    return as_json(
        {
            "software": SOFTWARE,
            "limits": {
                "count": limits.count,
                "pixels": limits.pixels,
                "body": limits.body,
                "queue": limits.queue,
                "seconds": limits.seconds,
            },
            "models": [served.describe() for served in app.models.values()],
        }
    )


async def sample(app: App, request: Request) -> Answer:
    """A pure function of the address. With the model's revision in it, caches may keep the answer
    for ever; without, they ask again, for another model may get the same name."""
    given, served = app.query(request), drawn(request.model)
    if given["revision"] not in (None, served.revision):
        raise Problem(
            404, "this server has another revision of the model", field="revision",
            fix=f"revision={served.revision}",
        )  # fmt: skip
    format = offered(given["format"], answers.single(served.kind))
    wanted = served.wanted(given, given["index"], given["label"])
    assert served.engine is not None
    key = [SOFTWARE, served.weights, served.engine.name, format, wanted]
    etag = f'"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}"'.encode()
    kept = b"private" if app.guard.token is not None else b"public"
    for_ever = kept + b", " + FOR_EVER
    cache = for_ever if given["revision"] else b"no-cache"
    headers = [(b"etag", etag), (b"cache-control", cache)]
    asked = request.headers.get(b"if-none-match", b"")
    if etag in [one.strip().removeprefix(b"W/") for one in asked.split(b",")] or asked == b"*":
        return Answer(b"", answers.media_of(format), 304, headers)

    def finish(rows: NDArray[Any], drawn: list[Wanted]) -> tuple[bytes, marks.Mark]:
        (mark,) = served.marks_of(drawn)
        return answers.file_of(served.kind, served.spec, rows[0], format, mark), mark

    data, mark = await app.work(request, engine=served.engine, wanted=[wanted], finish=finish)
    if f".{format}" in answers.MARKLESS:
        headers.append((answers.MARK_HEADER, marks.as_text(mark).encode()))
    name = f"{served.name}-{wanted.seed}-{wanted.index}.{format}".encode()
    headers.append((b"content-disposition", b'inline; filename="' + name + b'"'))
    return Answer(data, answers.media_of(format), headers=headers)


async def variety(app: App, request: Request) -> Answer:
    """What a deviation of the latents costs in variety; a pure function of model and address."""
    given, served = app.query(request), drawn(request.model)
    label = None if given["label"] is None else served.label(given["label"])
    row = None if given["text"] is None else served.row_of_text(given["text"])
    assert served.engine is not None
    engine, std = served.engine, given["std"]
    return as_json(
        await app.work(
            request, work=lambda breathe: varying.variety(engine, std, label, row, breathe)
        )
    )


async def samples(app: App, request: Request) -> Answer:
    given, served = await app.json(request), drawn(request.model)
    format = offered(given["format"], answers.several(served.kind))
    served.settle(given)
    if given["start"] + max(given["of"] or 0, given["count"]) > LIMIT:
        raise Problem(422, "numbers of samples end at 2^64 - 1", field="start")
    if given["of"] is not None or given["rank"] is not None:
        return await ranked(app, request, served, given, format)
    labels = given["labels"] or [None]
    wanted = [
        served.wanted(given, given["start"] + i, labels[i % len(labels)])
        for i in range(given["count"])
    ]

    def finish(rows: NDArray[Any], drawn: list[Wanted]) -> Packed:
        return packed(served, format, rows, drawn)

    made = await app.work(request, engine=served.engine, wanted=wanted, finish=finish)
    return in_format(*made, format=format)


async def ranked(
    app: App, request: Request, served: Served, given: dict[str, Any], format: str
) -> Answer:
    """The best of many by the discriminator."""
    judged(served)
    given["of"] = given["of"] or 8 * given["count"]
    if given["of"] < given["count"]:
        raise Problem(422, "of must be count or more", field="of")
    for label in given["labels"] or []:
        served.label(label)
    numbers = given["numbers"] or None
    if given["text"] is not None:
        numbers = served.row_of_text(given["text"], numbers)
    elif numbers:
        served.check_numbers(numbers)

    def work(breathe: Callable[[], None]) -> Packed:
        best = served.best(given, breathe)
        rows = served.model.store(best.samples)
        labels = [served.label(one) for one in given["labels"] or []]
        own = served.model.label_numbers(labels or None)
        places = range(given["start"], given["start"] + given["count"])
        classes = served.model.labels_of(places, given["seed"], own, given["start"])
        wanted = [
            Wanted(
                given["seed"],
                number,
                None if classes is None else served.classes[classes[place]],
                numbers,
                given["std"],
                given["mean"],
            )
            for place, number in enumerate(best.numbers)
        ]
        return packed(served, format, rows, wanted, [float(one) for one in best.scores])

    return in_format(*await app.work(request, work=work), format=format)


Packed = tuple[bytes, marks.Mark | None]


def packed(
    served: Served,
    format: str,
    rows: NDArray[Any],
    wanted: list[Wanted],
    scores: list[float] | None = None,
) -> Packed:
    """Samples in a format for many, and the mark of a format that holds none."""
    kind, spec = served.kind, served.spec
    if format == "grid":
        return answers.grid(kind, spec, rows, served.mark_of_many(wanted)), None
    if format in answers.WHOLE:
        return answers.whole(kind, spec, rows), served.mark_of_many(wanted)
    each = served.marks_of(wanted)
    if format == "zip":
        return answers.zipped(kind, spec, rows, each), None
    return answers.listed(kind, spec, rows, each, scores), None


async def interpolation(app: App, request: Request) -> Answer:
    given, served = await app.json(request), request.model
    if not served.moves:
        raise Problem(404, "this model has no animations: they are made of images, by PyTorch")
    if given["label"] is not None:
        given["label"] = served.label(given["label"])
    side = max(served.spec.shape[-2:])
    area = (side * max(-(-192 // side), 1)) ** 2
    legs = len(given["seeds"]) - (not given["loop"])
    most = max(MOVING_PIXELS // area // legs, 1)
    if given["frames"] > most:
        raise Problem(422, f"frames must be from 1 to {most} for so many seeds", field="frames")
    data = await app.work(request, work=lambda breathe: served.between(given, breathe))
    return in_format(data, format=given["format"])


async def score(app: App, request: Request) -> Answer:
    given, served = app.query(request), request.model
    judged(served)
    served.kind_of_images()
    label = None
    if served.classes:
        if given["label"] is None:
            raise Problem(422, "this model judges an image with its class", field="label")
        label = served.label(given["label"])
    data = await app.body(request, app.limits.body)
    pixels = app.limits.pixels
    found = await app.work(request, work=of_file(lambda: served.score(data, label, pixels)))
    return as_json({"score": found, "label": label, "model": served.weights})


async def projection(app: App, request: Request) -> Answer:
    """The latent of an image: few may wait, for each is seconds of work."""
    given, served = app.query(request), request.model
    projecting.need_suited(served)
    if given["label"] is not None:
        given["label"] = served.label(given["label"])
    data = await app.body(request, app.limits.body)
    check_image(data, app.limits.pixels)
    if app.projecting >= projecting.WAITING:
        raise Problem(
            429, f"{app.projecting} projections wait already", headers={"Retry-After": "5"}
        )
    pixels = app.limits.pixels
    app.projecting += 1
    try:
        found = await app.work(
            request,
            work=lambda breathe: of_file(
                lambda: projecting.project(served, data, given, pixels, breathe)
            )(breathe),
        )
    finally:
        app.projecting -= 1
    return no_store(as_json(found))


async def edited(app: App, request: Request) -> Answer:
    given, served = await app.json(request), request.model
    projecting.need_suited(served)
    if given["label"] is not None:
        given["label"] = served.label(given["label"])
    work = of_file(lambda: projecting.edited(served, given))
    return in_format(await app.work(request, work=work), format="png")


async def health(app: App, request: Request) -> Answer:
    return as_json({"alive": True})


async def ready(app: App, request: Request) -> Answer:
    """Whether it takes work: the first sample of each model has the bits that it had at first."""
    if app.stopping:
        raise Problem(503, "the server is stopping", headers={"Retry-After": "10"})
    if app.batcher.waiting >= app.limits.queue:
        raise Problem(503, "the queue is full", headers={"Retry-After": "1"})
    loop = asyncio.get_running_loop()
    for served in app.models.values():
        if served.engine is None:
            continue
        future: asyncio.Future[Any] = loop.create_future()
        app.batcher.put(
            Job(
                future,
                time.monotonic() + READY_SECONDS,
                engine=served.engine,
                wanted=[Wanted(0, 0)],
                finish=served.digest,
            )
        )
        if await future != served.first:
            raise Problem(503, f"the model {served.name} draws other bits than it did at first")
    return as_json({"ready": True, "models": list(app.models)})


async def metrics(app: App, request: Request) -> Answer:
    text = app.metrics.text(app.batcher.waiting)
    return Answer(text.encode(), "text/plain; version=0.0.4; charset=utf-8")


async def missing(app: App, request: Request) -> Answer:
    raise Problem(404, "there is nothing at this address", fix="/docs lists what there is")


async def not_allowed(app: App, request: Request) -> Answer:
    allowed = request.endpoint.path.removeprefix("other:")
    raise Problem(405, f"this address takes {allowed}", headers={"Allow": allowed})


def drawn(served: Served) -> Served:
    if served.engine is None:
        does = "captions" if served.writes else "translates"
        told = f"this model {does} {served.kind.noun}: it draws none"
        raise Problem(404, told, fix=f"POST .../{served.asked}")
    return served


def judged(served: Served) -> None:
    if not served.judged:
        raise Problem(404, "this model has no discriminator here")


def offered(format: str | None, formats: list[str]) -> str:
    """The format, or the usual one. Problem 406."""
    if format is None:
        return formats[0]
    if format not in formats:
        raise Problem(
            406, f"this model is not given as {format}", field="format", fix=", ".join(formats)
        )
    return format


HANDLERS: Mapping[str, Handler] = {
    "home": home,
    "docs": docs,
    "openapi": document,
    "models": models,
    "sample": sample,
    "samples": samples,
    "variety": variety,
    "interpolation": interpolation,
    "score": score,
    "translation": translation,
    "captions": captions,
    "projection": projection,
    "edited": edited,
    "health": health,
    "ready": ready,
    "metrics": metrics,
    "missing": missing,
    "not allowed": not_allowed,
}


def application(
    models: Sequence[Served], guard: Guard, limits: Limits | None = None, *, quiet: bool = True
) -> App:
    """The ASGI application that serves these models; `run.warm` comes before."""
    return App(models, guard, limits or Limits(), HANDLERS, quiet=quiet)
