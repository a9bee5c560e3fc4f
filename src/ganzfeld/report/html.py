"""Build HTML in Python; all text is escaped unless these functions made it."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from ganzfeld.core.language import language, tr
from ganzfeld.text import isolated, plain

LANGUAGES = {"en": "en", "zh": "zh-CN"}
VOID = frozenset({"img", "input", "meta", "br"})
SPOKEN = frozenset({"alt", "aria-label"})  # attributes that are read to people
VERBATIM = frozenset({"code", "pre", "script", "style"})  # whose text is not translated
TEXT_ONLY = frozenset({"title", "text", "tspan", "desc", "option"})  # no elements within


class Html(str):
    """Text that is HTML already."""


def tag(name: str, /, *children: str | None, **attributes: str | float | bool | None) -> Html:
    """An element; plain text in it is translated and escaped, None is left out.

    attributes: `class_` and `for_` lose the underscore, others in names become hyphens; True
        writes the name alone, None and False nothing.
    """
    written = []
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            written.append(f" {key}")
        elif value is not None and value is not False:
            text = tr(str(value)) if key in SPOKEN else str(value)
            written.append(f' {key}="{escaped(text, bare=True)}"')
    start = f"<{name}{''.join(written)}>"
    if name in VOID:
        return Html(start)
    if name not in VERBATIM:
        children = tuple(
            tr(child) if child and not isinstance(child, Html) else child for child in children
        )
    return Html(f"{start}{join(children, bare=name in TEXT_ONLY)}</{name}>")


def join(children: Iterable[str | None], *, bare: bool = False) -> Html:
    return Html(
        "".join(
            child if isinstance(child, Html) else escaped(child, bare=bare)
            for child in children
            if child is not None
        )
    )


def escaped(text: str, *, bare: bool = False) -> str:
    """Text for a page: it closes no element, and moves nothing that stands around it.

    bare: for an attribute or an element that holds text alone.
    """
    marks = ("\u2068", "\u2069") if bare else ("<bdi>", "</bdi>")
    return isolated(html.escape(plain(text, keep="\n\t")), *marks)


def policy(*scripts: str) -> Html:
    """The page's own scripts run, by their hashes; nothing else does, and nothing is fetched."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    rules = (
        "default-src 'none'",
        f"script-src {hashes or chr(39) + 'none' + chr(39)}",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return tag("meta", http_equiv="Content-Security-Policy", content="; ".join(rules))


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    kind: str | None = None,
) -> Html:
    """A table whose first column names its rows.

    numbers: columns that are set to the right. kind: "explained" lets the last column go below
        the others in narrow windows.
    """

    def side(column: int) -> str | None:
        return "number" if column in numbers else None

    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, class_=side(i)) for i, cell in enumerate(row[1:], 1)),
        )
        for row in rows
    ]
    titles = (tag("th", title, scope="col", class_=side(i)) for i, title in enumerate(head))
    whole = tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", tag("tr", *titles)) if head else None,
        tag("tbody", *body),
        class_=kind,
    )
    # a table that is too wide for the window scrolls in a box that the keyboard reaches
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def section(title: str, *children: str | None, lead: str | None = None) -> Html:
    shown = [child for child in children if child]
    if not shown and not lead:
        return Html("")
    return tag("section", tag("h2", title), tag("p", lead, class_="lead") if lead else None, *shown)


def note(text: str) -> Html:
    return tag("p", text, class_="note")


def command(text: str) -> Html:
    return tag("pre", tag("code", text), tabindex="0")


def page(title: str, *children: str | None) -> str:
    """A whole document that asks nothing of any other file or server."""
    folder = Path(__file__).parent
    code = (folder / "page.js").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        policy(code),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content="ganzfeld"),
        tag("title", title),
        tag("style", Html((folder / "page.css").read_text(encoding="utf-8"))),
    )
    script = tag("script", Html(code))
    body = tag("body", tag("main", *children), script)
    return f"<!doctype html>\n{tag('html', head, body, lang=LANGUAGES[language()])}\n"
