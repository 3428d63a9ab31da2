"""The speed of whole sweeps on Ray, against the plain way and against what is left when training costs nothing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from graph_distillery.bench.perf.timing import PerfRow
from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.data_check import check_data
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.jobs import Job
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import Needs, parse_spec
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.problem import ProblemKey, load_problem
from graph_distillery.bench.training.teachers import unpack_teacher

if TYPE_CHECKING:
    from graph_distillery.bench.perf.references.ray_plain import PlainData

TRIALS, NOOPS, SLOTS = 24, 2000, 2
EPOCHS, PATIENCE = 200, 50
_SEEDS = (100, 101, 102)


@dataclass
class _Log:
    """When records of trials came, and how large this process was."""

    trials: list[tuple[float, Record]] = field(default_factory=list)
    first: float = 0.0
    memory: list[int] = field(default_factory=list)

    def __call__(self, record: Record) -> None:
        if record.kind == "trial":
            self.trials.append((time.perf_counter(), record))
            self.memory.append(psutil.Process().memory_info().rss)


def run_sweep_perf(trials: int = TRIALS, noops: int = NOOPS) -> list[PerfRow]:
    """Throughput against the plain way, how busy the slots are, what a trial costs, and the driver's memory."""
    from graph_distillery.bench.sweeps.executors.ray_session import ray_session

    with ray_session(None, SLOTS, Needs()):
        return [*_against_plain(trials), *_noops(noops)]


def _against_plain(trials: int) -> list[PerfRow]:
    from graph_distillery.bench.perf.references.ray_plain import plain_sweep

    spec = {
        "name": "perf",
        "datasets": ["cora"],
        "split": "public",
        "teachers": [{"model": "sage", "epochs": 100}],
        "students": [
            {
                "model": "gcn",
                "fix": {
                    "layers": 2,
                    "hidden": 64,
                    "norm": "none",
                    "residual": False,
                    "epochs": EPOCHS,
                    "patience": PATIENCE,
                },
            }
        ],
        "methods": ["kd"],
        "search": {"trials": trials, "seeds": list(_SEEDS), "pruner": "none"},
        "report": {"seeds": 1},
    }
    plan = _searches(spec, "kd")
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store", plan) as store:
        log, busy_s = _carry(plan, store)
        configurations = {r.search.trial: _flat(r.hparams) for _, r in log.trials if r.search is not None}
        data = _plain_data(plan, store)
    window = log.trials[-1][0] - log.first
    plain = plain_sweep(
        [configurations[number] for number in sorted(configurations, key=str)], data, EPOCHS, PATIENCE, SLOTS
    )
    detail = (
        f"{trials} trials x {len(_SEEDS)} seeds of kd on Cora, {SLOTS} slots: {window:.1f} s against {plain:.1f} s "
    )
    detail += "with a function trainable, PyG's GCNConv and dense features; from first to last trial"
    busy = 100 * busy_s / (SLOTS * window)
    return [
        PerfRow("sweep-throughput", plain / window, 10.0, "x", detail),
        PerfRow("sweep-slots-busy", busy, 90.0, "%", f"of the {window:.1f} s between first and last trial"),
    ]


def _noops(trials: int) -> list[PerfRow]:
    """Trials of one epoch on 34 nodes, in ten cells."""
    models = ("mlp", "gcn", "sage", "appnp", "gat")
    spec = {
        "name": "noops",
        "datasets": ["karate", "csbm"],
        "students": [{"model": name, "fix": {"hidden": 8, "layers": 2, "epochs": 1}} for name in models],
        "methods": ["supervised"],
        "search": {"trials": trials // 10, "seeds": [100], "pruner": "none"},
        "report": {"seeds": 1},
    }
    plan = _searches(spec, "supervised")
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store", plan) as store:
        log, busy_s = _carry(plan, store)
    window = log.trials[-1][0] - log.first
    each = 1e3 * (window - busy_s / SLOTS) / len(log.trials)
    growth = (max(log.memory) - log.memory[len(log.memory) // 20]) / 2**20
    detail = f"{len(log.trials):,} trials of one epoch in {len(plan.cells)} cells, {SLOTS} slots, in {window:.0f} s; "
    return [
        PerfRow("sweep-orchestration", each, 80.0, "ms", detail + "a trial's share of the time, training taken off"),
        PerfRow("sweep-driver-memory", growth, 100.0, "MB", detail + "growth of the driver after its first 5 %"),
    ]


def _searches(spec: Mapping[str, Any], method: str) -> Plan:
    """The plan's cells of one method, without the rows that every board has beside them."""
    plan = make_plan(parse_spec(dict(spec), "perf"))
    return replace(plan, cells=tuple(cell for cell in plan.cells if cell.method.name == method))


def _carry(plan: Plan, store: Store) -> tuple[_Log, float]:
    """Until the last trial is recorded: the log, and the seconds that workers spent on trials."""
    from graph_distillery.bench.sweeps.executors.ray_executor import RayExecutor

    class Enough(Exception):
        """No reports are needed here."""

    class Timed(RayExecutor):
        busy_before = 0.0

        def submit(self, job: Job) -> None:
            if job.purpose == "trial" and not log.first:
                log.first, self.busy_before = time.perf_counter(), self.busy_s
            super().submit(job)

    check_data(plan, store.path)
    log, driver = _Log(), Driver(plan, store)
    budget = sum(run.budget * len(plan.spec.search.seeds) for run in driver.runs.values())

    def listen(record: Record) -> None:
        log(record)
        if len(log.trials) == budget:
            raise Enough

    driver.listen(listen)
    executor = Timed(SLOTS, store.artefacts.load, Needs())
    try:
        driver.run(executor)
    except Enough:
        pass
    finally:
        executor.close(kill=True)
    return log, executor.busy_s - executor.busy_before


def _plain_data(plan: Plan, store: Store) -> PlainData:
    """What the plain way starts from: dense tensors and the logits of the same teachers."""
    from graph_distillery.bench.perf.references.ray_plain import PlainData

    data = plan.cells[0].data
    problem = load_problem(ProblemKey(data.dataset, data.split, data.setting), _SEEDS[0])
    graph, validation = problem.training.graph, problem.validation
    of_seed = {record.seed: record.cell.teacher_id for record in store.records if record.kind == "teacher"}
    logits = {
        seed: unpack_teacher(store.artefacts.load(name), problem).logits for seed, name in of_seed.items() if name
    }
    return PlainData(
        graph.dense_features(),
        graph.edge_index,
        problem.training.labels,
        problem.training.labelled,
        validation.items,
        validation.labels,
        {seed: logits[seed] for seed in _SEEDS},
        problem.training.task.num_classes,
    )


def _flat(hparams: Mapping[str, Any]) -> dict[str, Any]:
    return {name.partition(".")[2]: value for name, value in hparams.items()}
