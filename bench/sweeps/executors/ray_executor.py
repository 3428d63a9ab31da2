"""Trials on Ray: one machine or a cluster. The driver stays where it is and alone writes; Tune only carries."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayError

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.models.zoo.families import LENT
from graph_distillery.bench.sweeps.executors import ray_capacity
from graph_distillery.bench.sweeps.executors.ray_exchange import Event, Exchange, lost
from graph_distillery.bench.sweeps.executors.ray_tune import PlanScheduler, PlanSearcher, Silence, TrialTable
from graph_distillery.bench.sweeps.executors.ray_worker import TrialActor, TuneJob
from graph_distillery.bench.sweeps.jobs import Job
from graph_distillery.bench.sweeps.spec import Needs
from graph_distillery.bench.training.artefacts import Artefact
from graph_distillery.bench.training.problem import whole_dataset

#: Seconds between two looks at how large the cluster is.
_LOOK_S = 5.0
#: Seconds that Tune, which stands still while the driver decides, has for handing over what has ended meanwhile.
_AT_ONCE_S = 0.002
#: Seconds that Tune has for ending what still runs.
_END_S = 15.0


class RayExecutor:
    """Runs jobs in one Tune experiment on the Ray that this process is connected to.

    slots: trials at once; None takes what the cluster has room for, also when nodes come and go. usual: what a
    trial takes in general, by which room is counted.
    """

    def __init__(self, slots: int | None, fetch: Callable[[str], Artefact], usual: Needs) -> None:
        self._fixed, self._usual = slots, usual
        self._fetch = fetch
        self._datasets: dict[str, ray.ObjectRef[Dataset]] = {}
        self._artefacts: dict[str, ray.ObjectRef[Artefact]] = {}
        self._classes: ray.ObjectRef[dict[str, Any]] | None = None
        self._looked = 0.0
        self.slots = slots or 1
        self._count_slots()
        self._exchange = Exchange()
        self._table = TrialTable(self._exchange, self._tune_job)
        self._scratch = tempfile.mkdtemp(prefix="distillery-ray-")
        self._thread = threading.Thread(target=self._carry, name="ray-tune", daemon=True)
        self._thread.start()

    @property
    def busy_s(self) -> float:
        """Seconds that actors have spent on jobs so far, all of them together."""
        return self._table.busy_s

    def submit(self, job: Job) -> None:
        if job.device.startswith("cuda"):  # Ray shows a worker its own GPU alone; without one it has none to use
            job = replace(job, device="cuda" if job.needs.gpus else "cpu")
        self._exchange.submit(job)

    def next_event(self) -> Event:
        self._count_slots()
        return self._exchange.next_event()

    def ready(self) -> bool:
        return self._exchange.ready(_AT_ONCE_S)

    def resume(self, key: str, go_on: bool) -> None:
        self._exchange.answer(key, go_on)

    def close(self, *, kill: bool = False) -> None:
        self._exchange.close()  # which ends the actors too
        self._thread.join(_END_S)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _carry(self) -> None:
        """The life of Tune's thread."""
        try:
            tune.Tuner(
                TrialActor,
                tune_config=tune.TuneConfig(
                    search_alg=PlanSearcher(self._table),
                    scheduler=PlanScheduler(self._table),
                    num_samples=-1,
                    reuse_actors=True,
                    trial_name_creator=lambda trial: str(trial.trial_id),
                    trial_dirname_creator=lambda trial: str(trial.trial_id),
                ),
                run_config=tune.RunConfig(
                    name="sweep",
                    storage_path=self._scratch,
                    verbose=0,
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    failure_config=tune.FailureConfig(max_failures=0),  # what is tried again is decided per seed
                    callbacks=[Silence()],
                ),
            ).fit()
            self._exchange.fail(RuntimeError("no more trials"))
        except BaseException as error:
            self._exchange.fail(error)

    def _tune_job(self, job: Job) -> TuneJob:
        """The job with what it needs, put into the object store when first needed."""
        name = job.problem.dataset
        if name not in self._datasets:
            self._datasets[name] = ray.put(whole_dataset(job.problem))
        for made_id in job.carried:
            if made_id not in self._artefacts:
                self._artefacts[made_id] = ray.put(self._fetch(made_id))
        artefacts = {made_id: self._artefacts[made_id] for made_id in job.carried}
        return TuneJob(job, {name: self._datasets[name]}, artefacts, self._own_classes())

    def _own_classes(self) -> ray.ObjectRef[dict[str, Any]] | None:
        """Models of the user's own, by value, since their module may be a file beside the spec that no node has."""
        if LENT and self._classes is None:
            modules = {inspect.getmodule(made) for made in LENT.values()} - {None}
            for module in modules:
                ray.cloudpickle.register_pickle_by_value(module)
            try:
                self._classes = ray.put(dict(LENT))
            finally:
                for module in modules:
                    ray.cloudpickle.unregister_pickle_by_value(module)
        return self._classes

    def _count_slots(self) -> None:
        if self._fixed is None and time.monotonic() - self._looked > _LOOK_S:
            self._looked = time.monotonic()
            try:
                self.slots = max(1, slots_of_cluster(self._usual))
            except RayError as error:
                raise lost(error) from None


def slots_of_cluster(needs: Needs) -> int:
    """How many such trials fit on the nodes that are alive."""
    return sum(ray_capacity.fits(needs, node) for node in ray_capacity.alive())
