"""Everything the page's template reads."""

from __future__ import annotations

from dataclasses import dataclass

from graph_distillery.leaderboard.page.comparison import comparison_section
from graph_distillery.leaderboard.page.overall import overall_section
from graph_distillery.leaderboard.page.parts import Figure, Section
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.document import Document


@dataclass(frozen=True)
class View:
    """Everything the template reads."""

    overall: list[Section]
    comparisons: list[Section]
    datasets: list[str]
    protocols: list[str]
    models: list[str]
    facts: list[tuple[str, str]]


def page_view(board: Board, document: Document, figures: dict[str | int, list[Figure]]) -> View:
    """The page's tables, in the board's order."""
    overall = [overall_section(each, n, figures.get(n, [])) for n, each in enumerate(board.overall, start=1)]
    comparisons = [comparison_section(each, n, figures.get(each.slug, [])) for n, each in enumerate(board.comparisons)]
    methods = {row.key.method for each in board.comparisons for row in each.rows if row.role == "method"}
    runs = sum(
        len(configuration["runs"])
        for each in document["comparisons"]
        for row in each["rows"]
        for configuration in row["configurations"].values()
    )
    facts = [
        ("methods", str(len(methods))),
        ("datasets", str(len({each.data.dataset for each in board.comparisons}))),
        ("comparisons", str(len(board.comparisons))),
        ("report runs", f"{runs:,}"),
    ]
    return View(
        overall,
        comparisons,
        sorted({name for each in comparisons for name in each.datasets}),
        sorted({name for each in comparisons for name in each.protocols}),
        sorted({each.models for each in comparisons}),
        facts,
    )
