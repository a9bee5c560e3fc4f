"""Tables of results in pages: what stands between two marks is replaced."""

from __future__ import annotations

from pathlib import Path


def into(path: Path, name: str, table: str) -> None:
    """Put a table between `<!-- name -->` and `<!-- /name -->`; ValueError where they are not."""
    text = path.read_text("utf-8")
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if text.count(first) != 1 or text.count(last) != 1:
        raise ValueError(f"{path} needs the marks {first.strip()} and {last}, once each")
    head, _, rest = text.partition(first)
    _, _, tail = rest.partition(last)
    path.write_text(f"{head}{first}\n{table.strip()}\n\n{last}{tail}", "utf-8")
