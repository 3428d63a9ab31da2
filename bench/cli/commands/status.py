"""`distillery status`: how far stores are, read off their files while drivers may write to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graph_distillery.bench.cli.terminal import emit, emit_json, note, table
from graph_distillery.bench.sweeps.store.files import begun
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.store.status import CellStatus, StoreStatus
from graph_distillery.bench.text import count, duration, score

_COLUMNS = ("cell", "state", "trials", "running", "pruned", "failed", "best validation", "reports", "speed", "left")


def run(stores: Sequence[Path], as_json: bool) -> int:
    """Print the progress of each store, and of several together; only reads."""
    places = list(dict.fromkeys(place for given in stores for place in _stores(given)))
    found = [(place, read_status(place)) for place in places]
    for place, each in found:
        for warning in each.warnings:
            note(f"warning: {warning}" if len(found) == 1 else f"warning: {place}: {warning}")
    if as_json:
        told = [_as_json(place, each) for place, each in found]
        emit_json(told[0] if len(told) == 1 else {**_together_json(found), "stores": told})
        return 0
    for place, each in found:
        if len(found) > 1:
            emit(f"{place}:")
        _tell(each)
    if len(found) > 1:
        emit(_together(found))
    return 0


def _stores(place: Path) -> Iterator[Path]:
    """The store, or those in a folder of stores, as an array's parts are."""
    if not begun(place) and place.is_dir():
        inside = sorted((item for item in place.iterdir() if item.is_dir() and begun(item)), key=_natural)
        if inside:
            yield from inside
            return
    yield place


def _natural(path: Path) -> tuple[Any, ...]:
    """part-10 comes after part-9."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in path.name.split("-"))


def _as_json(store: Path, found: StoreStatus) -> dict[str, Any]:
    return {
        "store": str(store),
        "driver": found.driver,
        "pulse": asdict(found.pulse) if found.pulse else None,
        "seconds_left": found.seconds_left,
        "wall_seconds_left": found.wall_s,
        "cells": [{**asdict(cell), "running": found.running(cell.id)} for cell in found.cells],
        "teachers": [{**asdict(teacher), "running": found.running(teacher.id)} for teacher in found.teachers],
    }


def _tell(found: StoreStatus) -> None:
    emit(_table(found))
    for line in pareto_lines(found.cells):
        emit(line)
    for teacher in found.teachers:
        running = f", {found.running(teacher.id)} training" if found.running(teacher.id) else ""
        failed = f", {teacher.failed} failed" if teacher.failed else ""
        emit(f"teacher {teacher.label}: {teacher.done} of {teacher.total} seeds trained{running}{failed}")
    for line in collapsed_lines(found):
        emit(line)
    for cell in found.cells:
        if cell.hindrance:
            emit(f"cannot be finished: {cell.label}: {cell.hindrance}")
    emit(_last_line(found))


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


def collapsed_lines(found: StoreStatus) -> list[str]:
    """A line per cell and teacher with seeds that learned nothing."""
    lines = [
        f"collapsed: {cell.label} ({selection}): {_seeds(seeds, cell.reports_done)}"
        for cell in found.cells
        for selection, seeds in cell.collapsed.items()
    ]
    teachers = [teacher for teacher in found.teachers if teacher.collapsed]
    return lines + [f"collapsed: teacher {each.label}: {_seeds(each.collapsed, each.done)}" for each in teachers]


def _seeds(seeds: Sequence[int], of: int) -> str:
    named = ", ".join(map(str, seeds))
    return f"{count(len(seeds), 'seed')} of {of} runs ({named}) predict one class, or no better than the largest class"


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


Found = Sequence[tuple[Path, StoreStatus]]


def _together_json(found: Found) -> dict[str, Any]:
    """Of all stores: cells by id, since stores may share them; parts of a plan that no store stands for."""
    states: dict[str, set[str]] = {}
    for _, each in found:
        for cell in each.cells:
            states.setdefault(cell.id, set()).add(cell.state)
    left = [each.seconds_left for _, each in found]
    return {
        "cells_done": sum("done" in each for each in states.values()),
        "cells_total": len(states),
        "drivers": sum(each.driver is True for _, each in found),
        "seconds_left": None if any(each is None for each in left) else sum(each or 0.0 for each in left),
        "parts_missing": _missing(found),
    }


def _missing(found: Found) -> list[str]:
    """Shards of a plan of which others are here."""
    there: dict[tuple[str, int], set[int]] = {}
    for _, each in found:
        shard = each.plan.shard
        if shard is not None:
            number, of = (int(part) for part in str(shard).split("/"))
            there.setdefault((each.plan.spec.name, of), set()).add(number)
    return [
        f"{name} {number}/{of}"
        for (name, of), numbers in sorted(there.items())
        for number in sorted(set(range(1, of + 1)) - numbers)
    ]


def _together(found: Found) -> str:
    told = _together_json(found)
    left = told["seconds_left"]
    words = (
        f"about {duration(left)} of training left for one worker" if left is not None else "time left not known of all"
    )
    line = (
        f"all {len(found)} stores: {told['cells_done']} of {count(told['cells_total'], 'cell')} done; "
        f"{count(told['drivers'], 'driver')} at work; {words}"
    )
    return line + (f"; no store yet of part {', '.join(told['parts_missing'])}" if told["parts_missing"] else "")
