"""A store's rows timed once more, in turn: `distillery sweep --speed-only`.

Each row of a dataset is trained for an epoch and kept; then all of them are timed in rounds, in an order drawn anew in
each. The new records stand beside the old ones, whose networks were timed one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.records import Speed
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.sweeps.worker import Fetch, Worker
from graph_distillery.bench.text import count
from graph_distillery.bench.training.engine import Trained
from graph_distillery.bench.training.problem import Problem
from graph_distillery.bench.training.speed import measure_rounds
from graph_distillery.methods.contract import Method

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.cell_run import CellRun
    from graph_distillery.bench.sweeps.driver import Driver

ROUNDS, REPEATS = 7, 140


class _Keeper(Worker):
    """Trains what is to be timed, and keeps it instead of timing it."""

    def __init__(self, fetch: Fetch) -> None:
        super().__init__(fetch)
        self.kept: list[tuple[Method[Any], Problem]] = []

    def _speed(self, job: Job, trained: Trained) -> Speed | None:
        if job.purpose == "speed":
            self.kept.append((trained.method, trained.problem))
        return None


def time_again(
    driver: Driver, fetch: Fetch, tell: Callable[[str], None], rounds: int = ROUNDS, repeats: int = REPEATS
) -> int:
    """Time the configuration that each row shows; how many rows were.

    What a row stands on and the store lacks, a teacher say, is made first. A row that fails is recorded as such, and
    the others are timed without it.

    Raises:
        RecordError: a record could not be written.
    """
    groups: dict[object, list[CellRun]] = {}
    for run in driver.runs.values():
        if run.selections():
            groups.setdefault(run.cell.data, []).append(run)
        elif run.cell.reported:
            tell(f"{run.cell.id}: its search is not over, so that there is nothing to time yet")
    done = 0
    for runs in groups.values():
        worker = _Keeper(fetch)
        trained = [outcome for run in runs for outcome in _trained(driver, worker, run)]
        for outcome, speed in zip(trained, measure_rounds(worker.kept, repeats, rounds), strict=True):
            driver.accept(replace(outcome, speed=speed), ended=True)
        done += len(trained)
        tell(f"{runs[0].cell.data.dataset}: {count(len(trained), 'row')} timed in {rounds} rounds")
    return done


def _trained(driver: Driver, worker: _Keeper, run: CellRun) -> Iterator[Outcome]:
    """The outcome of a row that the worker now keeps; none where something failed, which is recorded."""
    for job in driver.timing_jobs(run):
        *_, outcome = (event for event in worker.run(job) if not isinstance(event, EpochReport))
        if job.purpose == "speed" and outcome.status == "ok":
            yield outcome
        else:
            driver.accept(outcome, ended=True)
