"""A store of made-up records from a seeded generator, for timing the board: the shape of a sweep, at any size."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

METHODS = ("supervised", "kd", "glnn", *(f"method-{letter}" for letter in "abcdefghijklmno"))
REPORT_SEEDS = 10
TUNING_SEEDS = 3
#: Records of a method's cell: the trials, both configurations' reports, a speed.
PER_CELL = 555
TRIALS = (PER_CELL - 2 * REPORT_SEEDS - 1) // TUNING_SEEDS


def write_board_store(store: Path, records: int, seed: int = 5) -> int:
    """Write about that many records, twenty methods on as many datasets as they fill; returns how many."""
    datasets = max(1, round(records / (len(METHODS) * PER_CELL)))
    (store / "records").mkdir(parents=True)
    lines: dict[str, list[str]] = {"trial": [], "report": [], "speed": []}
    for dataset in range(datasets):
        for record in _dataset(f"dataset-{dataset:03}", np.random.default_rng([seed, dataset])):
            record["id"] = _digest(record["cell"], record["kind"], record["seed"], record["search"])[:16]
            lines[record["kind"]].append(json.dumps(record, separators=(",", ":")))
    for kind, each in lines.items():
        (store / "records" / f"{kind}.jsonl").write_text("".join(f"{line}\n" for line in each), encoding="utf-8")
    return sum(map(len, lines.values()))


def write_wide_store(store: Path, rows: int, datasets: int, seed: int = 5) -> int:
    """Write report runs of so many students on so many datasets, ten redrawn splits each, each at settings of its own
    and with a speed; returns how many runs."""
    (store / "records").mkdir(parents=True)
    rng = np.random.default_rng([seed, rows, datasets])
    count = 0
    speeds = []
    with (store / "records" / "report.jsonl").open("w", encoding="utf-8") as file:
        for dataset in range(datasets):
            noise = rng.normal(0, 0.01, REPORT_SEEDS)
            for place, method in enumerate(("teacher", "majority", "supervised", *_names(rows - 1))):
                base = (0.85, 0.3, 0.6)[place] if place < 3 else rng.uniform(0.65, 0.8)
                selection = "default" if place < 2 else "tuned"
                hparams = {**_SETTINGS, "student.lr": float(f"{10 ** rng.uniform(-4, -1):.6g}")}
                name = f"dataset-{dataset:03}"
                latency = float(10 ** rng.uniform(-2, 1))
                speed = _record(name, method, "speed", 0, 0.0, hparams, 1, selection, latency)
                speed["id"] = _digest(speed["cell"], "speed", 0, speed["search"])[:32]
                speeds.append(json.dumps(speed, separators=(",", ":")) + "\n")
                for run in range(REPORT_SEEDS):
                    score = round(1000 * (base + noise[run] + rng.normal(0, 0.006))) / 1000
                    record = _record(name, method, "report", run, score, hparams, 1, selection)
                    split = {name: _digest(name, dataset, run) for name in ("split_sha256", "test_sha256")}
                    record["cell"] |= {**split, "items": {"train": 3000, "val": 1000, "test": 1000}}
                    record["id"] = _digest(record["cell"], record["kind"], run, record["search"])[:32]
                    file.write(json.dumps(record, separators=(",", ":")) + "\n")
                    count += 1
    (store / "records" / "speed.jsonl").write_text("".join(speeds), encoding="utf-8")
    return count


def _names(count: int) -> list[str]:
    return [f"method-{number:03}" for number in range(count)]


def _dataset(name: str, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    noise = rng.normal(0, 0.01, REPORT_SEEDS)
    for row in ("teacher", "majority"):
        for seed in range(REPORT_SEEDS):
            score = 0.3 if row == "majority" else 0.85 + noise[seed]
            yield _record(name, row, "report", seed, score, {}, None, "default")
        yield _record(name, row, "speed", 0, 0.0, {}, None, "default", 9.0)
    for place, method in enumerate(METHODS):
        base = 0.6 if method == "supervised" else 0.75 + 0.005 * place
        own = rng.normal(0, 0.006, (2, REPORT_SEEDS))
        found = base - rng.gamma(2, 0.01, TRIALS)
        rates = 10 ** rng.uniform(-4, -1, TRIALS)
        for trial in range(TRIALS):
            hparams = {**_SETTINGS, "student.lr": float(rates[trial])}
            for seed in range(100, 100 + TUNING_SEEDS):
                score = float(found[trial] + rng.normal(0, 0.004))
                yield _record(name, method, "trial", seed, score, hparams, trial, None)
        for number, selection in enumerate(("default", "tuned")):
            hparams = {**_SETTINGS, "student.lr": float(rates[number])}
            for seed in range(REPORT_SEEDS):
                score = float(base + 0.01 * number + noise[seed] + own[number, seed])
                yield _record(name, method, "report", seed, score, hparams, number, selection)
        yield _record(name, method, "speed", 0, 0.0, hparams, 1, "tuned", 1.0 + 0.1 * place)


_SETTINGS: dict[str, Any] = {
    "method.alpha": 0.5, "method.temperature": 4.0, "student.layers": 2, "student.hidden": 128, "student.norm": "none",
    "student.residual": False, "student.dropout": 0.6, "student.weight_decay": 0.005, "student.epochs": 200,
    "student.patience": 50, "student.readout": "mean", "student.batch_size": 512,
}  # fmt: skip
_ENVIRONMENT = {
    "fingerprint": "dcbde5327ac0912f", "python": "3.11.7", "torch": "2.13.0", "pyg": "2.8.1", "ray": "2.60.0",
    "optuna": "5.0.0", "device": "cpu", "cpu": "a processor", "threads": 1, "os": "Linux",
}  # fmt: skip


def _record(
    dataset: str,
    method: str,
    kind: str,
    seed: int,
    score: float,
    hparams: dict[str, Any],
    trial: int | None,
    selection: str | None,
    latency: float | None = None,
) -> dict[str, Any]:
    taught = method not in ("supervised", "majority")
    scores = {"accuracy": score, "nll": 1 - score, "ece": 0.1 * score}
    latencies = {"p50": latency, "p95": latency * 1.5} if latency else None
    return {
        "schema": 1,
        "kind": kind,
        "store_id": "5e7b3d882238a2b1",
        "created": f"2026-11-20T13:39:{seed % 60:02}Z",
        "suite_version": "0.1.0",
        "git_sha": None,
        "cell": {
            "id": _digest(dataset, method)[:16],
            "dataset": dataset,
            "dataset_sha256": _digest(dataset),
            "node_order_sha256": _digest("order", dataset),
            "split": "cpf",
            "split_seed": seed,
            "setting": "transductive",
            "task": "node-classification",
            "metric": "accuracy",
            "teacher": "sage" if taught else None,
            "teacher_id": _digest("teacher", dataset)[:16] if taught else None,
            "student": {"teacher": "sage", "majority": "none"}.get(method, "mlp"),
            "method": method,
            "variant": "paper",
        },
        "hparams": hparams,
        "search": {
            "space": "4900a4a514a05e41",
            "sampler": "tpe",
            "pruner": "seed-racing",
            "trials": TRIALS,
            "budget": f"{TRIALS} trials x {TUNING_SEEDS} seeds",
            "trial": trial,
            "selection": selection,
        },
        "seed": seed,
        "metrics": {"val": {} if kind == "speed" else scores, "test": scores if kind == "report" else None},
        "timings": {"train_s": 4.0 + score, "epochs": 60, "teacher_s": None, "tune_s": None},
        "speed": {
            "full_forward_ms": latencies,
            "request_ms": {"batch_1": latencies, "batch_10": latencies},
            "params": 184_455,
            "macs": 458_035_200,
            "peak_memory_mb": 2.5,
            "repeats": 30,
        }
        if kind == "speed"
        else None,
        "status": "ok",
        "error": None,
        "environment": _ENVIRONMENT,
    }


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
