"""Read a page as a browser would, to test it."""

from html.parser import HTMLParser
from pathlib import Path

VOID = {"img", "input", "meta", "br"}
HOSTILE = "<script>alert(1)</script>\"'&amp;"


class Page(HTMLParser):
    """Elements, the text that a reader sees, and whether every element is closed in its place."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.raw = path.read_text("utf-8")
        self.feed(self.raw)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def headings(self) -> set[str]:
        return {name for name in SECTIONS if f"<h2>{name}</h2>" in self.raw}


SECTIONS = (
    "The plan",
    "Through time",
    "Curves",
    "Metrics",
    "Closest training images",
    "Class by class",
    "What next",
)


def assert_alone(path: Path) -> Page:
    """No address of anything outside the file, in any attribute, style or script."""
    page = Page(path)
    for name, attributes in page.elements:
        assert name not in ("link", "iframe", "object", "embed", "base", "form"), name
        for key, value in attributes.items():
            assert not key.startswith("on"), f"{name} {key}"
            if key in ("src", "href", "srcset", "poster", "action", "data", "xlink:href"):
                assert value is not None and value.startswith(("data:", "#")), f"{name} {key}"
    raw = page.raw
    for part in ("style", "script"):
        content = raw.partition(f"<{part}>")[2].partition(f"</{part}>")[0]
        assert content and "http" not in content and "url(" not in content
        assert "@import" not in content and "fetch" not in content
    assert all(image.get("alt") is not None for image in page.all("img"))
    return page
