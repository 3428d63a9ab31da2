"""`distillery reproduce`: a paper's table run by its protocol, beside what was published."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.cli import lost_cluster
from graph_distillery.bench.cli.terminal import emit, emit_json, note, table
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.papers import Stage, Table, find_tables, stages_of
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.students import StudentsKept
from graph_distillery.bench.text import duration
from graph_distillery.near_names import unknown_line

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.means import Means
    from graph_distillery.leaderboard.reproduction import ReproductionTable


@dataclass(frozen=True)
class Request:
    """What the command line asks for. datasets: None takes all that are at hand."""

    tables: tuple[str, ...]
    all_tables: bool = False
    datasets: tuple[str, ...] | None = None
    out: Path | None = None
    pages: Path | None = None
    budget_hours: float | None = None
    seeds: int | None = None
    stand_in: bool = False
    save_students: str | None = None


@dataclass(frozen=True)
class PlannedStage:
    """A stage that is to be run. seconds: what is left of it, estimated."""

    stage: Stage
    plan: Plan
    store: Path
    seconds: float | None = None


def run(request: Request, means: Means, data: Path | None, dry_run: bool, as_json: bool) -> int:
    """Run what is left of the tables' stages and write their pages; 1 where a run failed."""
    students_kept(request)
    tables = _tables(request)
    folder = preflight.data_folder(data)
    pages = request.pages or (request.out / "pages" if request.out else None)
    if request.out is None and pages is None and not dry_run:
        raise UserError("reproduce: --out STORE says where runs are kept; --pages DIR alone writes the pages anew")
    if pages is not None:
        from graph_distillery.leaderboard.reproduction import check_pages

        check_pages(pages)
    stages = _planned(tables, request, folder)
    if dry_run or request.out is not None:
        stages = [planned for planned in stages if _at_hand(planned.stage, request, folder)]
    if dry_run or request.budget_hours is not None:
        stages = _estimated(stages, means)
    if dry_run:
        return _tell(stages, request, as_json)
    code = 0
    if request.out is not None:
        code = _carry_out(stages, tables, request, pages, means)
    assert pages is not None
    published = write(tables, request, pages)
    _report(published, pages, as_json)
    return code


def students_kept(request: Request) -> StudentsKept | None:
    """Raises UserError where `--save-students` names neither."""
    if request.save_students is None:
        return None
    kept = StudentsKept.parse(request.save_students)
    if kept.which == "named":
        raise UserError("--save-students: reproduce keeps best or all; for one record sweep its stage's store")
    return kept


def _tables(request: Request) -> list[Table]:
    if request.all_tables == bool(request.tables):
        raise UserError("reproduce: name the tables, or say --all" + (", not both" if request.tables else ""))
    tables = find_tables(request.tables)
    if request.datasets is not None:
        known = {column.dataset for each in tables for column in each.columns.values()}
        for name in request.datasets:
            if name not in known:
                raise UserError(f"--datasets: {unknown_line('dataset of these tables', name, sorted(known))}")
    return tables


def _planned(tables: Sequence[Table], request: Request, data: Path | None) -> list[PlannedStage]:
    """Every stage asked for, its plan checked."""
    stages = []
    for each in tables:
        for stage in stages_of(each, stand_in=request.stand_in, seeds=request.seeds):
            if request.datasets is None or (stage.stands_for or stage.dataset) in request.datasets:
                plan = stage.plan(data)
                preflight.configurations(plan)
                stages.append(PlannedStage(stage, plan, _folder(request.out or Path("."), stage)))
    if request.stand_in and not stages:
        raise UserError("--stand-in: none of these tables names a stand-in for its data")
    return stages


def _folder(root: Path, stage: Stage) -> Path:
    return root / stage.table.name / stage.id


def _at_hand(stage: Stage, request: Request, data: Path | None) -> bool:
    """Whether to run the stage: its data are here, or were asked for by name."""
    from graph_distillery.bench.data.availability import availability

    if request.datasets is not None or availability(DATASETS.get(stage.dataset), data).there is not False:
        return True
    note(f"left out: {stage.table.name} {stage.id}: needs {stage.dataset}; name it by --datasets to download it")
    return False


def _estimated(stages: Sequence[PlannedStage], means: Means) -> list[PlannedStage]:
    """The stages with what is left of each."""
    from graph_distillery.bench.sweeps.cost.estimate import estimate, progress_of

    found = []
    for planned in stages:
        cost = estimate(planned.plan, progress_of(planned.plan, planned.store), means)
        found.append(PlannedStage(planned.stage, planned.plan, planned.store, cost.seconds))
    return found


