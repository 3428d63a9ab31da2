"""The whole of a sweep: plan, store, executor and driver, from start to summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.errors import UserError
from bench.records import Record
from bench.sweeps.driver import Driver, Listener
from bench.sweeps.executors import Executor
from bench.sweeps.executors.in_process import InProcessExecutor
from bench.sweeps.executors.processes import ProcessExecutor
from bench.sweeps.plan import Plan
from bench.sweeps.store import Store
from bench.training.problem import ProblemKey, load_problem

ExecutorName = Literal["local", "ray"]


@dataclass(frozen=True)
class Summary:
    """What a sweep came to. done: records there were before; new: records of this run; failed: of either."""

    before: int
    new: int
    failed: tuple[Record, ...]
    blocked: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.failed and not self.blocked


def run_sweep(
    plan: Plan,
    out: Path,
    workers: int = 0,
    device: str = "cpu",
    listener: Callable[[Driver], Listener] | None = None,
    on_message: Callable[[str], None] | None = None,
    executor: ExecutorName = "local",
    address: str | None = None,
) -> Summary:
    """Carry out a plan into a store; on a store that has some of it, the rest.

    workers: worker processes; 0 trains in this process. On Ray: trials at once; 0 takes one on a local Ray, and what
    there is room for on a cluster. address: of a Ray cluster, `auto` or HOST:PORT; None starts a local Ray.

    Raises:
        UserError: data, store or plan are not in order; nothing is written where the store did not exist.
        RecordError: a record could not be written (a full disk, say); what was written stays.
        KeyboardInterrupt: after the workers were stopped.
    """
    check_data(plan, device if executor == "local" else "cpu")
    with _ray(plan, workers, device, address) if executor == "ray" else nullcontext(), Store(out, plan) as store:
        for message in store.messages:
            (on_message or (lambda text: None))(message)
        before = len(store.records)
        driver = Driver(plan, store, device)
        if listener is not None:
            driver.listen(listener(driver))
        if not all(driver.finished(run) for run in driver.runs.values()):
            carrier = _on_ray(plan, workers, address, store) if executor == "ray" else _executor(workers, store)
            try:
                driver.run(carrier)
            except BaseException:
                carrier.close(kill=True)
                raise
            carrier.close()
        return summarise(driver, before)


def check_data(plan: Plan, device: str = "cpu") -> None:
    """Load every dataset and make every split once, before anything is written."""
    seeds = plan.spec.report.seeds[:1]
    for data in dict.fromkeys(cell.data for cell in plan.cells):
        for seed in seeds:
            load_problem(ProblemKey(data.dataset, data.split, data.setting, plan.data_dir), seed, device)


def _executor(workers: int, store: Store) -> Executor:
    if workers:
        return ProcessExecutor(workers, store.path / "teachers")
    return InProcessExecutor(store.teachers.load)


@contextmanager
def _ray(plan: Plan, workers: int, device: str, address: str | None) -> Iterator[None]:
    """Connected to Ray, before anything is written."""
    try:
        from bench.sweeps.executors.ray_session import ray_session
    except ImportError:
        raise UserError("--executor ray: Ray is not installed; pip install 'ray[tune]'") from None
    needs = plan.spec.resources.every()
    if device.startswith("cuda") and not any(each.gpus for each in needs):
        raise UserError("--device cuda: with Ray a trial trains on the GPU that resources.gpus asks for, which is 0")
    with ray_session(address, max(workers, 1), needs):
        yield


def _on_ray(plan: Plan, workers: int, address: str | None, store: Store) -> Executor:
    from bench.sweeps.executors.ray_executor import RayExecutor

    slots = workers or (None if address else 1)
    return RayExecutor(slots, store.teachers.load, plan.spec.resources.every()[0])


def summarise(driver: Driver, before: int = 0) -> Summary:
    records: Sequence[Record] = driver.store.records
    failed = tuple(record for record in records if record.status not in ("ok", "pruned"))
    blocked = tuple(run.cell.label for run in driver.runs.values() if not driver.finished(run))
    return Summary(before, len(records) - before, failed, blocked)
