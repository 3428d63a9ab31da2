"""Names in records are text wherever they are shown: never markup, script, a formula or a change of direction."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from graph_distillery.leaderboard import build_board
from graph_distillery.leaderboard.page.packing import unpack
from graph_distillery.leaderboard.text import visible

PLAIN = "plain"
HOSTILE = {
    "markup": "\"'><script>pwned()</script><img src=x onerror=pwned()></title></script><!-- ",
    "markdown": "a|b\n\n# head\n[x](javascript:pwned()) ![y](http://evil.test/z) `code` <b>*bold*</b> &lt;",
    "formula": "=cmd|'/C calc'!A1",
    "full-width formula": "＝HYPERLINK(1)",
    "spaced formula": " \t@SUM(1)",
    "right to left": "\u202egnp.exe\u2066\u200f\x07\u2028",
    "template": "{{ 7 * 7 }}{% raw %}${alert(1)}\\u003cscript\\u003e",
}
CELL = ("dataset", "split", "teacher", "student", "method")
RECORD = ("suite_version", "git_sha", "error", "hparam name", "hparam value", "budget")
ENVIRONMENT = ("python", "torch", "pyg", "optuna", "device", "cpu", "os")


def records(store_of, field: str, text: str) -> list:
    """A board's records with one field set to a text."""
    changes = {field: text} if field in ("dataset", "split", "teacher", "student", "budget") else {}
    made = [
        *store_of.runs(text if field == "method" else "kd", [0.7, 0.72, 0.74], **changes),
        *store_of.runs("glnn", [0.8, 0.82, 0.81], **changes),
        store_of.record("glnn", kind="speed", speed=1.5, **changes),
        store_of.record("glnn", seed=7, status="failed", **changes),
    ]
    for index, record in enumerate(made):
        if field in ("suite_version", "git_sha") or (field == "error" and record.error):
            made[index] = record.model_copy(update={field: text})
        elif field.startswith("hparam"):
            made[index] = record.model_copy(update={"hparams": {text: 1} if field.endswith("name") else {"x": text}})
        elif field in ENVIRONMENT:
            made[index] = record.model_copy(update={"environment": record.environment.model_copy(update={field: text})})
    return made


def test_what_no_picture_could_hold_is_spelled_out():
    assert visible("a\uffff\ufffeb") == "a\\uffff\\ufffeb"


_OWN = re.compile(r"#.*|tables/[a-z0-9-]+\.(?:csv|tex)")  # places of the page, and files named by a slug


class Skeleton(HTMLParser):
    """The elements of a page with the names of their attributes, and what its scripts hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter = Counter()
        self.addresses: Counter = Counter()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.elements[tag, tuple(sorted(name for name, _ in attributes))] += 1
        self.addresses.update(v for name, v in attributes if name in ("src", "href") and not _OWN.fullmatch(str(v)))


@pytest.fixture(scope="module")
def build(store_of, tmp_path_factory):
    def built(field: str, text: str):
        folder = tmp_path_factory.mktemp("hostile")
        store = store_of.write(folder / "store", records(store_of, field, text))
        build_board([store], folder / "board", plots=False)
        return folder / "board"

    return built


@pytest.fixture(scope="module")
def harmless(build):
    return {field: build(field, PLAIN) for field in (*CELL, *RECORD, *ENVIRONMENT)}


@pytest.mark.parametrize("field", [*CELL, *RECORD, *ENVIRONMENT])
def test_no_field_changes_the_structure_of_any_file(build, harmless, field):
    for name, text in HOSTILE.items():
        if field == "suite_version" and len(text) > 200:
            continue
        board, plain = build(field, text), harmless[field]
        pages = [Skeleton((folder / "index.html").read_text()) for folder in (board, plain)]
        assert pages[0].elements == pages[1].elements, name
        assert pages[0].addresses == pages[1].addresses, name
        markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
        pages = [Skeleton(markdown.render((folder / "README.md").read_text())) for folder in (board, plain)]
        assert pages[0].elements == pages[1].elements, name
        assert pages[0].addresses == pages[1].addresses, name
        for path in [*board.glob("tables/*.csv"), board / "README.md", board / "index.html"]:
            shown = path.read_text()
            assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u2028\x07]", shown), (name, path.name)
            for cell in (
                [cell for row in csv.reader(io.StringIO(shown)) for cell in row] if path.suffix == ".csv" else ()
            ):
                assert re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell) or cell.strip()[:1] not in tuple("=+-@＝"), (name, cell)
        raw = re.search(r'id="data">(.*?)</script>', (board / "index.html").read_text(), re.DOTALL)
        assert raw
        assert len(unpack(json.loads(raw[1]))["comparisons"]) == 1
