"""What the page's script draws from: the board's document, less what it does not show, with what it alone shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from graph_distillery.leaderboard.page.packing import pack
from graph_distillery.leaderboard.page.summary import brief, few
from graph_distillery.leaderboard.statistics.differences import difference_bounds
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.tables.document import Document

#: What pictures show, or what grows with the square of the rows: the JSON file has it.
LEFT_OUT = {"curve", "profile", "adjusted_p", "improvement", "tests", "sources", "published", "seeds_needed", "changes"}

TESTS = {
    "wilcoxon": "Wilcoxon's signed-rank test",
    "t": "paired t test",
    "corrected_t": "corrected resampled t test",
    "items_t": "t test over seeds and test items",
    "items_bootstrap": "paired bootstrap over seeds and test items",
}


def page_data(board: Board, document: Document) -> Document:
    """The document that the page embeds, packed: every field as in `leaderboard.json`, floats to seven digits."""
    kept = _kept(document)
    for comparison, shown in zip(board.comparisons, kept["comparisons"], strict=True):
        shown |= {"pairs": _pairs(comparison), "tags": [_tag(comparison, row.role) for row in comparison.rows]}
        shown["tags"] = [
            comparison.whose(row) if row.role == "teacher" else tag
            for row, tag in zip(comparison.rows, shown["tags"], strict=True)
        ]
    methods = {row.key.method for each in board.comparisons for row in each.rows}
    kept["methods"] = {name: facts for name, facts in method_facts().items() if name in methods}
    kept["test_names"] = TESTS
    return pack(kept)


def embedded(data: Document) -> str:
    """A document for a script element: no character in it can end the element or open another."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def method_facts() -> Mapping[str, Mapping[str, Any]]:
    """Title, paper, venue, year, address, family and variants of the suite's own methods; `make readme` writes it."""
    text = resources.files("graph_distillery.leaderboard.page").joinpath("assets", "methods.json").read_text("utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def lead(comparison: Comparison) -> str:
    """The winner, or who ties, or that the seeds cannot tell."""
    standings = comparison.standings
    leader = next((key for key, standing in standings.items() if standing.leader), None)
    if leader is None:
        return "No student is complete."
    name = brief(leader.name)
    if len(standings) == 1:
        return f"{name} is the only complete student."
    if standings[leader].undecided:
        return f"{name} has the highest mean; the seeds are too few to decide among {len(standings)} rows."
    tied = [brief(key.name) for key, standing in standings.items() if standing.tied and key != leader]
    if tied:
        return f"A tie: {name} has the highest mean, and {few(tied, 6)} cannot be told apart from it."
    test = TESTS[standings[leader].test or "t"]
    return f"{name} wins: better than every other student ({test}, Holm over all pairs, 5 %)."


def _tag(comparison: Comparison, role: str) -> str:
    return {"majority": "largest class", "supervised": "student alone"}.get(role, "")


def _kept(document: Document) -> Document:
    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            named = [(name, each) for name, each in value.items() if name not in LEFT_OUT]
            return {name: _command(name, each) if _is_leaf(name) else kept(each) for name, each in named}
        return [kept(each) for each in value] if isinstance(value, list) else value

    found: Document = kept(document)
    return found


def _is_leaf(name: str) -> bool:
    return name.endswith("hparams") or name == "command"


def _command(name: str, value: Any) -> Any:
    """A command in the parts that others share with it."""
    return value.split(" --set ") if name == "command" and value else value


def _pairs(comparison: Comparison) -> Document | None:
    """Of every two complete student rows, as their places in the table: the ends of the 95 % interval of the
    difference of their means in hundredths of a point, first less second, and whether it is significant."""
    places = {row.key: place for place, row in enumerate(comparison.rows) if row.key in comparison.standings}
    if len(places) < 2:
        return None
    keys: Sequence[Any] = list(places)
    bounds = difference_bounds(
        [comparison.rows[places[key]].test for key in keys],
        comparison.shared_seeds,
        comparison.sampling,
        None if comparison.drawn is None else [comparison.drawn[key] for key in keys],
    )
    significant = "".join(
        "1" if comparison.standings[one].pairs[other] <= 0.05 else "0"
        for index, one in enumerate(keys)
        for other in keys[index + 1 :]
    )
    low, high = ([round(10_000 * value) for value in ends] for ends in bounds)
    return {"rows": [places[key] for key in keys], "low": low, "high": high, "significant": significant}
