"""PyG's `BasicGNN` family, `pyg:GCN` to `pyg:EdgeCNN`, as models of the suite.

Edge weights reach GCN; edge attributes reach GAT, GATv2 and PNA once the graph that the model is built for has any. PNA
divides by the mean degrees of its training graph, which it reads from the first graph that it is trained on.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from graph_distillery.bench.models.base import ModelHyperparameters
from graph_distillery.bench.models.zoo.adapter import ModuleModel
from graph_distillery.bench.models.zoo.families import NORMED, PYG, pyg_entry
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.graph import Graph

#: Those whose layers read attributes of arcs.
_ATTRIBUTES = ("GAT", "GATv2", "PNA")
_AGGREGATORS, _SCALERS = ["mean", "min", "max", "std"], ["identity", "amplification", "attenuation"]


class ZooHyperparameters(ModelHyperparameters):
    hidden: int = Field(64, ge=1, description="width of a hidden state, all heads together")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout of hidden states")
    act: Literal["relu", "elu", "leaky_relu", "gelu", "tanh"] = Field("relu", description="activation of hidden states")
    jk: Literal["none", "cat", "max", "last"] = Field("none", description="jumping knowledge over hidden states")


class NormedHyperparameters(ZooHyperparameters):
    """Of those whose papers train with batch norm: GIN, PNA, EdgeCNN."""

    norm: Literal["none", "batch", "layer"] = Field("batch", description="normalisation of hidden states")


class AttentionHyperparameters(ZooHyperparameters):
    heads: int = Field(8, ge=1, description="attention heads; averaged in the output layer")

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden = {self.hidden} is the width of all heads, so a multiple of heads = {self.heads}")
        return self


class ZooModel(ModuleModel):
    """One of PyG's `BasicGNN` family; hidden states are those after the activation, before the dropout."""

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = ZooHyperparameters
    class_name: ClassVar[str]

    @property
    def num_hidden(self) -> int:
        return self.hyper.layers if self.hyper.jk != "none" else self.hyper.layers - 1

    def forward(self, graph: Graph) -> Output:
        """As `ModuleModel`; the states that go into the module's dropout are its hidden states."""
        hidden: list[Tensor] = []
        dropout: Any = self.inner.dropout
        tap = dropout.register_forward_pre_hook(lambda module, given: hidden.append(given[0]))
        try:
            output = super().forward(graph)
        finally:
            tap.remove()
        return Output(output.logits, tuple(hidden), output.pooled)


class PNAModel(ZooModel):
    """Its scalers' mean degrees are buffers, set by the first graph that it is trained on."""

    known_degrees: Tensor

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.register_buffer("known_degrees", torch.zeros((), dtype=torch.bool))

    def forward(self, graph: Graph) -> Output:
        if self.training and not bool(self.known_degrees):
            degrees = graph.in_degrees().float()
            for module in self.inner.modules():
                if hasattr(module, "avg_deg_lin"):
                    module.avg_deg_lin.fill_(degrees.mean())  # type: ignore[operator]
                    module.avg_deg_log.fill_((degrees + 1).log().mean())  # type: ignore[operator]
            self.known_degrees.fill_(True)
        return super().forward(graph)


def _make(own: str, in_features: int, out_features: int, hyper: Any, edge_width: int | None) -> nn.Module:
    from torch_geometric.nn import models

    more: dict[str, Any] = {}
    if own.startswith("GAT"):
        more = {"v2": own == "GATv2", "heads": hyper.heads}
    if own == "PNA":  # one node of degree 1: the mean degrees come with the first graph
        more = {"aggregators": _AGGREGATORS, "scalers": _SCALERS, "deg": torch.tensor([0, 1])}
    if own in _ATTRIBUTES:
        more["edge_dim"] = edge_width
    norm = {"none": None, "batch": "batch_norm", "layer": "layer_norm"}[hyper.norm]
    if norm == "layer_norm":
        more["norm_kwargs"] = {"mode": "node"}
    made: nn.Module = getattr(models, own.removesuffix("v2"))(
        in_features,
        hyper.hidden,
        hyper.layers,
        out_features,
        dropout=hyper.dropout,
        act=hyper.act,
        norm=norm,
        jk=None if hyper.jk == "none" else hyper.jk,
        **more,
    )
    return made


_MADE: dict[str, type[ZooModel]] = {}


def zoo_model(own: str) -> type[ZooModel]:
    """The model of a class of PyG's zoo by its name, `GAT` say."""
    if own not in _MADE:
        base = PNAModel if own == "PNA" else ZooModel
        hyper: type[ModelHyperparameters] = NormedHyperparameters if own in NORMED else ZooHyperparameters
        hyper = AttentionHyperparameters if own.startswith("GAT") else hyper

        def made_by(in_features: int, out_features: int, chosen: Any, edge_width: int | None) -> nn.Module:
            return _make(own, in_features, out_features, chosen, edge_width)

        content = {
            "Hyperparameters": hyper,
            "made_by": staticmethod(made_by),
            "class_name": own,
            "reads_weights": own == "GCN",
            "reads_attributes": own in _ATTRIBUTES,
            "__doc__": f"PyG's {own}.",
            "__module__": __name__,
        }
        _MADE[own] = type(f"PyG{own}", (base,), content)
    return _MADE[own]


def __getattr__(name: str) -> Any:
    """`pyg:GAT`: the class of a name, for the registry."""
    if name.startswith(f"{PYG}:"):
        pyg_entry(name)
        return zoo_model(name.removeprefix(f"{PYG}:"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
