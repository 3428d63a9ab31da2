"""Influence scores and features averaged over hops (InfGraND, TMLR 2026, equations 3 to 5 and 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract import Graph
from graph_distillery.methods.contract.propagation import with_loops
from graph_distillery.methods.contract.sparse import SparseMatrix

#: Hops after which the surroundings of a node are compared.
_HOPS = 2
#: Similarities that are held at once.
_HELD = 1 << 24


class Influence:
    """The node columns `influence`, [nodes], and `pooled_features`, [nodes, width], both float32.

    influence: r_i / max r, with r_i the sum over j of (s_ij - min s) / (max s - min s) and s_ij the cosine of x_i and
    row j of S^2 X. pooled_features: the mean of X, S X .. S^hops X; of no width where hops is 0. S = D^-1/2 (A + loops
    I) D^-1/2.

    On a graph with hidden nodes those alone get new features, as in the released code, and no influence, which acts in
    training alone.
    """

    @staticmethod
    def make(graph: Graph, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        propagation = _propagation(graph, settings["loops"])
        return {"influence": influence(graph, propagation), "pooled_features": _pooled(graph, propagation, settings)}

    @staticmethod
    def extend(
        made: Mapping[str, Tensor], graph: Graph, seen: Tensor, settings: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        there = seen >= 0
        known = made["influence"]
        found = known.new_zeros(graph.num_nodes)
        found[there] = known[seen[there]]
        features = _pooled(graph, _propagation(graph, settings["loops"]), settings)
        features[there] = made["pooled_features"][seen[there]]
        return {"influence": found, "pooled_features": features}


def _propagation(graph: Graph, loops: int) -> SparseMatrix:
    if loops == 1:
        return graph.propagation("gcn")
    source, target = with_loops(graph.edge_index, graph.num_nodes, loops)
    degree = torch.bincount(target, minlength=graph.num_nodes).to(graph.dtype).clamp(min=1)
    weight = (degree[source] * degree[target]).rsqrt()
    return SparseMatrix.from_entries(target, source, weight, (graph.num_nodes,) * 2)


def _pooled(graph: Graph, propagation: SparseMatrix, settings: Mapping[str, Any]) -> Tensor:
    if settings["hops"] == 0:
        return torch.empty(graph.num_nodes, 0, device=graph.device)
    state = graph.dense_features()
    total = state.clone()
    for _ in range(settings["hops"]):
        state = propagation @ state
        total += state
    return total / (settings["hops"] + 1)


def influence(graph: Graph, propagation: SparseMatrix) -> Tensor:
    """[nodes] in 0 .. 1, the greatest 1. Features without length resemble nothing: their cosines are 0.

    The extremes of all pairs come from blocks of columns, with sparse features kept sparse. No entry is below the
    least, so that the sum of a row needs none of them again: it is linear in the sum of the rows of S^2 X.
    """
    around = graph.dense_features()
    for _ in range(_HOPS):
        around = propagation @ around
    around = F.normalize(around, dim=1, eps=1e-12)
    features, nodes = _unit_rows(graph), graph.num_nodes
    least, most = float("inf"), float("-inf")
    for part in around.split(max(1, _HELD // max(nodes, 1))):
        cosines = features @ part.T.contiguous()
        least, most = min(least, float(cosines.min())), max(most, float(cosines.max()))
    direction = around.double().sum(0)
    if isinstance(features, SparseMatrix):
        whole = features.with_values(features.values.double())
        sums = (whole @ direction[:, None]).squeeze(1)
    else:
        sums = features.double() @ direction
    rows = (sums - nodes * least) / max(most - least, 1e-12)
    return (rows / rows.max().clamp(min=1e-12)).float()


def _unit_rows(graph: Graph) -> Tensor | SparseMatrix:
    features = graph.features
    if isinstance(features, Tensor):
        return F.normalize(features, dim=1, eps=1e-12)
    squares = torch.zeros(graph.num_nodes, dtype=features.values.dtype, device=graph.device)
    squares.index_add_(0, features.row_of_entry, features.values.square())
    return features.with_values(features.values / squares.sqrt().clamp(min=1e-12)[features.row_of_entry])
