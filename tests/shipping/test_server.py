"""The server: the same samples as the command, in every kind and format; its end and its limits."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("uvicorn")

from serving import Running, read_reply, served, until
from shipping_runs import tiny

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.cli.serve import named
from ganzfeld.core import marks
from ganzfeld.errors import UsageError
from ganzfeld.models.generation import captions_of
from ganzfeld.shipping.server import pages
from ganzfeld.shipping.server.app import Limits
from ganzfeld.shipping.server.batching import Batcher, Job, Wanted
from ganzfeld.shipping.server.metrics import Metrics
from ganzfeld.shipping.server.problem import Problem
from ganzfeld.shipping.server.served import load

FACES = "/v1/models/faces"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ganzfeld.train(
        "avatars:64",
        out=tmp_path_factory.mktemp("runs") / "faces",
        recipe="hinge",
        size=16,
        images=640,
        batch=32,
        settings=["networks.G.width=4", "networks.D.width=4"],
        quiet=True,
    ).path


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Running]:
    with served([load("faces", str(run))], Limits(count=40)) as own:
        yield own


def test_samples_are_those_of_the_command_byte_for_byte(
    server: Running, run: Path, tmp_path: Path
) -> None:
    words = ["--count", "5", "--seed", "7", "--std", "0.5", "--out", str(tmp_path)]
    main(["sample", str(run), *words])
    for number, file in enumerate(sorted(tmp_path.iterdir())):
        found = server.get(f"{FACES}/sample?seed=7&index={number}&std=0.5")
        assert found.status == 200 and found.headers["content-type"] == "image/png"
        assert found.body == file.read_bytes()
    (tmp_path / "served.png").write_bytes(server.get(f"{FACES}/sample?seed=8&label=bun").body)
    main(["sample", str(run), "--from", str(tmp_path / "served.png")])
    listed = server.post(
        f"{FACES}/samples", {"seed": "7", "count": 5, "std": 0.5, "format": "json"}
    )
    files = sorted(tmp_path.glob("7-*.png"))
    for one, file in zip(listed.json["samples"], files, strict=True):
        assert base64.b64decode(one["data"]) == file.read_bytes()


def test_a_class_is_asked_for_among_the_numbers_too(server: Running) -> None:
    by_label = server.post(f"{FACES}/samples", {"count": 2, "labels": ["bun"], "format": "json"})
    for name in ("label", "class"):
        body = {"count": 2, "numbers": {name: "bun"}, "format": "json"}
        found = server.post(f"{FACES}/samples", body)
        assert found.status == 200 and found.json["samples"] == by_label.json["samples"]
    body = {"count": 1, "of": 4, "labels": ["bun"], "format": "json"}
    ranked = server.post(f"{FACES}/samples", body)
    body = {"count": 1, "of": 4, "numbers": {"label": "bun"}, "format": "json"}
    assert server.post(f"{FACES}/samples", body).json["samples"] == ranked.json["samples"]
    for body in (
        {"numbers": {"label": "bun"}, "labels": ["bun"]},
        {"numbers": {"label": "bun", "class": "bun"}},
        {"numbers": {"label": "bun", "age": 3}},
        {"numbers": {"label": ["bun"]}},
        {"numbers": {"label": True}},
    ):
        refused = server.post(f"{FACES}/samples", body)
        assert refused.status == 422 and refused.json["field"] == "numbers", body


def test_32_clients_get_the_bits_that_one_gets(server: Running, run: Path) -> None:
    """Batches form by themselves; nothing that is in one changes another."""
    model = ganzfeld.load(run)
    asked = [(seed, index, label) for seed in range(8) for index in range(6) for label in (0, 3)]

    def ask(one: tuple[int, int, int]) -> bytes:
        seed, index, label = one
        return server.get(f"{FACES}/sample?seed={seed}&index={index}&label={label}").body

    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(ask, asked))
    for (seed, index, label), body in zip(asked, found, strict=True):
        expected = model.store(model.sample(1, seed=seed, start=index, labels=label))[0]
        with Image.open(io.BytesIO(body)) as image:
            assert np.array_equal(np.asarray(image).transpose(2, 0, 1), expected)
    assert any(size > 1 for size in server.app.metrics.batches), "batches formed"


def test_the_price_of_a_deviation_of_the_latents(server: Running, run: Path) -> None:
    """Pairs of one class, as `Model.sample` draws them: less far apart with less deviation."""
    model = ganzfeld.load(run)
    labels = model.labels_of(range(0, 64, 2), 0, [])

    def apart(std: float, own: Any) -> float:
        one, other = (
            model.draw_exact(
                [(0, 2 * i + more, int(y)) for i, y in enumerate(own)], std=std
            ).double()
            for more in (0, 1)
        )
        return float((one - other).square().mean().sqrt())

    for query, own in (("", labels), ("&label=bob", [model.classes.index("bob")] * 32)):
        found = server.get(f"{FACES}/variety?std=0.5{query}").json
        assert found["variety"] == pytest.approx(apart(0.5, own) / apart(1, own), rel=1e-5)
        assert 0.2 < found["variety"] < 0.9 and found["pairs"] == 32
    assert server.get(f"{FACES}/variety").json["variety"] == 1
    assert server.get(f"{FACES}/variety?std=0").json["variety"] == 0
    assert server.get(f"{FACES}/variety?label=nobody").status == 422


def test_etags_and_revisions(server: Running) -> None:
    address = f"{FACES}/sample?seed=1&index=2"
    first = server.get(address)
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    drawn = sum(server.app.metrics.batches.values())
    for value in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        again = server.get(address, if_none_match=value)
        assert again.status == 304 and again.headers["etag"] == etag
    assert sum(server.app.metrics.batches.values()) == drawn, "nothing was drawn for these"
    assert server.get(address, if_none_match='"x"').status == 200
    others = ("seed=1&index=3", "seed=1&index=2&std=0.9", "seed=1&index=2&label=bob")
    assert len({server.get(f"{FACES}/sample?{q}").headers["etag"] for q in others} | {etag}) == 4
    revision = server.get("/v1/models").json["models"][0]["revision"]
    kept = server.get(f"{address}&revision={revision}")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.body == first.body


def test_webp_and_json_hold_the_same_pixels(server: Running) -> None:
    pixels = [
        np.asarray(Image.open(io.BytesIO(server.get(f"{FACES}/sample?seed=3&format={f}").body)))
        for f in ("png", "webp")
    ]
    assert np.array_equal(*pixels)
    said = server.get(f"{FACES}/sample?seed=3&format=json").json
    assert np.array_equal(np.array(said["value"]).transpose(1, 2, 0), pixels[0])
    assert said["mark"]["seed"] == 3


def test_grids_and_zips(server: Running, run: Path, tmp_path: Path) -> None:
    words = {"seed": 4, "count": 6, "labels": ["bob", "bun"]}
    grid = server.post(f"{FACES}/samples", words | {"format": "grid"})
    (tmp_path / "g.png").write_bytes(grid.body)
    mark = marks.read(tmp_path / "g.png")
    assert mark is not None and mark["indices"] == [[0, 5]]
    found = server.post(f"{FACES}/samples", words | {"format": "zip"})
    assert server.post(f"{FACES}/samples", words | {"format": "zip"}).body == found.body
    with zipfile.ZipFile(io.BytesIO(found.body)) as archive:
        names = archive.namelist()
        rows = archive.read("labels.csv").decode().splitlines()
        archive.extractall(tmp_path / "zip")
    assert len(names) == 7 and len(rows) == 7 and rows[2].split(",")[1] == "bun"
    main(["sample", str(run), "--from", str(tmp_path / "zip" / names[3])])


def test_the_best_come_with_their_scores(server: Running, run: Path) -> None:
    words = {"seed": 1, "count": 3, "of": 40, "format": "json"}
    found = server.post(f"{FACES}/samples", words).json["samples"]
    from ganzfeld.models.rank import best

    expected = best(ganzfeld.load(run), 3, of=40, seed=1)
    assert [int(one["index"]) for one in found] == expected.numbers
    assert np.allclose([one["score"] for one in found], expected.scores.numpy())
    png = base64.b64decode(found[0]["data"])
    label = found[0]["label"]
    score = server.post(f"{FACES}/score?label={label}", png, content_type="image/png").json
    assert abs(score["score"] - found[0]["score"]) < 0.05  # of 8 bits
    assert server.post(f"{FACES}/score", png, content_type="image/png").status == 422


def test_interpolations(server: Running) -> None:
    for format in ("webp", "gif"):
        found = server.post(
            f"{FACES}/interpolation", {"seeds": [1, "2"], "frames": 5, "format": format}
        )
        with Image.open(io.BytesIO(found.body)) as image:
            assert found.status == 200 and getattr(image, "n_frames", 1) == 6
        assert b"trainedAlgorithmicMedia" in found.body
    assert server.post(f"{FACES}/interpolation", {"seeds": [1]}).status == 422
    assert server.post(f"{FACES}/interpolation", {}).json["field"] == "seeds"
    many = {"seeds": list(range(16)), "frames": 120}
    assert server.post(f"{FACES}/interpolation", many).status == 422


def test_health_ready_and_metrics(server: Running) -> None:
    assert server.get("/health").json == {"alive": True}
    assert server.get("/ready").json == {"ready": True, "models": ["faces"]}
    model = server.app.models["faces"]
    before, model.first = model.first, b"other bits"
    assert server.get("/ready").status == 503
    model.first = before
    text = server.get("/metrics").body.decode()
    assert 'path="/ready",method="GET",status="503"} 1' in text
    assert re.search(r"ganzfeld_batches_total [1-9]", text)
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \S+ .+|ganzfeld_\w+(\{.*\})? [0-9.e+-]+", line), line
    assert "seed=" not in text and "bob" not in text


def test_openapi_is_the_table_that_validates(server: Running) -> None:
    """Each field's bounds in the document are those that a request meets."""
    document = server.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {one.path for one in server.app.endpoints}
    tried = 0
    for path, methods in document["paths"].items():
        address = path.replace("{model}", "faces")
        for method, said in methods.items():
            for one in said.get("parameters", []):
                schema = one["schema"]
                if one["in"] != "query" or "maximum" not in schema or method != "get":
                    continue
                for value in (schema["minimum"], schema["maximum"]):
                    assert server.get(f"{address}?{one['name']}={value}").status == 200
                beyond = schema["maximum"] * 10 if schema["maximum"] < 1e9 else 2**64
                for value in (-1 if schema["minimum"] == 0 else schema["minimum"] * 10, beyond):
                    assert server.get(f"{address}?{one['name']}={value}").status == 422
                tried += 1
            body = said.get("requestBody", {}).get("content", {}).get("application/json")
            if body is None:
                continue
            needed = {"seeds": [1, 2], "frames": 1} if "interpolation" in path else {"count": 1}
            for name, schema in body["schema"]["properties"].items():
                for bound, step in (("minimum", -1), ("maximum", 1)):
                    if bound not in schema or name == "of":
                        continue
                    over = schema[bound] + step
                    assert server.post(address, needed | {name: over}).status == 422, (name, over)
                    tried += 1
                wrong = {} if schema["type"] != "object" else []
                assert server.post(address, needed | {name: wrong}).status == 422, name
    assert tried > 12


