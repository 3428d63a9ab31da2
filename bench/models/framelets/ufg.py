"""The teachers of framelet distillation: spatial and simplified framelet convolutions (Shi et al., 2023)."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.bench.models.base import ModelHyperparameters
from graph_distillery.bench.models.framelets.base import (
    FrameletHyperparameters,
    FrameletModel,
    PlainFrameletHyperparameters,
    check_level,
    feature_dtype,
    settings_of,
)
from graph_distillery.bench.models.framelets.operators import FrameletSettings, FrameletSystem, framelet_system
from graph_distillery.bench.models.layers import Convolution, FeatureLinear, Features, drop_features
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level


def _per_band(in_features: int, out_features: int, settings: FrameletSettings) -> nn.ModuleList:
    return nn.ModuleList(
        FeatureLinear(in_features, out_features, bias=False, initialisation="glorot") for _ in range(settings.bands)
    )


def _side_by_side(linears: nn.ModuleList, system: FrameletSystem) -> tuple[tuple[int, ...], Tensor]:
    """All bands in the order of the system, and their weights, [in, bands * out]."""
    bands = system.in_order(range(len(linears)))
    return bands, torch.cat([linears[band].weight for band in bands], dim=1)  # type: ignore[misc]


def _summed(bias: Tensor, x: Tensor, bands: int) -> Tensor:
    """The bias and the parts of all bands, [nodes, bands * out], added up to [nodes, out]."""
    return sum(x.chunk(bands, dim=1), start=bias)


class SpatialHyperparameters(FrameletHyperparameters):
    centred: bool = Field(
        False,
        description="take the mean over the nodes from what the rectifier reads, and add a bias; not of the paper",
    )


class SpatialFramelets(Convolution):
    """sum_r W_r ReLU(P_r) + b with P_r = A_r W_r x T_r, a weight T_r for every band.

    centred: P_r - mean over the nodes + c_r in the place of P_r, c_r starting at 0. On features that most nodes share
    (the words of Amazon's reviews) a column of P_r has one sign on all nodes and moves as one, so that the rectifier
    shuts or opens it whole: shut columns have no gradient and stay shut. With their mean taken away none can be shut.
    """

    def __init__(self, in_features: int, out_features: int, settings: FrameletSettings, centred: bool = False) -> None:
        super().__init__()
        self.settings, self.out_features = settings, out_features
        self.linears = _per_band(in_features, out_features, settings)
        self.bias = nn.Parameter(torch.zeros(out_features))
        self.inner = nn.Parameter(torch.zeros(settings.bands * out_features)) if centred else None

    def forward(self, graph: Graph, x: Features) -> Tensor:
        system = framelet_system(graph, self.settings, feature_dtype(graph))
        bands, weights = _side_by_side(self.linears, system)
        inside = system.spread(bands, system.apply(bands, x @ weights))
        if self.inner is not None:
            inside = inside - inside.mean(dim=0) + self.inner
        return _summed(self.bias, system.apply(bands, F.relu(inside)), len(bands))

    def macs(self, nodes: int, edges: int) -> int:
        maps = sum(linear.macs(nodes) for linear in self.linears)  # type: ignore[operator]
        products = sum(1 + 2 * self.settings.products(band) for band in range(self.settings.bands))
        return int(maps) + products * (edges + nodes) * self.out_features


class SpatUFG(FrameletModel):
    """Layers of spatial framelet convolutions; the ReLU stands inside of them, dropout between them."""

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = SpatialHyperparameters

    def __init__(self, in_features: int, out_features: int, hyper: ModelHyperparameters, level: Level = "node") -> None:
        check_level(level)
        self.settings = settings_of(hyper)
        self.centred = isinstance(hyper, SpatialHyperparameters) and hyper.centred
        super().__init__(in_features, out_features, hyper, level)

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        return SpatialFramelets(in_features, out_features, self.settings, self.centred)

    def activate(self, x: Tensor) -> Tensor:
        return x


class SimplifiedHyperparameters(PlainFrameletHyperparameters):
    layers: int = Field(2, ge=1, description="l, the power of W^T A W")
    hidden: int = Field(8, ge=1, description="not read: this model has no hidden state")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout of the features")


class SUFG(FrameletModel):
    """sum_r (W_r^T A_r W_r)^l x T_r + b with l = `layers`: one linear map a band; no hidden state, no `hidden`."""

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = SimplifiedHyperparameters

    def __init__(self, in_features: int, out_features: int, hyper: ModelHyperparameters, level: Level = "node") -> None:
        self._claim(in_features, out_features, hyper, level)
        self.linears = _per_band(in_features, out_features, self.settings)
        self.bias = nn.Parameter(torch.zeros(out_features))

    def forward(self, graph: Graph) -> Output:
        system, power = self.system(graph), self.hyper.layers
        features = drop_features(graph.features, self.hyper.dropout, self.training)
        bands, weights = _side_by_side(self.linears, system)
        return Output(_summed(self.bias, system.knowledge(bands, power, features @ weights), len(bands)))

    def macs(self, nodes: int, edges: int, graphs: int = 1) -> int:
        maps = self.settings.bands * nodes * self.in_features * self.out_features
        products = sum(1 + 2 * self.settings.products(band) for band in range(self.settings.bands))
        return maps + self.hyper.layers * products * (edges + nodes) * self.out_features
