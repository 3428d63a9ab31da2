"""What there is to know of the models of typed graphs before they are loaded."""

from __future__ import annotations

from typing import Literal

from graph_distillery.bench.models.info import ModelInfo


def _model(
    name: str, title: str, paper: str, venue: str, year: int, url: str, target: str, computes: str,
    kind: Literal["mlp", "gnn"] = "gnn",
) -> ModelInfo:  # fmt: skip
    return ModelInfo(
        name, title, paper, venue, year, url, kind, target, ("transductive",),
        f"a linear map of features and a bias for each node type; {computes}", "typed",
    )  # fmt: skip


INFO = (
    _model(
        "het-mlp", "Multi-layer perceptron for each node type", "", "", 0, "", ".het_mlp:HetMLP",
        "then layers ReLU(x W_t + b_t) with weights for each type t; no edge is read", "mlp",
    ),
    _model(
        "rgcn", "Relational graph convolutional network",
        "Modeling Relational Data with Graph Convolutional Networks", "ESWC", 2018,
        "https://arxiv.org/abs/1703.06103", ".rgcn:RGCN",
        "then x_i W_0 + b plus the sum over edge types r of the mean of x_j W_r over the in-neighbours by r",
    ),
)  # fmt: skip
