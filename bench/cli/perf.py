"""`distillery perf`: the suite's own speed against its targets."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from bench.cli.text import emit, emit_json, table


def run(as_json: bool, only: Sequence[str] | None) -> int:
    """Print a row per measurement; 1 where a ratio is below its target."""
    rows = import_module("bench.perf").run_perf(list(only) if only else None)
    fields = ("name", "ratio", "target", "unit", "detail")
    if as_json:
        emit_json([{field: getattr(row, field) for field in fields} for row in rows])
    else:
        cells = [
            (
                row.name,
                f"{row.ratio:.2f}",
                f"{row.target:.2f}",
                row.unit,
                "met" if row.ratio >= row.target else "MISSED",
                row.detail,
            )
            for row in rows
        ]
        emit(table(("name", "ratio", "target", "unit", "verdict", "detail"), cells, right=("ratio", "target")))
    return int(any(row.ratio < row.target for row in rows))
