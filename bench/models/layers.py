"""The pieces that every model is made of: dropout, linear maps of dense or sparse features, readout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.dense_product import product
from graph_distillery.methods.vectorised import program

Features = Tensor | SparseMatrix
#: From so many elements on a state is activated in the memory that it stands in.
_LARGE = 1 << 22
#: What `propagated` keeps its products under.
_PROPAGATED = "propagated"
Initialisation = Literal["uniform", "glorot", "glorot-relu"]
Readout = Literal["mean", "sum", "max", "max-mean"]


def drop_features(x: Features, p: float, training: bool) -> Features:
    """Dropout of features; in a sparse matrix only the stored values need a draw."""
    if isinstance(x, Tensor):
        return dropout(x, p, training)
    if not training or p == 0:
        return x
    x.transposed_places()  # worked out once here, shared by every matrix with dropped values
    if (several := program()) is not None:
        x.repeated(several.count)
    return x.with_values(dropout(x.values, p, training))


def first_rows(x: Tensor, rows: int) -> Tensor:
    """The first rows of x, as many as are asked for; x itself where it has no more, which autograd need not copy."""
    return x if x.shape[0] == rows else x[:rows]


class FeatureLinear(nn.Module):
    """x W + b for dense or sparse x.

    weight: [in, out], the transpose of nn.Linear's, so that a CSR product reads it as it lies; bias: [out].
    initialisation: uniform, as nn.Linear, in ±1/sqrt(in), the bias too; glorot, Xavier-uniform of gain 1,
        bias 0; glorot-relu, the same of gain sqrt(2).
    """

    bias: Tensor | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        initialisation: Initialisation = "uniform",
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.register_parameter("bias", nn.Parameter(torch.zeros(out_features)) if bias else None)
        if initialisation == "uniform":
            bound = 1 / math.sqrt(max(in_features, 1))
            nn.init.uniform_(self.weight, -bound, bound)
            if self.bias is not None:
                nn.init.uniform_(self.bias, -bound, bound)
        else:
            nn.init.xavier_uniform_(self.weight, gain=math.sqrt(2) if initialisation == "glorot-relu" else 1.0)

    def forward(self, x: Features) -> Tensor:
        """[rows, in] -> [rows, out]"""
        if isinstance(x, SparseMatrix):
            rows = x @ self.weight
            return rows if self.bias is None else rows.add_(self.bias)
        return product(x, self.weight, self.bias)

    def macs(self, rows: int) -> int:
        return rows * self.in_features * self.out_features


def propagated(matrix: SparseMatrix, graph: Graph, x: Tensor) -> Tensor:
    """matrix @ x, [rows, width]; kept with the graph where x are its own features as they are, which no epoch changes.

    Not where a gradient goes to them, as data-free methods have it, whose optimiser changes them in place.
    """
    if x is not graph.features or x.requires_grad or program() is not None:
        return matrix @ x
    return graph.cached_of_features((_PROPAGATED, id(matrix)), lambda: (matrix, matrix @ x))[1]


def unpropagated(graph: Graph) -> Graph:
    """The same graph as one that was never read: its time is to be taken with every product."""
    kept = {
        key: made for key, made in graph._feature_cache.items() if not (isinstance(key, tuple) and _PROPAGATED in key)
    }
    return replace(graph, _feature_cache=kept)


def may_overwrite(x: Tensor, maker: nn.Module) -> bool:
    """Whether what a layer or a norm just made may be changed in place: where it is large, and no hook has seen it.

    At 170,000 nodes of 256 units an activation in a place of its own is 170 MB more, written and read again.
    """
    if x.numel() < _LARGE or program() is not None:
        return False
    owned = maker.may_overwrite if isinstance(maker, Convolution) else isinstance(maker, (nn.BatchNorm1d, nn.LayerNorm))
    return owned and not any(part._forward_hooks or part._backward_hooks for part in maker.modules())


class Convolution(nn.Module):
    """One layer of a network: reads each node and, where `hops` is 1, its in-neighbours.

    may_overwrite: what a forward returns is in memory of its own and no gradient needs it, so that it may be changed in
    place.
    """

    hops: int = 1
    may_overwrite: ClassVar[bool] = False

    def forward(self, graph: Graph, x: Features) -> Tensor:
        """[nodes, in] -> [nodes, out]"""
        raise NotImplementedError

    @staticmethod
    def several(layers: Sequence[Any], graph: Graph, states: Sequence[Features]) -> list[Tensor]:
        """What layers of one kind and size make, each of its own input."""
        return [layer(graph, state) for layer, state in zip(layers, states, strict=True)]

    def macs(self, nodes: int, edges: int) -> int:
        """Multiply-accumulates of one forward, as `Model.macs` counts them."""
        raise NotImplementedError


class Dense(Convolution):
    """x W + b: each node alone."""

    hops = 0
    may_overwrite = True

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.linear = FeatureLinear(in_features, out_features)

    def forward(self, graph: Graph, x: Features) -> Tensor:
        out: Tensor = self.linear(x)
        return out

    def macs(self, nodes: int, edges: int) -> int:
        return self.linear.macs(nodes)


def readout_width(width: int, how: Readout) -> int:
    """The width of what `readout` gives."""
    return 2 * width if how == "max-mean" else width


def readout(x: Tensor, graph: Graph, how: Readout) -> Tensor:
    """[nodes, width] -> [graphs, width], twice the width for max-mean; a graph without nodes reads 0."""
    if how == "max-mean":
        return torch.cat([readout(x, graph, "max"), readout(x, graph, "mean")], dim=1)
    if how == "max":
        out = x.new_zeros(graph.num_graphs, x.shape[1])
        # A copy: the graph may have made its own in inference mode, and autograd keeps this one.
        index = graph.graph_of_node.clone()[:, None].expand_as(x)
        return out.scatter_reduce(0, index, x, "amax", include_self=False)
    return _readout_matrix(graph, how, x.dtype) @ x


def pair_states(x: Tensor, graph: Graph) -> Tensor:
    """[nodes, width] -> [pairs, width]: the product of both ends' states, for every pair that the graph asks about."""
    ends = graph.asked_pairs
    return x.index_select(0, ends[:, 0]) * x.index_select(0, ends[:, 1])