def test_docs_have_no_script_and_the_app_its_hashes(server: Running) -> None:
    found = server.get("/docs")
    assert b"<script" not in found.body
    assert "script-src 'none'" in found.headers["content-security-policy"]
    policy = pages.policy("<style>a{}</style><script>1</script><script type=module>2</script>")
    assert policy.count("'sha256-") == 3 and "unsafe-inline" not in policy
    assert "'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='" in policy  # printf 1 | sha256


RECIPES = ["audio", "text-gan", "table-vae", "fields"]


def check_marks(data: bytes, suffix: str, place: Path) -> None:
    """Each file of a ZIP has its mark, inside or beside it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(place)
    found = [marks.read(file) for file in sorted(place.glob(f"*{suffix}")) if "-" in file.name]
    assert [mark and mark["index"] for mark in found] == [0, 1, 2, 3]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_kind_is_served_as_the_command_writes_it(recipe: str, tmp_path: Path) -> None:
    run = tiny(recipe, tmp_path / "run")
    model = load("it", str(run))
    loaded = ganzfeld.load(run)
    kind = loaded.modality
    with served([model]) as own:
        said = own.get("/v1/models").json["models"][0]
        assert said["modality"] == kind.name
        for format in said["formats"]["sample"]:
            found = own.get(f"/v1/models/it/sample?seed=3&index=2&format={format}")
            assert found.status == 200, found.body
            if "." + format != kind.suffix:
                continue
            stored = loaded.store(loaded.sample(1, seed=3, start=2))[0]
            plain = kind.encoded(stored, loaded.spec)
            mark = model.marks_of([Wanted(3, 2)])[0]
            inside = marks.stamp(plain, mark)
            assert found.body == (inside or plain)
            told = found.headers.get("ganzfeld-mark")  # of files that have no place for it
            assert (told is None) if inside else json.loads(told or "") == mark
        for format in said["formats"]["samples"]:
            found = own.post("/v1/models/it/samples", {"seed": 3, "count": 4, "format": format})
            assert found.status == 200, found.body
            if format == "json":
                samples = found.json["samples"]
                assert len(samples) == 4 and all("data" in s or "value" in s for s in samples)
            if format == "zip":
                check_marks(found.body, kind.suffix, tmp_path / "zip")
            told = json.loads(found.headers.get("ganzfeld-mark", "null"))
            assert (told is None) == (format not in ("csv", "txt", "npy"))
            assert told is None or (told["seed"], told["indices"]) == (3, [[0, 3]])
        assert own.get("/ready").status == 200
        body = {"seeds": [1, 2]}
        assert own.post("/v1/models/it/interpolation", body).status == 404


def test_captions(tmp_path: Path) -> None:
    run = tiny(
        "text-to-image",
        tmp_path / "run",
        source="avatars-captions:64",
        batch=16,
        settings=["networks.*.width=4"],
    )
    loaded = ganzfeld.load(run)
    with served([load("told", str(run))]) as own:
        said = own.get("/v1/models").json["models"][0]
        assert said["text"] is True and said["conditions"] == []
        caption = captions_of(loaded.about)
        found = own.get(f"/v1/models/told/sample?seed=3&text={quote(caption)}")
        assert found.status == 200, found.body
        expected = loaded.store(loaded.sample(1, seed=3, text=caption))[0]
        with Image.open(io.BytesIO(found.body)) as image:
            assert np.array_equal(np.asarray(image).transpose(2, 0, 1), expected)
        (tmp_path / "one.png").write_bytes(found.body)
        main(["sample", str(run), "--from", str(tmp_path / "one.png")])
        body = {"count": 2, "text": caption, "format": "json"}
        assert own.post("/v1/models/told/samples", body).status == 200
        wrong = own.get("/v1/models/told/sample?text=xyzzy")
        assert wrong.status == 422 and wrong.json["field"] == "text"


def test_translations(tmp_path: Path) -> None:
    run = tiny("pix2pix", tmp_path / "run")
    image = Image.new("RGB", (24, 16), "red")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    with served([load("lines", str(run))], Limits(pixels=1000)) as own:
        said = own.get("/v1/models").json["models"][0]
        to = said["directions"][0]["to"]
        found = own.post(
            f"/v1/models/lines/translation?to={to}", buffer.getvalue(), content_type="image/png"
        )
        expected = ganzfeld.load(run).translate(image, to=to)
        with Image.open(io.BytesIO(found.body)) as done:
            assert done.size == (24, 16) and done.tobytes() == expected.tobytes()
            assert "compositeWithTrainedAlgorithmicMedia" in done.info["XML:com.adobe.xmp"]
        assert own.app.models["lines"].asked == "translation"
        back = {"a": "b", "b": "a"}[to]
        wrong = f"/v1/models/lines/translation?to={back}"
        assert own.post(wrong, buffer.getvalue(), content_type="image/png").status == 422
        assert own.get("/v1/models/lines/sample").status == 404
        large = io.BytesIO()
        Image.new("RGB", (100, 100)).save(large, "PNG")
        found = own.post("/v1/models/lines/translation", large.getvalue(), content_type="image/png")
        assert found.status == 413


@pytest.mark.long
def test_images_are_captioned_as_python_captions_them(tmp_path: Path) -> None:
    settings = ["networks.*.width=4", "networks.*.hidden=16", "networks.*.embedding=8"]
    source = "avatars-paraphrases:64"
    run = tiny("image-to-text", tmp_path / "run", source=source, settings=settings)
    image, buffer = Image.new("RGB", (24, 16), "red"), io.BytesIO()
    image.save(buffer, "PNG")
    with served([load("told", str(run))]) as own:
        said = own.get("/v1/models").json["models"][0]
        assert said["captions"] and not said["text"] and not said["projection"]
        at = "/v1/models/told/captions?count=3&seed=7"
        found = own.post(at, buffer.getvalue(), content_type="image/png")
        model = ganzfeld.load(run, task="captioning")
        assert found.json["captions"] == model.caption(image, count=3, seed=7)
        assert json.loads(found.headers["ganzfeld-mark"])["seed"] == 7
        assert own.post(at, b"no image", content_type="image/png").status == 415
        assert own.get("/v1/models/told/sample").json["fix"] == "POST .../captions"
        assert own.get("/ready").status == 200


# The queue


class Slow:
    """An engine that takes a while, and notes what it drew together."""

    inputs = SimpleNamespace(classes=[])

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.batches = seconds, []  # type: ignore[var-annotated]

    def draw(self, pairs: Any, *others: Any) -> Any:
        self.batches.append(list(pairs))
        time.sleep(self.seconds)
        return np.array([[seed, index] for seed, index in pairs])


def jobs(engine: Any, *counts: int, seconds: float = 20.0, most: int = 1000) -> list[Any]:
    """What requests for so many samples each get, or their error, when they ask at once."""

    async def ask() -> list[Any]:
        batcher = Batcher(Metrics(), most)
        loop = asyncio.get_running_loop()
        futures = []
        for seed, count in enumerate(counts):
            own: asyncio.Future[Any] = loop.create_future()
            wanted = [Wanted(seed, i) for i in range(count)]
            job = Job(own, time.monotonic() + seconds, engine, wanted, lambda rows, drawn: rows)
            try:
                batcher.put(job)
            except Problem as problem:
                own.set_exception(problem)
            futures.append(own)
        found = await asyncio.gather(*futures, return_exceptions=True)
        batcher.stop()
        return found

    return asyncio.run(ask())


def test_a_large_request_starves_no_small_one() -> None:
    engine = Slow(0.02)
    found = jobs(engine, 300, 1, 1, 40)
    for seed, (rows, count) in enumerate(zip(found, (300, 1, 1, 40), strict=True)):
        assert rows.tolist() == [[seed, i] for i in range(count)]
    assert max(map(len, engine.batches)) == 32
    last = {seed: n for n, batch in enumerate(engine.batches) for seed, _ in batch}
    assert last[1] <= 1 and last[2] <= 1 and last[3] <= 4 < last[0]


def test_a_full_queue_refuses_and_a_late_request_is_told() -> None:
    found = jobs(Slow(0.05), 32, 30, 30, 30, most=64)
    refused = [one for one in found if isinstance(one, Problem)]
    assert refused and all(one.status == 429 and one.headers["Retry-After"] for one in refused)
    late = jobs(Slow(0.2), 96, seconds=0.3)
    assert isinstance(late[0], Problem) and late[0].status == 504


def test_a_client_that_goes_away_is_drawn_no_more(server: Running, run: Path) -> None:
    model = server.app.models["faces"]
    engine, before = model.engine, sum(server.app.metrics.batches.values())
    assert engine is not None
    draw = engine.draw

    def slow(*words: Any) -> Any:
        time.sleep(0.4)
        return draw(*words)

    engine.draw = slow  # type: ignore[method-assign]
    try:
        body = json.dumps({"count": 40, "format": "zip"}).encode()
        headers = {"content_type": "application/json", "content_length": str(len(body))}
        with server.connect() as own:
            own.sendall(server.request("POST", f"{FACES}/samples", headers, body))
            time.sleep(0.3)
        cancelled = server.app.metrics.cancelled
        assert until(5, lambda: server.app.metrics.cancelled > cancelled or cancelled)
        assert until(5, lambda: server.app.batcher.idle)
        assert sum(server.app.metrics.batches.values()) - before <= 1, "of two batches"
    finally:
        engine.draw = draw  # type: ignore[method-assign]
    assert server.get(f"{FACES}/sample").status == 200


# The command


def start(*words: str) -> tuple[subprocess.Popen[str], int]:
    """`ganzfeld serve` as a process of its own, and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ganzfeld", "serve", *words, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"API: http://127\.0\.0\.1:(\d+)/", line):
            return process, int(found[1])
    raise AssertionError(said)


