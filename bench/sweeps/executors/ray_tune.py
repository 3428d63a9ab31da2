"""One Tune experiment for a whole plan: Tune asks here what to run and what to stop, and the driver decides.

A Tune trial is one job. Tune would keep only one idle actor and end the others, with the datasets and teachers that
they hold; here all are kept, until a trial of another shape waits for their room.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError
from ray.tune.experiment import Trial
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher
from ray.tune.utils.object_cache import _ObjectCache

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.executors.processes import GRACE_S
from graph_distillery.bench.sweeps.executors.ray_exchange import Exchange
from graph_distillery.bench.sweeps.executors.ray_worker import TuneJob
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome, Status
from graph_distillery.bench.sweeps.worker import one_line

#: Seconds after which a trial that waits for an actor of its own may have another's.
_START_S = 30.0


@dataclass
class _Run:
    """A Tune trial under way. chosen: when Tune first looked for an actor for it; began: when its present seed did."""

    job: Job
    trial: Trial | None = None
    seeds_left: list[int] = field(default_factory=list)
    chosen: float | None = None
    began: float | None = None
    overdue: bool = False


class Over(Exception):
    """The sweep is over. Ends Tune at once; left to itself it would first write down every trial for a restore."""


class TrialTable:
    """What Tune's searcher and scheduler share: which trial carries which job."""

    def __init__(self, exchange: Exchange, tune_job: Callable[[Job], TuneJob]) -> None:
        self.exchange = exchange
        self.tune_job = tune_job
        self.runs: dict[str, _Run] = {}
        self.busy_s = 0.0
        self._failures: dict[str, int] = {}

    def __deepcopy__(self, memo: Any) -> TrialTable:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Tune pickles its settings when it begins, for a restore that never comes; of this it gets nothing."""
        return type(None), ()

    # -- what to run -------------------------------------------------------------------------------------------

    def next_job(self) -> Job | None:
        """A job for which there is a place, or none for now."""
        if not self.runs:
            self.exchange.wait_for_job()  # with nothing under way Tune itself would look again only once a second
        return None if self.exchange.closing else self.exchange.take()

    def begin(self, trial_id: str, job: Job) -> None:
        self.runs[trial_id] = _Run(job, seeds_left=list(job.seeds))

    def refuse(self, job: Job, error: UserError) -> None:
        """It cannot be begun anywhere, and fails."""
        self.exchange.tell((Outcome(job.key, job.seeds[0], "failed", error=one_line(str(error))), True))

    def look(self, controller: Any) -> None:
        """Once in each turn of Tune's loop."""
        if not isinstance(controller._actor_cache, _IdleActors):
            controller._actor_cache = _IdleActors(self)
        if self.exchange.closing:
            for trial in [run.trial for run in self.runs.values() if run.trial]:
                kill(trial)
            for actor in controller._actor_cache.flush_cached_objects(force_all=True):
                controller._actor_manager.remove_actor(actor, kill=True)
            raise Over
        now = time.monotonic()
        for run in self.runs.values():
            if run.trial is None or run.trial.status != Trial.RUNNING:
                continue
            run.began = run.began or now
            limit = run.job.patience_s
            if limit is not None and now - run.began > limit + GRACE_S and not run.overdue:
                run.overdue = True
                kill(run.trial)

    def may_have_an_actor(self, trial: Trial) -> bool:
        """Whether Tune is to find one for the trial, which it chose.

        Once is enough: it would give the trial the next idle actor and end the one that starts for it, so that a
        slot whose worker was lost would stay empty wherever jobs are shorter than the start of a worker.
        """
        run, now = self.runs[trial.trial_id], time.monotonic()
        first = run.chosen is None
        run.chosen = run.chosen or now
        return first or now - run.chosen > _START_S

    def shapes_waiting(self) -> set[Any]:
        """What trials ask for that have no actor yet."""
        waiting = [run.trial for run in self.runs.values() if run.trial and run.trial.status == Trial.PENDING]
        return {trial.placement_group_factory for trial in waiting}

    # -- what came of it ---------------------------------------------------------------------------------------

    def hear(self, trial: Trial, event: EpochReport | Outcome) -> str:
        """An event of a trial; what Tune is to do with it."""
        run = self.runs[trial.trial_id]
        if isinstance(event, EpochReport):
            go_on = self.exchange.tell(event)
            run.began = time.monotonic()
            return TrialScheduler.CONTINUE if go_on else self._end(trial)
        run.seeds_left.remove(event.seed)
        ended = not run.seeds_left or event.status != "ok"
        if ended:
            del self.runs[trial.trial_id]
            self._failures.pop(run.job.key, None)
        self.exchange.tell((event, ended))
        run.began = time.monotonic()
        return self._end(trial) if ended else TrialScheduler.CONTINUE

    def _end(self, trial: Trial) -> str:
        self.runs.pop(trial.trial_id, None)
        return TrialScheduler.STOP

    def lose(self, trial: Trial) -> None:
        """Its worker is gone: the seeds that are left begin again elsewhere, unless that was tried often enough."""
        run = self.runs.pop(trial.trial_id, None)
        if run is None or self.exchange.closing:
            return
        error = trial.get_pickled_error()
        status, why, counts = _verdict(error, run.overdue)
        if run.began is None and isinstance(error, RayActorError):  # an idle actor was lost, or one that was to start
            counts = 0
        failures = self._failures.get(run.job.key, 0) + counts
        self._failures[run.job.key] = failures
        if (
            status in ("failed", "oom")
            and failures <= run.job.needs.max_failures
            and not isinstance(error, RayTaskError)
        ):
            self.exchange.put_back(replace(run.job, seeds=tuple(run.seeds_left)))
            return
        del self._failures[run.job.key]
        again = f", the last of {failures}" if failures > 1 else ""
        self.exchange.tell((Outcome(run.job.key, run.seeds_left[0], status, error=why + again), True))


