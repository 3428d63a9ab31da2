"""`distillery sweep`: a spec's plan, carried out or only told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_distillery.bench.cli import lost_cluster
from graph_distillery.bench.cli.progress import Progress
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps import outcome, preflight
from graph_distillery.bench.sweeps.cost import Cost, estimate, progress_of, pruner_note, where
from graph_distillery.bench.sweeps.plan.plan import Plan, make_plan
from graph_distillery.bench.sweeps.plan.shards import parse_shard, take_shard
from graph_distillery.bench.sweeps.spec import Search, read_spec
from graph_distillery.bench.sweeps.store.retries import failures
from graph_distillery.bench.sweeps.store.status import StoreStatus
from graph_distillery.bench.sweeps.study.optuna_copy import check_url
from graph_distillery.bench.sweeps.sweep import Means, check_data, run_sweep
from graph_distillery.bench.sweeps.trackers.options import TrackerTarget, check_trackers
from graph_distillery.bench.text import count, duration, emit, emit_json, note, spans, table


@dataclass(frozen=True)
class Request:
    """What the command line asks for. out: None names the store after the spec; cells: `2/4`, None takes all."""

    spec: Path
    out: Path | None = None
    cells: str | None = None
    optuna_storage: str | None = None
    retry_failed: bool = False
    track: tuple[str, ...] = ()


def run(request: Request, means: Means, data: Path | None, dry_run: bool, as_json: bool, quiet: bool = False) -> int:
    """Carry out the spec into a store, or with `dry_run` say what that would be."""
    read = read_spec(request.spec)
    shard = parse_shard(request.cells, "--cells") if request.cells else None
    plan = take_shard(make_plan(read, preflight.data_folder(data)), shard)
    store = request.out or Path(read.name if shard is None else f"{read.name}-{shard.number}-of-{shard.count}")
    preflight.configurations(plan)
    url = check_url(request.optuna_storage) if request.optuna_storage is not None else None
    trackers = check_trackers(request.track)
    if dry_run:
        return tell(plan, store, means, as_json, request.retry_failed)
    more: dict[str, Any] = {"optuna_storage": url, "trackers": trackers, "retry_failed": request.retry_failed}
    return carry_out(plan, store, means, as_json, **more, quiet=quiet)


def carry_out(
    plan: Plan,
    store: Path,
    means: Means,
    as_json: bool,
    *,
    optuna_storage: str | None = None,
    trackers: Sequence[TrackerTarget] = (),
    retry_failed: bool = False,
    quiet: bool = False,
) -> int:
    """Run the plan, show how it goes, and print what came of it; 1 where a trial failed."""
    for reason in plan.left_out:
        note(f"left out: {reason}")
    began = time.monotonic()
    with Progress(quiet=quiet) as progress, lost_cluster.entrusted(means.executor == "ray"):
        summary = run_sweep(
            plan,
            store,
            means,
            listener=progress.attach,
            on_message=progress.message,
            optuna_storage=optuna_storage,
            trackers=trackers,
            retry_failed=retry_failed,
        )
    assert progress.driver is not None
    done = outcome.outcome_of(progress.driver, summary, time.monotonic() - began)
    if as_json:
        emit_json(outcome.as_json(done))
    else:
        emit(outcome.as_text(done))
    return 0 if summary.ok else 1


def tell(plan: Plan, store: Path, means: Means, as_json: bool, retry_failed: bool = False) -> int:
    """The dry run: cells, trials, seeds, what was left out, and an estimate of the cost. Writes no store."""
    progress = progress_of(plan, store)
    check_data(plan, store, means.device_here)
    cost = estimate(plan, progress, means)
    again = _failed(plan, store) if retry_failed else 0
    if as_json:
        emit_json({**_json(plan, store, progress, cost, means.workers), "to_retry": again})
        return 0
    spec = plan.spec
    emit(f"{spec.name}: {count(len(plan.cells), 'cell')}, plan {plan.id}, store {store}")
    emit(_cells(plan, progress))
    for reason in plan.left_out:
        emit(f"left out: {reason}")
    if any(status.trials_total for status in progress.cells):
        emit(f"tuning seeds {spans(spec.search.seeds)}; sampler {spec.search.sampler}; {pruner_note(plan)}")
        for line in search_notes(spec.search, plan.shard):
            emit(line)
    emit(f"report seeds {spans(spec.report.seeds)}")
    emit(cost_line(cost, means))
    if retry_failed:
        emit(f"--retry-failed: {count(again, 'failed run')} to do again, which the cost leaves out")
    emit("dry run: nothing was written")
    return 0


def _failed(plan: Plan, store: Path) -> int:
    """Runs that --retry-failed does again."""
    there = (store / "store.json").exists()
    return len(failures(plan, read_records(store).records)) if there else 0


def search_notes(search: Search, shard: str | None = None) -> list[str]:
    """What a spec asks of its search beyond sampler and pruner; shard: `2/4` where it is of some cells."""
    notes = []
    if len(search.objectives) > 1:
        rule = (
            "the best accuracy" if isinstance(search.lock, str) else f"the fastest within {search.lock.within} points"
        )
        notes.append(f"objectives {' and '.join(search.objectives)}; {rule} wins")
    if search.transfer:
        others = f" and in {', '.join(search.transfer_from)}" if search.transfer_from else ""
        within = f" among cells {shard}" if shard else ""
        notes.append(f"warm starts: what won on the datasets before{within}{others}, on at most half of the trials")
    return notes


def _cells(plan: Plan, progress: StoreStatus) -> str:
    rows = []
    for cell, status in zip(plan.searches, progress.cells, strict=True):
        rows.append(
            (
                cell.data.dataset,
                cell.data.split,
                cell.data.setting,
                cell.teacher.model if cell.teacher else "-",
                cell.student or "-",
                cell.method.name + ("" if cell.variant == "paper" else f" ({cell.variant})"),
                "teacher search" if not cell.reported else "default" if not status.trials_total else "tuned",
                f"{status.trials_done}/{status.trials_total}",
                str(len(cell.space.parameters)),
            )
        )
    columns = ("dataset", "split", "setting", "teacher", "student", "method", "kind", "trials", "tuned parameters")
    return table(columns, rows, right=("trials", "tuned parameters"))


def cost_line(cost: Cost, means: Means) -> str:
    """How many trainings at most, and how long they take."""
    if not cost.trainings and not cost.teachers and not cost.speeds:
        return "nothing is left to do"
    what = (
        f"at most {count(cost.trainings, 'training')} of students, {cost.teachers:,} of teachers, and "
        f"{count(cost.speeds, 'speed measurement')}"
    )
    if cost.seconds is None:
        return f"{what}; time unknown: no configuration could be timed"
    line = f"{what}: about {duration(cost.seconds)} {where(means)}"
    line += " (an estimate, from records and short probes of the default configurations)"
    return line + (f"; not counted, for their probe failed: {', '.join(cost.unknown)}" if cost.unknown else "")


def _json(plan: Plan, store: Path, progress: StoreStatus, cost: Cost, workers: int) -> dict[str, Any]:
    return {
        "name": plan.spec.name,
        "plan": plan.id,
        "store": str(store),
        "cells": [
            {**outcome.identity(cell), "trials": status.trials_total, "trials_done": status.trials_done}
            for cell, status in zip(plan.searches, progress.cells, strict=True)
        ],
        "left_out": list(plan.left_out),
        "tuning_seeds": list(plan.spec.search.seeds),
        "report_seeds": list(plan.spec.report.seeds),
        "pruner": pruner_note(plan),
        "cost": {
            "student_trainings": cost.trainings,
            "teacher_trainings": cost.teachers,
            "speed_measurements": cost.speeds,
            "seconds": cost.seconds,
            "workers": workers,
            "not_timed": list(cost.unknown),
        },
    }
