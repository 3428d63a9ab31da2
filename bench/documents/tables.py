"""The tables in `docs/`, written from the registries: `make readme`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from graph_distillery.bench.data.registry import DATASETS, DatasetInfo
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.records.frame import COLUMNS
from graph_distillery.methods import METHODS

_ROOT = Path(__file__).resolve().parents[2]
#: What the board's page says of methods, as `method_facts` gives it.
FACTS = _ROOT / "leaderboard" / "page" / "assets" / "methods.json"
_BLOCK = re.compile(r"(<!-- table: (?P<name>\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def methods_table() -> str:
    """Every registered method."""
    rows = [
        [
            f"`{info.name}`",
            f"[{info.title}]({info.url})" if info.url else info.title,
            f"{info.venue} {info.year or ''}".strip(),
            info.family,
            info.teacher,
            ", ".join(info.students) or "–",
            info.inference,
            ", ".join(info.variants),
        ]
        for info in METHODS
    ]
    return _table(["name", "method", "venue", "family", "teacher", "students", "inference reads", "variants"], rows)


def models_table() -> str:
    """Every registered model."""
    rows = [[f"`{i.name}`", f"[{i.title}]({i.url})" if i.url else i.title, i.kind] for i in MODELS]
    return _table(["name", "model", "kind"], rows)


def datasets_table() -> str:
    """Every registered dataset."""
    rows = [
        [
            f"`{info.name}`",
            info.task.replace("-", " "),
            info.metric.replace("_", " "),
            ", ".join(f"`{split}`" for split in info.splits),
            _counts(info),
            info.kind,
        ]
        for info in DATASETS
    ]
    return _table(["name", "task", "metric", "splits (the usual one first)", "size", "kind"], rows)


def reproductions_table() -> str:
    """The verdicts of the committed reproductions, and every number that did not hold."""
    pages = _ROOT / "leaderboard" / "reproductions"
    rows = []
    for each in json.loads((pages / "index.json").read_text(encoding="utf-8")):
        counts, cells = each["counts"], each["cells"]
        off = [f"{kind}: {', '.join(cells[kind])}" for kind in ("below", "above") if cells[kind]]
        title = f"[{each['title']}](../leaderboard/reproductions/{each['table']}.md)"
        verdicts = [str(counts[kind]) for kind in ("reproduced", "above", "below", "not judged")]
        rows.append([title, *verdicts, "; ".join(off) or "–"])
    return _table(["table", "reproduced", "above", "below", "not judged", "what did not reproduce"], rows)


def _counts(info: DatasetInfo) -> str:
    parts = [(info.graphs, "graphs"), (info.nodes, "nodes"), (info.edges, "arcs"), (info.features, "features")]
    return ", ".join(f"{count:,} {what}" for count, what in parts if count and not (what == "graphs" and count == 1))


def columns_table() -> str:
    """The columns of a frame of records."""
    return _table(["column", "what it holds"], [[f"`{name}`", what] for name, what in COLUMNS.items()])


_TABLES: dict[str, Callable[[], str]] = {
    "methods": methods_table,
    "models": models_table,
    "datasets": datasets_table,
    "reproductions": reproductions_table,
    "columns": columns_table,
}


def refresh(text: str) -> str:
    """The same text with every `<!-- table: NAME -->` block written anew."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{_TABLES[block['name']]()}\n\n{block[3]}", text)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def method_facts() -> str:
    """What a board's page says of a method: it knows no registry, so this file goes with it."""
    facts = {
        info.name: {
            "title": info.title,
            "paper": info.paper,
            "venue": info.venue,
            "year": info.year,
            "url": info.url,
            "family": info.family,
            "status": info.status,
            "variants": dict(info.variants),
        }
        for info in METHODS
    }
    return json.dumps(facts, indent=1, ensure_ascii=True) + "\n"


def pages() -> list[Path]:
    """Every page that may hold a table."""
    return [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *sorted((_ROOT / "docs").glob("*.md"))]


if __name__ == "__main__":
    for page in pages():
        page.write_text(refresh(page.read_text(encoding="utf-8")), encoding="utf-8")
    FACTS.write_text(method_facts(), encoding="utf-8")
