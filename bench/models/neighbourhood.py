"""What a model has to fetch in order to predict a few nodes: their in-neighbourhood, cut out of the graph."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix


def neighbourhood(
    graph: Graph, seeds: Tensor, hops: int, propagations: Collection[str] = ("gcn",)
) -> tuple[Graph, Tensor]:
    """The part of the graph that acts on the seeds within `hops` hops, and where the seeds stand in it.

    seeds: [count] int64 nodes, repeats allowed; hops: `Model.receptive_hops`; propagations: what will be
    asked of the part (`Model.propagations`); unless "gcn" is among them its matrix is not prepared.

    The part holds the nodes up to `hops` hops upstream and every arc into those within `hops - 1`. So the
    seeds come out as on the whole graph. The outermost nodes do not, for they lack their arcs, and nothing
    reads what becomes of them. Their degree in the whole graph, which GCN's normalisation needs, is carried
    over. The cost follows the arcs fetched, not the size of the graph, once `graph.edges_by_target` is known.
    """
    sources, _, pointers = graph.edges_by_target
    nodes = frontier = torch.unique(seeds)
    ends = [torch.stack([frontier[:0], frontier[:0]])]
    for _ in range(hops):
        arcs = _arcs_into(frontier, sources, pointers)
        ends.append(arcs)
        reached = torch.unique(arcs[0])
        frontier = reached[~torch.isin(reached, nodes, assume_unique=True)]
        if frontier.numel() == 0:
            break
        nodes = torch.cat([nodes, frontier])
    nodes = torch.sort(nodes).values
    edge_index = torch.searchsorted(nodes, torch.cat(ends, dim=1))
    part = graph.rows(nodes)
    part = Graph(part.features, edge_index, part.graph_pointers)
    if "gcn" in propagations:
        part._cache["gcn"] = _gcn_propagation(part, pointers[nodes + 1] - pointers[nodes])
    return part, torch.searchsorted(nodes, seeds)


def _arcs_into(targets: Tensor, sources: Tensor, pointers: Tensor) -> Tensor:
    """[2, arcs]: sources and targets of every arc into the given nodes, from the arcs sorted by target."""
    starts = pointers[targets]
    lengths = pointers[targets + 1] - starts
    ends = torch.cumsum(lengths, 0)
    count = int(ends[-1]) if ends.numel() else 0
    repeat = torch.repeat_interleave(torch.arange(targets.numel(), device=targets.device), lengths, output_size=count)
    places = torch.arange(count, device=targets.device) + (starts - ends + lengths)[repeat]
    return torch.stack([sources[places], targets[repeat]])


def _gcn_propagation(part: Graph, in_degrees: Tensor) -> SparseMatrix:
    """`Graph.propagation("gcn")` of the part, under the whole graph's in-degrees, [nodes], without loops."""
    features = part.features
    dtype = features.dtype if isinstance(features, Tensor) else features.values.dtype
    scale = (in_degrees + 1).to(dtype).rsqrt()
    loops = torch.arange(part.num_nodes, device=part.device)
    source, target = torch.cat([part.edge_index, torch.stack([loops, loops])], dim=1)
    shape = (part.num_nodes, part.num_nodes)
    return SparseMatrix.from_entries(target, source, scale[source] * scale[target], shape)
