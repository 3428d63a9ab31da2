"""The whole of a sweep: plan, store, executor and driver, from start to outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from graph_distillery.bench.data.loading import remarks
from graph_distillery.bench.data.sealing import check_rotation, seen_in_tuning, shared_splits
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.driver import Driver, Listener
from graph_distillery.bench.sweeps.executors import Executor
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.executors.processes import ProcessExecutor
from graph_distillery.bench.sweeps.outcome import SweepOutcome, outcome_of
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.heartbeat import Heartbeat
from graph_distillery.bench.sweeps.store.store import Store, refuse, refuse_taken
from graph_distillery.bench.sweeps.study.optuna_copy import OptunaCopy
from graph_distillery.bench.sweeps.study.samplers import check_sampler
from graph_distillery.bench.sweeps.study.warm_starts import read_winners
from graph_distillery.bench.sweeps.trackers.options import TrackerTarget
from graph_distillery.bench.sweeps.trackers.tracking import tracking
from graph_distillery.bench.training.problem import ProblemKey, load_problem, split_dataset, whole_dataset

ExecutorName = Literal["local", "ray"]
EXECUTORS: tuple[ExecutorName, ...] = get_args(ExecutorName)


@dataclass(frozen=True)
class Means:
    """What carries trials out, and where they train.

    workers: worker processes; 0 trains in this process. On Ray: trials at once; 0 takes one on a local Ray, and what
    there is room for on a cluster. address: of a Ray cluster, `auto` or HOST:PORT; None starts a local Ray.
    """

    executor: ExecutorName = "local"
    workers: int = 0
    device: str = "cpu"
    address: str | None = None

    @property
    def device_here(self) -> str:
        """For what this process trains itself, to estimate a cost say; a cluster's devices are not here."""
        return self.device if self.address is None else "cpu"


def run_sweep(
    plan: Plan,
    out: Path,
    means: Means = Means(),
    *,
    listener: Callable[[Driver], Listener] | None = None,
    on_message: Callable[[str], None] | None = None,
    optuna_storage: str | None = None,
    trackers: Sequence[TrackerTarget] = (),
    retry_failed: bool = False,
) -> SweepOutcome:
    """Carry out a plan into a store, or the rest of it where the store has some; what the store then comes to.

    listener: makes of the driver what is told of each record. on_message: takes a line about the store.
    optuna_storage: a URL (of `check_url`) to which the studies are copied; what goes wrong there is a message.
    trackers: trackers (of `check_trackers`) that are told of the runs; likewise.
    retry_failed: what failed, ran out of memory or out of time is done again; the new records stand in its place.

    Raises:
        UserError: data, store or plan are not in order; nothing is written where the store did not exist.
        RecordError: a record could not be written (a full disk, say); what was written stays.
        KeyboardInterrupt: after the workers were stopped.
    """
    on_ray = means.executor == "ray"
    refuse(out, plan)
    refuse_taken(out)
    tell = on_message or (lambda text: None)
    for line in check_data(plan, out, "cpu" if on_ray else means.device).remarks:
        tell(line)
    with (
        _ray(plan, means, tell) if on_ray else nullcontext(),
        tracking(plan, trackers, tell) as watcher,
        Store(out, plan) as store,
    ):
        for message in store.messages:
            tell(message)
        began = time.monotonic()
        driver = Driver(plan, store, means.device, retry_failed)
        driver.watch(watcher)
        if listener is not None:
            driver.listen(listener(driver))
        with _copied(driver, optuna_storage, tell):
            if not all(driver.finished(run) for run in driver.runs.values()):
                carrier = _executor(plan, means, store)
                try:
                    with Heartbeat(store.path, lambda: (driver.slots, driver.under_way())):
                        driver.run(carrier)
                except BaseException:
                    carrier.close(kill=True)
                    raise
                carrier.close()
        return outcome_of(driver, time.monotonic() - began)


