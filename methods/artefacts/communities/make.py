"""The node column `communities`, by Louvain's method (Blondel et al., 2008) as networkx has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from graph_distillery.methods.contract import Graph

#: The method visits nodes in an order that is drawn; the same for every graph.
_SEED = 0


class Communities:
    """The node column `communities`, [nodes] int64: which community of its graph a node is in.

    Those of a graph are numbered from 0 in the order of their first nodes. Arcs count as edges, whichever way they
    lead; a node without any is alone. resolution: above 1 favours smaller ones.
    """

    @staticmethod
    def make(graph: Graph, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        found = torch.zeros(graph.num_nodes, dtype=torch.long)
        owner = graph.graph_of_node[graph.edge_index[0]].cpu()
        order = torch.argsort(owner, stable=True)
        counts = torch.bincount(owner, minlength=graph.num_graphs).tolist()
        arcs = graph.edge_index.cpu()[:, order].split(counts, dim=1)
        starts = graph.graph_pointers.tolist()
        for number, own in enumerate(arcs):
            first, end = starts[number], starts[number + 1]
            found[first:end] = louvain(own - first, end - first, settings["resolution"])
        return {"communities": found.to(graph.device)}

    @staticmethod
    def extend(
        made: Mapping[str, Tensor], graph: Graph, seen: Tensor, settings: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        return Communities.make(graph, settings)


def louvain(arcs: Tensor, nodes: int, resolution: float) -> Tensor:
    """[nodes] int64: the community of each node of one graph, [2, arcs] int64."""
    import networkx as nx

    network = nx.Graph()
    network.add_nodes_from(range(nodes))
    network.add_edges_from(arcs.T.tolist())
    found = torch.zeros(nodes, dtype=torch.long)
    communities = nx.community.louvain_communities(network, resolution=resolution, seed=_SEED) if nodes else []
    for number, members in enumerate(sorted(communities, key=min)):
        found[sorted(members)] = number
    return found
