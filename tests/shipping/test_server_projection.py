"""An image of one's own over HTTP: what Python finds, edited as Python edits, and nobody waits."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("uvicorn")

from serving import Running, served, until
from shipping_runs import tiny

import ganzfeld
from ganzfeld.core import marks
from ganzfeld.models import latent_file
from ganzfeld.models.directions import directions_of
from ganzfeld.models.interpolate import slerp
from ganzfeld.models.project import project
from ganzfeld.shipping.server import projecting
from ganzfeld.shipping.server.app import Limits
from ganzfeld.shipping.server.served import load

FIND = "/v1/models/faces/projection"
EDIT = "/v1/models/faces/edited"
IMAGE: dict[str, Any] = {"content_type": "image/png"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("hinge", tmp_path_factory.mktemp("projection") / "run")


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Running]:
    with served([load("faces", str(run))]) as own:
        yield own


def photo(side: int = 16) -> bytes:
    rows, columns = np.mgrid[:side, :side] * 255 // side
    buffer = io.BytesIO()
    pixels = np.stack([rows, columns, 255 - rows], 2).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def pixels(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).transpose(2, 0, 1)


def test_what_is_found_and_edited_is_what_python_finds(
    server: Running, run: Path, tmp_path: Path
) -> None:
    model = ganzfeld.load(run)
    image = photo()
    told = server.post(f"{FIND}?steps=20", image, **IMAGE).json
    x = model.modality.to_network(torch.from_numpy(pixels(image)[None].copy()), model.spec)
    found = project(model, x, steps=20, candidates=projecting.CANDIDATES)
    z = np.frombuffer(base64.b64decode(told["latent"]), "<f4")
    assert np.array_equal(z, found.latents.z[0].numpy())
    assert told["error"] == round(found.errors[0], 5) <= told["start"] == round(found.starts[0], 5)
    assert told["label"] == latent_file.names(model, found.latents)[0]
    assert np.array_equal(pixels(base64.b64decode(told["original"])), pixels(image))
    whole = base64.b64decode(told["reconstruction"])
    assert np.array_equal(pixels(whole), model.store(found.samples)[0])
    (tmp_path / "one.png").write_bytes(whole)
    mark = marks.read(tmp_path / "one.png")
    assert mark is not None and mark["model"] == told["model"] and mark["label"] == told["label"]

    usual = {"latent": told["latent"], "label": told["label"]}
    assert np.array_equal(pixels(server.post(EDIT, usual).body), pixels(whole))
    moved = server.post(EDIT, usual | {"directions": {"0": "1.5", "2": "-1"}}).body
    shift = directions_of(model).shift({0: 1.5, 2: -1.0})
    wanted = model.store(latent_file.draw(model, found.latents, shift))[0]
    assert np.array_equal(pixels(moved), wanted) and not np.array_equal(wanted, pixels(whole))
    other = str(2**64 - 1)
    mixed = server.post(EDIT, usual | {"share": 0.5, "seed": other, "index": "3"}).body
    between = slerp(found.latents.z[0], model.latents_of([3], 2**64 - 1)[0], 0.5)
    latents = latent_file.Latents(between[None], found.latents.y)
    assert np.array_equal(pixels(mixed), model.store(latent_file.draw(model, latents))[0])
    (tmp_path / "two.png").write_bytes(mixed)
    mark = marks.read(tmp_path / "two.png")
    assert mark is not None and (mark["to_seed"], mark["to_index"]) == (2**64 - 1, 3)


def test_an_image_of_any_size_is_cut_and_a_class_can_be_asked_for(server: Running) -> None:
    told = server.post(f"{FIND}?steps=0&label=bob", photo(50), **IMAGE).json
    assert told["label"] == "bob" and told["steps"] == 0 and told["error"] <= told["start"] + 1e-5
    assert pixels(base64.b64decode(told["original"])).shape == (3, 16, 16)


def test_others_are_served_meanwhile(server: Running) -> None:
    wanted = server.get("/v1/models/faces/sample?seed=9").body
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(server.post, f"{FIND}?steps=300", photo(), **IMAGE)
        assert until(10, lambda: server.app.projecting == 1)
        during = []
        while not found.done():
            during.append(server.get("/v1/models/faces/sample?seed=9").body)
        assert found.result().status == 200
    assert len(during) > 5 and set(during) == {wanted}
    assert server.app.projecting == 0


def test_few_may_wait(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def slow(*given: Any) -> dict[str, Any]:
        assert go.wait(30)
        return {}

    monkeypatch.setattr(projecting, "project", slow)
    with ThreadPoolExecutor(projecting.WAITING) as pool:
        some = [pool.submit(server.post, FIND, photo(), **IMAGE) for _ in range(projecting.WAITING)]
        try:
            assert until(20, lambda: server.app.projecting == projecting.WAITING)
            one_more = server.post(FIND, photo(), **IMAGE)
            assert one_more.status == 429 and one_more.headers["retry-after"] == "5"
        finally:
            go.set()
        assert [one.result().status for one in some] == [200] * projecting.WAITING
    assert server.app.projecting == 0


def test_a_client_that_goes_away_ends_the_search(server: Running) -> None:
    before = server.app.metrics.cancelled
    data = photo()
    head = {"content_type": "image/png", "content_length": str(len(data))}
    with server.connect() as own:
        own.sendall(server.request("POST", f"{FIND}?steps=300", head, data))
        assert until(20, lambda: server.app.projecting == 1 and server.app.batcher.busy)
    assert until(20, lambda: server.app.projecting == 0 and server.app.batcher.idle)
    assert server.app.metrics.cancelled == before + 1


def test_a_search_ends_at_the_servers_limit_of_time(run: Path) -> None:
    with served([load("faces", str(run))], Limits(seconds=0.2)) as own:
        assert own.post(f"{FIND}?steps=300", photo(side=200), **IMAGE).status == 504
        assert own.app.projecting == 0
        assert own.get("/ready").status == 200


def test_what_is_refused(server: Running) -> None:
    def find(query: str) -> Any:
        return server.post(f"{FIND}?{query}", photo(), **IMAGE)

    for query, field in (
        *(("steps=301", "steps"), ("steps=-1", "steps"), ("steps=x", "steps")),
        *(("label=nobody", "label"), ("path=/etc/passwd", "path")),
    ):
        assert (find(query).status, find(query).json["field"]) == (422, field), query
    good = base64.b64encode(np.zeros(100, "<f4").tobytes()).decode()
    size = len(server.get("/v1/models").json["models"][0]["classes"])
    assert size and server.get("/v1/models").json["models"][0]["projection"]
    usual = {"latent": good, "label": "bob"}
    assert server.post(EDIT, usual).status == 200
    bad = base64.b64encode(np.full(100, np.nan, "<f4").tobytes()).decode()
    far = base64.b64encode(np.full(100, 1e4, "<f4").tobytes()).decode()
    for given, field in (
        *(
            ({"latent": ""}, "latent"),
            ({"latent": good[:-8]}, "latent"),
            ({"latent": "§"}, "latent"),
        ),
        *(({"latent": bad}, "latent"), ({"latent": far}, "latent"), ({"label": None}, "label")),
        *(({"label": "nobody"}, "label"), ({"share": 1.5}, "share"), ({"share": "x"}, "share")),
        *(({"directions": {name: step}}, "directions") for name, step in WRONG),
    ):
        refused = server.post(EDIT, usual | given)
        assert (refused.status, refused.json["field"]) == (422, field), given
    assert server.get(FIND).status == 405
    assert server.post(FIND, b"{}", content_type="application/json").status == 415


WRONG = (("0", "nan"), ("0", "11"), ("0", "one"), ("x", "1"), ("99999", "1"), ("-1", "1"))


def test_models_without_such_a_latent_say_so(tmp_path: Path) -> None:
    for recipe in ("text-mle", "cyclegan"):
        with served([load("faces", str(tiny(recipe, tmp_path / recipe)))]) as own:
            assert not own.get("/v1/models").json["models"][0]["projection"]
            assert own.post(FIND, photo(), **IMAGE).status == 404
            assert own.post(EDIT, {"latent": "AAAA"}).status == 404
