"""A store's rows timed once more: `distillery sweep --speed-only`. The new records stand beside the old ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.sweeps.worker import Fetch, Worker
from graph_distillery.bench.text import count

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.driver import Driver

ROUNDS = 9


def time_again(driver: Driver, fetch: Fetch, tell: Callable[[str], None], rounds: int = ROUNDS) -> int:
    """Time the configuration that each row shows, in turn with those of its dataset, in this process; how many were.

    What a row stands on and the store lacks, a teacher say, is made first. A row that fails is recorded as such.

    Raises:
        RecordError: a record could not be written.
    """
    worker = Worker(fetch)

    def outcome_of(job: Job) -> Outcome:
        *_, outcome = (event for event in worker.run(job) if not isinstance(event, EpochReport))
        return outcome

    groups: dict[object, list[Job]] = {}
    for run in driver.runs.values():
        if run.cell.reported and not run.selections():
            tell(f"{run.cell.id}: its search is not over, so that there is nothing to time yet")
        for job in driver.timing_jobs(run) if run.selections() else ():
            if job.purpose == "speed":
                groups.setdefault(job.problem, []).append(job)
            else:
                driver.accept(outcome_of(job), ended=True)
    for first, *others in groups.values():
        driver.accept(outcome_of(first.in_turn_with(others, rounds)), ended=True)
        tell(f"{first.problem.dataset}: {count(1 + len(others), 'row')} timed in {rounds} rounds")
    return sum(map(len, groups.values()))