class PairScorer(nn.Module):
    """[pairs, width] -> [pairs, classes]: two linear layers with ReLU and dropout between, on the product of both
    ends' states, as LLP (Guo et al., ICML 2023) scores pairs."""

    def __init__(self, width: int, out_features: int, p: float) -> None:
        super().__init__()
        self.hidden, self.output, self.p = FeatureLinear(width, width), FeatureLinear(width, out_features), p

    def forward(self, product: Tensor) -> Tensor:
        scores: Tensor = self.output(dropout(torch.relu(self.hidden(product)), self.p, self.training))
        return scores

    def macs(self, rows: int) -> int:
        return self.hidden.macs(rows) + self.output.macs(rows)


def _readout_matrix(graph: Graph, how: Readout, dtype: torch.dtype) -> SparseMatrix:
    """[graphs, nodes]: the sum or the mean over each graph's nodes; built once per graph."""

    def make() -> SparseMatrix:
        nodes = torch.arange(graph.num_nodes + 1, device=graph.device)
        owner = graph.graph_of_node
        values = torch.ones(graph.num_nodes, dtype=dtype, device=graph.device)
        if how == "mean":
            values = values / graph.graph_pointers.diff()[owner]
        shape = (graph.num_graphs, graph.num_nodes)
        matrix = SparseMatrix(graph.graph_pointers, nodes[:-1], values, shape)
        return matrix.knowing(row_of_entry=owner, transpose=(nodes, owner, nodes[:-1]))

    return graph.cached(("readout", how, dtype), make)


def make_norm(kind: Literal["none", "batch", "layer"], width: int) -> nn.Module:
    """The normalisation of a hidden state of this width."""
    if kind == "batch":
        return nn.BatchNorm1d(width)
    return nn.LayerNorm(width) if kind == "layer" else nn.Identity()
