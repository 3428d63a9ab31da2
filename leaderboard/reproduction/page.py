"""The pages: one per table, and the index of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph_distillery.leaderboard.reproduction.bias import SharedBias, shared_bias
from graph_distillery.leaderboard.reproduction.cells import Ours, ReproductionCell, ReproductionTable
from graph_distillery.leaderboard.reproduction.verdicts import VERDICTS, verdict_of
from graph_distillery.leaderboard.statistics import summarise
from graph_distillery.leaderboard.text import NONE, plain, table

RULE = """\
*Verdicts.* `reproduced`: the two means differ by at most the larger of the published standard deviation and half the
width of our 95 % interval. `above`, `below`: ours is farther off. `not judged`: with the reason; an interval wider than
10 points reproduces nothing. Scores are test percentages, mean ± sample standard deviation over seeds; the interval is
that of the mean (studentised bootstrap from eight seeds on, Student's t for fewer)."""

BIAS = """\
*z*: (ours - published) / sqrt((published deviation² + ours²) / seeds) of a dataset, the mean of its columns; pooled,
the sum over datasets divided by the square root of their number. Beyond ±1.96, with most datasets on that side, a row
is low or high as a whole, whatever the verdicts on its cells. The published mean is taken to have as many seeds as
ours, datasets to be independent."""

_CONFIDENCE = {
    "table": "read in the paper or its repository",
    "secondary": "read elsewhere than in the paper",
    "unverified": "unverified, shown and not judged",
}


def page(reproduction: ReproductionTable, figure: str | None) -> str:
    """A table's page; figure: the picture's path relative to it."""
    lines = [f"# {plain(reproduction.title)}", ""]
    if reproduction.stand_in:
        lines += ["**On stand-in data of the same shape: a test of the protocol, not of the published numbers.**", ""]
    lines += [
        f"[{plain(reproduction.paper)}]({reproduction.url}), {plain(reproduction.venue)}; {plain(reproduction.table)}.",
        "",
        f"Published numbers: {reproduction.source} ({_CONFIDENCE[reproduction.confidence]}). Again: "
        f"`{reproduction.command}`. Records: `records/{reproduction.name}/`.",
        "",
        _counts_line(reproduction),
        "",
    ]
    if figure:
        lines += [f"![Published against ours]({figure})", ""]
    lines += ["## Verdicts", "", _verdicts(reproduction), "", RULE, ""]
    lines += [
        *_bias(reproduction),
        *_quirks(reproduction),
        *_explanations(reproduction),
        *_sources(reproduction),
        *_protocol(reproduction),
    ]
    return "\n".join(lines).rstrip() + "\n"


def counts(reproduction: ReproductionTable) -> dict[str, int]:
    """How many cells there are of each verdict."""
    kinds = [verdict_of(cell).kind for cell in reproduction.cells]
    return {kind: kinds.count(kind) for kind in VERDICTS}


def _counts_line(reproduction: ReproductionTable) -> str:
    found = counts(reproduction)
    return f"**{', '.join(f'{number} {kind}' for kind, number in found.items() if number)}** of {sum(found.values())}."


def _verdicts(reproduction: ReproductionTable) -> str:
    rows = []
    for column in reproduction.columns:
        for row in reproduction.rows:
            cell = reproduction.at(row, column)
            if cell is None:
                continue
            verdict = verdict_of(cell)
            theirs = NONE
            if cell.published:
                theirs = _score(cell.published.mean, cell.published.std)
                theirs += {"unverified": " (unverified)", "secondary": " (secondary)"}.get(
                    cell.published.confidence, ""
                )
            judged = f"**{verdict.kind}**" + (f": {plain(verdict.reason)}" if verdict.reason else "")
            rows.append(
                [
                    plain(column),
                    plain(row),
                    theirs,
                    _ours(cell.ours),
                    _interval(cell.ours),
                    _signed(verdict.difference),
                    NONE if verdict.tolerance is None else f"{verdict.tolerance:.2f}",
                    str(len(cell.ours.values)) if cell.ours.values else NONE,
                    judged,
                ]
            )
    header = ["Column", "Row", "Published", "Ours", "95 % interval", "Difference", "Allowed", "Seeds", "Verdict"]
    return table(header, rows, left=2)


def _bias(reproduction: ReproductionTable) -> list[str]:
    """What the cells of a row have in common."""
    rows = [
        [plain(bias.row), f"{bias.below} of {bias.datasets}", f"{bias.above} of {bias.datasets}", f"{bias.z:+.1f}",
         f"{bias.p:.3f}", NONE if bias.says == "nothing" else f"**{bias.says}**"]
        for bias in shared_bias(reproduction)
    ]  # fmt: skip
    if not rows:
        return []
    header = ["Row", "Below", "Above", "Pooled z", "p", "As a whole"]
    return ["## Bias that a row's cells share", "", table(header, rows, left=1), "", BIAS, ""]


def _quirks(reproduction: ReproductionTable) -> list[str]:
    """What each departure is worth: paired over seeds against the row itself."""
    rows = []
    notes: dict[str, str] = {}
    for column in reproduction.columns:
        for row in reproduction.rows:
            cell = reproduction.at(row, column)
            for quirk in cell.quirks if cell else ():
                if not quirk.ours.values:
                    continue
                notes[f"{row}, {quirk.name}"] = quirk.note
                assert cell is not None
                rows.append(_quirk(cell, quirk.name, quirk.ours))
    if not rows:
        return []
    header = ["Column", "Row", "Variant", "Ours", "Worth (paired)", "95 % interval", "Against published"]
    listed = [f"- *{plain(name)}*: {note}" for name, note in notes.items()]
    return ["## What each variant is worth", "", table(header, rows, left=3), "", *listed, ""]


def _quirk(cell: ReproductionCell, name: str, ours: Ours) -> list[str]:
    from graph_distillery.leaderboard.reproduction.verdicts import judge

    both = sorted(ours.values.keys() & cell.ours.values.keys())
    worth = summarise([ours.values[seed] - cell.ours.values[seed] for seed in both])
    interval = NONE if worth is None or worth.low is None else f"{worth.low:+.2f} to {worth.high:+.2f}"
    verdict = judge(cell.published, ours, cell.needs)
    against = verdict.kind if not verdict.reason else f"{verdict.kind}: {plain(verdict.reason)}"
    return [
        plain(cell.column),
        plain(cell.row),
        plain(name),
        _ours(ours),
        NONE if worth is None else f"{worth.mean:+.2f}",
        interval,
        against if verdict.difference is None else f"{_signed(verdict.difference)}, {against}",
    ]


def _explanations(reproduction: ReproductionTable) -> list[str]:
    lines = []
    for column in reproduction.columns:
        for row in reproduction.rows:
            cell = reproduction.at(row, column)
            if cell is None:
                continue
            off = verdict_of(cell).kind in ("above", "below")
            if off or cell.explanation:
                text = cell.explanation or "no explanation yet"
                lines.append(f"- **{plain(row)}, {plain(column)}** ({verdict_of(cell).kind}): {text}")
    return ["## Why ours differ", "", *lines, ""] if lines else []


def _sources(reproduction: ReproductionTable) -> list[str]:
    """Numbers that come from elsewhere than the table's."""
    lines = []
    for cell in reproduction.cells:
        theirs = cell.published
        if theirs and (theirs.source, theirs.confidence) != (reproduction.source, reproduction.confidence):
            where = f"{theirs.source} ({_CONFIDENCE[theirs.confidence]})"
            lines.append(f"- {plain(cell.row)}, {plain(cell.column)}: {where}")
    return ["## Other sources", "", *lines, ""] if lines else []


def _protocol(reproduction: ReproductionTable) -> list[str]:
    lines = [
        "## Protocol, as published",
        "",
        *(f"- {name}: {text}" for name, text in reproduction.protocol.items()),
        "",
    ]
    if reproduction.differences:
        lines += ["What ours does otherwise:", "", *(f"- {text}" for text in reproduction.differences), ""]
    if reproduction.runs:
        lines += ["Our runs:", "", *(f"- `{name}`: {text}" for name, text in reproduction.runs.items()), ""]
    return lines


def index(tables: Sequence[ReproductionTable]) -> str:
    """The index of all tables."""
    rows = []
    for each in tables:
        found = counts(each)
        title = f"[{plain(each.title)}]({each.name}.md)" + (" (stand-in)" if each.stand_in else "")
        rows.append([title, *(str(found[kind]) for kind in VERDICTS)])
    totals = [sum(counts(each)[kind] for each in tables) for kind in VERDICTS]
    rows.append(["all", *(f"**{total}**" for total in totals)])
    lines = ["# Published tables, reproduced", "", table(["Table", *VERDICTS], rows), "", RULE, ""]
    for kind in ("below", "above", "reproduced"):
        names = [
            f"- {plain(each.title)}: {'; '.join(plain(name) for name in _names(each, kind))}"
            for each in tables
            if _names(each, kind)
        ]
        lines += [f"## {kind.capitalize()}", "", *(names or ["None."]), ""]
    return "\n".join(lines).rstrip() + "\n"


def index_data(tables: Sequence[ReproductionTable]) -> list[dict[str, Any]]:
    """The index for programs: per table its counts and the names of its cells by verdict."""
    return [
        {
            "table": each.name,
            "title": each.title,
            "venue": each.venue,
            "url": each.url,
            "stand_in": each.stand_in,
            "counts": counts(each),
            "cells": {kind: _names(each, kind) for kind in VERDICTS},
            "bias": {bias.row: _bias_data(bias) for bias in shared_bias(each)},
        }
        for each in tables
    ]


def _bias_data(bias: SharedBias) -> dict[str, Any]:
    found = {"datasets": bias.datasets, "below": bias.below, "above": bias.above}
    return {**found, "z": round(bias.z, 4), "p": round(bias.p, 4), "says": bias.says}


def _names(reproduction: ReproductionTable, kind: str) -> list[str]:
    return [f"{cell.row} {cell.column}" for cell in reproduction.cells if verdict_of(cell).kind == kind]


def _ours(ours: Ours) -> str:
    summary = ours.summary
    if summary is None:
        return NONE
    return _score(summary.mean, summary.std) + ("" if ours.complete else f" ({summary.n} of {ours.expected} seeds)")


def _interval(ours: Ours) -> str:
    summary = ours.summary
    return NONE if summary is None or summary.low is None else f"{summary.low:.2f} to {summary.high:.2f}"


def _score(mean: float, std: float | None) -> str:
    return f"{mean:.2f}" if std is None else f"{mean:.2f} ± {std:.2f}"


def _signed(value: float | None) -> str:
    return NONE if value is None else f"{value:+.2f}"
