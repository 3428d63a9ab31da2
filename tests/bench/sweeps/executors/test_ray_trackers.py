"""TensorBoard, MLflow and W&B have what the records have, by name and state; broken ones stop nothing."""

from __future__ import annotations

import math
import os
import re
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.sweeps.trackers import tracking
from graph_distillery.bench.sweeps.trackers.options import check_trackers

METRICS = ("seed", "val/accuracy", "test/accuracy", "progress/accuracy", "pruned", "failed")


@dataclass
class Seen:
    """A run: its configuration as texts, the values of each metric by step, and whether it counts as failed."""

    config: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    failed: bool = False

    def of(self, metric: str) -> list[float]:
        return [value for _, value in sorted(self.metrics[metric].items())]


@pytest.fixture(scope="module", autouse=True)
def _libraries(require_or_skip: Callable[[str, str], None]) -> None:
    from importlib.util import find_spec

    for name in ("tensorboardX", "mlflow", "wandb"):
        if find_spec(name) is None:
            require_or_skip(name, f"the extra of {name} is not installed")


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))


# -- what the trackers keep ------------------------------------------------------------------------------------


def in_tensorboard(folder: Path) -> dict[str, Seen]:
    """From the event files, each checked by its checksums; TensorBoard knows no state."""
    from tensorboardX.crc32c import crc32c
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    def masked(data: bytes) -> int:
        value = crc32c(data)
        return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF

    found: dict[str, Seen] = defaultdict(Seen)
    for file in sorted(folder.rglob("events.*")):
        seen, data = found[" ".join(file.parent.relative_to(folder).parts[1:])], file.read_bytes()
        while data:
            (length, check), body = struct.unpack("<QI", data[:12]), data[12:]
            assert check == masked(data[:8])
            assert struct.unpack("<I", body[length : length + 4])[0] == masked(body[:length])
            event = Event.FromString(body[:length])
            for value in event.summary.value:
                if value.tag.startswith("ray/tune/"):
                    seen.metrics[value.tag.removeprefix("ray/tune/")][event.step] = value.simple_value
                elif value.tag == "_hparams_/session_start_info":
                    about = HParamsPluginData.FromString(value.metadata.plugin_data.content)
                    for name, given in about.session_start_info.hparams.items():
                        seen.config[name] = str(getattr(given, given.WhichOneof("kind")))
            data = body[length + 4 :]
        seen.failed = any(seen.of("failed"))
    return found


def in_mlflow(uri: str) -> dict[str, Seen]:
    import mlflow

    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("small")
    found = {}
    for run in client.search_runs([experiment.experiment_id]):
        assert run.info.status in ("FINISHED", "FAILED")
        seen = Seen(run.data.params, failed=run.info.status == "FAILED")
        for name in set(METRICS) & set(run.data.metrics):
            seen.metrics[name] = {each.step: each.value for each in client.get_metric_history(run.info.run_id, name)}
        assert run.info.run_name not in found
        found[run.info.run_name] = seen
    return found


def in_wandb(folder: Path) -> dict[str, Seen]:
    """From the files of offline runs: a log of records in blocks of 32 KiB, each with seven bytes before it."""
    import json

    from wandb.proto.wandb_internal_pb2 import Record as Entry

    def entries(file: Path) -> Iterator[Any]:
        data, at, part = file.read_bytes(), 7, b""
        while at + 7 <= len(data):
            if 2**15 - at % 2**15 < 7:
                at += 2**15 - at % 2**15
                continue
            _, length, kind = struct.unpack("<IHB", data[at : at + 7])
            part, at = part + data[at + 7 : at + 7 + length], at + 7 + length
            if kind in (1, 4):  # whole, or the last part
                yield Entry.FromString(part)
                part = b""

    found = {}
    for file in folder.glob("wandb/offline-run-*/*.wandb"):
        seen, name, ended = Seen(), "", False
        for entry in entries(file):
            kind = entry.WhichOneof("record_type")
            if kind == "run":
                name = entry.run.display_name
                assert (entry.run.project, entry.run.run_group) == ("trials", "small")
                seen.config = {each.key: str(json.loads(each.value_json)) for each in entry.run.config.update}
            elif kind == "history":
                row = {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in entry.history.item}
                for metric in row.keys() & set(METRICS):
                    seen.metrics[metric][row["_step"]] = row[metric]
            elif kind == "exit":
                ended, seen.failed = True, entry.exit.exit_code != 0
        assert ended
        assert name not in found
        found[name] = seen
    return found


# -- what they must have ---------------------------------------------------------------------------------------


