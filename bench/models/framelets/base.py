"""What the framelet models share: the hyperparameters of the operators, and what they cannot do."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.framelets.filters import FilterName
from graph_distillery.bench.models.framelets.operators import FrameletSettings, FrameletSystem, framelet_system
from graph_distillery.bench.models.framelets.surgery import Surgery
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level
from graph_distillery.methods.contract.sparse import SparseMatrix


class FrameletHyperparameters(ModelHyperparameters):
    """The published defaults are those of the released code, for Cora."""

    hidden: int = Field(8, ge=1, description="width of a hidden state")
    filter: FilterName = Field("haar", description="filter bank; low-pass is Haar's without its high-pass filter")
    chebyshev_order: int = Field(2, ge=2, le=100, description="terms of the Chebyshev series of a filter")
    dilation: float = Field(2.0, gt=1, description="s: ratio of the scales of two levels")
    level: int = Field(1, ge=1, le=10, description="levels of the decomposition")
    epsilon: float = Field(0.0, ge=0, description="of diag(1 / degree), off the low-pass adjacency, onto the others'")
    surgery_steps: int = Field(0, ge=0, description="steps of SDRF graph surgery before anything; 0 leaves it out")
    surgery_tau: float = Field(1.0, gt=0, description="how greedily SDRF adds edges")
    surgery_bound: float = Field(0.5, description="curvature above which SDRF removes an edge")

    def settings(self) -> FrameletSettings:
        steps = self.surgery_steps
        surgery = Surgery(steps, self.surgery_tau, self.surgery_bound) if steps else None
        return FrameletSettings(self.filter, self.chebyshev_order, self.dilation, self.level, self.epsilon, surgery)


class PlainFrameletHyperparameters(FrameletHyperparameters):
    """Of the models whose layers take neither norm nor residual."""

    norm: Literal["none"] = Field("none", description="these models have none")
    residual: Literal[False] = Field(False, description="these models have none")


class FrameletModel(Model):
    """A model that reads framelet operators. They belong to a whole graph (their scale is its largest eigenvalue)."""

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = FrameletHyperparameters
    reads_whole_graph: ClassVar[bool] = True
    settings: FrameletSettings

    def _claim(self, in_features: int, out_features: int, hyper: ModelHyperparameters, level: Level) -> None:
        """The constructor of a model that is no plain stack of layers."""
        nn.Module.__init__(self)
        check_level(level)
        self.in_features, self.out_features, self.level, self.head = in_features, out_features, level, None
        self.hyper: Any = hyper
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        self.settings = settings_of(hyper)

    def system(self, graph: Graph) -> FrameletSystem:
        return framelet_system(graph, self.settings, feature_dtype(graph))


def settings_of(hyper: ModelHyperparameters) -> FrameletSettings:
    assert isinstance(hyper, FrameletHyperparameters)
    return hyper.settings()


def check_level(level: Level) -> None:
    if level != "node":
        raise UserError("framelet models predict the nodes of one graph; no graph classification, no pairs")


def feature_dtype(graph: Graph) -> torch.dtype:
    features = graph.features
    return features.values.dtype if isinstance(features, SparseMatrix) else features.dtype
