"""Who carries trials out. Executors only carry; what to run next is the driver's."""

from __future__ import annotations

from typing import Protocol

from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome


class Executor(Protocol):
    """Runs jobs on `slots` places at once.

    Every submitted job brings one outcome per seed, or fewer with the last one not ok. `next_event` waits for one
    and says whether its job has ended, or for the progress of a job that asks for reports. That job then waits for
    `resume`: told not to go on it is over, brings nothing more, and its place is free. `ready`: whether an event is
    there to be taken without waiting.
    """

    slots: int

    def submit(self, job: Job) -> None: ...

    def next_event(self) -> EpochReport | tuple[Outcome, bool]: ...

    def ready(self) -> bool: ...

    def resume(self, key: str, go_on: bool) -> None: ...

    def close(self, *, kill: bool = False) -> None: ...
