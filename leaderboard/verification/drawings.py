"""Tells a drawing from a page in disguise: what `distillery verify` does not compare may at least do nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_ELEMENTS = {
    "figure", "figcaption", "b",  # a picture in the page
    "svg", "defs", "style", "g", "path", "rect", "circle", "line", "polygon", "polyline", "text", "tspan", "use",
    "clippath", "title", "metadata",
}  # fmt: skip
_PLAIN = ("figure", "figcaption", "b")  # of the page around a picture: what styles them is the page's own
_OF_SVG = {
    "class", "role", "aria-label", "style", "viewbox", "width", "height", "version", "xmlns", "xmlns:xlink",
}  # fmt: skip
_METADATA = ("rdf:", "cc:", "dc:")
_STYLE = re.compile(r"\s*\*\{stroke-linejoin: round; stroke-linecap: butt\}\s*")  # matplotlib's
_OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|position|@import", re.IGNORECASE)
_PNG = b"\x89PNG\r\n\x1a\n"


def _in_place(name: str, value: str) -> bool:
    """Whether an attribute of the picture itself leaves it where it stands: no margin, no overflow, no other class."""
    if name == "style":
        return bool(re.fullmatch(r"max-width:\d+px", value))
    return name != "class" or value == "picture"


def is_drawing(text: str) -> bool:
    """Whether an SVG, or a figure of the page, holds shapes and words alone: no script, link, address or other page."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    return parser.inert and parser.drawn


def is_png(content: bytes) -> bool:
    return content.startswith(_PNG)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.inert, self.drawn, self._style = True, False, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        self.drawn |= tag == "svg"
        self.inert &= tag in _ELEMENTS or tag.startswith(_METADATA)
        if tag in _PLAIN:
            self.inert &= {name for name, _ in attrs} <= {"id"}
        elif tag == "svg":
            self.inert &= all(name in _OF_SVG and _in_place(name, value or "") for name, value in attrs)
        for name, value in attrs:
            text = value or ""
            if name in ("href", "xlink:href"):
                self.inert &= text.startswith("#")
            self.inert &= not name.startswith("on") and name != "src" and not _OUTSIDE.search(text)

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        self.inert &= not self._style or bool(_STYLE.fullmatch(data))

    def handle_decl(self, decl: str) -> None:
        self.inert &= "entity" not in decl.lower() and "[" not in decl

    def unknown_decl(self, data: str) -> None:
        self.inert = False