def name_of(record: Record) -> str:
    cell = record.cell
    if record.kind == "teacher":
        return f"karate teacher sage seed {record.seed} {cell.teacher_id[:6]}"
    rest = cell.teacher if cell.method == "teacher" else None if cell.method == "majority" else cell.student
    assert record.search is not None
    which = record.search.trial if record.kind == "trial" else record.search.selection
    return " ".join(word for word in ("karate", cell.method, rest, record.kind, str(which)) if word)


def assert_same(seen: dict[str, Seen], records: list[Record]) -> None:
    runs: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        runs[name_of(record)].append(record)
    assert seen.keys() == runs.keys()
    for name, own in runs.items():
        shown, first = seen[name], own[0]
        assert shown.failed == any(record.status not in ("ok", "pruned") for record in own), name
        reported = len(first.curve or ())
        assert shown.of("progress/accuracy") == pytest.approx([score for _, score in first.curve or ()])
        assert [int(seed) for seed in shown.of("seed")] == [first.seed] * reported + [record.seed for record in own]
        assert shown.of("pruned") == [record.status == "pruned" for record in own]
        assert shown.of("failed") == [record.status not in ("ok", "pruned") for record in own]
        for metric, part in (("val/accuracy", "val"), ("test/accuracy", "test")):
            scores = [getattr(record.metrics, part) or {} for record in own]
            values = [each["accuracy"] for each in scores if each.get("accuracy") is not None]
            assert shown.of(metric) == pytest.approx([value for value in values if math.isfinite(value)]), name
        facts = {"purpose": first.kind, "dataset": "karate", "split": "public", "setting": "transductive"}
        facts |= {"method": first.cell.method, "variant": "paper", **first.hparams}
        if first.search is not None:
            facts |= {"trial": first.search.trial, "teacher": first.cell.teacher}
        for label, value in facts.items():
            given = shown.config.get(label)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                assert float(given or "nan") == pytest.approx(value), label
            else:
                assert given == (None if value is None else str(value)), (name, label)


