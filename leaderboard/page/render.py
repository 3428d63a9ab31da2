"""Puts the page together: template, style, script, pictures and data.

The script draws the tables from the embedded numbers, so that each of them stands there once, and needs no library.
Pictures are the board's own SVG files.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from graph_distillery.leaderboard.page.data import embedded, page_data
from graph_distillery.leaderboard.page.parts import Figure
from graph_distillery.leaderboard.page.pictures import inline_svg
from graph_distillery.leaderboard.page.view import page_view
from graph_distillery.leaderboard.plots.canvas import Picture
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.document import Document
from graph_distillery.leaderboard.text import visible

#: The parts of the page's script, in the order in which they build on each other.
SCRIPTS = ("data.js", "tables.js", "columns.js", "chart.js", "details.js", "page.js")


def render_page(board: Board, document: Document, pictures: Iterable[Picture]) -> str:
    """The text of ``index.html``; names from records are escaped by the template, data by JSON's own escapes."""
    figures: dict[str | int, list[Figure]] = {}
    for index, picture in enumerate(pictures):
        svg = Markup(inline_svg(picture, f"f{index}-"))
        figures.setdefault(picture.place, []).append(Figure(picture.name, picture.title, picture.caption, svg))
    environment = Environment(
        loader=PackageLoader("graph_distillery.leaderboard.page", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    script = "\n".join(_asset(name) for name in SCRIPTS)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src 'sha256-{_sha256(script)}'",
            "style-src 'unsafe-inline'",  # the pictures' style attributes
            "img-src data:",
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return environment.get_template("index.html.j2").render(
        view=page_view(board, document, figures),
        document=document,
        data=Markup(embedded(page_data(board, document))),
        policy=policy,
        style=Markup(_asset("page.css")),
        script=Markup(script),
    )


def _asset(name: str) -> str:
    return resources.files("graph_distillery.leaderboard.page").joinpath("assets", name).read_text(encoding="utf-8")


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