@contextmanager
def _copied(driver: Driver, url: str | None, tell: Callable[[str], None]) -> Iterator[None]:
    """Copy the studies to a database meanwhile; an interrupted sweep does not wait for it long."""
    if url is None:
        yield
        return
    copy = OptunaCopy(url, driver.plan.spec.name, driver.runs, tell)
    driver.listen(copy)
    try:
        yield
    except BaseException:
        copy.close(5.0)
        raise
    copy.close()


@dataclass(frozen=True)
class DataSurvey:
    """What is known of a plan's data before it is carried out.

    remarks: what should be known of the data, a line each. seen_in_tuning: of each `dataset/split`, the share of each
    report seed's test labels that the tuning seeds read; empty where nothing is tuned. shared: the published splits
    that both tuning and report seeds take.
    """

    remarks: tuple[str, ...]
    seen_in_tuning: Mapping[str, Mapping[int, float]]
    shared: Mapping[str, Sequence[int]]

    def overlaps(self) -> list[str]:
        """What tuning reads of the test sets, a line for each dataset and split."""
        lines = []
        for name, seen in self.seen_in_tuning.items():
            least, most = f"{100 * min(seen.values()):.0f}", f"{100 * max(seen.values()):.0f}"
            share = "no" if most == least == "0" else f"{least} %" if least == most else f"{least} to {most} %"
            both = ", ".join(map(str, self.shared[name]))
            line = f"{name}: tuning reads {share} of the test labels of a report split"
            if share == "no":
                line = f"{name}: tuning reads no test label of any report split"
            lines.append(line + (f"; of the published splits, {both} serve both" if both else ""))
        return lines


def check_data(plan: Plan, store: Path, device: str = "cpu") -> DataSurvey:
    """Load every dataset and make every split, and read what the search builds on, before anything is written.

    Raises:
        UserError: data or splits are not in order, or seeds would count a published split twice.
    """
    check_sampler(plan.spec.search.sampler)
    read_winners(plan.spec, store)
    report, tuning = plan.spec.report.split_seeds, plan.spec.search.split_seeds
    tuned = any(cell.trials for cell in plan.searches)
    said: dict[str, None] = {}
    seen: dict[str, Mapping[int, float]] = {}
    shared: dict[str, list[int]] = {}
    for data in dict.fromkeys(cell.data for cell in plan.cells):
        key = ProblemKey(data.dataset, data.split, data.setting, plan.data_dir)
        load_problem(key, report[0], device)
        said |= dict.fromkeys(f"{data.dataset}: {line}" for line in remarks(whole_dataset(key)))
        dataset, name = split_dataset(key), f"{data.dataset}/{data.split}"
        check_rotation(dataset, data.split, tuning if tuned else (), report)
        measured = seen_in_tuning(dataset, data.split, tuning if tuned else (), report)
        if tuned:
            seen[name], shared[name] = measured, shared_splits(dataset, data.split, tuning, report)
    return DataSurvey(tuple(said), seen, shared)


def _executor(plan: Plan, means: Means, store: Store) -> Executor:
    if means.executor == "ray":
        from graph_distillery.bench.sweeps.executors.ray_executor import RayExecutor

        slots = means.workers or (None if means.address else 1)
        return RayExecutor(slots, store.artefacts.load, plan.spec.resources.every()[0])
    if means.workers:
        return ProcessExecutor(means.workers, store.path, means.device)
    return InProcessExecutor(store.artefacts.load)


@contextmanager
def _ray(plan: Plan, means: Means, tell: Callable[[str], None]) -> Iterator[None]:
    """Connected to Ray, before anything is written."""
    if find_spec("ray") is None:
        raise UserError("--executor ray: Ray is not installed; pip install 'ray[tune]'")
    from graph_distillery.bench.sweeps.executors.ray_session import ray_session

    resources = plan.spec.resources
    trained = [*(["supervised"] if plan.teachers else []), *(cell.method.name for cell in plan.searches)]
    needs = {method: resources.of(method) for method in trained}
    if means.device.startswith("cuda") and not any(each.gpus for each in needs.values()):
        raise UserError("--device cuda: with Ray a trial trains on the GPU that resources.gpus asks for, which is 0")
    with ray_session(means.address, max(means.workers, 1), resources.every()[0], needs, tell):
        yield
