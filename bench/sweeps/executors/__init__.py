"""Who carries trials out. Executors only carry; what to run next is the driver's."""

from __future__ import annotations

from typing import Protocol

from bench.sweeps.jobs import Job, Outcome


class Executor(Protocol):
    """Runs jobs on `slots` places at once.

    Every submitted job brings one outcome per seed, or fewer with the last one not ok. `next_outcome` waits for
    one and says whether its job has ended.
    """

    slots: int

    def submit(self, job: Job) -> None: ...

    def next_outcome(self) -> tuple[Outcome, bool]: ...

    def close(self, *, kill: bool = False) -> None: ...
