"""What the page's tables say: cells with the text that is read, the value that sorts and the note that explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from leaderboard.board import Board
from leaderboard.comparison import Comparison
from leaderboard.document import Document
from leaderboard.overall import Overall
from leaderboard.rows import RANKED, Role, Row
from leaderboard.text import METRICS, NONE, count, factor, family_title, interval, number, percent, score, share, signed


@dataclass(frozen=True)
class Figure:
    """A picture inside the page."""

    name: str
    title: str
    caption: str
    svg: Markup


@dataclass(frozen=True)
class Column:
    """A heading, what it means, and the group of columns that it belongs to."""

    title: str
    help: str
    group: str = ""


@dataclass(frozen=True)
class Bar:
    """An interval as the table draws it: percent of the track's width."""

    low: float
    mid: float
    high: float


@dataclass(frozen=True)
class Cell:
    """``value`` sorts (None: last), ``note`` is one line on what the number is."""

    text: str
    value: float | None = None
    note: str = ""
    best: bool = False
    bar: Bar | None = None


@dataclass(frozen=True)
class Line:
    """A row; ``ref`` is its place in the document, ``comparison.row``."""

    name: str
    role: Role
    tag: str
    ref: str
    cells: list[Cell]
    status: str = ""


@dataclass(frozen=True)
class Section:
    """An overall table, or one comparison."""

    slug: str
    title: str
    lead: str
    columns: list[Column]
    lines: list[Line]
    figures: list[Figure]
    datasets: list[str]
    protocols: list[str]
    models: str
    notes: list[str] = field(default_factory=list)


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
    overall = [_overall(each, n, figures.get(n, [])) for n, each in enumerate(board.overall, start=1)]
    comparisons = [_comparison(each, n, figures.get(each.slug, [])) for n, each in enumerate(board.comparisons)]
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


def _protocol(comparison: Comparison) -> str:
    return f"{comparison.data.setting}, {comparison.data.split}"


def _models(teacher: str | None, student: str) -> str:
    return f"{teacher} → {student}" if teacher else f"{student}, no teacher"


def _overall(overall: Overall, index: int, figures: list[Figure]) -> Section:
    columns = [
        Column("Mean rank", "Mean over all comparisons of the rank by mean test score; 1 is best."),
        Column("Mean gain", "Mean difference to the student alone, in percentage points."),
        Column("Gap closed", "Gain over the distance from the student alone to its teacher."),
        Column("Speed-up", "Latency of the teacher over that of the student, geometric mean."),
    ]
    over = f"over {len(overall.comparisons)} comparison(s)"
    best = [
        min((row.mean_rank for row in overall.rows), default=None),
        max((row.gain for row in overall.rows if row.gain is not None), default=None),
        max((row.gap_closed for row in overall.rows if row.gap_closed is not None), default=None),
        max((row.speedup for row in overall.rows if row.speedup is not None), default=None),
    ]
    lines = []
    for row in overall.rows:
        values = [row.mean_rank, row.gain, row.gap_closed, row.speedup]
        texts = [f"{row.mean_rank:.2f}", signed(row.gain), share(row.gap_closed), factor(row.speedup)]
        cells = [
            Cell(text, value, f"{column.help} {over}", value is not None and value == top)
            for text, value, column, top in zip(texts, values, columns, best, strict=True)
        ]
        role: Role = "supervised" if row.key.method == "supervised" else "method"
        tag = "student alone" if role == "supervised" else ""
        lines.append(Line(row.key.name, role, tag, f"o{index - 1}", cells))
    notes = [f"{key.name} is not ranked: {'; '.join(gaps)}" for key, gaps in overall.partial.items()]
    return Section(
        slug=f"overall-{index}",
        title=family_title(overall),
        lead=_overall_lead(overall),
        columns=columns,
        lines=lines,
        figures=figures,
        datasets=[],
        protocols=sorted({_protocol(each) for each in overall.comparisons}),
        models=_models(overall.teacher, overall.student),
        notes=notes,
    )


def _overall_lead(overall: Overall) -> str:
    names = ", ".join(each.data.dataset for each in overall.comparisons)
    return f"Over {len(overall.comparisons)} comparison(s): {names}. Only methods that are complete in all of them."


