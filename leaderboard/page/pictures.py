"""Makes a matplotlib SVG part of the page: its own ids, the page's colours, marks that can be reached and named."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from graph_distillery.leaderboard.plots.canvas import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    PINK,
    RULE,
    SKY,
    VERMILION,
    Picture,
)
from graph_distillery.leaderboard.text import visible

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
GROWN = 1.2  # pictures are drawn for a phone, where letters would else be too small, and grow on a desk
VARIABLES = {
    BLUE: "--blue",
    VERMILION: "--vermilion",
    GREEN: "--green",
    GREY: "--grey",
    ORANGE: "--orange",
    PINK: "--pink",
    SKY: "--sky",
    INK: "--ink",
    FAINT: "--faint",
    RULE: "--rule",
    PAPER: "--card",
}
_COLOUR = re.compile("|".join(VARIABLES))
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FONT = re.compile(r"'DejaVu Sans'(, sans-serif)?")


def inline_svg(picture: Picture, prefix: str) -> str:
    """The picture as an ``svg`` element to stand in HTML; ``prefix`` keeps its ids apart from the others'."""
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(picture.svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}title"):
                parent.remove(child)
    used = _references(root)
    first = True
    for element in root.iter():
        name = element.attrib.get("id")
        if name in picture.marks:
            _make_mark(element, picture.marks[name], first)
            first = False
        if name is not None:
            if name in used:
                element.set("id", prefix + name)
            else:
                del element.attrib["id"]
        for key, value in list(element.attrib.items()):
            if key == f"{{{XLINK}}}href":
                del element.attrib[key]
                element.set("href", f"#{prefix}{value.removeprefix('#')}")
            elif "url(#" in value:
                element.set(key, _REFERENCE.sub(rf"url(#{prefix}\1)", value))
        if "style" in element.attrib:
            style = _COLOUR.sub(lambda match: f"var({VARIABLES[match[0]]})", element.attrib["style"])
            element.set("style", _FONT.sub("inherit", style) if "font:" not in style else _page_font(style))
    _make_root(root, picture)
    return ElementTree.tostring(root, encoding="unicode")


def _page_font(style: str) -> str:
    """matplotlib's ``font: [weight] 9px 'DejaVu Sans', sans-serif`` in the page's own face."""
    return _FONT.sub("var(--face)", style)


def _references(root: ElementTree.Element) -> set[str]:
    found = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            found.update(_REFERENCE.findall(value))
            if key == f"{{{XLINK}}}href":
                found.add(value.removeprefix("#"))
    return found


def _make_mark(element: ElementTree.Element, text: str, first: bool) -> None:
    element.set("class", "mark")
    element.set("role", "img")
    element.set("aria-label", visible(text))
    element.set("tabindex", "0" if first else "-1")


def _make_root(root: ElementTree.Element, picture: Picture) -> None:
    width = float(root.attrib.pop("width").removesuffix("pt"))
    root.attrib.pop("height", None)
    root.set("role", "group")
    root.set("aria-label", visible(picture.title))
    root.set("class", "picture")
    root.set("style", f"max-width:{width * 4 / 3 * GROWN:.0f}px")
