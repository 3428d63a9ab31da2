"""The node column `positions`, of the observed graph, and of nodes that were not in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from graph_distillery.methods.artefacts.positions.skip_gram import SkipGram, train_skip_gram
from graph_distillery.methods.artefacts.positions.spectral import laplacian_positions, netmf_positions
from graph_distillery.methods.artefacts.positions.walks import Neighbours, random_walks
from graph_distillery.methods.contract import Graph

#: Walks and skip-gram draw from a stream of their own, the same for all that share the positions.
_SEED = 0


class Positions:
    """The node column `positions`, [nodes, position_dim] float32; of `none` [nodes, 0].

    position: `deepwalk` (Perozzi et al., KDD 2014), skip-gram with negative sampling in the place of the hierarchical
    softmax; `netmf` (Qiu et al., WSDM 2018); `laplacian`, eigenvectors of its symmetric normalisation (Dwivedi et al.,
    2020), each of mean square 1. Arcs count as edges, whichever way they lead. A node without any has zeros.

    A node that the observed graph does not have gets the mean over its neighbours that the observed graph has, and
    zeros where it has none (Tian et al., ICLR 2023, section 3.2); the others keep what they have.
    """

    @staticmethod
    def make(graph: Graph, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        kind, dim, window = settings["position"], settings["position_dim"], settings["window"]
        neighbours = Neighbours.of(graph.to("cpu"))
        if kind == "none":
            found = torch.zeros(graph.num_nodes, 0)
        elif kind == "laplacian":
            found = laplacian_positions(neighbours, dim)
        elif kind == "netmf":
            found = netmf_positions(neighbours, dim, window)
        else:
            generator = torch.Generator().manual_seed(_SEED)
            walks = random_walks(neighbours, settings["walks"], settings["walk_length"], generator)
            wanted = SkipGram(dim, window, settings["walk_epochs"])
            found = train_skip_gram(walks, graph.num_nodes, wanted, generator)
        found[neighbours.degrees == 0] = 0
        return {"positions": found.float()}

    @staticmethod
    def extend(
        made: Mapping[str, Tensor], graph: Graph, seen: Tensor, settings: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        known = made["positions"]
        there = seen >= 0
        found = known.new_zeros(graph.num_nodes, known.shape[1])
        found[there] = known[seen[there]]
        neighbours = Neighbours.of(graph)
        inner, outer = neighbours.columns, neighbours.rows
        counted = there[inner] & ~there[outer]
        inner, outer = inner[counted], outer[counted]
        count = torch.bincount(outer, minlength=graph.num_nodes).clamp(min=1)
        means = torch.zeros_like(found).index_add_(0, outer, found[inner]) / count[:, None]
        return {"positions": torch.where(there[:, None], found, means)}
