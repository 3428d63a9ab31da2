"""A student as a file that runs without this suite: ONNX, or torch's own exported program."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import Model
from graph_distillery.bench.students.student import Student
from graph_distillery.methods.contract import Graph
from graph_distillery.near_names import unknown_line

Format = Literal["onnx", "torch-export"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIX: dict[Format, str] = {"onnx": ".onnx", "torch-export": ".pt2"}
#: How far the file's logits may be from the student's, as a share of the largest logit, or of 1 where all are smaller.
TOLERANCE = 1e-5
_REPEATS, _WARM_UP = 200, 20
Runs = Callable[[Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class _Arcs:
    """A propagation matrix as a product over arcs, in operations that exporters know."""

    edges: Tensor
    weights: Tensor | None
    nodes: int

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"it reads {name} of a propagation, which exporters have no form for")

    @property
    def shape(self) -> tuple[int, int]:
        return (self.nodes, self.nodes)

    def __matmul__(self, x: Tensor) -> Tensor:
        source, target = self.edges
        rows = x[source]
        if self.weights is not None:
            rows = rows * self.weights[:, None]
        return torch.zeros_like(x[: self.nodes]).index_add(0, target, rows)

    matmul = __matmul__


class _TracedGraph:
    """What the models read of a `Graph`, made of tensors alone while an exporter looks on."""

    def __init__(self, features: Tensor, edges: Tensor | None) -> None:
        self.features, self.edges = features, edges
        self.node_columns: dict[str, Tensor] = {}
        self.edge_columns: dict[str, Tensor] = {}

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"it reads {name} of the graph, which exporters have no form for")

    def for_layer(self, index: int) -> _TracedGraph:
        return self

    def dense_features(self) -> Tensor:
        return self.features

    @property
    def num_nodes(self) -> int:
        return self.features.shape[0]

    num_targets = num_nodes  # nodes of one type: each is predicted

    def cached(self, key: object, make: Callable[[], Any]) -> Any:
        return make()

    cached_of_features = cached

    def propagation(self, kind: str, relation: object = None) -> _Arcs:
        """As `Graph.propagation`; equations as there."""
        if self.edges is None:
            raise NotImplementedError("a student without arcs has no propagation")
        count, edges = self.features.shape[0], self.edges
        loops = {"gcn": 1, "mean_self": 1, "mean_self_twice": 2, "sum_self": 1}.get(kind, 0)
        own = torch.arange(count, device=edges.device)
        for _ in range(loops):
            edges = torch.cat([edges, torch.stack([own, own])], dim=1)
        source, target = edges
        if kind in ("sum", "sum_self"):
            return _Arcs(edges, None, count)
        degree = torch.zeros_like(self.features[:, 0]).index_add(0, target, torch.ones_like(target).to(self.features))
        degree = degree.clamp(min=1)
        if kind in ("gcn", "symmetric"):
            scale = degree.rsqrt()
            return _Arcs(edges, scale[source] * scale[target], count)
        if kind in ("mean", "mean_self", "mean_self_twice"):
            return _Arcs(edges, (1 / degree)[target], count)
        raise NotImplementedError(f"the propagation {kind!r} has no form for exporters")


class Exported(nn.Module):
    """x [nodes, features], and for a student that reads arcs edge_index [2, arcs] int64, to logits [nodes, classes]."""

    def __init__(self, network: Model) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        graph: Any = _TracedGraph(x, edge_index)
        logits: Tensor = self.network(graph).logits
        return logits


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written and run. difference: of its logits from the student's, as `TOLERANCE` counts it, on so
    many `items`; agrees: whether that is within it; where it is not, the file was not kept. p50_ms, p95_ms: its
    latency, of one node, or of all nodes of the graph for a student that reads arcs.
    """

    file: Path
    format: Format
    items: int
    difference: float
    p50_ms: float
    p95_ms: float

    @property
    def agrees(self) -> bool:
        return self.difference <= TOLERANCE


def export(student: Student, kind: Format, file: Path, parts: Sequence[tuple[Graph, Tensor]]) -> ExportedFile:
    """Export a student to a file, run it beside the student on items ([count] int64) of graphs, and time it.

    Raises:
        UserError: as `write`; nothing is left behind.
    """
    above = file.absolute().parent
    above.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=above) as draft:
        made = Path(draft) / file.name
        write(student, kind, made, parts[0][0])
        runs = reader(kind, made)
        worst = max(difference(student, runs, graph, items) for graph, items in parts)
        checked = sum(int(items.numel()) for _, items in parts)
        told = ExportedFile(file, kind, checked, worst, *latency_ms(student, runs, parts[0][0]))
        if told.agrees:
            os.replace(made, file)
    return told


