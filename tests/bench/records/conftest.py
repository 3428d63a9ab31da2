"""A factory of valid records for the tests of the record files."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from graph_distillery.bench.records import Record

BASE: dict[str, Any] = {
    "schema": 1,
    "kind": "trial",
    "store_id": "5" * 16,
    "created": "2026-11-20T12:00:00Z",
    "suite_version": "0.1.0",
    "git_sha": None,
    "cell": {
        "id": "c" * 16,
        "dataset": "cora",
        "dataset_sha256": "d" * 64,
        "node_order_sha256": "e" * 64,
        "split": "cpf",
        "split_seed": 0,
        "setting": "transductive",
        "task": "node-classification",
        "metric": "accuracy",
        "teacher": "sage",
        "teacher_id": "f" * 16,
        "student": "mlp",
        "method": "glnn",
        "variant": "paper",
    },
    "hparams": {"lr": 0.01, "layers": 2, "norm": True, "act": "relu", "clip": None},
    "search": {
        "space": "a" * 16,
        "sampler": "tpe",
        "pruner": "seed-racing",
        "trials": 12,
        "budget": "12 trials x 3 seeds",
        "trial": 3,
        "selection": None,
    },
    "seed": 100,
    "metrics": {"val": {"accuracy": 0.8}, "test": None},
    "timings": {"train_s": 1.5, "epochs": 40, "teacher_s": None, "tune_s": None},
    "speed": None,
    "status": "ok",
    "error": None,
    "environment": {
        "fingerprint": "b" * 16,
        "python": "3.11.7",
        "torch": "2.13.0",
        "pyg": "2.8.1",
        "ray": None,
        "optuna": "5.0.0",
        "device": "cpu",
        "cpu": "Some CPU",
        "threads": 1,
        "os": "Linux",
    },
}


@pytest.fixture
def raw() -> Callable[..., dict[str, Any]]:
    """``raw(name, **{"cell.metric": ...})``: the JSON of a valid record, with dotted changes."""

    def build(name: str = "r", **changes: Any) -> dict[str, Any]:
        data = copy.deepcopy(BASE)
        data["id"] = hashlib.sha256(name.encode()).hexdigest()[:32]
        for path, value in changes.items():
            *parents, last = path.split(".")
            target = data
            for parent in parents:
                target = target[parent]
            target[last] = value
        return data

    return build


@pytest.fixture
def make_record(raw: Callable[..., dict[str, Any]]) -> Callable[..., Record]:
    """``make_record(name, **changes)``: a valid trial record whose id is a hash of ``name``."""
    return lambda name="r", **changes: Record.model_validate(raw(name, **changes))
