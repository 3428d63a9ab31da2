"""Trackers: TensorBoard, MLflow and Weights & Biases are told what a sweep does while it does it. One way.

Records stay the truth, and nothing is ever read back. A tracker's thread writes behind the driver, which never waits
for it; a tracker that fails is told of once and left alone until the sweep is run again. What writes is Ray's own
logger callbacks, which want a trial's configuration and numbers; they are given those, and never a job or a teacher.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.cell_run import CellRun, JobRequest
from graph_distillery.bench.sweeps.jobs import EpochReport, Job
from graph_distillery.bench.sweeps.plan.plan import Cell, DataKey, Plan, TeacherPlan
from graph_distillery.bench.sweeps.trackers.options import TrackerTarget

#: Seconds that a sweep which is over waits for its trackers, and one that was interrupted.
LINGER_S, HURRY_S = 60.0, 5.0
#: Seconds that a measurement of speed waits for them, since it is to have the machine to itself.
_QUIET_S = 2.0

#: What the libraries would do unasked: send statistics home, write to the terminal, try a lost server for minutes.
_MANNERS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_SILENT": "true",
}
#: Set by the libraries on their way, and put back.
_TOUCHED = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_LOUD = ("mlflow", "alembic", "wandb", "urllib3", "ray.tune", "ray.air")


class Logbook(Protocol):
    """One tracker as its thread sees it. Each call may take long, and may raise anything."""

    def open(self) -> None: ...

    def begin(self, run: str, name: tuple[str, str], config: Mapping[str, Any]) -> None: ...

    def step(self, run: str, number: int, result: Mapping[str, float]) -> None: ...

    def end(self, run: str, failed: bool) -> None: ...

    def close(self) -> None: ...

    def abandon(self) -> None:
        """Let go of whatever would keep this process from ending; may be called while another call is under way."""


@dataclass
class _Run:
    """A run under way: steps and scores so far, and whether a seed of it failed."""

    steps: int = 0
    failed: bool = False
    scores: dict[str, list[float]] = field(default_factory=dict)


class Tracking:
    """The driver's watcher. A run is a trial, the reports of a configuration, a speed measurement or a teacher.

    A run has one step for each seed and for each report on the way. A worker that is lost leaves its run open: the
    seeds that are left follow where they begin again. `warn` gets one line for each tracker that fails.
    """

    def __init__(self, plan: Plan, logbooks: Mapping[TrackerTarget, Logbook], warn: Callable[[str], None]) -> None:
        self._names = cell_names(plan)
        self._writers = [_Writer(track, logbook, warn) for track, logbook in logbooks.items()]
        self._runs: dict[str, _Run] = {}

    def begins(self, job: Job, run: CellRun | None, work: JobRequest | None, teacher: TeacherPlan | None) -> None:
        """A job has been given out."""
        if job.purpose == "speed":
            for writer in self._writers:
                writer.catch_up(_QUIET_S)
        key = run_key(job.key, run, work)
        if key in self._runs:
            return
        self._runs[key] = _Run()
        if run is not None and work is not None:
            name, config = (self._names[run.cell.id], _what(work)), _config_of(run.cell, work)
        else:
            assert teacher is not None
            name, config = _teacher_run(teacher, job)
        self._send("begin", key, name, {label: value for label, value in config.items() if value is not None})
        for record in run.earlier(work) if run is not None and work is not None else ():
            self._step(key, record)

    def reports(self, progress: EpochReport, metric: str, run: CellRun | None, work: JobRequest | None) -> None:
        """A seed under way has a score so far."""
        key = run_key(progress.key, run, work)
        shown = {"seed": progress.seed, "epoch": progress.epoch, "train_s": progress.train_s}
        self._result(key, {**shown, f"progress/{metric}": progress.score})

    def records(self, record: Record | None, job_key: str, run: CellRun | None, work: JobRequest | None) -> None:
        """A record is on the disk; None where there was one already, of a teacher whose folder was lost."""
        key = run_key(job_key, run, work)
        if record is not None:
            self._step(key, record)
        if run is None or work is None or run.over(work):
            self._send("end", key, self._runs.pop(key).failed)

    def close(self, patience_s: float) -> None:
        """End what is open, as failed, and wait for what is still to be written, for so long."""
        for key in list(self._runs):
            del self._runs[key]
            self._send("end", key, True)
        until = time.monotonic() + patience_s
        for writer in self._writers:
            writer.put(None)
        for writer in self._writers:
            writer.join(max(until - time.monotonic(), 0.1))

    def _step(self, key: str, record: Record) -> None:
        """One seed's record. The means are of the run's seeds so far."""
        run = self._runs[key]
        result: dict[str, float] = {
            "seed": record.seed,
            "epoch": record.timings.epochs,
            "train_s": record.timings.train_s,
            "pruned": float(record.status == "pruned"),
            "failed": float(record.status not in ("ok", "pruned")),
        }
        run.failed |= bool(result["failed"])
        for part, scores in (("val", record.metrics.val), ("test", record.metrics.test or {})):
            for metric, value in scores.items():
                if value is not None and math.isfinite(value):
                    seen = run.scores.setdefault(f"{part}_mean/{metric}", [])
                    seen.append(value)
                    result[f"{part}/{metric}"] = value
        result |= {name: sum(seen) / len(seen) for name, seen in run.scores.items()}
        if record.speed is not None:
            result |= _numbers("speed", record.speed.model_dump(mode="json"))
        self._result(key, result)

    def _result(self, key: str, result: Mapping[str, float]) -> None:
        run = self._runs[key]
        run.steps += 1
        self._send("step", key, run.steps, dict(result))

    def _send(self, *call: Any) -> None:
        for writer in self._writers:
            writer.put(call)


class _Writer:
    """A thread and what it still has to write to one tracker."""

    def __init__(self, track: TrackerTarget, logbook: Logbook, warn: Callable[[str], None]) -> None:
        self._track, self._logbook, self._warn = track, logbook, warn
        self._queue: queue.Queue[tuple[Any, ...] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._failed = self._given_up = self._behind = False

    def put(self, call: tuple[Any, ...] | None) -> None:
        """Something to write; None ends it. The thread starts with the first."""
        if self._thread is None and call is not None:
            self._thread = threading.Thread(target=self._write, daemon=True, name=str(self._track))
            self._thread.start()
        if not self._failed:
            self._queue.put(call)

    def catch_up(self, patience_s: float) -> None:
        """Wait until all is written, for so long; not again after that was once too short."""
        until = time.monotonic() + patience_s
        while self._queue.unfinished_tasks and not self._failed and not self._behind:
            self._behind = time.monotonic() > until
            time.sleep(0.01)

    def join(self, patience_s: float) -> None:
        if self._thread is None:
            return
        self._thread.join(patience_s)
        self._given_up = self._thread.is_alive()
        if self._given_up and not self._failed:
            self._warn(f"warning: {self._track}: still behind; what is not there yet stays out")
        if self._given_up or self._failed:
            self._logbook.abandon()

    def _write(self) -> None:
        try:
            self._logbook.open()
            while (call := self._queue.get()) is not None and not self._given_up:
                getattr(self._logbook, call[0])(*call[1:])
                self._queue.task_done()
            self._logbook.close()
        except Exception as error:  # whatever a tracker has to say, the sweep goes on
            self._failed = True
            if not self._given_up:
                reason = (str(error).strip().splitlines() or [""])[0]
                self._warn(f"warning: {self._track}: no longer told: {type(error).__name__}: {reason[:300]}")


@contextmanager
def tracking(plan: Plan, trackers: Sequence[TrackerTarget], warn: Callable[[str], None]) -> Iterator[Tracking | None]:
    """What the driver tells of its doings; None where nobody wants to know. Writes nothing before the first job.

    Raises:
        UserError: a tracker's library does not load, or it has no credentials.
    """
    if not trackers:
        yield None
        return
    former = {name: os.environ.get(name) for name in (*_MANNERS, *_TOUCHED)}
    levels = {name: logging.getLogger(name).level for name in _LOUD}
    os.environ.update({name: value for name, value in _MANNERS.items() if name not in os.environ})
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        from graph_distillery.bench.sweeps.trackers.ray_trackers import open_logbook

        watcher = Tracking(plan, {track: open_logbook(track, plan.spec.name) for track in trackers}, warn)
        try:
            yield watcher
        except BaseException:
            watcher.close(HURRY_S)
            raise
        watcher.close(LINGER_S)
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# -- names and configurations ----------------------------------------------------------------------------------


def cell_names(plan: Plan) -> dict[str, str]:
    """`cora glnn mlp`: dataset, method and student, and of the rest what tells the plan's cells apart."""
    cells = plan.searches
    apart = {part for part in ("split", "setting") if len({getattr(cell.data, part) for cell in cells}) > 1}
    teachers = {cell.teacher for cell in cells if cell.teacher is not None}
    names = {}
    for cell in cells:
        words = [cell.data.dataset, *(getattr(cell.data, part) for part in ("split", "setting") if part in apart)]
        words.append(cell.method.name + ("" if cell.variant == "paper" else f"-{cell.variant}"))
        if cell.teacher is not None and (len(teachers) > 1 or cell.student is None):
            words.append(cell.teacher)
        words += [cell.student] if cell.student else []
        names[cell.id] = " ".join(words) + ("" if cell.reported else " as teacher")
    every = list(names.values())
    return {key: name if every.count(name) == 1 else f"{name} {key[:6]}" for key, name in names.items()}


