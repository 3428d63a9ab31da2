"""A plan and its cost, as printed by a dry run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graph_distillery.bench.cli.terminal import table
from graph_distillery.bench.sweeps.cost.budget import Allowance
from graph_distillery.bench.sweeps.cost.estimate import Cost, Pruning, processors, pruning_of
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.outcome import identity
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.seeds import Runs
from graph_distillery.bench.sweeps.spec import Search
from graph_distillery.bench.sweeps.store.status import StoreStatus
from graph_distillery.bench.text import count, duration, spans


def cell_table(plan: Plan, progress: StoreStatus) -> str:
    """A row per search: what it is of, its trials done and all, and how many hyperparameters it tunes."""
    rows = []
    for cell, status in zip(plan.searches, progress.cells, strict=True):
        rows.append(
            (
                cell.data.dataset,
                cell.data.split,
                cell.data.setting,
                cell.teacher or "-",
                cell.student or "-",
                cell.method.name + ("" if cell.variant == "paper" else f" ({cell.variant})"),
                "teacher search" if not cell.reported else "default" if not status.trials_total else "tuned",
                f"{status.trials_done}/{status.trials_total}",
                str(len(cell.space.parameters)),
            )
        )
    columns = ("dataset", "split", "setting", "teacher", "student", "method", "kind", "trials", "tuned parameters")
    return table(columns, rows, right=("trials", "tuned parameters"))


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


def runs_text(runs: Runs) -> str:
    """`0-9 on 5 splits, each with its teacher and 2 initialisations`; the numbers alone where each has its split."""
    numbers = spans(runs.seeds)
    if runs.splits is None:
        return numbers
    inits = count(len(runs.seeds) // runs.splits, "initialisation")
    return f"{numbers} on {count(runs.splits, 'split')}, each with its teacher and {inits}"


def pruner_note(plan: Plan) -> str:
    """Whether and when the pruner can act."""
    search, pruning = plan.spec.search, pruning_of(plan)
    if search.pruner == "none":
        return "no pruning"
    if not pruning.searched:
        return "nothing to prune"
    if search.pruner != "seed-racing":
        return _epochs_note(search, pruning)
    if pruning.acts:
        return (
            f"seed-racing stops a trial that is behind the best one after at most {len(search.seeds) - 1} of its "
            f"{len(search.seeds)} seeds (Wilcoxon, p below {pruning.p:.3g})"
        )
    return (
        f"seed-racing can never act: {len(search.seeds)} tuning seeds leave too few pairs to compare before the last "
        "one; at least 3 seeds, or a larger search.p_threshold"
    )


def _epochs_note(search: Search, pruning: Pruning) -> str:
    if not pruning.acts:
        return f"{search.pruner} can never act: no cell trains for more epochs than its first look takes"
    where = f"on the first tuning seed ({search.seeds[0]})"
    epochs = " or ".join(", ".join(map(str, rungs)) for rungs in pruning.rungs)
    if search.pruner == "median":
        return f"median stops a trial below the median of the complete ones, every {epochs} epochs {where}"
    return f"{search.pruner}: the best 1/{search.reduction_factor} go on at epochs {epochs} {where}"


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
    line = f"{what}: about {duration(cost.seconds)} {who(means)}"
    line += " (an estimate, from records and short probes of the default configurations)"
    return line + (f"; not counted, for their probe failed: {', '.join(cost.unknown)}" if cost.unknown else "")


def budget_lines(plan: Plan, fits: Allowance) -> list[str]:
    """What fits a budget of hours, and what is left for later, a line each."""
    labels = {cell.id: cell.label for cell in plan.searches}
    lines = [f"{count(len(fits.cells), 'cell')} within the budget: about {duration(fits.seconds)}"]
    return lines + [f"left for later: {labels[each]}: {why}" for each, why in fits.left.items()]


def who(means: Means) -> str:
    """Who does the work of an estimate, in words."""
    slots = count(means.workers or 1, "trial")
    if means.address:
        more = "" if means.workers else ", and as many more as the cluster has room for"
        return f"with {slots} at once on the Ray cluster{more}; timed on this machine"
    if means.executor == "ray":
        return f"with {slots} at once on a local Ray, on {count(processors(), 'processor')}"
    if means.workers:
        return f"by {count(means.workers, 'worker')} on {count(processors(), 'processor')}"
    return "in this process"


def plan_json(plan: Plan, store: Path, progress: StoreStatus, cost: Cost, workers: int) -> dict[str, Any]:
    """The dry run, for programs."""
    return {
        "name": plan.spec.name,
        "plan": plan.id,
        "store": str(store),
        "cells": [
            {
                **identity(cell),
                "trials": status.trials_total,
                "trials_done": status.trials_done,
                "own_term": None if cell.own_term is None else dict(cell.own_term),
            }
            for cell, status in zip(plan.searches, progress.cells, strict=True)
        ],
        "left_out": list(plan.left_out),
        "kinds": list(plan.kinds),
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