def _within(stages: Sequence[PlannedStage], budget_s: float) -> list[PlannedStage]:
    """In the tables' order, those that fit what is left of the budget."""
    chosen: list[PlannedStage] = []
    for planned in stages:
        if planned.seconds is None or planned.seconds > budget_s:
            left = "cannot be timed" if planned.seconds is None else f"about {duration(planned.seconds)} do not fit"
            note(f"left out: {planned.stage.table.name} {planned.stage.id}: {left}")
            continue
        budget_s -= planned.seconds
        chosen.append(planned)
    return chosen


def _tell(stages: Sequence[PlannedStage], request: Request, as_json: bool) -> int:
    """The dry run: the stages and what each will cost."""
    if request.budget_hours is not None:
        stages = _within(stages, 3600 * request.budget_hours)
    total = sum(planned.seconds or 0.0 for planned in stages)
    if as_json:
        rows = [{"table": t.stage.table.name, "stage": t.stage.id, "seconds": t.seconds} for t in stages]
        emit_json({"stages": rows, "seconds": total})
        return 0
    rows_ = [
        (
            t.stage.table.name,
            t.stage.id,
            str(len(t.plan.cells)),
            str(len(t.plan.spec.report.seeds)),
            duration(t.seconds),
        )
        for t in stages
    ]
    emit(table(("table", "stage", "cells", "seeds", "left, about"), rows_, right=("cells", "seeds")))
    emit(f"{len(stages)} stages, about {duration(total)} (an estimate, from records and short probes)")
    emit("dry run: nothing was written")
    return 0


def _carry_out(
    stages: Sequence[PlannedStage], tables: Sequence[Table], request: Request, pages: Path | None, means: Means
) -> int:
    """Stage after stage, each resumed where it stopped; the pages are written anew after each."""
    from graph_distillery.bench.cli.progress import ProgressDisplay
    from graph_distillery.bench.sweeps.sweep import run_sweep

    kept = students_kept(request)
    began, code = time.monotonic(), 0
    budget = None if request.budget_hours is None else 3600 * request.budget_hours
    for number, planned in enumerate(stages, start=1):
        if budget is not None and not _within([planned], budget - (time.monotonic() - began)):
            continue
        note(f"{planned.stage.table.name} {planned.stage.id}: stage {number} of {len(stages)}, store {planned.store}")
        with ProgressDisplay() as progress, lost_cluster.entrusted(means.executor == "ray"):
            attach, tell = progress.attach, progress.message
            outcome = run_sweep(
                planned.plan,
                planned.store,
                means,
                listener=attach,
                on_message=tell,
                reproduces=True,
                students=kept,
            )
        code = code if outcome.ok else 1
        if pages is not None:
            _collect(planned, pages)
            write(tables, request, pages)
    return code


def _collect(planned: PlannedStage, pages: Path) -> None:
    """Copy a stage's records beside the pages: they alone, so that a board of them can be built anywhere."""
    target = _folder(pages / "records", planned.stage) / "records"
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted((planned.store / "records").glob("*.jsonl")):
        draft = target / f".{file.name}"
        shutil.copyfile(file, draft)
        draft.replace(target / file.name)


def write(tables: Sequence[Table], request: Request, pages: Path) -> list[ReproductionTable]:
    """The pages of these tables, and of all others whose records lie beside them, from those records alone."""
    from graph_distillery.leaderboard.reproduction import write_pages

    named = {each.name for each in tables}
    shown = list(tables)
    if not request.stand_in:
        shown += [each for each in find_tables(()) if each.name not in named and (pages / f"{each.name}.md").exists()]
    from graph_distillery.bench.cli.reproduction import join

    ordered = sorted(shown, key=lambda each: each.name)
    published = [join(each, pages / "records", stand_in=request.stand_in, seeds=request.seeds) for each in ordered]
    write_pages(published, pages)
    return [each for each in published if each.name in named]


def _report(published: Sequence[ReproductionTable], pages: Path, as_json: bool) -> None:
    from graph_distillery.leaderboard.reproduction.page import index_data
    from graph_distillery.leaderboard.reproduction.verdicts import verdict_of

    if as_json:
        emit_json({"pages": str(pages), "tables": index_data(published)})
        return
    rows: list[Any] = []
    for each in published:
        for cell in each.cells:
            verdict = verdict_of(cell)
            if cell.ours.summary is None:
                continue
            summary = cell.ours.summary
            theirs = "-" if cell.published is None else f"{cell.published.mean:.2f}"
            kind = verdict.kind + (f": {verdict.reason}" if verdict.reason else "")
            rows.append((each.name, cell.column, cell.row, theirs, f"{summary.mean:.2f}", str(summary.n), kind))
    if rows:
        emit(table(("table", "column", "row", "published", "ours", "seeds", "verdict"), rows, right=("seeds",)))
    emit(str(pages / "README.md"))