def run_key(job_key: str, run: CellRun | None, work: JobRequest | None) -> str:
    """One for all jobs of a run: a trial's seeds come one after another, reports side by side."""
    if run is None or work is None:
        return job_key
    return f"{run.cell.id} {_what(work)}"


def _what(work: JobRequest) -> str:
    return f"trial {work.trial}" if work.purpose == "trial" else f"{work.purpose} {work.selection}"


def _teacher_run(teacher: TeacherPlan, job: Job) -> tuple[tuple[str, str], dict[str, Any]]:
    config = {
        "purpose": "teacher",
        **_data(teacher.data),
        "student": teacher.model,
        "method": job.configuration.method,
        "variant": "paper",
        **{f"method.{name}": value for name, value in job.configuration.method_hyper.items()},
        **{f"student.{name}": value for name, value in job.configuration.student_hyper.items()},
    }
    # Of two teachers of one model, or of one tuned anew, the id tells which.
    return (f"{teacher.data.dataset} teacher {teacher.model}", f"seed {job.seeds[0]} {job.key[:6]}"), config


def _config_of(cell: Cell, work: JobRequest) -> dict[str, Any]:
    return {
        "purpose": work.purpose,
        "trial": work.trial,
        "selection": work.selection,
        **_data(cell.data),
        "teacher": cell.teacher,
        "student": cell.student,
        "method": cell.method.name,
        "variant": cell.variant,
        "cell": cell.id,
        **work.configuration,
    }


def _data(data: DataKey) -> dict[str, Any]:
    return {"dataset": data.dataset, "split": data.split, "setting": data.setting}


def _numbers(path: str, value: Any) -> dict[str, float]:
    """The numbers of nested mappings, by their paths."""
    if isinstance(value, Mapping):
        return {key: number for name, each in value.items() for key, number in _numbers(f"{path}/{name}", each).items()}
    return {path: value} if isinstance(value, (int, float)) else {}
