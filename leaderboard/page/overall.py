"""The overall table of the page."""

from __future__ import annotations

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
from graph_distillery.leaderboard.read.rows import Role
from graph_distillery.leaderboard.statistics import Estimate
from graph_distillery.leaderboard.statistics.paired import LEVEL
from graph_distillery.leaderboard.tables.overall import Overall
from graph_distillery.leaderboard.text import NONE, factor, percent, reads_best, share, signed

OVERALL = [
    Column("Mean rank", "Mean over all comparisons of the rank by mean test score; 1 is best."),
    Column("95 % interval", "Of the mean rank, over datasets; of a single one over its seeds."),
    Column("Win rate", "Chance that a run beats a run of another row, mean over the others and over datasets."),
    Column(
        "IQM", "Mean of the middle half of normalised scores: 0 is the majority class, 1 the teacher, clearly above it."
    ),
    Column(
        "Gap closed",
        "Gain over the distance from the student alone to a clearly better teacher, mean over comparisons.",
    ),
    Column("Mean gain", "Mean difference to the student alone, in percentage points."),
    Column("Speed-up", "Latency of the teacher over that of the student, geometric mean."),
    Column("Tuning gain", "Tuned less default on the same seeds, in points, mean over comparisons."),
    Column("ECE", "Expected calibration error on the test set, in points; lower is better."),
    Column("Tuning (min)", "Training time of all trials, in device-minutes, summed over comparisons."),
]
LOWEST_IS_BEST = (True, None, False, False, False, False, False, None, True, None)


def overall_section(overall: Overall, index: int, figures: list[Figure]) -> Section:
    over = f"Over {len(overall.comparisons)} comparison(s)."
    found = [
        [
            (f"{row.mean_rank:.2f}", row.mean_rank, ""),
            (_between(row.rank, plain=True), row.rank.low, ""),
            (share(row.win_rate.value), row.win_rate.value, _band(row.win_rate, 100)),
            (
                f"{100 * row.iqm.value:.1f} %" if row.iqm else NONE,
                row.iqm.value if row.iqm else None,
                _band(row.iqm, 100),
            ),
            (share(row.gap_closed), row.gap_closed, _band(row.gap, 100)),
            (signed(row.gain), row.gain, _band(row.gains, 100)),
            (factor(row.speedup), row.speedup, _machine(overall.fingerprint)),
            (signed(row.tuning_gain), row.tuning_gain, ""),
            (percent(row.ece), row.ece, ""),
            (minutes(row.device_hours), row.device_hours, ""),
        ]
        for row in overall.rows
    ]
    best = []
    for column, lowest in enumerate(LOWEST_IS_BEST):
        texts, values = [cells[column][0] for cells in found], [cells[column][1] for cells in found]
        best.append([False] * len(found) if lowest is None else reads_best(texts, values, lowest=lowest))
    ends = [v for row in overall.rows for v in (row.rank.low, row.rank.value, row.rank.high) if v is not None]
    lines = []
    for place, (row, entries) in enumerate(zip(overall.rows, found, strict=True)):
        cells = [
            TableCell(text, value, " ".join(filter(None, (column.help, note, over))), bests[place])
            for (text, value, note), column, bests in zip(entries, OVERALL, best, strict=True)
        ]
        cells[1] = replace(cells[1], bar=track(row.rank.low, row.rank.value, row.rank.high, ends))
        role: Role = "supervised" if row.key.method == "supervised" else "method"
        tag = "student alone" if role == "supervised" else ""
        lines.append(Line(row.key.name, role, tag, f"o{index - 1}", cells))
    notes = [f"{key.name} is not ranked: {'; '.join(gaps)}" for key, gaps in overall.partial.items()]
    return Section(
        slug=f"overall-{index}",
        title=overall.title,
        lead=_overall_lead(overall),
        columns=OVERALL,
        lines=lines,
        figures=figures,
        datasets=[],
        protocols=sorted({protocol(each) for each in overall.comparisons}),
        models=models(overall.teacher, overall.student),
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
