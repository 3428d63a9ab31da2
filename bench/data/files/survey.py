"""What a graph of one's own is like, and what to try on it: counts, degrees, classes, homophily, and a first spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from graph_distillery.bench.data.checks import remarks
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.links.pairs import FIXED, PRODUCTION, hides_edges
from graph_distillery.methods.contract.graph import Graph

#: Arcs between equal labels, beyond chance, below which neighbours say little of a class (adjusted homophily).
HETEROPHILOUS = 0.2
#: Nodes from which on a graph counts as large, and below which as small.
LARGE, SMALL = 50_000, 5_000


@dataclass(frozen=True)
class Proposal:
    """What to begin with, and why; `settings` are those of the teachers, `student` those of the model `learner`."""

    split: str
    teachers: tuple[str, ...]
    settings: Mapping[str, Any]
    student: Mapping[str, Any]
    why: tuple[str, ...]
    learner: str = "mlp"
    methods: tuple[str, ...] = ("supervised", "kd", "glnn")


def facts(dataset: Dataset) -> dict[str, Any]:
    """By name: counts, degrees (of arcs that reach a node), density of features, components, classes, homophily."""
    graph = dataset.graph
    found: dict[str, Any] = {
        "graphs": graph.num_graphs,
        "nodes": graph.num_nodes,
        "arcs": graph.num_edges,
        "undirected": _undirected(graph),
        "features": graph.num_features,
        "feature_density": _density(graph),
        "degrees": _degrees(graph),
        "components": _components(graph),
        "edge_columns": {name: list(column.shape[1:]) for name, column in graph.edge_columns.items()},
        "classes": dataset.num_classes,
        "class_counts": _class_counts(dataset),
        "own_splits": len(dataset.fixed_splits.get("public", ())),
        "changed": remarks(dataset),
        "sha256": dataset.sha256,
    }
    if dataset.level == "node" and dataset.labels.dim() == 1:
        found["homophily"], found["adjusted_homophily"] = homophily(graph, dataset.labels)
    return found


def homophily(graph: Graph, labels: Tensor) -> tuple[float | None, float | None]:
    """The share of arcs between labelled nodes that join equal labels; and adjusted for what chance would give by the
    classes' degrees (Platonov et al., NeurIPS 2023, "Characterizing Graph Datasets for Node Classification", section
    2.2). None where there is no such arc, or one class alone."""
    ends = labels[graph.edge_index]
    ends = ends[:, (ends >= 0).all(dim=0)]
    if not ends.numel():
        return None, None
    share = float((ends[0] == ends[1]).double().mean())
    degrees = torch.bincount(ends.flatten()).double()
    chance = float((degrees / degrees.sum()).square().sum())
    return share, None if chance >= 1 else (share - chance) / (1 - chance)


def kinds(dataset: Dataset) -> tuple[tuple[str, ...], str]:
    """Of what kinds a graph is, by homophily and size, as search spaces name them; and the figures that say so.

    `homophilous` or `heterophilous` (adjusted homophily below 0.2), neither where classes have none; `small`, `large`
    or, between them, `medium`. Sets of whole graphs are of no kind.
    """
    if dataset.level != "node":
        return (), "whole graphs"
    nodes = dataset.graph.num_nodes
    size = "large" if nodes >= LARGE else "small" if nodes < SMALL else "medium"
    adjusted = homophily(dataset.graph, dataset.labels)[1] if dataset.labels.dim() == 1 else None
    if adjusted is None:
        return (size,), f"{nodes:,} nodes"
    phily = "heterophilous" if adjusted < HETEROPHILOUS else "homophilous"
    return (phily, size), f"adjusted homophily {adjusted:.2f}, {nodes:,} nodes"


def proposal(dataset: Dataset) -> Proposal:
    """What to begin with, by kind and size of the graph."""
    graph, why = dataset.graph, []
    split, reason = _split(dataset)
    why.append(f"split {split}: {reason}")
    settings: dict[str, Any] = {"hidden": 64, "layers": 2, "dropout": 0.5}
    student: dict[str, Any] = {"hidden": 128, "layers": 2}
    if dataset.level == "graph":
        why.append("gin: whole graphs are told apart by sums over nodes")
        deep = {"hidden": 64, "layers": 3, "dropout": 0.1}
        return Proposal(split, ("gin",), deep, {"hidden": 64}, tuple(why), "gcn", ("supervised", "kd"))
    if dataset.level == "pair":
        why.append(
            "sage of two layers and an MLP, both as LLP (Guo et al., ICML 2023) has them; heuristics beside them"
        )
        wide = {"hidden": 256, "layers": 2, "dropout": 0.5}
        methods = ("supervised", "kd", "llp", "common-neighbours", "katz")
        return Proposal(split, ("sage",), {**wide, "aggregator": "mean"}, wide, tuple(why), "mlp", methods)
    teachers: tuple[str, ...] = ("gcn", "sage")
    adjusted = homophily(graph, dataset.labels)[1] if dataset.labels.dim() == 1 else None
    if adjusted is not None and adjusted < HETEROPHILOUS:
        teachers = ("sage",)
        settings = {"hidden": 128, "layers": 4, "dropout": 0.2, "norm": "layer", "residual": True, "epochs": 500}
        why.append(
            f"sage, deep, with norm and residual: neighbours say little of a class (adjusted homophily "
            f"{adjusted:.2f}); tunedGNN (Luo et al., NeurIPS 2024) searches just these"
        )
    elif adjusted is not None:
        why.append(f"gcn and sage: neighbours tell of a class (adjusted homophily {adjusted:.2f})")
    if "attributes" in graph.edge_columns:
        teachers = (*teachers, "gat")
        why.append("gat: it reads the edges' attributes, as gine does")
    if graph.num_nodes >= LARGE:
        settings |= {"hidden": 256, "layers": max(3, settings["layers"]), "norm": "batch"}
        student = {"hidden": 512, "layers": 3}
        why.append(f"wide, 3 layers, batch norm: {graph.num_nodes:,} nodes, as GLNN on ogbn-arxiv")
    elif graph.num_nodes < SMALL:
        why.append(
            f"hidden {settings['hidden']}, dropout {settings['dropout']}: a small graph, {graph.num_nodes:,} nodes"
        )
    return Proposal(split, teachers, settings, student, tuple(why))


def spec_text(name: str, source: Mapping[str, Any], found: Proposal) -> str:
    """A spec that begins so, as YAML."""
    content = {
        "name": f"{name}-students",
        "datasets": [{**source, "name": name, "split": found.split}],
        "teachers": [{"model": teacher, **_fitting(teacher, found.settings)} for teacher in found.teachers],
        "students": [{"model": found.learner, **found.student}],
        "methods": list(found.methods),
        "search": {"trials": 20},
        "report": {"seeds": 5},
    }
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None)


def _fitting(teacher: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if not (teacher.startswith("pyg:") and name == "residual")}


def _split(dataset: Dataset) -> tuple[str, str]:
    if "public" in dataset.fixed_splits:
        return "public", "the file's own masks"
    if dataset.level == "graph":
        return "kfold-10", "whole graphs, ten folds"
    if dataset.level == "pair" and hides_edges(dataset):
        return FIXED, f"LLP's; in {PRODUCTION} a tenth of the nodes is new"
    return "random-60-20-20", "there are no masks; sealed-60-20-20 keeps one test set for all seeds"


def _undirected(graph: Graph) -> bool:
    source, target = graph.edge_index
    codes, reverse = source * graph.num_nodes + target, target * graph.num_nodes + source
    return bool(torch.equal(torch.sort(codes).values, torch.sort(reverse).values))


def _density(graph: Graph) -> float:
    features = graph.features
    entries = features.count_nonzero() if isinstance(features, Tensor) else features.values.count_nonzero()
    return float(entries) / (graph.num_nodes * graph.num_features)


def _degrees(graph: Graph) -> dict[str, float]:
    degrees = graph.in_degrees().double()
    return {
        "mean": float(degrees.mean()),
        "median": float(degrees.median()),
        "most": float(degrees.max()),
        "none": int((degrees == 0).sum()),
    }


def _components(graph: Graph) -> dict[str, float]:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    source, target = graph.edge_index.numpy()
    adjacency = coo_matrix((np.ones(source.size, bool), (source, target)), shape=(graph.num_nodes,) * 2)
    count, member = connected_components(adjacency, directed=False)
    return {"count": int(count), "largest_share": float(np.bincount(member).max()) / graph.num_nodes}


def _class_counts(dataset: Dataset) -> list[int]:
    if dataset.labels.dim() > 1:
        return [int(count) for count in dataset.labels.sum(dim=0).tolist()]
    labels = dataset.labels[dataset.labels >= 0]
    return [int(count) for count in torch.bincount(labels, minlength=dataset.num_classes).tolist()]
