"""HGKD-N (AAAI 2026): HGKD whose MLP reads the means of its neighbours' features beside its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.hgkd.method import HGKD, HGKDHyperparameters


class HGKDNHyperparameters(HGKDHyperparameters):
    neighbours: bool = Field(True, description="whether neighbours' features are read")


class HGKDN(HGKD):
    """`hgkd` of an MLP that reads [x_i || sum over edge types of the mean of x_j over the in-neighbours by it].

    Features of different types of nodes stand in columns of their own, so that the sum keeps them apart. The MLP reads
    one hop of edges at inference.
    """

    Hyperparameters = HGKDNHyperparameters
    hyper: HGKDNHyperparameters

    def setup(self) -> None:
        super().setup()
        self.needs_edges = self.needs_edges or self.hyper.neighbours

    def new_student(self, num_features: int | None = None, **hyper: object) -> nn.Module:
        width = num_features or self.context.num_features
        return super().new_student(2 * width if self.hyper.neighbours else width, **hyper)

    def inputs(self, graph: Graph) -> Graph:
        return beside_neighbours(graph) if self.hyper.neighbours else graph


def beside_neighbours(graph: Graph) -> Graph:
    """The graph whose features, [nodes, width], have those means to their right; made once for a graph."""

    def make() -> Graph:
        kinds = range(len(graph.types.edges) if graph.types else 0)
        parts = [graph.propagation("mean", relation) for relation in kinds]
        means = _sum(parts, (graph.num_nodes, graph.num_nodes), [0] * len(parts))
        x = graph.features
        if isinstance(x, Tensor):
            return graph.with_features(torch.cat([x, means @ x], dim=1))
        made = SparseMatrix.from_torch(means.to_torch() @ x.to_torch())
        return graph.with_features(_sum([x, made], (x.shape[0], 2 * x.shape[1]), [0, x.shape[1]]))

    return graph.cached_of_features("beside neighbours", make)


def _sum(parts: Sequence[SparseMatrix], shape: tuple[int, int], shifts: Sequence[int]) -> SparseMatrix:
    """The sum of matrices, the columns of each moved to the right by its shift."""
    rows = torch.cat([part.row_of_entry for part in parts])
    columns = torch.cat([part.columns + shift for part, shift in zip(parts, shifts, strict=True)])
    return SparseMatrix.from_entries(rows, columns, torch.cat([part.values for part in parts]), shape)
