"""Puts the page together: template, styles, scripts, pictures and data.

Sorting and filtering are DataTables', from the bundle that itables carries, so no asset is fetched or copied. Pictures
are the board's own SVG files: a drawing library for the page (plotly: 4.8 MB a page) would draw them a second time,
and its marks cannot be reached by keyboard.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from graph_distillery.leaderboard.page.parts import Figure
from graph_distillery.leaderboard.page.pictures import inline_svg
from graph_distillery.leaderboard.page.view import page_view
from graph_distillery.leaderboard.plots.canvas import Picture
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.document import Document
from graph_distillery.leaderboard.text import visible


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
    scripts = [_tables_script(), _asset("page.js")]
    policy = "; ".join(
        [
            "default-src 'none'",
            "script-src " + " ".join(f"'sha256-{_sha256(script)}'" for script in scripts),
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
        data=Markup(_embedded(document)),
        policy=policy,
        style=Markup(_asset("page.css")),
        scripts=[Markup(script) for script in scripts],
    )


# What pictures show, or what grows with the square of the rows: the page does without, the JSON file has it.
LEFT_OUT = {"curve", "profile", "adjusted_p", "improvement", "tests", "sources"}


def _embedded(document: Document) -> str:
    """The document for a script element: no character in it can end the element or open another."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            named = [(name, each) for name, each in value.items() if name not in LEFT_OUT]
            return {name: each if name.endswith("hparams") else kept(each) for name, each in named}
        return [kept(each) for each in value] if isinstance(value, list) else value

    shrunk = {name: kept(value) if name in ("overall", "comparisons") else value for name, value in document.items()}
    text = json.dumps(shrunk, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return resources.files("graph_distillery.leaderboard.page").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _tables_script() -> str:
    """DataTables as a module script that leaves its class at ``globalThis.DataTable``."""
    spec = find_spec("itables")  # found, not imported: that would load pandas' notebook machinery
    if spec is None or spec.origin is None:
        raise RuntimeError("itables is not installed")
    bundle = (Path(spec.origin).parent / "html" / "dt_bundle.js").read_text(encoding="utf-8")
    exports = re.findall(r"export\s*\{([^{}]*)\}\s*;?", bundle)
    local = re.search(r"([\w$]+) as default", exports[-1]) if exports else None
    if local is None:
        raise RuntimeError("itables' bundle of DataTables exports no default; this version is not supported")
    head, _, tail = bundle.rpartition("export{")
    script = f"{head}globalThis.DataTable={local[1]};{tail.partition('}')[2].lstrip(';')}"
    if "</script" in script.lower() or "<!--" in script:
        script = re.sub(r"<(?=/script|!--)", r"\\x3c", script, flags=re.IGNORECASE)
    return script


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
