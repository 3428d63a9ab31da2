"""The whole of a sweep: plan, store, executor and driver, from start to outcome."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from graph_distillery.bench.data import cache
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.sweeps.cache.folder import CacheFolder
from graph_distillery.bench.sweeps.cache.shared import SharedArtefacts
from graph_distillery.bench.sweeps.cost.budget import what_fits
from graph_distillery.bench.sweeps.data_check import check_data
from graph_distillery.bench.sweeps.driver import Driver, Listener
from graph_distillery.bench.sweeps.executors import Executor
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.executors.processes import ProcessExecutor
from graph_distillery.bench.sweeps.means import IN_THIS_PROCESS, Means
from graph_distillery.bench.sweeps.outcome import SweepOutcome, outcome_of
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.files import begun, plan_in, refuse
from graph_distillery.bench.sweeps.store.heartbeat import Heartbeat
from graph_distillery.bench.sweeps.store.recorder import problem_key
from graph_distillery.bench.sweeps.store.store import Store, refuse_taken
from graph_distillery.bench.sweeps.store.students import Keeper, StudentsKept
from graph_distillery.bench.sweeps.store.timing import time_again
from graph_distillery.bench.sweeps.study.optuna_copy import OptunaCopy
from graph_distillery.bench.sweeps.trackers.options import TrackerTarget
from graph_distillery.bench.sweeps.trackers.tracking import tracking
from graph_distillery.bench.training.problem import whole_dataset


def run_sweep(
    plan: Plan,
    out: Path,
    means: Means = IN_THIS_PROCESS,
    *,
    listener: Callable[[Driver], Listener] | None = None,
    on_message: Callable[[str], None] | None = None,
    optuna_storage: str | None = None,
    trackers: Sequence[TrackerTarget] = (),
    retry_failed: bool = False,
    reproduces: bool = False,
    speed_only: bool = False,
    students: StudentsKept | None = None,
    budget_s: float | None = None,
) -> SweepOutcome:
    """Carry out a plan into a store, or the rest of it where the store has some, by the plan that the store keeps; what
    the store then comes to.

    listener: makes of the driver what is told of each record. on_message: takes a line about the store.
    optuna_storage: a URL (of `check_url`) to which the studies are copied; what goes wrong there is a message.
    trackers: trackers (of `check_trackers`) that are told of the runs; likewise.
    speed_only: nothing is trained but what is to be timed: every row once more, in turn with those of its dataset, in
    this process.
    retry_failed: what failed, ran out of memory or out of time is done again; the new records stand in its place.
    students: which trained students to keep; where nobody kept a wanted one, its run is trained again for it.
    budget_s: seconds from now; the cells that fit are worked on, those that take the least first, and when the time
    is up nothing more is begun. Another call goes on with the rest.
    reproduces: it is of a published table, where variants that choose by test labels may run.

    Raises:
        UserError: data, store or plan are not in order; nothing is written where the store did not exist.
        RecordError: a record could not be written (a full disk, say); what was written stays.
        KeyboardInterrupt: after the workers were stopped.
    """
    on_ray = means.executor == "ray"
    refuse(out)
    if speed_only:
        _refuse_to_time(out, on_ray, budget_s)
    if students is not None and students.records and not begun(out):
        raise UserError(f"--save-students: there is no store at {out} with a record {students.records[0]}")
    refuse_taken(out)
    if begun(out):
        now = plan_in(out, plan.spec, plan.data_dir, plan.shard)
        plan = replace(now, notes=(*plan.notes, *now.notes))
    if not reproduces:
        preflight.sealed(plan, None if retry_failed else out)
    preflight.configurations(plan, None if retry_failed else out)
    tell = on_message or (lambda text: None)
    folder = _cache(plan, means)
    data = check_data(plan, out, "cpu" if on_ray else means.device)
    allowance = what_fits(plan, out, means, budget_s) if budget_s is not None else None
    for line in (*plan.notes, *plan.kinds, *data.remarks):
        tell(line)
    with (
        _ray(plan, means, tell) if on_ray else nullcontext(),
        tracking(plan, trackers, tell) as watcher,
        Store(out, plan, data.pins) as store,
        _sharing(folder, store, tell) as shared,
    ):
        for message in store.messages:
            tell(message)
        began = time.monotonic()
        keeper = Keeper(students, store.path, store.id, tell) if students is not None else None
        driver = Driver(store.plan, store, means.device, retry_failed, keeper, shared, allowance)
        if keeper is not None:
            keeper.check(driver.runs)
        driver.watch(watcher)
        if listener is not None:
            driver.listen(listener(driver))
        if speed_only:
            time_again(driver, store.artefacts.load, tell)
            return outcome_of(driver, time.monotonic() - began)
        with _copied(driver, optuna_storage, tell):
            if not driver.is_done():
                carrier = _executor(plan, means, store)
                try:
                    with Heartbeat(store.path, lambda: (driver.slots, driver.under_way(), driver.pace.wall_s())):
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


def _refuse_to_time(out: Path, on_ray: bool, budget_s: float | None) -> None:
    """Raises UserError where rows cannot be timed alone."""
    if on_ray:
        raise UserError("--speed-only: times on this machine, with nothing beside it; leave --executor ray out")
    if budget_s is not None:
        raise UserError("--speed-only: trains nothing that could fit --budget-hours; leave one of them out")
    if not begun(out):
        raise UserError(f"--speed-only: there is no store at {out} whose rows could be timed")


def _cache(plan: Plan, means: Means) -> CacheFolder | None:
    """What stores of this machine share; None where they are to share nothing."""
    if not means.cache or means.address is not None:
        return None
    folder = CacheFolder.of(plan.data_dir)
    return folder if folder.limit else None


@contextmanager
def _sharing(folder: CacheFolder | None, store: Store, tell: Callable[[str], None]) -> Iterator[SharedArtefacts | None]:
    """What stores share, let go of when the sweep is over; None without a folder for it."""
    if folder is None:
        yield None
        return
    shared = SharedArtefacts(folder, store.artefacts.teachers.load, tell)
    try:
        yield shared
    finally:
        shared.close()


def _executor(plan: Plan, means: Means, store: Store) -> Executor:
    if means.executor == "ray":
        from graph_distillery.bench.sweeps.executors.ray_executor import RayExecutor

        slots = means.workers or (None if means.address else 1)
        return RayExecutor(slots, store.artefacts.load, plan.spec.resources.every()[0])
    if means.workers:
        return ProcessExecutor(means.workers, store.path, means.device, _lent(plan))
    return InProcessExecutor(store.artefacts.load)


def _lent(plan: Plan) -> dict[str, Path]:
    """The user's own datasets as they were read and pinned, each written to a file for workers of this machine.

    Embedded ones too: what they come with takes each worker seconds to load, PyG above all.
    """
    found = {}
    for data in {cell.data.dataset: cell.data for cell in plan.cells}.values():
        if DATASETS.get(data.dataset).kind in ("own", "embedded"):
            handle, path = tempfile.mkstemp(prefix="distillery-", suffix=".safetensors")
            os.close(handle)
            cache.write(Path(path), whole_dataset(problem_key(plan, data)))
            found[data.dataset] = Path(path)
    return found


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
