"""Everything the page's template reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from graph_distillery.leaderboard.page.data import lead, method_facts
from graph_distillery.leaderboard.page.parts import Figure, MethodPart, Section, models, protocol
from graph_distillery.leaderboard.page.summary import brief, few, summary
from graph_distillery.leaderboard.read.board_file import BoardFile
from graph_distillery.leaderboard.read.rows import RANKED
from graph_distillery.leaderboard.statistics.paired import LEVEL
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.changes import change_lines
from graph_distillery.leaderboard.tables.declared import origin
from graph_distillery.leaderboard.tables.document import Document, document_text
from graph_distillery.leaderboard.tables.overall import Overall

Figures = Mapping[str | int, list[Figure]]

#: Above so many rows a table's pictures stand beside the page, which would be heavy with them.
MOST_DRAWN = 30


@dataclass(frozen=True)
class View:
    """Everything the template reads."""

    summary: list[str]
    overall: list[Section]
    comparisons: list[Section]
    datasets: list[str]
    protocols: list[str]
    models: list[str]
    names: list[str]
    rows: list[str]
    methods: list[MethodPart]
    facts: list[tuple[str, str]]
    links: list[tuple[str, str]]
    addresses: list[tuple[str, str]]
    declared: list[str]
    dates: str
    citation: list[str]
    changes: list[str]


LINKS = [
    ("Tables for a repository's front page (README.md)", "README.md"),
    ("CSV, slim, in percent", "tables/slim.csv"),
    ("CSV, every digit", "tables/overall.csv"),
    ("Parquet", "leaderboard.parquet"),
    ("JSON", "leaderboard.json"),
]


def page_view(board: Board, document: Document, figures: Figures) -> View:
    """The page's sections, in the board's order."""
    rows = [row for each in board.comparisons for row in each.rows]
    methods = {row.key.method for row in rows if row.role == "method"}
    stamps = sorted(source.created for row in rows for result in row.results.values() for source in result.sources)
    runs = sum(len(result.sources) for row in rows for result in row.results.values())
    day = stamps[-1][:10] if stamps else ""
    facts = [
        (f"method{'' if len(methods) == 1 else 's'}", str(len(methods))),
        ("datasets", str(len({each.data.dataset for each in board.comparisons}))),
        ("comparisons", str(len(board.comparisons))),
        ("report runs", f"{runs:,}"),
        ("last record", day),
        ("suite", ", ".join(board.suite_versions)),
    ]
    known = method_facts()
    shown = sorted({row.key.method for row in rows if row.role in RANKED})
    latex = [
        (f"LaTeX, {each.title}", f"tables/overall-{n}.tex") for n, each in enumerate(board.overall, 1) if each.rows
    ]
    sections = [_comparison(board, place, figures) for place in range(len(board.comparisons))]
    return View(
        summary=summary(board),
        overall=[_overall(each, place, figures) for place, each in enumerate(board.overall)],
        comparisons=sections,
        datasets=list(dict.fromkeys(each.data.dataset for each in board.comparisons)),
        protocols=sorted({each.protocol for each in sections}),
        models=sorted({each.models for each in sections}),
        names=sorted({row.key.name for row in rows}),
        rows=sorted({row.key.name for row in rows if row.role in RANKED}),
        methods=[MethodPart.of(name, known.get(name)) for name in shown],
        facts=[(name, value) for name, value in facts if value],
        links=[*LINKS, *latex],
        addresses=addresses(board.file),
        declared=origin(board.file) if board.file else [],
        dates=f"{stamps[0][:10]} to {day}" if stamps else "",
        citation=_citation(board, document, day),
        changes=change_lines(document["changes"]) if "changes" in document else [],
    )


def addresses(file: BoardFile | None) -> list[tuple[str, str]]:
    """Where the board's file says that its repository and paper are; what is no web address is no link."""
    told = (("Repository", file.code), ("Paper of the board", file.paper)) if file else ()
    return [(name, url) for name, url in told if url and url.startswith(("https://", "http://"))]


def _comparison(board: Board, place: int, figures: Figures) -> Section:
    comparison = board.comparisons[place]
    drawn = figures.get(comparison.slug, [])
    few_rows = len(comparison.rows) <= MOST_DRAWN
    return Section(
        slug=comparison.slug,
        place=place,
        title=comparison.data.dataset,
        lead=f"{lead(comparison)} {comparison.sampling_words}",
        overall=False,
        protocol=protocol(comparison),
        models=models(comparison.teacher, comparison.student),
        figures=drawn if few_rows else [],
        linked=[] if few_rows else [each.name for each in drawn],
    )


def _overall(overall: Overall, place: int, figures: Figures) -> Section:
    drawn = figures.get(place + 1, [])
    few_rows = len(overall.rows) <= MOST_DRAWN
    return Section(
        slug=f"overall-{place + 1}",
        place=place,
        title=overall.title,
        lead=_overall_lead(overall),
        overall=True,
        figures=drawn if few_rows else [],
        linked=[] if few_rows else [each.name for each in drawn],
        notes=[f"{key.name} is not ranked: {few(list(gaps), 5)}" for key, gaps in overall.partial.items()],
    )


def _overall_lead(overall: Overall) -> str:
    names = few([brief(each.data.dataset) for each in overall.comparisons], 8)
    tests = overall.tests
    verdict = ""
    if tests and tests.p is not None:
        verdict = (
            f" Friedman's test over {tests.datasets} datasets: p = {tests.p:.2g}"
            f"{'.' if tests.p <= LEVEL else ', so no order among them is established.'}"
        )
    return f"Over {len(overall.comparisons)} comparison(s): {names}. Only methods complete in all of them.{verdict}"


def _citation(board: Board, document: Document, day: str) -> list[str]:
    """BibTeX, line by line, that names the numbers by the hash of the board's JSON file."""
    numbers = hashlib.sha256(document_text(document).encode()).hexdigest()
    versions = ", ".join(board.suite_versions)
    fields = {
        "title": board.file.name if board.file else "Graph Distillery leaderboard",
        "year": day[:4],
        "note": f"suite version {versions}; last record {day}; leaderboard.json SHA-256 {numbers}",
    }
    return ["@misc{graph-distillery-board,", *(f"  {name} = {{{value}}}," for name, value in fields.items()), "}"]
