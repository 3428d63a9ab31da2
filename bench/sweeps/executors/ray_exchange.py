"""Where the driver's thread and Tune's meet: jobs one way, events the other, and never both deciding at once.

Tune stands still from the moment it hands over an event until the driver has answered by waiting for the next one;
whatever the driver makes of the event, new jobs included, is there when Tune goes on.
"""

from __future__ import annotations

import threading
from collections import deque

from ray.exceptions import RayError, RayTaskError

from graph_distillery.bench.errors import LostError
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.sweeps.worker import one_line

Event = EpochReport | tuple[Outcome, bool]


class Exchange:
    """Shared by two threads."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._event: Event | None = None
        self._driver_waits = False
        self._answers: dict[str, bool] = {}
        self.closing = False
        self.broken: BaseException | None = None

    # -- the driver's side -------------------------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        with self._news:
            self._jobs.append(job)
            self._news.notify_all()

    def next_event(self) -> Event:
        """Wait for one.

        Raises:
            LostError: Ray no longer carries it.
            RuntimeError: Tune ended for another reason, which is nobody's wish.
        """
        with self._news:
            self._driver_waits = True
            self._news.notify_all()
            # In short waits, so that a signal is handled at once on every platform.
            while self._event is None and self.broken is None:
                self._news.wait(0.5)
            self._driver_waits = False
            event, self._event = self._event, None
            if event is None:
                raise _early_end(self.broken)
            return event

    def ready(self, seconds: float) -> bool:
        """Whether one comes within so many seconds; Tune goes on meanwhile."""
        with self._news:
            self._driver_waits = True
            self._news.notify_all()
            self._news.wait_for(lambda: self._event is not None or self.broken is not None, seconds)
            return self._event is not None

    def answer(self, key: str, go_on: bool) -> None:
        with self._news:
            self._answers[key] = go_on

    def close(self) -> None:
        """No more jobs, and nobody waits for anybody."""
        with self._news:
            self.closing = True
            self._news.notify_all()

    # -- Tune's side -------------------------------------------------------------------------------------------

    def take(self) -> Job | None:
        """The next job, if there is one."""
        with self._news:
            return self._jobs.popleft() if self._jobs else None

    def put_back(self, job: Job) -> None:
        """A job whose worker was lost goes first."""
        with self._news:
            self._jobs.appendleft(job)

    def wait_for_job(self) -> None:
        """Until there is one or it is over."""
        with self._news:
            self._news.wait_for(lambda: bool(self._jobs) or self.closing)

    def tell(self, event: Event) -> bool:
        """Hand an event over and wait until the driver is done with it; whether its job goes on."""
        with self._news:
            self._event = event
            self._driver_waits = False
            self._news.notify_all()
            self._news.wait_for(lambda: (self._event is None and self._driver_waits) or self.closing)
            key = event.key if isinstance(event, EpochReport) else event[0].key
            return self._answers.pop(key, not self.closing)

    def fail(self, error: BaseException) -> None:
        """Tune is over."""
        with self._news:
            self.broken = error
            self._news.notify_all()


def _early_end(error: BaseException | None) -> Exception:
    """What to raise where Tune ended before the driver was done: Ray has failed, or something of ours is wrong."""
    cause = error
    while cause is not None:
        if isinstance(cause, RayError | ConnectionError) and not isinstance(cause, RayTaskError):
            return lost(cause)
        cause = cause.__cause__ or cause.__context__
    early = RuntimeError(f"Ray Tune ended early: {error!r}")
    early.__cause__ = error
    return early


def lost(error: BaseException) -> LostError:
    """In one line: a node or the head is gone, say, or the object store is full."""
    return LostError(f"Ray no longer carries the sweep: {type(error).__name__}: {one_line(str(error))[:300]}")
