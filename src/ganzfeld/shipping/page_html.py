"""The page as one document: its script and style by hash, its data as JSON, its weights as text.

No address is in it that a browser would fetch, and its Content-Security-Policy forbids to: a page
made from a file may load nothing at all, the app of a server only what that server itself answers.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence, Set
from functools import cache
from importlib.resources import files
from typing import Any

from ganzfeld.shipping.page_packed import as_text
from ganzfeld.shipping.squeeze import squeezed

ENGINE = ("engine.js",)
OPERATORS = {  # files of operators beside those of engine.js
    "convolution.js": ("conv",),
    "transposed.js": ("convt",),
    "padding.js": ("pad",),
    "recurrent.js": ("gru", "sigmoid"),
    "resizing.js": ("bilinear", "shuffle", "unshuffle", "pool"),
    "reductions.js": ("sum", "mean", "instance", "softmax", "permute"),
    "functions.js": ("clamp", "sin", "cos", "exp", "log1p", "round", "div", "power", "ge"),
    "choosing.js": (
        *("expand", "cumsum", "where", "addat", "erf", "ndtr", "trunc"),
        *("minimum", "maximum", "le", "lt", "gt", "eq", "ne"),
    ),
}
STRICT = '"use strict";'
FACE = ("files.js", "words.js", "sources.js", "app.js", "price.js")
LAST = "start.js"
FIRST = "packed.js"  # of a page that draws by itself: it unpacks the rest
HERE = ("worker.js", "here.js", "exact.js")  # of a page that draws by itself
THERE = ("there.js",)  # of a page that asks a server
PARTS = {  # what pages of a kind of sample or of a task have beside these
    "field": ("png.js", "field.js"),
    "series": ("cells.js", "series.js"),
    "text": ("whole.js", "lines.js"),
    "table": ("cells.js", "whole.js", "rows.js"),
    "translation": ("translate.js",),
}
DRAWN = ("latents.js", "directions.js", "price_here.js")  # of what is drawn from a latent
HERE_PARTS = {  # and where they draw by themselves
    "image": (*DRAWN, "png.js", "image.js", "between.js"),
    "audio": (*DRAWN, "png.js", "wav.js", "audio.js"),
    "field": (*DRAWN, "field_here.js", "between.js"),
    "series": (*DRAWN, "series_text.js"),
    "text": DRAWN,
    "table": (*DRAWN, "rows_text.js"),
    "translation": ("png.js", "translate_here.js"),
    "captions": ("asked.js",),
}
THERE_PARTS = {
    "translation": ("translate_there.js",),
    "projection": ("translate.js", "project.js"),
    "captioning": ("translate.js", "captions.js"),
}
STYLES = {  # a file of rules each
    "audio": "audio.css",
    "field": "field.css",
    "series": "series.css",
    "text": "lines.css",
    "table": "rows.css",
    "translation": "translate.css",
    "projection": "translate.css",
    "captioning": "translate.css",
}
OWN_PARTS = frozenset({"translation", "captioning"})  # tasks whose pages draw no samples of a kind
ALL = frozenset({*PARTS, *HERE_PARTS, *THERE_PARTS})
EVERY = frozenset(name for names in OPERATORS.values() for name in names)


@cache
def static(name: str) -> str:
    return (files("ganzfeld.shipping") / "static" / name).read_text(encoding="utf-8")


@cache
def code_of(name: str) -> str:
    """A file of code without what only people need."""
    return squeezed(static(name)).removeprefix(STRICT)


def lean(text: str) -> str:
    """Style and markup without the indentation that only people need."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


@cache
def script(engine: bool, needs: frozenset[str] = ALL, operators: frozenset[str] = EVERY) -> str:
    """The code of a page.

    engine: whether it draws by itself. needs: kinds of sample and tasks. operators: of its graphs.
    """
    names = file_names(engine, needs, operators)
    body = "\n".join(code_of(name) for name in names)
    return f"{STRICT}{body}"


