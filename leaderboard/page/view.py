"""What the page's tables say: cells with the text that is read, the value that sorts and the note that explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from leaderboard.board import Board
from leaderboard.comparison import Comparison
from leaderboard.document import Document
from leaderboard.overall import Overall
from leaderboard.rows import RANKED, Role, Row, RowKey
from leaderboard.statistics import Estimate, PairedTest, Standing
from leaderboard.statistics.paired import LEVEL
from leaderboard.text import METRICS, NONE, count, factor, family_title, interval, number, percent, score, share, signed


@dataclass(frozen=True)
class Figure:
    """A picture inside the page."""

    name: str
    title: str
    caption: str
    svg: Markup

    @property
    def heading(self) -> str:
        """What kind of picture it is; the rest of the title says of what."""
        return self.title.partition(":")[0]


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
    verdict: str = ""
    verified: bool = False


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


OVERALL = [
    Column("Mean rank", "Mean over all comparisons of the rank by mean test score; 1 is best."),
    Column("95 % interval", "Of the mean rank: seeds resampled within each dataset."),
    Column("IQM", "Mean of the middle half of normalised scores: 0 is the majority class, 1 the teacher."),
    Column("Gap closed", "Gain over the distance from the student alone to its teacher, mean over comparisons."),
    Column("Mean gain", "Mean difference to the student alone, in percentage points."),
    Column("Speed-up", "Latency of the teacher over that of the student, geometric mean."),
    Column("Tuning gain", "Tuned less default on the same seeds, in points, mean over comparisons."),
    Column("ECE", "Expected calibration error on the test set, in points; lower is better."),
    Column("Tuning (min)", "Training time of all trials, in device-minutes, summed over comparisons."),
]
OVERALL_BEST = (min, None, max, max, max, max, None, min, None)


def _overall(overall: Overall, index: int, figures: list[Figure]) -> Section:
    over = f"Over {len(overall.comparisons)} comparison(s)."
    found = [
        [
            (f"{row.mean_rank:.2f}", row.mean_rank, ""),
            (_between(row.rank, plain=True), row.rank.low, ""),
            (f"{row.iqm.value:.3f}" if row.iqm else NONE, row.iqm.value if row.iqm else None, _band(row.iqm, 1)),
            (share(row.gap_closed), row.gap_closed, _band(row.gap, 100)),
            (signed(row.gain), row.gain, ""),
            (factor(row.speedup), row.speedup, _machine(overall.fingerprint)),
            (signed(row.tuning_gain), row.tuning_gain, ""),
            (percent(row.ece), row.ece, ""),
            (_minutes(row.device_hours), row.device_hours, ""),
        ]
        for row in overall.rows
    ]
    tops = []
    for column, pick in enumerate(OVERALL_BEST):
        known = [value for cells in found if (value := cells[column][1]) is not None]
        tops.append(pick(known) if pick and known else None)
    ends = [v for row in overall.rows for v in (row.rank.low, row.rank.value, row.rank.high) if v is not None]
    lines = []
    for row, entries in zip(overall.rows, found, strict=True):
        cells = [
            Cell(text, value, " ".join(filter(None, (column.help, note, over))), value is not None and value == top)
            for (text, value, note), column, top in zip(entries, OVERALL, tops, strict=True)
        ]
        cells[1] = replace(cells[1], bar=_bar(row.rank.low, row.rank.value, row.rank.high, ends))
        role: Role = "supervised" if row.key.method == "supervised" else "method"
        tag = "student alone" if role == "supervised" else ""
        lines.append(Line(row.key.name, role, tag, f"o{index - 1}", cells))
    notes = [f"{key.name} is not ranked: {'; '.join(gaps)}" for key, gaps in overall.partial.items()]
    return Section(
        slug=f"overall-{index}",
        title=family_title(overall),
        lead=_overall_lead(overall),
        columns=OVERALL,
        lines=lines,
        figures=figures,
        datasets=[],
        protocols=sorted({_protocol(each) for each in overall.comparisons}),
        models=_models(overall.teacher, overall.student),
        notes=notes,
    )


def _between(estimate: Estimate, *, plain: bool = False) -> str:
    if estimate.low is None or estimate.high is None:
        return NONE
    times = 1 if plain else 100
    return f"{times * estimate.low:.2f} to {times * estimate.high:.2f}"


def _band(estimate: Estimate | None, times: int) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"95 % interval {times * estimate.low:.3g} to {times * estimate.high:.3g}."


def _machine(fingerprint: str | None) -> str:
    return f"On machine {fingerprint[:12]}." if fingerprint else ""


def _minutes(hours: float | None) -> str:
    return NONE if hours is None else number(60 * hours)


def _overall_lead(overall: Overall) -> str:
    names = ", ".join(each.data.dataset for each in overall.comparisons)
    tests = overall.tests
    verdict = ""
    if tests and tests.p is not None:
        verdict = (
            f" Friedman's test over {tests.datasets} datasets: p = {tests.p:.2g}"
            f"{'.' if tests.p <= LEVEL else ', so no order among them is established.'}"
        )
    return f"Over {len(overall.comparisons)} comparison(s): {names}. Only methods complete in all of them.{verdict}"


def _comparison(comparison: Comparison, index: int, figures: list[Figure]) -> Section:
    metric = METRICS[comparison.data.metric]
    machine = comparison.fingerprints[0] if comparison.fingerprints else None
    on = f"on machine {machine[:12]}" if machine else ""
    columns = [
        Column("Rank", "By mean test score: from one more than the rows significantly better, to those not worse."),
        Column("Group", "Rows that share a letter cannot be told apart (paired test over seeds, adjusted by Holm)."),
        Column(metric[0].upper() + metric[1:], f"Test {metric} in percent: mean ± standard deviation."),
        Column("95 % interval", "Of the mean, over report seeds."),
        Column("Gain", "Mean difference to the student alone on the same seeds, in points."),
        Column("Gap closed", "Gain over the distance from the student alone to its teacher."),
        Column("Latency (ms)", f"Median of one full forward, in milliseconds, {on}."),
        Column("Speed-up", f"Latency of the teacher over this one, {on}."),
        Column("Params", "Trained numbers that inference needs."),
        Column("Tuning gain", "Tuned less default on the same seeds, in points."),
        Column("ECE", "Expected calibration error on the test set, in points; lower is better."),
        Column("Tuning (min)", "Training time of all trials, in device-minutes."),
        Column("Seeds", "Finished report runs, or what is missing."),
    ]
    ends = [
        value
        for row in comparison.rows
        if row.summary and row.role != "majority"
        for value in (row.summary.low, row.summary.mean, row.summary.high)
        if value is not None
    ]
    table = [_cells(comparison, row, machine, ends, columns) for row in comparison.rows]
    _mark_best(table, comparison.rows)
    lines = [
        Line(
            row.key.name,
            row.role,
            _tag(comparison, row),
            f"{index}.{place}",
            cells,
            "" if row.complete else row.status,
            _verdict(comparison, row),
            row.verified,
        )
        for place, row, cells in _reading_order(comparison, table)
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


def _reading_order(comparison: Comparison, table: list[list[Cell]]) -> list[tuple[int, Row, list[Cell]]]:
    """The teacher as the mark to reach, the students by mean, the majority class; each with its place on the board."""
    order: dict[Role, int] = {"teacher": 0, "supervised": 1, "method": 1, "majority": 2}
    lines = [(place, row, cells) for place, (row, cells) in enumerate(zip(comparison.rows, table, strict=True))]
    return sorted(lines, key=lambda line: (order[line[1].role], -line[1].summary.mean if line[1].summary else 1.0))


def _verdict(comparison: Comparison, row: Row) -> str:
    standing = comparison.standings.get(row.key)
    return standing.verdict if standing and standing.verdict in ("best", "tied for best") else ""


def _tag(comparison: Comparison, row: Row) -> str:
    tags = {"teacher": comparison.teacher or "", "majority": "majority class", "supervised": "student alone"}
    return tags.get(row.role, "")


def _lead(comparison: Comparison) -> str:
    """The winner, or who ties, or that the seeds cannot tell."""
    standings = comparison.standings
    leader = next((key for key, standing in standings.items() if standing.leader), None)
    if leader is None:
        return "No student is complete."
    if len(standings) == 1:
        return f"{leader.name} is the only complete student."
    if standings[leader].undecided:
        return f"{leader.name} has the highest mean; the seeds are too few to decide among {len(standings)} rows."
    tied = [key.name for key, standing in standings.items() if standing.tied and key != leader]
    if tied:
        return f"A tie: {leader.name} has the highest mean, and {', '.join(tied)} cannot be told apart from it."
    test = "Wilcoxon's test" if standings[leader].test == "wilcoxon" else "the paired t test"
    return f"{leader.name} wins: better than every other student on the same seeds ({test}, Holm, 5 %)."


def _bar(low: float | None, mid: float, high: float | None, ends: Sequence[float]) -> Bar | None:
    """Where an interval lies on the track that all intervals of its column share."""
    left, right = min(ends, default=0.0), max(ends, default=0.0)
    if right <= left:
        return None
    places = [(mid if value is None else value) for value in (low, mid, high)]
    return Bar(*(round(100 * (value - left) / (right - left), 1) for value in places))


def _cells(
    comparison: Comparison, row: Row, machine: str | None, ends: Sequence[float], columns: Sequence[Column]
) -> list[Cell]:
    summary, speed, standing = row.summary, row.speed.get(machine or ""), comparison.standings.get(row.key)
    gain, closed, tuned = comparison.gain(row), comparison.gap_closed(row), comparison.tuning_gain(row)
    faster = comparison.speedup(row, machine) if machine else None
    ece, hours = row.headline.mean_ece if row.headline else None, row.tuning.device_hours
    found: list[tuple[str, float | None, str]] = [
        (_rank(standing), standing.rank if standing else None, _rank_note(standing)),
        (standing.letters if standing else NONE, None, ""),
        (score(summary), summary.mean if summary else None, ""),
        (interval(summary), summary.low if summary else None, ""),
        (signed(gain), gain, _test_note(comparison, row)),
        (share(closed), closed, ""),
        (number(speed.full_forward_ms) if speed else NONE, speed.full_forward_ms if speed else None, ""),
        (factor(faster), faster, ""),
        (
            count(speed.params) if speed else NONE,
            speed.params if speed else None,
            _front_note(comparison, row, machine),
        ),
        (signed(tuned), tuned, _default_note(row)),
        (percent(ece), ece, ""),
        (_minutes(hours), hours, _trials_note(row)),
        (str(len(row.test)) if row.complete else row.status, len(row.test), ""),
    ]
    cells = [
        Cell(text, value, " ".join(filter(None, (column.help, note))))
        for (text, value, note), column in zip(found, columns, strict=True)
    ]
    if summary and row.role != "majority":
        cells[3] = replace(cells[3], bar=_bar(summary.low, summary.mean, summary.high, ends))
    return cells


def _rank(standing: Standing[RowKey] | None) -> str:
    if standing is None:
        return NONE
    low, high = standing.rank_low, standing.rank_high
    return str(low) if low == high else f"{low}–{high}"


def _rank_note(standing: Standing[RowKey] | None) -> str:
    if standing is None:
        return "Not ranked."
    note = f"{standing.verdict[0].upper()}{standing.verdict[1:]}; rank {standing.rank:g} by mean."
    best = standing.best
    if best is None:
        return note
    return f"{note} Against the highest mean: {signed(best.difference)} points, {_p(best)}."


def _test_note(comparison: Comparison, row: Row) -> str:
    test = comparison.against_student(row)
    if test is None:
        return ""
    band = f" (95 % interval {signed(test.low)} to {signed(test.high)})" if test.low is not None else ""
    return f"Wins {test.wins}, ties {test.ties}, losses {test.losses}{band}; {_p(test)}."


def _p(test: PairedTest) -> str:
    if test.p_holm is None or test.test is None:
        return "too few seeds for a test"
    name = "Wilcoxon" if test.test == "wilcoxon" else "paired t"
    verdict = "significant" if test.significant else "not significant"
    return f"{name}, adjusted p = {test.p_holm:.2g}, {verdict}"


def _front_note(comparison: Comparison, row: Row, machine: str | None) -> str:
    on = comparison.pareto(machine).get(row.key) if machine else None
    return "On the Pareto front of accuracy, latency and parameters." if on else ""


def _default_note(row: Row) -> str:
    default = row.results["default"].summary if "default" in row.results else None
    return f"The default configuration scores {score(default)}." if default else ""


def _trials_note(row: Row) -> str:
    tuning = row.tuning
    if not tuning.trials:
        return ""
    return f"{len(tuning.trials)} trials, {tuning.pruned} pruned; {tuning.failed} failed trainings."


BEST_IS_HIGH = {2: True, 4: True, 5: True, 6: False, 7: True, 10: False}


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
                table[index][column] = replace(cell, best=True)
