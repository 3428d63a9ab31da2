"""`distillery status`: how far a store is, read off its files while a driver may write to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from graph_distillery.bench.cli.terminal import emit, emit_json, note, table
from graph_distillery.bench.sweeps.store.status import CellStatus, StoreStatus, read_status
from graph_distillery.bench.text import count, duration, score

_COLUMNS = ("cell", "state", "trials", "running", "pruned", "failed", "best validation", "reports", "speed", "left")


def run(store: Path, as_json: bool) -> int:
    """Print the store's progress; only reads."""
    found = read_status(store)
    for warning in found.warnings:
        note(f"warning: {warning}")
    if as_json:
        emit_json(
            {
                "store": str(store),
                "driver": found.driver,
                "pulse": asdict(found.pulse) if found.pulse else None,
                "seconds_left": found.seconds_left,
                "wall_seconds_left": found.wall_s,
                "cells": [{**asdict(cell), "running": found.running(cell.id)} for cell in found.cells],
                "teachers": [{**asdict(teacher), "running": found.running(teacher.id)} for teacher in found.teachers],
            }
        )
        return 0
    emit(_table(found))
    for line in pareto_lines(found.cells):
        emit(line)
    for teacher in found.teachers:
        running = f", {found.running(teacher.id)} training" if found.running(teacher.id) else ""
        failed = f", {teacher.failed} failed" if teacher.failed else ""
        emit(f"teacher {teacher.label}: {teacher.done} of {teacher.total} seeds trained{running}{failed}")
    for cell in found.cells:
        if cell.hindrance:
            emit(f"cannot be finished: {cell.label}: {cell.hindrance}")
    emit(_last_line(found))
    return 0


def _table(found: StoreStatus) -> str:
    rows = [
        (
            cell.label,
            "running" if cell.state == "waiting" and found.running(cell.id) else cell.state,
            f"{cell.trials_done}/{cell.trials_total}",
            str(found.running(cell.id)),
            str(cell.pruned),
            str(cell.failed),
            score(cell.best) + (f" {cell.metric}" if cell.best is not None else ""),
            f"{cell.reports_done}/{cell.reports_total}",
            f"{cell.speeds_done}/{cell.speeds_total}",
            duration(cell.seconds_left),
        )
        for cell in found.cells
    ]
    return table(_COLUMNS, rows, right=("trials", "running", "pruned", "failed", "reports", "speed", "left"))


def pareto_lines(cells: Sequence[CellStatus]) -> list[str]:
    """A line per cell that is tuned for latency too."""
    lines = []
    for cell in cells:
        points = [
            f"{'*' if point.locked else ''}trial {point.trial + 1}: {score(point.score)}, {point.latency_ms:.3g} ms"
            for point in cell.pareto
        ]
        if points:
            lines.append(f"Pareto set of {cell.label} ({cell.metric}, full forward; * wins): {'; '.join(points)}")
    return lines


def _last_line(found: StoreStatus) -> str:
    words = {True: "a driver is at work", False: "no driver is at work", None: "whether a driver is at work is unknown"}
    driver = words[found.driver]
    if found.pulse is not None:
        pulse = found.pulse
        driver += f" (process {pulse.pid} on {pulse.host}, {pulse.busy} of {count(pulse.slots, 'slot')} busy)"
    done = sum(cell.state == "done" for cell in found.cells)
    left = "time left unknown until a training has ended"
    if found.wall_s is not None:
        left = f"about {duration(found.wall_s)} left"
    elif found.seconds_left is not None:
        left = f"about {duration(found.seconds_left)} of training left for one worker"
    return f"{done} of {count(len(found.cells), 'cell')} done; {driver}; {left}"
