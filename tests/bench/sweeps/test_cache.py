"""Teachers and artefacts that stores share: made once, equal to the bit, and never taken for something else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from graph_distillery.bench.data import cache as datasets
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps import worker
from graph_distillery.bench.sweeps.cache import keys
from graph_distillery.bench.sweeps.cache.folder import CacheFolder, DamagedError, key_of
from graph_distillery.bench.sweeps.cache.keys import Bases
from graph_distillery.bench.sweeps.cache.shared import SharedArtefacts
from graph_distillery.bench.sweeps.executors.processes import ProcessExecutor
from graph_distillery.bench.sweeps.jobs import Job, Outcome
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.artefacts import Artefact
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.problem import ProblemKey, whole_dataset

#: A teacher as it is, teachers made anew, and an artefact.
MADE = {"methods": ["nosmog", "prue"], "search": {"trials": 1, "seeds": [100]}, "report": {"seeds": 2}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CacheFolder:
    """The cache of a data folder of the test's own, switched on."""
    monkeypatch.setenv("DISTILLERY_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DISTILLERY_CACHE_GIB")
    return CacheFolder.of(None)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The purpose of every job that makes something for others, as this process's executors are given them."""
    found: list[str] = []
    in_process, with_processes = worker.Worker.run, ProcessExecutor.submit

    def run(self: Any, job: Job) -> Any:
        found.extend([job.purpose] if job.purpose in ("teacher", "artefact") else [])
        return in_process(self, job)

    def submit(self: Any, job: Job) -> None:
        found.extend([job.purpose] if job.purpose in ("teacher", "artefact") else [])
        with_processes(self, job)

    monkeypatch.setattr(worker.Worker, "run", run)
    monkeypatch.setattr(ProcessExecutor, "submit", submit)
    return found


def kept(store: Path) -> dict[str, str]:
    """The hashes of a store's teachers and artefacts, by id."""
    files = [*store.glob("teachers/*/teacher.json"), *store.glob("artefacts/*/artefact.json")]
    return {file.parent.name: json.loads(file.read_text())["sha256"] for file in files}


def trained_for(store: Path) -> dict[str, float]:
    """What the training of each teacher took, as its record says: two trainings never take the same to the last bit."""
    return {record.id: record.timings.train_s for record in read_records(store, kinds=["teacher"]).records}


def test_a_second_store_makes_nothing_and_has_the_same_records(
    folder: CacheFolder, made: list[str], plan_of: Callable[..., Plan], essence_of: Any, tmp_path: Path
) -> None:
    plan, lines = plan_of(**MADE), []
    assert run_sweep(plan, tmp_path / "without", Means(cache=False)).ok
    assert not folder.folder.exists()
    assert {"teacher", "artefact"} == set(made)
    without = sorted(made)
    made.clear()
    assert run_sweep(plan, tmp_path / "first").ok
    assert sorted(made) == without
    made.clear()
    assert run_sweep(plan, tmp_path / "here", on_message=lines.append).ok
    assert run_sweep(plan, tmp_path / "workers", Means(workers=2)).ok
    assert made == []
    assert lines[-1].startswith(f"{without.count('teacher')} teachers and {without.count('artefact')} artefact")
    for name in ("first", "here", "workers"):
        assert essence_of(tmp_path / name) == essence_of(tmp_path / "without")
        assert kept(tmp_path / name) == kept(tmp_path / "without")
        assert run_sweep(plan, tmp_path / name, Means(cache=False)).new == 0, "a store is complete by itself"
    for name in ("here", "workers"):
        assert trained_for(tmp_path / name) == trained_for(tmp_path / "first") != trained_for(tmp_path / "without")