def parse_format(text: str) -> Format:
    """Raises UserError where there is no such format, or what writes it is not installed."""
    if text not in FORMATS:
        raise UserError(f"--format: {unknown_line('format', text, FORMATS)}")
    if text == "onnx" and (
        lacks := [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    ):
        raise UserError(f"--format onnx: {', '.join(lacks)} not installed; the extra 'onnx' brings them")
    return text


def write(student: Student, format_: Format, out: Path, graph: Graph) -> None:
    """Export the network; graph: an example, as the network reads it.

    Raises:
        UserError: the exporter does not know how, or the student's items are not nodes; nothing is left behind.
    """
    if student.card.network.level != "node":
        raise UserError(f"student {student.card.id} predicts {student.card.network.level}s; only nodes are exported")
    if student.card.reads.arcs:
        raise UserError(f"student {student.card.id} reads {student.card.needs}; files have no form for that")
    network = Exported(student.network).eval()
    inputs, dynamic = _example(student, graph)
    try:
        with _quiet(), torch.no_grad():
            program = torch.export.export(network, inputs, dynamic_shapes=dynamic)
            if format_ == "onnx":
                names = ["x", "edge_index"][: len(inputs)]
                done = torch.onnx.export(
                    program, inputs, input_names=names, output_names=["logits"], dynamo=True, verbose=False
                )
                assert done is not None
                done.save(str(out), external_data=False)
            else:
                torch.export.save(program, str(out))
    except Exception as error:  # exporters fail in ways of their own
        out.unlink(missing_ok=True)
        why = " ".join(str(error).split())[:200]
        raise UserError(
            f"student {student.card.id}: a {student.card.network.model} cannot be exported: {why}"
        ) from None


def reader(format_: Format, file: Path) -> Runs:
    """What runs the file: onnxruntime with one thread, or torch."""
    if format_ == "torch-export":
        module = torch.export.load(str(file)).module()
        return lambda x, edges: module(x) if edges is None else module(x, edges)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def run(x: Tensor, edges: Tensor | None) -> Tensor:
        given = {"x": x.numpy()} | ({} if edges is None else {"edge_index": edges.numpy()})
        return torch.from_numpy(session.run(None, given)[0])

    return run


@torch.no_grad()
def difference(student: Student, run: Runs, graph: Graph, items: Tensor) -> float:
    """The largest difference of the logits of items ([count] int64) of a graph, as `TOLERANCE` counts it."""
    theirs = run(*given(student, graph))[items]
    ours = student.predict(graph, items).logits
    return float((theirs - ours).abs().max() / ours.abs().max().clamp(min=1.0))


@torch.no_grad()
def latency_ms(student: Student, run: Runs, graph: Graph) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds: of one node's row, or of the whole graph where arcs are read."""
    x, edges = given(student, graph)
    rows = [x[n : n + 1] for n in range(min(len(x), 64))] if edges is None else [x]
    times = []
    for turn in range(_WARM_UP + _REPEATS if edges is None else 5 + 30):
        began = time.perf_counter()
        run(rows[turn % len(rows)], edges)
        times.append((time.perf_counter() - began) * 1e3)
    kept = times[_WARM_UP if edges is None else 5 :]
    return float(np.median(kept)), float(np.percentile(kept, 95))


def given(student: Student, graph: Graph) -> tuple[Tensor, Tensor | None]:
    """What the file reads of a graph: the features (with the column, where the student reads one), and arcs."""
    read = student.reads(student.as_graph(graph))
    return read.dense_features().float().contiguous(), read.edge_index if student.card.reads.edges else None


def _example(student: Student, graph: Graph) -> tuple[tuple[Tensor, ...], tuple[dict[int, Any], ...]]:
    x, edges = given(student, graph)
    free = torch.export.Dim.DYNAMIC
    if edges is None:
        return (x[:3],), ({0: free},)
    return (x, edges), ({0: free}, {1: free})


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters tell what is for their developers. One node counts as any number of them, and is no special case."""
    import logging

    from torch.fx.experimental import _config

    any_number = _config.patch(backed_size_oblivious=True)  # type: ignore[attr-defined] # torch puts it there on import

    former = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), any_number:
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(former)
