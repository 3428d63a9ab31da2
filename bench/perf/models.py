"""The speed of single models against stacks of PyG's own layers (`references`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch

from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.perf.timing import PerfRow, our_epoch, ratio_row, stock_epoch
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.problem import ProblemKey, load_problem

#: Papers that share an author, and those that share a subject.
_PATHS = "paper-author>author-paper|paper-subject>subject-paper"
_SETTINGS: Mapping[str, dict[str, Any]] = {
    "han": {"layers": 3, "hidden": 64, "heads": 8, "activation": "relu", "metapaths": _PATHS},
    "hgt": {"layers": 4, "hidden": 64, "heads": 8},
}


def _typed(name: Literal["han", "hgt"]) -> PerfRow:
    """An epoch on ACM as HGB has it, whose papers have 2.2 million pairs of one subject and 548 thousand arcs."""
    from graph_distillery.bench.perf.references.typed import StockHAN, StockHGT

    problem = load_problem(ProblemKey("hgb-acm", "hgb", "transductive"), 0)
    graph, hyper = problem.training.graph, {**_SETTINGS[name]}
    assert graph.types is not None
    if name == "han":  # PyG's attention over meta-paths is as wide as the states
        hyper["semantic"] = hyper["hidden"]
    torch.manual_seed(0)
    sizes = graph.num_features, problem.training.task.num_classes
    model = build_model(name, *sizes, hyper, num_nodes=graph.num_nodes, types=graph.types).eval()
    stock = (StockHAN if name == "han" else StockHGT)(model, graph).eval()
    with torch.inference_mode():
        torch.testing.assert_close(model(graph).logits, stock(), atol=1e-5, rtol=1e-5)
    settings = {**hyper, "dropout": 0.0, "lr": 0.001, "weight_decay": 0.0}
    ours = our_epoch(Configuration("supervised", student=name, student_hyper=settings), problem, None)
    layer = "HANConv, papers by author and by subject" if name == "han" else "two HGTConv"
    read = "all nodes" if name == "han" else "what labelled and validation papers read"
    detail = f"epoch + evaluation of {read}, 8 heads of 8, ACM, against PyG's {layer}, on dense features; "
    detail += "logits equal to 1e-5"
    return ratio_row(f"{name}-epoch", ours, stock_epoch(stock, (), problem), 10.0, detail, repeats=3)


def _field(name: Literal["gcn", "sage", "gat"], dataset: Literal["cora", "pubmed"], target: float) -> PerfRow:
    """An epoch of the student alone: 140 labelled nodes of Cora's 2,708, or 60 of PubMed's 19,717, and 500 to validate
    on."""
    problem = load_problem(ProblemKey(dataset, "public", "transductive"), 0)
    hyper = {"layers": 2, "hidden": 64, "dropout": 0.5}
    if name == "gat":
        hyper |= {"heads": 8, "dropout": 0.6, "attention_dropout": 0.6}
    configuration = Configuration("supervised", student=name, student_hyper=hyper)
    ours, whole = (our_epoch(configuration, problem, None, whole=whole) for whole in (False, True))
    detail = f"epoch + evaluation, 2x64 {name} on labels, {dataset}: receptive fields against the whole graph"
    return ratio_row(f"{name}-{dataset}-field", ours, whole, target, detail, repeats=15)


MODEL_ROWS: Mapping[str, Callable[[], PerfRow]] = {
    "han-epoch": lambda: _typed("han"),
    "hgt-epoch": lambda: _typed("hgt"),
    "gcn-pubmed-field": lambda: _field("gcn", "pubmed", 4.0),
    "sage-pubmed-field": lambda: _field("sage", "pubmed", 4.0),
    "gat-cora-field": lambda: _field("gat", "cora", 1.4),
}
