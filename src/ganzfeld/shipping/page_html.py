"""The page as one document: its script and style by hash, its data as JSON, its weights as text.

No address is in it that a browser would fetch, and its Content-Security-Policy forbids to: a page
made from a file may load nothing at all, the app of a server only what that server itself answers.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ganzfeld.shipping.squeeze import squeezed

ENGINE = ("latents.js", "engine.js", "worker.js")
STRICT = '"use strict";'
FACE = ("files.js", "words.js", "sources.js", "app.js")
LAST = "start.js"
PARTS = {  # what pages of a kind of sample have beside these
    "audio": ("audio.js",),
    "field": ("field.js",),
    "series": ("cells.js", "series.js"),
    "text": ("lines.js",),
    "table": ("cells.js", "rows.js"),
}
TASKS = {"translation": ("translate.js",), "projection": ("translate.js", "project.js")}
ALL = frozenset({*PARTS, *TASKS})


@cache
def static(name: str) -> str:
    return (files("ganzfeld.shipping") / "static" / name).read_text(encoding="utf-8")


def lean(text: str) -> str:
    """Style and markup without the indentation that only people need."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


@cache
def script(engine: bool, needs: frozenset[str] = ALL) -> str:
    """The code of a page. engine: whether it draws by itself. needs: kinds of sample and tasks."""
    parts = [name for need, names in (PARTS | TASKS).items() if need in needs for name in names]
    names = [*(ENGINE if engine else ()), *FACE, *dict.fromkeys(parts), LAST]
    body = "\n".join(squeezed(static(name)).removeprefix(STRICT) for name in names)
    return f"{STRICT}{body}"


def as_data(value: Any) -> str:
    """JSON that closes no element whatever its texts hold."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(code: str, style: str, *, server: bool) -> str:
    own = "'self'" if server else "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {sha256(code)} 'wasm-unsafe-eval'",
            f"style-src {sha256(style)}",
            "img-src blob:",
            "media-src blob:",
            "worker-src blob:",
            f"connect-src {own}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def document(data: Mapping[str, Any], weights: bytes, title: str) -> str:
    """The whole page of a model. data: what `start.js` reads. title: any text."""
    needs = frozenset({data["model"]["modality"], data["model"]["task"]})
    code = script(True, needs)
    return assembled(data, base64.b64encode(weights).decode(), title, code, server=False)


@cache
def app(needs: frozenset[str] = ALL) -> str:
    """The page of a server, which asks it for its models: `GET /v1/models`.

    needs: the kinds of sample and the tasks of these models.

    Example::

        from ganzfeld.shipping.page_html import app

        assert len(app(frozenset({"text"}))) < 60_000
    """
    return assembled({"server": True}, "", "ganzfeld", script(False, needs), server=True)


def assembled(data: Mapping[str, Any], weights: str, title: str, code: str, *, server: bool) -> str:
    style = lean(static("page.css"))
    rules = html.escape(policy(code, style, server=server))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="generator" content="ganzfeld">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{html.escape(title)}</title><style>{style}</style></head><body>"
        f"{lean(static('page.html'))}"
        f'<script type="application/json" id="data">{as_data(data)}</script>'
        f'<script type="text/plain" id="weights">{weights}</script>'
        f'<script id="code">{code}</script></body></html>\n'
    )
