"""A driver's sign of life in its store, for `status` in another terminal. Not truth: records alone are."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

_FILE = "heartbeat.json"
#: Seconds between two beats, and after how many without one a driver counts as gone.
EVERY_S, STALE_S = 2.0, 30.0


@dataclass(frozen=True)
class Pulse:
    """What a driver says of itself.

    beat: Unix time; slots and busy: places and how many of them work; running: jobs under way by cell or teacher id;
    pace: seconds by the clock that a second of training takes, None before a training has ended.
    """

    host: str
    pid: int
    began: float
    beat: float
    slots: int
    busy: int
    running: Mapping[str, int] = field(default_factory=dict)
    pace: float | None = None

    @property
    def age_s(self) -> float:
        return max(time.time() - self.beat, 0.0)

    @property
    def fresh(self) -> bool:
        return self.age_s < STALE_S


class Heartbeat:
    """Beats from a thread of its own while the driver works; the file goes when it stops.

    look: gives (slots, jobs under way by id, pace) and may be called at any moment. A store that takes no more files
    (a full disk) costs the beat, never the sweep.
    """

    def __init__(self, store: Path, look: Callable[[], tuple[int, Mapping[str, int], float | None]]) -> None:
        self._file = store / _FILE
        self._look = look
        self._began = time.time()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(EVERY_S)
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _live(self) -> None:
        while True:
            self._beat()
            if self._over.wait(EVERY_S):
                return

    def _beat(self) -> None:
        slots, running, pace = self._look()
        busy = min(sum(running.values()), slots)
        pulse = Pulse(socket.gethostname(), os.getpid(), self._began, time.time(), slots, busy, dict(running), pace)
        draft = self._file.with_name(f".{_FILE}-{os.getpid()}")
        try:
            draft.write_text(json.dumps(asdict(pulse)), encoding="utf-8")
            os.replace(draft, self._file)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def read_pulse(store: Path) -> Pulse | None:
    """The last sign of life, however old; None without one, or where the file is not of this shape."""
    try:
        pulse = Pulse(**json.loads((store / _FILE).read_text(encoding="utf-8")))
        told = (pulse.pid, pulse.began, pulse.beat, pulse.slots, pulse.busy, *pulse.running.values())
        numbers = told if pulse.pace is None else (*told, pulse.pace)
        sound = isinstance(pulse.host, str) and all(isinstance(number, (int, float)) for number in numbers)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return pulse if sound else None


def driver_at_work(path: Path) -> bool | None:
    """Whether a driver holds the store's lock, tried for an instant with a shared lock; None where unknown."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        handle = os.open(path / ".lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(handle)
    return False
