"""The table of one dataset on the page: accuracy and speed side by side, ties as ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graph_distillery.leaderboard.page.parts import (
    Column,
    Figure,
    Line,
    Section,
    TableCell,
    minutes,
    models,
    protocol,
    track,
)
from graph_distillery.leaderboard.read.rows import RANKED, Role, Row, RowKey
from graph_distillery.leaderboard.statistics import PairedTest, Standing
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.text import (
    METRICS,
    NONE,
    count,
    difference,
    factor,
    interval,
    number,
    percent,
    reads_best,
    score,
    share,
    signed,
)

TESTS = {
    "wilcoxon": "Wilcoxon",
    "t": "paired t",
    "corrected_t": "corrected resampled t",
    "items_t": "t over seeds and test items",
    "items_bootstrap": "paired bootstrap over seeds and test items",
}


def comparison_section(comparison: Comparison, index: int, figures: list[Figure]) -> Section:
    metric = METRICS[comparison.data.metric]
    machine = comparison.fingerprints[0] if comparison.fingerprints else None
    on = f"on machine {machine[:12]}" if machine else ""
    columns = [
        Column("Rank", "By mean test score: from one more than the rows significantly better, to those not worse."),
        Column(
            "Group",
            "Rows that share a letter cannot be told apart (Holm over all pairs); none above 15 rows.",
        ),
        Column(metric[0].upper() + metric[1:], f"Test {metric} in percent: mean ± standard deviation."),
        Column("95 % interval", "Of the mean, for data drawn as these were; the line above the table says how."),
        Column("Gain", "Mean difference to the student alone on the same seeds, in points."),
        Column(
            "Gap closed", "Gain over the distance from the student alone to its teacher, where that is clearly better."
        ),
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
        lead=f"{_lead(comparison)} {comparison.sampling_words}",
        columns=columns,
        lines=lines,
        figures=figures,
        datasets=[comparison.data.dataset],
        protocols=[protocol(comparison)],
        models=models(comparison.teacher, comparison.student),
    )


def _reading_order(comparison: Comparison, table: list[list[TableCell]]) -> list[tuple[int, Row, list[TableCell]]]:
    """The teacher as the mark to reach, the students by mean, the majority class; each with its place on the board."""
    order: dict[Role, int] = {"teacher": 0, "supervised": 1, "method": 1, "majority": 2}
    lines = [(place, row, cells) for place, (row, cells) in enumerate(zip(comparison.rows, table, strict=True))]
    return sorted(lines, key=lambda line: (order[line[1].role], -line[1].summary.mean if line[1].summary else 1.0))


def _verdict(comparison: Comparison, row: Row) -> str:
    standing = comparison.standings.get(row.key)
    return standing.verdict if standing and standing.verdict in ("best", "tied for best") else ""


def _tag(comparison: Comparison, row: Row) -> str:
    tags = {"teacher": comparison.whose(row), "majority": "majority class", "supervised": "student alone"}
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
    test = TESTS[standings[leader].test or "t"]
    return f"{leader.name} wins: better than every other student ({test}, Holm over all pairs, 5 %)."


def _cells(
    comparison: Comparison, row: Row, machine: str | None, ends: Sequence[float], columns: Sequence[Column]
) -> list[TableCell]:
    summary, speed, standing = row.summary, row.speed.get(machine or ""), comparison.standings.get(row.key)
    gain, closed, tuned = comparison.gain(row), comparison.gap_closed(row), comparison.tuning_gain(row)
    faster = comparison.speedup(row, machine) if machine else None
    ece, hours = row.headline.mean_ece if row.headline else None, row.tuning.device_hours
    found: list[tuple[str, float | None, str]] = [
        (_rank(standing), standing.rank if standing else None, _rank_note(standing, comparison.margin)),
        (standing.letters if standing else NONE, None, ""),
        (score(summary), summary.mean if summary else None, _optimism_note(row)),
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
        (minutes(hours), hours, _trials_note(row)),
        (str(len(row.test)) if row.complete else row.status, len(row.test), ""),
    ]
    cells = [
        TableCell(text, value, " ".join(filter(None, (column.help, note))))
        for (text, value, note), column in zip(found, columns, strict=True)
    ]
    if summary and row.role != "majority":
        cells[3] = replace(cells[3], bar=track(summary.low, summary.mean, summary.high, ends))
    return cells


def _rank(standing: Standing[RowKey] | None) -> str:
    if standing is None:
        return NONE
    low, high = standing.rank_low, standing.rank_high
    return str(low) if low == high else f"{low}–{high}"


def _rank_note(standing: Standing[RowKey] | None, margin: float) -> str:
    if standing is None:
        return "Not ranked."
    note = f"{standing.verdict[0].upper()}{standing.verdict[1:]}; rank {standing.rank:g} by mean."
    best = standing.best
    if best is None:
        return note
    near = f" Equal in practice: within {100 * margin:g} points." if best.within(margin) else ""
    return f"{note} Against the highest mean: {difference(best, 0.0)} points, {_p(best)}.{near}"


def _test_note(comparison: Comparison, row: Row) -> str:
    test = comparison.against_student(row)
    if test is None:
        return ""
    band = f" (95 % interval {signed(test.low)} to {signed(test.high)})" if test.low is not None else ""
    return f"Wins {test.wins}, ties {test.ties}, losses {test.losses}{band}; {_p(test)}."


def _p(test: PairedTest) -> str:
    if test.p_holm is None or test.test is None:
        return "too few seeds for a test"
    name = TESTS[test.test]
    verdict = "significant" if test.significant else "not significant"
    return f"{name}, adjusted p = {test.p_holm:.2g}, {verdict}"


def _front_note(comparison: Comparison, row: Row, machine: str | None) -> str:
    on = comparison.pareto(machine).get(row.key) if machine else None
    return "On the Pareto front of accuracy, latency and parameters." if on else ""


def _optimism_note(row: Row) -> str:
    if row.optimism is None:
        return ""
    return f"The best trial's validation score was {signed(row.optimism)} points above that of the report seeds."


def _default_note(row: Row) -> str:
    default = row.results["default"].summary if "default" in row.results else None
    return f"The default configuration scores {score(default)}." if default else ""


def _trials_note(row: Row) -> str:
    tuning = row.tuning
    if not tuning.trials:
        return ""
    return f"{len(tuning.trials)} trials, {tuning.pruned} pruned, {tuning.failed} failed."


BEST_IS_HIGH = {2: True, 4: True, 5: True, 6: False, 7: True, 10: False}


def _mark_best(table: list[list[TableCell]], rows: Sequence[Row]) -> None:
    """Mark the best of a column among ranked rows, and those that read the same."""
    ranked = [index for index, row in enumerate(rows) if row.role in RANKED and row.complete]
    for column, high in BEST_IS_HIGH.items():
        cells = [table[index][column] for index in ranked]
        best = reads_best([cell.text for cell in cells], [cell.value for cell in cells], lowest=not high)
        for index, is_best in zip(ranked, best, strict=True):
            table[index][column] = replace(table[index][column], best=is_best)
