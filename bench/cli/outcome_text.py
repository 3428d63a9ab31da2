"""What a sweep came to, as printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from graph_distillery.bench.cli.terminal import table
from graph_distillery.bench.sweeps.outcome import CellOutcome, SweepOutcome
from graph_distillery.bench.text import count, duration, score, settings

_MOST_FAILURES = 10


def outcome_text(done: SweepOutcome) -> str:
    """A row per cell, the failures, and one closing line."""
    lines = [table(("cell", "locked", "validation", "test", "seeds"), [_row(cell) for cell in done.cells])]
    for failure in done.failures[:_MOST_FAILURES]:
        what = failure.kind if failure.trial is None else f"trial {failure.trial + 1}"
        where = f"{failure.cell}, {what} seed {failure.seed}"
        lines.append(f"failed: {where}: {failure.status}: {failure.error}")
    if len(done.failures) > _MOST_FAILURES:
        lines.append(f"and {count(len(done.failures) - _MOST_FAILURES, 'failure')} more, in {done.store}/records")
    for label, times in done.settled.items():
        lines.append(
            f"left as it is: {label}, {count(times, 'failure')}: its teacher is trained, and cells stand on it"
        )
    later = [cell for cell in done.cells if cell.left]
    lines += [f"left for later: {cell.label}: {cell.left}" for cell in later]
    unfinished = [cell for cell in done.cells if not (cell.finished or cell.left)]
    lines += [f"not finished: {cell.label}" + (f": {cell.hindrance}" if cell.hindrance else "") for cell in unfinished]
    fresh = f"{count(done.new, 'new record')} in {duration(done.seconds)}" if done.new else "nothing was left to do"
    fresh = "nothing fits" if later and not done.new else fresh
    lines.append(f"{done.store}: {count(done.records, 'record')}, {fresh}")
    return "\n".join(lines)


def _row(cell: CellOutcome) -> tuple[str, ...]:
    head = cell.headline
    shown = _short({name: value for name, value in (cell.locked or {}).items() if name in cell.tuned})
    locked = settings(shown) if shown else "-" if cell.locked is None else "(fixed)"
    default, ablated = cell.of("default"), cell.of("ablated")
    test = "-" if head is None else f"{score(head.mean)} ± {score(head.std)} {head.metric}"
    besides = [f"default {score(default.mean)}"] if default is not None and head is not default else []
    besides += [f"without its own term {score(ablated.mean)}"] if ablated is not None else []
    test += f" ({', '.join(besides)})" if besides else ""
    return (cell.label, locked, score(cell.validation), test, str(len(head.seeds)) if head else "0")


def _short(values: Mapping[str, Any]) -> dict[str, Any]:
    """`lr` for `student.lr`, where no two names become one."""
    short = {name.partition(".")[2]: value for name, value in values.items()}
    return short if len(short) == len(values) else dict(values)


def outcome_json(done: SweepOutcome) -> dict[str, Any]:
    """What a sweep came to, for programs; every number in full."""
    cells = []
    for cell in done.cells:
        reports = [{**asdict(each), "seeds": list(each.seeds)} for each in cell.reports]
        cells.append(
            {
                **cell.identity,
                "finished": cell.finished,
                "hindrance": cell.hindrance,
                "left": cell.left,
                "trials": cell.trials,
                "locked": cell.locked,
                "validation": cell.validation,
                "reports": reports,
                "pareto": [asdict(point) for point in cell.pareto],
            }
        )
    return {
        "store": str(done.store),
        "plan": done.plan_id,
        "records": done.records,
        "new_records": done.new,
        "seconds": done.seconds,
        "cells": cells,
        "failures": [asdict(failure) for failure in done.failures],
        "settled": dict(done.settled),
    }
