"""Graphs of ogbn-arxiv's and ogbn-products' sizes: what an epoch costs, how it grows, and how much memory it takes.

    python -m graph_distillery.bench.perf.large epochs --beside ../checkout-of-9ef06dc
    python -m graph_distillery.bench.perf.large growth --epochs 16
    python -m graph_distillery.bench.perf.large products

Times are a thread's own processor seconds, so that what else the machine is doing weighs less; `products` needs 20 GB.
Of few epochs of a large graph a third of the time is the system's, which zeroes memory that is touched for the first
time.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.generated.power_law import arxiv_size, power_law, products_size
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.perf.references import epoch_of
from graph_distillery.bench.training.allocator import keep_freed_memory
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.bench.training.inference.layerwise import predict_in_blocks
from graph_distillery.bench.training.problem import Problem, ProblemKey, divide
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Teacher

HERE = Path(__file__).resolve().parents[2]


def epochs(beside: Path | None, models: list[str], norm: str, repeats: int, count: int) -> None:
    """An epoch with validation of 3 x 256 on ogbn-arxiv's size, of two checkouts in turn."""
    with _written(arxiv_size()) as place:
        for model in models:
            pairs = [
                [_epoch(checkout, place, model, norm, count) for checkout in (HERE, beside) if checkout is not None]
                for _ in range(repeats)
            ]
            said: dict[str, Any] = {"row": "large-epoch", "model": model, "norm": norm}
            said["epoch_s"] = [[round(each["epoch_s"], 2) for each in pair] for pair in pairs]
            said["peak_mb"] = [round(each["peak_mb"]) for each in pairs[0]]
            if beside is not None:
                said["ratio"] = statistics.median(pair[1]["epoch_s"] / pair[0]["epoch_s"] for pair in pairs)
            _say(said)


def growth(models: list[str], norm: str, count: int) -> None:
    """Ten times the nodes and arcs, 10 arcs a node and 128 features: how many times the time."""
    for model in models:
        found = []
        for nodes, repeats in ((20_000, 10 * count), (200_000, count)):
            with _written(power_law(nodes=nodes, arcs=10 * nodes)) as place:
                found.append(_epoch(HERE, place, model, norm, repeats)["epoch_s"])
        _say({"row": "large-growth", "model": model, "norm": norm, "epoch_s": found, "ratio": found[1] / found[0]})


def products(scale: float, hidden: int) -> None:
    """A sampled SAGE teacher's epoch, its inference layer after layer, and an epoch of a GLNN student of rows."""
    keep_freed_memory()
    with _timed("generate"):
        dataset = products_size() if scale == 1 else _smaller(scale)
    with _timed("split"):
        dataset, split = make_split(dataset, "public", 0)
        problem, _ = divide(dataset, split, ProblemKey(dataset.name, "public", "transductive"), 0)
    net = {"layers": 3, "hidden": hidden, "norm": "batch", "dropout": 0.5, "lr": 0.003}
    teacher = Configuration(
        "supervised", student="sage", student_hyper={**net, "fan_out": "5,10,15", "batch_size": 4096}
    )
    method = build(teacher, problem, ())
    with _timed("teacher epoch, sampled"):
        _one_epoch(method, teacher, problem)
    method.eval()
    assert method.student is not None
    with _timed("layer-wise inference"):
        output = predict_in_blocks(method.student, problem.training.graph)  # type: ignore[arg-type]
    right = output.logits[problem.validation.items].argmax(1) == problem.validation.labels
    _say({"row": "large-products", "what": "teacher validation", "accuracy": float(right.float().mean())})
    taught = Teacher("sage", output.logits, (), problem.training.graph)
    del output, method
    student = Configuration("glnn", student="mlp", student_hyper={**net, "batch_size": 4096})
    method = build(student, problem, (taught,))
    with _timed("student epoch, rows"):
        _one_epoch(method, student, problem)
    with _timed("student inference"), torch.inference_mode():
        method.eval()
        right = method.predict(problem.validation.rows).logits.argmax(1) == problem.validation.labels
    _say({"row": "large-products", "what": "student validation", "accuracy": float(right.float().mean())})


def _smaller(scale: float) -> Dataset:
    nodes, arcs = int(2_449_029 * scale), int(60_000_000 * scale) // 2 * 2
    return power_law("products-part", nodes, arcs, 100, 47, largest=17_481, shares=(0.08, 0.016))


def _one_epoch(method: Any, configuration: Configuration, problem: Problem) -> None:
    """The steps alone."""
    source = make_batches(method, configuration, problem)
    update = GradientUpdate(method.optimizers(configuration.settings))
    method.train()
    for batch in method.batches(source):
        method.step(batch, update)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    start, wall = time.process_time(), time.perf_counter()
    yield
    seconds, wall = time.process_time() - start, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    _say({"row": "large-products", "what": what, "cpu_s": round(seconds, 1), "wall_s": round(wall, 1),
          "peak_gib_so_far": round(peak, 2)})  # fmt: skip


@contextmanager
def _written(dataset: Dataset) -> Iterator[Path]:
    """A file of plain tensors, which any commit can read."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "graph.pt"
        tensors = {"features": dataset.graph.dense_features(), "edge_index": dataset.graph.edge_index}
        torch.save({**tensors, "labels": dataset.labels, "split": list(dataset.fixed_splits["public"][0])}, place)
        yield place


def _epoch(checkout: Path, place: Path, model: str, norm: str, count: int) -> dict[str, float]:
    command = [sys.executable, str(epoch_of.__file__), str(checkout), str(place), model, norm, str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=checkout)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _say(row: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m graph_distillery.bench.perf.large")
    parser.add_argument("what", choices=("epochs", "growth", "products"))
    parser.add_argument("--beside", type=Path, help="another checkout, measured in turn")
    parser.add_argument("--models", nargs="+", default=["gcn", "sage"])
    parser.add_argument("--norm", default="none")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of products: a share of the nodes and arcs")
    parser.add_argument("--hidden", type=int, default=256)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "epochs":
        beside = None if given.beside is None else given.beside.resolve()
        epochs(beside, given.models, given.norm, given.repeats, given.epochs)
    elif given.what == "growth":
        growth(given.models, given.norm, given.epochs)
    else:
        products(given.scale, given.hidden)


if __name__ == "__main__":
    main()
