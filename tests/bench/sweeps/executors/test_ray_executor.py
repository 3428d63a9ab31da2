"""Ray carries the same sweep: same records, on the places it was given, and without what breaks on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.sweeps.executors.ray_executor import RayExecutor, slots_of_cluster
from graph_distillery.bench.sweeps.jobs import EpochReport, Job, Outcome
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import Needs
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.problem import ProblemKey

#: Three cells with a search, of eight trials each whose epochs are reported and pruned, beside the teacher's and the
#: majority's rows.
PLAN: dict[str, Any] = {
    "methods": ["glnn", "kd"],
    "students": [{"model": "mlp", "hidden": 8, "layers": 2, "epochs": 40}],
    "search": {"trials": 8, "seeds": [100, 101], "pruner": "asha", "sampler": "random"},
}


def test_one_slot_gives_the_records_of_the_local_executor_and_a_lost_node_changes_nothing(
    connected: Any, carry_out: Callable[..., Path], plan_of: Callable[..., Plan], essence: Any, tmp_path: Path
) -> None:
    """Two raylets; the sweep begins on the one that is killed half-way, and ends on the other."""
    import ray

    plan = plan_of(**PLAN)
    run_sweep(plan, tmp_path / "local")
    here = ray.util.placement_group([{"CPU": 1}])  # the head is taken, until the sweep has begun elsewhere
    ray.get(here.ready())
    node = connected.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    counted: list[Any] = []

    def listen(record: Any) -> None:
        counted.append(record.id)
        if len(counted) == 1:
            ray.util.remove_placement_group(here)
        if len(counted) == 20:
            connected.remove_node(node, allow_graceful=False)

    store = carry_out(plan, listener=listen)
    ended, undisturbed = essence(store), essence(tmp_path / "local")
    assert len(counted) == len(set(counted)) == len(ended)
    assert ended == undisturbed
    assert {record["status"] for record in ended.values()} == {"ok", "pruned"}


@pytest.fixture
def executor(connected: Any) -> Iterator[RayExecutor]:
    """Four slots on the cluster's head."""
    made = RayExecutor(4, lambda teacher_id: pytest.fail("no job here has a teacher"), Needs())
    yield made
    made.close(kill=True)


def job(key: str, fault: str, seeds: tuple[int, ...] = (100,), limit: float | None = None, **needs: Any) -> Job:
    """Five epochs of the plug-in on the karate club."""
    configuration = Configuration("faulty", "paper", {"fault": fault}, "mlp", {"hidden": 8, "layers": 2, "epochs": 5})
    problem = ProblemKey("karate", "public", "transductive")
    return Job(key, "trial", configuration, problem, seeds, time_limit_s=limit, needs=Needs(**needs))


def next_outcome(executor: RayExecutor) -> tuple[Outcome, bool]:
    event = executor.next_event()
    assert not isinstance(event, EpochReport)
    return event


def test_fractions_of_a_gpu_share_it(executor: RayExecutor) -> None:
    """Three trials of half a GPU on two logical ones: side by side, two on one of them, and each sees one alone."""
    import ray
    from faulty_methods import Gate  # on the path by this folder's fixture

    gate = ray.remote(num_cpus=0)(Gate).options(name="gate").remote()
    assert ray.get(gate.arrived.remote()) == 0
    for number in range(3):
        executor.submit(job(str(number), "gpu", cpus=0.1, gpus=0.5))
    seen = {str(next_outcome(executor)[0].error).split(" (")[0] for _ in range(3)}
    assert seen == {"RuntimeError: sees GPU 0", "RuntimeError: sees GPU 1"}
    assert slots_of_cluster(Needs(cpus=0.1, gpus=0.5)) == 4
    assert slots_of_cluster(Needs(cpus=0.6)) == 1


def test_what_breaks_is_told_and_the_next_job_runs(executor: RayExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies, one that hangs in C, one that takes all memory, and a number that is none."""
    monkeypatch.setattr("graph_distillery.bench.sweeps.executors.ray_tune.GRACE_S", 0.5)
    executor.submit(job("nan", "nan"))
    outcome, ended = next_outcome(executor)
    assert (outcome.status, ended) == ("nan", True)
    executor.submit(job("dies", "die", (100, 101), max_failures=1))
    assert [next_outcome(executor)[0].status for _ in range(2)] == ["ok", "failed"]
    executor.submit(job("greedy", "greedy", memory=300 * 2**20))
    assert next_outcome(executor)[0].status == "oom"
    executor.submit(job("deaf", "deaf", limit=0.5))  # for ten minutes, were it not killed
    outcome, ended = next_outcome(executor)
    assert (outcome.status, outcome.seed, ended) == ("timeout", 100, True)
    executor.submit(job("after", "none", (100, 101)))
    assert [next_outcome(executor) for _ in range(2)][1][0].status == "ok"