@pytest.mark.long
def test_sigterm_lets_requests_end_and_exits_with_0(run: Path) -> None:
    process, port = start(f"faces={run}", "--max-count", "4096", "--queue", "1000000")

    def asked(of: int) -> bytes:
        body = json.dumps({"count": 256, "of": of, "format": "zip"}).encode()
        headers = {"content_type": "application/json", "content_length": str(len(body))}
        return own.request("POST", f"{FACES}/samples", headers, body)

    try:
        own = Running(None, port)  # type: ignore[arg-type]
        with own.connect(60) as long, own.connect() as kept:
            started = time.monotonic()
            long.sendall(asked(2_000))
            assert read_reply(long).status == 200
            many = int(2_000 * 3.0 / (time.monotonic() - started))  # about three seconds' worth
            kept.sendall(own.request("GET", "/health", {}, b""))
            assert read_reply(kept).status == 200
            long.sendall(asked(many))
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            kept.sendall(own.request("GET", "/ready", {}, b""))
            assert read_reply(kept).status == 503
            kept.sendall(own.request("GET", f"{FACES}/sample", {}, b""))
            assert read_reply(kept).status == 503
            found = read_reply(long)
        assert found.status == 200 and zipfile.is_zipfile(io.BytesIO(found.body))
        assert process.wait(15) == 0
        with pytest.raises(OSError):
            own.connect(1)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_10_000_requests_leave_memory_as_it_was(run: Path) -> None:
    process, port = start(f"faces={run}")
    own = Running(None, port)  # type: ignore[arg-type]

    def resident() -> float:
        text = Path(f"/proc/{process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024

    def many(first: int, count: int) -> None:
        def part(n: int) -> None:
            with own.connect(60) as kept:
                for seed in range(first + n, first + count, 8):
                    path = f"{FACES}/sample?seed={seed}"
                    kept.sendall(own.request("GET", path, {}, b""))
                    assert read_reply(kept).status == 200

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(part, range(8)))

    try:
        many(0, 1_000)
        before = resident()
        many(1_000, 10_000)
        print(f"\n{before:.1f} MB after 1,000 requests, {resident():.1f} MB after 11,000")
        assert abs(resident() - before) < 5
    finally:
        process.terminate()
        process.communicate(timeout=15)
    assert process.returncode == 0


def test_ports_that_are_taken_and_models_that_are_not_there(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, code, told in (
            ([str(run), "--port", port], 2, "or 0 for any free one"),
            ([str(run), "--host", "192.0.2.1", "--token", "t" * 20], 2, "an address of this"),
            (["nowhere"], 4, "no run or model"),
            ([str(run), "--engine", "onnx"], 2, "is no exported model"),
            ([str(run), "--allow-origin", "*"], 2, "takes an origin"),
            ([f"a/b={run}"], 2, "cannot be called"),
            ([str(run), str(run)], 2, "two models"),
        ):
            with pytest.raises(SystemExit) as error:
                main(["serve", *words])
            assert error.value.code == code and told in capsys.readouterr().err


def test_names_of_models(tmp_path: Path) -> None:
    assert named(("runs/a b", "x=y=z", "runs/c/model")) == {
        "a-b": "runs/a b", "x": "y=z", "c": "runs/c/model",
    }  # fmt: skip
    assert named(("hub:me/faces@v1",)) == {"faces": "hub:me/faces@v1"}
    assert named(()) == {"avatars-model": "avatars-model"}
    with pytest.raises(UsageError):
        named(("=x",))
    assert threading.active_count() < 50
