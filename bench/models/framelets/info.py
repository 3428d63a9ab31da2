"""What there is to know of the framelet models before they are loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

_PAPER, _URL = "Frameless Graph Knowledge Distillation", "https://arxiv.org/abs/2307.06631"
_ONE_GRAPH = ("transductive",)  # weights for each node of the training graph
_KNOWS = "K_r^(l) = (W_r^T A_r W_r)^l for each framelet band r; row i of K T + b encodes node i"
_GATE = "gates a_r = sigmoid(v . [P_r, U]), one number a node"
_ROWS = [
    (
        "spat-ufg",
        "Spatial framelet convolutions",
        "ufg:SpatUFG",
        (*_ONE_GRAPH, "inductive"),
        "sum over framelet bands r of W_r ReLU(A_r W_r H T_r) + b a layer; W_r the low-pass and high-pass "
        "operators of the Laplacian, A_r = A-hat, less (low-pass) or plus epsilon / degree on its diagonal; "
        "`centred` (ours) takes the mean over the nodes from what the ReLU reads: on dense features many starts "
        "hardly train without it",
    ),
    (
        "sufg",
        "Simplified framelet convolution",
        "ufg:SUFG",
        (*_ONE_GRAPH, "inductive"),
        "sum over framelet bands r of (W_r^T A_r W_r)^l X T_r + b, l being `layers`",
    ),
    (
        "fmlp-o",
        "Framelet MLP, layer by layer",
        "fmlp:FMLPO",
        _ONE_GRAPH,
        f"{_KNOWS}. From U = ReLU(X T + b), layer l: sum over r of a_r P_r + (1 - a_r) U with P_r = ReLU of the "
        f"encoding of K_r^(l), {_GATE}, and U the ReLU of a linear map of that; output: sum over r of "
        "(1 - a_r) C_r(P_r) + a_r C_X(U) with P_r from the last power",
    ),
    (
        "fmlp-s",
        "Framelet MLP, simplified",
        "fmlp:FMLPS",
        _ONE_GRAPH,
        f"{_KNOWS}. P_r the encoding of the last power alone, U = X T + b, neither with an activation; sum over "
        f"r of (1 - a_r) C_r(P_r) + a_r C_X(U), {_GATE}",
    ),
]
INFO = tuple(
    ModelInfo(name, title, _PAPER, "IEEE TNNLS", 2025, _URL, "gnn",
              f".{target}", settings=settings, computes=computes, graphs="untyped")
    for name, title, target, settings, computes in _ROWS
)  # fmt: skip
