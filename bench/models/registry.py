"""The models by name. Listing them loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from methods.registry import Registry


@dataclass(frozen=True)
class ModelInfo:
    """What there is to know of a model before it is loaded; `target` is its `module:Class`.

    settings: those it can be used in.
    """

    name: str
    title: str
    paper: str
    venue: str
    year: int
    url: str
    kind: Literal["mlp", "gnn"]
    target: str
    settings: tuple[str, ...] = ("transductive", "inductive", "graph-level")

    def why_not_setting(self, setting: str) -> str | None:
        """Why it cannot be used in a setting, in words; None where it can."""
        if setting in self.settings:
            return None
        return f"model {self.name} fits the setting {' or '.join(self.settings)}, not {setting}"


def _builtin() -> list[ModelInfo]:
    return [
        ModelInfo(
            name="mlp",
            title="Multi-layer perceptron",
            paper="Graph-less Neural Networks: Teaching Old MLPs New Tricks via Distillation (its student)",
            venue="ICLR",
            year=2022,
            url="https://arxiv.org/abs/2110.08727",
            kind="mlp",
            target="bench.models.mlp:MLP",
        ),
        ModelInfo(
            name="gcn",
            title="Graph convolutional network",
            paper="Semi-Supervised Classification with Graph Convolutional Networks",
            venue="ICLR",
            year=2017,
            url="https://arxiv.org/abs/1609.02907",
            kind="gnn",
            target="bench.models.gcn:GCN",
        ),
        ModelInfo(
            name="sage",
            title="GraphSAGE",
            paper="Inductive Representation Learning on Large Graphs",
            venue="NeurIPS",
            year=2017,
            url="https://arxiv.org/abs/1706.02216",
            kind="gnn",
            target="bench.models.sage:SAGE",
        ),
        ModelInfo(
            name="gat",
            title="Graph attention network",
            paper="Graph Attention Networks",
            venue="ICLR",
            year=2018,
            url="https://arxiv.org/abs/1710.10903",
            kind="gnn",
            target="bench.models.gat:GAT",
        ),
        ModelInfo(
            name="gin",
            title="Graph isomorphism network",
            paper="How Powerful are Graph Neural Networks?",
            venue="ICLR",
            year=2019,
            url="https://arxiv.org/abs/1810.00826",
            kind="gnn",
            target="bench.models.gin:GIN",
        ),
        ModelInfo(
            name="appnp",
            title="Approximate personalised propagation of neural predictions",
            paper="Predict then Propagate: Graph Neural Networks meet Personalized PageRank",
            venue="ICLR",
            year=2019,
            url="https://arxiv.org/abs/1810.05997",
            kind="gnn",
            target="bench.models.appnp:APPNP",
        ),
        ModelInfo(
            name="dgcnn",
            title="Dynamic graph CNN",
            paper="Dynamic Graph CNN for Learning on Point Clouds",
            venue="ACM TOG",
            year=2019,
            url="https://arxiv.org/abs/1801.07829",
            kind="gnn",
            target="bench.models.dgcnn:DGCNN",
        ),
        *_framelets(),
    ]


def _framelets() -> list[ModelInfo]:
    paper, url = "Frameless Graph Knowledge Distillation", "https://arxiv.org/abs/2307.06631"
    one_graph = ("transductive",)  # weights for each node of the training graph
    rows = [
        ("spat-ufg", "Spatial framelet convolutions", "ufg:SpatUFG", (*one_graph, "inductive")),
        ("sufg", "Simplified framelet convolution", "ufg:SUFG", (*one_graph, "inductive")),
        ("fmlp-o", "Framelet MLP, layer by layer", "fmlp:FMLPO", one_graph),
        ("fmlp-s", "Framelet MLP, simplified", "fmlp:FMLPS", one_graph),
    ]
    return [
        ModelInfo(name, title, paper, "IEEE TNNLS", 2025, url, "gnn", f"bench.models.framelets.{target}",
                  settings=settings)
        for name, title, target, settings in rows
    ]  # fmt: skip


#: Third-party packages add models through this entry-point group.
MODELS: Registry[ModelInfo] = Registry("model", _builtin, group="graph_distillery.models")