class _IdleActors(_ObjectCache):
    """Tune's cache of idle actors, by what they take of a node; keeps them all.

    Tune's own keeps one beyond those that pending trials wait for, and a new actor takes seconds to start.
    """

    def __init__(self, table: TrialTable) -> None:
        super().__init__()
        self._table = table

    def cache_object(self, key: Any, obj: Any) -> bool:
        self._cached_objects[key].append(obj)
        self._num_cached_objects += 1
        return True

    def flush_cached_objects(self, force_all: bool = False) -> Generator[Any, None, None]:
        """The actors to end: all, or those in whose room a trial of another shape would fit."""
        waiting = self._table.shapes_waiting()
        short = {shape for shape in waiting if not self.has_cached_object(shape)}
        for key, idle in self._cached_objects.items():
            while idle and (force_all or short - {key}):
                self._num_cached_objects -= 1
                yield idle.pop(0)


def kill(trial: Trial) -> None:
    """End a trial's actor at once, whatever it is at."""
    actor = trial.temporary_state.ray_actor
    if actor is not None:
        ray.kill(actor)


def _verdict(error: BaseException | None, overdue: bool) -> tuple[Status, str, int]:
    """Status and reason of a lost trial, and whether the loss counts against it: a lost node does not."""
    text = one_line(str(error))
    if overdue:
        return "timeout", "killed: it did not stop at its time limit", 1
    if isinstance(error, OutOfMemoryError) or "low on memory" in text or "OutOfMemory" in text:
        return "oom", "its worker was killed: the node ran out of memory", 1
    if isinstance(error, RayActorError) and "node" in text.lower() and ("its node" in text or "node has died" in text):
        return "failed", "its node was lost", 0
    if isinstance(error, RayActorError):
        return "failed", "its worker died", 1
    return "failed", f"{type(error).__name__}: {text[:300]}", 1


class PlanSearcher(Searcher):
    """Gives Tune the driver's next job as the configuration of a trial; keeps nothing worth saving."""

    def __init__(self, table: TrialTable) -> None:
        super().__init__()
        self.table = table

    def suggest(self, trial_id: str) -> Any:
        job = self.table.next_job()
        if job is None:
            return Searcher.FINISHED if self.table.exchange.closing else None
        try:
            tune_job = self.table.tune_job(job)
        except UserError as error:  # an artefact that cannot be read fails its job, as it does in a process
            self.table.refuse(job, error)
            return None
        self.table.begin(trial_id, job)
        return {"tune_job": tune_job}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """The scheduler hears of it with the trial at hand."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Records are the truth: there is nothing to save."""

    def save(self, checkpoint_path: str) -> None: ...

    def restore(self, checkpoint_path: str) -> None:
        raise NotImplementedError("a sweep goes on from its records, not from Tune's state")


class PlanScheduler(FIFOScheduler):
    """Hands every event to the driver and does to the trial what the driver says."""

    _supports_buffered_results = False

    def __init__(self, table: TrialTable) -> None:
        super().__init__()
        self.table = table

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        self.table.runs[trial.trial_id].trial = trial

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        self.table.look(tune_controller.stop_trial.__self__)  # Tune hands over a wrapper that warns
        trial = super().choose_trial_to_run(tune_controller)
        return trial if trial is None or self.table.may_have_an_actor(trial) else None

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        self.table.busy_s += result["time_this_iter_s"]
        return self.table.hear(trial, result["event"])

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        self.table.lose(trial)
        _forget(trial)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        _forget(trial)


_KEPT = {"done", "trial_id", "training_iteration"}


class Silence(TrialProgressCallback):
    """In the place of Tune's own, prints nothing; and takes events, large for teachers, from what Tune keeps."""

    def on_trial_result(self, iteration: int, trials: Any, trial: Trial, result: dict[str, Any], **info: Any) -> None:
        for name in result.keys() - _KEPT:  # Tune keeps statistics of every number, for every trial to the end
            del result[name]

    def on_trial_error(self, iteration: int, trials: Any, trial: Trial, **info: Any) -> None: ...

    def on_trial_complete(self, iteration: int, trials: Any, trial: Trial, **info: Any) -> None: ...


def _forget(trial: Trial) -> None:
    """Tune keeps every trial to the end; a job and its references need not stay with it."""
    trial.config = {}
    trial.evaluated_params = {}
