"""What inference costs: latency after a warm-up, parameters, multiply-accumulates, peak memory.

Several networks are timed in rounds, in each of which all take their turn in an order drawn anew, so that what the
machine does meanwhile falls on all of them alike. Networks of one shape are timed as one.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from graph_distillery.bench.models.base import Model
from graph_distillery.bench.models.layers import unpropagated
from graph_distillery.bench.models.neighbourhood import neighbourhood
from graph_distillery.bench.records import Latency, RequestLatency, Speed, SpeedRounds
from graph_distillery.bench.training.judging import predicting_models, reads_rows_alone
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Method
from graph_distillery.methods.contract.graph import Graph

WARM_UP = 5
REPEATS = 50
ROUNDS = 5


@dataclass
class _Timed:
    """A network under measurement, and its times so far in milliseconds, round by round."""

    method: Method[Any]
    problem: Problem
    shape: str
    draw: np.random.Generator
    full: list[list[float]] = field(default_factory=list)
    batch_1: list[list[float]] = field(default_factory=list)
    batch_10: list[list[float]] = field(default_factory=list)

    @torch.inference_mode()
    def round(self, repeats: int, requests: bool) -> None:
        graph = self.problem.training.graph
        self.full.append(_times(lambda: self.method.predict(unpropagated(graph)), graph, repeats))
        for size, kept in ((1, self.batch_1), (10, self.batch_10)) if requests else ():
            kept.append(_requests(self.method, self.problem, size, self.draw, repeats))


def measure_speed(
    method: Method[Any], problem: Problem, repeats: int = REPEATS, seed: int = 0, requests: bool = True
) -> Speed:
    """Time the trained method on its observed graph, alone, ``repeats`` times in five rounds."""
    return measure_rounds([(method, problem)], repeats=repeats, seed=seed, requests=requests)[0]


def measure_rounds(
    rows: Sequence[tuple[Method[Any], Problem]],
    repeats: int = REPEATS,
    rounds: int = ROUNDS,
    seed: int = 0,
    requests: bool = True,
    share: bool = True,
) -> list[Speed]:
    """Time trained methods in rounds, each on its observed graph; one result per row, in their order.

    A full forward predicts every item. A request predicts 1 or 10 random items, and pays for fetching what it
    reads: rows of features, the k-hop neighbourhood of a graph student, the whole graph where nothing less will
    do. In graph classification a request is 1 or 10 graphs.

    repeats: of each network over all rounds. A latency is the median of its medians over rounds. share: rows whose
    networks have one shape (``network_shape``) are timed once and have the same figures.
    """
    shapes = [network_shape(method, problem) for method, problem in rows]
    names = shapes if share else [f"{number}" for number in range(len(rows))]
    timed: dict[str, _Timed] = {}
    for name, shape, (method, problem) in zip(names, shapes, rows, strict=True):
        method.eval()
        timed.setdefault(name, _Timed(method, problem, shape, np.random.Generator(np.random.PCG64(seed))))
    order = np.random.Generator(np.random.PCG64([seed, len(timed)]))
    turns = list(timed.values())
    rounds = min(rounds, repeats)
    each = round(repeats / rounds)
    for _ in range(rounds):
        for place in order.permutation(len(turns)):
            turns[place].round(each, requests)
    found = {name: _speed(entry, len(turns)) for name, entry in timed.items()}
    return [found[name] for name in names]


@torch.inference_mode()
def _speed(timed: _Timed, rows: int) -> Speed:
    method, problem = timed.method, timed.problem
    graph, modules = problem.training.graph, method.inference_modules()
    answers = None
    if timed.batch_1:
        answers = RequestLatency(batch_1=_latency(timed.batch_1), batch_10=_latency(timed.batch_10))
    return Speed(
        full_forward_ms=_latency(timed.full),
        request_ms=answers,
        params=sum(parameter.numel() for parameter in nn.ModuleList(modules).parameters()),  # each once
        macs=sum(_macs(module, problem) for module in modules),
        peak_memory_mb=_peak_memory_mb(lambda: method.predict(unpropagated(graph)), graph),
        repeats=sum(map(len, timed.full)),
        rounds=SpeedRounds(
            full_forward_ms=_medians(timed.full),
            request_ms=_medians(timed.batch_1),
            rows=rows,
            shape=timed.shape,
        ),
    )


def network_shape(method: Method[Any], problem: Problem) -> str:
    """16 hex digits that two methods share whose inference does the same work, whatever their weights.

    It hashes the modules by their classes, settings and the shapes of their parameters and buffers, how a request reads
    its items, and the data. A method with a prediction of its own shares with its own kind alone.
    """
    cls = type(method)
    own = [] if method.predicts_plainly else [f"{cls.__module__}.{cls.__qualname__}"]
    told = [own, repr(problem.identity), reads_rows_alone(method), method.reads_graph_columns]
    for module in method.inference_modules():
        for name, part in module.named_modules():
            drops = isinstance(part, nn.modules.dropout._DropoutNd)
            told.append((name, type(part).__qualname__, [] if drops else _settings(part)))
        told += [(name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _settings(part: nn.Module) -> list[tuple[str, str]]:
    """What inference may read of a module besides its tensors and parts; dropout does nothing then."""
    found: dict[str, Any] = {}
    for name, value in vars(part).items():
        if isinstance(value, BaseModel):
            found |= {f"{name}.{key}": each for key, each in value.model_dump().items()}
        elif not name.startswith("_") and name != "training":
            found[name] = value
    return sorted((name, _told(value)) for name, value in found.items() if "dropout" not in name)


def _told(value: Any) -> str:
    """A plain value as it reads, else what kind of thing it is."""
    if isinstance(value, bool | int | float | str | tuple | list | dict | type(None)):
        return repr(value)
    return getattr(value, "__qualname__", type(value).__qualname__)


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


def _requests(method: Method[Any], problem: Problem, size: int, draw: np.random.Generator, repeats: int) -> list[float]:
    graph = problem.training.graph
    count = problem.training.num_items
    picks = [
        torch.from_numpy(draw.choice(count, size=min(size, count), replace=False)).to(graph.device)
        for _ in range(repeats + WARM_UP)
    ]
    remaining = iter(picks)
    return _times(lambda: answer(method, problem, next(remaining)), graph, repeats)


def answer(method: Method[Any], problem: Problem, items: Tensor) -> Tensor:
    """The logits of some items, fetching only what they need."""
    graph, models = unpropagated(problem.training.graph), predicting_models(method)
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


def _times(run: Callable[[], object], graph: Graph, repeats: int) -> list[float]:
    """Milliseconds of each of so many runs, after a warm-up."""
    for _ in range(WARM_UP):
        run()
    _synchronise(graph)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        _synchronise(graph)
        times.append((time.perf_counter() - start) * 1e3)
    return times


def _medians(rounds: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(float(np.median(times)) for times in rounds)


def _latency(rounds: Sequence[Sequence[float]]) -> Latency:
    """The median of the rounds' medians, and the 95th percentile of all times."""
    middle, high = float(np.median(_medians(rounds))), float(np.percentile(np.concatenate(rounds), 95))
    return Latency(p50=middle, p95=max(middle, high))


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

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: else torch loads its compiler, seconds and 100 MB, to say that it is not to compile what is below."""
        return False

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
