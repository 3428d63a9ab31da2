"""A store as a sweep would have left it, of made-up records from a seeded generator: its plan is real, at any size."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from graph_distillery.bench.records.identity import content_id, selected_id, teacher_record_id, work_id
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.store import Store

_SEEDS = (100, 101, 102)
_REPORT_SEEDS = 10
_SPEC: dict[str, Any] = {
    "name": "large",
    "datasets": ["karate", "csbm", "csbm-homophilic", "csbm-heterophilic"],
    "teachers": [{"model": "sage", "epochs": 100}],
    "students": ["mlp", "gcn", "sage", "gat", "appnp"],
    "methods": ["supervised", "kd", "glnn", "fitnet"],
    "report": {"seeds": _REPORT_SEEDS, "ablated": False},
}
_ENVIRONMENT = {
    "fingerprint": "dcbde5327ac0912f", "python": "3.11.7", "torch": "2.13.0", "pyg": "2.8.1", "ray": "2.60.0",
    "optuna": "5.0.0", "device": "cpu", "cpu": "a processor", "threads": 1, "os": "Linux",
}  # fmt: skip


def write_sweep_store(store: Path, records: int, seed: int = 5) -> int:
    """Write a store of about that many records, all of its trials done and most of its reports; returns how many."""
    searched = [cell for cell in _plan(1).cells if cell.trials]
    plan = _plan(max(1, math.ceil((records / len(searched) - 2 * _REPORT_SEEDS - 2) / len(_SEEDS))))
    with Store(store, plan) as begun:
        store_id = begun.id
    lines: dict[str, list[str]] = {"teacher": [], "trial": [], "report": [], "speed": []}
    draw = random.Random(seed)
    at = datetime(2026, 11, 1, tzinfo=UTC)
    for record in _records(plan, draw):
        at += timedelta(seconds=draw.uniform(0.5, 1.5))
        told = {"schema": 1, **record, "store_id": store_id, "created": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        lines[record["kind"]].append(json.dumps(told, separators=(",", ":")))
    for kind, each in lines.items():
        (store / "records" / f"{kind}.jsonl").write_text("".join(f"{line}\n" for line in each), encoding="utf-8")
    return sum(map(len, lines.values()))


def _plan(trials: int) -> Plan:
    search = {"trials": trials, "seeds": list(_SEEDS), "pruner": "none", "sampler": "random"}
    return make_plan(parse_spec({**_SPEC, "search": search}, "large"))


def _records(plan: Plan, draw: random.Random) -> Iterator[dict[str, Any]]:
    """The last cell's reports are still to come."""
    for teacher in plan.teachers:
        for seed in (*_SEEDS, *range(_REPORT_SEEDS)):
            made = content_id([teacher.id, dict(teacher.defaults), seed])
            told = _cell(teacher.id, teacher.data.dataset, teacher.data.split, seed, None, made, teacher.model)
            yield _record("teacher", teacher_record_id(made), told, dict(teacher.defaults), None, seed, draw.random())
    for cell in plan.cells:
        trials: list[tuple[float, dict[str, Any]]] = []
        for trial in range(cell.trials):
            values = {**cell.defaults, "student.lr": 10 ** draw.uniform(-4, -1)} if trial else dict(cell.defaults)
            base = draw.random()
            scores = [0.9 * base + 0.1 * draw.random() for _ in _SEEDS]
            trials.append((math.fsum(scores), values))
            for seed, score in zip(_SEEDS, scores, strict=True):
                yield _of_work(cell, "trial", trial, None, seed, values, score)
        best = max(trials, key=lambda trial: trial[0])[1] if trials else None
        shown = {"both" if best == dict(cell.defaults) else "default": dict(cell.defaults)}
        if best is not None and "both" not in shown:
            shown["tuned"] = best
        for selection, values in shown.items() if cell is not plan.cells[-1] else ():
            for seed in range(_REPORT_SEEDS):
                yield _of_work(cell, "report", None, selection, seed, values, draw.random())
            yield _of_work(cell, "speed", None, selection, 0, values, draw.random())


def _of_work(
    cell: Cell, kind: str, trial: int | None, selection: str | None, seed: int, values: dict[str, Any], score: float
) -> dict[str, Any]:
    taught = cell.teachers[0] if cell.teachers else None
    made = content_id([taught.id, dict(taught.defaults), seed]) if taught else None
    student = cell.student or cell.teacher or "none"
    told = _cell(cell.id, cell.data.dataset, cell.data.split, seed, cell.teacher, made, student, cell.method.name)
    search = {
        "space": cell.space.identity(), "sampler": "random", "pruner": "none", "trials": cell.trials,
        "budget": f"{cell.trials} trials x {len(_SEEDS)} seeds", "trial": trial, "selection": selection,
    }  # fmt: skip
    of_trial = work_id(cell.id, kind, trial, selection, seed, seed)
    id_ = of_trial if kind == "trial" else selected_id(cell.id, kind, selection, seed, seed, cell.trials, values)
    return _record(kind, id_, told, values, search, seed, score)


def _cell(
    id_: str, dataset: str, split: str, seed: int, teacher: str | None, made: str | None, student: str,
    method: str = "supervised",
) -> dict[str, Any]:  # fmt: skip
    sha = {name: (content_id([name, dataset, seed]) * 4) for name in ("split_sha256", "test_sha256")}
    return {
        "id": id_, "dataset": dataset, "dataset_sha256": content_id([dataset]) * 4,
        "node_order_sha256": content_id(["order", dataset]) * 4, "split": split, "split_seed": seed, **sha,
        "items": {"train": 20, "val": 7, "test": 7}, "setting": "transductive", "task": "node-classification",
        "metric": "accuracy", "teacher": teacher, "teacher_id": made, "student": student, "method": method,
        "variant": "paper",
    }  # fmt: skip


def _record(
    kind: str, id_: str, cell: dict[str, Any], hparams: dict[str, Any], search: dict[str, Any] | None, seed: int,
    score: float,
) -> dict[str, Any]:  # fmt: skip
    scores = {"accuracy": score, "nll": 1 - score, "ece": 0.1 * score}
    latency = {"p50": 1.0 + score, "p95": 3.0}
    speed = {
        "full_forward_ms": latency, "request_ms": {"batch_1": latency, "batch_10": latency}, "params": 184_455,
        "macs": 458_035_200, "peak_memory_mb": 2.5, "repeats": 30,
    }  # fmt: skip
    return {
        "kind": kind, "id": id_, "suite_version": "0.1.0", "git_sha": None, "cell": cell, "hparams": hparams,
        "search": search, "seed": seed,
        "metrics": {"val": {} if kind == "speed" else scores, "test": scores if kind == "report" else None},
        "timings": {"train_s": 1.5 + score, "epochs": 60, "teacher_s": None, "tune_s": None},
        "speed": speed if kind == "speed" else None, "status": "ok", "error": None, "environment": _ENVIRONMENT,
    }  # fmt: skip
