"""The models by name. Listing them loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graph_distillery.methods.registry import Registry


@dataclass(frozen=True)
class ModelInfo:
    """What there is to know of a model before it is loaded; `target` is its `module:Class`.

    settings: those it can be used in; computes: its equations in words, N(i) being the neighbours of node i and A-hat
    the propagation D^-1/2 (A + I) D^-1/2.
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
    computes: str = ""

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
            target="graph_distillery.bench.models.mlp:MLP",
            computes="ReLU(W x_i + b) a layer, of each node alone",
        ),
        ModelInfo(
            name="gcn",
            title="Graph convolutional network",
            paper="Semi-Supervised Classification with Graph Convolutional Networks",
            venue="ICLR",
            year=2017,
            url="https://arxiv.org/abs/1609.02907",
            kind="gnn",
            target="graph_distillery.bench.models.gcn:GCN",
            computes="ReLU(A-hat X W + b) a layer, A-hat = D^-1/2 (A + I) D^-1/2",
        ),
        ModelInfo(
            name="sage",
            title="GraphSAGE",
            paper="Inductive Representation Learning on Large Graphs",
            venue="NeurIPS",
            year=2017,
            url="https://arxiv.org/abs/1706.02216",
            kind="gnn",
            target="graph_distillery.bench.models.sage:SAGE",
            computes=(
                "ReLU(W mean of x_i and x_j over j in N(i) + b) a layer; aggregator mean: a weight each for "
                "x_i and the mean over N(i)"
            ),
        ),
        ModelInfo(
            name="gat",
            title="Graph attention network",
            paper="Graph Attention Networks",
            venue="ICLR",
            year=2018,
            url="https://arxiv.org/abs/1710.10903",
            kind="gnn",
            target="graph_distillery.bench.models.gat:GAT",
            computes=(
                "sum over j in N(i) and i of a_ij W x_j, a_ij = softmax over j of LeakyReLU(u . W x_i + v . "
                "W x_j), for each head; heads side by side, in the output layer averaged; ELU between layers"
            ),
        ),
        ModelInfo(
            name="gin",
            title="Graph isomorphism network",
            paper="How Powerful are Graph Neural Networks?",
            venue="ICLR",
            year=2019,
            url="https://arxiv.org/abs/1810.00826",
            kind="gnn",
            target="graph_distillery.bench.models.gin:GIN",
            computes="MLP((1 + eps) x_i + sum over j in N(i) of x_j) a layer, the MLP of two linear maps; sum readout",
        ),
        ModelInfo(
            name="appnp",
            title="Approximate personalised propagation of neural predictions",
            paper="Predict then Propagate: Graph Neural Networks meet Personalized PageRank",
            venue="ICLR",
            year=2019,
            url="https://arxiv.org/abs/1810.05997",
            kind="gnn",
            target="graph_distillery.bench.models.appnp:APPNP",
            computes="H = MLP(X), then Z <- (1 - alpha) A-hat Z + alpha H k times, from Z = H",
        ),
        ModelInfo(
            name="dgcnn",
            title="Dynamic graph CNN",
            paper="Dynamic Graph CNN for Learning on Point Clouds",
            venue="ACM TOG",
            year=2019,
            url="https://arxiv.org/abs/1801.07829",
            kind="gnn",
            target="graph_distillery.bench.models.dgcnn:DGCNN",
            computes=(
                "max over the k nearest j of norm(U x_i + W (x_j - x_i)) a layer, then LeakyReLU; neighbours "
                "are found anew among the states of every layer, the edges of the data are not read"
            ),
        ),
        *_framelets(),
    ]


def _framelets() -> list[ModelInfo]:
    paper, url = "Frameless Graph Knowledge Distillation", "https://arxiv.org/abs/2307.06631"
    one_graph = ("transductive",)  # weights for each node of the training graph
    knows = "K_r^(l) = (W_r^T A_r W_r)^l for each framelet band r; row i of K T + b encodes node i"
    gate = "gates a_r = sigmoid(v . [P_r, U]), one number a node"
    rows = [
        (
            "spat-ufg",
            "Spatial framelet convolutions",
            "ufg:SpatUFG",
            (*one_graph, "inductive"),
            "sum over framelet bands r of W_r ReLU(A_r W_r H T_r) + b a layer; W_r the low-pass and high-pass "
            "operators of the Laplacian, A_r = A-hat, less (low-pass) or plus epsilon / degree on its diagonal",
        ),
        (
            "sufg",
            "Simplified framelet convolution",
            "ufg:SUFG",
            (*one_graph, "inductive"),
            "sum over framelet bands r of (W_r^T A_r W_r)^l X T_r + b, l being `layers`",
        ),
        (
            "fmlp-o",
            "Framelet MLP, layer by layer",
            "fmlp:FMLPO",
            one_graph,
            f"{knows}. From U = ReLU(X T + b), layer l: sum over r of a_r P_r + (1 - a_r) U with P_r = ReLU of the "
            f"encoding of K_r^(l), {gate}, and U the ReLU of a linear map of that; output: sum over r of "
            "(1 - a_r) C_r(P_r) + a_r C_X(U) with P_r from the last power",
        ),
        (
            "fmlp-s",
            "Framelet MLP, simplified",
            "fmlp:FMLPS",
            one_graph,
            f"{knows}. P_r the encoding of the last power alone, U = X T + b, neither with an activation; sum over "
            f"r of (1 - a_r) C_r(P_r) + a_r C_X(U), {gate}",
        ),
    ]
    return [
        ModelInfo(name, title, paper, "IEEE TNNLS", 2025, url, "gnn",
                  f"graph_distillery.bench.models.framelets.{target}", settings=settings, computes=computes)
        for name, title, target, settings, computes in rows
    ]  # fmt: skip


#: Third-party packages add models through this entry-point group.
MODELS: Registry[ModelInfo] = Registry("model", _builtin, group="graph_distillery.models")
