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
    _model(
        "han", "Heterogeneous graph attention network",
        "Heterogeneous Graph Attention Network", "WWW", 2019,
        "https://arxiv.org/abs/1903.07293", ".han:HAN",
        "then GAT's attention over the neighbours by each meta-path, weighted by a softmax over meta-paths of the mean "
        "of q tanh(z_i W + b); a linear output",
    ),
    _model(
        "hgt", "Heterogeneous graph transformer",
        "Heterogeneous Graph Transformer", "WWW", 2020,
        "https://arxiv.org/abs/2003.01332", ".hgt:HGT",
        "then s_t A_t(GELU(h_i)) + (1 - s_t) x_i, h_i gathering x_j V_t W_r by the softmax over all arcs into i of "
        "(x_i Q_t)(x_j K_t W'_r) m_r / sqrt(d); a linear output",
    ),
    _model(
        "simple-hgn", "Simple heterogeneous graph network",
        "Are we really making much progress? Revisiting, benchmarking, and refining heterogeneous graph neural "
        "networks", "KDD", 2021,
        "https://arxiv.org/abs/2112.14936", ".simple_hgn:SimpleHGN",
        "then GAT's attention with a score for the type of the arc and a share of the layer before's coefficients, "
        "x_i S beside; outputs of length 1",
    ),
)  # fmt: skip
