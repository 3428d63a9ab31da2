"""The node column `graph_positions`: eigenvectors of the Laplacian, graph by graph (Dwivedi et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from graph_distillery.methods.artefacts.positions.spectral import laplacian_positions
from graph_distillery.methods.artefacts.positions.walks import Neighbours
from graph_distillery.methods.contract import Graph

#: Graphs up to this many nodes are decomposed whole, many at once.
_DENSE = 256
#: Entries of the matrices that are decomposed at once.
_ENTRIES = 4_000_000

#: Entries this close in size are alike; of these the first has the sign.
_ALIKE = 1e-7


class GraphPositions:
    """The node column `graph_positions`, [nodes, position_dim] float32.

    Of each graph the eigenvectors of I - D^-1/2 A D^-1/2, the least eigenvalues first but for the very first, each of
    norm 1 and with its greatest entry in size positive; columns that a graph is too small for are 0. Arcs count as
    edges, whichever way they lead. Where eigenvalues coincide the vectors are one basis of many.
    """

    @staticmethod
    def make(graph: Graph, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        return {"graph_positions": laplacian_of_graphs(graph.to("cpu"), settings["position_dim"]).to(graph.device)}

    @staticmethod
    def extend(
        made: Mapping[str, Tensor], graph: Graph, seen: Tensor, settings: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        return GraphPositions.make(graph, settings)


def laplacian_of_graphs(graph: Graph, dim: int) -> Tensor:
    """[nodes, dim] float32 of a union of graphs; see `GraphPositions`."""
    found = torch.zeros(graph.num_nodes, dim)
    if dim == 0:
        return found
    both = Neighbours.of(graph)
    scale = both.degrees.double().clamp(min=1).rsqrt()
    sizes = graph.graph_pointers.diff()
    for size in sizes[sizes > 1].unique().tolist():
        graphs = torch.nonzero(sizes == size).flatten()
        if size > _DENSE:
            for each in graphs:
                alone = Neighbours.of(graph.select_graphs(each[None]))
                found[graph.nodes_of(each[None])] = _signed(laplacian_positions(alone, dim) / size**0.5).float()
            continue
        for part in graphs.split(max(1, _ENTRIES // size**2)):
            found[graph.nodes_of(part)] = _decomposed(graph, part, both, scale, size, dim).float()
    return found


def _decomposed(graph: Graph, graphs: Tensor, both: Neighbours, scale: Tensor, size: int, dim: int) -> Tensor:
    """[nodes of these graphs, dim] float64; all of them have `size` nodes."""
    nodes = graph.nodes_of(graphs)
    place = torch.full((graph.num_nodes,), -1, dtype=torch.long)
    place[nodes] = torch.arange(nodes.numel())
    inside = place[both.rows] >= 0
    rows, columns = both.rows[inside], both.columns[inside]
    blocks = torch.zeros(nodes.numel(), size, dtype=torch.float64)
    blocks[place[rows], place[columns] % size] = scale[rows] * scale[columns]
    _, vectors = torch.linalg.eigh(blocks.view(-1, size, size))
    kept = _signed(vectors.flip(2)[:, :, 1 : dim + 1])
    out = torch.zeros(nodes.numel(), dim, dtype=torch.float64)
    out[:, : kept.shape[2]] = kept.reshape(nodes.numel(), -1)
    return out


def _signed(vectors: Tensor) -> Tensor:
    """The columns of [..., size, columns] with the entry positive that is greatest in size."""
    sizes = vectors.abs()
    greatest = (sizes > sizes.amax(dim=-2, keepdim=True) - _ALIKE).int().argmax(dim=-2, keepdim=True)
    return vectors * torch.where(vectors.gather(-2, greatest) < 0, -1.0, 1.0)
