"""What inference costs: latency after a warm-up, parameters, multiply-accumulates, peak memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from graph_distillery.bench.models.base import Model
from graph_distillery.bench.models.neighbourhood import neighbourhood
from graph_distillery.bench.records import Latency, RequestLatency, Speed
from graph_distillery.bench.training.judging import predicting_models, reads_rows_alone
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Method
from graph_distillery.methods.contract.graph import Graph

WARM_UP = 5
REPEATS = 50


@torch.inference_mode()
def measure_speed(
    method: Method[Any], problem: Problem, repeats: int = REPEATS, seed: int = 0, requests: bool = True
) -> Speed:
    """Time the trained method on its observed graph.

    A full forward predicts every item. A request predicts 1 or 10 random items, and pays for fetching what it
    reads: rows of features, the k-hop neighbourhood of a graph student, the whole graph where nothing less will
    do. In graph classification a request is 1 or 10 graphs.
    """
    method.eval()
    graph = problem.training.graph
    draw = np.random.Generator(np.random.PCG64(seed))
    full = _latency(lambda: method.predict(graph), graph, repeats)
    answers = None
    if requests:
        answers = RequestLatency(
            batch_1=_requests(method, problem, 1, draw, repeats),
            batch_10=_requests(method, problem, 10, draw, repeats),
        )
    modules = method.inference_modules()
    return Speed(
        full_forward_ms=full,
        request_ms=answers,
        params=sum(parameter.numel() for parameter in nn.ModuleList(modules).parameters()),  # each once
        macs=sum(_macs(module, problem) for module in modules),
        peak_memory_mb=_peak_memory_mb(lambda: method.predict(graph), graph),
        repeats=repeats,
    )


def _macs(module: nn.Module, problem: Problem) -> int:
    """Multiply-accumulates of one forward on the observed graph: of models, of linear maps of items, and of what is
    made of these; other modules count 0."""
    graph = problem.training.graph
    if isinstance(module, Model):
        pooled = problem.training.num_items if module.level == "pair" else graph.num_graphs
        return int(module.macs(graph.num_nodes, graph.num_edges, pooled))
    if isinstance(module, nn.Linear):
        return problem.training.num_items * module.in_features * module.out_features
    return sum(_macs(child, problem) for child in module.children())


def _requests(method: Method[Any], problem: Problem, size: int, draw: np.random.Generator, repeats: int) -> Latency:
    graph = problem.training.graph
    count = problem.training.num_items
    picks = [
        torch.from_numpy(draw.choice(count, size=min(size, count), replace=False)).to(graph.device)
        for _ in range(repeats + WARM_UP)
    ]
    remaining = iter(picks)
    return _latency(lambda: _answer(method, problem, next(remaining)), graph, repeats)


def _answer(method: Method[Any], problem: Problem, items: Tensor) -> Tensor:
    """The logits of some items, fetching only what they need."""
    graph, models = problem.training.graph, predicting_models(method)
    kind = problem.training.task.items
    if method.reads_graph_columns:
        return method.predict(graph.columns_of_graphs(items)).logits
    if kind.level == "graph":
        read, places = kind.chosen(graph, items)
    elif reads_rows_alone(method):
        nodes = kind.nodes_of(graph, items)
        read, places = kind.within(graph, items, graph.rows(nodes), torch.arange(nodes.numel(), device=graph.device))
    elif models and not any(model.reads_whole_graph for model in models):
        hops = max(model.receptive_hops for model in models)
        part, seeds = neighbourhood(graph, kind.nodes_of(graph, items), hops)
        read, places = kind.within(graph, items, part, seeds)
    else:
        read, places = kind.chosen(graph, items)
    return method.predict(read).logits[places]


def _latency(run: Callable[[], object], graph: Graph, repeats: int) -> Latency:
    for _ in range(WARM_UP):
        run()
    _synchronise(graph)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        _synchronise(graph)
        times.append((time.perf_counter() - start) * 1e3)
    return Latency(p50=float(np.percentile(times, 50)), p95=float(np.percentile(times, 95)))


def _synchronise(graph: Graph) -> None:
    if graph.device.type == "cuda":
        torch.cuda.synchronize(graph.device)


def _peak_memory_mb(run: Callable[[], object], graph: Graph) -> float:
    """MiB allocated by one forward at its peak, beyond what was there before it."""
    if graph.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(graph.device)
        before = torch.cuda.memory_allocated(graph.device)
        run()
        return (torch.cuda.max_memory_allocated(graph.device) - before) / 2**20
    with LiveBytes() as live:
        run()
    return live.peak / 2**20


class LiveBytes(TorchDispatchMode):
    """Follows the storages of what each operation returns; `peak` is the most bytes alive at once.

    The operations' own workspaces do not show. (torch's profiler sees those too, but prints to the terminal.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if _is_strided(t)}
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if _is_strided(tensor) and (storage := tensor.untyped_storage())._cdata not in given:
                self._alive[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self._alive = {key: entry for key, entry in self._alive.items() if not entry[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return result


def _is_strided(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided
