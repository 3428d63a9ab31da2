"""`distillery perf`: the suite's own speed against its targets."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from graph_distillery.bench.cli.terminal import emit, emit_json, table
from graph_distillery.bench.errors import UserError


def run(as_json: bool, only: Sequence[str] | None, board: bool = False, sweep: bool = False) -> int:
    """Print a row per measurement; 1 where one misses its target."""
    names = list(only) if only else None
    if board and sweep:
        raise UserError("--board and --sweep: one at a time")
    if sweep and only:
        raise UserError("--sweep: measures one sweep for all of its rows; leave --only out")
    if board:
        from graph_distillery.bench.perf.board import run_board_perf

        rows = run_board_perf(names)
    elif sweep:
        rows = import_module("graph_distillery.bench.perf.sweep").run_sweep_perf()
    else:
        rows = import_module("graph_distillery.bench.perf.training").run_perf(names)
    fields = ("name", "value", "target", "unit", "ok", "detail")
    if as_json:
        emit_json([{field: getattr(row, field) for field in fields} for row in rows])
    else:
        cells = [
            (
                row.name,
                f"{row.value:.2f}",
                f"{row.target:.2f}",
                row.unit,
                "met" if row.ok else "MISSED",
                row.detail,
            )
            for row in rows
        ]
        emit(table(("name", "value", "target", "unit", "verdict", "detail"), cells, right=("value", "target")))
    return int(not all(row.ok for row in rows))
