"""GraphSAGE on full or sampled neighbourhoods (Hamilton et al., NeurIPS 2017)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.blocks import BLOCK, Block
from graph_distillery.bench.models.fan_out import SampledHyperparameters
from graph_distillery.bench.models.gcn.model import PropagatedLinear
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, first_rows, propagated
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level
from graph_distillery.methods.contract.propagation import PropagationKind
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.dense_product import product


class SAGEHyperparameters(SampledHyperparameters):
    aggregator: Literal["gcn", "mean"] = Field(
        "gcn", description="gcn: one weight on the mean over a node and its neighbours; mean: a weight each"
    )
    self_loops: bool = Field(
        False,
        description="each node is its own neighbour too, in its graph and among those drawn, as in GLNN's released "
        "code; under the aggregator gcn it then counts twice",
    )

    block: Block = BLOCK


class MeanConvolution(Convolution):
    """x W_self + (D^-1 A x) W_neighbours + b; a node without in-neighbours keeps its own term alone."""

    may_overwrite = True

    def __init__(self, in_features: int, out_features: int, kind: PropagationKind = "mean") -> None:
        super().__init__()
        self.kind = kind
        self.narrows = out_features < in_features
        self.width = min(in_features, out_features)
        self.itself = FeatureLinear(in_features, out_features, initialisation="glorot-relu")
        self.neighbours = FeatureLinear(in_features, out_features, bias=False, initialisation="glorot-relu")

    def forward(self, graph: Graph, x: Features) -> Tensor:
        matrix = graph.propagation(self.kind)
        rows = matrix.shape[0]
        if isinstance(x, Tensor) and rows < x.shape[0] and not self.training:
            own: Tensor = self.itself(x[:rows])
        else:
            own = first_rows(self.itself(x), rows)
        if self.narrows or isinstance(x, SparseMatrix):
            return own + matrix @ self.neighbours(x)
        return product(propagated(matrix, graph, x), self.neighbours.weight, own)

    def macs(self, nodes: int, edges: int) -> int:
        return self.itself.macs(nodes) + self.neighbours.macs(nodes) + edges * self.width


class SAGE(Model):
    """Layers of one mean aggregator; dropout on hidden states alone, as in DGL's example and GLNN's teachers.

    `gcn` is DGL's aggregator of that name, (x_i + sum of the neighbours) / (degree + 1) before the weight,
    which GLNN's teachers use. No L2 normalisation. Glorot initialisation with gain sqrt(2), as DGL.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = SAGEHyperparameters
    reads_blocks: ClassVar[bool] = True

    def __init__(self, in_features: int, out_features: int, hyper: SAGEHyperparameters, level: Level = "node") -> None:
        super().__init__(in_features, out_features, hyper, level)
        self.self_loops = hyper.self_loops

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        if self.hyper.aggregator == "mean":
            return MeanConvolution(in_features, out_features, "mean_self" if self.hyper.self_loops else "mean")
        linear = FeatureLinear(in_features, out_features, bias=False, initialisation="glorot-relu")
        kind: PropagationKind = "mean_self_twice" if self.hyper.self_loops else "mean_self"
        return PropagatedLinear(in_features, out_features, kind, linear)
