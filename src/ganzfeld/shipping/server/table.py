"""What each address takes. This table validates requests, and it is /openapi.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ganzfeld.core.border import MOST_SEED
from ganzfeld.core.marks import SOFTWARE
from ganzfeld.shipping.server.fields import REQUIRED, Field
from ganzfeld.shipping.server.problem import TITLES

ENDINGS = ("png", "webp", "wav", "csv", "txt", "npy", "json")
MANY = ("grid", "zip", "json", "csv", "txt", "npy")
SEED = Field("seed", "integer", "seed of the samples", 0, 0, MOST_SEED)
LABEL = Field("label", "string", "a class by its name or number; random where left out")
STD = Field("std", "number", "deviation of the latents; below 1: less variety", 1.0, 0, 1e6)
MEAN = Field("mean", "number", "mean of the latents", 0.0, -1e6, 1e6)
NUMBERS = Field(
    "numbers",
    "object",
    'values of the conditions in the data\'s units, the class among them: {"age": 30, "kind": "a"}',
    most=64,
    items=Field("numbers", "value", "a number, or a text"),
)
TEXT = Field("text", "string", "a caption, of models that were trained with captions")
IMAGES = ("image/png", "image/jpeg", "image/webp")
FILES = (*IMAGES, "audio/wav", "text/plain")  # that are translated
FRAMES = Field("frames", "integer", "frames from one seed to the next", 24, 1, 120)


@dataclass(frozen=True)
class Endpoint:
    """One method of one address.

    {model} in a path is the name of a served model. query, body: their fields. takes: media types
    of a body that is a file. answers: media types of a 200. open: answered without a token.
    """

    method: str
    path: str
    name: str
    about: str
    query: tuple[Field, ...] = ()
    body: tuple[Field, ...] = ()
    takes: tuple[str, ...] = ()
    answers: tuple[str, ...] = ("application/json",)
    open: bool = False


def table(most: int) -> tuple[Endpoint, ...]:
    """All endpoints of a server that gives `most` samples at a time."""
    count = Field("count", "integer", "how many samples", 16, 1, most)
    return (
        Endpoint("GET", "/", "home", "The app.", answers=("text/html",), open=True),
        Endpoint("GET", "/docs", "docs", "This API on a page.", answers=("text/html",), open=True),
        Endpoint("GET", "/v1/models", "models", "The models, and the limits of this server."),
        Endpoint(
            "GET",
            "/v1/models/{model}/sample",
            "sample",
            "One sample: a pure function of its address.",
            query=(
                SEED,
                Field("index", "integer", "number of the sample", 0, 0, MOST_SEED),
                LABEL,
                STD,
                MEAN,
                TEXT,
                Field("format", "string", "format of the file", one_of=ENDINGS),
                Field("revision", "string", "of the model; the answer may be kept for ever"),
            ),
            answers=("image/png", "image/webp", "audio/wav", "text/csv", "text/plain",
                     "application/x-npy", "application/json"),
        ),
        Endpoint(
            "GET",
            "/v1/models/{model}/variety",
            "variety",
            "How much two samples of a class and condition differ, by what they do at std 1.",
            query=(STD, LABEL, TEXT),
        ),
        Endpoint(
            "POST",
            "/v1/models/{model}/samples",
            "samples",
            "Many samples.",
            body=(
                SEED,
                Field("start", "integer", "number of the first sample", 0, 0, MOST_SEED),
                count,
                Field("labels", "array", "classes, repeated over the samples", None, 0, most,
                      items=LABEL),
                STD,
                MEAN,
                NUMBERS,
                TEXT,
                Field("of", "integer", "keep the best of so many", None, 1, 16 * most),
                Field("rank", "string", "what scores them", one_of=("discriminator",)),
                Field("format", "string", "format of the answer", one_of=MANY),
            ),
            answers=("image/png", "application/zip", "application/json", "text/csv",
                     "text/plain", "application/x-npy"),
        ),
        Endpoint(
            "POST",
            "/v1/models/{model}/interpolation",
            "interpolation",
            "Frames from the first sample of one seed to the next.",
            body=(
                Field("seeds", "array", "two seeds or more", REQUIRED, 2, 16,
                      items=Field("seeds", "integer", "a seed", 0, 0, MOST_SEED)),
                FRAMES,
                Field("loop", "boolean", "return to the first seed", False),
                LABEL,
                Field("format", "string", "of the answer", "webp", one_of=("webp", "gif", "png")),
            ),
            answers=("image/webp", "image/gif", "image/png"),
        ),
        Endpoint(
            "POST",
            "/v1/models/{model}/score",
            "score",
            "The discriminator's logit of an image.",
            query=(LABEL,),
            takes=IMAGES,
        ),
        Endpoint(
            "POST",
            "/v1/models/{model}/translation",
            "translation",
            "An image, a sound or lines of text, as the model takes them, in the other domain.",
            query=(Field("to", "string", "the domain", one_of=("a", "b")),),
            takes=FILES,
            answers=("image/png", "audio/wav", "text/plain"),
        ),
        Endpoint(
            "POST",
            "/v1/models/{model}/captions",
            "captions",
            "What an image shows, in words.",
            query=(
                Field("count", "integer", "how many captions", 1, 1, most),
                SEED,
                Field("temperature", "number", "below 1: likelier words", 1.0, 0.01, 100),
            ),
            takes=IMAGES,
        ),
        Endpoint(
            "POST",
            "/v1/models/{model}/projection",
            "projection",
            "The latent whose sample is most like an image. It takes seconds.",
            query=(
                Field("steps", "integer", "of the search", 100, 0, 300),
                Field("label", "string", "a class; the one that comes nearest where left out"),
            ),
            takes=IMAGES,
        ),
        Endpoint(
            "POST",
            "/v1/models/{model}/edited",
            "edited",
            "The sample of a latent that a projection found: moved, mixed.",
            body=(
                Field("latent", "string", "as a projection answers it: base64 of float32 numbers",
                      REQUIRED, most=48_000),
                Field("label", "string", "a class, as a projection answers it"),
                Field("directions", "object", 'steps by direction, such as {"0": "1.5"}', most=64,
                      items=Field("directions", "string", "a step in deviations, as text")),
                Field("share", "number", "of the sample that it is mixed with", 0.0, 0, 1),
                SEED,
                Field("index", "integer", "number of that sample", 0, 0, MOST_SEED),
            ),
            answers=("image/png",),
        ),
        Endpoint("GET", "/health", "health", "Whether the process lives.", open=True),
        Endpoint("GET", "/ready", "ready", "Whether it takes requests.", open=True),
        Endpoint("GET", "/metrics", "metrics", "Counts for Prometheus.", answers=("text/plain",)),
        Endpoint("GET", "/openapi.json", "openapi", "This table."),
    )  # fmt: skip


ERRORS = (400, 401, 403, 404, 406, 408, 413, 415, 421, 422, 429, 503, 504)


def openapi(endpoints: Sequence[Endpoint], token: bool) -> dict[str, Any]:
    """The table as an OpenAPI 3.1 document."""
    paths: dict[str, Any] = {}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for one in endpoints:
        own: dict[str, Any] = {"operationId": one.name, "summary": one.about}
        parameters = [
            {
                "name": field.name,
                "in": "query",
                "required": field.default is REQUIRED,
                "description": field.about,
                "schema": field.schema(),
            }
            for field in one.query
        ]
        if "{model}" in one.path:
            parameters.insert(
                0,
                {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}},
            )
        if parameters:
            own["parameters"] = parameters
        if one.body:
            own["requestBody"] = {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": [f.name for f in one.body if f.default is REQUIRED],
                            "properties": {field.name: field.schema() for field in one.body},
                        }
                    }
                },
            }
        elif one.takes:
            binary = {"schema": {"type": "string", "format": "binary"}}
            own["requestBody"] = {"required": True, "content": {kind: binary for kind in one.takes}}
        answers: dict[str, Any] = {
            "200": {"description": "OK", "content": {kind: {} for kind in one.answers}}
        }
        for status in ERRORS:
            answers[str(status)] = {"description": TITLES[status], "content": problem}
        own["responses"] = answers
        if one.open:
            own["security"] = []
        paths.setdefault(one.path, {})[one.method.lower()] = own
    text = {"type": "string"}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "ganzfeld serve", "version": SOFTWARE.removeprefix("ganzfeld ")},
        "paths": paths,
        "components": {
            "schemas": {
                "Problem": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail", "id"],
                    "properties": {
                        "type": text,
                        "title": text,
                        "status": {"type": "integer"},
                        "detail": text,
                        "field": text,
                        "fix": text,
                        "id": text,
                    },
                }
            }
        },
    }
    if token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document
