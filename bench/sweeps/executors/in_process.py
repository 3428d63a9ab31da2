"""One job at a time, in this very process."""

from __future__ import annotations

from collections.abc import Iterator

from graph_distillery.bench.sweeps.executors.memory import limited
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.sweeps.worker import Fetch, Worker


class InProcessExecutor:
    """The plainest executor; nothing is pickled and a debugger sees everything."""

    slots = 1

    def __init__(self, fetch: Fetch) -> None:
        self._worker = Worker(fetch)
        self._job: Job | None = None
        self._events: Iterator[EpochReport | Outcome] = iter(())
        self._left = 0

    def submit(self, job: Job) -> None:
        if self._job is not None:
            raise RuntimeError("the in-process executor has one slot and it is taken")
        self._job, self._events, self._left = job, limited(self._worker.run(job), job.needs.memory), len(job.seeds)

    def next_event(self) -> EpochReport | tuple[Outcome, bool]:
        event = next(self._events)
        if isinstance(event, EpochReport):
            return event
        self._left -= 1
        ended = self._left == 0 or event.status != "ok"
        if ended:
            self._job = None
        return event, ended

    def ready(self) -> bool:
        """It trains in `next_event`."""
        return False

    def resume(self, key: str, go_on: bool) -> None:
        if not go_on:
            self.close()

    def close(self, *, kill: bool = False) -> None:
        self._job, self._events = None, iter(())  # the training under way is let go of, and with it stopped