@pytest.mark.parametrize("executor", ["local", pytest.param("ray", marks=pytest.mark.slow)])
def test_all_three_have_what_the_records_have_also_when_a_worker_is_lost(
    executor: Literal["local", "ray"],
    request: pytest.FixtureRequest,
    plan_of: Callable[..., Plan],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With teachers, scores on the way, trials out of time, and a worker killed in a trial."""
    monkeypatch.setattr(tracking, "LINGER_S", 240.0)
    fields = {
        "students": [{"model": "mlp", "hidden": 8, "layers": 2, "epochs": 20}],
        "methods": ["glnn", "kd"],
        "search": {"trials": 2, "seeds": [100, 101, 102], "pruner": "median"},
        "report": {"seeds": 1},
        "resources": {"overrides": {"kd": {"time_limit_s": 1e-6}}},
    }
    plan = plan_of(**fields)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    trackers = check_trackers([f"tensorboard={tmp_path / 'boards'}", f"mlflow={uri}", "wandb=trials"])
    killed: list[int] = []

    def listen(record: Record) -> None:
        if record.kind == "trial" and record.seed == 101 and not killed:  # its job has a seed left
            for each in psutil.Process().children(recursive=True):  # those of the tests' cluster too
                with suppress(psutil.NoSuchProcess):  # Ray's helpers come and go
                    if worker in " ".join(each.cmdline()) and each.ppid() != os.getpid():
                        each.kill()
                        killed.append(each.pid)

    told: list[str] = []
    address = request.getfixturevalue("ray_cluster").address if executor == "ray" else None
    worker = "ray::TrialActor" if executor == "ray" else "multiprocessing.forkserver"
    means = Means(executor, 1, address=address)
    run_sweep(
        plan, tmp_path / "store", means, listener=lambda driver: listen, on_message=told.append, trackers=trackers
    )
    assert killed
    assert told == []
    records = read_records(tmp_path / "store").records
    assert {record.status for record in records} == {"ok", "timeout"}
    boards, runs, offline = in_tensorboard(tmp_path / "boards"), in_mlflow(uri), in_wandb(tmp_path)
    assert_same(boards, list(records))
    assert_same(runs, list(records))
    assert_same(offline, list(records))


def test_trackers_that_break_or_hang_are_told_once_and_stop_nothing(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorBoard's folder becomes a file, MLflow's server never answers, W&B's is not there."""
    from graph_distillery.bench.sweeps.trackers import ray_wandb

    monkeypatch.setattr(ray_wandb, "PATIENCE_S", 1.0)
    monkeypatch.setattr(tracking, "LINGER_S", 1.5)
    monkeypatch.setattr(tracking, "_QUIET_S", 0.1)
    plan = plan_of(teachers=[], methods=["supervised"], search={"trials": 2, "seeds": [100]}, report={"seeds": 1})
    run_sweep(plan, tmp_path / "alone")
    with socket.create_server(("127.0.0.1", 0)) as deaf, socket.create_server(("127.0.0.1", 0)) as other:
        gone = other.getsockname()[1]
        other.close()
        monkeypatch.setenv("WANDB_MODE", "online")
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{gone}")
        texts = [f"tensorboard={tmp_path / 'boards'}", f"mlflow=http://127.0.0.1:{deaf.getsockname()[1]}", "wandb=p"]
        trackers = check_trackers(texts)
        (tmp_path / "boards").touch()
        told: list[str] = []
        before, began = {k: v for k, v in os.environ.items() if k != "CRC32C_SW_MODE"}, time.monotonic()
        summary = run_sweep(plan, tmp_path / "store", on_message=told.append, trackers=trackers)
        assert time.monotonic() - began < 60
    assert summary.ok
    assert {k: v for k, v in os.environ.items() if k != "CRC32C_SW_MODE"} == before
    ids = [record.id for record in read_records(tmp_path / "store").records]
    assert sorted(ids) == sorted(record.id for record in read_records(tmp_path / "alone").records)
    why = "(no longer told|still behind)"  # the one or the other, as it happens
    for line, name in zip(sorted(told), ("mlflow", "tensorboard", "wandb"), strict=True):
        assert re.match(f"warning: --track {name}: {why}", line)
    assert [line for line in told if "\n" in line or len(line) > 500] == []
    children = [each.info for each in psutil.process_iter(["name", "ppid"]) if each.info["ppid"] == os.getpid()]
    assert [each for each in children if "wandb-core" in each["name"]] == []


def test_a_pruned_run_says_so_and_has_not_failed(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    students = [{"model": "mlp", "hidden": 8, "layers": 2, "epochs": 40}]
    search = {"trials": 12, "seeds": [100, 101, 102], "pruner": "asha", "sampler": "random"}
    plan = plan_of(teachers=[], methods=["supervised"], students=students, search=search)
    run_sweep(plan, tmp_path / "store", trackers=check_trackers([f"tensorboard={tmp_path / 'boards'}"]))
    records = read_records(tmp_path / "store").records
    assert "pruned" in {record.status for record in records}
    assert_same(in_tensorboard(tmp_path / "boards"), list(records))


def test_an_interrupted_run_ends_as_failed_and_what_resumes_it_begins_with_what_there_was(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    plan = plan_of(teachers=[], methods=["supervised"], search={"trials": 1, "seeds": [100, 101, 102]})
    boards = tmp_path / "boards"
    trackers = check_trackers([f"tensorboard={boards}"])

    def stop(record: Record) -> None:
        if record.seed == 101:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(plan, tmp_path / "store", listener=lambda driver: stop, trackers=trackers)
    name = "karate supervised mlp trial 0"
    assert in_tensorboard(boards)[name].of("seed") == [100]
    run_sweep(plan, tmp_path / "store", trackers=trackers)
    assert in_tensorboard(boards)[name].of("seed") == [100, 101, 102]


def test_few_files_are_open_and_none_of_a_run_s_steps_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from graph_distillery.bench.sweeps.trackers import ray_tensorboard
    from graph_distillery.bench.sweeps.trackers.ray_trackers import open_logbook

    monkeypatch.setattr(ray_tensorboard, "MOST_OPEN", 3)
    (track,) = check_trackers([f"tensorboard={tmp_path}"])
    book = open_logbook(track, "wide")
    book.open()
    for number in range(6):
        book.begin(str(number), ("cell", f"trial {number}"), {"lr": 0.1})
    for step in (1, 2):
        for number in range(6):
            book.step(str(number), step, {"seed": 10 * number + step})
    for number in range(6):
        book.end(str(number), False)
    seen = in_tensorboard(tmp_path)
    assert {name: run.of("seed") for name, run in seen.items()} == {
        f"cell trial {number}": [10 * number + 1, 10 * number + 2] for number in range(6)
    }


def test_without_a_key_w_and_b_is_refused_before_anything_is_written(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("NETRC", str(tmp_path / "nobody" / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(UserError, match=r"--track wandb: no key; set WANDB_API_KEY"):
        run_sweep(plan_of(), tmp_path / "store", trackers=check_trackers(["wandb=p"]))
    assert not (tmp_path / "store").exists()