def file_names(
    engine: bool, needs: frozenset[str] = ALL, operators: frozenset[str] = EVERY
) -> list[str]:
    """The files of such a page's code, in their order.

    Example::

        from ganzfeld.shipping.page_html import file_names

        assert "engine.js" not in file_names(False)
    """
    own, ends = (HERE_PARTS, HERE) if engine else (THERE_PARTS, THERE)
    parts = [
        name for kinds in (PARTS, own) for need in kinds if need in needs for name in kinds[need]
    ]
    first = [*(engine_files(operators) if engine else ()), *FACE, *ends]
    return [*first, *dict.fromkeys(parts), LAST]


def engine_files(operators: Set[str] = EVERY) -> list[str]:
    """The files that compute graphs of these operators.

    Example::

        from ganzfeld.shipping.page_html import engine_files

        assert engine_files({"conv"}) == ["engine.js", "convolution.js"]
    """
    return [*ENGINE, *(name for name, held in OPERATORS.items() if operators & set(held))]


def style(needs: frozenset[str]) -> str:
    """The rules of pages of these kinds and tasks."""
    parts = dict.fromkeys(name for need, name in STYLES.items() if need in needs)
    return "\n".join(lean(static(name)) for name in ("page.css", *parts))


def markup(engine: bool, needs: frozenset[str]) -> str:
    """The elements of such a page; what others have lies in files of its own."""
    translates = any(
        "translate.js" in parts.get(need, ()) for parts in (PARTS, THERE_PARTS) for need in needs
    )
    found = static("page.html")
    blends = engine and any("between.js" in HERE_PARTS.get(need, ()) for need in needs)
    for name, wanted in {"between": blends, "translate": translates}.items():
        part = static(f"{name}.html") if wanted else ""
        found = found.replace(f"<!-- {name} -->", part)
    return lean(found)


def as_data(value: Any) -> str:
    """JSON that closes no element whatever its texts hold."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(codes: Sequence[str], style: str, *, server: bool) -> str:
    own = "'self'" if server else "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(sha256, codes))} 'wasm-unsafe-eval'",
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
    model = data["model"]
    kind = model["task"] if model["task"] in OWN_PARTS else model["modality"]
    needs = frozenset({kind, *(("captions",) if model.get("caption") else ())})
    operators = frozenset(node[0] for graph in model["graphs"].values() for node in graph["nodes"])
    text = as_text(weights, model["tensors"])
    return assembled(data, text, title, script(True, needs, operators), needs, server=False)


@cache
def app(needs: frozenset[str] = ALL) -> str:
    """The page of a server, which asks it for its models: `GET /v1/models`.

    needs: the kinds of sample and the tasks of these models.

    Example::

        from ganzfeld.shipping.page_html import app

        assert len(app(frozenset({"text"}))) < 60_000
    """
    return assembled({"server": True}, "", "ganzfeld", script(False, needs), needs, server=True)


def assembled(
    data: Mapping[str, Any],
    weights: str,
    title: str,
    code: str,
    needs: frozenset[str],
    *,
    server: bool,
) -> str:
    look = style(needs)
    codes = [code] if server else [code_of(FIRST), code]
    rules = html.escape(policy(codes, look, server=server))
    scripts = f'<script id="code">{code}</script>'
    if not server:
        data_ = code.encode()
        packed = as_text(data_, [["", "", len(data_), 1]])
        scripts = (
            f'<script type="text/plain" id="packed" data-bytes="{len(data_)}">{packed}</script>'
            f"<script>{codes[0]}</script>"
        )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="generator" content="ganzfeld">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{html.escape(title)}</title><style>{look}</style></head><body>"
        f"{markup(not server, needs)}"
        f'<script type="application/json" id="data">{as_data(data)}</script>'
        f'<script type="text/plain" id="weights">{weights}</script>'
        f"{scripts}</body></html>\n"
    )
