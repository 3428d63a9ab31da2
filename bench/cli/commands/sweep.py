"""`distillery sweep`: a spec's plan, carried out or only told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_distillery.bench.cli import lost_cluster
from graph_distillery.bench.cli.outcome_text import outcome_json, outcome_text
from graph_distillery.bench.cli.plan_text import (
    budget_lines,
    cell_table,
    cost_line,
    plan_json,
    pruner_note,
    runs_text,
    search_notes,
)
from graph_distillery.bench.cli.progress import ProgressDisplay
from graph_distillery.bench.cli.terminal import emit, emit_json, note
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.sweeps.cost.budget import what_fits
from graph_distillery.bench.sweeps.cost.estimate import estimate, progress_of
from graph_distillery.bench.sweeps.data_check import DataSurvey, check_data
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.plan.shards import parse_shard
from graph_distillery.bench.sweeps.spec import read_spec
from graph_distillery.bench.sweeps.store.files import begun, plan_in
from graph_distillery.bench.sweeps.store.retries import failures
from graph_distillery.bench.sweeps.store.students import StudentsKept
from graph_distillery.bench.sweeps.study.optuna_copy import check_url
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.sweeps.trackers.options import TrackerTarget, check_trackers
from graph_distillery.bench.text import count


@dataclass(frozen=True)
class Request:
    """What the command line asks for. out: None names the store after the spec; cells: `2/4`, None takes all."""

    spec: Path
    out: Path | None = None
    cells: str | None = None
    optuna_storage: str | None = None
    retry_failed: bool = False
    track: tuple[str, ...] = ()
    speed_only: bool = False
    save_students: str | None = None
    gpus: float | None = None
    budget_hours: float | None = None

    @property
    def budget_s(self) -> float | None:
        """The budget in seconds."""
        return None if self.budget_hours is None else 3600 * self.budget_hours


def run(request: Request, means: Means, data: Path | None, dry_run: bool, as_json: bool, quiet: bool = False) -> int:
    """Carry out the spec into a store, or with `dry_run` say what that would be."""
    read = read_spec(request.spec)
    if request.gpus is not None:
        read = preflight.with_gpus(read, request.gpus)
    shard = parse_shard(request.cells, "--cells") if request.cells else None
    store = request.out or Path(read.name if shard is None else f"{read.name}-{shard.number}-of-{shard.count}")
    written = str(shard) if shard is not None and shard.count > 1 else None
    plan = plan_in(store, read, preflight.data_folder(data), written)
    url = check_url(request.optuna_storage) if request.optuna_storage is not None else None
    trackers = check_trackers(request.track)
    students = StudentsKept.parse(request.save_students) if request.save_students is not None else None
    if dry_run:
        preflight.sealed(plan, None if request.retry_failed else store)
        preflight.configurations(plan, None if request.retry_failed else store)
        return tell(plan, store, means, as_json, request.retry_failed, request.budget_s)
    more: dict[str, Any] = {"optuna_storage": url, "trackers": trackers, "retry_failed": request.retry_failed}
    more |= {"speed_only": request.speed_only, "students": students, "budget_s": request.budget_s}
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
    speed_only: bool = False,
    students: StudentsKept | None = None,
    budget_s: float | None = None,
    quiet: bool = False,
) -> int:
    """Run the plan, show how it goes, and print what came of it; 1 where a trial failed."""
    for reason in plan.left_out:
        note(f"left out: {reason}")
    with ProgressDisplay(quiet=quiet) as progress, lost_cluster.entrusted(means.executor == "ray"):
        outcome = run_sweep(
            plan,
            store,
            means,
            listener=progress.attach,
            on_message=progress.message,
            optuna_storage=optuna_storage,
            trackers=trackers,
            retry_failed=retry_failed,
            speed_only=speed_only,
            students=students,
            budget_s=budget_s,
        )
    if as_json:
        emit_json(outcome_json(outcome))
    else:
        emit(outcome_text(outcome))
    return 0 if outcome.ok else 1


def tell(
    plan: Plan,
    store: Path,
    means: Means,
    as_json: bool,
    retry_failed: bool = False,
    budget_s: float | None = None,
) -> int:
    """The dry run: cells, trials, seeds, what was left out, and an estimate of the cost. Writes no store."""
    progress = progress_of(plan, store)
    survey = check_data(plan, store, means.device_here)
    cost = estimate(plan, progress, means)
    again = _failed(plan, store) if retry_failed else 0
    fits = what_fits(plan, store, means, budget_s) if budget_s is not None else None
    if as_json:
        told = {**plan_json(plan, store, progress, cost, means.workers), "to_retry": again, **_survey_json(survey)}
        emit_json(told if fits is None else {**told, "fits": {"seconds": fits.seconds, "left": dict(fits.left)}})
        return 0
    spec = plan.spec
    emit(f"{spec.name}: {count(len(plan.cells), 'cell')}, plan {plan.id}, store {store}")
    emit(cell_table(plan, progress))
    for line in (*survey.remarks, *survey.overlaps()):
        emit(line)
    for reason in plan.left_out:
        emit(f"left out: {reason}")
    if any(status.trials_total for status in progress.cells):
        emit(f"tuning seeds {runs_text(spec.search)}; sampler {spec.search.sampler}; {pruner_note(plan)}")
        for line in search_notes(spec.search, plan.shard):
            emit(line)
    emit(f"report seeds {runs_text(spec.report)}")
    if ablated := sum(cell.own_term is not None for cell in plan.cells):
        emit(f"own term: {count(ablated, 'locked configuration')} reported without it too, on the same seeds")
    emit(cost_line(cost, means))
    if retry_failed:
        emit(f"--retry-failed: {count(again, 'failed run')} to do again, which the cost leaves out")
    for line in budget_lines(plan, fits) if fits is not None else ():
        emit(line)
    emit("dry run: nothing was written")
    return 0


def _survey_json(survey: DataSurvey) -> dict[str, Any]:
    seen = {
        name: {str(seed): share for seed, share in shares.items()} for name, shares in survey.seen_in_tuning.items()
    }
    return {"data": list(survey.remarks), "seen_in_tuning": seen}


def _failed(plan: Plan, store: Path) -> int:
    """Runs that --retry-failed does again."""
    return len(failures(plan, read_records(store).records)) if begun(store) else 0
