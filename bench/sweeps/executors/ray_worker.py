"""What runs on a node: one actor per slot, alive for many trials, holding its datasets and teachers."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import ray
from ray import tune

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.models.zoo.families import LENT
from graph_distillery.bench.sweeps.executors.memory import limited
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.sweeps.worker import Worker, warm_up
from graph_distillery.bench.training.artefacts import Artefact
from graph_distillery.bench.training.problem import ProblemSource


class TuneJob(str):
    """A job with references to the dataset, the artefacts and the classes of the user's own that it needs.

    It is a text, the job's key, to all of Tune that copies, prints or saves a trial's configuration, so that neither
    a job nor a reference is ever written anywhere; whole it is only where Ray passes it to an actor.
    """

    __slots__ = ("artefacts", "classes", "datasets", "job")
    job: Job
    datasets: Mapping[str, ray.ObjectRef[Dataset]]
    artefacts: Mapping[str, ray.ObjectRef[Artefact]]
    classes: ray.ObjectRef[dict[str, Any]] | None

    def __new__(
        cls,
        job: Job,
        datasets: Mapping[str, ray.ObjectRef[Dataset]],
        artefacts: Mapping[str, ray.ObjectRef[Artefact]],
        classes: ray.ObjectRef[dict[str, Any]] | None = None,
    ) -> TuneJob:
        tune_job = super().__new__(cls, job.key)
        tune_job.job, tune_job.datasets, tune_job.artefacts = job, datasets, artefacts
        tune_job.classes = classes
        return tune_job

    def __copy__(self) -> TuneJob:
        return self

    def __deepcopy__(self, memo: Any) -> TuneJob:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return TuneJob, (self.job, self.datasets, self.artefacts, self.classes)


class TrialActor(tune.Trainable):
    """Runs jobs one after another. A step is one event of a job: an outcome, or progress on the way to one."""

    def setup(self, config: dict[str, Any]) -> None:
        self._datasets: dict[str, ray.ObjectRef[Dataset]] = {}
        self._artefacts: dict[str, ray.ObjectRef[Artefact]] = {}
        self._events: Generator[EpochReport | Outcome] | None = None
        self._worker = Worker(self._fetch, ProblemSource(self._dataset))
        warm_up()
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take up the next job; what the worker holds stays."""
        self.cleanup()
        tune_job: TuneJob = new_config["tune_job"]
        self.config = {}  # Tune would send it back with every result
        self._datasets.update(tune_job.datasets)
        self._artefacts = dict(tune_job.artefacts)
        if tune_job.classes is not None:
            classes: dict[str, Any] = ray.get(tune_job.classes)
            LENT.update(classes)
        self._events = limited(self._worker.run(tune_job.job), tune_job.job.needs.memory)
        return True

    def step(self) -> dict[str, Any]:
        assert self._events is not None
        return {"event": next(self._events)}

    def cleanup(self) -> None:
        if self._events is not None:
            self._events.close()
        self._events = None

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory | None:
        """What the job asks of a node."""
        return None if "tune_job" not in config else place_of(config["tune_job"].job)

    def _fetch(self, made_id: str) -> Artefact:
        return ray.get(self._artefacts[made_id])

    def _dataset(self, name: str, data_dir: Path | None) -> Dataset:
        """From the driver, so that every node trains on the same bytes and needs neither files nor a network."""
        return ray.get(self._datasets[name])


def place_of(job: Job) -> tune.PlacementGroupFactory:
    """One bundle. Memory is what Ray counts with when it places; the worker holds the job to it."""
    bundle: dict[str, float] = {"CPU": job.needs.cpus}
    if job.needs.gpus:
        bundle["GPU"] = job.needs.gpus
    if job.needs.memory:
        bundle["memory"] = float(job.needs.memory)
    return tune.PlacementGroupFactory([bundle])