def _comparison(comparison: Comparison, index: int, figures: list[Figure]) -> Section:
    metric = METRICS[comparison.data.metric]
    machine = comparison.fingerprints[0] if comparison.fingerprints else None
    on = f"on machine {machine[:12]}" if machine else ""
    columns = [
        Column("Rank", "By mean test score, among complete students; equal scores share a rank."),
        Column(metric[0].upper() + metric[1:], f"Test {metric} in percent: mean ± standard deviation.", "Accuracy"),
        Column("95 % interval", "Of the mean, over report seeds.", "Accuracy"),
        Column("Gain", "Mean difference to the student alone on the same seeds, in points.", "Accuracy"),
        Column("Gap closed", "Gain over the distance from the student alone to its teacher.", "Accuracy"),
        Column("Latency", f"Median of one full forward, in milliseconds, {on}.", "Speed"),
        Column("Speed-up", f"Latency of the teacher over this one, {on}.", "Speed"),
        Column("Parameters", "Trained numbers that inference needs.", "Speed"),
        Column("Default", "Score of the published configuration, without tuning.", "Tuning"),
        Column("Tuning gain", "Tuned less default on the same seeds, in points.", "Tuning"),
        Column("Seeds", "Finished report runs, or what is missing.", "Runs"),
    ]
    ranks = comparison.ranks()
    scale = _Scale(comparison)
    table = [_cells(comparison, row, ranks.get(row.key), machine, scale, columns) for row in comparison.rows]
    _mark_best(table, comparison.rows)
    lines = [
        Line(
            row.key.name,
            row.role,
            _tag(comparison, row),
            f"{index}.{place}",
            cells,
            "" if row.complete else row.status,
        )
        for place, (row, cells) in enumerate(zip(comparison.rows, table, strict=True))
    ]
    return Section(
        slug=comparison.slug,
        title=comparison.data.dataset,
        lead=_lead(comparison),
        columns=columns,
        lines=lines,
        figures=figures,
        datasets=[comparison.data.dataset],
        protocols=[_protocol(comparison)],
        models=_models(comparison.teacher, comparison.student),
    )


def _tag(comparison: Comparison, row: Row) -> str:
    tags = {"teacher": comparison.teacher or "", "majority": "majority class", "supervised": "student alone"}
    return tags.get(row.role, "")


def _lead(comparison: Comparison) -> str:
    ranks = comparison.ranks()
    top = [key.name for key, rank in ranks.items() if rank == min(ranks.values())]
    verb = "lead with equal scores" if len(top) > 1 else "has the highest mean"
    return f"{', '.join(top)} {verb} of {len(ranks)} complete students." if top else "No student is complete."


class _Scale:
    """Where a score lies on the track that all intervals of a table share."""

    def __init__(self, comparison: Comparison) -> None:
        ends = [
            value
            for row in comparison.rows
            if row.summary and row.role != "majority"
            for value in (row.summary.low, row.summary.mean, row.summary.high)
            if value is not None
        ]
        self.low, self.high = min(ends, default=0.0), max(ends, default=1.0)

    def bar(self, row: Row) -> Bar | None:
        summary = row.summary
        if summary is None or row.role == "majority" or self.high <= self.low:
            return None
        low = summary.low if summary.low is not None else summary.mean
        high = summary.high if summary.high is not None else summary.mean
        places = [round(100 * (value - self.low) / (self.high - self.low), 1) for value in (low, summary.mean, high)]
        return Bar(*places)


def _cells(
    comparison: Comparison, row: Row, rank: float | None, machine: str | None, scale: _Scale, columns: Sequence[Column]
) -> list[Cell]:
    summary, speed = row.summary, row.speed.get(machine or "")
    default = row.results["default"].summary if "default" in row.results else None
    gain, closed, tuned = comparison.gain(row), comparison.gap_closed(row), comparison.tuning_gain(row)
    faster = comparison.speedup(row, machine) if machine else None
    found: list[tuple[str, float | None]] = [
        (f"{rank:g}" if rank is not None else NONE, rank),
        (score(summary), summary.mean if summary else None),
        (interval(summary), summary.low if summary else None),
        (signed(gain), gain),
        (share(closed), closed),
        (number(speed.full_forward_ms) if speed else NONE, speed.full_forward_ms if speed else None),
        (factor(faster), faster),
        (count(speed.params) if speed else NONE, speed.params if speed else None),
        (percent(default.mean) if default else NONE, default.mean if default else None),
        (signed(tuned), tuned),
        (str(len(row.test)) if row.complete else row.status, len(row.test)),
    ]
    cells = [Cell(text, value, column.help) for (text, value), column in zip(found, columns, strict=True)]
    bar = scale.bar(row)
    cells[2] = Cell(cells[2].text, cells[2].value, cells[2].note, bar=bar)
    return cells


BEST_IS_HIGH = {1: True, 3: True, 4: True, 5: False, 6: True}


def _mark_best(table: list[list[Cell]], rows: Sequence[Row]) -> None:
    """Mark the best of a column among ranked rows, and those that read the same."""
    ranked = [index for index, row in enumerate(rows) if row.role in RANKED and row.complete]
    for column, high in BEST_IS_HIGH.items():
        values = [v for index in ranked if (v := table[index][column].value) is not None]
        if not values:
            continue
        top = max(values) if high else min(values)
        texts = {table[index][column].text.split(" ")[0] for index in ranked if table[index][column].value == top}
        for index in ranked:
            cell = table[index][column]
            if cell.value is not None and cell.text.split(" ")[0] in texts:
                table[index][column] = Cell(cell.text, cell.value, cell.note, True, cell.bar)
