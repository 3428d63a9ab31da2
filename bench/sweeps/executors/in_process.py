"""One job at a time, in this very process."""

from __future__ import annotations

from collections.abc import Iterator

from bench.sweeps.jobs import Job, Outcome
from bench.sweeps.worker import Fetch, Worker


class InProcessExecutor:
    """The plainest executor; nothing is pickled and a debugger sees everything."""

    slots = 1

    def __init__(self, fetch: Fetch) -> None:
        self._worker = Worker(fetch)
        self._job: Job | None = None
        self._outcomes: Iterator[Outcome] = iter(())
        self._left = 0

    def submit(self, job: Job) -> None:
        if self._job is not None:
            raise RuntimeError("the in-process executor has one slot and it is taken")
        self._job, self._outcomes, self._left = job, self._worker.run(job), len(job.seeds)

    def next_outcome(self) -> tuple[Outcome, bool]:
        outcome = next(self._outcomes)
        self._left -= 1
        ended = self._left == 0 or outcome.status != "ok"
        if ended:
            self._job = None
        return outcome, ended

    def close(self, *, kill: bool = False) -> None:
        self._job, self._outcomes = None, iter(())
