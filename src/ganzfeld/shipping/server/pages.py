"""The pages of the server: the app, where it is there, and the API's description."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Sequence

from ganzfeld.shipping.page_html import app as app
from ganzfeld.shipping.server.fields import REQUIRED, Field, told
from ganzfeld.shipping.server.table import Endpoint

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "code{font:14px ui-monospace,monospace}td,th{text-align:left;vertical-align:top;"
    "padding:.2rem .8rem .2rem 0}h2{font-size:1rem;margin:2rem 0 .2rem}"
    "@media(prefers-color-scheme:dark){body{background:#16181c;color:#e6e6e6}}"
)


def policy(page: str) -> str:
    """The Content-Security-Policy of a page: its own scripts and styles by hash, nothing else."""
    scripts = hashes(page, "script")
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join([*scripts, chr(39) + 'wasm-unsafe-eval' + chr(39)])}"
            if scripts
            else "script-src 'none'",
            f"style-src {' '.join(hashes(page, 'style')) or chr(39) + 'none' + chr(39)}",
            "img-src 'self' blob: data:",
            "media-src 'self' blob: data:",
            "worker-src blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def hashes(page: str, tag: str) -> list[str]:
    """The elements of a page that hold their content themselves, as a policy names them."""
    found = re.findall(rf"<{tag}(?:\s[^>]*)?>(.*?)</{tag}>", page, re.S | re.I)
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in dict.fromkeys(found)
    ]


def docs(endpoints: Sequence[Endpoint]) -> str:
    """The table as a page without any script."""
    parts = []
    for one in endpoints:
        fields = one.query or one.body
        where = "query" if one.query else "JSON body"
        rows = "".join(row(field) for field in fields)
        listed = f"<p>{where}:</p><table>{rows}</table>" if rows else ""
        body = f"<p>body: a file, {' or '.join(one.takes)}</p>" if one.takes else ""
        answers = html.escape(", ".join(one.answers))
        parts.append(
            f"<h2><code>{one.method} {html.escape(one.path)}</code></h2>"
            f"<p>{html.escape(one.about)} Answers {answers}.</p>{body}{listed}"
        )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>ganzfeld: API</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style><h1>API</h1><p>The same for programs: "
        f'<a href="/openapi.json">openapi.json</a>.</p>{"".join(parts)}</html>'
    )


def row(field: Field) -> str:
    default = "needed" if field.default is REQUIRED else field.default
    said = (
        "" if default is None else f" (default {default})" if default != "needed" else " (needed)"
    )
    bounds = ""
    if field.least is not None and field.most is not None:
        bounds = f", {told(field.least)} to {told(field.most)}"
    allowed = f": {', '.join(field.one_of)}" if field.one_of else ""
    return (
        f"<tr><td><code>{html.escape(field.name)}</code></td><td>{field.kind}{bounds}</td>"
        f"<td>{html.escape(field.about + allowed + said)}</td></tr>"
    )
