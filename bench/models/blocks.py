"""The layer of tunedGNN: a convolution and a linear map of the same state, added before norm and activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field
from torch import Tensor

from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, first_rows
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph

#: Makes a convolution of these widths.
MakeConvolution = Callable[[int, int], Convolution]
Block = Literal["plain", "tuned", "tuned-projected"]
BLOCK: Any = Field(
    "plain",
    description="tuned: as tunedGNN, a linear map in each residual, the first layer's too, before the norm; ReLU; "
    "dropout of hidden states alone; a linear output layer. tuned-projected: the features are mapped to hidden first",
)


class TunedLayer(Convolution):
    """convolution(x) + x S + s, without the second term where there is no residual; x may be projected before.

    Luo et al., NeurIPS 2024, Classic GNNs are Strong Baselines: Reassessing GNNs for Node Classification.

    projected: the width that the features are mapped to, with dropout p, before the convolution reads them; or None.
    """

    def __init__(
        self,
        make: MakeConvolution,
        in_features: int,
        out_features: int,
        *,
        residual: bool,
        projected: int | None = None,
        p: float = 0.0,
    ) -> None:
        super().__init__()
        self.p = p
        self.projection = None if projected is None else FeatureLinear(in_features, projected)
        width = projected or in_features
        self.convolution = make(width, out_features)
        self.skip = FeatureLinear(width, out_features) if residual else None
        self.hops = self.convolution.hops

    def forward(self, graph: Graph, x: Features) -> Tensor:
        if self.projection is not None:
            x = dropout(self.projection(x), self.p, self.training)
        out: Tensor = self.convolution(graph, x)
        if self.skip is not None:  # of sampled neighbourhoods the targets come first
            out = out + first_rows(self.skip(x), out.shape[0])
        return out

    def macs(self, nodes: int, edges: int) -> int:
        maps = sum(each.macs(nodes) for each in (self.projection, self.skip) if each is not None)
        return maps + self.convolution.macs(nodes, edges)