def test_what_workers_made_is_kept_too(
    folder: CacheFolder, made: list[str], plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    plan = plan_of()
    assert run_sweep(plan, tmp_path / "first", Means(workers=2)).ok
    assert made == ["teacher"] * 5
    assert run_sweep(plan, tmp_path / "second", Means(workers=2)).ok
    assert made == ["teacher"] * 5
    assert trained_for(tmp_path / "second") == trained_for(tmp_path / "first")


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def _alter_tensor(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def _alter_score(file: Path) -> None:
    content = file.read_bytes()
    at = content.index(b'"accuracy":0.') + 13
    file.write_bytes(content[:at] + (b"1" if content[at : at + 1] != b"1" else b"2") + content[at + 1 :])


def _take_for_another(file: Path) -> None:
    other = next(each for each in file.parent.glob("*.cached") if each != file)
    file.write_bytes(other.read_bytes())


@pytest.mark.parametrize("damage", [_cut, _alter_tensor, _alter_score, _take_for_another])
def test_what_is_damaged_is_made_anew_with_a_warning(
    damage: Callable[[Path], None],
    folder: CacheFolder,
    made: list[str],
    plan_of: Callable[..., Plan],
    essence_of: Any,
    tmp_path: Path,
) -> None:
    plan, lines = plan_of(search={"trials": 0}), []
    run_sweep(plan, tmp_path / "first")
    file = sorted(folder.folder.glob("*.cached"))[0]
    sound = file.read_bytes()
    damage(file)
    made.clear()
    assert run_sweep(plan, tmp_path / "second", on_message=lines.append).ok
    assert made == ["teacher"]
    assert sum("made anew" in line and file.name in line for line in lines) == 1
    assert essence_of(tmp_path / "second") == essence_of(tmp_path / "first")
    assert file.read_bytes().rpartition(b"\n")[2] == sound.rpartition(b"\n")[2], "repaired by what was made anew"
    assert run_sweep(plan, tmp_path / "third").ok
    assert made == ["teacher"]


def _job(**changes: Any) -> Job:
    made = Configuration("supervised", "paper", {}, "sage", {"hidden": 8, "epochs": 5})
    problem = ProblemKey("karate", "random-60-20-20", "transductive")
    return replace(Job("0" * 16, "teacher", made, problem, (3,)), **changes)


def test_whatever_changes_the_bits_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {name: Artefact(name, name.encode(), {"model": "gcn", "hyperparameters": {}}) for name in ("a", "b")}
    of = Bases(sources.__getitem__).of
    plain, model = _job(), _job().configuration
    jobs = [
        plain,
        _job(seeds=(4,)),
        _job(splits={3: 4}),
        _job(problem=replace(plain.problem, split="sealed-60-20-20")),
        _job(problem=replace(plain.problem, setting="inductive")),
        _job(problem=replace(plain.problem, dataset="digits-knn")),
        _job(configuration=replace(model, variant="official_code")),
        _job(configuration=replace(model, method="kd", method_hyper={"alpha": 0.5})),
        _job(configuration=replace(model, method="kd", method_hyper={"alpha": 0.6})),
        _job(configuration=replace(model, student="gcn")),
        _job(configuration=replace(model, student_hyper={"hidden": 8, "epochs": 6})),
        _job(teachers={3: ("a",)}),
        _job(teachers={3: ("b",)}),
        _job(purpose="artefact", configuration=replace(model, method="nosmog"), artefacts={3: {"positions": "0" * 16}}),
    ]
    found = [of(job) for job in jobs]
    assert None not in found
    assert len({key_of(basis or {}) for basis in found}) == len(jobs)
    assert of(_job(key="1" * 16, time_limit_s=9.0)) == of(plain), "the plan that asks for it is none of its makings"
    for name, other in {"code_sha256": lambda: "other", "libraries": dict, "machine": lambda device: {}}.items():
        with monkeypatch.context() as changed:
            changed.setattr(keys, name, other)
            assert of(plain) != found[0], name


def test_the_order_of_arcs_which_the_hash_of_the_content_leaves_out_is_another_key() -> None:
    karate = whole_dataset(ProblemKey("karate", "", "transductive"))
    turned = karate.graph.with_edges(karate.graph.edge_index.flip(1), {})
    named = (karate.name, karate.task, karate.metric, turned, karate.labels, karate.num_classes)
    other = Dataset.build(*named)
    assert other.sha256 == karate.sha256
    assert datasets.exact_sha256(other) != datasets.exact_sha256(Dataset.build(*(*named[:3], karate.graph, *named[4:])))


@pytest.mark.usefixtures("carried_methods")
def test_the_work_of_code_that_is_not_the_suites_is_kept_by_nobody(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "mine_of_cache.py").write_text(
        "from torch import nn\nclass Net(nn.Linear):\n    def forward(self, x, edge_index):\n        return x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    of, model = Bases(pytest.fail).of, _job().configuration
    assert of(_job(configuration=replace(model, student="python:mine_of_cache:Net"))) is None
    assert of(_job(configuration=replace(model, method="magnitude-pruning"))) is None


HOLDS = """
import sys, time
from pathlib import Path
from graph_distillery.bench.sweeps.cache.folder import CacheFolder
lock = CacheFolder(Path(sys.argv[1]), 1).lock(sys.argv[2])
lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


def test_a_killed_holder_of_a_lock_is_waited_for_no_longer(
    folder: CacheFolder, made: list[str], plan_of: Callable[..., Plan], repo_root: Path, tmp_path: Path
) -> None:
    plan = plan_of(search={"trials": 0}, report={"seeds": 1})
    run_sweep(plan, tmp_path / "first")
    ((key, file),) = [(file.stem, file) for file in folder.folder.glob("*.cached")]
    file.unlink()
    command = [sys.executable, "-c", HOLDS, str(folder.folder), key]
    holder = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(repo_root)}, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    lines: list[str] = []
    killed_at: list[float] = []

    def kill() -> None:
        while not lines or "waiting for teacher" not in lines[-1]:
            time.sleep(0.05)
        time.sleep(1.0)
        killed_at.append(time.monotonic())
        holder.send_signal(signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    made.clear()
    assert run_sweep(plan, tmp_path / "second", on_message=lines.append).ok
    thread.join()
    holder.wait()
    holder.stdout.close()
    assert killed_at, "the sweep waited as long as the holder lived"
    assert made == ["teacher"]


#: A command, which fails where it has loaded torch's compiler: seconds and 100 MB in every process that trains.
WITHOUT_COMPILER = """
import sys
from graph_distillery.bench.cli import main
code = main(sys.argv[1:])
sys.exit(code or ("torch's compiler was loaded" if "torch._dynamo" in sys.modules else 0))
"""


def test_two_sweeps_at_once_make_each_teacher_once(
    folder: CacheFolder, small: Callable[..., dict[str, Any]], repo_root: Path, tmp_path: Path
) -> None:
    teacher = {"model": "sage", "hidden": 64, "epochs": 80, "patience": 80}
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        yaml.safe_dump(small(datasets=["csbm"], teachers=[teacher], search={"trials": 0}, report={"seeds": 3}))
    )
    command = [sys.executable, "-c", WITHOUT_COMPILER, "sweep", str(spec), "--out"]
    both = [
        subprocess.Popen([*command, str(tmp_path / name)], env={**os.environ, "PYTHONPATH": str(repo_root)})
        for name in ("one", "other")
    ]
    assert [process.wait(300) for process in both] == [0, 0]
    assert len(trained_for(tmp_path / "one")) == 3
    assert trained_for(tmp_path / "one") == trained_for(tmp_path / "other")
    assert len(folder.entries()) == 3


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path / "cache", 10_000)
    for number in range(3):
        folder.write({"number": number}, {}, bytes(4000))
        os.utime(folder.folder / f"{key_of({'number': number})}.cached", (number, number))
    assert [folder.read({"number": number}) is not None for number in range(3)] == [False, True, True]
    os.utime(folder.folder / f"{key_of({'number': 2})}.cached", (3, 3))
    assert folder.read({"number": 1}), "used just now"
    folder.write({"number": 3}, {}, bytes(4000))
    assert [folder.read({"number": number}) is not None for number in range(4)] == [False, True, False, True]
    folder.write({"number": 4}, {}, bytes(20_000))
    assert folder.read({"number": 4}) is None, "too large for any cache of this size"
    (folder.folder / ".draft-of-a-killed-writer").write_bytes(b"x")
    os.utime(folder.folder / ".draft-of-a-killed-writer", (0, 0))
    assert folder.clean()[0] == 2
    assert [path.name for path in folder.folder.iterdir()] == [".locks"]
    assert folder.entries() == []


def test_a_teacher_that_took_longer_than_is_allowed_here_is_not_taken(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path / "cache", 10_000)
    shared = SharedArtefacts(folder, pytest.fail, lambda line: None)
    job = _job()
    facts = {"dataset_sha256": "", "node_order_sha256": ""}
    assert shared.seek(job) == "here"
    made = Artefact(job.key, b"t", facts)
    shared.settle(Outcome(job.key, 3, "ok", validation={"accuracy": 0.5}, train_s=8.0, artefact=made))
    assert shared.seek(replace(job, time_limit_s=7.0)) == "here"
    shared.close()
    found = shared.seek(replace(job, time_limit_s=9.0))
    assert isinstance(found, Outcome)
    assert (found.train_s, found.validation, found.artefact) == (8.0, {"accuracy": 0.5}, made)


def test_a_cache_that_cannot_be_written_stops_nothing(
    folder: CacheFolder, plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    folder.folder.parent.mkdir(parents=True)
    folder.folder.write_text("in the way")
    lines: list[str] = []
    assert run_sweep(plan_of(search={"trials": 0}), tmp_path / "store", on_message=lines.append).ok
    assert sum("cannot be" in line for line in lines) <= 2
    assert any(str(folder.folder) in line for line in lines)


def test_a_size_that_is_none_is_refused_before_anything_is_written(
    folder: CacheFolder, plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTILLERY_CACHE_GIB", "many")
    with pytest.raises(UserError, match="DISTILLERY_CACHE_GIB=many is no number of GiB"):
        run_sweep(plan_of(), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_file_of_another_kind_is_damaged(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path, 10_000)
    folder.write({"of": 1}, {}, b"t")
    (tmp_path / f"{key_of({'of': 1})}.cached").rename(tmp_path / f"{key_of({'of': 2})}.cached")
    with pytest.raises(DamagedError, match="is of something else"):
        folder.read({"of": 2})
