"""GraphSAGE on full or sampled neighbourhoods (Hamilton et al., NeurIPS 2017)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.blocks import BLOCK, Block
from graph_distillery.bench.models.gcn.model import PropagatedLinear
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, first_rows
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level
from graph_distillery.methods.contract.propagation import PropagationKind
from graph_distillery.methods.contract.sparse import SparseMatrix


class SAGEHyperparameters(ModelHyperparameters):
    aggregator: Literal["gcn", "mean"] = Field(
        "gcn", description="gcn: one weight on the mean over a node and its neighbours; mean: a weight each"
    )
    fan_out: str | None = Field(
        None,
        description="neighbours drawn per node in training, as 5 or 5,10, a number per layer, the layer nearest the "
        "input first; null reads them all, as inference always does",
    )
    self_loops: bool = Field(
        False,
        description="each node is its own neighbour too, in its graph and among those drawn, as in GLNN's released "
        "code; under the aggregator gcn it then counts twice",
    )

    block: Block = BLOCK

    @field_validator("fan_out", mode="before")
    @classmethod
    def _one_count(cls, value: object) -> object:
        """A bare number, as YAML reads `fan_out: 5`."""
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _check_fan_out(self) -> SAGEHyperparameters:
        if self.fan_out is not None:
            if self.block != "plain":
                raise ValueError(f"block {self.block!r} reads all neighbours; fan_out is for plain")
            parts = self.fan_out.split(",")
            if not all(part.strip().isdecimal() and 0 < int(part) <= 1_000_000 for part in parts):
                raise ValueError(f"fan_out {self.fan_out!r}: expected counts of at least 1, as 5 or 5,10")
            if len(parts) not in (1, self.layers):
                raise ValueError(f"fan_out {self.fan_out!r} names {len(parts)} layers and the model has {self.layers}")
        return self

    def neighbours_per_layer(self) -> tuple[int, ...] | None:
        """The counts that `fan_out` names, one per layer."""
        if self.fan_out is None:
            return None
        counts = tuple(int(part) for part in self.fan_out.split(","))
        return counts * self.layers if len(counts) == 1 else counts


class MeanConvolution(Convolution):
    """x W_self + (D^-1 A x) W_neighbours + b; a node without in-neighbours keeps its own term alone."""

    def __init__(self, in_features: int, out_features: int, kind: PropagationKind = "mean") -> None:
        super().__init__()
        self.kind = kind
        self.narrows = out_features < in_features
        self.width = min(in_features, out_features)
        self.itself = FeatureLinear(in_features, out_features, initialisation="glorot-relu")
        self.neighbours = FeatureLinear(in_features, out_features, bias=False, initialisation="glorot-relu")

    def forward(self, graph: Graph, x: Features) -> Tensor:
        matrix = graph.propagation(self.kind)
        own = first_rows(self.itself(x), matrix.shape[0])
        if self.narrows or isinstance(x, SparseMatrix):
            return own + matrix @ self.neighbours(x)
        return torch.addmm(own, matrix @ x, self.neighbours.weight)

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
        self.fan_out, self.self_loops = hyper.neighbours_per_layer(), hyper.self_loops

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        if self.hyper.aggregator == "mean":
            return MeanConvolution(in_features, out_features, "mean_self" if self.hyper.self_loops else "mean")
        linear = FeatureLinear(in_features, out_features, bias=False, initialisation="glorot-relu")
        kind: PropagationKind = "mean_self_twice" if self.hyper.self_loops else "mean_self"
        return PropagatedLinear(in_features, out_features, kind, linear)
