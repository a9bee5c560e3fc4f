"""The command that serves models over HTTP."""

from __future__ import annotations

import os
import re
import webbrowser
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.core.language import tell
from ganzfeld.core.names import USUAL
from ganzfeld.errors import UsageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def serve(
    models: Positional[tuple[str, ...]] = (),
    /,
    *,
    host: str = "127.0.0.1",
    port: int = 7878,
    token: str | None = None,
    allow_host: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    allow_origin: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="URL")] = (),
    max_count: int = 64,
    max_pixels: int = 4_000_000,
    max_body: int = 8 << 20,
    queue: int = 256,
    timeout: float = 30.0,
    engine: Literal["auto", "torch", "onnx"] = "auto",
    threads: int = 1,
    log: bool = False,
    open: bool = False,
    trust_code: bool = False,
) -> None:
    """Serve models over HTTP: samples, translations and scores, with an OpenAPI description.

    The same seed and number give the same sample as `ganzfeld sample`. Nothing can be loaded,
    trained, written or deleted through it.

    Args:
        models: Folders of runs, models or exported models, each as PATH or NAME=PATH. Default: the
            model that the package brings.
        host: Address to listen on. One that other machines reach needs a token.
        port: Port to listen on; 0 for any free one.
        token: What clients send as `Authorization: Bearer TOKEN`. Default: $GANZFELD_TOKEN.
        allow_host: Another name under which clients ask for this server.
        allow_origin: Origin of a page elsewhere that may ask, such as https://example.org.
        max_count: Samples that one request may ask for.
        max_pixels: Pixels of an image that is sent here.
        max_body: Bytes of a request's body.
        queue: Samples that may wait; more are refused with 429.
        timeout: Seconds that a request's work may take.
        engine: What draws. auto: onnxruntime for an exported folder, else PyTorch.
        threads: Threads that draw.
        open: Also open the app in a browser.
        log: Write a line to standard error for each request.
        trust_code: Allow the models' own Python code to run.
    """
    from ganzfeld.core import border
    from ganzfeld.shipping.server import run as running
    from ganzfeld.shipping.server.app import Limits
    from ganzfeld.shipping.server.guard import Guard
    from ganzfeld.shipping.server.handlers import application
    from ganzfeld.shipping.server.served import load

    token = token or os.environ.get("GANZFELD_TOKEN") or None
    border.whole(port, "--port", 0, 65535)
    limits = Limits(
        border.whole(max_count, "--max-count", 1, 4096),
        border.whole(max_pixels, "--max-pixels", 1, 178_000_000),
        border.whole(max_body, "--max-body", 1024, 1 << 30),
        border.whole(queue, "--queue", 1, 1 << 20),
        border.real(timeout, "--timeout", 0, 3600, above=True),
    )
    border.whole(threads, "--threads", 1, 1024)
    if host.startswith("[") and host.endswith("]"):  # as addresses have IPv6
        host = host[1:-1]
    running.check_host(host, token)
    for origin in allow_origin:
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            raise UsageError(
                f"--allow-origin takes an origin, not {origin[:60]!r}",
                fix="--allow-origin https://example.org, without a path",
            )
    if trust_code:
        tell("note: --trust-code runs Python code that the models' folders hold")
    served = [
        load(name, path, engine=engine, threads=threads, trust_code=trust_code)
        for name, path in named(models).items()
    ]
    running.need_uvicorn()  # after models that no server takes are refused
    running.warm(served)
    own = running.listen(host, port)
    place = running.address(host, own.getsockname()[1])
    guard = Guard(host, own.getsockname()[1], allow_host, allow_origin, token)
    app = application(served, guard, limits, quiet=not log)

    def started() -> None:
        for one in served:
            tell(f"{one.name}: http://{place}/v1/models/{one.name}/{one.asked}")
        tell(f"app: http://{place}/")
        tell(f"API: http://{place}/docs")
        if open:
            webbrowser.open(f"http://{place}/")

    running.run(app, own, started)
    tell("stopped")


def named(words: tuple[str, ...]) -> dict[str, str]:
    """Models by the names that their addresses get: of NAME=PATH, else of the folder."""
    found: dict[str, str] = {}
    for word in words or (USUAL,):
        name, equals, path = word.partition("=")
        if not equals:
            path = word
            folder = Path(path.rpartition(":")[2] if path.startswith("hub:") else path)
            name = folder.resolve().name
            if name == "model" and folder.resolve().parent.name:
                name = folder.resolve().parent.name
            name = re.sub(r"[^A-Za-z0-9._-]+", "-", name.partition("@")[0]).strip("-._") or "model"
        if not NAME.fullmatch(name):
            raise UsageError(
                f"a model cannot be called {name[:60]!r} in an address",
                fix=f"letters, digits, dots, - and _: faces={path}",
            )
        if name in found:
            raise UsageError(
                f"two models would be called {name}", fix=f"{name}-2={path} for one of them"
            )
        found[name] = path
    return found
